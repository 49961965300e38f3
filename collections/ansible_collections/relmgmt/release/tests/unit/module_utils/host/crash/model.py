# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where an instance may stand: the promises in a few lines, without journal, link, service or crash."""

from __future__ import annotations

import typing as t

__all__ = ["Model", "Stand"]


class Stand(t.NamedTuple):
    """current: 0 is absent; provisional: not final; sick: known not to be healthy; proven: ever confirmed."""

    current: int = 0
    provisional: bool = False
    sick: bool = False
    proven: frozenset[int] = frozenset()


class Model:
    """``healthy``: whether a deployment becomes healthy when it is started; ``origin``: what each was gone to from;
    ``over``: those whose time to be confirmed has passed; ``frozen``: behind which nothing leads, 0 for none."""

    def __init__(self, healthy: t.Callable[[int], bool]) -> None:
        self.stand = Stand()
        self.origin: dict[int, int] = {}
        self.over: set[int] = set()
        self.frozen = 0
        self._healthy = healthy

    def previous(self) -> int:
        return self.origin.get(self.stand.current, 0)

    def barred(self, deployment: int) -> bool:
        return deployment < self.frozen

    # --- after a verb that nothing interrupted ---

    def activated(self, deployment: int) -> Stand:
        if deployment == self.stand.current:
            return self.kept()
        if self._healthy(deployment):
            return self.stand._replace(current=deployment, provisional=True, sick=False)
        return self.gone_back(deployment, self.stand.current)

    def kept(self) -> Stand:
        """What stands is looked at, and started if it does not run."""
        healthy = self._healthy(self.stand.current)
        return self.left() if self.stand.provisional and not healthy else self.mended(self.stand)

    def mended(self, stand: Stand) -> Stand:
        """It is tried again to bring up what stands; where there is no way back, it is final then."""
        healthy = self._healthy(stand.current)
        final = healthy and not stand.provisional and stand.current
        return stand._replace(sick=not healthy, proven=stand.proven | {stand.current} if final else stand.proven)

    def confirmed(self, *, healthy: bool) -> Stand:
        """healthy: at this moment."""
        stand = self.stand
        if not stand.provisional:
            return stand
        return stand._replace(provisional=False, proven=stand.proven | {stand.current}) if healthy else self.left()

    def left(self) -> Stand:
        """What stands is left for what was there before it."""
        return self.gone_back(self.stand.current, self.previous())

    def gone_back(self, left: int, target: int) -> Stand:
        """If what was there before is sick, what is left is the better one, where it is proven. If there is no way
        back, it stays."""
        proven = self.stand.proven
        if self.barred(target):
            return self.mended(Stand(left, proven=proven))
        stands = left if left in proven and not self._healthy(target) else target
        return self.mended(Stand(stands, proven=proven))

    # --- after a time for itself ---

    def alone(self, stand: Stand, *, guarded: bool) -> set[Stand]:
        """Where the instance may be when it stood there and was left alone: on nothing whose time has passed; and, if
        somebody watches, on nothing provisional that is sick."""
        healthy = self._healthy(stand.current)
        if not stand.provisional or (healthy and stand.current not in self.over):
            return {stand, self.mended(stand) if stand.sick and healthy else stand}
        back = self.alone(self.gone_back(stand.current, self.origin[stand.current]), guarded=guarded)
        return back if guarded or stand.current in self.over else {stand, *back}
