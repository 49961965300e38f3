# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What runs on a host, as the registry has it and as the host itself says (private)."""

from __future__ import annotations

import collections.abc
import dataclasses
import typing as t

from ...module_utils._model import outcome

__all__ = ["Asked", "Standing", "open_rollout", "standings"]

Data = collections.abc.Mapping[str, t.Any]
_LOST = (outcome.UNREACHABLE, outcome.UNKNOWN, outcome.FAILED)
_ARRIVED = (outcome.PROVISIONAL, outcome.CONFIRMED)
_ABSENT = "absent"


class Asked(t.NamedTuple):
    """What a host said. info: what ``host_info`` returned, of one instance of one package."""

    package: str
    environment: str
    instance: str
    site: str
    info: Data


@dataclasses.dataclass(frozen=True)
class Standing:
    """What one instance of a package is on one host.

    version, since (UTC), by: what runs, and the rollout that brought it; rollout: the last one that had to do with the
    host. state: what the host says that it stands on, or its last outcome. asked: whether the host said so.
    drift: how it is not as the last rollout left it. notes: what else somebody should know.
    """

    host: str
    site: str
    package: str
    environment: str
    instance: str
    version: str
    state: str
    since: str = ""
    by: str = ""
    rollout: str = ""
    heard: str = ""
    asked: bool = False
    drift: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, t.Any]:
        return dataclasses.asdict(self)


def standings(seen: collections.abc.Iterable[Data], asked: collections.abc.Mapping[str, Asked]) -> list[Standing]:
    """seen: what the registry last saw; asked: host → what it says. In the order of package, environment, host."""
    found = {}
    for row in seen:
        own = asked.get(row["host"])
        mine = own if own and _key(own, row["host"]) == _of(row) else None
        found[_of(row)] = _with(mine, row) if mine else _recorded(row)
    for host, own in asked.items():
        found.setdefault(_key(own, host), _with(own, {"host": host}))
    return [found[key] for key in sorted(found)]


def _of(row: Data) -> tuple[str, ...]:
    return (row["package"], row["environment"], row["instance"], row["host"])


def _key(own: Asked, host: str) -> tuple[str, ...]:
    return (own.package, own.environment, own.instance, host)


def _recorded(row: Data) -> Standing:
    """What the registry alone tells."""
    told = {name: row[name] for name in ("host", "site", "package", "environment", "instance", "version")}
    more = {name: row[name] for name in ("since", "by", "rollout", "heard")}
    notes = (row["reason"],) if row["reason"] and row["outcome"] != outcome.CONFIRMED else ()
    return Standing(**told, **more, state=row["outcome"], notes=notes)


def _with(own: Asked, row: Data) -> Standing:
    """What the host says, beside what the registry has; of a host that is not in it, row names the host alone."""
    before = (
        _recorded(row)
        if "version" in row
        else Standing(
            row["host"], own.site, own.package, own.environment, own.instance, outcome.UNKNOWN, outcome.UNKNOWN
        )
    )
    release = own.info.get("release")
    if not release:
        why = own.info.get("reason") or own.info.get("msg") or "it gave no answer"
        return dataclasses.replace(before, state=outcome.UNREACHABLE, notes=(f"it cannot be asked: {why}",))
    current = release.get("current") or {}
    version = str(current.get("version") or _ABSENT)
    same = version == before.version
    return dataclasses.replace(
        before,
        version=version,
        state=str(release["state"]),
        since=before.since if same else "",
        by=before.by if same else "",
        asked=True,
        drift=tuple(_drift(row, version, current)),
        notes=tuple(_notes(release)),
    )


def _drift(row: Data, version: str, current: Data) -> t.Iterator[str]:
    if "version" not in row:
        if current:
            yield "no rollout of the record brought this"
    elif row["outcome"] in _LOST:
        return  # the record lost sight of the host: nothing was left that it could differ from
    elif version != row["version"]:
        yield f"rollout {row['rollout']} left {row['version']}"
    elif row["outcome"] in _ARRIVED and row["kind"] == "rollout" and row["digest"] not in ("", current.get("release")):
        yield f"another package of that version than rollout {row['rollout']} left"
    elif row["outcome"] in _ARRIVED and row["deployment"] and row["deployment"] != current.get("deployment"):
        yield f"deployment {current.get('deployment')} is not the one that rollout {row['rollout']} left"


def _notes(release: Data) -> t.Iterator[str]:
    left = release.get("seconds_left")
    if release["state"] == outcome.PROVISIONAL:
        yield "not final" + (f", goes back by itself in {left:.0f} s" if left is not None else "")
        if release.get("guarded") is False:
            yield "nobody guards its way back"
    if release["state"] == outcome.FAILED:
        yield "neither this version nor the one before is healthy"
    if release.get("interrupted"):
        yield "a crash left something half done; the next verb finishes it"
    if release.get("frozen"):
        yield f"frozen, no way leads behind deployment {release['frozen_at']}: {release['frozen']}"
    if release.get("replaced"):
        yield f"{release['replaced']} has taken its place"
        return
    if release.get("service") == "inactive":
        yield "its service does not run"
    if release.get("traffic") == "out":
        yield "out of traffic"


def open_rollout(rollout: Data, holders: collections.abc.Iterable[Data]) -> dict[str, t.Any]:
    """An unfinished rollout: how far it is, who holds it, what was last asked of it. holders: of its lease."""
    names = ("id", "kind", "package", "version", "environment", "instance", "started", "by")
    waves = [wave for wave in rollout["waves"] if wave["index"]]
    order = rollout["orders"][-1] if rollout["orders"] else None
    return {
        **{name: rollout[name] for name in names},
        "waves_done": sum(bool(wave["verdict"]) for wave in waves),
        "waves": len(rollout["plan"].get("waves", ())),
        "holders": [f"{item['holder']}{' (' + item['gone'] + ')' if item['gone'] else ''}" for item in holders],
        "order": f"{order['kind']} by {order['by']}: {order['reason']}" if order else "",
    }
