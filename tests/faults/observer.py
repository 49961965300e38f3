# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Somebody outside who uses the service: knows addresses and what each version answers, and nothing of the engine.

A host is, at a moment,

- ``safe-N`` or ``safe-N-1``: it answers over the network, as that version, with the bytes of that version, and the
  balancer may send to it;
- ``dead``: the fault that lasts makes it unreachable; it is judged again when the fault has ended;
- ``busy``: not safe, but the rollout is still at work; it is judged again when that has ended;
- ``unsafe``: anything else, with the reason.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import http.client
import json
import threading
import time
import typing as t

__all__ = ["BUSY", "DEAD", "SAFE", "Observer", "Sample", "Version", "judge", "seconds_to_safe", "unsafe"]

SAFE, DEAD, BUSY, UNSAFE = ("safe-N", "safe-N-1"), "dead", "busy", "unsafe"
TIMEOUT = 5.0
INTERVAL = 0.5
States = dict[str, str]


class Version(t.NamedTuple):
    """What a version is called here, its number, and the digest of its files."""

    state: str
    number: str
    digest: str


class Sample(t.NamedTuple):
    """The state of a host at a time."""

    time: float
    state: str


def judge(answer: t.Mapping[str, t.Any] | str, versions: t.Sequence[Version], *, own_bytes: bool = True) -> str:
    """The state of a host by what it answered, or by why it did not.

    own_bytes: whether the bytes of N count; they do not where N changes them itself.
    """
    if isinstance(answer, str):
        return f"unsafe: {answer}"
    found = next((version for version in versions if version.number == answer["version"]), None)
    if found is None:
        return f"unsafe: version {answer['version']}"
    if answer["digest"] != found.digest and (own_bytes or found.state != SAFE[0]):
        return f"unsafe: {found.number} with other bytes"
    return found.state if answer["traffic"] else f"unsafe: {found.number} healthy, out of traffic"


def unsafe(states: States) -> list[str]:
    """The hosts that are judged and not safe."""
    return [host for host, state in states.items() if state.startswith(UNSAFE)]


def seconds_to_safe(samples: t.Sequence[Sample], since: float) -> float | None:
    """The longest that the host was not safe at a stretch, of all that began after ``since``; None if it still is not.

    The time in which the fault makes it unreachable does not count, so that of such a host counts from the fault's end.
    """
    longest, lost = 0.0, None
    for sample in samples:
        if sample.time < since:
            continue
        if sample.state in SAFE:
            longest, lost = max(longest, 0.0 if lost is None else sample.time - lost), None
        elif sample.state == DEAD:
            lost = None
        elif lost is None:
            lost = sample.time
    last = samples[-1].state if samples else DEAD
    return round(longest, 1) if last in SAFE else None


@dataclasses.dataclass
class Observer:
    """Asks each host of a fleet, again and again while it is entered. dead: the hosts that the fault makes dead now."""

    addresses: t.Mapping[str, str]
    port: int
    versions: t.Sequence[Version]
    own_bytes: bool = True

    def __post_init__(self) -> None:
        self.samples: dict[str, list[Sample]] = {host: [] for host in self.addresses}
        self.dead: set[str] = set()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def look(self) -> States:
        """The state of every host now."""
        with concurrent.futures.ThreadPoolExecutor(len(self.addresses)) as pool:
            return dict(zip(self.addresses, pool.map(self.look_at, self.addresses), strict=True))

    def look_at(self, host: str) -> str:
        """Its state now."""
        answer = DEAD if host in self.dead else self._request(host)
        state = DEAD if host in self.dead else judge(answer, self.versions, own_bytes=self.own_bytes)
        self.samples[host].append(Sample(time.monotonic(), state))
        return state

    def answers(self, host: str) -> bool:
        """Whether its service says anything at all."""
        return isinstance(self._request(host), dict)

    def __enter__(self) -> Observer:
        self.samples = {host: [] for host in self.addresses}
        self.dead.clear()
        self._stop.clear()
        self._threads = [threading.Thread(target=self._watch, args=(host,), daemon=True) for host in self.addresses]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _watch(self, host: str) -> None:
        while not self._stop.wait(INTERVAL):
            self.look_at(host)

    def _request(self, host: str) -> dict[str, t.Any] | str:
        connection = http.client.HTTPConnection(self.addresses[host], self.port, timeout=TIMEOUT)
        try:
            connection.request("GET", "/")
            return t.cast("dict[str, t.Any]", json.loads(connection.getresponse().read()))
        except TimeoutError:
            return "no answer"
        except (OSError, http.client.HTTPException, ValueError) as exc:
            return f"no answer: {type(exc).__name__}"
        finally:
            connection.close()
