# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Freezing: after a point of no return, no way leads behind a deployment any more (private).

A database was changed in a way that nothing takes back, and what ran before does not know it so. While an instance is
frozen at a deployment,

- it is not switched to an earlier one, by nobody: nor by who asks, nor by a deadline, a boot or a crash;
- an activation that was interrupted goes on, and what is not healthy stays and is brought up;
- what nobody confirms in time becomes final by itself if it is healthy.

A host that does not yet run the deployment stays on what it runs until its turn comes.
"""

from __future__ import annotations

from .._model import outcome
from .._model.errors import ConflictError, InputError
from .answers import Answer
from .instance import Instance
from .journal import History

__all__ = ["freeze", "no_return", "thaw"]


def freeze(instance: Instance, deployment: int, *, reason: str, check: bool) -> Answer:
    """Let no way lead behind the deployment any more; where none leads behind a later one already, that stays.

    Raises:
        InputError: no reason is given (``reason-missing``).
        ConflictError: the deployment is not on this host (``deployment-not-staged``), or another one is provisional
            (``deployment-not-final``): that still needs its way back.
    """
    history = instance.history()
    _require_reason(reason)
    if deployment not in history.staged and not check:
        raise ConflictError(
            "deployment-not-staged",
            f"{instance.path}: deployment {deployment} is not on this host",
            hint="Stage the release first.",
        )
    if history.provisional and history.current != deployment:
        raise ConflictError(
            "deployment-not-final",
            f"{instance.path}: deployment {history.current} is provisional, and its way back must be free",
            hint="Confirm or revert it first.",
        )
    changed = deployment > history.frozen
    if changed and not check:
        instance.journal.write("frozen", deployment=deployment, reason=reason)
    at = deployment if changed else history.frozen
    return {"outcome": outcome.FROZEN, "changed": changed, "deployment": at, "reason": ""}


def thaw(instance: Instance, *, reason: str, check: bool) -> Answer:
    """Let ways lead everywhere again.

    Raises:
        InputError: no reason is given (``reason-missing``).
    """
    history = instance.history()
    _require_reason(reason)
    if history.frozen and not check:
        instance.journal.write("thawed", reason=reason)
    return {"outcome": outcome.THAWED, "changed": bool(history.frozen), "deployment": history.frozen, "reason": ""}


def no_return(instance: Instance, history: History, target: int) -> ConflictError:
    """The error that says why the instance does not go there."""
    to = f"deployment {target}" if target else f"'{outcome.ADOPTED if history.adopted else outcome.ABSENT}'"
    return ConflictError(
        "point-of-no-return",
        f"{instance.path}: {to} lies behind a point of no return, deployment {history.frozen}: {history.frozen_why}",
        hint="Roll a release forward that knows the database as it is. Only if the database was restored to what it was"
        " before: 'relmgmt-host thaw --reason ...' on the host, then go back.",
    )


def _require_reason(reason: str) -> None:
    if not reason:
        raise InputError("reason-missing", "Freezing and thawing need a reason", hint="Give it: it goes on record.")
