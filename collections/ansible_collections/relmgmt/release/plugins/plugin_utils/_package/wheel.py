# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One wheel: checked against its own RECORD, then laid out as ``lib/``, ``bin/`` and data (private).

See https://packaging.python.org/en/latest/specifications/binary-distribution-format/.
"""

from __future__ import annotations

import ast
import base64
import binascii
import configparser
import csv
import hashlib
import io
import pathlib
import re
import stat
import typing as t
import zipfile
import zlib

from ...module_utils._model.errors import IntegrityError, RelmgmtError
from ...module_utils._model.path import safe_path
from .._optional import optional
from .tree import EXECUTABLE, PLAIN, Node, Tree

__all__ = ["unpack_wheel"]

if t.TYPE_CHECKING:
    from packaging.utils import canonicalize_name
else:
    (canonicalize_name,) = optional("packaging.utils", "canonicalize_name", package="packaging")

_HASHES = {"sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}
_ENTRY_POINT = re.compile(r"([A-Za-z_][\w.]*)\s*:\s*([A-Za-z_][\w.]*)\s*(\[.*\])?")
_SCRIPT_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")

_FIND_LIB = """\
import os.path
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "lib"))
"""


class _Contents(t.NamedTuple):
    data: bytes
    executable: bool


def unpack_wheel(path: pathlib.Path, name: str, tree: Tree, *, limit: int) -> None:
    """Add the files of a wheel to the tree.

    Raises:
        IntegrityError: it is no wheel (``wheel-malformed``), or a file differs from its RECORD
            (``wheel-record-mismatch``).
        InputError: another wheel has other bytes at one of its places (``wheel-collision``), or it is too large.
    """
    contents = _read(path, limit)
    info = _info_directory(path, name, contents)
    _verify(path, info, contents)
    if not contents[f"{info}/WHEEL"].data.startswith(b"Wheel-Version: 1."):
        raise _malformed(path, "it is not of wheel format 1")
    data = info.removesuffix(".dist-info") + ".data/"
    for member, (body, executable) in sorted(contents.items()):
        if member.startswith(f"{info}/RECORD"):
            continue  # it lists the wheel, not this layout; and nobody is to uninstall from it
        if member.startswith(data):
            scheme, _slash, rest = member[len(data) :].partition("/")
            _add_data(path, name, tree, scheme, rest, _Contents(body, executable))
        else:
            _add(path, tree, "lib/" + member, body, EXECUTABLE if executable else PLAIN)
    entry_points = contents.get(f"{info}/entry_points.txt")
    if entry_points:
        _add_scripts(path, tree, entry_points.data)


def _read(path: pathlib.Path, limit: int) -> dict[str, _Contents]:
    """All files of the archive: plain names, each once, no links, bounded."""
    contents: dict[str, _Contents] = {}
    left = limit
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                mode = member.external_attr >> 16
                if member.is_dir():
                    continue
                if member.filename in contents or stat.S_ISLNK(mode):
                    raise _malformed(path, f"{member.filename!r} is a link or is there twice")
                safe_path(member.filename, what=path.name)
                with archive.open(member) as stream:
                    body = stream.read(left + 1)
                left -= len(body)
                if left < 0:
                    raise _malformed(path, f"unpacked it is larger than {limit} bytes")
                contents[member.filename] = _Contents(body, bool(mode & 0o111))
    except RelmgmtError as exc:
        raise _malformed(path, exc.message) from None
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError, zlib.error) as exc:
        raise _malformed(path, str(exc)) from None
    return contents


def _info_directory(path: pathlib.Path, name: str, contents: t.Mapping[str, _Contents]) -> str:
    found = {member.split("/")[0] for member in contents if member.split("/")[0].endswith(".dist-info")}
    info = found.pop() if len(found) == 1 else ""
    if not info or canonicalize_name(info.removesuffix(".dist-info").rpartition("-")[0]) != name:
        raise _malformed(path, f"it has not exactly one .dist-info directory, that of {name}")
    for required in ("WHEEL", "METADATA", "RECORD"):
        if f"{info}/{required}" not in contents:
            raise _malformed(path, f"{info}/{required} is missing")
    return info


def _verify(path: pathlib.Path, info: str, contents: t.Mapping[str, _Contents]) -> None:
    """RECORD names exactly what is there, with the right digests."""
    unsigned = {f"{info}/{name}" for name in ("RECORD", "RECORD.jws", "RECORD.p7s")}
    recorded: set[str] = set()
    for row in csv.reader(io.StringIO(contents[f"{info}/RECORD"].data.decode("utf-8", "replace"))):
        if not row or row[0] in unsigned:
            continue
        member, digest = row[0], row[1] if len(row) > 1 else ""
        if member not in contents or not _matches(digest, contents[member].data):
            raise _mismatch(path, f"{member} is missing or differs from RECORD")
        recorded.add(member)
    extra = sorted(set(contents) - recorded - unsigned)
    if extra:
        raise _mismatch(path, f"{extra[0]} is not listed in RECORD")


def _matches(recorded: str, data: bytes) -> bool:
    algorithm, _equals, value = recorded.partition("=")
    if algorithm not in _HASHES:
        return False
    try:
        expected = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except (ValueError, binascii.Error):
        return False
    return _HASHES[algorithm](data).digest() == expected


def _add_data(path: pathlib.Path, name: str, tree: Tree, scheme: str, rest: str, contents: _Contents) -> None:
    """The schemes of ``<name>.data/``; the unit's root stands for the installation prefix."""
    mode = EXECUTABLE if contents.executable else PLAIN
    prefixes = {"purelib": "lib/", "platlib": "lib/", "data": "", "headers": f"include/{name}/"}
    if scheme == "scripts":
        _add(path, tree, "bin/" + rest, _portable(path, rest, contents.data), EXECUTABLE)
    elif scheme in prefixes:
        _add(path, tree, prefixes[scheme] + rest, contents.data, mode)
    else:
        raise _malformed(path, f"its data directory has the unknown scheme {scheme!r}")


def _portable(path: pathlib.Path, place: str, script: bytes) -> bytes:
    """A script of a wheel starts with ``#!python`` for the installer to replace; the library is made findable too.

    What must come first stays first: comments such as the coding, the docstring, imports from ``__future__``.
    """
    first, _newline, rest = script.partition(b"\n")
    if not first.startswith(b"#!python"):
        return script
    try:
        module = ast.parse(rest)
    except (SyntaxError, ValueError, RecursionError) as exc:
        raise _malformed(path, f"the script {place} is not Python: {exc}") from None
    at = 0
    for statement in module.body:
        docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
        if not docstring and not future:
            break
        at = statement.end_lineno or at
    lines = rest.splitlines(keepends=True)
    at = at or next((number for number, line in enumerate(lines) if not line.startswith(b"#")), len(lines))
    if at and not lines[at - 1].endswith(b"\n"):
        lines[at - 1] += b"\n"
    return b"".join([b"#!/usr/bin/env python3\n", *lines[:at], _FIND_LIB.encode(), *lines[at:]])


def _add_scripts(path: pathlib.Path, tree: Tree, entry_points: bytes) -> None:
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[method-assign,assignment]  # names are case-sensitive, as the standard library's documentation shows
    try:
        parser.read_string(entry_points.decode("utf-8"))
    except (configparser.Error, UnicodeDecodeError) as exc:
        raise _malformed(path, f"entry_points.txt: {exc}") from None
    for section in ("console_scripts", "gui_scripts"):
        for script, target in parser.items(section) if parser.has_section(section) else ():
            found = _ENTRY_POINT.fullmatch(target.strip())
            if not found or not _SCRIPT_NAME.fullmatch(script):
                raise _malformed(path, f"entry_points.txt: {script} = {target} is not an entry point")
            _add(path, tree, "bin/" + script, _entry_script(found[1], found[2]), EXECUTABLE)


def _entry_script(module: str, function: str) -> bytes:
    name = function.split(".")[0]
    text = f"#!/usr/bin/env python3\n{_FIND_LIB}\nfrom {module} import {name}\n\n"
    return (text + f'if __name__ == "__main__":\n    sys.exit({function}())\n').encode()


def _add(path: pathlib.Path, tree: Tree, place: str, body: bytes, mode: str) -> None:
    """Two wheels may bring the same file; they may not disagree on it."""
    present = tree.get(place)
    if present is not None and present.contents == body and present.mode == mode:
        return
    try:
        tree.add(place, Node(body, mode))
    except RelmgmtError as exc:
        if exc.code != "destination-repeated":
            raise
        raise type(exc)(
            "wheel-collision",
            f"{path.name} has other bytes for {place} than another wheel of the unit",
            hint="Leave one of the two distributions out.",
        ) from None


def _malformed(path: pathlib.Path, cause: str) -> IntegrityError:
    return IntegrityError("wheel-malformed", f"{path} cannot be unpacked: {cause}", hint="Get it anew from its index.")


def _mismatch(path: pathlib.Path, cause: str) -> IntegrityError:
    return IntegrityError("wheel-record-mismatch", f"{path}: {cause}", hint="Get it anew from its index.")
