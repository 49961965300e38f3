# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stage: bring a release and its profile to this host, beside what runs, and prove that they arrived (private).

And that there is a way back: the capsule of what runs is read again, and repaired where it is damaged.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import typing as t

from .._model import outcome
from .._model.digest import digest_of
from .._model.errors import BackendError, InputError
from .._model.manifest import RELOAD, Manifest, Unit
from .._model.profile import Profile
from .._model.runtime import Runtime, Service
from .._model.wire import RESERVE
from .accounts import make_accounts, makes_account
from .adopting import Adopting
from .arming import SYSTEMD, kind_of_guard
from .capsule import Capsule, damaged
from .claims import require_free
from .difference import Before, difference
from .engine_file import install
from .instance import Instance, NeedObjects, Tools, profile_name
from .journal import History
from .keeping import filled
from .objects import Objects
from .placing import Placing, about_runtime
from .probe import check as check_probe
from .repair import Repair
from .service import Driver, open_driver
from .traffic import open_traffic

__all__ = ["Staging", "service_user"]

Answer = t.Dict[str, t.Any]


class _Survey(t.NamedTuple):
    """What there is to do. standing: the deployment that already is what is asked for, 0 for none; before: what runs;
    units: all that are to be whole in the end; lacking: those that are not; adopting: what becomes of deployment 0."""

    standing: int
    before: Before | None
    repairs: list[Repair]
    units: list[Unit]
    lacking: list[Unit]
    adopting: Adopting

    @property
    def repaired(self) -> list[str]:
        return sorted({path for repair in self.repairs for path in repair.paths})

    @property
    def changed(self) -> bool:
        return not self.standing or bool(self.repaired) or self.adopting.changed


class Staging:
    """One release with one profile, to become a deployment of the instance.

    lost: digests of files that the controller was asked for and cannot get either; None if it was not asked yet.
    adopt: whether what runs on the host already, and the release takes the place of, may be stopped for it.
    """

    def __init__(
        self,
        instance: Instance,
        manifest: Manifest,
        profile: Profile,
        tools: Tools,
        *,
        engine: bytes = b"",
        lost: t.Collection[str] | None = None,
        adopt: bool = False,
    ) -> None:
        if manifest.name != instance.package:
            raise InputError("package-mismatch", f"the manifest is of {manifest.name}, not of {instance.package}")
        self._instance = instance
        self._disk = instance.disk
        self._manifest = manifest
        self._profile = filled(instance, profile)
        self._tools = tools
        self._engine = engine
        self._lost = lost
        self._adopt = adopt
        self._settle_user()
        self._check_runtime()

    def _settle_user(self) -> None:
        user = service_user(self._instance, self._profile)
        self._placing = Placing(self._instance, self._manifest, self._profile, user)
        self._objects = Objects(self._disk, shared=os.geteuid() == 0 and user is not None and user.pw_uid != 0)

    def _check_runtime(self) -> None:
        """What can never be run or asked is refused here, not when the old version has been stopped for it."""
        runtime = Runtime.from_dict(self._profile.runtime)
        for probe in runtime.probes + runtime.smoke:
            check_probe(probe)
        if runtime.traffic is not None:
            open_traffic(runtime.traffic, instance=self._disk.root, runner=self._tools.runner).check()
        if runtime.reboot is not None and kind_of_guard() != SYSTEMD:
            raise InputError(
                "reboot-needs-systemd",
                f"{self._disk.root}: after a boot of this host nobody would see to the way back",
                hint="'activation: reboot' needs systemd on the host, and root (become).",
            )
        self._driver(runtime)
        if runtime.service is not None:
            self._check_reload(runtime.service)
        if runtime.placements:
            from .placements import Placements

            Placements(self._instance, self._tools.runner).check(runtime, self._profile)

    def _check_reload(self, service: Service) -> None:
        asked = {template.destination: template.on_change for template in self._manifest.config.templates}
        for what, ask in {**asked, **self._profile.asks}.items():
            if ask == RELOAD and service.driver == "command" and not service.reload:
                raise InputError(
                    "service-reload-missing",
                    f"{what} asks for a reload, and nobody knows how the service does that",
                    hint="Add service.reload to release.yml, a command; the driver 'systemd' needs none.",
                )

    def _driver(self, runtime: Runtime) -> Driver | None:
        if runtime.service is None:
            return None
        profile = self._disk.path("profiles", profile_name(self._profile.digest))
        runner, clock = self._tools.runner, self._tools.clock
        return open_driver(runtime.service, instance=self._disk.root, profile=profile, runner=runner, clock=clock)

    def standing(self, history: History) -> int:
        """The deployment that already is this release with this profile; 0 where there is none.

        One that was left because it failed does not count: trying it again is a new deployment.
        """
        for deployment in sorted(history.staged, reverse=True):
            event = history.staged[deployment]
            usable = deployment == history.current or history.status[deployment] == outcome.STAGED
            if usable and (event["release"], event["profile"]) == (self._manifest.digest, self._profile.digest):
                return deployment
        return 0

    def predict(self) -> Answer:
        """What ``run`` would answer, without writing anything. Raises as ``run``."""
        history = self._instance.history()
        survey = self._survey(history)
        if survey.changed:
            self._check_space(survey)
        return self._answer(history, survey)

    def run(self, payload: t.BinaryIO | None) -> Answer:
        """Place everything and record the deployment; repair it, and what runs, where they are not whole.

        The caller holds the lock.

        Raises:
            NeedObjects: files are missing; nothing of the deployment is recorded yet.
            IntegrityError: bytes are not what the manifest names; what runs is damaged, and nobody has what it lacks
                (``capsule-damaged``): nothing was touched then.
            ConflictError: something that the release takes is taken (see ``claims``, ``adopting``); a file that is to
                be kept is not the same (see ``keeping``: when it is made).
            BackendError: no space left (``disk-full``).
        """
        history = self._instance.history()
        survey = self._survey(history)
        answer = self._answer(history, survey)
        if not survey.changed:
            return answer
        self._check_space(survey)
        try:
            self._disk.sweep()
            if make_accounts(self._disk, self._profile, self._tools.runner):
                self._settle_user()
            self._place(payload, survey)
            engine = self._install()
            survey.adopting.keep()
            for repair in survey.repairs:
                repair.apply(engine)
            if not survey.standing:
                self._placing.deploy(answer["deployment"], engine)
        except OSError as exc:
            raise BackendError(
                "stage-failed",
                "{}: {}: {}".format(self._disk.root, exc.filename or "staging", exc.strerror),
                hint="What runs was not touched. Mend the cause and run the same command again.",
            ) from None
        return answer

    # --- what is to be done -------------------------------------------------------------------------------------------

    def _survey(self, history: History) -> _Survey:
        """Read everything again that has to be whole; raises as ``run``.

        What is sick already has nothing to prove: it is repaired if it can be.
        """
        adopting = self._make_room(history)
        standing, current = self.standing(history), history.current
        capsules = {number: Capsule(self._instance, number, self._objects) for number in (current, standing) if number}
        brought = self._brought()
        repairs = {number: Repair(capsule, self._disk, brought) for number, capsule in capsules.items()}
        if standing != current and standing and repairs[standing].lost:
            del repairs[standing]
            standing = 0
        units, before = list(self._manifest.units), None
        if current:
            manifest = self._held(capsules[current])
            gone = repairs[current].lost or self._gone(manifest.units if manifest else ())
            if gone and not history.sick:
                raise damaged(self._instance, current, gone, hint=_NEXT)
            if gone or manifest is None:
                del repairs[current]
            else:
                units += manifest.units
                event = history.staged[current]
                before = Before(manifest, event["profile"], capsules[current].rendered(), capsules[current].inputs())
        return _Survey(standing, before, list(repairs.values()), units, self._objects.lacking(units), adopting)

    def _make_room(self, history: History) -> Adopting:
        """See that the release can have what it takes; raises as ``run``."""
        runtime = Runtime.from_dict(self._profile.runtime)
        adopting = Adopting(self._instance, runtime, self._tools, history, consent=self._adopt)
        states = [state.name for state in self._manifest.state]
        require_free(self._instance, runtime, states, adopted=adopting.units)
        driver = self._driver(runtime)
        if driver is not None:
            with contextlib.suppress(BackendError):  # without systemd nobody else has the name of a unit
                driver.require_own(adopting.units)
        return adopting

    def _brought(self) -> dict[str, bytes]:
        """What came with the request and may be what a damaged file held, by digest."""
        found = [self._engine, self._manifest.to_bytes(), about_runtime(self._profile)]
        return {digest_of(data): data for data in [*found, *(item.contents for item in self._profile.files)]}

    def _held(self, capsule: Capsule) -> Manifest | None:
        """The manifest of what runs; None where it is lost."""
        same = capsule.event and capsule.event["release"] == self._manifest.digest
        return self._manifest if same else capsule.manifest()

    def _gone(self, units: t.Sequence[Unit]) -> list[str]:
        """Paths in the units' trees that neither this host nor the controller can fill.

        Raises:
            NeedObjects: the controller was not asked yet.
        """
        own = {entry.digest for unit in self._manifest.units for entry in unit.entries}
        missing = self._objects.missing(self._objects.lacking(units), read=True)
        foreign = {digest: paths for digest, paths in missing.items() if digest not in own}
        if foreign and self._lost is None:
            raise NeedObjects({*foreign, *self._objects.missing(self._objects.lacking(self._manifest.units))})
        return sorted(path for digest, paths in foreign.items() if digest in (self._lost or ()) for path in paths)

    def _check_space(self, survey: _Survey) -> None:
        """Each file that is missing is needed as object and in its tree; as ``wire.space`` counts for the plan."""
        files = (entry for unit in survey.lacking for entry in self._objects.wanted(unit))
        needed = 2 * sum(entry.size for entry in files) + RESERVE
        free = self._disk.free_bytes()
        if free < needed:
            raise BackendError(
                "disk-full",
                f"{self._disk.root}: {free >> 20} MiB free, {(needed >> 20) + 1} MiB needed",
                hint="Free some space, or remove old releases by release_prune.",
            )

    def _answer(self, history: History, survey: _Survey) -> Answer:
        number = survey.standing or max([0, *self._instance.deployments(), *history.staged]) + 1
        status = history.status.get(number, outcome.STAGED)
        return {
            "outcome": outcome.STAGED if status == outcome.FAILED else status,
            "changed": survey.changed,
            "deployment": number,
            "version": self._manifest.version,
            "from": history.current,
            "repaired": survey.repaired,
            "adopted": survey.adopting.about(),
            "diff": difference(survey.before, self._manifest, self._profile),
        }

    # --- doing it -----------------------------------------------------------------------------------------------------

    def _place(self, payload: t.BinaryIO | None, survey: _Survey) -> None:
        """Fill everything under temporary names, flush once, then give the names."""
        if payload is not None:
            self._objects.receive(payload, survey.units)
        missing = self._objects.missing(survey.lacking)
        if missing:
            raise NeedObjects(missing)
        trees = [(self._objects.build(unit), unit) for unit in survey.lacking]
        built = [] if survey.standing else self._placing.build()
        self._disk.flush()
        for tree, unit in trees:
            self._objects.settle(tree, unit)
        self._placing.settle(built)
        self._disk.sweep()

    def _install(self) -> str:
        """Keep the engine beside what it knows how to run; its path below the instance."""
        if not self._engine:
            return ""
        return install(self._instance, self._engine).relative_to(self._disk.root).as_posix()


_NEXT = (
    "Give release_stage a package that holds these files as fallback (package_fetch gets it), or restore them from a"
    " backup, or go back to an earlier version by release_revert; then stage again."
)


def service_user(instance: Instance, profile: Profile) -> pwd.struct_passwd | None:
    """The account that the service runs as; None where it is the engine's own, or staging is yet to make it.

    Raises:
        InputError: there is no such account (``service-user-missing``).
    """
    service = profile.runtime.get("service") or {}
    name = str(service.get("user") or "")
    if not name:
        return None
    try:
        return pwd.getpwnam(name)
    except KeyError:
        if makes_account(profile, name):
            return None
        raise InputError(
            "service-user-missing",
            f"{instance.path}: the account {name!r} of the service does not exist",
            hint="Create it before the rollout, or let the release do it by a placement of kind 'sysusers'.",
        ) from None
