# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rollouts as a callback sees them: what tasks return, and when."""

from __future__ import annotations

import collections.abc
import typing as t

from ansible_collections.relmgmt.release.plugins.plugin_utils._progress import Began, Event, event_of

Recorded = collections.abc.Iterator[tuple[float, Event]]
SITES = ("ber", "nyc", "sgp")


def hosts(count: int) -> list[str]:
    return [f"ci-{SITES[number % 3]}-{number // 3 + 1:03}" for number in range(count)]


def plan(waves: dict[str, list[str]], *, left_out: dict[str, str] | None = None) -> dict[str, t.Any]:
    """What ``rollout_plan`` returns as rollout."""
    about = {"root": "/srv/relmgmt", "before": "3.8.3", "after": "3.9.0", "profile": "", "origin": ""}
    planned = {
        host: {"site": host[3:6], "action": "deploy", "reason": "", **about} for wave in waves.values() for host in wave
    }
    for host, reason in (left_out or {}).items():
        planned[host] = {"site": host[3:6], "action": "left_out", "reason": reason, **about}
    return {
        "id": "20261121T103000Z-3f9a",
        "kind": "rollout",
        "package": "calendar/radicale",
        "version": "3.9.0",
        "environment": "prod",
        "hosts": planned,
        "waves": [
            {"index": index, "name": name, "hosts": wave} for index, (name, wave) in enumerate(waves.items(), start=1)
        ],
    }


def happens(verb: str, host: str, **data: t.Any) -> Event:
    event = event_of(verb, host, data)
    assert event is not None
    return event


def step(verb: str, outcome: str, wave: list[str], at: float, **other: dict[str, t.Any]) -> Recorded:
    """A host verb on the hosts of a wave, one after the other; other: host → what it says instead."""
    yield at, Began(verb.partition("_")[2])
    for number, host in enumerate(wave):
        yield at + number / len(wave), happens(verb, host, **other.get(host, {"outcome": outcome, "reason": ""}))


def verdict(wave: int, name: str, word: str, reason: str) -> Event:
    about = {"wave": wave, "name": name, "verdict": word, "reason": reason, "failed": {}}
    return happens("rollout_verdict", "localhost", verdict=about)


def well(waves: dict[str, list[str]], *, bake: float = 0) -> Recorded:
    """A rollout in which all goes well; each wave takes 12 seconds, and the first one the bake behind it."""
    everybody = [host for wave in waves.values() for host in wave]
    rollout = plan(waves)
    rollout["waves"][0]["bake"] = bake
    yield 0.0, happens("rollout_plan", everybody[0], rollout=rollout)
    yield from step("release_stage", "staged", everybody, 2.0)
    yield 30.0, verdict(0, "stage", "continue", f"{len(everybody)} of {len(everybody)} hosts are well")
    at = 31.0
    for index, (name, wave) in enumerate(waves.items(), start=1):
        why = f"{len(wave)} of {len(wave)} hosts are well"
        yield from step("release_activate", "provisional", wave, at)
        yield at + 8, verdict(index, name, "continue", why)
        yield from step("release_confirm", "confirmed", wave, at + 9)
        yield at + 12, verdict(index, name, "continue", why)
        at += 12 + rollout["waves"][index - 1].get("bake", 0)
    about = {"id": rollout["id"], "result": "succeeded", "reason": "", "outcomes": {}}
    ended = f"The rollout {rollout['id']} of calendar/radicale 3.9.0 succeeded (hosts: {len(everybody)} confirmed)"
    yield at + 1, happens("rollout_close", everybody[0], rollout=about, summary=ended)


def sick(waves: dict[str, list[str]]) -> Recorded:
    """One whose second wave finds the release bad on one host, cannot reach another, and takes everybody back."""
    everybody = [host for wave in waves.values() for host in wave]
    rollout = plan(waves, left_out={"ci-ber-099": "its disk is full"})
    first, second = list(waves.items())[:2]
    bad: dict[str, t.Any] = {"outcome": "reverted", "reason": "probe http: status 500,\n wanted 200\x1b[2J"}
    lost: dict[str, t.Any] = {"unreachable": True, "msg": "Connection timed out"}
    yield 0.0, happens("rollout_plan", everybody[0], rollout=rollout)
    yield from step("release_stage", "staged", everybody, 2.0)
    yield 30.0, verdict(0, "stage", "continue", f"{len(everybody)} of {len(everybody)} hosts are well")
    yield from step("release_activate", "provisional", first[1], 31.0)
    yield 36.0, verdict(1, first[0], "continue", "1 of 1 hosts are well")
    yield from step("release_confirm", "confirmed", first[1], 37.0)
    yield 39.0, verdict(1, first[0], "continue", "1 of 1 hosts are well")
    other = {second[1][0]: bad, second[1][1]: lost}
    yield from step("release_activate", "provisional", second[1], 40.0, **other)
    yield 50.0, verdict(2, second[0], "revert_all", f"{second[1][0]}: probe http: status 500 (and 1 more)")
    back = [host for host in [*second[1], *first[1]] if host not in other]
    yield from step("release_revert", "reverted", back, 51.0)
    msg = f"The rollout {rollout['id']} of calendar/radicale 3.9.0 failed: the release is bad"
    yield 60.0, happens("rollout_close", everybody[0], failed=True, msg=msg, code="rollout-failed")


def of_20() -> dict[str, list[str]]:
    names = hosts(20)
    return {"canary": names[:1], "batch-1": names[1:8], "batch-2": names[8:14], "batch-3": names[14:]}


def of_500() -> dict[str, list[str]]:
    """Twenty-five batches of twenty."""
    names = hosts(500)
    return {f"batch-{number + 1}": names[number * 20 : number * 20 + 20] for number in range(25)}
