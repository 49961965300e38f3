# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sites file: what people wrote of sites, environments, configuration items and their packages (private)."""

from __future__ import annotations

import collections.abc
import functools
import json
import pathlib
import typing as t

from ...module_utils._model.errors import RelmgmtError, combined
from .. import _source
from .._source import Document, Key, Source, meant
from .fleet import OWN, Fleet, Item

__all__ = ["MAIN", "SUFFIXES", "document", "fleet", "load", "templates", "wanted"]

SUFFIXES = (".sites.yml", ".sites.yaml")
MAIN = "main"  # the instance where none is named
_TEMPLATE = ("{{", "{%", "{#")
SCHEMA_FILE = pathlib.Path(__file__).with_name("sites.schema.json")

Data = collections.abc.Mapping[str, t.Any]


@functools.lru_cache(maxsize=1)
def document() -> Document:
    return Document(
        code="sites",
        what="sites file",
        hint="docs/inventory.md of the collection describes every key.",
        schema=json.loads(SCHEMA_FILE.read_text(encoding="utf-8")),
        size=16 << 20,
        nodes=1_000_000,
        depth=32,
    )


def load(path: pathlib.Path) -> Source:
    """Read it; whether names fit together is for ``fleet`` to say.

    Raises:
        InputError: it is missing, not YAML (``sites-not-yaml``), or breaks its schema (``sites-invalid``).
    """
    return _source.load(path, document())


def fleet(source: Source, *, elsewhere: collections.abc.Mapping[str, str] | None = None) -> Fleet:
    """The fleet of a sites file.

    Args:
        elsewhere: host → site that it has by another source of the same inventory.

    Raises:
        InputError: ``sites-missing``; else all that is wrong, each with its line: ``host-in-two-sites``,
            ``host-without-environment``, ``environment-unknown``, ``package-unknown``, ``variable-reserved``.
    """
    if "sites" not in source.data:
        raise source.error("sites-missing", "neither sites nor registry is there")
    reader = _Reader(source, elsewhere or {})
    items = tuple(reader.items())
    reader.check_environments()
    reader.check_variables((), source.data)
    if reader.errors:
        raise combined([error for _line, error in sorted(reader.errors, key=lambda pair: pair[0])])
    return Fleet(
        items=items,
        variables=source.data.get("vars", {}),
        of_sites={site: about.get("vars", {}) for site, about in source.data.get("sites", {}).items()},
        of_environments={name: (about or {}).get("vars", {}) for name, about in reader.environments.items()},
    )


def wanted(declared: t.Any) -> dict[str, dict[str, str]]:
    """Package → instance → version, from a list of packages, or a mapping to a version or to instances."""
    if isinstance(declared, list):
        return {package: {MAIN: ""} for package in declared}
    return {package: dict(about) if isinstance(about, dict) else {MAIN: about} for package, about in declared.items()}


def templates(value: t.Any) -> list[Key]:
    """Where in the value there is text that looks like a template."""
    return [key for key, text in _scalars(value, ()) if any(mark in text for mark in _TEMPLATE)]


def _scalars(value: t.Any, key: Key) -> collections.abc.Iterator[tuple[Key, str]]:
    if isinstance(value, str):
        yield key, value
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in pairs:
        yield from _scalars(item, (*key, name))


class _Reader:
    """Collects what is wrong, so that all of it is said at once."""

    def __init__(self, source: Source, elsewhere: collections.abc.Mapping[str, str]) -> None:
        self.source = source
        self.errors: list[tuple[int, RelmgmtError]] = []
        self.environments: Data = source.data.get("environments", {})
        self._known: list[str] = source.data.get("packages", [])
        self._sites: dict[str, tuple[str, str]] = {host: (site, "") for host, site in elsewhere.items()}

    def refuse(self, code: str, message: str, *key: str | int, hint: str) -> None:
        self.errors.append((self.source.line(*key), self.source.error(code, message, *key, hint=hint)))

    def items(self) -> collections.abc.Iterator[Item]:
        for site, about in self.source.data.get("sites", {}).items():
            key = ("sites", site)
            self.check_variables(key, about)
            self._environment(about.get("environment"), *key, "environment")
            self._packages(about.get("packages", []), *key, "packages")
            for host, said in about["hosts"].items():
                yield self._item(host, site, about, said or {}, (*key, "hosts", host))

    def _item(self, host: str, site: str, about: Data, said: Data, key: Key) -> Item:
        self._once(host, site, key)
        self.check_variables(key, said)
        environment = said.get("environment", about.get("environment", ""))
        if "environment" in said:
            self._environment(environment, *key, "environment")
        elif not environment:
            message = f"{host} belongs to no environment"
            self.refuse("host-without-environment", message, *key, hint="Name one, at the host or at its site.")
        self._packages(said.get("packages", []), *key, "packages")
        address = {"ansible_host": said["address"]} if "address" in said else {}
        return Item(
            host=host,
            site=site,
            environment=environment,
            packages=self._versions(wanted(said.get("packages", about.get("packages", []))), environment),
            variables={**address, **said.get("vars", {})},
        )

    def _once(self, host: str, site: str, key: Key) -> None:
        other, place = self._sites.setdefault(host, (site, self.source.place(*key)))
        if other != site:
            where = f" ({place.rpartition(': ')[0]})" if place else ", by another source of this inventory"
            hint = "A configuration item stands at one site: take it out of the other."
            self.refuse("host-in-two-sites", f"{host} is at {other} too{where}", *key, hint=hint)

    def _environment(self, name: str | None, *key: str | int) -> None:
        if name is not None and name not in self.environments:
            message = f"the environment {name!r} is unknown{meant(name, self.environments)}"
            self.refuse("environment-unknown", message, *key, hint="Correct it, or add it to environments.")

    def _packages(self, names: collections.abc.Iterable[str], *key: str | int) -> None:
        for index, name in enumerate(names):
            if name not in self._known:
                place = (*key, index if isinstance(names, list) else name)
                message = f"the package {name!r} is unknown{meant(name, self._known)}"
                self.refuse("package-unknown", message, *place, hint="Correct it, or add it to packages.")

    def check_environments(self) -> None:
        for name, about in self.environments.items():
            self.check_variables(("environments", name), about or {})
            self._packages((about or {}).get("versions", {}), "environments", name, "versions")

    def check_variables(self, key: Key, about: Data) -> None:
        for name in OWN:
            if name in about.get("vars", {}):
                hint = "The file's own keys say it: environment, packages, and the site that the host stands below."
                self.refuse("variable-reserved", f"{name} cannot be set here", *key, "vars", name, hint=hint)

    def _versions(self, packages: dict[str, dict[str, str]], environment: str) -> dict[str, dict[str, str]]:
        """With the environment's version where the host and its site say none."""
        versions = (self.environments.get(environment) or {}).get("versions", {})
        return {
            package: {instance: version or versions.get(package, "") for instance, version in instances.items()}
            for package, instances in packages.items()
        }
