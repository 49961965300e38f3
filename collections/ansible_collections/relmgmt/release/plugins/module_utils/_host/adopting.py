# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Adopting: when the first release is staged, what runs on the host already is found and recorded; until that release
is activated it has to stay as it was found (private)."""

from __future__ import annotations

import typing as t

from .._model.errors import ConflictError, InputError
from .._model.runtime import Runtime
from .adoption import Finding, adoption_of, told
from .arming import SYSTEMD, kind_of_guard
from .engine_file import install
from .foreign import find, link_names
from .instance import Instance, Tools
from .journal import History
from .replacing import predecessor, replaced_finding

__all__ = ["Adopting", "require_unchanged"]


class Adopting:
    """What staging a release does to deployment 0. found: what it is then, None for ``absent``; changed: whether that
    has to be recorded."""

    def __init__(self, instance: Instance, runtime: Runtime, tools: Tools, history: History, *, consent: bool) -> None:
        """
        Raises:
            ConflictError: something is in the way, and nobody agreed to adopt it (``unit-foreign``).
            InputError: only root may (``adoption-needs-systemd``). And what ``foreign.find`` and
                ``replacing.predecessor`` raise.
        """
        self._instance = instance
        settled = bool(history.current) or history.sick  # what did not come back is not taken for what it should be
        self.replaced = None if settled else predecessor(instance, runtime.replaces)
        self.found = None if settled else _find(instance, runtime, tools, self.replaced)
        if self.replaced is not None:
            consent = True  # it is relmgmt's, and whoever signs the release says that this is its successor
        if self.found is not None and self.found.digest != history.adopted and not consent:
            _require_out_of_the_way(self.found, runtime)
            self.found = None
        if self.found is not None and self.replaced is None and kind_of_guard() != SYSTEMD:
            raise InputError(
                "adoption-needs-systemd",
                f"{instance.path}: only root can adopt {_named(self.found)}",
                hint="Use become.",
            )
        self._digest = self.found.digest if self.found is not None else ""
        self.changed = not settled and self._digest != history.adopted

    @property
    def units(self) -> t.Collection[str]:
        """Those that make room."""
        if self.replaced is not None:
            return link_names(self.replaced.runtime(self.replaced.history().current).service)
        return self.found.record["units"] if self.found is not None else ()

    def about(self) -> dict[str, t.Any] | None:
        return told(self._digest, self.found.record) if self.found is not None else None

    def keep(self, engine: bytes = b"") -> None:
        """Record it. engine: one that knows what it is to be replaced. The caller holds the lock."""
        if not self.changed:
            return
        if self.found is not None:
            self.found.keep(self._instance.disk)
        if self.replaced is not None:
            if engine:
                install(self.replaced, engine)
            self._instance.journal.write("replaces", record=self._digest, package=self.replaced.package)
            return
        self._instance.journal.write("adopted", record=self._digest)


def require_unchanged(instance: Instance, deployment: int, tools: Tools) -> None:
    """Raise ConflictError (``adopted-changed``) unless what the deployment takes the place of is as it was recorded."""
    history, runtime = instance.history(), instance.runtime(deployment)
    other = predecessor(instance, runtime.replaces)
    found = _find(instance, runtime, tools, other)
    if found is not None and other is None and not history.adopted and not _in_the_way(found, runtime):
        return
    if (found.digest if found is not None else "") != history.adopted:
        adoption = adoption_of(instance)
        before = adoption.record if adoption is not None else None
        raise ConflictError(
            "adopted-changed",
            f"{instance.path}: what ran here before relmgmt is not as it was when the release was staged:"
            f" {', '.join(_differences(before, found.record if found is not None else None))}",
            hint="Nothing was touched. See that it is as it should be, and stage the release again.",
        )


def _find(instance: Instance, runtime: Runtime, tools: Tools, replaced: Instance | None) -> Finding | None:
    """A package that is replaced comes first: what that one had adopted is not what runs."""
    if replaced is not None:
        return replaced_finding(replaced)
    if not runtime.adopts.units:
        return None
    return find(runtime.adopts, instance=instance.path, runner=tools.runner)


def _require_out_of_the_way(found: Finding, runtime: Runtime) -> None:
    """What nobody agreed to adopt is left alone. Raises ConflictError (``unit-foreign``): it cannot be."""
    if _in_the_way(found, runtime):
        raise ConflictError(
            "unit-foreign",
            f"This host runs already what the release takes the place of: {_named(found)}",
            hint="With relmgmt_adopt=true it is recorded, stopped, and given back by every way back. Or remove it.",
        )


def _in_the_way(found: Finding, runtime: Runtime) -> bool:
    """Whether it runs, starts at boot, or bears the name of a unit that the release brings."""
    units, ours = found.record["units"], link_names(runtime.service)
    return any(name in ours or unit["active"] or unit["links"] for name, unit in units.items())


def _named(found: Finding) -> str:
    """The units, for people."""
    shown = []
    for name, unit in found.record["units"].items():
        ports = ", ".join(f"{host}:{port}" for host, port in unit["ports"])
        about = ["active" if unit["active"] else "not active", unit["enabled"], f"on {ports}" if ports else ""]
        shown.append(f"{name} ({', '.join(filter(None, about))})")
    return "; ".join(shown)


def _differences(before: t.Mapping[str, t.Any] | None, now: t.Mapping[str, t.Any] | None) -> list[str]:
    """Names of units and files, and of a package."""
    one, other = (_things(record) if record else {} for record in (before, now))
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def _things(record: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    replaced = record.get("replaced")
    return {**record["units"], **record["files"], **({replaced["package"]: replaced} if replaced else {})}
