# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The callback progress, fed by hand: what it hides, what it never hides, and that nothing of it reaches the play."""

from __future__ import annotations

import atexit
import functools
import types
import typing as t

import pytest
from ansible.executor import task_result

from ansible_collections.relmgmt.release.plugins.callback import progress
from ansible_collections.relmgmt.release.plugins.plugin_utils._progress import Lines

OURS = "/x/ansible_collections/relmgmt/release/roles/rollout/tasks/wave.yml:1"
OPTIONS = {
    "display_ok_hosts": True,
    "display_skipped_hosts": True,
    "display_failed_stderr": False,
    "show_task_path_on_failure": False,
    "check_mode_markers": False,
    "show_custom_stats": False,
    "result_format": "json",
    "pretty_results": None,
    "result_indentation": 4,
}
ROLLOUT = {
    "id": "r1",
    "kind": "rollout",
    "package": "web/hello",
    "version": "2.0.0",
    "environment": "prod",
    "hosts": {"a": {"site": "ber", "action": "deploy", "reason": ""}},
    "waves": [{"index": 1, "name": "canary", "hosts": ["a"]}],
}


class Task:
    """As much of a task as callbacks look at."""

    no_log: t.ClassVar[bool] = False
    check_mode: t.ClassVar[bool] = False
    loop: t.ClassVar[None] = None
    ignore_unreachable: t.ClassVar[bool] = True
    resolved_action: t.ClassVar[None] = None
    delegate_to: t.ClassVar[None] = None

    def __init__(self, action: str, name: str = "A task", path: str = OURS) -> None:
        self.action, self.name, self.path, self._uuid = action, name, path, f"{name} {path}"
        self.args: dict[str, t.Any] = {}

    def get_name(self) -> str:
        return self.name

    def get_path(self) -> str:
        return self.path


class Host:
    def __init__(self, name: str) -> None:
        self.name = name

    def get_name(self) -> str:
        return self.name

    def __str__(self) -> str:
        return self.name


def result(task: Task, data: dict[str, t.Any], host: str = "a") -> t.Any:
    """As this ansible-core gives it to callbacks."""
    if not hasattr(task_result, "CallbackTaskResult"):
        return task_result.TaskResult(Host(host), task, data)
    names = {"host": Host(host), "task": task, "result": data, "exception": None, "warnings": [], "deprecations": []}
    fields: dict[str, t.Any] = {name: property(functools.partial(_value, value)) for name, value in names.items()}
    return type("Result", (), {**fields, **{f"_{name}": fields[name] for name in ("host", "task", "result")}})()


def _value(value: t.Any, _self: object) -> t.Any:
    return value


@pytest.fixture
def callback(monkeypatch: pytest.MonkeyPatch) -> progress.CallbackModule:
    monkeypatch.setenv("TERM", "dumb")
    made = progress.CallbackModule()
    atexit.unregister(made._end)
    monkeypatch.setattr(made, "get_option", OPTIONS.__getitem__)
    made._play = types.SimpleNamespace(strategy="linear")
    return made


def run(callback: progress.CallbackModule, task: Task, data: dict[str, t.Any]) -> None:
    """The task starts and ends, on one host."""
    callback.v2_playbook_on_task_start(task, False)
    if data.pop("failed", False):  # newer cores do not say it again in the result
        callback.v2_runner_on_failed(result(task, data))
    else:
        callback.v2_runner_on_ok(result(task, data))


def roll_out(callback: progress.CallbackModule) -> None:
    run(callback, Task("relmgmt.release.rollout_plan"), {"rollout": ROLLOUT, "summary": "one host"})
    run(callback, Task("relmgmt.release.release_stage"), {"outcome": "staged", "reason": "", "changed": True})
    verdict = {"wave": 0, "name": "stage", "verdict": "continue", "reason": "1 of 1 hosts are well"}
    run(callback, Task("relmgmt.release.rollout_verdict"), {"verdict": verdict})


def test_tasks_of_ours_are_told_of_in_lines_and_nothing_else(
    callback: progress.CallbackModule, capsys: pytest.CaptureFixture[str]
) -> None:
    roll_out(callback)
    run(callback, Task("ansible.builtin.set_fact", "Keep the plan"), {"ansible_facts": {"a": 1}})
    shown = capsys.readouterr().out
    assert shown == (
        "rollout of web/hello 2.0.0 to prod: 1 host, 1 wave (r1)\n"
        "[ 0:00] stage: 1 staged\n"
        "[ 0:00] stage continue: 1 of 1 hosts are well\n"
    )


def test_what_somebody_else_does_is_shown_as_ever(
    callback: progress.CallbackModule, capsys: pytest.CaptureFixture[str]
) -> None:
    run(callback, Task("ansible.builtin.command", "Theirs", "/site/play.yml:3"), {"changed": True})
    shown = capsys.readouterr().out
    assert "TASK [Theirs]" in shown
    assert "changed: [a]" in shown


def test_a_task_of_ours_that_fails_says_why_in_plain_words(
    callback: progress.CallbackModule, capsys: pytest.CaptureFixture[str]
) -> None:
    msg = "2 of 3 hosts are not ready\n  b: its disk is full\x1b[2J\n"
    run(callback, Task("relmgmt.release.rollout_plan", "Plan"), {"failed": True, "msg": msg, "code": "hosts-not-ready"})
    assert capsys.readouterr().out == "FAILED: Plan\n2 of 3 hosts are not ready\nb: its disk is full [2J\n"


def test_an_assertion_of_our_playbooks_that_fails_is_shown(
    callback: progress.CallbackModule, capsys: pytest.CaptureFixture[str]
) -> None:
    task = Task("ansible.builtin.assert", "Insist on hosts")
    run(callback, task, {"failed": True, "msg": "relmgmt_target matches no host"})
    shown = capsys.readouterr().out
    assert "TASK [Insist on hosts]" in shown
    assert "relmgmt_target matches no host" in shown


def test_what_is_hidden_by_no_log_stays_hidden(
    callback: progress.CallbackModule, capsys: pytest.CaptureFixture[str]
) -> None:
    roll_out(callback)
    run(callback, Task("relmgmt.release.release_activate"), {"censored": "it is hidden", "changed": True})
    callback.v2_playbook_on_stats(types.SimpleNamespace())
    assert "a unknown: nothing is known of it" in capsys.readouterr().out


def test_a_rollout_that_failed_ends_with_why_and_what_to_do(
    callback: progress.CallbackModule, capsys: pytest.CaptureFixture[str]
) -> None:
    roll_out(callback)
    skipped = result(Task("relmgmt.release.release_revert"), {"skip_reason": "a condition"})
    callback.v2_runner_on_skipped(skipped)
    data = {"failed": True, "msg": "The rollout r1 failed: a is sick", "code": "rollout-failed"}
    run(callback, Task("relmgmt.release.rollout_close"), data)
    callback.v2_playbook_on_stats(types.SimpleNamespace())
    shown = capsys.readouterr().out
    assert shown.count("The rollout r1 failed: a is sick") == 1
    assert "hosts       1 staged" in shown
    assert "next        mend the cause and run the same command again" in shown


def test_a_host_that_cannot_be_reached_is_counted_and_named(
    callback: progress.CallbackModule, capsys: pytest.CaptureFixture[str]
) -> None:
    roll_out(callback)
    task = Task("relmgmt.release.release_activate")
    callback.v2_playbook_on_task_start(task, False)
    callback.v2_runner_on_unreachable(result(task, {"msg": "no route to host"}))
    callback.v2_playbook_on_stats(types.SimpleNamespace())
    shown = capsys.readouterr().out
    assert "UNREACHABLE!" not in shown
    assert "not well    a unreachable: no route to host" in shown
    assert "next        run the same command again" in shown


class Broken:
    """A terminal that cannot be drawn on."""

    def __init__(self, _clock: t.Any) -> None:
        raise OSError("the terminal is gone")


def test_a_screen_that_breaks_gives_way_to_lines(
    callback: progress.CallbackModule, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "Screen", Broken)
    callback._plain = False
    roll_out(callback)
    said = capsys.readouterr()
    assert "the terminal is gone" in said.err
    assert "[ 0:00] stage continue: 1 of 1 hosts are well" in said.out


def test_what_cannot_be_told_does_not_reach_the_play(
    callback: progress.CallbackModule, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: t.Any) -> t.NoReturn:
        raise KeyError("a mistake of ours")

    monkeypatch.setattr(Lines, "on", fail)
    roll_out(callback)
    assert "The progress cannot be told (KeyError: 'a mistake of ours')" in capsys.readouterr().out


@pytest.mark.parametrize("data", [{"verdict": {}}, {"verdict": None}, {"verdict": []}])
def test_a_result_of_another_form_does_not_reach_the_play(
    callback: progress.CallbackModule, capsys: pytest.CaptureFixture[str], data: dict[str, t.Any]
) -> None:
    run(callback, Task("relmgmt.release.rollout_verdict"), data)
    assert "cannot be told" in capsys.readouterr().out
