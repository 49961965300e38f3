# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Argument specifications, read from the documentation: one source for both (private)."""

from __future__ import annotations

import ast
import functools
import pathlib
import typing as t

import yaml

__all__ = ["argument_spec"]

_PLUGINS = pathlib.Path(__file__).parents[1]
_KEPT = ("type", "required", "default", "choices", "elements", "no_log", "aliases")


@functools.cache
def argument_spec(verb: str) -> dict[str, t.Any]:
    """The ``argument_spec`` of a verb as its module file documents it, fragments included."""
    documentation = yaml.safe_load(_constant(_PLUGINS / "modules" / f"{verb}.py", "DOCUMENTATION"))
    options: dict[str, t.Any] = {}
    for fragment in documentation.get("extends_documentation_fragment", ()):
        file, _dot, section = fragment.removeprefix("relmgmt.release.").partition(".")
        path = _PLUGINS / "doc_fragments" / f"{file}.py"
        _merge(options, yaml.safe_load(_constant(path, section.upper() or "DOCUMENTATION")).get("options"))
    _merge(options, documentation.get("options"))
    return {name: _option(option) for name, option in options.items()}


def _merge(options: dict[str, t.Any], more: t.Mapping[str, t.Any] | None) -> None:
    """Add options; what is said of one again is said on top, as Ansible merges fragments."""
    for name, option in (more or {}).items():
        options[name] = {**options.get(name, {}), **option}


def _option(documented: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    option = {key: documented[key] for key in _KEPT if key in documented}
    option.setdefault("type", "str")
    if "suboptions" in documented:
        option["options"] = {name: _option(child) for name, child in documented["suboptions"].items()}
    return option


def _constant(path: pathlib.Path, name: str) -> str:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and any(isinstance(x, ast.Name) and x.id == name for x in node.targets):
            return str(ast.literal_eval(node.value))
    raise LookupError(f"{path} has no {name}")
