# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Placements: files of a deployment outside of the root, copied there and taken back (private).

``placements/record.json`` says, for each path below /etc that is ours, what was there before (the bytes lie beside it,
by their digest) and what has been followed up. A path is written into it before it is touched, and leaves it after
everything has been done for its going; so whoever was killed in between, the same call again ends where it would have.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import posixpath
import stat
import typing as t

from .._model.digest import digest_of, hex_of
from .._model.errors import BackendError, ConflictError, InputError
from .._model.placement import Placement
from .._model.profile import Profile
from .._model.runtime import Runtime
from .disk import Disk, existing
from .instance import Instance
from .placement_kinds import FOLLOW_UPS, reload_units
from .process import Runner

__all__ = ["ETC", "Placements"]

ETC = pathlib.Path("/etc")
_HERE = "placements"
_RECORD = (_HERE, "record.json")
Entry = t.Dict[str, t.Any]


class _Wanted(t.NamedTuple):
    """A placement, what is in it, and what names the work that has to follow it."""

    placement: Placement
    contents: bytes
    mark: str


class Placements:
    """Those of one instance. The caller holds the lock, or only asks."""

    def __init__(self, instance: Instance, runner: Runner) -> None:
        self._instance, self._disk, self._runner = instance, instance.disk, runner
        self._etc = Disk(ETC, spare=instance.disk)

    def held(self) -> t.Collection[str]:
        """Paths below /etc that are the instance's."""
        return self._record()

    def check(self, runtime: Runtime, profile: Profile, *, handed: t.Collection[str] = ()) -> None:
        """What a release wants to place, before anything is touched. handed: paths of who makes room for it.

        Raises:
            InputError: the profile has no such file (``placement-file-missing``), the path is that of the service's
                unit (``placement-repeated``), or may not be written (``placement-forbidden``).
            ConflictError: somebody else's file is there (``placement-foreign``).
        """
        files = {item.path for item in profile.files}
        service, held = runtime.service, self._record()
        unit = service.unit_file.rpartition("/")[2] if service is not None else ""
        for placement in runtime.placements:
            path = f"{ETC}/{placement.path}"
            if placement.file not in files:
                raise InputError(
                    "placement-file-missing",
                    f"placement {placement.name}: the profile has no file {placement.file!r}",
                    hint="Add a template with that destination to config.templates.",
                )
            if placement.kind == "unit" and placement.name == unit:
                raise InputError(
                    "placement-repeated",
                    f"{path} is the unit of the service itself",
                    hint="Leave the placement out: service.unit_file is enough.",
                )
            if self._etc.exists(placement.path) and placement.path not in {*held, *handed}:
                raise ConflictError(
                    "placement-foreign",
                    f"{self._disk.root}: {path} is there already, and not of this instance",
                    hint="Nothing was touched. Give the placement another name, or remove the file if nobody needs it.",
                )
            if not os.access(str(existing(self._etc.path(placement.path).parent)), os.W_OK):
                raise InputError(
                    "placement-forbidden", f"{path} cannot be written", hint="Placements need root (become)."
                )

    def converge(self, deployment: int) -> None:
        """Let the host hold the placements of the deployment, and of those that were placed before nothing else.

        Raises:
            RelmgmtError, OSError: something cannot be placed, taken away, or followed up; the same call tries again.
        """
        held, wanted = self._record(), self._wanted(deployment)
        going = {path: entry for path, entry in held.items() if path not in wanted}
        coming = {
            path: dict(held.get(path) or self._found(path), kind=it.placement.kind, done="")
            for path, it in wanted.items()
            if not self._stands(it, held)
        }
        if not going and not coming:
            return
        self._write_record({**held, **coming})
        for path, entry in going.items():
            self._take_away(path, entry)
        for path in coming:
            self._put(wanted[path])
        self._follow_up({**going, **coming}, wanted)
        done = {path: dict(entry, done=wanted[path].mark) for path, entry in coming.items()}
        self._write_record({path: entry for path, entry in {**held, **done}.items() if path in wanted})

    def differs(self, deployment: int) -> list[str]:
        """Paths of the deployment's placements that are not as it declares them. Raises RelmgmtError, OSError."""
        held = self._record()
        return [f"{ETC}/{path}" for path, it in self._wanted(deployment).items() if not self._is_whole(it, held)]

    def _is_whole(self, wanted: _Wanted, held: t.Mapping[str, Entry]) -> bool:
        """As ``_stands``; what is no plain file is not."""
        try:
            return self._stands(wanted, held)
        except ConflictError:
            return False

    def _wanted(self, deployment: int) -> dict[str, _Wanted]:
        found = {}
        for placement in self._instance.runtime(deployment).placements:
            contents = self._contents(deployment, placement)
            mark = digest_of(contents)
            if placement.kind == "unit":  # it may run what ``current`` leads to
                mark = f"{mark} of deployment {deployment}"
            found[placement.path] = _Wanted(placement, contents, mark)
        return found

    def _put(self, wanted: _Wanted) -> None:
        path, owner = wanted.placement.path, 0 if os.geteuid() == 0 else -1
        directory = self._etc.make_directory(posixpath.dirname(path))
        self._etc.write(wanted.contents, path, mode=int(wanted.placement.mode, 8), uid=owner, gid=owner)
        self._etc.sync_directory(directory.parent)

    def _contents(self, deployment: int, placement: Placement) -> bytes:
        data = self._disk.read("deployments", str(deployment), "profile", placement.file)
        if data is None:
            raise BackendError(
                "deployment-damaged",
                f"{self._disk.root}: deployment {deployment} has lost {placement.file}",
                hint="Stage the release again.",
            )
        return data

    def _stands(self, wanted: _Wanted, held: t.Mapping[str, Entry]) -> bool:
        """Whether it is there, as it should be, and nothing is left to be done for it."""
        path, mode = wanted.placement.path, wanted.placement.mode
        if held.get(path, {}).get("done") != wanted.mark:
            return False
        now = self._status(path)
        if now is None or (os.geteuid() == 0 and (now["uid"], now["gid"]) != (0, 0)):
            return False
        return bool((now["mode"], now["sha256"]) == (mode, digest_of(wanted.contents)))

    def _found(self, path: str) -> Entry:
        """What is to be known of a path that was not ours, its bytes kept."""
        before = self._status(path)
        if before is not None:
            data = self._etc.read(path) or b""
            self._disk.make_directory(_HERE, mode=0o700)
            self._disk.write(data, _HERE, hex_of(before["sha256"]), mode=0o600)
        return {"before": before}

    def _status(self, path: str) -> dict[str, t.Any] | None:
        """Digest, mode and owner of a file; None where there is none."""
        place = self._etc.path(path)
        if not self._etc.exists(path):
            return None
        status = os.lstat(str(place))
        if not stat.S_ISREG(status.st_mode):
            raise ConflictError("placement-foreign", f"{place} is no plain file", hint="Look who made it, and why.")
        digest = digest_of(self._etc.read(path) or b"")
        return {
            "sha256": digest,
            "mode": f"{stat.S_IMODE(status.st_mode):04o}",
            "uid": status.st_uid,
            "gid": status.st_gid,
        }

    def _take_away(self, path: str, entry: Entry) -> None:
        """Put back what was there before."""
        before, now, goes = entry["before"], self._status(path), FOLLOW_UPS[entry["kind"]].goes
        if now == before:
            return
        if goes is not None:
            goes(self._runner, str(self._etc.path(path)))
        data = self._disk.read(_HERE, hex_of(before["sha256"])) if before is not None else None
        if before is not None and data is not None:
            self._etc.write(data, path, mode=int(before["mode"], 8), uid=before["uid"], gid=before["gid"])
            return
        self._etc.remove(path)
        if entry["kind"] == "drop_in":
            with contextlib.suppress(OSError):  # others have theirs there
                os.rmdir(str(self._etc.path(path).parent))

    def _follow_up(self, touched: t.Mapping[str, Entry], wanted: t.Mapping[str, _Wanted]) -> None:
        """Users before what is made for them, units when systemd knows them."""
        kinds = {entry["kind"] for entry in touched.values()}
        for kind, follow_up in FOLLOW_UPS.items():
            if follow_up.reload and kind in kinds:
                reload_units(self._runner)
                break
        for kind, follow_up in FOLLOW_UPS.items():
            for path in sorted(path for path in touched if path in wanted and touched[path]["kind"] == kind):
                if follow_up.came is not None:
                    follow_up.came(self._runner, str(self._etc.path(path)), wanted[path].contents)

    def _record(self) -> dict[str, Entry]:
        """None of it where it is damaged: that is no reason not to go back."""
        with contextlib.suppress(BackendError):
            return t.cast("dict[str, Entry]", self._disk.read_json(*_RECORD) or {})
        return {}

    def _write_record(self, record: t.Mapping[str, Entry]) -> None:
        """Without an entry, there is none, and nothing of what it was about."""
        if record:
            self._disk.make_directory(_HERE, mode=0o700)
            self._disk.write(json.dumps(record, sort_keys=True).encode("utf-8"), *_RECORD, mode=0o600)
        else:
            self._disk.remove(_HERE)
