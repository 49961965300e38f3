# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From ``release.yml`` to a layout (private)."""

from __future__ import annotations

import dataclasses
import pathlib
import tempfile
import typing as t

from ...module_utils._model.adopts import Adopts
from ...module_utils._model.digest import canonical
from ...module_utils._model.errors import InputError, RelmgmtError
from ...module_utils._model.manifest import FORMAT, Manifest, Unit
from ...module_utils._model.migration import Migration
from ...module_utils._model.path import safe_path
from ...module_utils._model.placement import Placement
from ...module_utils._model.runtime import Health, Reboot, Traffic
from .._source import Source
from . import version
from .blob import pack
from .config import check_strings, collect_config
from .kinds import KINDS
from .layout import Layout
from .limits import LIMITS, Limits
from .request import UnitRequest
from .source import load
from .tree import Node, Tree

__all__ = ["Built", "build"]

_ABOUT = ("changelog", "changes", "compliance", "licences", "rollback", "summary", "track")
_RUNTIME = (
    "adopts",
    "health",
    "migrations",
    "placements",
    "probes",
    "reboot",
    "replaces",
    "service",
    "smoke",
    "traffic",
)
CONFIG = "config"  # name, kind's unit and destination of the configuration part


@dataclasses.dataclass(frozen=True)
class Built:
    """What was built. ``before`` is the package that stood at the output, if there was a readable one."""

    manifest: Manifest
    digest: str
    changed: bool
    before: Manifest | None = None


def build(
    release_file: pathlib.Path,
    output: pathlib.Path,
    *,
    wheelhouse: pathlib.Path | None = None,
    write: bool = True,
    limits: Limits = LIMITS,
) -> Built:
    """Build the package that ``release_file`` declares and put its layout at ``output``.

    Args:
        wheelhouse: where wheels are looked for; ``wheelhouse`` next to the release file if not given.
        write: False computes everything and writes nothing.

    Raises:
        InputError, IntegrityError: the declaration or what it names cannot be used; nothing was written.
        BackendError: the output cannot be written.
    """
    source = load(release_file, limits=limits)
    _check(source)
    trees = _trees(source, output, wheelhouse or source.directory / "wheelhouse", limits)
    with tempfile.TemporaryDirectory(prefix="relmgmt-build-") as scratch:
        packer = _Packer(pathlib.Path(scratch) if write else None, limits)
        units = [packer.unit(data["name"], data["kind"], data["destination"], tree) for data, tree in trees]
        config = collect_config(source, limits=limits)
        config_unit = packer.unit(CONFIG, "files", CONFIG, config) if config else None
        manifest = _manifest(source, units, config_unit)
        before, same = _standing(output, manifest, limits)
        if write and not same:
            Layout.write(output, manifest, packer.blobs)
    return Built(manifest, manifest.digest, not same, before)


class _Packer:
    """Packs trees into a scratch directory, or nowhere, and remembers the blobs."""

    def __init__(self, scratch: pathlib.Path | None, limits: Limits) -> None:
        self._scratch = scratch
        self._limits = limits
        self.blobs: dict[str, pathlib.Path] = {}

    def unit(self, name: str, kind: str, destination: str, tree: Tree) -> dict[str, t.Any]:
        if self._scratch is None:
            blob, entries = pack(tree, None, what=f"unit {name}", limits=self._limits)
        else:
            path = self._scratch / str(len(self.blobs))
            with path.open("wb") as target:
                blob, entries = pack(tree, target, what=f"unit {name}", limits=self._limits)
            self.blobs[blob.digest] = path
        return Unit(name, kind, destination, blob, entries).to_dict()


def _check(source: Source) -> None:
    """What a JSON Schema cannot say."""
    data = source.data
    try:
        version.check(data["versioning"], data["version"])
    except RelmgmtError as exc:
        raise source.error(exc.code, exc.message, "version", hint=exc.hint) from None
    units, config = data["units"], data.get("config", {})
    _distinct(source, "unit-repeated", [(unit["name"], ("units", i, "name")) for i, unit in enumerate(units)])
    _distinct(
        source, "state-repeated", [(state["name"], ("state", i)) for i, state in enumerate(data.get("state", ()))]
    )
    _distinct(
        source,
        "destination-repeated",
        [(unit["destination"], ("units", i, "destination")) for i, unit in enumerate(units)],
    )
    _distinct(
        source,
        "destination-repeated",
        [
            (template["destination"], ("config", "templates", i, "destination"))
            for i, template in enumerate(config.get("templates", ()))
        ],
    )
    for index, template in enumerate(config.get("templates", ())):
        _plain(source, template["destination"], "config", "templates", index, "destination")
    for name in _RUNTIME:
        check_strings(source, data.get(name), (name,))
    _check_section(source, "health", Health.from_dict)
    _check_section(source, "traffic", Traffic.from_dict)
    _check_section(source, "reboot", Reboot.from_dict)
    _check_section(source, "adopts", Adopts.from_dict)
    if "reboot" in data and data.get("activation") != "reboot":
        raise source.error(
            "reboot-unused",
            "nothing starts the host anew",
            "reboot",
            hint="Add 'activation: reboot', or leave the section out.",
        )
    if data["name"] in data.get("replaces", ()):
        raise source.error(
            "replaces-itself",
            "a package does not replace itself",
            "replaces",
            data["replaces"].index(data["name"]),
            hint="Name what the package was called before; an earlier version of it needs no mention.",
        )
    _check_migrations(source)
    _check_placements(source)


def _distinct(source: Source, code: str, values: t.Iterable[tuple[str, tuple[str | int, ...]]]) -> None:
    seen: dict[str, tuple[str | int, ...]] = {}
    for value, key in values:
        if value in seen:
            raise source.error(
                code,
                f"{value!r} is already taken by {source.place(*seen[value])}",
                *key,
                hint="Give one of them another name.",
            )
        seen[value] = key


def _plain(source: Source, value: str, *key: str | int) -> None:
    try:
        safe_path(value, what=value)
    except RelmgmtError as exc:
        raise source.error(exc.code, exc.message, *key, hint=exc.hint) from None


def _check_section(source: Source, name: str, read: t.Callable[[t.Mapping[str, t.Any]], object]) -> None:
    section = source.data.get(name)
    if section is None or b"{{" in canonical(section):
        return  # known only per host
    try:
        read(section)
    except RelmgmtError as exc:
        raise source.error(exc.code, exc.message, name, hint=exc.hint or "Correct the seconds.") from None


def _check_migrations(source: Source) -> None:
    migrations = source.data.get("migrations", ())
    for index, migration in enumerate(migrations):
        try:
            Migration.from_dict(migration)
        except RelmgmtError as exc:
            raise source.error(exc.code, exc.message, "migrations", index, hint=exc.hint) from None
    keys = [(migration["database"], ("migrations", index, "database")) for index, migration in enumerate(migrations)]
    _distinct(source, "database-repeated", keys)


def _check_placements(source: Source) -> None:
    templates = {template["destination"] for template in source.data.get("config", {}).get("templates", ())}
    for index, placement in enumerate(source.data.get("placements", ())):
        key = ("placements", index)
        if "{{" not in placement["file"] and placement["file"] not in templates:
            raise source.error(
                "placement-file-missing",
                f"no template becomes {placement['file']!r}",
                *key,
                "file",
                hint="Name the 'destination' of one of config.templates.",
            )
        try:
            if b"{{" not in canonical(placement):
                Placement.from_dict(placement)
        except RelmgmtError as exc:
            raise source.error(exc.code, exc.message, *key, hint=exc.hint) from None


def _trees(
    source: Source, output: pathlib.Path, wheelhouse: pathlib.Path, limits: Limits
) -> list[tuple[t.Mapping[str, t.Any], Tree]]:
    trees = []
    for index, data in enumerate(source.data["units"]):
        _plain(source, data["destination"], "units", index, "destination")
        request = UnitRequest(source, ("units", index), data, wheelhouse, limits)
        if output.resolve().is_relative_to(request.path):
            raise request.error(
                "output-inside-source",
                f"the output {output} lies in its source",
                "source",
                hint="Write the package somewhere else; else every build would contain the one before.",
            )
        trees.append((data, KINDS[data["kind"]](request)))
    by_destination = {data["destination"]: tree for data, tree in trees}
    for index, state in enumerate(source.data.get("state", ())):
        if "path" in state:
            _link_state(source, state, by_destination, index)
    return trees


def _link_state(source: Source, state: t.Mapping[str, t.Any], trees: t.Mapping[str, Tree], index: int) -> None:
    """A link to the state directory, in the tree of the unit whose destination the path begins with."""
    key = ("state", index, "path")
    _plain(source, state["path"], *key)
    destination, _slash, rest = state["path"].partition("/")
    if destination not in trees or not rest:
        raise source.error(
            "state-path-unknown",
            f"{state['path']!r} does not lie below the destination of a unit",
            *key,
            hint=f"Begin it with one of: {', '.join(sorted(trees))}.",
        )
    try:
        trees[destination].add(rest, Node(state=state["name"]))
    except InputError as exc:
        raise source.error(exc.code, exc.message, *key, hint=exc.hint) from None


def _manifest(source: Source, units: list[dict[str, t.Any]], config_unit: dict[str, t.Any] | None) -> Manifest:
    data = source.data
    state = [{key: value for key, value in item.items() if key != "path"} for item in data.get("state", ())]
    try:
        return Manifest.from_dict(
            {
                "format": FORMAT,
                **{key: data[key] for key in ("name", "version", "versioning", "type", "owner")},
                "units": units,
                "config": {**data.get("config", {}), "unit": config_unit},
                "state": state,
                "runtime": _runtime(data),
                "activation": data.get("activation", "restart"),
                "about": {key: data[key] for key in _ABOUT if key in data},
            }
        )
    except RelmgmtError as exc:
        raise source.error(exc.code, exc.message, hint=exc.hint or "Correct the release file.") from None


def _runtime(data: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    reboot: dict[str, t.Any] = {"reboot": {}} if data.get("activation") == "reboot" else {}
    return {**reboot, **{key: data[key] for key in _RUNTIME if key in data}}


def _standing(output: pathlib.Path, manifest: Manifest, limits: Limits) -> tuple[Manifest | None, bool]:
    """The package at the output, and whether it is this one, whole."""
    layout = Layout(output, limits=limits)
    try:
        before = layout.manifest()
        return before, before.digest == manifest.digest and layout.verify() == manifest
    except RelmgmtError:
        try:
            return layout.manifest(), False
        except RelmgmtError:
            return None, False
