# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unit kind ``wheels``: a hash-pinned requirements file, its wheels unpacked for the declared tags (private).

The tree is ``lib/`` (what is imported) and ``bin/`` (scripts that find ``../lib`` next to themselves): no virtual
environment, no absolute path, nothing that pip would do on a host.
"""

from __future__ import annotations

import dataclasses
import pathlib
import re
import shlex
import typing as t

from ...module_utils._model.digest import digest_stream
from ...module_utils._model.errors import InputError, IntegrityError
from .._optional import optional
from .._source import read_bounded
from .request import UnitRequest
from .requirements import Pin, parse
from .tree import Tree
from .wheel import unpack_wheel

__all__ = ["collect"]

if t.TYPE_CHECKING:
    from packaging.tags import Tag, parse_tag
    from packaging.utils import BuildTag, InvalidWheelFilename, parse_wheel_filename
    from packaging.version import Version
else:
    (parse_tag,) = optional("packaging.tags", "parse_tag", package="packaging")
    InvalidWheelFilename, parse_wheel_filename = optional(
        "packaging.utils", "InvalidWheelFilename", "parse_wheel_filename", package="packaging"
    )


@dataclasses.dataclass(frozen=True)
class _Wheel:
    path: pathlib.Path
    name: str
    version: Version
    build: BuildTag
    tags: frozenset[Tag]


def collect(request: UnitRequest) -> Tree:
    """The tree of a ``wheels`` unit.

    Raises:
        InputError: the requirements are not pins, or a wheel is not there (``wheel-missing``) or for another platform.
        IntegrityError: a wheel is not the one that is pinned (``wheel-digest-mismatch``), or contradicts itself.
    """
    file = request.path
    text = read_bounded(file, request.limits.requirements, what="requirements").decode("utf-8", "replace")
    tags = _declared_tags(request)
    offered = _wheelhouse(request.wheelhouse)
    tree = Tree(request.what, max_entries=request.limits.unit_entries)
    for pin in parse(text, file):
        wheel = _choose(request, file, pin, tags, [wheel for wheel in offered if _answers(wheel, pin)])
        unpack_wheel(wheel.path, pin.name, tree, limit=request.limits.wheel_bytes)
    return tree


def _declared_tags(request: UnitRequest) -> list[frozenset[Tag]]:
    """Per declared tag what it stands for: ``py2.py3-none-any`` is two."""
    declared = []
    for index, tag in enumerate(request.data["tags"]):
        if not re.fullmatch(r"[A-Za-z0-9_.]+-[A-Za-z0-9_.]+-[A-Za-z0-9_.]+", tag):
            raise request.error(
                "wheel-tag-malformed",
                f"{tag!r} is not a wheel tag",
                "tags",
                index,
                hint="Write python-abi-platform, for example py3-none-any.",
            )
        declared.append(frozenset(parse_tag(tag)))
    return declared


def _wheelhouse(directory: pathlib.Path) -> list[_Wheel]:
    wheels = []
    for path in sorted(directory.glob("*.whl")):
        try:
            name, version, build, tags = parse_wheel_filename(path.name)
        except InvalidWheelFilename:
            continue
        wheels.append(_Wheel(path, name, version, build, frozenset(tags)))
    return wheels


def _answers(wheel: _Wheel, pin: Pin) -> bool:
    return wheel.name == pin.name and wheel.version == pin.version


def _choose(
    request: UnitRequest, file: pathlib.Path, pin: Pin, tags: list[frozenset[Tag]], offered: list[_Wheel]
) -> _Wheel:
    """Of the wheels with a pinned digest the one for the first declared tag; of several builds the highest."""
    where = f"{file}:{pin.line}: {pin.name} {pin.version}"
    command = _download_command(request, file)
    if not offered:
        raise InputError(
            "wheel-missing", f"{where}: there is no wheel of it in {request.wheelhouse}", hint=f"Run: {command}"
        )
    pinned = [wheel for wheel in offered if _digest(wheel.path) in pin.digests]
    if not pinned:
        names = ", ".join(wheel.path.name for wheel in offered)
        raise IntegrityError(
            "wheel-digest-mismatch",
            f"{where}: none of the pinned hashes is that of {names}",
            hint=f"Delete it and run: {command}",
        )
    for declared in tags:
        fitting = [wheel for wheel in pinned if wheel.tags & declared]
        if fitting:
            return max(fitting, key=lambda wheel: (wheel.build, wheel.path.name))
    names = ", ".join(wheel.path.name for wheel in pinned)
    raise InputError(
        "wheel-tags",
        f"{where}: {names} fits none of the declared tags {', '.join(request.data['tags'])}",
        hint=f"Add the tag of the hosts to 'tags', or pin a wheel that fits and run: {command}",
    )


def _digest(path: pathlib.Path) -> str:
    with path.open("rb") as stream:
        return digest_stream(stream)[0]


def _download_command(request: UnitRequest, file: pathlib.Path) -> str:
    """What fills the wheelhouse. Other platforms than "any" are named to pip, which else looks for its own."""
    command = ["python3", "-m", "pip", "download", "--require-hashes", "--no-deps", "--only-binary", ":all:"]
    parts = [tag.split("-") for tag in request.data["tags"]]
    if any(platform != "any" for _python, _abi, platform in parts):
        found = re.match(r"([a-z]+)(\d)(\d*)", parts[0][0])
        if found:
            command += ["--implementation", found[1]]
            command += ["--python-version", f"{found[2]}.{found[3]}"] if found[3] else []
        for option, position in (("--abi", 1), ("--platform", 2)):
            for value in dict.fromkeys(value for tag in parts for value in tag[position].split(".")):
                command += [option, value]
    return shlex.join([*command, "--dest", str(request.wheelhouse), "--requirement", str(file)])
