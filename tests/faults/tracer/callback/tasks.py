# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Callback plugin of ansible-playbook: every task of the playbooks is a step of the controller."""

from __future__ import annotations

import importlib
import os
import pathlib
import time
import typing as t

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: tasks
type: aggregate
short_description: Tell the tracer of the fault sweep where tasks begin
description: Ansible calls it in the process that hands tasks out, so to hold it here is to hold the run.
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]  # ansible-core ships no types
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "tasks"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._tracer = importlib.import_module("relmgmt_tracer")
        self._hold = self._tracer.Hold(pathlib.Path(os.environ["RELMGMT_FAULTS"]))
        self._counts: dict[str, int] = {}

    def v2_playbook_on_task_start(self, task: t.Any, is_conditional: bool) -> None:
        self._at(f"task:{task.name}", "before")

    def v2_runner_on_ok(self, result: t.Any) -> None:
        if self._hold.records:
            about = {"result": result.task.name, "host": result.host.name, "changed": result.is_changed()}
            self._hold.write({**about, "time": time.monotonic()})

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        self._at("playbook", "after")

    def _at(self, name: str, side: str) -> None:
        self._counts[name] = self._counts.get(name, 0) + 1
        boundary = f"{self._tracer.label(name, self._counts[name])}/{side}"
        if self._hold.records:
            self._hold.write({"boundary": boundary, "time": time.monotonic()})
        number = self._hold.armed().get(boundary)
        if number is not None:
            self._hold.stop(number)
