# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host says of its drift (private).

Hosts are not trusted: what has another form than the engine gives it counts as no answer.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import typing as t

__all__ = ["Finding", "Seen", "seen"]

Data = collections.abc.Mapping[str, t.Any]
_MOST = 200  # as the engine tells
_SHOWN = 2  # in a line
_HOST = ("missing", "changed", "mode", "owner", "link", "extra", "placement", "service", "capsule")


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be. path: below the instance, or absolute, or a name; what: its kind;
    expected, found: for people, empty where nothing may be told."""

    path: str
    what: str
    expected: str = ""
    found: str = ""

    def to_dict(self) -> dict[str, str]:
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class Seen:
    """findings, and how many more there are; versions: of secrets, by reference, that the deployment was made with;
    problem: why the host could not say for certain, empty where it could."""

    findings: tuple[Finding, ...] = ()
    more: int = 0
    versions: collections.abc.Mapping[str, str] = dataclasses.field(default_factory=dict)
    problem: str = ""

    @property
    def summary(self) -> str:
        """In some words, for people; empty where there is nothing to say."""
        if self.problem:
            return f"whether it has drifted is not known: {self.problem}"
        count = len(self.findings) + self.more
        told = ", ".join(f"{item.path} ({item.what})" for item in self.findings[:_SHOWN])
        rest = f" and {count - _SHOWN} more" if count > _SHOWN else ""
        return f"it has drifted: {told}{rest}" if count else ""


def seen(info: Data) -> Seen:
    """From what ``host_info`` returned, asked to verify."""
    release = info.get("release")
    said = release.get("drift") if isinstance(release, collections.abc.Mapping) else None
    if said is None:
        return Seen(problem=str(info.get("reason") or info.get("msg") or "it was not asked"))
    try:
        return Seen(
            findings=tuple(map(_finding, said["findings"][:_MOST])),
            more=int(said["more"]),
            versions={str(reference): str(version) for reference, version in said["versions"].items()},
            problem=str(said["problem"]),
        )
    except (AttributeError, LookupError, TypeError, ValueError):
        return Seen(problem="it gave an answer in another form")


def _finding(said: Data) -> Finding:
    finding = Finding(**{name: str(said[name]) for name in ("path", "what", "expected", "found")})
    if finding.what not in _HOST:
        raise ValueError(finding.what)
    return finding
