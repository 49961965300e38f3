# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rehearsal showed, as an in-toto statement (private).

Subjects are the manifests of the two releases. The order of subjects means nothing in in-toto, so the predicate says
which of them was left and which was reached; where nothing was installed, there is one subject.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import typing as t

from ...module_utils._model.digest import check_digest, hex_of
from ...module_utils._model.errors import IntegrityError, RelmgmtError

__all__ = ["ABSENT", "CONTROLLER", "PREDICATE", "STATEMENT", "Phase", "Rehearsal"]

ABSENT = "absent"
CONTROLLER = "controller"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://relmgmt.example/rehearsal/v1"
Data = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Phase:
    """How long one step of the way took on the slowest host.

    ``clock`` says whose clock it was; that of the ``controller`` counts the connection and Ansible's own work too.
    """

    name: str
    seconds: float
    clock: str

    def to_dict(self) -> Data:
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class Rehearsal:
    """The way from ``before`` (a manifest's digest, or ``absent``) to ``after`` and back, gone for real.

    ``hosts`` is how many went it, ``sites`` where they stand, ``engine`` the digest of what they ran, ``registry`` the
    id of the controller's registry, ``finished`` an aware time.
    """

    package: str
    before: str
    after: str
    version_before: str
    version_after: str
    environment: str
    hosts: int
    sites: tuple[str, ...]
    phases: tuple[Phase, ...]
    engine: str
    registry: str
    finished: datetime.datetime

    @property
    def goes_both_ways(self) -> bool:
        """Whether the way forward and the way back were both gone."""
        return {"forward", "back"} <= {phase.name for phase in self.phases}

    def to_statement(self) -> Data:
        subjects = [_subject(self.package, self.version_after, self.after)]
        if self.before != ABSENT:
            subjects.append(_subject(self.package, self.version_before, self.before))
        return {"_type": STATEMENT, "subject": subjects, "predicateType": PREDICATE, "predicate": self._predicate()}

    def _predicate(self) -> Data:
        return {
            "package": self.package,
            "before": {"digest": self.before, "version": self.version_before},
            "after": {"digest": self.after, "version": self.version_after},
            "environment": self.environment,
            "hosts": self.hosts,
            "sites": list(self.sites),
            "phases": [phase.to_dict() for phase in self.phases],
            "engine": self.engine,
            "registry": self.registry,
            "finished": self.finished.astimezone(datetime.UTC).isoformat(),
        }

    @classmethod
    def from_statement(cls, data: collections.abc.Mapping[str, t.Any]) -> Rehearsal:
        """Raises IntegrityError (``evidence-malformed``): it is no statement of a rehearsal, or contradicts itself."""
        try:
            found = cls._parsed(data["predicate"])
            complete = dict(data) == found.to_statement() and found.goes_both_ways
        except (KeyError, TypeError, ValueError, AttributeError, RelmgmtError) as exc:
            raise _malformed(f"{type(exc).__name__}: {exc}") from None
        if not complete:
            raise _malformed("its type, its subjects or its phases are not those of a rehearsal")
        return found

    @classmethod
    def _parsed(cls, predicate: collections.abc.Mapping[str, t.Any]) -> Rehearsal:
        before, after = predicate["before"], predicate["after"]
        finished = datetime.datetime.fromisoformat(predicate["finished"])
        if finished.tzinfo is None:
            raise ValueError("its time has no zone")
        return cls(
            package=str(predicate["package"]),
            before=before["digest"] if before["digest"] == ABSENT else check_digest(before["digest"]),
            after=check_digest(after["digest"]),
            version_before=str(before["version"]),
            version_after=str(after["version"]),
            environment=str(predicate["environment"]),
            hosts=int(predicate["hosts"]),
            sites=tuple(map(str, predicate["sites"])),
            phases=tuple(Phase(str(p["name"]), float(p["seconds"]), str(p["clock"])) for p in predicate["phases"]),
            engine=str(predicate["engine"]),
            registry=str(predicate["registry"]),
            finished=finished,
        )


def _subject(package: str, version: str, digest: str) -> Data:
    return {"name": f"{package} {version}", "digest": {"sha256": hex_of(digest)}}


def _malformed(why: str) -> IntegrityError:
    return IntegrityError("evidence-malformed", f"this is no statement of a rehearsal: {why}", hint="Rehearse anew.")
