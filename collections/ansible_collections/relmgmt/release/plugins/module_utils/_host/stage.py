# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stage: bring a release and its profile to this host, beside what runs, and prove that they arrived (private)."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import pwd
import typing as t

from .._model import outcome
from .._model.digest import hex_of, short
from .._model.errors import BackendError, InputError
from .._model.manifest import Manifest, Unit
from .._model.profile import Profile
from .._model.runtime import Runtime
from .._model.wire import space
from .instance import PROFILE, Instance, NeedObjects, Tools, profile_name, release_name
from .journal import History
from .objects import Objects
from .probe import check as check_probe
from .service import open_driver
from .traffic import open_traffic

__all__ = ["Staging", "service_user"]

Answer = t.Dict[str, t.Any]
Built = t.Tuple[pathlib.Path, t.Tuple[str, str], int]  # a temporary directory, its name to be, its mode


class Staging:
    """One release with one profile, to become a deployment of the instance."""

    def __init__(self, instance: Instance, manifest: Manifest, profile: Profile, tools: Tools) -> None:
        if manifest.name != instance.package:
            raise InputError("package-mismatch", f"the manifest is of {manifest.name}, not of {instance.package}")
        self._instance = instance
        self._disk = instance.disk
        self._manifest = manifest
        self._profile = profile
        self._tools = tools
        self._user = service_user(instance, profile)
        self._check_runtime()
        self._objects = Objects(
            self._disk, shared=os.geteuid() == 0 and self._user is not None and self._user.pw_uid != 0
        )

    def _check_runtime(self) -> None:
        """What can never be run or asked is refused here, not when the old version has been stopped for it."""
        runtime = Runtime.from_dict(self._profile.runtime)
        for probe in runtime.probes + runtime.smoke:
            check_probe(probe)
        if runtime.traffic is not None:
            open_traffic(runtime.traffic, instance=self._disk.root).check()
        if runtime.service is not None:
            profile = self._disk.path("profiles", profile_name(self._profile.digest))
            open_driver(
                runtime.service,
                instance=self._disk.root,
                profile=profile,
                runner=self._tools.runner,
                clock=self._tools.clock,
            )

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
        """What ``run`` would answer, without writing anything."""
        history = self._instance.history()
        standing = self.standing(history)
        if standing:
            return self._answer(history, standing, changed=bool(self._objects.lacking(self._manifest.units)))
        self._check_space()
        return self._answer(history, self._next(history), changed=True)

    def run(self, payload: t.BinaryIO | None, engine: bytes) -> Answer:
        """Place everything and record the deployment; mend it where it stands but is not whole.

        The caller holds the lock.

        Raises:
            NeedObjects: files are missing; nothing of the deployment is recorded yet.
            IntegrityError: bytes are not what the manifest names.
            BackendError: no space left (``disk-full``).
        """
        history = self._instance.history()
        standing = self.standing(history)
        lacking = self._objects.lacking(self._manifest.units)
        answer = self._answer(history, standing or self._next(history), changed=bool(lacking) or not standing)
        if not answer["changed"]:
            return answer
        self._check_space()
        try:
            self._disk.sweep()
            self._place(payload, lacking)
            if not standing:
                self._deploy(answer["deployment"], engine)
        except OSError as exc:
            raise BackendError(
                "stage-failed",
                "{}: {}: {}".format(self._disk.root, exc.filename or "staging", exc.strerror),
                hint="What runs was not touched. Mend the cause and run the same command again.",
            ) from None
        return answer

    def _place(self, payload: t.BinaryIO | None, lacking: list[Unit]) -> None:
        """Fill everything under temporary names, flush once, then give the names."""
        if payload is not None:
            self._objects.receive(payload, self._manifest.units)
        missing = self._objects.missing(lacking)
        if missing:
            raise NeedObjects(missing)
        trees = [(self._objects.build(unit), unit) for unit in lacking]
        release, profile = self._release(), self._profile_files()
        self._disk.flush()
        for tree, unit in trees:
            self._objects.settle(tree, unit)
        for built, parts, mode in (release, profile):
            if not same_tree(built, self._disk.path(*parts)):
                self._disk.settle(built, *parts, mode=mode)
        self._disk.sweep()

    def _release(self) -> Built:
        parts = ("releases", release_name(self._manifest.version, self._manifest.digest))
        directory = self._disk.temporary(*parts)
        for unit in self._manifest.units:
            os.symlink("../../units/" + hex_of(unit.digest), str(directory / unit.destination))
        (directory / "manifest.json").write_bytes(self._manifest.to_bytes())
        return directory, parts, 0o755

    def _profile_files(self) -> Built:
        parts = ("profiles", profile_name(self._profile.digest))
        directory = self._disk.temporary(*parts)
        for item in self._profile.files:
            path = directory / item.path
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(str(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as stream:
                stream.write(item.contents)
                self._give(path)
                os.fchmod(handle, int(item.mode, 8))
        about = {"runtime": dict(self._profile.runtime), "versions": dict(self._profile.versions)}
        (directory / PROFILE).write_bytes(json.dumps(about, sort_keys=True).encode("utf-8"))
        for parent, names, _files in os.walk(str(directory)):
            self._give(pathlib.Path(parent))
            for name in names:
                os.chmod(os.path.join(parent, name), 0o750)
        return directory, parts, 0o750

    def _give(self, path: pathlib.Path) -> None:
        """The service's group may read; the owner stays."""
        if self._user is not None and os.geteuid() == 0:
            os.chown(str(path), -1, self._user.pw_gid)

    def _deploy(self, number: int, engine: bytes) -> None:
        digests = {"release": self._manifest.digest, "profile": self._profile.digest}
        meta = dict(digests, version=self._manifest.version, versions=dict(self._profile.versions))
        directory = self._disk.temporary("deployments", str(number))
        release = release_name(self._manifest.version, self._manifest.digest)
        os.symlink("../../releases/" + release, str(directory / "release"))
        os.symlink("../../profiles/" + profile_name(self._profile.digest), str(directory / "profile"))
        (directory / "meta.json").write_bytes(json.dumps(meta, sort_keys=True).encode("utf-8"))
        self._make_state()
        self._install(engine)
        self._disk.flush()
        self._disk.settle(directory, "deployments", str(number), mode=0o755)
        self._instance.journal.write("staged", deployment=number, version=self._manifest.version, **digests)

    def _make_state(self) -> None:
        """Its directory appears with its owner and mode, or not at all."""
        for state in self._manifest.state:
            if not self._disk.exists("state", state.name):
                directory = self._disk.temporary("state", state.name)
                if self._user is not None and os.geteuid() == 0:
                    os.chown(str(directory), self._user.pw_uid, self._user.pw_gid)
                self._disk.settle(directory, "state", state.name, mode=int(state.mode, 8))

    def _install(self, engine: bytes) -> None:
        """Keep the engine beside what it knows how to run, for people on the host."""
        if engine:
            name = hashlib.sha256(engine).hexdigest()
            if not self._disk.exists("bin", name, "relmgmt-host.pyz"):
                self._disk.make_directory("bin", name)
                self._disk.write(engine, "bin", name, "relmgmt-host.pyz", mode=0o755)

    def _check_space(self) -> None:
        needed = space(self._manifest, set(self._instance.units()))
        free = self._disk.free_bytes()
        if free < needed:
            raise BackendError(
                "disk-full",
                f"{self._disk.root}: {free >> 20} MiB free, {(needed >> 20) + 1} MiB needed",
                hint="Free some space, or remove old releases by release_prune.",
            )

    def _next(self, history: History) -> int:
        return max([0, *self._instance.deployments(), *history.staged]) + 1

    def _answer(self, history: History, number: int, *, changed: bool) -> Answer:
        return {
            "outcome": history.status.get(number, outcome.STAGED),
            "changed": changed,
            "deployment": number,
            "version": self._manifest.version,
            "from": history.current,
            "diff": self._differences(history),
        }

    def _differences(self, history: History) -> Answer:
        """What is placed differently from what runs now: files by digest, configuration by its profile's digest.

        A digest of a rendered file would let a short secret in it be guessed.
        """
        before: dict[str, str] = {}
        after = _files(self._manifest)
        if history.current:
            before = _files(self._instance.manifest(history.current))
            profile = self._disk.path("deployments", str(history.current), "profile")
            old = {str(path.relative_to(profile)): path.read_bytes() for path in profile.rglob("*") if path.is_file()}
            old.pop(PROFILE, None)
            label = "profile " + short(self._instance.meta(history.current)["profile"])
        else:
            old, label = {}, ""
        new = {item.path: item.contents for item in self._profile.files}
        for name in set(old) | set(new):
            if old.get(name) != new.get(name):
                before.update({"profile/" + name: label} if name in old else {})
                after.update({"profile/" + name: "profile " + short(self._profile.digest)} if name in new else {})
        names = sorted(name for name in set(before) | set(after) if before.get(name) != after.get(name))
        return {
            "before": {name: before[name] for name in names if name in before},
            "after": {name: after[name] for name in names if name in after},
        }


def same_tree(one: pathlib.Path, other: pathlib.Path) -> bool:
    """Whether two directories hold the same names with the same bytes, targets and modes."""
    return other.is_dir() and _listing(one) == _listing(other)


def _listing(directory: pathlib.Path) -> dict[str, t.Any]:
    found: dict[str, t.Any] = {}
    for parent, names, files in os.walk(str(directory)):
        for name in names + files:
            path = pathlib.Path(parent, name)
            key = str(path.relative_to(directory))
            if path.is_symlink():
                found[key] = os.readlink(str(path))
            else:
                found[key] = (path.stat().st_mode, path.stat().st_gid, path.read_bytes() if path.is_file() else b"")
    return found


def _files(manifest: Manifest) -> dict[str, str]:
    return {
        f"release/{unit.destination}/{entry.path}": (entry.digest or entry.link or entry.state)[:19]
        for unit in manifest.units
        for entry in unit.entries
    }


def service_user(instance: Instance, profile: Profile) -> pwd.struct_passwd | None:
    """The account that the service runs as; None where it is the engine's own.

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
        raise InputError(
            "service-user-missing",
            f"{instance.path}: the account {name!r} of the service does not exist",
            hint="Create it before the rollout; relmgmt creates no accounts.",
        ) from None
