# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan: what happens on which host in which wave (private)."""

from __future__ import annotations

import dataclasses
import typing as t

from ...module_utils._model import outcome
from ...module_utils._model.errors import InputError
from .migration import Database, shown
from .strategy import Wave
from .verdict import Budget, SiteBudgets

__all__ = [
    "DEPLOY",
    "LEFT_OUT",
    "NONE",
    "UNKNOWN",
    "UNREHEARSED",
    "HostPlan",
    "Plan",
    "NOT_HELD",
    "back_already",
    "converged",
    "not_held",
    "release_of",
    "version_of",
]

DEPLOY = "deploy"
NONE = "none"
LEFT_OUT = "left_out"
UNREHEARSED = "unrehearsed"  # left out by the gate: it keeps what it runs, and spends no failure budget
UNKNOWN = "unknown"  # a version that a host did not say
NOT_HELD = "Roll that version out instead."
SHOWN_HOSTS, SHOWN_WAVES = 3, 6  # of a wave, of a plan, in a line
Info = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class HostPlan:
    """One host: versions before and after, whether anything is to be done (action) or why not (reason).

    profile: digest of what is rendered for it; root: where packages lie on it; origin: digest of the release that it
    stood on before, or of the record of what was adopted, or ``absent``; replaces: package and version whose place it
    takes there; repairs: it has all of this already, and is put right alone: there is nothing that it could be taken
    back from.
    """

    site: str
    root: str
    before: str
    after: str
    action: str
    reason: str = ""
    profile: str = ""
    origin: str = ""
    replaces: str = ""
    repairs: bool = False

    def to_dict(self) -> dict[str, t.Any]:
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class Plan:
    """One rollout, rollback or rehearsal. ``hosts`` are all that were asked for; ``waves`` those that something happens
    to; ``rehearsal`` is what the gate found and let pass; ``shaped`` says why waves are smaller than was asked for;
    ``databases`` those whose schema the release changes; ``approval`` who answers for a point of no return, with
    version and reason, empty where nobody does; ``site_budgets`` how many hosts of a site may fail; ``versions`` those
    of the secrets that it was made with, by reference, which it keeps when it goes on; ``drift`` who of those that take
    part was not as it was left, and how, where that was asked for; ``replaces`` packages that nobody may roll out
    meanwhile; ``secrets`` those that a rotation changes: reference → versions ``from`` and ``to``."""

    id: str
    kind: str
    package: str
    version: str
    digest: str
    environment: str
    instance: str
    strategy: str
    on_failure: str
    failure_budget: int
    hosts: t.Mapping[str, HostPlan]
    waves: tuple[Wave, ...]
    rehearsal: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    release_budget: int = 0
    shaped: str = ""
    databases: tuple[Database, ...] = ()
    approval: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    site_budgets: t.Mapping[str, int] = dataclasses.field(default_factory=dict)
    versions: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    drift: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    replaces: tuple[str, ...] = ()
    secrets: t.Mapping[str, t.Mapping[str, t.Any]] = dataclasses.field(default_factory=dict)

    def to_dict(self) -> dict[str, t.Any]:
        return {
            **{field.name: getattr(self, field.name) for field in dataclasses.fields(self)},
            "hosts": {host: plan.to_dict() for host, plan in sorted(self.hosts.items())},
            "waves": [wave.to_dict() for wave in self.waves],
            "databases": [database.to_dict() for database in self.databases],
            "replaces": list(self.replaces),
        }

    @classmethod
    def from_dict(cls, data: t.Mapping[str, t.Any]) -> Plan:
        """Raises InputError (``plan-malformed``): it is not what ``to_dict`` gave."""
        try:
            fields = {field.name: data[field.name] for field in dataclasses.fields(cls) if field.name in data}
            fields["hosts"] = {host: HostPlan(**plan) for host, plan in data["hosts"].items()}
            fields["waves"] = tuple(map(Wave.from_dict, data["waves"]))
            fields["databases"] = tuple(map(Database.from_dict, data.get("databases", ())))
            fields["replaces"] = tuple(data.get("replaces", ()))
            return cls(**fields)
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise InputError(
                "plan-malformed",
                f"this is no plan of a rollout ({exc})",
                hint="Pass what rollout_plan returned as rollout.",
            ) from None

    @property
    def summary(self) -> str:
        """The plan in a line, for people."""
        head = f"{self.kind} of {self.package} {self.version} to {self.environment}: {len(self.hosts)} hosts"
        left = [f"{host} ({plan.reason})" for host, plan in sorted(self.hosts.items()) if plan.action == LEFT_OUT]
        out = f"; left out: {', '.join(left)}" if left else ""
        drifted = [f"{host}: {how}" for host, how in sorted(self.drift.items())]
        lines = (*self.replacing, *self._rehearsals(), *self._migrations(), *self._rotated(), *drifted)
        out += "".join(f"; {line}" for line in lines)
        if not self.active:
            return f"{head}, nothing to do{out}"
        shown = ", ".join(map(_told, self.waves[:SHOWN_WAVES]))
        out = f" ({self.shaped}){out}" if self.shaped else out
        more = len(self.waves) - SHOWN_WAVES
        return f"{head}; waves: {shown or 'none'}{f' and {more} more' if more > 0 else ''}{out}"

    @property
    def replacing(self) -> list[str]:
        """Which packages the release takes the place of, and where, for people."""
        found: dict[str, list[str]] = {}
        for host, plan in sorted(self.hosts.items()):
            if plan.replaces:
                found.setdefault(plan.replaces, []).append(host)
        return [f"replaces {what} on {', '.join(hosts)}" for what, hosts in sorted(found.items())]

    def _rehearsals(self) -> t.Iterator[str]:
        """What is known of each way that hosts go, for people."""
        for way in self.rehearsal.get("ways", ()):
            if way["state"] == "rehearsed":
                took = ", ".join(f"{name} {way['seconds'][name]:.1f} s" for name in ("forward", "back"))
                yield f"rehearsed from {way['version']} on {way['day']}: {took}"
            elif way["state"] == "waived":
                yield f"not rehearsed from {way['version']}, waived: {self.rehearsal['reason']}"
            else:
                yield f"not rehearsed from {way['version']}, left out: {', '.join(way['hosts'])}"

    def _migrations(self) -> t.Iterator[str]:
        """What becomes of each database, for people."""
        for database in self.databases:
            if self.waves or not database.reached(database.last):
                yield shown(database, back=self.kind == "rollback", approved=self.approved)

    def _rotated(self) -> t.Iterator[str]:
        """What becomes of each secret, for people."""
        for reference, change in sorted(self.secrets.items()):
            yield "{}: version {} becomes {}".format(reference, ", ".join(change["from"]) or "none", change["to"])

    @property
    def approved(self) -> bool:
        """Whether somebody answers for a point of no return."""
        return bool(self.approval)

    @property
    def contracts(self) -> bool:
        """Whether a contract is all that is left to be done for a fleet that already is where the rollout leads."""
        return self.kind == "rollout" and any(
            database.has(contract=True)
            and not database.reached(database.last)
            and (self.approved or not database.ends_return(contract=True))
            and all(self.hosts[host].action == NONE for host in database.hosts)
            and set(database.elsewhere.values()) <= {self.version}
            for database in self.databases
        )

    @property
    def active(self) -> bool:
        """Whether there is anything to do, on hosts or on databases."""
        return bool(self.waves) or self.contracts

    def past_return(self, wave: int) -> bool:
        """Whether a point of no return lies behind a rollout that judges this wave, 0 for staging."""
        return any(
            database.past_return(database.known) or (wave > 0 and database.ends_return(contract=False))
            for database in self.databases
        )

    @property
    def staging(self) -> Wave:
        """Staging, seen as a wave of everybody who takes part."""
        return Wave(0, "stage", tuple(host for wave in self.waves for host in wave.hosts))

    def wave_of(self, host: str) -> Wave:
        """The wave that the host belongs to; without a host, staging, which concerns all of them."""
        return next((wave for wave in self.waves if host in wave.hosts), self.staging)

    def switches(self, wave: Wave) -> bool:
        """Whether any host of the wave is still to be switched."""
        return any(self.hosts[host].action == DEPLOY for host in wave.hosts)

    @property
    def budget(self) -> Budget:
        """How many hosts may fail, by what they speak against."""
        return Budget(self.failure_budget, self.release_budget)

    def limits_of_sites(self, lost: t.Iterable[str] = ()) -> SiteBudgets:
        """How many hosts of a site may fail. lost: hosts that have."""
        return SiteBudgets(self.site_budgets, {host: plan.site for host, plan in self.hosts.items()}, frozenset(lost))

    @property
    def changes(self) -> bool:
        """Whether anything is to be done on any host."""
        return self.contracts or any(plan.action == DEPLOY for plan in self.hosts.values())


def _told(wave: Wave) -> str:
    """A wave in some words, for people."""
    names = f" ({', '.join(wave.hosts)})" if len(wave.hosts) <= SHOWN_HOSTS else ""
    return f"{wave.name} {len(wave.hosts)}{names}" + (f" then {wave.bake:g} s" if wave.bake else "")


def converged(info: Info, *, release: str, profile: str) -> bool:
    """Whether the host already is where the rollout leads, final, running and in traffic."""
    here = info["release"]
    current = here["current"] or {}
    return (
        here["state"] == outcome.CONFIRMED
        and not here["interrupted"]
        and _in_service(here)
        and (current["release"], current["profile"]) == (release, profile)
    )


def back_already(info: Info, version: str, *, host: str) -> bool:
    """For a rollback: whether the host runs the version already.

    Raises:
        InputError: it neither does, nor holds a confirmed deployment of it (``version-not-held``).
    """
    here = info["release"]
    final = here["state"] in (outcome.ADOPTED, outcome.CONFIRMED) and not here["interrupted"]
    if final and version_of(info) == version:
        return _in_service(here)
    problem = not_held(info, version)
    if problem:
        raise InputError("version-not-held", f"{host} {problem}", hint=NOT_HELD)
    return False


def not_held(info: Info, version: str) -> str:
    """Why a rollback cannot lead the host to the version; empty where it runs or holds it."""
    here = info["release"]
    held = {item["version"] for item in here["deployments"] if item["proven"]}
    held |= {outcome.ADOPTED} if here.get("adopted") else set()
    if version in held or (here["state"] in (outcome.ADOPTED, outcome.CONFIRMED) and version_of(info) == version):
        return ""
    return f"holds no confirmed deployment of version {version} (it holds {', '.join(sorted(held)) or 'none'})"


def _in_service(release: Info) -> bool:
    return bool(release["service"] != "inactive" and release["traffic"] != "out")


def version_of(info: Info) -> str:
    """The version that runs; ``absent`` if none does, ``adopted`` where something else does, ``unknown`` if the host
    did not say."""
    if "release" not in info:
        return UNKNOWN
    release = info["release"] or {}
    nothing = outcome.ADOPTED if release.get("adopted") else outcome.ABSENT
    return str((release.get("current") or {}).get("version") or nothing)


def release_of(info: Info) -> str:
    """The digest of the release that runs, or of the record of what is adopted; ``absent`` if there is none, empty if
    the host did not say."""
    if "release" not in info:
        return ""
    release = info["release"] or {}
    nothing = (release.get("adopted") or {}).get("digest") or outcome.ABSENT
    return str((release.get("current") or {}).get("release") or nothing)
