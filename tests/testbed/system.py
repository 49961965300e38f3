# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The few ways in which the bed touches the machine that it stands on: commands, /proc, control groups, waiting."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import subprocess
import time
import typing as t

from .errors import BedError

__all__ = ["STATE", "alone", "children", "command", "find_init", "groups", "inside", "wait_for"]

STATE = pathlib.Path("/run/relmgmt-bed")
_PATIENCE = 60.0
_PAUSE = 0.02


def command(*words: str | pathlib.Path, check: bool = True, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command to its end.

    Raises:
        BedError: it is not here (``tool-missing``), or ended badly while ``check`` is set (``command-failed``).
    """
    argv = [str(word) for word in words]
    try:
        done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise BedError("tool-missing", f"{argv[0]} is not on this machine.", hint="Install it.") from None
    if check and done.returncode:
        said = (done.stderr or done.stdout).strip()[-2000:]
        raise BedError("command-failed", f"{' '.join(argv[:12])} ended with exit code {done.returncode}: {said}")
    return done


@contextlib.contextmanager
def alone() -> t.Iterator[pathlib.Path]:
    """Hold the directory of all beds, so that one at a time changes what they share; it goes when it is left empty."""
    while True:
        STATE.mkdir(mode=0o755, exist_ok=True)
        held = os.open(STATE, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(held, fcntl.LOCK_EX)
            if not _is(STATE, held):
                continue  # Whoever held it last left it empty.
            try:
                yield STATE
            finally:
                with contextlib.suppress(OSError):
                    STATE.rmdir()
            return
        finally:
            os.close(held)


def _is(path: pathlib.Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def inside(holder: int, *words: str | pathlib.Path, text: str = "") -> str:
    """Run a command in the bed's namespaces, outside of any host."""
    return command("nsenter", f"--target={holder}", "--mount", "--pid", "--net", "--", *words, text=text).stdout


def wait_for(what: str, condition: t.Callable[[], t.Any], *, seconds: float = _PATIENCE, look: float = _PAUSE) -> None:
    """Return when the condition holds. look: seconds between two looks at it.

    Raises:
        BedError: it does not within that time (``timeout``).
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise BedError("timeout", f"{what} did not happen within {seconds:g} s.")
        time.sleep(look)


def groups(bed: str) -> pathlib.Path:
    """The control group of a bed; each host has one below it.

    Raises:
        BedError: the machine has no cgroup2 hierarchy (``cgroup-missing``).
    """
    for root in (pathlib.Path("/sys/fs/cgroup/unified"), pathlib.Path("/sys/fs/cgroup")):
        if (root / "cgroup.controllers").exists():
            return root / "relmgmt-bed" / bed
    raise BedError(
        "cgroup-missing",
        "There is no cgroup2 hierarchy under /sys/fs/cgroup.",
        hint="Mount one: mount -t cgroup2 none /sys/fs/cgroup/unified",
    )


def children(pid: int) -> list[int]:
    """The processes that it started, from whichever of its threads."""
    try:
        tasks = list(pathlib.Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []


def find_init(group: pathlib.Path) -> int | None:
    """The process of the group, or of one below it, that is 1 in a namespace of its own inside the bed's."""
    for listing in (group / "init.scope/cgroup.procs", group / "cgroup.procs"):
        try:
            pids = listing.read_text().split()
        except OSError:
            continue
        for pid in pids:
            if _is_init(pid):
                return int(pid)
    return None


def _is_init(pid: str) -> bool:
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    numbers = fields.get("NSpid", "").split()
    return len(numbers) > 2 and numbers[-1] == "1" and fields["State"][0] not in "ZX"
