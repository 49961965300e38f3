# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of one unit, gathered but not yet packed (private).

A tree holds files, symbolic links that stay inside of it, and links to state directories; no directories of their own:
they exist because something lies in them.
"""

from __future__ import annotations

import dataclasses
import io
import pathlib
import typing as t

from ...module_utils._model.errors import InputError
from ...module_utils._model.path import safe_path

__all__ = ["EXECUTABLE", "PLAIN", "Node", "Tree"]

PLAIN = "0644"
EXECUTABLE = "0755"


@dataclasses.dataclass(frozen=True)
class Node:
    """One thing in a tree: a file (contents: bytes, or where they lie), a link inside the tree, a link to a state."""

    contents: bytes | pathlib.Path = b""
    mode: str = PLAIN
    link: str = ""
    state: str = ""

    @property
    def is_file(self) -> bool:
        return not self.link and not self.state

    def open(self) -> t.BinaryIO:
        return io.BytesIO(self.contents) if isinstance(self.contents, bytes) else self.contents.open("rb")


class Tree:
    """Nodes by path. Nothing lies below something that is not a directory."""

    def __init__(self, what: str, *, max_entries: int) -> None:
        self._what = what
        self._max_entries = max_entries
        self._nodes: dict[str, Node] = {}
        self._directories: set[str] = set()

    def add(self, path: str, node: Node) -> None:
        """Place a node.

        Raises:
            InputError: the path is unsafe or not UTF-8, taken, crosses something that is not a directory, or there are
                too many.
        """
        safe_path(path, what=self._what)
        try:
            path.encode("utf-8")
        except UnicodeEncodeError:
            raise InputError("path-unsafe", f"{self._what}: {path!r} is not UTF-8", hint="Rename the file.") from None
        parents = ["/".join(path.split("/")[:end]) for end in range(1, path.count("/") + 1)]
        if path in self._nodes or path in self._directories or any(parent in self._nodes for parent in parents):
            raise InputError(
                "destination-repeated",
                f"{self._what}: something else lies at {path!r} already",
                hint="Give one of them another place.",
            )
        if len(self._nodes) >= self._max_entries:
            raise InputError(
                "unit-too-large",
                f"{self._what}: more than {self._max_entries} files",
                hint="Exclude what does not belong there, or make several units.",
            )
        self._directories.update(parents)
        self._nodes[path] = node

    def get(self, path: str) -> Node | None:
        return self._nodes.get(path)

    def is_directory(self, path: str) -> bool:
        """Whether something lies below the path; the tree itself is the empty one."""
        return not path or path in self._directories

    def __len__(self) -> int:
        return len(self._nodes)

    def __iter__(self) -> t.Iterator[tuple[str, Node]]:
        """In the order of the paths, whatever the order in which they came."""
        return iter(sorted(self._nodes.items()))
