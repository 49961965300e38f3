# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base of host verbs: one round trip to the host engine, whatever the connection and the become method (private).

Standard library, ansible-core and ``_model`` only: every import here is paid by each verb.
"""

from __future__ import annotations

import json
import shlex
import typing as t

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase

from ..module_utils._model import outcome
from ..module_utils._model.errors import BackendError, InputError, RelmgmtError, error_from_dict
from ..module_utils._model.wire import MARK
from ._action import plain
from ._engine import BOOT, CANDIDATES, engine_bytes
from ._host_back import NOT_BACK, PASSING, ask_when_back
from ._spec import argument_spec

__all__ = ["HostAction", "Request"]

TOO_OLD, NOT_FOUND = 196, 197
ROUNDS = 4  # of files that a host turns out to lack
Result = dict[str, t.Any]
_STATES = (outcome.ABSENT, outcome.ADOPTED, outcome.REPLACED)
_OUTCOMES = ("ok", *_STATES, outcome.MIGRATED, outcome.FROZEN, outcome.THAWED, *outcome.OUTCOMES)
_ANSWER: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("outcome", "reason", "version", "cause", "code", "database", "before"), str),
    **dict.fromkeys(("deployment", "from", "to"), int),
    **dict.fromkeys(("diff", "host", "release", "service"), dict),
    **dict.fromkeys(("probes", "removed", "kept", "repaired", "steps", "companions", "resealed"), list),
    **dict.fromkeys(("changed", "inconclusive"), bool),
    **dict.fromkeys(("recovered", "after", "failing"), (str, type(None))),
    **dict.fromkeys(("awaits", "seconds", "takes"), (int, float)),
    "adopted": (dict, type(None)),
}


class Request(t.NamedTuple):
    """What the engine is asked: verb, parameters, and for staging a function that packs the files it asks for."""

    verb: str
    params: dict[str, t.Any]
    payload: t.Callable[[set[str] | None], bytes] | None = None


class HostAction(ActionBase):
    """A verb that one host carries out. A subclass is named by its file and implements ``request``.

    The result always has ``outcome``. With ``on_failure: fail`` (the default) an outcome outside ``GOOD`` fails the
    task; a rollout passes ``report``, because ansible-core's own failure handling cannot run a fleet.
    """

    _supports_check_mode = True
    _supports_async = False
    GOOD: t.ClassVar[tuple[str, ...]] = ()
    ANEW: t.ClassVar[bool] = False  # ask over a new connection: one that is kept open proves nothing about the host

    def run(self, tmp: None = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        """Validate, ask the host, turn whatever comes back into an outcome. For a fleet, ask once more where what stood
        in the way may have passed."""
        result = super().run(tmp, task_vars)
        name = type(self).__module__.rpartition(".")[2]
        _validated, values = self.validate_argument_spec(argument_spec=argument_spec(name))
        params = plain(values)
        answer = self._answer(params, task_vars or {})
        if params["on_failure"] == "report" and answer.get("code") in PASSING:
            answer = self._answer(params, task_vars or {})
        if self._task.check_mode and "diff" in answer:
            answer["changes"] = answer["diff"]
        if not self._task.diff:
            answer.pop("diff", None)
        if params["on_failure"] == "fail" and ("code" in answer or answer["outcome"] not in self.GOOD):
            message = answer.get("reason") or f"the outcome is {answer['outcome']}"
            return {**result, "code": f"host-{answer['outcome']}", **answer, "failed": True, "msg": message}
        return {**result, **answer}

    def _answer(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> Result:
        try:
            answer = _known(self._ask(self.request(params), task_vars))
            return self._after_boot(params, answer, task_vars) if "awaits" in answer else answer
        except AnsibleConnectionFailure as exc:
            return _undecided(outcome.UNREACHABLE, "host-unreachable", str(exc))
        except RelmgmtError as exc:
            return _undecided(outcome.UNREACHABLE if exc.code == NOT_BACK else outcome.FAILED, exc.code, str(exc))
        except (AnsibleError, LookupError, TypeError, ValueError) as exc:
            # Whatever one host or its connection does, it must not take the fleet's verdict with it.
            return _undecided(outcome.UNKNOWN, "host-answer-malformed", f"{type(exc).__name__}: {exc}")

    def request(self, params: dict[str, t.Any]) -> Request:
        """The request that the task's parameters stand for; raise RelmgmtError where there is none."""
        raise NotImplementedError

    def address(self, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        """The parameters that name an instance, as every request carries them."""
        return {key: params[key] for key in ("root", "package", "instance", "fence") if key in params}

    def _ask(self, request: Request, task_vars: dict[str, t.Any]) -> Result:
        payload = request.payload(None) if request.payload and not self._task.check_mode else b""
        answer = self._send(request, payload, task_vars)
        for _round in range(ROUNDS):
            if "need" not in answer or not request.payload:
                break
            # The host lost files that we took for granted: send exactly those.
            answer = self._send(request, request.payload(set(answer["need"]["objects"])), task_vars)
        if "error" in answer:
            raise error_from_dict(answer["error"])
        return t.cast(Result, answer["result"])

    def _after_boot(self, params: t.Mapping[str, t.Any], answer: Result, task_vars: dict[str, t.Any]) -> Result:
        """What came of a switch for which the host is started anew. Holding it for no time only asks."""
        wanted = {**self.address(params), "deployment": answer["deployment"], "seconds": 0}

        def ask() -> Result:
            self._reset()
            try:
                return _known(self._ask(Request("hold", wanted), task_vars))
            except AnsibleConnectionFailure as exc:
                raise BackendError("host-unreachable", str(exc)) from exc

        later = ask_when_back(ask, seconds=answer.pop("awaits"))
        return {**answer, **later, "changed": True}

    def _reset(self) -> None:
        """Let the next question go over a new connection."""
        if hasattr(self._connection, "reset"):
            self._connection.reset()

    def _send(self, request: Request, payload: bytes, task_vars: dict[str, t.Any]) -> Result:
        engine = engine_bytes()
        header = json.dumps(
            {
                "verb": request.verb,
                "params": request.params,
                "check": bool(self._task.check_mode),
                "payload": len(payload),
            }
        )
        first = f"{len(engine)} {_place(request.params)}".encode("utf-8", "surrogateescape")
        data = b"%s\n%s%s\n%s" % (first, engine, header.encode("utf-8"), payload)
        if self.ANEW:
            self._reset()
        done = self._low_level_execute_command(self._command(task_vars), in_data=data, sudoable=True)
        for line in reversed(str(done["stdout"]).splitlines()):
            if line.startswith(MARK):
                return t.cast(Result, json.loads(line[len(MARK) :]))
        raise _silent(int(done["rc"]), str(done.get("stderr") or done["stdout"]))

    def _command(self, task_vars: dict[str, t.Any]) -> str:
        """The command line. The interpreter is the inventory's, or the first on the host that is new enough."""
        configured = self._templar.template(task_vars.get("ansible_python_interpreter") or "auto")
        boot = shlex.quote(BOOT)
        if not str(configured).startswith("auto"):
            return f"{configured} -I -S -c {boot}"
        search = (
            f"for p in {' '.join(CANDIDATES)}; do"
            f" if \"$p\" -I -S -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null </dev/null; then"
            f' exec "$p" -I -S -c {boot}; fi; done;'
            f" command -v python3 >/dev/null && exit {TOO_OLD}; exit {NOT_FOUND}"
        )
        return f"/bin/sh -c {shlex.quote(search)}"


def _place(params: t.Mapping[str, t.Any]) -> str:
    """The directory of the instance that is meant, where a host may find its engine compiled; empty where none is."""
    parts = [str(params.get(name) or "") for name in ("root", "package", "instance")]
    return "/".join(parts) if all(parts) and "\n" not in "".join(parts) else ""


def _known(answer: t.Mapping[str, t.Any]) -> Result:
    """What a host may say, and nothing else: the result of a task can steer Ansible, and hosts are not trusted to.

    Raises:
        ValueError: it says something in another form than the engine does.
    """
    found = {name: answer[name] for name in _ANSWER if name in answer}
    for name, value in found.items():
        if not isinstance(value, _ANSWER[name]):
            raise ValueError(f"{name} is a {type(value).__name__}")
    if found.get("outcome") not in _OUTCOMES:
        raise ValueError("the outcome is none that there is")
    if found.get("cause", outcome.HOST) not in outcome.CAUSES:
        raise ValueError("the cause is none that there is")
    return {"changed": False, **found}


def _undecided(result: str, code: str, reason: str) -> Result:
    return {"outcome": result, "changed": False, "reason": reason, "code": code}


def _silent(code: int, text: str) -> RelmgmtError:
    """Why the engine did not answer."""
    tail = text.strip()[-300:] or "no output"
    if code == TOO_OLD:
        return InputError(
            "host-python-too-old", "The host's Python is older than 3.8", hint="Install Python 3.8 or newer there."
        )
    if code in (NOT_FOUND, 127):
        return InputError(
            "host-python-missing",
            "There is no python3 on the host",
            hint="Install Python 3.8 or newer there, or name it by ansible_python_interpreter.",
        )
    return BackendError("host-silent", f"The host engine gave no answer (exit code {code}): {tail}")
