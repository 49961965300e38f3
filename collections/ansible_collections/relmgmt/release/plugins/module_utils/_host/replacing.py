# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replacing: a package that runs on the host already and bears another name, as what deployment 0 of an instance is
(private).

The package that takes the place has the journal that decides. What is replaced carries a mark in its own (``replaced``,
``resumed``), by which its verbs know that nothing of it is to run.
"""

from __future__ import annotations

import typing as t

from .._model.errors import ConflictError
from .._model.replaces import record_of
from .adoption import Finding
from .instance import Instance
from .locate import Place

__all__ = ["handed_over", "other_package", "predecessor", "replaced_finding", "require_in_place"]

_AGAIN = "Nothing was touched. Stage the release again then."


def predecessor(instance: Instance, names: t.Iterable[str]) -> Instance | None:
    """The one of the packages that runs on the host, as an instance of the same name; None where none does.

    Raises:
        ConflictError: it is not as it has to be to be left, and gone back to: ``replaced-elsewhere``,
            ``replaced-ambiguous``, ``replaced-not-final``, ``replaced-frozen``.
    """
    wanted = set(names) - {instance.package}
    running = [one for one in _others(instance, wanted) if _runs(one)]
    found = [one for one in running if one.name == instance.name]
    if len(found) > 1:
        raise ConflictError(
            "replaced-ambiguous",
            f"{instance.path}: more than one package that it replaces runs here: {_named(found)}",
            hint=f"Take all but one of them off this host first. {_AGAIN}",
        )
    if running and not found:
        raise ConflictError(
            "replaced-elsewhere",
            f"{instance.path}: what it replaces runs here as another instance: {_named(running)}",
            hint=f"Roll it out as instance {running[0].name} (relmgmt_instance), which takes that one's place.",
        )
    if not found:
        return None
    _require_fit(instance, found[0])
    return found[0]


def replaced_finding(found: Instance) -> Finding:
    """Deployment 0, where that is the package."""
    meta = found.history().staged[found.history().current]
    return Finding(record_of(found.package, meta["version"], meta["release"]), {})


def other_package(instance: Instance, package: str) -> Instance:
    """The instance of the other package that makes room for this one, or that this one makes room for."""
    return Instance(instance.root, package, instance.name)


def handed_over(instance: Instance, other: Instance) -> bool:
    """Whether one of them has, or would take, the place of the other: then they take turns, and never run at once.

    Raises:
        RelmgmtError, OSError: the journal of the other cannot be read.
    """
    history = other.history()
    return other.name == instance.name and instance.package in (history.replaced, history.replaces)


def require_in_place(instance: Instance, *, check: bool) -> None:
    """Refuse whatever would have the instance run beside what has taken its place.

    Raises:
        ConflictError: ``package-replaced``.
    """
    by = instance.history().replaced
    if not by:
        return
    if not other_package(instance, by).disk.exists("journal"):  # whoever took that away left the place empty
        if not check:
            instance.journal.write("resumed")
        return
    raise ConflictError(
        "package-replaced",
        f"{instance.path}: {by} has taken the place of {instance.package} on this host",
        hint=f"Roll out {by}. Or go back first: relmgmt.release.rollback -e relmgmt_package={by}"
        f" -e relmgmt_version=adopted, or 'relmgmt-host revert {by} --to adopted' on the host.",
    )


def _others(instance: Instance, names: t.Collection[str]) -> list[Instance]:
    return [one for one in Place(instance.root, None).instances() if one.package in names] if names else []


def _runs(other: Instance) -> bool:
    history = other.history()
    return bool(history.current or history.unfinished) and not history.replaced


def _require_fit(instance: Instance, found: Instance) -> None:
    history = found.history()
    if not history.settled or history.current not in history.proven:
        raise ConflictError(
            "replaced-not-final",
            f"{instance.path}: {found.package}, which it replaces, is {history.state} on this host",
            hint=f"Confirm or revert {found.package} first: the way back leads to what is known to work. {_AGAIN}",
        )
    if history.frozen:
        raise ConflictError(
            "replaced-frozen",
            f"{instance.path}: {found.package}, which it replaces, has passed a point of no return:"
            f" {history.frozen_why}",
            hint=f"Thaw it first, if its database is as it is to stay: 'relmgmt-host thaw {found.package}'. {_AGAIN}",
        )


def _named(found: t.Iterable[Instance]) -> str:
    return ", ".join(f"{one.package} ({one.name})" for one in found)
