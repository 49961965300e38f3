# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A login that stays because something was leased with it, until somebody gives it back (private)."""

from __future__ import annotations

import collections.abc
import dataclasses
import typing as t

from ....module_utils._model.errors import InputError, RelmgmtError
from .engines import Leased
from .line import Line
from .settings import Connection

__all__ = ["Kept", "give_back", "renew"]

Data = collections.abc.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Kept:
    """What is needed to renew and to revoke. own: the login was made for the run, and ends with it.

    It holds a token: it lies in the run directory alone.
    """

    connection: Connection
    token: str = dataclasses.field(repr=False)
    own: bool
    leases: tuple[Leased, ...]

    @property
    def every(self) -> float:
        """Seconds after which to renew: a third of what lives shortest."""
        return max(1.0, min((lease.seconds for lease in self.leases), default=3600) / 3)

    def to_dict(self) -> dict[str, t.Any]:
        return {**dataclasses.asdict(self), "leases": [tuple(lease) for lease in self.leases]}

    @classmethod
    def from_dict(cls, data: Data) -> Kept:
        connection = Connection(**{**data["connection"], "redirects": tuple(data["connection"]["redirects"])})
        return cls(connection, data["token"], data["own"], tuple(Leased(*lease) for lease in data["leases"]))

    def line(self, **options: t.Any) -> Line:
        line = Line(self.connection, **options)
        line.token = self.token
        return line


def renew(kept: Kept, line: Line) -> None:
    """The login, so that what was leased with it lives, and each lease that can be.

    Raises:
        InputError: the store refuses it (``secret-lease-lost``).
        BackendError: as ``Line.ask``.
    """
    asked: list[tuple[str, dict[str, object]]] = [("auth/token/renew-self", {})] if kept.own else []
    asked += [("sys/leases/renew", {"lease_id": lease.id}) for lease in kept.leases if lease.renewable]
    refused = [path for path, body in asked if line.ask("POST", path, body=body).status not in (200, 204)]
    if refused:
        raise InputError(
            "secret-lease-lost",
            f"{kept.connection.scheme}: {', '.join(dict.fromkeys(refused))} is refused",
            hint="Let the policies of the login allow it, and let the role's TTL be renewable.",
        )


def give_back(kept: Kept, line: Line) -> str:
    """Revoke all of it; what is wrong where that failed, for people. Never raises."""
    paths = [("auth/token/revoke-self", dict[str, str]())] if kept.own else []
    if not kept.own:
        paths = [("sys/leases/revoke", {"lease_id": lease.id}) for lease in kept.leases]
    for path, body in paths:
        try:
            answer = line.ask("POST", path, body=body)
        except RelmgmtError as exc:
            return f"{exc.message}: what was leased for the run ends by itself, when its time is up"
        # A token that has ended took its leases with it.
        if answer.status not in (200, 204) and not (kept.own and answer.status == 403):
            return (
                f"{kept.connection.scheme}: {path} is refused ({answer.status}), so what was leased for the run ends by"
                f' itself, when its time is up. A policy could say: path "{path}" {{ capabilities = ["update"] }}'
            )
    return ""
