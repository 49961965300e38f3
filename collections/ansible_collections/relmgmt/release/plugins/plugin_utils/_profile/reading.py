# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which inputs a template can see, from its text: more than it uses, never less (private).

A template reaches the context through names alone: ``config.db.port`` reads that, ``config`` in any other place reads
all of it. What it includes, imports or extends counts too; where that is named by a value, everything does.
"""

from __future__ import annotations

import collections.abc
import typing as t

from jinja2 import nodes

__all__ = ["ROOTS", "Seen", "look"]

ROOTS = ("config", "facts", "relmgmt", "secrets")
_INCLUDING = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
Parse = collections.abc.Callable[[str], nodes.Template | None]


class Seen(t.NamedTuple):
    """The inputs, and the templates that are part of it, itself included."""

    names: frozenset[str]
    sources: frozenset[str]


def look(source: str, parse: Parse) -> Seen:
    """What the template sees. parse: a template by its name, None where there is none."""
    names: set[str] = set()
    sources: set[str] = set()
    waiting = [source]
    while waiting:
        each = waiting.pop()
        if each in sources:
            continue
        sources.add(each)
        tree = parse(each)
        if tree is not None:
            _names(tree, names)
            waiting += _parts(tree, names)
    return Seen(frozenset(names), frozenset(sources))


def _names(node: nodes.Node, found: set[str]) -> None:
    for child in node.iter_child_nodes():
        chain = _chain(child)
        if chain is None:
            _names(child, found)
        else:
            found.add(chain)
            _indexes(child, found)


def _chain(node: nodes.Node) -> str | None:
    """``config.db.port`` as a name; None where the node does not begin with one of the roots."""
    parts: list[str] = []
    while isinstance(node, (nodes.Getattr, nodes.Getitem)):
        parts.append(_part(node))
        node = node.node
    if not isinstance(node, nodes.Name) or node.name not in ROOTS:
        return None
    known: list[str] = []
    for part in reversed(parts):
        if not part:
            break
        known.append(part)
    return f"{node.name}/{'.'.join(known)}" if known else node.name


def _part(node: nodes.Getattr | nodes.Getitem) -> str:
    """The key; empty where it is not written down, or may be a method of the mapping, which reads all of that."""
    part = node.attr if isinstance(node, nodes.Getattr) else node.arg.value if isinstance(node.arg, nodes.Const) else ""
    return part if isinstance(part, str) and not hasattr(dict, part) else ""


def _indexes(node: nodes.Node, found: set[str]) -> None:
    """What stands in brackets behind a root may read others."""
    while isinstance(node, (nodes.Getattr, nodes.Getitem)):
        if isinstance(node, nodes.Getitem):
            holder = nodes.Output([node.arg])
            _names(holder, found)
        node = node.node


def _parts(tree: nodes.Template, names: set[str]) -> list[str]:
    parts: list[str] = []
    for node in tree.find_all(_INCLUDING):
        template = t.cast("t.Any", node).template
        listed = template.items if isinstance(template, (nodes.List, nodes.Tuple)) else [template]
        for item in listed:
            if isinstance(item, nodes.Const) and isinstance(item.value, str):
                parts.append(item.value)
            elif isinstance(item, nodes.Const) and isinstance(item.value, (list, tuple)):
                parts += [str(each) for each in item.value]
            else:
                names.update(ROOTS)
    return parts
