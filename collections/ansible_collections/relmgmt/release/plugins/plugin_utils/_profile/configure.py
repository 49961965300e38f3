# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Configuration of all hosts: merged, filled with defaults and checked, before one host is touched (private)."""

from __future__ import annotations

import collections.abc
import dataclasses
import difflib
import json
import pathlib
import types
import typing as t

from ...module_utils._model.digest import canonical, digest_of
from ...module_utils._model.errors import BackendError, InputError, IntegrityError, RelmgmtError, combined
from ...module_utils._model.manifest import Manifest
from ...module_utils._model.secret_need import SecretNeed
from .._where import Where, nowhere
from .keywords import need_name
from .layers import merge_layers, sources
from .limits import Limits
from .process import run_job
from .schema import Path, Problem, pointer

__all__ = ["PREFIX", "ConfigSecret", "Configured", "configure", "needs_of", "refuse", "require_fit"]

PREFIX = "relmgmt_config"
_SHOWN = 5
_NEAR = 0.85  # how much alike two names are, of 1
Data = collections.abc.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class ConfigSecret:
    """A value that the schema marks as a reference to a secret: where it stands, what holds for it, the schemas that
    the secret must fit."""

    path: Path
    reference: t.Any
    need: SecretNeed
    schemas: tuple[t.Any, ...] = ()


@dataclasses.dataclass(frozen=True)
class Configured:
    """A host's values, filled and checked. secrets: by the names of their needs; asks: what a change of a key alone
    asks of the service, by its dotted name."""

    values: dict[str, t.Any]
    secrets: t.Mapping[str, ConfigSecret] = dataclasses.field(default_factory=dict)
    asks: t.Mapping[str, str] = dataclasses.field(default_factory=dict)


def configure(
    variables: collections.abc.Mapping[str, Data],
    *,
    manifest: Manifest,
    directory: pathlib.Path,
    limits: Limits | None = None,
    where: collections.abc.Mapping[str, Where] = types.MappingProxyType({}),
) -> dict[str, Configured]:
    """Host → the package's configuration values, with references where the schema marks secrets.

    Args:
        variables: host → its variables, plain and resolved; ``relmgmt_config`` and ``relmgmt_config__*`` count.
        directory: the unpacked ``config`` directory of the package, which holds the schema.
        where: host → what tells where a value was written.

    Raises:
        InputError: ``config-invalid`` with all problems of all hosts, ``config-layer-malformed``, ``schema-*``,
            ``config-package-unknown``.
    """
    _require_named(variables, manifest.name, where)
    merged = {host: merge_layers(values, PREFIX, manifest.name) for host, values in variables.items()}
    for host, values in merged.items():
        _check_json(host, values, manifest.name)
    if not manifest.config.schema:
        return {host: Configured(values) for host, values in merged.items()}
    hosts = [{"host": host, "values": values} for host, values in merged.items()]
    payload = {"schema": _schema(manifest, directory), "where": manifest.config.schema, "hosts": hosts}
    results = run_job("configure", payload, limits=limits or Limits())
    problems = [
        Problem(host, tuple(path), text, _origin(variables[host], manifest.name, tuple(path), where.get(host, nowhere)))
        for host, result in ((result["host"], result) for result in results)
        for path, text in result["problems"]
    ]
    if problems:
        raise refuse(problems, package=manifest.name)
    return {result["host"]: _configured(result) for result in results}


def needs_of(
    values: collections.abc.Mapping[str, Data],
    *,
    manifest: Manifest,
    directory: pathlib.Path,
    limits: Limits | None = None,
) -> dict[str, dict[str, SecretNeed]]:
    """What holds for the secrets that values refer to, as their schema says; values that are on record were checked
    when they were.

    Args:
        values: whatever they are told apart by → values of the package.

    Raises:
        InputError, IntegrityError: ``schema-*``.
    """
    if not (manifest.config.schema and values):
        return {name: {} for name in values}
    hosts = [{"host": name, "values": each} for name, each in values.items()]
    payload = {"schema": _schema(manifest, directory), "where": manifest.config.schema, "hosts": hosts}
    results = run_job("configure", payload, limits=limits or Limits())
    return {
        result["host"]: {name: secret.need for name, secret in _configured(result).secrets.items()}
        for result in results
    }


def require_fit(
    found: collections.abc.Mapping[str, Configured],
    values: collections.abc.Mapping[str, collections.abc.Mapping[str, str]],
    *,
    manifest: Manifest,
    directory: pathlib.Path,
    limits: Limits | None = None,
) -> None:
    """See that the secrets of the configuration are what its schema wants; each is looked at once.

    Args:
        values: host → name of the need → the secret.

    Raises:
        InputError: some are not (``secret-unfit``). No message shows one.
    """
    wanted: dict[str, tuple[dict[str, t.Any], list[str]]] = {}
    for host, secrets in values.items():
        for name, value in secrets.items():
            place = found[host].secrets[name]
            key = json.dumps([place.reference, name, value, place.schemas], sort_keys=True)
            item = {"place": f"{host}: {name}", "value": value, "schemas": place.schemas}
            wanted.setdefault(key, (item, []))[1].append(host)
    if not wanted:
        return
    items = [{**item, "id": index} for index, (item, _hosts) in enumerate(wanted.values())]
    payload = {"schema": _schema(manifest, directory), "where": manifest.config.schema, "secrets": items}
    errors: list[RelmgmtError] = []
    hosts = [names for _item, names in wanted.values()]
    for result in run_job("fit", payload, limits=limits or Limits()):
        name = items[result["id"]]["place"].partition(": ")[2]
        reference = found[hosts[result["id"]][0]].secrets[name].reference
        message = (
            f"{_some(hosts[result['id']])}: {manifest.name}: {name} ({reference}): {'; '.join(result['problems'])}"
        )
        errors.append(InputError("secret-unfit", message, hint="Mend the secret in its store, or name another one."))
    if errors:
        raise combined(errors)


def _configured(result: dict[str, t.Any]) -> Configured:
    secrets = {}
    for path, rules, schemas in result["secrets"]:
        value = result["values"]
        for part in path:
            value = value[part]
        name = need_name(pointer(path))
        secrets[name] = ConfigSecret(tuple(path), value, SecretNeed.of(name, rules), tuple(schemas))
    return Configured(result["values"], secrets, result["asks"])


def _some(hosts: collections.abc.Sequence[str]) -> str:
    return ", ".join(hosts[:_SHOWN]) + (f" and {len(hosts) - _SHOWN} more" if len(hosts) > _SHOWN else "")


def refuse(problems: collections.abc.Sequence[Problem], *, package: str) -> InputError:
    """All problems as one error; what several hosts have in common is told once."""
    grouped: dict[tuple[Path, str, str], list[str]] = {}
    for item in problems:
        grouped.setdefault((item.path, item.message, item.origin), []).append(item.host)
    lines = []
    for (path, message, origin), hosts in grouped.items():
        lines.append(str(Problem(_some(hosts), path, message, origin)))
    count = len({item.host for item in problems})
    head = f"The configuration of {package} breaks its schema on {count} host{'s' if count > 1 else ''}:\n"
    return InputError("config-invalid", head + "\n".join(lines), hint="Mend the named variables in the inventory.")


def _origin(variables: Data, package: str, path: Path, where: Where) -> str:
    names = sources(variables, PREFIX, package, path)
    places = [(name, where(name, (package, *path))) for name in names]
    told = [f"{name} at {place}" if place else name for name, place in places]
    return f"from {', '.join(told)}" if told else f"no {PREFIX} variable of the host names {package}"


def _require_named(
    variables: collections.abc.Mapping[str, Data], package: str, where: collections.abc.Mapping[str, Where]
) -> None:
    """See that no host's values are below a name that is nearly the package's, where nothing names the package."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for host, values in variables.items():
        layers = {name: value for name, value in values.items() if name == PREFIX or name.startswith(PREFIX + "__")}
        named = {name: list(value) for name, value in layers.items() if isinstance(value, collections.abc.Mapping)}
        if any(package in names for names in named.values()):
            continue
        for layer, names in named.items():
            for near in difflib.get_close_matches(package, [str(name) for name in names], n=1, cutoff=_NEAR):
                place = where.get(host, nowhere)(layer, (near,))
                found.setdefault((layer, near, place), []).append(host)
    if found:
        lines = [
            f"{_some(hosts)}: {layer} names {near!r}{f' at {place}' if place else ''}, and nothing names {package!r}"
            for (layer, near, place), hosts in found.items()
        ]
        raise InputError(
            "config-package-unknown",
            "\n".join(lines),
            hint=f"Mend the name; if it is right and {package} has no values, say so: {PREFIX}: {{{package}: {{}}}}.",
        )


def _check_json(host: str, values: t.Any, package: str, path: Path = ()) -> None:
    if isinstance(values, dict):
        for key, item in values.items():
            _check_json(host, item, package, (*path, key))
    elif isinstance(values, list):
        for index, item in enumerate(values):
            _check_json(host, item, package, (*path, index))
    elif not (values is None or isinstance(values, (bool, int)) or (isinstance(values, str) and values.isascii())):
        try:
            canonical(values)
        except (TypeError, ValueError) as exc:
            kind = type(values).__name__
            raise InputError(
                "config-not-json",
                f"{host}: {package}: {pointer(path)}: a {kind} cannot be a configuration value",
                hint="Use text, whole or finite numbers, true, false, null, lists and mappings.",
            ) from exc


def _schema(manifest: Manifest, directory: pathlib.Path) -> t.Any:
    path = directory / manifest.config.schema
    entries = manifest.config.unit.entries if manifest.config.unit else ()
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise BackendError("schema-unreadable", f"{path}: {exc.strerror}", hint="Fetch the package again.") from exc
    if digest_of(data) not in [entry.digest for entry in entries if entry.path == manifest.config.schema]:
        raise IntegrityError(
            "schema-changed",
            f"{path}: the file is not the one that the manifest names",
            hint="Fetch the package again.",
        )
    try:
        return json.loads(data)
    except ValueError as exc:
        raise InputError("schema-invalid", f"{manifest.config.schema}: this is not JSON: {exc}") from exc
