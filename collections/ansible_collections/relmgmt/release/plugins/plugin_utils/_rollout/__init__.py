# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rollout's decisions: who takes part, in which waves, and what an outcome means (private)."""

from __future__ import annotations

from . import run_directory
from .account import Close, closing, lease_of, lost_elsewhere, outcomes, remembered, rows, way_back, whereabouts
from .clocks import Clocks, Timing, set_clocks
from .gate import Gate, Policy
from .joining import (
    ACTIVATED,
    BEGIN,
    CONFIRMED,
    STAGED,
    JobPart,
    absent,
    named,
    wait_for_others,
    with_others,
)
from .judging import Judging
from .leaving_open import not_back, recorded_first, why_open
from .limit import require_fit_limit
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
from .opening import LEASE_SECONDS, Opened, Opening, Package, check, open_rollout
from .plan import DEPLOY, LEFT_OUT, NONE, UNREHEARSED, HostPlan, Plan
from .planning import Wish
from .profiles import SECRETS_PREFIX, HostInput
from .rehearsal import LEAVE_NEW, PHASES, astray, judge, rehearsals
from .strategy import STRATEGIES, Options, Wave, budget_of, waves
from .taking_back import TakenBack, take_back
from .unfinished import NEW, Unfinished, find_unfinished, fresh, newest_order
from .verdict import FINAL, Budget, Result, Verdict, decide, final, good_outcomes
from .wall_clock import clock_warning

__all__ = [
    "ACTIVATED",
    "AFTER",
    "BEFORE",
    "BEGIN",
    "CONFIRMED",
    "DATABASES",
    "DEPLOY",
    "FINAL",
    "LEASE_SECONDS",
    "LEAVE_NEW",
    "LEFT_OUT",
    "NEW",
    "NONE",
    "PHASES",
    "SECRETS_PREFIX",
    "STAGED",
    "STRATEGIES",
    "UNDO",
    "UNREHEARSED",
    "Budget",
    "Clocks",
    "Close",
    "Database",
    "Gate",
    "HostInput",
    "HostPlan",
    "Job",
    "JobPart",
    "Judging",
    "Moved",
    "Opened",
    "Opening",
    "Options",
    "Package",
    "Plan",
    "Policy",
    "Result",
    "TakenBack",
    "Timing",
    "Unfinished",
    "Verdict",
    "Wave",
    "Wish",
    "Work",
    "absent",
    "astray",
    "budget_of",
    "check",
    "clock_warning",
    "closing",
    "decide",
    "final",
    "find_unfinished",
    "fresh",
    "frozen_instead",
    "good_outcomes",
    "judge",
    "judge_moves",
    "lease_of",
    "lost_elsewhere",
    "named",
    "newest_order",
    "not_back",
    "open_rollout",
    "outcomes",
    "recorded_first",
    "rehearsals",
    "remembered",
    "require_fit_limit",
    "rows",
    "run_directory",
    "set_clocks",
    "standing",
    "take_back",
    "to_freeze",
    "wait_for_others",
    "waves",
    "way_back",
    "whereabouts",
    "why_open",
    "with_others",
    "work_of",
]
