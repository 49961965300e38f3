# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which deployments a host can go back to by their name: those that it holds and that were ever confirmed (private)."""

from __future__ import annotations

from .._model import outcome
from .._model.errors import ConflictError, InputError
from .instance import Instance
from .journal import History

__all__ = ["newest", "require_newest", "require_proven", "told"]


def newest(history: History, version: str) -> int:
    """The newest one of the version; 0 where there is none."""
    held = [number for number, event in history.staged.items() if event["version"] == version]
    return max((number for number in held if number in history.proven), default=0)


def require_newest(instance: Instance, history: History, version: str) -> int:
    """As ``newest``; 0 where the version is ``adopted``, and that is what was here first. Raises InputError
    (``version-not-held``)."""
    if version == outcome.ADOPTED and history.adopted:
        return 0
    number = newest(history, version)
    if not number:
        versions = sorted({event["version"] for event in history.staged.values()})
        raise InputError(
            "version-not-held",
            "{}: no confirmed deployment of version {} is on this host (it holds {})".format(
                instance.path, version, ", ".join(versions) or "none"
            ),
            hint="Roll that version out instead.",
        )
    return number


def require_proven(instance: Instance, history: History, number: int) -> int:
    """The deployment itself. What was adopted works: it is how the host was found.

    Raises:
        InputError: the host does not hold it (``deployment-not-held``).
        ConflictError: it was never confirmed (``deployment-not-proven``).
    """
    if not number and history.adopted:
        return 0
    if number not in history.staged:
        raise InputError(
            "deployment-not-held", f"{instance.path}: deployment {number} is not on this host", hint=told(history)
        )
    if number not in history.proven:
        raise ConflictError(
            "deployment-not-proven",
            f"{instance.path}: deployment {number} was never confirmed, so nothing shows that it works",
            hint=f"{told(history)} A release that was never confirmed is rolled out, not gone back to.",
        )
    return number


def told(history: History) -> str:
    """All of them, for people."""
    proven = [f"{number} (version {history.staged[number]['version']})" for number in sorted(history.proven)]
    first = ["0 (adopted)"] if history.adopted else []
    return "Confirmed deployments here: {}.".format(", ".join([*first, *proven]) or "none")
