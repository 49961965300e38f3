# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Until when a deployment may stay provisional (private).

Counted in seconds since the boot, suspended time included, together with the boot that they belong to: whoever sets the
clock of the host moves nothing.
"""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from .._model.runtime import Health

__all__ = ["Deadline"]


class Deadline(t.NamedTuple):
    """boot: the boot's id; at: when it goes back unless it is confirmed; limit: what ``at`` is never moved beyond."""

    boot: str
    at: float
    limit: float

    @classmethod
    def of(cls, data: t.Mapping[str, t.Any] | None) -> Deadline | None:
        return None if data is None else cls(str(data["boot"]), float(data["at"]), float(data["limit"]))

    @classmethod
    def after(cls, now: float, boot: str, health: Health, asked: float | None) -> Deadline:
        """Of what becomes provisional now; asked: seconds in place of those that it declares."""
        seconds = health.confirm_timeout if asked is None else asked
        return cls(boot, now + seconds, now + max(seconds, health.progress_deadline))

    def moved(self, seconds: float, *, now: float) -> Deadline:
        """The deadline so many seconds from now, or as late as it may be; never an earlier one."""
        return self._replace(at=max(self.at, min(now + seconds, self.limit)))
