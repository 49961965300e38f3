# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ran on the simulated host before the first release: a unit of systemd, with its files in the file system."""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.relmgmt.release.plugins.module_utils._host.process import Completed
from ansible_collections.relmgmt.release.plugins.module_utils._model.digest import canonical, digest_of, hex_of

from .filesystem import Directory, File, Inode, Link
from .strikes import Broken

if t.TYPE_CHECKING:
    from .world import World

__all__ = ["UNIT", "Legacy"]

UNIT = "legacy.service"
UNITS = "/etc/systemd/system"
WANTS = f"{UNITS}/multi-user.target.wants"
FILES: dict[str, bytes | str] = {
    f"{UNITS}/{UNIT}": b"[Service]\nExecStart=/opt/legacy\n",
    f"{UNITS}/{UNIT}.d/port.conf": b"[Service]\nEnvironment=PORT=8080\n",
    f"{WANTS}/{UNIT}": f"{UNITS}/{UNIT}",
    "/etc/legacy.conf": b"port = 8080\n",
}
ASIDE = sorted(path for path in FILES if path.startswith(UNITS))


class Legacy:
    """``running``: whether it does. It bears the name that the release's unit has, so all of its files make room."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.running = True

    def copy(self, world: World) -> Legacy:
        other = Legacy(world)
        other.running = self.running
        return other

    # --- as it was found ---

    def install(self, instance: str) -> str:
        """Put its files where they belong, and the record below the instance; the digest of that."""
        kept: dict[str, t.Any] = {}
        contents = {}
        for path, content in FILES.items():
            self._world.calls.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._put(path, Link(content) if isinstance(content, str) else File(0o644, content))
            kept[path] = {"link": content} if isinstance(content, str) else _about(content)
            if isinstance(content, bytes):
                contents[hex_of(digest_of(content))] = content
        link = f"{WANTS}/{UNIT}"
        own = {"links": [link], "own": [path for path in ASIDE if path != link]}
        unit = {"active": True, "enabled": "enabled", "ports": [["0.0.0.0", 8080]], **own}
        record = {"format": 1, "units": {UNIT: unit}, "files": kept}
        directory = f"{instance}/adopted/{hex_of(digest_of(canonical(record)))}"
        self._world.calls.makedirs(directory)
        for name, data in {**contents, "record.json": canonical(record)}.items():
            self._put(f"{directory}/{name}", File(0o600, data))
        return digest_of(canonical(record))

    def whole(self) -> bool:
        """Whether all its files are as they were."""
        return all(self._content(path) == content for path, content in FILES.items())

    def aside(self) -> bool:
        """Whether nothing of it is in the way."""
        return all(self._content(path) is None for path in ASIDE)

    # --- what systemd does with it ---

    def systemctl(self, verb: str, words: t.Sequence[str]) -> Completed:
        if verb == "show":
            state = "ActiveState=active\nSubState=running" if self.running else "ActiveState=inactive\nSubState=dead"
            return Completed(0, f"{state}\nNRestarts=0\n")
        if verb in ("start", "stop", "daemon-reload"):
            self._world.step(f"{verb} {' '.join(words)}")
        if verb == "start":
            if self._content(f"{UNITS}/{UNIT}") is None:
                return Completed(5, f"Unit {UNIT} not found.")
            self.start()
        if verb == "stop":
            self.running = False
        return Completed(0, "")

    def start(self) -> None:
        if self._world.alive():
            raise Broken("what ran before is started beside what took its place")
        self.running = True

    def boot(self) -> None:
        """It is started if it is enabled."""
        self.running = False
        if self._content(f"{WANTS}/{UNIT}") is not None and self._content(f"{UNITS}/{UNIT}") is not None:
            self.start()

    def disabled(self) -> None:
        """A unit was disabled: systemctl removes the directory of its link, if nothing else is in it."""
        with contextlib.suppress(FileNotFoundError):
            inode = self._world.system.find(WANTS)
            if isinstance(inode, Directory) and not inode.entries:
                parent, name = self._world.system.parent(WANTS)
                parent.change({name: None})

    def _put(self, path: str, inode: Inode) -> None:
        directory, name = self._world.system.parent(path)
        directory.change({name: inode})

    def _content(self, path: str) -> bytes | str | None:
        try:
            inode = self._world.system.find(path, follow=False)
        except OSError:
            return None
        return inode.target if isinstance(inode, Link) else inode.data if isinstance(inode, File) else None


def _about(content: bytes) -> dict[str, t.Any]:
    return {"sha256": digest_of(content), "mode": "0644", "uid": 0, "gid": 0}
