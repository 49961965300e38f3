# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Watches the product from outside: tells where its steps begin and end, and stops it there.

Standard library and Python 3.8 only, because it runs on hosts too. The product knows nothing of it.

An *effect* is what the interpreter reports to audit hooks and is more than reading: files opened for writing, renamed
or removed, programs started, connections made; and a writing transaction of the registry, which SQLite does by itself.
A *step* is the call to which an effect belongs: of the open calls, the outermost in a file that does the work; where
there is none, the innermost in a file that only orders the work (``Place.ordering``). So no step is named here, and no
effect is outside of all steps.

In the directory that it is given lie: ``record``, a wish that each verb's steps be written to ``trace``;
``armed``, the boundaries at which it stops, a line each: of the first it says so by ``reached.0`` and waits for
``release.0``, and so on.
"""

from __future__ import annotations

import json
import os
import pathlib
import sys
import threading
import time
import types
import typing as t

__all__ = ["CONTROLLER", "HOLD_SECONDS", "HOST", "Hold", "Place", "Tracer"]

HOLD_SECONDS = 120.0
POLL_SECONDS = 0.02
EFFECTS = frozenset(
    (
        *("os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink"),
        *("os.truncate", "os.utime", "os.setxattr", "os.kill", "os.killpg", "os.fork", "os.posix_spawn", "os.exec"),
        *("subprocess.Popen", "socket.connect", "socket.bind", "fcntl.flock", "ctypes.dlopen"),
    )
)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
TRANSACTION = ("database.py", "write")


class Place(t.NamedTuple):
    """Where the product runs. marker: part of the path of all its files, what follows is their place in it.

    ordering: files that only order steps. verb: file (or directory) and function whose call begins a verb.
    """

    marker: str
    ordering: tuple[str, ...]
    verb: tuple[str, str]

    def file(self, code: types.CodeType) -> str:
        """The code's file in the product, empty where it is not of it."""
        return code.co_filename.rpartition(self.marker)[2] if self.marker in code.co_filename else ""


HOST = Place(
    "/relmgmt_host/",
    tuple(
        f"_host/{name}.py" for name in ("main", "stage", "switch", "running", "serving", "prune", "info", "instance")
    ),
    ("_host/main.py", "answer"),
)
CONTROLLER = Place(
    "/relmgmt/release/plugins/",
    ("action/", "plugin_utils/_action.py", "plugin_utils/_rollout/opening.py"),
    ("action/", "verb"),
)


class Call(t.NamedTuple):
    """One call of the product's code: its name, and how many of that name there were before it in the verb, plus 1."""

    number: int
    code: types.CodeType
    name: str
    ordinal: int
    orders: bool


class Hold:
    """The boundary at which the product is to stop, and what was asked of the tracer."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory

    @property
    def records(self) -> bool:
        return (self.directory / "record").exists()

    def armed(self) -> dict[str, int]:
        """The boundaries that were not reached yet, each with its number."""
        try:
            lines = (self.directory / "armed").read_text(encoding="utf-8").splitlines()
        except OSError:
            return {}
        return {line: n for n, line in enumerate(lines) if not (self.directory / f"reached.{n}").exists()}

    def write(self, entry: t.Mapping[str, t.Any]) -> None:
        """Add a line to the trace; writers are not mixed up."""
        with open(str(self.directory / "trace"), "a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")

    def count(self, name: str) -> int:
        """How often this was asked for this name in this directory, this time included; over all processes."""
        with open(str(self.directory / "counts"), "a+", encoding="utf-8") as stream:
            stream.write(name + "\n")
            stream.flush()
            stream.seek(0)
            return stream.read().split("\n").count(name)

    def stop(self, number: int) -> None:
        """Say that the boundary is reached, and wait to be released."""
        (self.directory / f"reached.{number}").write_text(str(os.getpid()), encoding="utf-8")
        release = self.directory / f"release.{number}"
        end = time.monotonic() + HOLD_SECONDS
        while not release.exists() and time.monotonic() < end:
            time.sleep(POLL_SECONDS)


class Tracer:
    """Follows one thread of one process from the beginning of a verb to its end, verb after verb."""

    def __init__(self, place: Place, hold: Hold) -> None:
        self._place, self._hold = place, hold
        self._stack: list[Call] = []
        self._begin("")

    def attach(self) -> None:
        """Watch from now on. Forked processes are watched too."""
        sys.addaudithook(self._audit)
        monitoring = getattr(sys, "monitoring", None)
        if monitoring is not None:
            self._attach_monitoring(monitoring)
        else:
            sys.setprofile(self._profile)

    def _profile(self, frame: types.FrameType, event: str, _argument: t.Any) -> None:
        if event == "call" and self._place.marker in frame.f_code.co_filename:
            self._call(frame)
        elif event == "return" and self._stack and self._place.marker in frame.f_code.co_filename:
            self._return(frame.f_code)

    def _attach_monitoring(self, monitoring: t.Any) -> None:
        """Costs nothing in other code, which is switched off where it is first met."""
        marker, events, tool = self._place.marker, monitoring.events, monitoring.PROFILER_ID

        def enter(code: types.CodeType, *_where: t.Any) -> t.Any:
            if marker not in code.co_filename:
                return monitoring.DISABLE
            self._call(sys._getframe(1))
            return None

        def leave(code: types.CodeType, *_where: t.Any) -> t.Any:
            if marker not in code.co_filename:
                return monitoring.DISABLE
            self._return(code)
            return None

        def unwind(code: types.CodeType, *_where: t.Any) -> None:
            if marker in code.co_filename:
                self._return(code)

        monitoring.use_tool_id(tool, "relmgmt-tracer")
        callbacks = {"PY_START": enter, "PY_RESUME": enter, "PY_RETURN": leave, "PY_YIELD": leave, "PY_UNWIND": unwind}
        for name, callback in callbacks.items():
            monitoring.register_callback(tool, getattr(events, name), callback)
        monitoring.set_events(tool, sum(getattr(events, name) for name in callbacks))

    def _call(self, frame: types.FrameType) -> None:
        code, file = frame.f_code, self._place.file(frame.f_code)
        if code.co_name.startswith("<"):
            return
        if not self._stack:
            where, function = self._place.verb
            if code.co_name != function or not file.startswith(where):
                return
            self._begin(str(frame.f_locals.get("verb") or pathlib.PurePath(file).stem))
        elif threading.get_ident() != self._thread:
            return
        name = pathlib.PurePath(file).stem + "." + code.co_name
        event = frame.f_locals.get("event")
        if event and isinstance(event, str):
            name += ":" + event
        ordinal = self._ordinals.get(name, 0) + 1
        self._ordinals[name] = ordinal
        self._number += 1
        call = Call(self._number, code, name, ordinal, file.startswith(self._place.ordering))
        self._stack.append(call)
        self._at(call, "before")
        if file.endswith(TRANSACTION[0]) and code.co_name == TRANSACTION[1]:
            self._mark()

    def _return(self, code: types.CodeType) -> None:
        if not self._stack or threading.get_ident() != self._thread or self._stack[-1].code is not code:
            return
        self._at(self._stack[-1], "after")
        self._stack.pop()
        if not self._stack:
            self._end()

    def _begin(self, verb: str) -> None:
        self._thread, self._number = threading.get_ident(), 0
        self._ordinals: dict[str, int] = {}
        self._marked: dict[int, Call] = {}
        self._timeline: list[tuple[str, int, float]] = []
        self._records, self._armed = bool(verb) and self._hold.records, self._hold.armed() if verb else {}
        times = self._hold.count(verb) if self._records or self._armed else 1
        self._verb = verb if times == 1 else f"{verb}#{times}"

    def _end(self) -> None:
        if self._records:
            steps = {number: label(call.name, call.ordinal) for number, call in self._marked.items()}
            events = [event for event in self._timeline if event[1] in steps]
            self._hold.write({"verb": self._verb, "steps": steps, "events": events})
            self._records = False

    def _at(self, call: Call, side: str) -> None:
        if self._records:
            self._timeline.append((side, call.number, time.monotonic()))
        if self._armed:
            number = self._armed.pop(f"{self._verb}/{label(call.name, call.ordinal)}/{side}", None)
            if number is not None:
                self._hold.stop(number)

    def _audit(self, event: str, arguments: tuple[t.Any, ...]) -> None:
        if not self._records or not self._stack or threading.get_ident() != self._thread:
            return
        if event == "open" and _writes(*arguments) or event in EFFECTS:
            self._mark()

    def _mark(self) -> None:
        """An effect: say to which step it belongs."""
        call = next((call for call in self._stack if not call.orders), self._stack[-1])
        self._marked[call.number] = call
        self._timeline.append(("effect", call.number, time.monotonic()))


def label(name: str, ordinal: int) -> str:
    """A name that comes again is told apart by its number."""
    return name if ordinal == 1 else f"{name}#{ordinal}"


def _writes(path: t.Any, _mode: t.Any, flags: t.Any) -> bool:
    """Whether a file is opened to be written; Python's own cache and the null device do not count."""
    name = str(path)
    return isinstance(flags, int) and bool(flags & WRITING) and "__pycache__" not in name and name != os.devnull


def main() -> None:
    """The interpreter of a host: ``-I -S -c CODE`` from the verb, with the tracer before it."""
    directory = pathlib.Path("/run/relmgmt-faults")
    hold = Hold(directory)
    code = sys.argv[sys.argv.index("-c") + 1]
    sys.argv = ["-c"]
    if hold.records or hold.armed():
        Tracer(HOST, hold).attach()
    exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})


if __name__ == "__main__":
    main()
