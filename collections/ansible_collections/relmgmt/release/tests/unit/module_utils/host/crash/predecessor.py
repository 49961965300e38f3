# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ran on the simulated host before the first release: a package of relmgmt's, which that one replaces."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.relmgmt.release.plugins.module_utils._host.instance import Instance
from ansible_collections.relmgmt.release.plugins.module_utils._host.process import Completed
from ansible_collections.relmgmt.release.plugins.module_utils._host.traffic_readiness import READY
from ansible_collections.relmgmt.release.plugins.module_utils._model.digest import canonical, digest_of, hex_of
from ansible_collections.relmgmt.release.plugins.module_utils._model.replaces import record_of

from .filesystem import Directory, File, Inode
from .strikes import Broken

if t.TYPE_CHECKING:
    from .world import World

__all__ = ["PACKAGE", "Predecessor"]

PACKAGE = "team/before"
_PROBE = {"name": "port", "kind": "tcp", "host": "127.0.0.1", "port": 8080}


class Predecessor:
    """As ``legacy.Legacy``. ``enabled``: whether it is started at boot."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.running = self.enabled = True

    def copy(self, world: World) -> Predecessor:
        other = Predecessor(world)
        other.running, other.enabled = self.running, self.enabled
        return other

    # --- as it was found ---

    def install(self, instance: str, runtime: t.Mapping[str, t.Any]) -> str:
        """Its deployment, final and in traffic, and the record below the instance that replaces it; that one's
        digest. runtime: how a deployment of its successor is run."""
        own = dict(runtime, probes=[_PROBE])
        self._put("deployments/1/profile/profile.json", json.dumps({"runtime": own}).encode())
        if self._world.traffic:
            self._put("traffic", READY)
        record = record_of(PACKAGE, "0", digest_of(b"release"))
        self._write(f"{instance}/adopted/{hex_of(digest_of(canonical(record)))}/record.json", canonical(record))
        self._world.look_at(lambda own: _record(self._of(own)))
        return digest_of(canonical(record))

    def whole(self) -> bool:
        """Whether it is in its place, starts at boot and is in traffic."""
        inside = self._readiness() == (READY if self._world.traffic else None)
        return self.enabled and inside and not self._replaced()

    def aside(self) -> bool:
        """Whether it is out of its place, does not start at boot, and is out of traffic."""
        return not self.enabled and self._readiness() is None and bool(self._replaced())

    # --- what its driver does with it ---

    def start(self) -> None:
        if self._world.alive():
            raise Broken("what ran before is started beside what took its place")
        self.running = True

    def boot(self) -> None:
        """It is started if it is enabled."""
        self.running = False
        if self.enabled:
            self.start()

    def disabled(self) -> None:
        """A unit was disabled: not one of its own."""

    def systemctl(self, verb: str, words: t.Sequence[str]) -> Completed:
        raise Broken(f"systemctl {verb} {' '.join(words)}: nobody has anything to say to systemd")

    def _replaced(self) -> str:
        return self._world.look_at(lambda instance: self._of(instance).history().replaced)

    def _readiness(self) -> bytes | None:
        try:
            inode = self._world.system.find(self._path("traffic"))
        except OSError:
            return None
        return inode.data if isinstance(inode, File) else b""

    def _put(self, path: str, data: bytes) -> None:
        self._write(self._path(path), data)

    def _write(self, path: str, data: bytes) -> None:
        self._world.calls.makedirs(path.rpartition("/")[0], exist_ok=True)
        directory, name = self._world.system.parent(path)
        assert isinstance(directory, Directory)
        inode: Inode = File(0o640, data)
        directory.change({name: inode})

    def _path(self, path: str) -> str:
        return f"/srv/{PACKAGE}/main/{path}"

    @staticmethod
    def _of(instance: Instance) -> Instance:
        return Instance(instance.root, PACKAGE, "main")


def _record(own: Instance) -> None:
    """That it runs, final and in traffic."""
    own.journal.write("staged", deployment=1, version="0", release=digest_of(b"release"), profile=digest_of(b""))
    own.journal.write("switch", **{"from": 0, "to": 1, "verb": "activate"})
    own.journal.write("confirmed", deployment=1, serve=True)
    own.journal.write("serving", deployment=1)
