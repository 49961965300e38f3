# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first process of a bed's namespaces: while it lives they do, and with it everything in them ends.

Usage: holder.py DISK        a directory on which it mounts the bed's own file system
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys


def main(disk: str) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=75%,mode=755,nr_inodes=0", "bed", disk], check=True)
    subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=True)
    with open("/proc/sys/net/ipv4/ip_forward", "w") as forward:
        forward.write("1")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        try:
            os.wait()
        except ChildProcessError:
            signal.sigwait({signal.SIGCHLD})


main(sys.argv[1])
