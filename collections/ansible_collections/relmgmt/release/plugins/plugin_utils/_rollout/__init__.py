# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rollout's decisions: who takes part, in which waves, and what an outcome means (private)."""

from __future__ import annotations

from . import run_directory
from .account import closing, lease_of, lost_elsewhere, outcomes, remembered, rows, way_back, whereabouts
from .baking import Bake, wait
from .clocks import Clocks, Timing, set_clocks
from .gate import Gate, Policy
from .migrating import (
    AFTER,
    BEFORE,
    UNDO,
    Job,
    Moved,
    Work,
    frozen_instead,
    judge_moves,
    standing,
    to_freeze,
    work_of,
)
from .migration import VARIABLE as DATABASES
from .migration import Database
from .opening import Opened, Package, check, open_rollout
from .plan import DEPLOY, LEFT_OUT, NONE, UNREHEARSED, HostPlan, Plan
from .planning import Wish
from .profiles import SECRETS_PREFIX, HostInput
from .recording import LEASE_SECONDS, catch_up, keep, registry_of
from .rehearsal import LEAVE_NEW, PHASES, astray, judge, rehearsals
from .strategy import STRATEGIES, Options, Wave, budget_of, site_budgets_of, waves
from .verdict import FINAL, Budget, Result, SiteBudgets, Verdict, counted, decide, final, good_outcomes

__all__ = [
    "AFTER",
    "BEFORE",
    "DATABASES",
    "DEPLOY",
    "FINAL",
    "LEASE_SECONDS",
    "LEAVE_NEW",
    "LEFT_OUT",
    "NONE",
    "PHASES",
    "SECRETS_PREFIX",
    "STRATEGIES",
    "UNDO",
    "UNREHEARSED",
    "Bake",
    "Budget",
    "Clocks",
    "Database",
    "Gate",
    "HostInput",
    "HostPlan",
    "Job",
    "Moved",
    "Opened",
    "Options",
    "Package",
    "Plan",
    "Policy",
    "Result",
    "SiteBudgets",
    "Timing",
    "Verdict",
    "Wave",
    "Wish",
    "Work",
    "astray",
    "budget_of",
    "catch_up",
    "check",
    "closing",
    "counted",
    "decide",
    "final",
    "frozen_instead",
    "good_outcomes",
    "judge",
    "judge_moves",
    "keep",
    "lease_of",
    "lost_elsewhere",
    "open_rollout",
    "outcomes",
    "registry_of",
    "rehearsals",
    "remembered",
    "rows",
    "run_directory",
    "set_clocks",
    "site_budgets_of",
    "standing",
    "to_freeze",
    "wait",
    "waves",
    "way_back",
    "whereabouts",
    "work_of",
]
