# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parent's side of the child that works on what packages bring (private).

A fresh interpreter rather than a fork of the Ansible worker: it has no threads, no vault passwords, no open connections
and no environment of ours, its memory limit starts from zero, and it costs some 0.1 s once per run.

The child tells what it is at before it begins it, so that one that had to be killed can be blamed on host and template.
Messages are lines of JSON, nothing is unpickled.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import typing as t

from ...module_utils._model.errors import BackendError, InputError, RelmgmtError, combined, error_from_dict
from .limits import Limits

__all__ = ["run_job"]

_ENTRY = pathlib.Path(__file__).with_name("entry.py")
_OUT_OF_TIME = (-signal.SIGPROF, -signal.SIGXCPU)
_SHOWN = 5
_ENDLESS = {
    "schema": "Look for patterns that backtrack, such as (a+)+, and for circles of $ref.",
    "template": "Look for loops inside loops, and for macros that call themselves.",
}
Answer = dict[str, t.Any]


def run_job(job: str, payload: collections.abc.Mapping[str, t.Any], *, limits: Limits) -> list[Answer]:
    """Run the job in a child and return its results.

    Raises:
        RelmgmtError: what the child found wrong, all of it; or ``template-endless``, ``schema-endless``,
            ``template-too-large``, ``render-crashed`` if it had to be ended or ended by itself.
    """
    data = json.dumps({"job": job, "limits": dataclasses.asdict(limits), **payload}, sort_keys=True)
    path = [entry for entry in sys.path if os.path.isabs(entry)]
    output, code = _run(f"{json.dumps(path)}\n{data}\n".encode(), limits)
    answers = [t.cast("Answer", json.loads(line)) for line in output.splitlines() if line.endswith(b"}")]
    _raise_errors([answer["error"] for answer in answers if "error" in answer])
    if code != 0 or not answers or "done" not in answers[-1]:
        place = next((answer["at"] for answer in reversed(answers) if "at" in answer), None)
        raise _ended(code, place, limits)
    return [answer["result"] for answer in answers if "result" in answer]


def _run(data: bytes, limits: Limits) -> tuple[bytes, int | None]:
    """Output and exit code; the code is None if the wall clock ended the child."""
    environment = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    try:
        child = subprocess.Popen(
            [sys.executable, "-I", "-B", str(_ENTRY)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={**environment, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
        )
    except OSError as exc:
        raise BackendError("render-crashed", f"{sys.executable or 'Python'} cannot be started: {exc.strerror}") from exc
    with child:
        try:
            return child.communicate(data, timeout=limits.wall_seconds)[0], child.returncode
        except subprocess.TimeoutExpired:
            child.kill()
            return child.communicate()[0], None
        except BaseException:
            child.kill()
            raise


def _raise_errors(found: collections.abc.Sequence[Answer]) -> None:
    """The same error of several hosts is told once, with their names."""
    grouped: dict[str, tuple[RelmgmtError, list[str]]] = {}
    for data in found:
        error = error_from_dict(data)
        grouped.setdefault(f"{error.code} {error}", (error, []))[1].append(str(data.get("host", "")))
    errors: list[RelmgmtError] = []
    for error, hosts in grouped.values():
        more = f" and {len(hosts) - _SHOWN} more" if len(hosts) > _SHOWN else ""
        names = ", ".join(filter(None, hosts[:_SHOWN])) + more
        errors.append(type(error)(error.code, f"{names}: {error.message}" if names else error.message, hint=error.hint))
    if errors:
        raise combined(errors)


def _ended(code: int | None, place: Answer | None, limits: Limits) -> RelmgmtError:
    if place is None:
        ended = f"ended before it began (exit code {code})"
        if code is None:
            ended = f"had not begun after {limits.wall_seconds:g} s in all"
        return BackendError(
            "render-crashed",
            f"The process that renders profiles {ended}",
            hint=f"See whether {sys.executable} can import jinja2 and jsonschema.",
        )
    where = f"{place['host']}: {place['what']}"
    subject = "schema" if place.get("job") == "configure" else "template"
    if code is None or code in _OUT_OF_TIME:
        given = f"{limits.wall_seconds:g} s in all" if code is None else f"{limits.step_seconds:g} s of processor time"
        return InputError(f"{subject}-endless", f"{where}: not done within {given}", hint=_ENDLESS[subject])
    if code == -signal.SIGKILL:
        return InputError(f"{subject}-too-large", f"{where}: the system ended it, most likely for want of memory")
    return BackendError("render-crashed", f"{where}: the process that renders it ended with exit code {code}")
