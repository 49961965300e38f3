# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rollout's decisions: who takes part, in which waves, and what an outcome means (private)."""

from __future__ import annotations

from . import run_directory
from .account import closing, lease_of, lost_elsewhere, outcomes, remembered, rows, way_back, whereabouts
from .clocks import Clocks, Timing, declared, set_clocks
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
from .migration import shown as shown_database
from .opening import LEASE_SECONDS, Opened, Package, check, open_rollout
from .plan import DEPLOY, LEFT_OUT, NONE, UNREHEARSED, HostPlan, Plan
from .planning import Wish
from .preflight import needed
from .profiles import SECRETS_PREFIX, HostInput
from .refusals import Blocker, Refusals
from .rehearsal import LEAVE_NEW, PHASES, astray, judge, rehearsals
from .strategy import STRATEGIES, Options, Wave, budget_of, waves
from .survey import NOT_READY, Survey
from .verdict import FINAL, Budget, Result, Verdict, decide, final, good_outcomes

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
    "NOT_READY",
    "PHASES",
    "SECRETS_PREFIX",
    "STRATEGIES",
    "UNDO",
    "UNREHEARSED",
    "Blocker",
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
    "Refusals",
    "Result",
    "Survey",
    "Timing",
    "Verdict",
    "Wave",
    "Wish",
    "Work",
    "astray",
    "budget_of",
    "check",
    "closing",
    "decide",
    "declared",
    "final",
    "frozen_instead",
    "good_outcomes",
    "judge",
    "judge_moves",
    "lease_of",
    "lost_elsewhere",
    "needed",
    "open_rollout",
    "outcomes",
    "rehearsals",
    "remembered",
    "rows",
    "run_directory",
    "set_clocks",
    "shown_database",
    "standing",
    "to_freeze",
    "waves",
    "way_back",
    "whereabouts",
    "work_of",
]
