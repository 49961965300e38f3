# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The front door: one request in, one answer out (private).

A request is one line of JSON ``{"verb", "params", "check", "payload"}`` on standard input, followed by ``payload``
bytes (a compressed tar of files by digest). The answer is one line that begins with ``MARK``; whatever else a login
prints is passed over.

An engine that runs from memory is compiled at every call, so a verb imports its own part when it is asked.
"""

from __future__ import annotations

import io
import json
import os
import pathlib
import time
import typing as t

from .._model import outcome
from .._model.adopts import Adopts
from .._model.errors import BackendError, InputError, RelmgmtError
from .._model.wire import MARK
from .instance import Instance, NeedObjects, Tools
from .lock import LOCK_WAIT, Fence, check_fence, locked
from .process import Runner
from .root import check_root

if t.TYPE_CHECKING:
    from .switch import Switching

__all__ = ["MARK", "VERBS", "answer", "boottime", "main", "real_tools"]

_LEAST = 19
Answer = t.Dict[str, t.Any]
Params = t.Mapping[str, t.Any]


class Request(t.NamedTuple):
    """What is asked, with what came along."""

    params: Params
    check: bool
    payload: t.BinaryIO | None
    engine: bytes
    tools: Tools


def _stage(instance: Instance, request: Request) -> Answer:
    from .._model.manifest import Manifest
    from .._model.profile import Profile
    from .companions import Companion
    from .stage import Staging

    manifest, profile = Manifest.from_dict(request.params["manifest"]), Profile.from_dict(request.params["profile"])
    lost = request.params.get("lost")
    adopt = bool(request.params.get("adopt"))
    staging = Staging(
        instance,
        manifest,
        profile,
        request.tools,
        engine=request.engine,
        lost=lost,
        adopt=adopt,
        companions=Companion.all_of(request.params.get("companions") or ()),
    )
    return staging.predict() if request.check else staging.run(request.payload)


def _activate(instance: Instance, request: Request) -> Answer:
    timeout = request.params.get("confirm_timeout")
    return _switching(instance, request).activate(
        int(request.params["deployment"]),
        confirm_timeout=None if timeout is None else float(timeout),
        check=request.check,
    )


def _confirm(instance: Instance, request: Request) -> Answer:
    result = _switching(instance, request).confirm(
        int(request.params["deployment"]),
        reason=str(request.params.get("reason") or ""),
        probe=bool(request.params.get("probe")),
        check=request.check,
    )
    final = result["outcome"] == outcome.CONFIRMED and result["changed"] and not request.check
    return dict(result, **_tidy(instance, request, result["reason"])) if final else result


def _tidy(instance: Instance, request: Request, reason: str) -> Answer:
    """What may go once a deployment is final. Whatever goes wrong with that, it is final."""
    from .prune import Retention, prune

    try:
        retention = Retention.of(request.params)
        if retention is None:
            return {}
        return {"removed": prune(instance, retention, now=time.time(), check=False)["removed"]}
    except Exception as exc:  # as at the front door: an answer that says confirmed has to reach the controller
        problem = f"older releases were not removed: {exc}"
        return {"reason": f"{reason}; {problem}" if reason else problem}


def _hold(instance: Instance, request: Request) -> Answer:
    return _switching(instance, request).hold(
        int(request.params["deployment"]),
        seconds=float(request.params["seconds"]),
        reason=str(request.params.get("reason") or ""),
        check=request.check,
    )


def _revert(instance: Instance, request: Request) -> Answer:
    deployment, to = (request.params.get(name) for name in ("deployment", "to"))
    return _switching(instance, request).revert(
        deployment=None if deployment is None else int(deployment),
        to=None if to is None else int(to),
        version=str(request.params.get("version") or ""),
        reason=str(request.params.get("reason") or ""),
        check=request.check,
    )


def _switching(instance: Instance, request: Request) -> Switching:
    from .switch import Switching

    return Switching(instance, request.tools)


def _prune(instance: Instance, request: Request) -> Answer:
    from .prune import Retention, prune

    return prune(instance, Retention.of(request.params) or Retention(), now=time.time(), check=request.check)


def _migrate(instance: Instance, request: Request) -> Answer:
    from .migrating import migrate

    deployment, names = int(request.params["deployment"]), ("database", "to", "direction")
    told = {name: str(request.params.get(name) or "") for name in names}
    return migrate(instance, request.tools, deployment, check=request.check, **told)


def _freeze(instance: Instance, request: Request) -> Answer:
    from .freezing import freeze, thaw

    reason = str(request.params.get("reason") or "")
    if request.params["state"] == "absent":
        return thaw(instance, reason=reason, check=request.check)
    return freeze(instance, int(request.params["deployment"]), reason=reason, check=request.check)


VERBS: dict[str, t.Callable[[Instance, Request], Answer]] = {
    "stage": _stage,
    "activate": _activate,
    "confirm": _confirm,
    "hold": _hold,
    "revert": _revert,
    "prune": _prune,
    "migrate": _migrate,
    "freeze": _freeze,
}


def answer(verb: str, request: Request) -> Answer:
    """Carry the verb out. Raises RelmgmtError, NeedObjects."""
    root = pathlib.Path(str(request.params["root"]))
    if verb == "info":
        return _info(root, request)
    if verb not in VERBS:
        raise InputError("verb-unknown", f"the engine does not know {verb!r}")
    check_root(root, write=verb == "stage")
    instance = Instance(root, str(request.params["package"]), str(request.params["instance"]))
    fence = request.params.get("fence")
    fence = Fence(str(fence["registry"]), int(fence["token"])) if fence else None
    if request.check:
        check_fence(instance.disk, instance.journal, fence, keep=False)
        _require_in_place(verb, instance, check=True)
        return VERBS[verb](instance, request)
    limit = _limit(verb, instance, request)
    with locked(instance.disk, clock=request.tools.clock, wait=request.tools.wait, limit=limit):
        check_fence(instance.disk, instance.journal, fence, keep=True)
        _require_in_place(verb, instance, check=False)
        recovered = _switching(instance, request).recover()
        result = VERBS[verb](instance, request)
    return dict(result, recovered=recovered, changed=True) if recovered else result


def _require_in_place(verb: str, instance: Instance, *, check: bool) -> None:
    """See ``replacing.require_in_place``; what only removes what nobody needs is let through."""
    if verb != "prune" and instance.history().replaced:
        from .replacing import require_in_place

        require_in_place(instance, check=check)


def _limit(verb: str, instance: Instance, request: Request) -> float:
    """Seconds that a verb waits for another one."""
    if verb == "migrate":
        from .migrating import patience as of_steps

        return LOCK_WAIT + of_steps(instance, int(request.params["deployment"]))
    return patience(instance) if verb == "revert" else LOCK_WAIT


def patience(instance: Instance) -> float:
    """Seconds that a revert waits for a verb that still works here, perhaps on behalf of a connection that was lost."""
    times = [instance.runtime(deployment).switching_time for deployment in instance.history().staged]
    return LOCK_WAIT + max(times, default=0.0)


def _info(root: pathlib.Path, request: Request) -> Answer:
    from .info import describe_host, describe_instance

    package = str(request.params.get("package") or "")
    instance = Instance(root, package, str(request.params["instance"])) if package else None
    disk = Instance(root, package or "-/-", "-").disk
    result: Answer = {"outcome": "ok", "changed": False, "host": describe_host(root, disk.free_bytes())}
    if instance is not None:
        adopts = request.params.get("adopts")
        known = Adopts.from_dict(adopts) if adopts else None
        result["release"] = describe_instance(instance, request.tools, adopts=known)
        if request.params.get("verify"):
            from .drift import drift

            result["release"]["drift"] = drift(instance, request.tools)
    return result


def boottime() -> float:
    """Seconds since the boot, suspended time included: wall time may jump, this does not."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def real_tools(engine: bytes) -> Tools:
    """The world as it is; ``engine``: the bytes of the engine that sees to the way back."""
    from .arming import Arming

    runner = Runner()
    return Tools(boottime, time.sleep, runner, Arming(engine, runner, boottime, time.sleep))


def main(engine: bytes, stdin: t.BinaryIO, stdout: t.TextIO) -> int:
    """Serve one request. Always answers; the exit code is 0 whenever it did."""
    os.umask(0o022)
    tools = real_tools(engine)
    try:
        header = json.loads(stdin.readline().decode("utf-8"))
        size = int(header.get("payload") or 0)
        payload = io.BytesIO(stdin.read(size)) if size else None
        if header["params"].get("verify"):
            os.nice(_LEAST)  # by which the disk goes, too: what runs here comes first
        request = Request(header["params"], bool(header["check"]), payload, engine, tools)
        result = {"result": answer(str(header["verb"]), request)}
    except RelmgmtError as exc:
        result = {"error": exc.to_dict()}
    except NeedObjects as exc:
        result = {"need": {"objects": exc.digests}}
    except OSError as exc:
        failure = BackendError("host-system-error", "{}: {}".format(exc.filename or "the host", exc.strerror or exc))
        result = {"error": failure.to_dict()}
    except Exception as exc:  # the front door always answers: without an answer the controller can only say "unknown"
        import traceback

        place = traceback.extract_tb(exc.__traceback__)[-1]
        where = f"{type(exc).__name__} in {place.filename.rpartition('/')[2]}, line {place.lineno}"
        result = {"error": BackendError("engine-crashed", where, hint="Please report it.").to_dict()}
    stdout.write(MARK + json.dumps(result, sort_keys=True) + "\n")
    stdout.flush()
    return 0
