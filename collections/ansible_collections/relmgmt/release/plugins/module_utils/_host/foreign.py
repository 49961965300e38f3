# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A look at what runs on a host and was not installed by relmgmt: units of systemd, their files, their ports
(private)."""

from __future__ import annotations

import os
import pathlib
import re
import typing as t

from .._model.adopts import Adopts
from .._model.digest import digest_of
from .._model.errors import ConflictError, InputError
from .._model.runtime import Service
from .adoption import Finding, Record
from .exposed import exposed
from .listening import Listener, listeners
from .plain import read_plain
from .process import Runner
from .service_systemd import UP
from .systemctl import UNITS, systemctl

__all__ = ["find", "link_names"]

_ABOUT = ("Id", "LoadState", "ActiveState", "UnitFileState", "FragmentPath", "DropInPaths", "Listen")
_WANTS = (".wants", ".requires", ".upholds")
_LISTEN = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<v4>[0-9.]+)):(?P<port>[0-9]+) \(Stream\)")
_LARGEST = 16 << 20  # bytes of a file that is kept


def find(
    adopts: Adopts,
    *,
    instance: pathlib.Path,
    runner: Runner,
    units: pathlib.Path = UNITS,
    listen: t.Callable[[], list[Listener]] = listeners,
) -> Finding | None:
    """What of the units is on this host and is not of the instance, nor of another one of its package; None where
    nothing is.

    Raises:
        ConflictError: it could not be given back (``adoption-impossible``).
        InputError: a path to be kept is no file (``adopts-path-unsuitable``).
    """
    shown = [_show(runner, unit) for unit in adopts.units]
    known = {about["Id"]: about for about in shown if about["LoadState"] not in ("", "not-found")}
    known = {name: about for name, about in known.items() if not _leads_to(instance.parent, about["FragmentPath"])}
    if not known:
        return None
    listening = listen()
    record: Record = {"format": 1, "units": {}, "files": {}}
    contents: dict[str, bytes] = {}
    for name, about in sorted(known.items()):
        _require_reversible(name, about, root=instance.parents[2])
        own, links = _files(name, about, units), _links(name, instance, units)
        places = {"links": [str(path) for path in links], "own": [str(path) for path in own]}
        record["units"][name] = {**_unit(about, listening), **places}
        record["files"].update((str(path), _kept(path, contents)) for path in [*own, *links])
    for path in filter(os.path.lexists, map(pathlib.Path, adopts.paths)):
        if exposed(path.parent, path.parent):
            raise _unsuitable(path, "others could put something else in its place")
        record["files"][str(path)] = _kept(path, contents)
    return Finding(record, contents)


def link_names(service: Service | None) -> tuple[str, ...]:
    """The names that a service has among the units of systemd; a plain process has none."""
    if service is None or service.driver == "command":
        return ()
    return tuple({service.unit, service.unit_file.rpartition("/")[2] or service.unit})


def _show(runner: Runner, unit: str) -> dict[str, str]:
    """Properties of the unit; ``Listen`` of all its sockets in one."""
    done = systemctl(runner, "show", "--property=" + ",".join(_ABOUT), unit)
    about = dict.fromkeys(_ABOUT, "")
    for line in done.output.splitlines():
        name, _equals, value = line.partition("=")
        if name in about:
            about[name] = f"{about[name]}\n{value}" if name == "Listen" else value
    return about


def _leads_to(directory: pathlib.Path, path: str) -> bool:
    """Whether the path lies below the directory, or is a link to something there."""
    target = os.readlink(path) if os.path.islink(path) else path
    return target.startswith(f"{directory}{os.sep}")


def _require_reversible(name: str, about: dict[str, str], *, root: pathlib.Path) -> None:
    fragment, state = about["FragmentPath"], about["UnitFileState"]
    hint = ""
    if state in ("generated", "transient") or fragment.startswith("/run/"):
        hint = "Give it a unit file below /etc/systemd/system first, or stop and disable it by hand."
    elif _leads_to(root, fragment):
        hint = "Go back to what was before that release, by its own verbs."
    if hint:
        raise ConflictError(
            "adoption-impossible",
            f"The unit {name} belongs to something else ({fragment or state}) that may start it again",
            hint=hint,
        )


def _unit(about: dict[str, str], listening: list[Listener]) -> Record:
    name, fragment = about["Id"], about["FragmentPath"]
    ports = {(item.address, item.port) for item in listening if any(holder.unit == name for holder in item.holders)}
    ports |= {(found["v6"] or found["v4"], int(found["port"])) for found in _LISTEN.finditer(about["Listen"])}
    data = read_plain(pathlib.Path(os.path.realpath(fragment))) if fragment else None
    return {
        "active": about["ActiveState"] in UP,
        "enabled": about["UnitFileState"],
        "fragment": {"path": fragment, "sha256": digest_of(data.data) if data else ""},
        "ports": sorted(map(list, ports)),
    }


def _files(name: str, about: dict[str, str], units: pathlib.Path) -> list[pathlib.Path]:
    """The unit's own file and drop-ins, where an administrator puts them. Those of a distribution stay as they are."""
    template = re.sub(r"@[^.]*\.", "@.", name)
    paths = [units / one for one in (name, os.path.basename(about["FragmentPath"]) or name)]
    drop_ins = [pathlib.Path(word) for word in about["DropInPaths"].split()]
    mine = [path for path in drop_ins if path.parent in (units / f"{name}.d", units / f"{template}.d")]
    return sorted({path for path in [*paths, *mine] if os.path.lexists(str(path))})


def _links(name: str, instance: pathlib.Path, units: pathlib.Path) -> list[pathlib.Path]:
    """What starts it at boot, and its other names."""
    found = []
    wants = [path for path in sorted(units.iterdir()) if path.name.endswith(_WANTS) and path.is_dir()]
    for directory in [units, *wants]:
        for path in sorted(directory.iterdir()):
            target = os.readlink(str(path)) if path.is_symlink() else ""
            named = name in (path.name, os.path.basename(target)) if directory != units else path.name != name
            if target and named and (directory != units or os.path.basename(target) == name):
                found.append(path)
    return [path for path in found if not _leads_to(instance, str(path))]


def _kept(path: pathlib.Path, contents: dict[str, bytes]) -> Record:
    if path.is_symlink():
        return {"link": os.readlink(str(path))}
    found = read_plain(path)
    if found is None or len(found.data) > _LARGEST:
        raise _unsuitable(path, f"it is no readable file of at most {_LARGEST >> 20} MiB")
    digest = digest_of(found.data)
    contents[digest] = found.data
    return {"sha256": digest, "mode": f"{found.mode:04o}", "uid": os.lstat(str(path)).st_uid, "gid": found.group}


def _unsuitable(path: pathlib.Path, why: str) -> InputError:
    return InputError(
        "adopts-path-unsuitable", f"{path} cannot be kept: {why}", hint="See adopts.paths in release.yml."
    )
