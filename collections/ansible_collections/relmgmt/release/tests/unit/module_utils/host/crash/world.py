# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host in memory that the real engine works on: its file system, its service, its guard's units, its clock.

Every call that changes something is a step. A process can die before any step, or when it has done all of them but has
not answered; then it is killed alone, or the power fails. At a boot the service is started from what ``current`` names,
as systemd does it, after the boot unit had its turn.
"""

from __future__ import annotations

import contextlib
import json
import typing as t

from ansible_collections.relmgmt.release.plugins.module_utils._host.companions import companion_name
from ansible_collections.relmgmt.release.plugins.module_utils._host.guard import Guard
from ansible_collections.relmgmt.release.plugins.module_utils._host.instance import Instance, Tools
from ansible_collections.relmgmt.release.plugins.module_utils._host.process import Completed
from ansible_collections.relmgmt.release.plugins.module_utils._host.switch import Switching
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import BackendError

from .calls import Calls
from .filesystem import Directory, File, FileSystem
from .legacy import UNIT, Legacy
from .predecessor import PACKAGE, Predecessor
from .simulated import NAME, Place, beneath
from .strikes import Broken, Fate, Killed, Rebooted

__all__ = ["CONFIRM_TIMEOUT", "DIES", "GOOD", "KINDS", "REFUSES", "SICK", "World"]

GOOD, SICK, DIES, REFUSES = "good", "sick", "dies", "refuses"
KINDS = (GOOD, SICK, DIES, REFUSES)
CONFIRM_TIMEOUT = 3600.0
_LIFE = 0.3  # seconds that one that dies runs
_MOST_LOOKS = 50

T = t.TypeVar("T")
_ROOT = "/srv"
_INSTANCE = ("team/app", "main")
_RUNTIME = {
    "service": {"driver": NAME, "unit": UNIT},
    "probes": [{"name": "web", "kind": NAME}],
    "health": {
        "min_healthy_time": 0.5,
        "healthy_deadline": 1,
        "interval": 0.5,
        "confirm_timeout": CONFIRM_TIMEOUT,
        "progress_deadline": 2 * CONFIRM_TIMEOUT,
    },
}
_TRAFFIC = {"driver": "readiness_file", "drain_time": 1}


class World(Fate):
    """``kinds``: the deployments that are here, and how they behave. ``running``: which of them the service runs.
    ``units``: the guard is units of systemd, so it outlives a power loss; without, the next verb sees to the way back.
    ``guarded``: it watches; ``armed``: it will after a boot. ``traffic``: the deployments declare some; without, its
    file does not lie beside the link and the journal. ``reloads``: two deployments of one version differ by what asks
    for a reload alone. ``boots``: the deployments that a boot makes current. ``asked``:
    between how many losses was chosen, each time. ``legacy``: what ran there before, and was adopted, or is replaced.
    ``companions``: the deployments that each one re-seals.
    """

    def __init__(
        self,
        *,
        units: bool = True,
        traffic: bool = True,
        reloads: bool = False,
        adopted: bool = False,
        replaces: bool = False,
    ) -> None:
        super().__init__()
        self.units, self.traffic, self.reloads = units, traffic, reloads
        self.system = FileSystem()
        self.calls = Calls(self.system, self.step)
        self.kinds: dict[int, str] = {}
        self.versions: dict[int, str] = {}
        self.staged: set[int] = set()
        self.boots: set[int] = set()
        self.companions: dict[int, tuple[int, ...]] = {}
        self.running, self.since, self.enabled = 0, 0.0, False
        self.guarded = self.armed = self.off = False
        self.now, self.boot = 0.0, 1
        self.asked: list[int] = []
        self.calls.makedirs("/".join((_ROOT, *_INSTANCE, "deployments")))
        self.legacy: Legacy | Predecessor | None = Legacy(self) if adopted else Predecessor(self) if replaces else None
        if isinstance(self.legacy, Legacy):
            record = self.legacy.install(self._path())
            self.look_at(lambda instance: instance.journal.write("adopted", record=record))
        elif self.legacy is not None:
            record = self.legacy.install(self._path(), dict(_RUNTIME, traffic=_TRAFFIC) if traffic else _RUNTIME)
            self.look_at(lambda instance: instance.journal.write("replaces", record=record, package=PACKAGE))
        self.system.sync()

    def copy(self) -> World:
        other = object.__new__(World)
        other.__dict__.update(self.__dict__)
        other.kinds, other.versions, other.staged = dict(self.kinds), dict(self.versions), set(self.staged)
        other.boots, other.companions = set(self.boots), dict(self.companions)
        other.asked, other.hits = [], list(self.hits)
        other.system = self.system.copy()
        other.calls = Calls(other.system, other.step)
        other.legacy = self.legacy.copy(other) if self.legacy is not None else None
        return other

    # --- what strikes ---

    def attempt(self, action: t.Callable[[], T]) -> tuple[T] | None:
        """What one process does; its answer, None if it was struck before it could give it."""
        answer: tuple[T] | None = None
        anew = False
        try:
            with beneath(self), contextlib.suppress(Killed):
                answer = (action(),)
        except Rebooted:
            anew = True
        finally:
            strike = self.end()
            self.system.kill()
        if strike is not None and strike.power:
            self.fail(strike.loss)
        elif anew:
            self.system.sync()
            self._go_down()
        return answer if strike is None else None

    def fail(self, loss: t.Sequence[int]) -> None:
        """The power fails."""
        self.asked, left = [], iter(loss)

        def choose(possibilities: int) -> int:
            self.asked.append(possibilities)
            return next(left, 0) % possibilities

        self.system.crash(choose)
        self._go_down()

    def _go_down(self) -> None:
        self.running, self.off = 0, True
        if self.legacy is not None:
            self.legacy.running = False
        self.guarded = self.armed
        self.now, self.boot = 0.0, self.boot + 1

    def start(self) -> bool:
        """Boot: first the boot unit, then the service, whatever became of that unit; whether that unit did its part."""
        while self.off:
            self.off = False
            done = self.armed and self.attempt(lambda: self.switching().boot()) is not None
        if self.legacy is not None:
            self.legacy.boot()
        if self.enabled:
            with contextlib.suppress(BackendError):
                self.launch()
        return done

    # --- what the engine works with ---

    def instance(self) -> Instance:
        return Instance(Place(_ROOT), *_INSTANCE)

    def tools(self) -> Tools:
        return Tools(clock=lambda: self.now, wait=self._wait, runner=self, guard=self)

    def switching(self) -> Switching:
        return Switching(self.instance(), self.tools())

    def look_at(self, action: t.Callable[[Instance], T]) -> T:
        """What the instance shows, without a step."""
        with beneath(self):
            return action(self.instance())

    def watch(self, seconds: float) -> None:
        """What the guard does; seconds: how long it may wait between its looks, all in all."""
        watching = Guard(self.instance(), self.tools())
        for _look in range(_MOST_LOOKS):
            pause = watching.look()
            if pause is None:
                self.guarded = False
                return
            seconds -= pause
            if seconds < 0:
                return
            self.now += pause
        raise Broken(f"the guard looked {_MOST_LOOKS} times and has hardly waited")

    def _wait(self, seconds: float) -> None:
        self.now += seconds

    def arm(self, _instance: Instance, *_deployments: int) -> None:
        """See ``instance.Keeper``, as which the world stands in."""
        if not self.guarded:
            self.step("arm")
            self.guarded, self.armed = True, self.units

    def dismiss(self, instance: Instance) -> None:
        self.step("dismiss")
        if instance.package == _INSTANCE[0]:
            self.armed = False

    def reread(self) -> None:
        """What the service manager starts is read when it is started."""

    def run(self, command: t.Sequence[str], *, timeout: float) -> Completed:
        """See ``process.Runner``: systemctl starts the host anew, or speaks of what ran there before."""
        verb, *words = [word for word in command[1:] if not word.startswith("--")]
        if verb == "reboot" or self.legacy is None:
            self.step("reboot")
            raise Rebooted
        return self.legacy.systemctl(verb, words)

    def boot_id(self) -> str:
        """See ``process.Runner``, as which the world stands in."""
        return f"boot {self.boot}"

    # --- what staging leaves ---

    def put(
        self, deployment: int, kind: str, version: str, *, boots: bool = False, companions: t.Sequence[int] = ()
    ) -> None:
        """A deployment that is whole and on the disk, with companions; the journal does not know it yet."""
        self.kinds[deployment], self.versions[deployment] = kind, version
        self.companions[deployment] = tuple(companions)
        self._put(str(deployment), deployment, version, boots=boots)
        for held in companions:
            name = companion_name(held, deployment)
            self._put(name, held, self.versions[held], boots=held in self.boots)

    def _put(self, name: str, deployment: int, version: str, *, boots: bool) -> None:
        profile, directory, parent = Directory(), Directory(), self.system.find(self._path("deployments"))
        runtime = dict(_RUNTIME, traffic=_TRAFFIC) if self.traffic else dict(_RUNTIME)
        if boots and self.units:
            self.boots.add(deployment)
            runtime["reboot"] = {}
        profile.change({"profile.json": File(0o640, json.dumps({"runtime": runtime}).encode())})
        release = Directory()
        template = {"destination": "app.conf", "on_change": "reload" if self.reloads else "restart"}
        release.change({"manifest.json": File(0o644, json.dumps({"config": {"templates": [template]}}).encode())})
        profile.change({"app.conf": File(0o640, str(deployment).encode())})
        meta = {"version": version, "release": f"sha256:{version}", "profile": f"sha256:{name}"}
        directory.change({"profile": profile, "release": release, "meta.json": File(0o644, json.dumps(meta).encode())})
        for inode in (profile, release, directory):
            inode.sync()
        assert isinstance(parent, Directory)
        parent.change({name: directory})
        parent.sync()

    def stage(self, deployment: int) -> None:
        version = self.versions[deployment]
        about: dict[str, t.Any] = {"release": f"sha256:{version}", "profile": f"sha256:{deployment}"}
        if self.companions[deployment]:
            names = {held: companion_name(held, deployment) for held in self.companions[deployment]}
            about["companions"] = {str(held): f"sha256:{name}" for held, name in names.items()}
        self.instance().journal.write("staged", deployment=deployment, version=version, **about)
        self.staged.add(deployment)

    # --- the service ---

    def launch(self) -> None:
        """Run what ``current`` names, unless something runs."""
        if self.alive():
            return
        if self.legacy is not None and self.legacy.running:
            raise Broken("a release is started beside what ran before")
        self.running = 0
        target = self.link()
        if self.kinds.get(target, REFUSES) == REFUSES:
            raise BackendError("service-start-failed", f"deployment {target} does not start")
        self.running, self.since = target, self.now

    def reload(self) -> None:
        """Let what runs read what ``current`` names."""
        target = self.link()
        if self.kinds.get(target, REFUSES) == REFUSES:
            raise BackendError("service-reload-failed", f"deployment {target} is not read")
        self.running, self.since = target, self.now

    def link(self) -> int:
        """Which deployment ``current`` names; 0: none."""
        try:
            return int(self.calls.readlink(self._path("current")).rpartition("/")[2])
        except FileNotFoundError:
            return 0

    def alive(self) -> bool:
        return self.running != 0 and (self.kinds[self.running] != DIES or self.now - self.since < _LIFE)

    def answers(self) -> bool:
        """Whether what runs, whichever deployment that is, is healthy."""
        return self.alive() and self.kinds[self.running] != SICK

    def readiness(self) -> bytes | None:
        """What is in the readiness file, None where there is none."""
        try:
            inode = self.system.find(self._path("traffic"))
        except FileNotFoundError:
            return None
        return inode.data if isinstance(inode, File) else b""

    @staticmethod
    def _path(*parts: str) -> str:
        return "/".join((_ROOT, *_INSTANCE, *parts))
