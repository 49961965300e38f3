# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rollout's decisions: who takes part, in which waves, and what an outcome means (private)."""

from __future__ import annotations

from . import run_directory
from .account import Close, closing, lease_of, lost_elsewhere, outcomes, remembered, rows, way_back, whereabouts
from .baking import Bake, wait
from .clocks import Clocks, Timing, declared, set_clocks
from .config_view import Unpacked, View, before_of, running_profile, view_of
from .gate import Gate, Policy
from .joining import (
    ACTIVATED,
    BEGIN,
    CONFIRMED,
    STAGED,
    JobPart,
    absent,
    named,
    still_baking,
    wait_for_others,
    with_others,
)
from .judging import Judging
from .leaving_open import not_back, recorded_first, why_open
from .limit import require_fit_limit
from .masking import NOT_MASKED, READ, UNREAD, mask
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
from .opening import Opened, Opening, Package, check, open_rollout
from .plan import DEPLOY, LEFT_OUT, NONE, UNREHEARSED, HostPlan, Plan
from .planning import Wish
from .preflight import needed
from .profiles import SECRETS_PREFIX, HostInput, Made, Scope, make_profiles, render_again
from .recording import LEASE_SECONDS, catch_up, keep, later, record, registry_of
from .refusals import Blocker, Refusals
from .rehearsal import LEAVE_NEW, PHASES, astray, judge, rehearsals
from .strategy import STRATEGIES, Options, Wave, budget_of, site_budgets_of, waves
from .survey import NOT_READY, Survey
from .taking_back import TakenBack, take_back
from .unfinished import NEW, Unfinished, find_unfinished, fresh, newest_order
from .verdict import FINAL, Budget, Result, SiteBudgets, Verdict, counted, decide, final, good_outcomes
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
    "NOT_MASKED",
    "NOT_READY",
    "PHASES",
    "READ",
    "SECRETS_PREFIX",
    "STAGED",
    "STRATEGIES",
    "UNDO",
    "UNREAD",
    "UNREHEARSED",
    "Bake",
    "Blocker",
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
    "Made",
    "Moved",
    "Opened",
    "Opening",
    "Options",
    "Package",
    "Plan",
    "Policy",
    "Refusals",
    "Result",
    "Scope",
    "SiteBudgets",
    "Survey",
    "TakenBack",
    "Timing",
    "Unfinished",
    "Unpacked",
    "Verdict",
    "View",
    "Wave",
    "Wish",
    "Work",
    "absent",
    "before_of",
    "astray",
    "budget_of",
    "catch_up",
    "check",
    "clock_warning",
    "closing",
    "counted",
    "decide",
    "declared",
    "final",
    "find_unfinished",
    "fresh",
    "frozen_instead",
    "good_outcomes",
    "judge",
    "judge_moves",
    "keep",
    "later",
    "lease_of",
    "lost_elsewhere",
    "make_profiles",
    "mask",
    "named",
    "needed",
    "newest_order",
    "not_back",
    "open_rollout",
    "outcomes",
    "record",
    "recorded_first",
    "registry_of",
    "rehearsals",
    "remembered",
    "render_again",
    "require_fit_limit",
    "rows",
    "run_directory",
    "running_profile",
    "set_clocks",
    "shown_database",
    "site_budgets_of",
    "standing",
    "still_baking",
    "take_back",
    "to_freeze",
    "view_of",
    "wait",
    "wait_for_others",
    "waves",
    "way_back",
    "whereabouts",
    "why_open",
    "with_others",
    "work_of",
]
