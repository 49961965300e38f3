# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: progress
type: stdout
short_description: Show how far a rollout is
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - Shows the rollouts, rollbacks and rehearsals of this collection as a grid of waves and sites that is drawn anew in
    place, with what hosts stand on, the verdict and its reason, how long it still takes, and the bake behind a wave.
  - In a pipe, in AWX, with E(NO_COLOR), with E(TERM) V(dumb) and without the Python package C(rich), it prints a line
    for each step of a wave instead.
  - Tasks that are not of this collection are shown as P(ansible.builtin.default#callback) shows them. Of those that
    are, only failures are shown; with C(-v) everything is, and nothing is drawn.
  - Instead of the recap, it ends with what came of the rollout, which hosts are not well, and what to do next.
extends_documentation_fragment:
  - default_callback
  - result_format_callback
requirements:
  - set as stdout in configuration, C(stdout_callback = relmgmt.release.progress)
  - rich (Python package), for the grid
"""

import atexit
import contextlib
import os
import sys
import time
import typing as t

import ansible.constants as C
from ansible.plugins.callback.default import CallbackModule as Default

from ..plugin_utils._progress import (
    STEPS,
    Began,
    Event,
    Lines,
    Said,
    Screen,
    event_of,
    screen_wanted,
    summary,
)
from ..plugin_utils._safe_text import safe

_PREFIX = "relmgmt.release."
_OURS = "/ansible_collections/relmgmt/release/"
_ASKS = ("pause", "ansible.builtin.pause")
_LONG = 2000


class CallbackModule(Default):
    """The default callback, but for what is of this collection. Whatever goes wrong here never reaches the play."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "relmgmt.release.progress"

    def __init__(self) -> None:
        super().__init__()
        self._lines = Lines()
        self._screen: Screen | None = None
        self._plain = self._verbose or not screen_wanted(sys.stdout)
        self._showing = False
        self._process = os.getpid()
        atexit.register(self._end)

    # --- what happens ---

    def v2_playbook_on_play_start(self, play: t.Any) -> None:
        if self._hides(play):
            self._play = play
        else:
            super().v2_playbook_on_play_start(play)

    def v2_playbook_on_no_hosts_matched(self) -> None:
        if not self._hides(self._play):
            super().v2_playbook_on_no_hosts_matched()

    def v2_playbook_on_task_start(self, task: t.Any, is_conditional: bool) -> None:
        super().v2_playbook_on_task_start(task, is_conditional)
        if task.action in _ASKS:
            self._suspend()
        elif _verb(task) in STEPS:
            self._tell(Began(STEPS[_verb(task)]))

    def v2_playbook_on_include(self, included_file: t.Any) -> None:
        if self._verbose or _OURS not in str(included_file._filename):
            super().v2_playbook_on_include(included_file)

    def v2_playbook_on_vars_prompt(self, *args: t.Any, **options: t.Any) -> None:
        self._suspend()
        super().v2_playbook_on_vars_prompt(*args, **options)

    def v2_runner_on_ok(self, result: t.Any) -> None:
        self._ended(result, super().v2_runner_on_ok)

    def v2_runner_on_skipped(self, result: t.Any) -> None:
        if self._hides(_of(result, "task")):
            self._handle(result)
        else:
            super().v2_runner_on_skipped(result)

    def v2_runner_item_on_ok(self, result: t.Any) -> None:
        if not self._hides(_of(result, "task")):
            super().v2_runner_item_on_ok(result)

    def v2_runner_item_on_skipped(self, result: t.Any) -> None:
        if not self._hides(_of(result, "task")):
            super().v2_runner_item_on_skipped(result)

    def v2_runner_item_on_failed(self, result: t.Any) -> None:
        with self._shown():
            super().v2_runner_item_on_failed(result)

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        task, data = _of(result, "task"), _of(result, "result")
        event = self._event(result, failed=True)
        if not (self._hides(task) and _verb(task) and "msg" in data):
            with self._shown():
                super().v2_runner_on_failed(result, ignore_errors=ignore_errors)
        elif event is None:
            self._handle(result)
            told = [safe(line, limit=_LONG) for line in str(data["msg"]).splitlines()]
            self._print([f"FAILED: {task.get_name()}", *told], color=C.COLOR_ERROR)
        self._tell(event)

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        event = self._event(result, unreachable=True)
        if event is None or not self._hides(_of(result, "task")):
            with self._shown():
                super().v2_runner_on_unreachable(result)
        self._tell(event)

    def v2_on_file_diff(self, result: t.Any) -> None:
        with self._shown():
            super().v2_on_file_diff(result)

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        if self._lines.run is None or self._verbose or self.get_option("show_custom_stats"):
            super().v2_playbook_on_stats(stats)
        self._end()

    # --- how it is shown ---

    @property
    def _verbose(self) -> bool:
        return bool(self._display.verbosity > 0)

    def _hides(self, thing: t.Any) -> bool:
        """Whether a play or task is ours, so that only what it means for the rollout is shown. What a playbook of ours
        shows where there is no rollout is all that it is about."""
        shows = getattr(thing, "action", "") == "ansible.builtin.debug" and self._lines.run is None
        return not (self._verbose or shows) and _within(thing)

    def _ended(self, result: t.Any, show: t.Callable[[t.Any], None]) -> None:
        if self._hides(_of(result, "task")):
            self._handle(result)
        else:
            show(result)
        self._tell(self._event(result))

    @contextlib.contextmanager
    def _shown(self) -> t.Iterator[None]:
        """What is shown now has its banner, though it is ours."""
        self._showing = True
        try:
            yield
        finally:
            self._showing = False

    def _print_task_banner(self, task: t.Any) -> None:
        if self._showing or not self._hides(task):
            super()._print_task_banner(task)

    def _handle(self, result: t.Any) -> None:
        """Show warnings and deprecations."""
        if hasattr(self, "_handle_warnings_and_exception"):
            self._handle_warnings_and_exception(result)
        else:  # ansible-core before 2.19
            self._handle_warnings(_of(result, "result"))

    def _event(self, result: t.Any, **how: bool) -> Event | None:
        """how: it ended, which not every ansible-core says in the result."""
        task = _of(result, "task")
        verb = _verb(task)
        try:
            data = {**_of(result, "result"), **how}
            return event_of(verb, str(_of(result, "host")), data, check=bool(task.check_mode))
        except (LookupError, TypeError, ValueError) as exc:
            return Said(safe(f"What {verb} says cannot be told ({type(exc).__name__}: {exc})"))

    def _tell(self, event: Event | None) -> None:
        """Take the event in, and draw or print what is new."""
        if event is None:
            return
        with self._screen.still() if self._screen else contextlib.nullcontext():
            told = self._safely(lambda: self._lines.on(event, time.monotonic()))
        self._print(told if isinstance(event, Said) or not self._drawn() else [])

    def _drawn(self) -> bool:
        """Whether the run is drawn; a screen that breaks gives way to lines."""
        run = self._lines.run
        if self._plain or run is None:
            return False
        try:
            self._screen = self._screen or Screen(time.monotonic)
            self._screen.show(run)
        except Exception as exc:  # nothing that only shows a rollout may end it
            self._plain = True
            self._suspend()
            self._display.warning(f"The progress cannot be drawn, lines tell of it: {safe(exc)}")
        return not self._plain

    def _end(self) -> None:
        """Leave the last drawing and tell how it ended; also when somebody interrupts it, who gets no statistics."""
        run, self._lines = self._lines.run, Lines()
        if run is None or self._process != os.getpid():
            return
        with contextlib.suppress(Exception):
            if self._screen is not None:
                self._screen.stop(leave=True)
        self._print(["", *self._safely(lambda: summary(run, time.monotonic()))])

    def _suspend(self) -> None:
        """Leave the terminal to somebody else; the next event draws again."""
        with contextlib.suppress(Exception):
            if self._screen is not None:
                self._screen.stop(leave=False)

    @staticmethod
    def _safely(tell: t.Callable[[], list[str]]) -> list[str]:
        try:
            return tell()
        except Exception as exc:  # as above
            return [safe(f"The progress cannot be told ({type(exc).__name__}: {exc})")]

    def _print(self, lines: t.Iterable[str], *, color: str | None = None) -> None:
        for line in lines:
            self._display.display(line, color=color)


def _of(result: t.Any, name: str) -> t.Any:
    """``host``, ``task`` or ``result``; before ansible-core 2.19 they had an underscore."""
    return getattr(result, name) if hasattr(result.__class__, name) else getattr(result, f"_{name}")


def _verb(task: t.Any) -> str:
    """The verb of this collection that a task runs; empty where it runs another action."""
    action = str(getattr(task, "resolved_action", None) or task.action)
    return action.removeprefix(_PREFIX) if action.startswith(_PREFIX) else ""


def _within(thing: t.Any) -> bool:
    """Whether it is written in a file of this collection."""
    try:
        return _OURS in str(thing.get_path())
    except (AttributeError, TypeError):
        return False
