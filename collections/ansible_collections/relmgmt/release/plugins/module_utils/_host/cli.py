# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``relmgmt-host``: the command that people on the host type (private).

It needs Python and the files below the root, and carries verbs out by the same code as a controller's request. Here are
its arguments, its errors and what it prints; what each command does is in ``cli_commands``.
"""

from __future__ import annotations

import json
import os
import pathlib
import sys
import typing as t

from .._model.errors import BackendError, InputError, RelmgmtError
from .instance import Instance, Tools
from .locate import DEFAULT_ROOT, instance_at, locate
from .main import real_tools
from .terminal import say, show

if t.TYPE_CHECKING:
    import argparse

__all__ = ["INTERNAL", "command"]

_REFUSED, _NOT_UNDERSTOOD, _INTERRUPTED = 1, 2, 130
_ABOUT = """What relmgmt put on this host: where it stands, whether it is whole, and the way back.
It needs no controller and no network. Only 'confirm', 'revert' and 'thaw' change anything."""
_EPILOG = """examples:
  relmgmt-host status                      where does everything below the root stand?
  relmgmt-host status web/shop             one of them: what runs, until when, what to do
  relmgmt-host revert web/shop             the release is bad: back to what ran before it
  relmgmt-host revert web/shop --to 1.4.2  back to that version
  relmgmt-host confirm web/shop            the release is good: it stays
  relmgmt-host verify web/shop             is every byte, and what runs, as it should be?
  relmgmt-host log web/shop                what happened here?

INSTANCE is team/app, team/app/instance, or a directory. Without it: the instance in whose bin/ this command lies,
else the only one below the root ('status': all of them).

exit codes:
   0  confirmed; the command did what it says           12  unknown: interrupted, or the journal cannot be read
   1  refused, or it failed                             13  drifted: something is not as it was put there
   2  the command line was not understood               14  failed: what is current is not healthy
  10  provisional: goes back unless it is confirmed     15  absent: no deployment is current
  11  reverted: it was taken back                       16  staged: it is there and was never activated
  17  adopted: what was here before relmgmt runs       18  replaced: another package has taken its place
"""


def _guard(instance: Instance, tools: Tools) -> None:
    from .guard import Guard

    Guard(instance, tools).watch()


def _boot(instance: Instance, tools: Tools) -> None:
    from .guard import boot

    boot(instance, tools)


# What the engine's own processes are called with, and a directory; not for people.
INTERNAL: dict[str, t.Callable[[Instance, Tools], None]] = {"guard": _guard, "boot": _boot}


def command(argv: t.Sequence[str], *, tools: Tools | None = None) -> int:
    """Do what the command line says; the exit code."""
    os.umask(0o022)
    engine = _engine(argv[0])
    tools = real_tools(engine) if tools is None else tools
    if len(argv) == 3 and argv[1] in INTERNAL:
        INTERNAL[argv[1]](instance_at(pathlib.Path(argv[2])), tools)
        return 0
    parser = _parser()
    if len(argv) == 1:
        parser.print_help(sys.stderr)
        return _NOT_UNDERSTOOD
    try:
        arguments = parser.parse_args(list(argv[1:]))
    except SystemExit as exc:
        return int(exc.code or 0)
    as_json = getattr(arguments, "json", False)
    try:
        answer, text, code = _run(arguments, argv[0], engine, tools)
    except KeyboardInterrupt:
        say("\nrelmgmt-host: interrupted; nothing was done")
        return _INTERRUPTED
    except Exception as exc:  # people get a sentence, not a traceback
        error = _error(exc)
        answer, text, code = {"error": error.to_dict()}, "", _REFUSED
        if not as_json:
            say(f"relmgmt-host: {error}")
            return code
    show(json.dumps(dict(answer, exit=code), sort_keys=True, indent=2) if as_json else text)
    return code


def _run(arguments: argparse.Namespace, typed: str, engine: bytes, tools: Tools) -> tuple[dict[str, t.Any], str, int]:
    from .cli_commands import COMMANDS, Asked

    place = locate(pathlib.Path(typed), getattr(arguments, "root", ""))
    return COMMANDS[arguments.command](Asked(arguments, place, tools, engine, typed))


def _engine(typed: str) -> bytes:
    try:
        return pathlib.Path(typed).read_bytes()
    except OSError:
        return b""


def _error(exc: Exception) -> RelmgmtError:
    if isinstance(exc, RelmgmtError):
        return exc
    if isinstance(exc, PermissionError):
        who = f"{exc.filename or 'the host'} may not be used by user {os.geteuid()}"
        return InputError("user-wrong", who, hint="Put 'sudo' before the command.")
    if isinstance(exc, OSError):
        return BackendError("host-system-error", "{}: {}".format(exc.filename or "the host", exc.strerror or exc))
    import traceback

    place = traceback.extract_tb(exc.__traceback__)[-1]
    where = f"{type(exc).__name__} in {place.filename.rpartition('/')[2]}, line {place.lineno}"
    return BackendError("engine-crashed", where, hint="Please report it. 'log --json' shows the journal as it is.")


def _parser() -> argparse.ArgumentParser:
    import argparse

    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--json", action="store_true", help="answer in JSON, for programs")
    common.add_argument(
        "--root", metavar="DIR", help=f"where packages lie, if not where this command is ({DEFAULT_ROOT})"
    )
    parser = argparse.ArgumentParser(
        prog="relmgmt-host",
        description=_ABOUT,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[common],
    )
    found = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(name: str, title: str, about: str) -> argparse.ArgumentParser:
        one = found.add_parser(
            name, help=title, description=about, parents=[common], formatter_class=argparse.RawDescriptionHelpFormatter
        )
        one.add_argument("target", nargs="?", default="", metavar="INSTANCE", help="team/app[/instance] or a directory")
        return one

    one = add("status", "where it stands, until when, and what to do", _STATUS)
    one.add_argument("--deployment", type=int, metavar="N", help="what became of that deployment instead")
    add("verify", "whether every byte, and what runs, is as it was put there", _VERIFY)
    one = add("confirm", "make a provisional deployment final", _CONFIRM)
    one.add_argument("--deployment", type=int, metavar="N", help="only that one; without it: what was activated last")
    one.add_argument("--reason", default="", metavar="TEXT", help="goes into the journal, beside your name")
    one = add("revert", "go back, now", _REVERT)
    where = "a version, the number of a deployment, 'absent' or 'adopted'"
    one.add_argument("--to", default="", metavar="VERSION|N", help=where)
    one.add_argument("--yes", action="store_true", help="do not ask")
    one.add_argument("--reason", default="", metavar="TEXT", help="goes into the journal, beside your name")
    one = add("thaw", "let ways lead behind a point of no return again", _THAW)
    one.add_argument("--reason", required=True, metavar="TEXT", help="goes into the journal, beside your name")
    one = add("log", "what happened, newest last", _LOG)
    one.add_argument("--lines", type=int, default=50, metavar="N", help="only the last N (default 50; 0: all)")
    return parser


_STATUS = """Show where an instance stands, what it does by itself and when, and what to do about it.
Without INSTANCE, all below the root. The exit code says the state; of several, that which needs somebody most."""
_VERIFY = """Hash everything again that the current deployment and the one before it consist of, and look whether
'current' is what the journal says, the service runs, the probes are green and traffic is as it should be.
Files that differ are named. Exit code 13 if anything differs."""
_CONFIRM = """Make a provisional deployment final: the host does not go back by itself any more, and is in traffic.
Probes are asked once more; if one is red it goes back instead. Exit code 0 only if it is confirmed in the end,
11 if it went back, before or now."""
_REVERT = """Go back to what ran before, or to a version that was confirmed here before. The service is stopped and
started, and the host is in traffic again when it is healthy. Needs no controller and no network. Done twice it goes
back once. On a terminal it asks first. Exit code 0 if it stands where it was to go back to and is healthy."""
_THAW = """After a point of no return a host goes back by nobody's hand: what ran before does not know the database as
it is. Thaw it only when the database was restored to what it was before; then revert. What is provisional, and was not
confirmed in time, goes back by itself then."""
_LOG = """Show the journal: what was meant, and what came of it. Times are UTC."""
