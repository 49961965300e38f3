# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deployment 0 of a host that ran the software before relmgmt came: what runs there is recorded when the first release
is staged, and is what every way back to 0 restores (private).

``adopted/<digest>/`` (0700) holds

    record.json    units: whether each is active, how systemd has it enabled, its fragment's digest, its ports; its
                   links, by which it is started, and its own files, both as paths
                   files: path → digest, mode and owner of a file, or the target of a link
    <sha256>       the bytes of each file

The directory is named by the digest of the record, and the journal says which one counts (``adopted``). The record says
nothing that differs between hosts on which the same was installed in the same way.

Where a package of relmgmt ran here, which the release replaces, the record names it (``replaced``: package, version,
release) and holds nothing else: that package's own directory has all that the way back to it needs.
"""

from __future__ import annotations

import os
import typing as t

from .._model.adopts import Adopts
from .._model.digest import canonical, digest_of, hex_of
from .._model.errors import IntegrityError
from .._model.probe import Probe
from .._model.record import replace
from .._model.runtime import Health, Runtime
from .disk import Disk

__all__ = ["Adoption", "Finding", "Record", "adoption_of", "told"]

_DIRECTORY = "adopted"
_HEALTH = Health(min_healthy_time=1.0, healthy_deadline=120.0)
_HERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
Record = t.Dict[str, t.Any]

if t.TYPE_CHECKING:
    from .instance import Instance


class Finding(t.NamedTuple):
    """What runs on the host: the record, and the bytes that it names by their digests."""

    record: Record
    contents: dict[str, bytes]

    @property
    def digest(self) -> str:
        return digest_of(canonical(self.record))

    def keep(self, disk: Disk) -> None:
        """Write it below the instance, durably, in place of what stands under its name."""
        parts = (_DIRECTORY, hex_of(self.digest))
        disk.make_directory(_DIRECTORY, mode=0o700)
        directory = disk.temporary(*parts)
        for digest, data in {**self.contents, "record.json": canonical(self.record)}.items():
            name = digest if digest == "record.json" else hex_of(digest)
            with open(str(directory / name), "wb", opener=_private) as stream:
                stream.write(data)
        disk.flush()
        disk.settle(directory, *parts, mode=0o700)


class Adoption:
    """One that is kept. ``digest``: of its record."""

    def __init__(self, instance: Instance, digest: str) -> None:
        self.digest = digest
        self._instance = instance
        self._disk = instance.disk
        self._path = instance.path
        self._parts = (_DIRECTORY, hex_of(digest))

    @property
    def record(self) -> Record:
        """Raises IntegrityError: it is lost, or not what it was (``adoption-damaged``)."""
        data = self._disk.read_json(*self._parts, "record.json")
        if not isinstance(data, dict) or digest_of(canonical(data)) != self.digest:
            raise self._damaged("record.json")
        return data

    @property
    def units(self) -> list[str]:
        return sorted(self.record["units"])

    @property
    def replaced(self) -> Instance | None:
        """The package that it is; None where it is none of relmgmt's. Raises as ``record``."""
        from .replacing import other_package

        about = self.record.get("replaced")
        return other_package(self._instance, about["package"]) if about else None

    def contents(self, digest: str) -> bytes:
        """The bytes of a file. Raises as ``record``."""
        data = self._disk.read(*self._parts, hex_of(digest))
        if data is None or digest_of(data) != digest:
            raise self._damaged(hex_of(digest))
        return data

    def damages(self) -> list[str]:
        """What of it is lost or changed."""
        from .capsule import Capsule

        try:
            other = self.replaced
            if other is not None:
                current = other.history().current
                return [f"{other.path}/{path}" for path in Capsule(other, current).damages()]
            for kept in self.record["files"].values():
                if "sha256" in kept:
                    self.contents(kept["sha256"])
        except IntegrityError as exc:
            return [exc.message]
        return []

    def runtime(self) -> Runtime:
        """How it is judged: what listened, listens; a package as it declares. That its units run is their driver's."""
        other = self.replaced
        if other is not None:
            own = other.runtime(other.history().current)
            return replace(own, service=None, reboot=None, migrations=(), placements=(), adopts=Adopts(), replaces=())
        pairs = (pair for unit in self.record["units"].values() for pair in unit["ports"])
        ports = {(_HERE.get(host, host), port) for host, port in pairs}
        probes = (Probe(name=f"port {port}", kind="tcp", host=host, port=port) for host, port in sorted(ports))
        return Runtime(probes=tuple(probes), health=_HEALTH)

    def about(self) -> dict[str, t.Any]:
        return told(self.digest, self.record)

    def _damaged(self, name: str) -> IntegrityError:
        return IntegrityError(
            "adoption-damaged",
            f"{self._path}: {'/'.join(self._parts)}/{name}, the record of what ran here before, is lost or changed",
            hint="Nothing was touched. Restore it from a backup, or, while what ran before still runs, stage again.",
        )


def adoption_of(instance: Instance) -> Adoption | None:
    """What deployment 0 of the instance is; None where that is nothing."""
    digest = instance.history().adopted
    return Adoption(instance, digest) if digest else None


def told(digest: str, record: Record) -> dict[str, t.Any]:
    """A record for people, and for a plan."""
    units = [
        {"unit": name, **{key: unit[key] for key in ("active", "enabled", "ports")}}
        for name, unit in sorted(record["units"].items())
    ]
    replaced = record.get("replaced")
    return {"digest": digest, "units": units, "files": sorted(record["files"]), "replaced": replaced}


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_EXCL | os.O_NOFOLLOW, 0o600)
