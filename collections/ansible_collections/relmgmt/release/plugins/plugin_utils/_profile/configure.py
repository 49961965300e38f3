# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Configuration of all hosts: merged, filled with defaults and checked, before one host is touched (private)."""

from __future__ import annotations

import collections.abc
import json
import pathlib
import typing as t

from ...module_utils._model.digest import canonical, digest_of
from ...module_utils._model.errors import BackendError, InputError, IntegrityError
from ...module_utils._model.manifest import Manifest
from .layers import merge_layers, sources
from .limits import Limits
from .process import run_job
from .schema import Path, Problem, pointer

__all__ = ["PREFIX", "configure", "refuse"]

PREFIX = "relmgmt_config"
_SHOWN = 5
Data = collections.abc.Mapping[str, t.Any]


def configure(
    variables: collections.abc.Mapping[str, Data],
    *,
    manifest: Manifest,
    directory: pathlib.Path,
    limits: Limits | None = None,
) -> dict[str, dict[str, t.Any]]:
    """Host → the package's configuration values.

    Args:
        variables: host → its variables, plain and resolved; ``relmgmt_config`` and ``relmgmt_config__*`` count.
        directory: the unpacked ``config`` directory of the package, which holds the schema.

    Raises:
        InputError: ``config-invalid`` with all problems of all hosts, ``config-layer-malformed``, ``schema-*``.
    """
    merged = {host: merge_layers(values, PREFIX, manifest.name) for host, values in variables.items()}
    for host, values in merged.items():
        _check_json(host, values, manifest.name)
    if not manifest.config.schema:
        return merged
    hosts = [{"host": host, "values": values} for host, values in merged.items()]
    payload = {"schema": _schema(manifest, directory), "where": manifest.config.schema, "hosts": hosts}
    results = run_job("configure", payload, limits=limits or Limits())
    problems = [
        Problem(result["host"], tuple(path), text, _origin(variables[result["host"]], manifest.name, tuple(path)))
        for result in results
        for path, text in result["problems"]
    ]
    if problems:
        raise refuse(problems, package=manifest.name)
    return {result["host"]: result["values"] for result in results}


def refuse(problems: collections.abc.Sequence[Problem], *, package: str) -> InputError:
    """All problems as one error; what several hosts have in common is told once."""
    grouped: dict[tuple[Path, str, str], list[str]] = {}
    for item in problems:
        grouped.setdefault((item.path, item.message, item.origin), []).append(item.host)
    lines = []
    for (path, message, origin), hosts in grouped.items():
        more = f" and {len(hosts) - _SHOWN} more" if len(hosts) > _SHOWN else ""
        lines.append(str(Problem(", ".join(hosts[:_SHOWN]) + more, path, message, origin)))
    count = len({item.host for item in problems})
    head = f"The configuration of {package} breaks its schema on {count} host{'s' if count > 1 else ''}:\n"
    return InputError("config-invalid", head + "\n".join(lines), hint="Mend the named variables in the inventory.")


def _origin(variables: Data, package: str, path: Path) -> str:
    names = sources(variables, PREFIX, package, path)
    return f"from {', '.join(names)}" if names else f"no {PREFIX} variable of the host names {package}"


def _check_json(host: str, values: t.Any, package: str, path: Path = ()) -> None:
    if isinstance(values, dict):
        for key, item in values.items():
            _check_json(host, item, package, (*path, key))
    elif isinstance(values, list):
        for index, item in enumerate(values):
            _check_json(host, item, package, (*path, index))
    else:
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
