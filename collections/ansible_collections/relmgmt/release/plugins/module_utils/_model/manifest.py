# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The manifest of a release package: what is signed, and what a host needs to know of it (private).

An instance is always valid: ``from_dict`` checks, so nobody downstream has to.
"""

from __future__ import annotations

import functools
import re
import typing as t

from .digest import canonical, check_digest, digest_of
from .errors import InputError, IntegrityError
from .migration import Migration, migrations_of
from .path import safe_link, safe_path
from .record import field, record, values
from .secret_need import SecretNeed

__all__ = [
    "FORMAT",
    "NONE",
    "RELOAD",
    "RESTART",
    "Blob",
    "Config",
    "Entry",
    "Manifest",
    "State",
    "Template",
    "Unit",
    "check_name",
    "check_version",
]

FORMAT = 1
RESTART, RELOAD, NONE = "restart", "reload", "none"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}/[a-z0-9][a-z0-9_-]{0,62}\Z")
_WORD = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}\Z")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_~!-]{0,63}\Z")
_MODE = re.compile(r"0[0-7]{3}\Z")

Data = t.Mapping[str, t.Any]


def check_mode(value: t.Any, *, what: str) -> str:
    """An octal mode such as ``0644``, without setuid, setgid and sticky bits."""
    if not isinstance(value, str) or not _MODE.match(value):
        raise InputError("mode-malformed", f"{what}: {value!r} is not a mode such as '0644'")
    return value


def check_name(value: t.Any) -> str:
    """The value itself if it is a package's name: team/app."""
    if not isinstance(value, str) or not _NAME.match(value):
        raise InputError(
            "name-malformed",
            f"name: {value!r} is not of the form team/app",
            hint="Write both halves with a-z, 0-9, '_' and '-'.",
        )
    return value


def check_version(value: t.Any) -> str:
    """The value itself if it can be part of a file name."""
    if not isinstance(value, str) or not _VERSION.match(value):
        raise InputError(
            "version-malformed",
            f"version: {value!r} cannot be part of a file name",
            hint="Write it with letters, digits and '.+_~!-', the first a letter or a digit, at most 64.",
        )
    return value


def _word(value: t.Any, *, what: str) -> str:
    if not isinstance(value, str) or not _WORD.match(value):
        raise InputError("name-malformed", f"{what}: {value!r} is not a name of a-z, 0-9, '_', '.', '-'")
    return value


@record(frozen=True)
class Blob:
    """Compressed bytes: digest and size in bytes."""

    digest: str
    size: int

    @classmethod
    def from_dict(cls, data: Data) -> Blob:
        return cls(check_digest(data["digest"]), int(data["size"]))

    def to_dict(self) -> dict[str, t.Any]:
        return {"digest": self.digest, "size": self.size}


@record(frozen=True)
class Entry:
    """One thing in a unit's tree: a file (digest, mode, size in bytes), a symbolic link inside the tree (link),
    or a link to a state directory of the instance (state)."""

    path: str
    mode: str = "0644"
    size: int = 0
    digest: str = ""
    link: str = ""
    state: str = ""

    @classmethod
    def from_dict(cls, data: Data) -> Entry:
        path = safe_path(data["path"], what="entry")
        if "link" in data:
            return cls(path, link=safe_link(path, data["link"], what="entry"))
        if "state" in data:
            return cls(path, state=_word(data["state"], what=path))
        return cls(path, check_mode(data["mode"], what=path), int(data["size"]), check_digest(data["digest"]))

    def to_dict(self) -> dict[str, t.Any]:
        if self.link:
            return {"path": self.path, "link": self.link}
        if self.state:
            return {"path": self.path, "state": self.state}
        return {"path": self.path, "mode": self.mode, "size": self.size, "digest": self.digest}

    @property
    def is_file(self) -> bool:
        return bool(self.digest)


def _entries(data: t.Sequence[Data], *, what: str) -> tuple[Entry, ...]:
    entries = tuple(sorted((Entry.from_dict(item) for item in data), key=lambda entry: entry.path))
    files = {entry.path for entry in entries}
    if len(files) != len(entries):
        raise InputError("path-repeated", f"{what}: a path is listed twice")
    for entry in entries:
        parts = entry.path.split("/")
        for end in range(1, len(parts)):
            if "/".join(parts[:end]) in files:
                raise InputError("path-repeated", f"{what}: {entry.path} lies below something that is not a directory")
    return entries


@record(frozen=True)
class Unit:
    """A component that is released as one: a file tree, addressed by the digest of its sorted entries."""

    name: str
    kind: str
    destination: str
    blob: Blob
    entries: tuple[Entry, ...]

    @classmethod
    def from_dict(cls, data: Data) -> Unit:
        name = _word(data["name"], what="unit")
        unit = cls(
            name=name,
            kind=_word(data["kind"], what=name),
            destination=_word(data["destination"], what=name),
            blob=Blob.from_dict(data["blob"]),
            entries=_entries(data["entries"], what="unit " + name),
        )
        if data.get("digest", unit.digest) != unit.digest:
            raise IntegrityError(
                "unit-digest-mismatch", "unit {}: its entries are not those of {}".format(name, data["digest"])
            )
        return unit

    def to_dict(self) -> dict[str, t.Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "destination": self.destination,
            "digest": self.digest,
            "blob": self.blob.to_dict(),
            "entries": [entry.to_dict() for entry in self.entries],
        }

    @functools.cached_property
    def digest(self) -> str:
        """Names the unpacked tree, however it was compressed."""
        return digest_of(canonical([entry.to_dict() for entry in self.entries]))

    @property
    def size(self) -> int:
        """Bytes of all files, unpacked."""
        return sum(entry.size for entry in self.entries)


@record(frozen=True)
class Template:
    """A configuration template: where it lies in the package, where its rendering lies in the profile, with which
    mode, and what the service asks for where the rendering alone changes: ``restart``, ``reload`` or ``none``."""

    source: str
    destination: str
    mode: str = "0640"
    on_change: str = RESTART

    @classmethod
    def from_dict(cls, data: Data) -> Template:
        source = safe_path(data["source"], what="config.templates.source")
        on_change = data.get("on_change", RESTART)
        if on_change not in (RESTART, RELOAD, NONE):
            raise InputError("on-change-unknown", f"{source}: on_change {on_change!r} is none of restart, reload, none")
        return cls(
            source,
            safe_path(data["destination"], what="config.templates.destination"),
            check_mode(data.get("mode", "0640"), what=source),
            on_change,
        )

    def to_dict(self) -> dict[str, t.Any]:
        data = {"source": self.source, "destination": self.destination, "mode": self.mode}
        return data if self.on_change == RESTART else dict(data, on_change=self.on_change)


@record(frozen=True)
class Config:
    """What the package asks of its environment. ``unit`` carries schema and templates; it is never placed on a host.

    ``secrets`` are the names of ``needs``, which says what holds for each."""

    schema: str = ""
    templates: tuple[Template, ...] = ()
    secrets: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    unit: Unit | None = None
    needs: t.Mapping[str, SecretNeed] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: Data) -> Config:
        schema = data.get("schema", "")
        needs = sorted((SecretNeed.from_data(item) for item in data.get("secrets", ())), key=lambda need: need.name)
        return cls(
            schema=safe_path(schema, what="config.schema") if schema else "",
            templates=tuple(Template.from_dict(item) for item in data.get("templates", ())),
            secrets=tuple(need.name for need in needs),
            facts=tuple(sorted(str(name) for name in data.get("facts", ()))),
            unit=Unit.from_dict(data["unit"]) if data.get("unit") else None,
            needs={need.name: need for need in needs},
        )

    def to_dict(self) -> dict[str, t.Any]:
        return {
            "schema": self.schema,
            "templates": [template.to_dict() for template in self.templates],
            "secrets": [self.needs[name].to_data() for name in self.secrets],
            "facts": list(self.facts),
            "unit": self.unit.to_dict() if self.unit else None,
        }


@record(frozen=True)
class State:
    """A directory that survives releases. kind: data, cache, log or run."""

    name: str
    kind: str = "data"
    mode: str = "0750"

    @classmethod
    def from_dict(cls, data: Data) -> State:
        name = _word(data["name"], what="state")
        kind = str(data.get("kind", "data"))
        if kind not in ("data", "cache", "log", "run"):
            raise InputError("state-kind-unknown", f"state {name}: kind {kind!r} is none of data, cache, log, run")
        return cls(name, kind, check_mode(data.get("mode", "0750"), what="state " + name))

    def to_dict(self) -> dict[str, t.Any]:
        return values(self)


@record(frozen=True)
class Manifest:
    """One version of a release package.

    ``runtime`` holds ``service``, ``probes``, ``smoke``, ``health``, ``traffic``, ``reboot`` and ``migrations`` as the
    package declares them; ``reboot`` is there where ``activation`` is ``reboot``, and only then. Its strings are
    templates, which ``Runtime`` has rendered for one host.
    """

    name: str
    version: str
    versioning: str
    type: str
    owner: str
    units: tuple[Unit, ...]
    config: Config = Config()
    state: tuple[State, ...] = ()
    runtime: Data = field(default_factory=dict)
    activation: str = "restart"
    about: Data = field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: Data) -> Manifest:
        """Raises InputError or IntegrityError where ``data`` is not a manifest of this format."""
        if data.get("format") != FORMAT:
            raise InputError(
                "manifest-format",
                "manifest format {!r} is not {}".format(data.get("format"), FORMAT),
                hint="Use a relmgmt that knows this format.",
            )
        manifest = cls(
            name=check_name(data["name"]),
            version=check_version(data["version"]),
            versioning=data["versioning"],
            type=data["type"],
            owner=data["owner"],
            units=tuple(sorted((Unit.from_dict(item) for item in data["units"]), key=lambda unit: unit.name)),
            config=Config.from_dict(data["config"]),
            state=tuple(sorted((State.from_dict(item) for item in data["state"]), key=lambda state: state.name)),
            runtime=data["runtime"],
            activation=data["activation"],
            about=data["about"],
        )
        migrations_of(manifest.runtime)
        for what, names in (
            ("unit", [unit.name for unit in manifest.units]),
            ("destination", [unit.destination for unit in manifest.units] + ["manifest.json"]),
            ("state", [state.name for state in manifest.state]),
            ("secret", manifest.config.secrets),
            ("configuration file", [template.destination for template in manifest.config.templates] + ["profile.json"]),
        ):
            if len(set(names)) != len(names):
                raise InputError("{}-repeated".format(what.replace(" ", "-")), f"a {what} is named twice")
        return manifest

    def to_dict(self) -> dict[str, t.Any]:
        return {
            "format": FORMAT,
            "name": self.name,
            "version": self.version,
            "versioning": self.versioning,
            "type": self.type,
            "owner": self.owner,
            "units": [unit.to_dict() for unit in self.units],
            "config": self.config.to_dict(),
            "state": [state.to_dict() for state in self.state],
            "runtime": dict(self.runtime),
            "activation": self.activation,
            "about": dict(self.about),
        }

    def to_bytes(self) -> bytes:
        """The canonical bytes: what is signed and what the digest names."""
        return canonical(self.to_dict())

    @functools.cached_property
    def digest(self) -> str:
        return digest_of(self.to_bytes())

    @functools.cached_property
    def migrations(self) -> tuple[Migration, ...]:
        """One for each database; their commands are not rendered."""
        return migrations_of(self.runtime)

    @property
    def blobs(self) -> tuple[Unit, ...]:
        """All units that have bytes, the configuration's included."""
        return self.units + ((self.config.unit,) if self.config.unit else ())
