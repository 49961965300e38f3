# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Relative paths that stay where they belong (private)."""

from __future__ import annotations

import contextlib
import posixpath
import re
import typing as t

from .errors import InputError

__all__ = ["absolute_path", "safe_link", "safe_path"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")
MAX_PATH = 1024


def safe_path(value: t.Any, *, what: str) -> str:
    """The value itself if it is a plain relative path: not empty, not absolute, no ``.``, ``..``, ``//`` or control
    bytes.

    Raises:
        InputError: it is not (``path-unsafe``); ``what`` names the place for the message.
    """
    bad = (
        not isinstance(value, str)
        or not value
        or len(value) > MAX_PATH
        or value.startswith("/")
        or _CONTROL.search(value)
        or any(part in ("", ".", "..") for part in value.split("/"))
    )
    if bad:
        raise InputError(
            "path-unsafe",
            f"{what}: {value!r} is not a plain relative path",
            hint="Use a path below the package, without '..', '.', '//' or a leading '/'.",
        )
    return t.cast(str, value)


def safe_link(path: str, target: t.Any, *, what: str) -> str:
    """The target itself if a symbolic link at ``path`` that points to it stays inside the same tree.

    ``..`` may only lead: behind a name that is itself a link it would leave from somewhere else than it seems to.

    Raises:
        InputError: it leaves the tree or is absolute (``link-escapes``).
    """
    text = str(target)
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), text))
    inner_up = ".." in [part for before, part in zip(text.split("/"), text.split("/")[1:]) if before != ".."]
    bad = (
        not isinstance(target, str)
        or not target
        or target.startswith("/")
        or _CONTROL.search(target)
        or joined.split("/")[0] == ".."
        or inner_up
    )
    if bad:
        raise InputError(
            "link-escapes",
            f"{what}: the link {path!r} points to {target!r}, outside of its tree",
            hint="Copy the file into the tree, or link to something inside it.",
        )
    return text


def absolute_path(value: str, *, what: str, code: str = "path-malformed") -> str:
    """The value itself if it is an absolute path that is otherwise plain.

    Raises:
        InputError: it is not (``code``).
    """
    if value.startswith("/"):
        with contextlib.suppress(InputError):
            return "/" + safe_path(value[1:], what=what)
    raise InputError(
        code,
        f"{what}: {value!r} is not an absolute path without '.', '..' and '//'",
        hint="Write it from '/', such as '/var/lib/site/app-ready', or leave it out.",
    )
