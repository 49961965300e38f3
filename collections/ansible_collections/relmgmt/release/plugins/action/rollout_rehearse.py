# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
import typing as t

from ..module_utils._model import outcome
from ..module_utils._model.digest import digest_of
from ..module_utils._model.errors import ConflictError, InputError, RelmgmtError
from ..plugin_utils._action import ControllerAction, plain
from ..plugin_utils._dml import Keys, Settings
from ..plugin_utils._engine import engine_bytes
from ..plugin_utils._evidence import CONTROLLER, Phase, ready_signer, signer, store
from ..plugin_utils._registry import Registry, entry, location, utc_now
from ..plugin_utils._rollout import (
    LEAVE_NEW,
    PHASES,
    Plan,
    Verdict,
    astray,
    judge,
    keep,
    lease_of,
    outcomes,
    registry_of,
    rehearsals,
    rows,
)

BEGIN, END = "begin", "end"


class ActionModule(ControllerAction):
    """Judge and measure the phases of a rehearsal; sign what it showed when all of them were well.

    From the first phase on an error is a verdict, never a failed task: hosts are to be brought back first.
    """

    def verb(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        if params["phase"] == BEGIN:
            return self._begin(params)
        if not params["rollout"]:
            raise InputError(
                "plan-malformed", "a phase of no rehearsal", hint="Pass what rollout_plan returned as rollout."
            )
        plan = Plan.from_dict(params["rollout"])
        variables = {host: task_vars["hostvars"][host] for host in plan.staging.hosts}
        if params["phase"] == END:
            return self._end(params, plan, variables)
        return self._phase(params, plan, variables)

    def _begin(self, params: dict[str, t.Any]) -> dict[str, t.Any]:
        """See that what will have been shown can be signed, before any host is touched."""
        keys, write = Keys(Settings.from_params(params).keys), not self.check_mode
        with Registry.open(location(params), write=write) as registry:
            changed = ready_signer(registry, keys, replace=params["new_key"], write=write)
        made = "The registry trusts a new key for rehearsals" if changed else "The key that signs rehearsals is here"
        return {"changed": changed, "summary": made}

    def _phase(self, params: dict[str, t.Any], plan: Plan, variables: dict[str, t.Any]) -> dict[str, t.Any]:
        wall = time.time() - float(params["rehearsal"].get("mark") or time.time())
        phase = params["phase"]
        results = outcomes(plan, variables, variables, params["results"])
        verdict = judge(phase, results)
        took = Phase(phase, round(wall, 3), CONTROLLER)
        warnings = []
        if not self.check_mode:
            try:
                entries = [entry.deployments(rows(plan, results))]
                entries += self._waves(plan, phase, verdict, last=self._last(params))
                warnings = keep(params["rollout"], lease_of(plan, params["rollout"]["fence"]), entries)
            except ConflictError as exc:
                verdict = Verdict(outcome.PAUSE, str(exc), verdict.failed)
            except RelmgmtError as exc:
                # The hosts come first.
                warnings = [f"The phase is not in the registry: {exc}"]
        phases = [*params["rehearsal"].get("phases", []), took.to_dict()]
        reason = verdict.reason.removeprefix(f"{phase}: ")
        return {
            "changed": False,
            "warnings": warnings,
            "summary": f"{phase}: {verdict.verdict}, {reason} ({took.seconds:.1f} s)",
            "verdict": {**verdict.to_dict(), "wave": PHASES.index(phase), "name": phase},
            "rehearsal": {"phases": phases, "mark": time.time()},
        }

    @staticmethod
    def _last(params: dict[str, t.Any]) -> str:
        """The phase behind which the hosts stand where they are to be left."""
        return PHASES[-2] if params["leave"] == LEAVE_NEW else PHASES[-1]

    @staticmethod
    def _waves(plan: Plan, phase: str, verdict: Verdict, *, last: str) -> list[entry.Entry]:
        """Phases are told as waves of all hosts; the one that follows begins now."""
        index, hosts = PHASES.index(phase), plan.staging.hosts
        waves = [entry.wave(index, phase, hosts, verdict.verdict, verdict.reason)]
        if verdict.verdict == outcome.CONTINUE and phase != last:
            waves.append(entry.wave(index + 1, PHASES[index + 1], hosts))
        return waves

    def _end(self, params: dict[str, t.Any], plan: Plan, variables: dict[str, t.Any]) -> dict[str, t.Any]:
        """Sign and keep, if all hosts stand where they should."""
        infos = {host: plain(variables[host].get(params["infos"]) or {}) for host in variables}
        verdict, identities = astray(plan, infos, leave=params["leave"]), []
        phases = [Phase(**phase) for phase in params["rehearsal"]["phases"]]
        if verdict.verdict == outcome.CONTINUE:
            try:
                identities = self._sign(params, plan, phases)
            except RelmgmtError as exc:
                verdict = Verdict(outcome.REVERT_ALL, f"the rehearsal was well but is not signed: {exc}", {})
        took = ", ".join(f"{phase.name.replace('_', ' ')} {phase.seconds:.1f} s" for phase in phases)
        signed = f"rehearsed and signed: {took}" if identities else verdict.reason
        return {
            "changed": bool(identities),
            "summary": f"{plan.package} {plan.version}: {signed}",
            "verdict": {**verdict.to_dict(), "wave": None, "name": END},
            "rehearsal": params["rehearsal"],
            "evidence": identities,
        }

    @staticmethod
    def _sign(params: dict[str, t.Any], plan: Plan, phases: list[Phase]) -> list[str]:
        keys, engine = Keys(Settings.from_params(params).keys), digest_of(engine_bytes())
        with registry_of(params["rollout"]) as registry:
            shown = rehearsals(plan, phases, engine=engine, registry=registry.id, now=utc_now())
            pen = signer(registry, keys)
            return [store(registry, rehearsal, pen) for rehearsal in shown]
