# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unit kind ``archive``: what somebody else packed, as a tar or a zip (private).

It is unpacked when the package is built, in memory, by nobody but this code: a host gets plain files and links.
"""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import pathlib
import posixpath
import re
import stat
import typing as t

from ...module_utils._model.digest import CHUNK
from ...module_utils._model.errors import InputError, IntegrityError
from ...module_utils._model.path import safe_link, safe_path
from . import archive_tar, archive_zip
from .files import LABELS
from .limits import Limits
from .member import Member
from .request import UnitRequest
from .tree import EXECUTABLE, PLAIN, Node, Tree

__all__ = ["collect"]

_DIGEST = re.compile(r"(sha256|sha512)(?::([0-9a-f]+)|-([0-9A-Za-z+/]+={0,2}))\Z")
_MAX_HOPS = 40


def collect(request: UnitRequest) -> Tree:
    """The tree of an ``archive`` unit.

    Raises:
        InputError: it holds what a package may not carry, is larger than allowed (``archive-too-large``), cannot be
            read (``archive-damaged``, ``archive-unsupported``), or can be read in two ways (``archive-ambiguous``,
            ``path-repeated``).
        IntegrityError: it is not the one that is named (``archive-digest-mismatch``).
    """
    _check_digest(request)
    try:
        members = _members(request.path, request.limits)
    except InputError as exc:
        raise request.error(exc.code, exc.message, "source", hint=exc.hint) from None
    tree = Tree(request.what, max_entries=request.limits.unit_entries)
    for path, member in _chosen(request, members):
        tree.add(path, _node(request, path, member))
    for path, node in tree:
        if node.link and not _leads_somewhere(tree, path):
            raise request.error(
                "link-dangling",
                f"the link {path} points to {node.link!r}, which is not in the unit",
                "source",
                hint="Exclude the link, or include what it leads to.",
            )
    if not len(tree):
        raise request.error(
            "unit-empty",
            "there is no file in its source that 'includes' and 'excludes' leave",
            "source",
            hint="Correct the patterns; they are compared with the paths as the archive lists them.",
        )
    return tree


def _check_digest(request: UnitRequest) -> None:
    found = _DIGEST.match(request.data["digest"])
    wanted = b""
    if found:
        text = found[2] or found[3]
        try:
            wanted = bytes.fromhex(text) if found[2] else base64.b64decode(text, validate=True)
        except ValueError:
            found = None
    if not found or len(wanted) != hashlib.new(found[1]).digest_size:
        raise request.error(
            "digest-malformed",
            f"{request.data['digest']!r} is no digest",
            "digest",
            hint="Write sha256:<64 hex digits>, sha512:<128 hex digits>, or npm's integrity, 'sha512-<base64>'.",
        )
    digest = hashlib.new(found[1])
    try:
        with request.path.open("rb") as stream:
            for chunk in iter(lambda: stream.read(CHUNK), b""):
                digest.update(chunk)
    except OSError as exc:
        raise request.error(
            "file-unreadable", f"its source cannot be read ({exc.strerror})", "source", hint="Name the archive itself."
        ) from None
    if digest.digest() != wanted:
        raise IntegrityError(
            "archive-digest-mismatch",
            f"{request.source.place(*request.key, 'digest')}: unit {request.data['name']}: {request.path.name} is "
            f"{found[1]}:{digest.hexdigest()}",
            hint="Get the archive anew from where its digest was published.",
        )


def _members(path: pathlib.Path, limits: Limits) -> dict[str, Member]:
    """By their plain paths, each once; directories too."""
    with path.open("rb") as stream:
        start = stream.read(4)
    read: t.Callable[[pathlib.Path, Limits], t.Iterator[Member]]
    read = archive_zip.read_zip if start in archive_zip.MAGIC else archive_tar.read_tar
    members: dict[str, Member] = {}
    for member in read(path, limits):
        name = member.path[2:] if member.path.startswith("./") else member.path
        name = name[:-1] if stat.S_ISDIR(member.mode) and name.endswith("/") else name
        if stat.S_ISDIR(member.mode) and name in ("", "."):
            continue
        safe_path(name, what="in the archive")
        if name in members and not stat.S_ISDIR(members[name].mode & member.mode):
            raise InputError(
                "path-repeated",
                f"{name!r} is in it twice",
                hint="Which of them is meant, nobody can say: pack it anew.",
            )
        members[name] = member
    return members


def _chosen(request: UnitRequest, members: dict[str, Member]) -> t.Iterator[tuple[str, Member]]:
    """What the unit takes, with its path there."""
    strip = int(request.data.get("strip", 0))
    includes, excludes = request.data.get("includes", ["*"]), request.data.get("excludes", ())
    for name, member in members.items():
        wanted = any(fnmatch.fnmatchcase(name, pattern) for pattern in includes)
        left_out = any(fnmatch.fnmatchcase(part, pattern) for part in _and_above(name) for pattern in excludes)
        if stat.S_ISDIR(member.mode) or left_out or not wanted:
            continue
        path = "/".join(name.split("/")[strip:])
        if not path:
            raise request.error(
                "archive-strip",
                f"nothing is left of the path {name!r} without its first {strip} parts",
                "strip",
                hint="Exclude it, or strip less.",
            )
        yield path, member


def _and_above(name: str) -> t.Iterator[str]:
    """The path and the directories that it lies in: one that is excluded is left out whole."""
    while name:
        yield name
        name = posixpath.dirname(name)


def _node(request: UnitRequest, path: str, member: Member) -> Node:
    attributes = [name for name in member.attributes if not name.endswith(tuple(LABELS))]
    if attributes:
        raise request.error(
            "file-attributes",
            f"{path} has extended attributes: {', '.join(attributes)}",
            "source",
            hint="They would be lost. Exclude it, or pack the archive without them.",
        )
    if stat.S_ISLNK(member.mode):
        try:
            return Node(link=safe_link(path, member.link, what="in the archive"))
        except InputError as exc:
            raise request.error(exc.code, exc.message, "source", hint="Exclude the link.") from None
    if not stat.S_ISREG(member.mode):
        raise request.error(
            "file-special",
            f"{path} is neither a regular file nor a link",
            "source",
            hint="Exclude it: devices, pipes and sparse files cannot be released.",
        )
    if member.mode & (stat.S_ISUID | stat.S_ISGID):
        raise request.error(
            "file-privileged", f"{path} has the setuid or setgid bit", "source", hint="Exclude it, or pack it anew."
        )
    return Node(member.data, EXECUTABLE if member.mode & 0o111 else PLAIN)


def _leads_somewhere(tree: Tree, path: str) -> bool:
    """Whether a link ends at a file or a directory of the tree, through however many others."""
    at: list[str] = []
    todo, hops = path.split("/"), 0
    while todo:
        part = todo.pop(0)
        if part in ("", "."):
            continue
        at = at[:-1] if part == ".." else [*at, part]
        node = tree.get("/".join(at))
        if node is not None and node.link:
            hops += 1
            at, todo = at[:-1], [*node.link.split("/"), *todo]
        elif node is not None:
            return not todo
        if hops > _MAX_HOPS or not tree.is_directory("/".join(at)):
            return False
    return True
