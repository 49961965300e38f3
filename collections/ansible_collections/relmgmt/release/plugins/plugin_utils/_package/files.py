# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unit kind ``files``: a directory, or one file, as it lies there (private)."""

from __future__ import annotations

import fnmatch
import os
import pathlib
import stat
import typing as t

from ...module_utils._model.errors import RelmgmtError
from ...module_utils._model.path import safe_link
from .request import UnitRequest
from .tree import EXECUTABLE, PLAIN, Node, Tree

__all__ = ["LABELS", "collect", "file_node"]

# Labels that a system puts on every file by itself; they are its policy, not the author's.
LABELS = frozenset({"security.selinux", "security.ima", "security.evm"})


def collect(request: UnitRequest) -> Tree:
    """The tree of a ``files`` unit.

    Raises:
        InputError: the source leaves its directory, or holds something that a package may not carry.
    """
    root = request.path
    tree = Tree(request.what, max_entries=request.limits.unit_entries)
    if root.is_dir():
        excludes = [str(pattern) for pattern in request.data.get("excludes", ())]
        for path, full in _walk(request, root, "", excludes):
            tree.add(
                path, _link_node(request, root, path, full) if full.is_symlink() else file_node(request, path, full)
            )
    else:
        tree.add(root.name, file_node(request, root.name, root))
    if not len(tree):
        raise request.error(
            "unit-empty",
            "there is no file in its source",
            "source",
            hint="Put one there, loosen 'excludes', or drop the unit.",
        )
    return tree


def _walk(
    request: UnitRequest, directory: pathlib.Path, prefix: str, excludes: list[str]
) -> t.Iterator[tuple[str, pathlib.Path]]:
    try:
        names = sorted(os.listdir(directory))
    except OSError as exc:
        raise request.error(
            "file-unreadable",
            f"{prefix or '.'} cannot be listed ({exc.strerror})",
            "source",
            hint="Let the user who builds read it, or exclude it.",
        ) from None
    for name in names:
        path, full = prefix + name, directory / name
        if any(fnmatch.fnmatchcase(path, pattern) for pattern in excludes):
            continue
        if full.is_dir() and not full.is_symlink():
            yield from _walk(request, full, path + "/", excludes)
        else:
            yield path, full


def file_node(request: UnitRequest, path: str, full: pathlib.Path) -> Node:
    """A regular file with its mode made plain.

    Raises:
        InputError: it is none, cannot be read, or carries setuid, setgid or extended attributes.
    """
    status = full.stat()
    if not stat.S_ISREG(status.st_mode):
        raise request.error(
            "file-special",
            f"{path} is neither a regular file nor a link",
            "source",
            hint="Exclude it: devices, pipes and sockets cannot be released.",
        )
    if status.st_mode & (stat.S_ISUID | stat.S_ISGID):
        raise request.error(
            "file-privileged", f"{path} has the setuid or setgid bit", "source", hint=f"Take it away: chmod ug-s {full}"
        )
    if not os.access(full, os.R_OK):
        raise request.error(
            "file-unreadable",
            f"{path} cannot be read",
            "source",
            hint="Let the user who builds read it, or exclude it.",
        )
    attributes = sorted(set(_attributes(full)) - LABELS)
    if attributes:
        raise request.error(
            "file-attributes",
            f"{path} has extended attributes: {', '.join(attributes)}",
            "source",
            hint=f"They would be lost. Take them away: setfattr -x {attributes[0]} {full}",
        )
    return Node(full, EXECUTABLE if status.st_mode & 0o111 else PLAIN)


def _attributes(full: pathlib.Path) -> list[str]:
    try:
        return os.listxattr(full)
    except (AttributeError, OSError):  # a system or a file system without them
        return []


def _link_node(request: UnitRequest, root: pathlib.Path, path: str, full: pathlib.Path) -> Node:
    """A link that stays in the tree and leads somewhere."""
    target = os.readlink(full)
    base, real = os.path.realpath(root), os.path.realpath(full)
    hint = "Copy the file into the tree, or link to something inside it."
    try:
        safe_link(path, target, what=request.what)
    except RelmgmtError as exc:
        raise request.error(
            exc.code, f"the link {path} points to {target!r}, outside of its tree", "source", hint=hint
        ) from None
    if os.path.commonpath([base, real]) != base:
        raise request.error(
            "link-escapes", f"the link {path} leads to {real}, outside of its tree", "source", hint=hint
        )
    if not os.path.exists(real):
        raise request.error(
            "link-dangling",
            f"the link {path} points to {target!r}, which does not exist",
            "source",
            hint="Correct or exclude it.",
        )
    return Node(link=target)
