# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probe ``file``: whether a file is there, or not, and is as it should be (private).

Of its contents, the first 4 MiB are looked at for the pattern, and all of up to 64 MiB for the digest.
"""

from __future__ import annotations

import os
import stat
import time
import typing as t

from .._model.digest import check_digest, digest_stream
from .._model.errors import InputError, IntegrityError
from .._model.probe import Probe
from .asking import NotAsked
from .lines import MAX_READ, found, opened
from .process import Runner

__all__ = ["MAX_DIGESTED", "ask", "check"]

MAX_DIGESTED = 64 << 20


def check(probe: Probe) -> None:
    asks = probe.digest or probe.pattern or max(probe.min_size, probe.max_size, probe.max_age) >= 0
    if not probe.path or (asks and not probe.exists):
        raise InputError(
            "probe-malformed",
            f"probe {probe.name}: a file probe needs a path, and asks nothing more of a file that is not to exist",
        )
    try:
        check_digest(probe.digest or "sha256:" + 64 * "0")
    except IntegrityError as exc:
        raise InputError("probe-malformed", f"probe {probe.name}: {exc.message}") from None


def ask(probe: Probe, *, runner: Runner, clock: t.Callable[[], float]) -> tuple[bool, str]:
    try:
        status = os.stat(probe.path)
    except (FileNotFoundError, NotADirectoryError):
        return not probe.exists, f"{probe.path} does not exist"
    except OSError as exc:
        raise NotAsked(f"{probe.path}: {exc.strerror}") from None
    if not probe.exists:
        return False, f"{probe.path} exists"
    problem = _of_status(probe, status) or _of_contents(probe)
    return not problem, f"{probe.path} {problem or 'is as it should be'}"


def _of_status(probe: Probe, status: os.stat_result) -> str:
    sized = stat.S_ISREG(status.st_mode)
    if (probe.min_size >= 0 or probe.max_size >= 0) and not sized:
        return "is no plain file, so it has no size"
    if status.st_size < probe.min_size:
        return f"has {status.st_size} bytes, wanted at least {probe.min_size}"
    if 0 <= probe.max_size < status.st_size:
        return f"has {status.st_size} bytes, wanted at most {probe.max_size}"
    age = max(0.0, time.time() - status.st_mtime)  # what is written to a file has the wall clock's time
    if 0 <= probe.max_age < age:
        return f"was changed {age:.0f} s ago, wanted at most {probe.max_age:g} s"
    return ""


def _of_contents(probe: Probe) -> str:
    if not probe.digest and not probe.pattern:
        return ""
    file = opened(probe.path)
    if file is None:
        return "does not exist any more"
    with os.fdopen(file[0], "rb") as stream:
        if probe.pattern and not found(probe.pattern, stream.read(MAX_READ)):
            return f"does not hold {probe.pattern!r} in its first {MAX_READ >> 20} MiB"
        stream.seek(0)
        if probe.digest and file[1].st_size > MAX_DIGESTED:
            return f"is larger than the {MAX_DIGESTED >> 20} MiB of which a digest is taken"
        if probe.digest and digest_stream(stream)[0] != probe.digest:
            return "has other contents than its digest names"
    return ""
