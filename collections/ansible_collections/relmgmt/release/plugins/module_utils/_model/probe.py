# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a release declares about one question to its running software (private)."""

from __future__ import annotations

import typing as t

from .errors import InputError
from .field import argv, environment, seconds
from .path import absolute_path
from .record import record

__all__ = ["Mark", "Probe"]

Data = t.Mapping[str, t.Any]


class Mark(t.NamedTuple):
    """How far a log had been written when the service was started: device and number of its inode, bytes."""

    device: int
    inode: int
    size: int


@record(frozen=True)
class Probe:
    """One question to the running software. level: ``required`` decides, ``wanted`` only warns. timeout in seconds.

    What each kind asks:

    http     url, status (accepted codes), method, headers, contains
    tcp      host, port
    command  command, environment, run as ``user`` if given; exit code 0 is healthy
    log      pattern in a line of ``path``, or of what ``unit`` says to the journal, since the start; never: in none
    systemd  unit in ``state`` and ``substate`` (empty: in any), at most ``restarts`` restarts (negative: any number)
    file     path exists (or not), of min_size to max_size bytes, changed within max_age seconds, with this digest, with
             the pattern in a line; a negative number asks nothing

    own: whether it asks the package itself. mark: of the log ``path``, where the engine took one.
    """

    name: str
    kind: str
    level: str = "required"
    timeout: float = 5.0
    url: str = ""
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    status: tuple[int, ...] = (200,)
    contains: str = ""
    host: str = "127.0.0.1"
    port: int = 0
    command: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    user: str = ""
    own: bool = True
    path: str = ""
    unit: str = ""
    pattern: str = ""
    never: bool = False
    state: str = "active"
    substate: str = ""
    restarts: int = -1
    exists: bool = True
    min_size: int = -1
    max_size: int = -1
    max_age: float = -1.0
    digest: str = ""
    mark: Mark | None = None

    @classmethod
    def from_dict(cls, data: Data) -> Probe:
        name = str(data.get("name") or data["kind"])
        what = "probe " + name
        level = str(data.get("level", "required"))
        if level not in ("required", "wanted"):
            raise InputError("probe-level-unknown", f"{what}: level {level!r} is none of required, wanted")
        numbers = _numbers(data, ("port", "restarts", "min_size", "max_size"), what=what)
        texts = ("url", "method", "contains", "host", "user", "unit", "pattern", "state", "substate", "digest")
        return cls(
            name=name,
            kind=str(data["kind"]),
            level=level,
            timeout=seconds(data, "timeout", 5.0, what=what),
            headers=tuple(sorted((str(k), str(v)) for k, v in (data.get("headers") or {}).items())),
            status=_statuses(data, what=what),
            command=argv(data["command"], what=what) if data.get("command") else (),
            environment=environment(data),
            path=absolute_path(str(data["path"]), what=what) if data.get("path") else "",
            own=bool(data.get("own", True)),
            never=bool(data.get("never", False)),
            exists=bool(data.get("exists", True)),
            max_age=seconds(data, "max_age", 0.0, what=what) if "max_age" in data else -1.0,
            **{key: str(data[key]) for key in texts if key in data},  # type: ignore[arg-type]  # all of them are text
            **numbers,  # type: ignore[arg-type]  # all of them are whole numbers
        )


def _statuses(data: Data, *, what: str) -> tuple[int, ...]:
    return tuple(_whole(code, what=what) for code in data.get("status", (200,)))


def _numbers(data: Data, keys: t.Sequence[str], *, what: str) -> dict[str, int]:
    return {key: _whole(data[key], what=what) for key in keys if key in data}


def _whole(value: t.Any, *, what: str) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise InputError(
            "probe-malformed", f"{what}: port, status, restarts, min_size and max_size are whole numbers"
        ) from None
