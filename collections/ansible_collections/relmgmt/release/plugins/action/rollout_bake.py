# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import time
import typing as t

from ..plugin_utils._action import ControllerAction
from ..plugin_utils._registry import utc_now
from ..plugin_utils._rollout import Bake, Plan, registry_of, wait


class ActionModule(ControllerAction):
    """Wait until a wave has baked, and keep the lease meanwhile."""

    def verb(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        rollout = params["rollout"]
        plan = Plan.from_dict(rollout)
        wave = plan.wave_of(params["wave"])
        result = {"changed": False, "ended": "", "waited": 0.0}
        if self.check_mode:
            return {**result, "summary": f"{wave.name}: would bake for {wave.bake:g} s"}
        bake = Bake(plan, wave, lambda: registry_of(rollout), rollout["fence"])
        began = time.monotonic()
        why = self._wait(wave.name, bake)
        return {
            **result,
            "ended": why,
            "summary": f"{wave.name}: {f'the bake ended early, {why}' if why else f'baked for {wave.bake:g} s'}",
            "waited": round(time.monotonic() - began, 1),
            "warnings": [bake.warning] if bake.warning else [],
        }

    def _wait(self, wave: str, bake: Bake) -> str:
        run = os.getppid()

        def look() -> str:
            return bake.look() if os.getppid() == run else "the run that waited for it is gone"

        def say(left: float) -> None:
            self._display.display(f"{wave}: {left:.0f} s of its bake are left")

        return wait(bake.left(utc_now()), look=look, say=say, clock=time.monotonic, sleep=time.sleep)
