# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The child: takes one job, keeps to its limits, tells what it is at (private).

Runs in an interpreter of its own (process.py). It says ``at`` before each step, then ``result`` or ``error``, and
``done`` at the end. Processor time that runs out ends the process by a signal that nothing in it can catch.
"""

from __future__ import annotations

import contextlib
import json
import resource
import signal
import traceback
import typing as t

from ...module_utils._model.errors import BackendError, RelmgmtError
from .limits import Limits

__all__ = ["Speaker", "serve"]

Message = dict[str, t.Any]


class TooMuchError(Exception):
    """The answer is longer than the limit."""


class Speaker:
    """Writes messages, and restarts the clock of a step."""

    def __init__(self, job: str, out: t.BinaryIO, limits: Limits) -> None:
        self.limits = limits
        self._job, self._out, self._left = job, out, limits.total_bytes

    def at(self, host: str, what: str) -> None:
        """The step that begins now; it may use ``step_seconds`` of processor time."""
        self._say({"at": {"host": host, "what": what, "job": self._job}})
        signal.setitimer(signal.ITIMER_PROF, self.limits.step_seconds)

    def result(self, result: Message) -> None:
        self._say({"result": result})

    def error(self, error: RelmgmtError, *, host: str = "") -> None:
        self._say({"error": {**error.to_dict(), "host": host}})

    def done(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        self._say({"done": True})

    def _say(self, message: Message) -> None:
        line = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        self._left -= len(line)
        if self._left < 0 and "error" not in message:
            raise TooMuchError
        self._out.write(line)
        self._out.flush()


def serve(source: t.BinaryIO, out: t.BinaryIO) -> None:
    """Read the job, do it, answer."""
    request = json.loads(source.readline())
    limits = Limits(**request["limits"])
    speaker = Speaker(request["job"], out, limits)
    try:
        work = _job(request["job"])
        _confine(limits)
        work(request, speaker)
        speaker.done()
    except RelmgmtError as exc:
        speaker.error(exc)
    except TooMuchError:
        message = f"All profiles together are larger than {limits.total_bytes} bytes"
        speaker.error(BackendError("template-too-large", message, hint="Make the files smaller."))
    except Exception as exc:  # The parent sees nothing but messages; a text of unknown making could hold a secret.
        place = traceback.extract_tb(exc.__traceback__)[-1]
        speaker.error(BackendError("render-crashed", f"{type(exc).__name__} in {place.filename}:{place.lineno}"))


def _job(name: str) -> t.Callable[[Message, Speaker], None]:
    """The job of that name; only now is its library imported."""
    if name == "configure":
        from .configuring import configure_hosts

        return configure_hosts
    if name == "fit":
        from .fitting import fit_secrets

        return fit_secrets
    from .rendering import render_hosts

    return render_hosts


def _confine(limits: Limits) -> None:
    """No more memory and time than allowed, no file, no core dump."""
    for what, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_AS, limits.memory),
    ):
        with contextlib.suppress(ValueError, OSError):  # A system may not know the limit, or have set a lower one.
            resource.setrlimit(what, (value, value))
