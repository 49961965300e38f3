# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packages that a release replaces: on which hosts they run, and which of them must not be rolled out (private)."""

from __future__ import annotations

import collections.abc
import dataclasses
import typing as t

from ...module_utils._model import outcome
from ...module_utils._model.digest import canonical, digest_of
from ...module_utils._model.manifest import Manifest
from ...module_utils._model.replaces import record_of, replaces_of
from .profiles import HostInput

__all__ = ["kept_still", "replaced_by", "replaces", "with_replaced"]

Info = collections.abc.Mapping[str, t.Any]
_ABOUT = ("package", "version", "release")


def with_replaced(hosts: collections.abc.Mapping[str, HostInput], manifest: Manifest | None) -> dict[str, HostInput]:
    """What hosts say, with deployment 0 as staging the release would record it: the package that it replaces there."""
    names = replaces_of(manifest.runtime) if manifest else ()
    return {host: dataclasses.replace(known, info=_told(known.info, names)) for host, known in hosts.items()}


def replaces(info: Info) -> str:
    """Package and version whose place the release takes on the host, for people; empty where it takes none, or has."""
    release = info.get("release") or {}
    found = None if release.get("current") else _record(release)
    return f"{found['package']} {found['version']}" if found else ""


def replaced_by(info: Info) -> str:
    """The package that has taken the place of the one that was asked for; empty where none has."""
    return str((info.get("release") or {}).get("replaced") or "")


def kept_still(manifest: Manifest | None, infos: collections.abc.Iterable[Info]) -> tuple[str, ...]:
    """Packages that must not be rolled out meanwhile: those that the release replaces, and those that hosts may go
    back to."""
    found = set(replaces_of(manifest.runtime)) if manifest else set[str]()
    records = [_record(info.get("release") or {}) for info in infos]
    return tuple(sorted(found | {str(record["package"]) for record in records if record}))


def _record(release: Info) -> Info | None:
    return _known((release.get("adopted") or {}).get("replaced"))


def _known(found: object) -> Info | None:
    """What a host says of a package; None where it has another form: hosts are not trusted."""
    if not isinstance(found, dict) or not all(isinstance(found.get(name), str) for name in _ABOUT):
        return None
    return found


def _told(info: Info, names: collections.abc.Collection[str]) -> Info:
    release = info.get("release") or {}
    found = None if release.get("current") else _running(release, names)
    if found is None:
        return info
    record = record_of(found["package"], found["version"], found["release"])
    about = {"digest": digest_of(canonical(record)), "units": [], "files": [], "replaced": record["replaced"]}
    return {**info, "release": {**release, "state": outcome.ADOPTED, "adopted": about}}


def _running(release: Info, names: collections.abc.Collection[str]) -> Info | None:
    """The first of the packages that runs beside, and has not been replaced."""
    said = release.get("neighbours")
    beside = filter(None, map(_known, said if isinstance(said, list) else ()))
    return next((one for one in beside if one["package"] in names and not one.get("replaced")), None)
