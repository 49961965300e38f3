# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bed's command line. ``python -m tests.testbed --help``"""

from __future__ import annotations

import argparse
import sys
import time
import typing as t

from .bed import Bed, check_machine, check_root, take_down
from .errors import BedError
from .host import Host
from .image import image
from .janitor import beds

# What is done to a host: name, what it does, and how its value is read.
FAULTS: dict[str, tuple[str, t.Callable[[Host, t.Any], object], t.Callable[[str], t.Any] | None]] = {
    "clock": (
        "see a wall clock that is off, as +30d; +0 is right again",
        lambda h, v: h.clock(None if v == "+0" else v),
        str,
    ),
    "cut": ("pull the network cable", lambda h, _: h.cut(), None),
    "drop": ("let every packet vanish", lambda h, _: h.drop(), None),
    "fill": ("fill the disk under /srv, but for so many bytes", lambda h, v: h.fill(v), int),
    "free": ("end fill", lambda h, _: h.free(), None),
    "freeze": ("stop every process where it is", lambda h, _: h.freeze(), None),
    "heal": ("end cut, drop, loss and slow", lambda h, _: h.heal(), None),
    "loss": ("lose so many percent of the packets", lambda h, v: h.loss(v), float),
    "power-off": ("lose power", lambda h, _: h.power_off(), None),
    "power-on": ("boot from the disk as it was left", lambda h, _: h.power_on(), None),
    "reboot": ("reboot cleanly", lambda h, _: h.reboot(), None),
    "slow": ("let so many kilobits a second through", lambda h, v: h.slow(v), int),
    "thaw": ("end freeze", lambda h, _: h.thaw(), None),
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.testbed", description="Real Debian hosts on one machine.")
    parser.add_argument("--name", default="bed", help="the bed's name (%(default)s)")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("check", help="say what this machine lacks for a bed")
    verbs.add_parser("image", help="make the root file system of the hosts, if it is not there")
    up = verbs.add_parser("up", help="make a bed")
    up.add_argument("count", type=int, metavar="N", help="how many hosts")
    up.add_argument("--disk", default="1G", help="size of each host's /srv (%(default)s)")
    up.add_argument("--network", help="first half of its addresses, as 10.77; else the first that is free")
    verbs.add_parser("down", help="end the bed")
    verbs.add_parser("ls", help="show its hosts")
    shell = verbs.add_parser("shell", help="run a command in a host, as root, without ssh")
    shell.add_argument("host")
    shell.add_argument("command", nargs=argparse.REMAINDER)
    for name, (what, _act, read) in FAULTS.items():
        fault = verbs.add_parser(name, help=what)
        fault.add_argument("host")
        if read is not None:
            fault.add_argument("value", type=read)
    return parser.parse_args()


def _up(arguments: argparse.Namespace) -> None:
    begin = time.monotonic()
    bed = Bed.up(arguments.count, name=arguments.name, disk=arguments.disk, network=arguments.network)
    bed.keep()
    print(f"{len(bed.hosts)} hosts up in {time.monotonic() - begin:.1f} s: {bed.directory}/inventory.yml")


def _act(arguments: argparse.Namespace) -> int:
    if arguments.verb == "check":
        check_machine(1)
    elif arguments.verb == "image":
        print(image())
    elif arguments.verb == "up":
        _up(arguments)
    elif arguments.verb == "down":
        take_down(arguments.name)
    elif arguments.verb == "ls":
        for name in beds():
            for host in Bed.open(name).hosts.values():
                print(f"{name}  {host.name:16} {host.site:12} {host.address:16} {'up' if host.up else 'off'}")
    else:
        hosts = Bed.open(arguments.name).hosts
        if arguments.host not in hosts:
            raise BedError(
                "host-unknown", f"There is no host {arguments.host!r}.", hint=f"There are {', '.join(hosts)}."
            )
        if arguments.verb == "shell":
            done = hosts[arguments.host].run(*(arguments.command or ["true"]), check=False)
            sys.stdout.write(done.stdout)
            sys.stderr.write(done.stderr)
            return done.returncode
        FAULTS[arguments.verb][1](hosts[arguments.host], getattr(arguments, "value", None))
    return 0


def main() -> int:
    try:
        arguments = _arguments()
        check_root()
        return _act(arguments)
    except BedError as exc:
        print(f"{exc} ({exc.code})", file=sys.stderr)
    except KeyboardInterrupt:
        print("Interrupted; nothing is left behind.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
