# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits of the kernel that are too low for many hosts: raised while a bed is up, put back with the last one."""

from __future__ import annotations

import contextlib
import json
import pathlib
import typing as t

from .system import alone

__all__ = ["lower", "raise_for"]

# All hosts share them: each systemd watches files, and each login has a keyring.
NEEDED = {"fs/inotify/max_user_instances": 8192, "fs/inotify/max_user_watches": 524288, "kernel/keys/maxkeys": 2000}
_PROC = pathlib.Path("/proc/sys")


class _Record(t.TypedDict):
    before: dict[str, int]
    beds: list[str]


def raise_for(bed: str) -> None:
    with _record() as record:
        for name, needed in NEEDED.items():
            found = int((_PROC / name).read_text())
            if found < needed:
                (_PROC / name).write_text(str(needed))
                record["before"].setdefault(name, found)
        record["beds"] = sorted({*record["beds"], bed})


def lower(bed: str) -> None:
    with _record() as record:
        record["beds"] = [other for other in record["beds"] if other != bed]
        while record["before"] and not record["beds"]:
            name, value = record["before"].popitem()
            (_PROC / name).write_text(str(value))


@contextlib.contextmanager
def _record() -> t.Iterator[_Record]:
    """What was raised, and the beds that need it; removed when there is nothing left to say."""
    with alone() as state:
        path = state / ".kernel"
        known = path.read_text() if path.exists() else ""
        record: _Record = json.loads(known or '{"before": {}, "beds": []}')
        yield record
        if record["before"] or record["beds"]:
            path.write_text(json.dumps(record))
        else:
            path.unlink(missing_ok=True)
