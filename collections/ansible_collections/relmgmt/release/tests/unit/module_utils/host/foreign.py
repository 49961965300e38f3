# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that ran the software before relmgmt came: systemd's answers, and files where an administrator puts them."""

from __future__ import annotations

import pathlib
import typing as t

from ansible_collections.relmgmt.release.plugins.module_utils._host.listening import Holder, Listener
from ansible_collections.relmgmt.release.plugins.module_utils._host.process import Completed, Runner

__all__ = ["Foreign"]

UNIT = b"[Service]\nExecStart=/opt/legacy\n[Install]\nWantedBy=multi-user.target\n"


class Foreign(Runner):
    """Answers systemctl for units whose files lie below ``units``. ``vendor``: where a distribution puts them.
    ``called``: what changed something."""

    def __init__(self, root: pathlib.Path) -> None:
        super().__init__()
        self.units, self.vendor = root / "etc/systemd/system", root / "usr/lib/systemd/system"
        for directory in (self.units / "multi-user.target.wants", self.vendor):
            directory.mkdir(parents=True)
        self.running: set[str] = set()
        self.listening: list[Listener] = []
        self.about: dict[str, dict[str, str]] = {}
        self.called: list[str] = []

    def install(
        self,
        name: str = "legacy.service",
        *,
        port: int = 0,
        enabled: bool = True,
        active: bool = True,
        vendor: bool = False,
    ) -> pathlib.Path:
        """Its unit file."""
        path = (self.vendor if vendor else self.units) / name
        path.write_bytes(UNIT)
        if enabled:
            self.wants(name).symlink_to(path)
        if active:
            self.running.add(name)
        if port:
            self.listening.append(Listener("127.0.0.1", port, 0, (Holder(42, "legacyd", name),)))
        return path

    def wants(self, name: str) -> pathlib.Path:
        return self.units / "multi-user.target.wants" / name

    def started(self) -> None:
        """Something was."""

    def stopped(self) -> None:
        """Something was."""

    def listen(self) -> list[Listener]:
        return self.listening

    def run(self, argv: t.Sequence[str], *, timeout: float, **how: t.Any) -> Completed:
        if argv[0] != "systemctl":
            return super().run(argv, timeout=timeout, **how)
        verb, *names = [word for word in argv[3:] if not word.startswith("--")]
        if verb == "show":
            return Completed(0, "".join(f"{key}={value}\n" for key, value in self._show(*names).items()))
        if verb in ("start", "stop", "daemon-reload"):
            self.called.append(" ".join([verb, *names]))
        if verb == "start":
            self.running |= set(names)
            self.started()
        if verb == "stop":
            self.running -= set(names)
            self.stopped()
        return Completed(0, "")

    def _show(self, name: str = "") -> dict[str, str]:
        found = next((path for path in (self.units / name, self.vendor / name) if name and path.exists()), None)
        state = "active" if name in self.running else "inactive"
        return {
            "Id": name,
            "LoadState": "loaded" if found or name in self.running else "not-found",
            "ActiveState": state,
            "SubState": "running",
            "NRestarts": "0",
            "UnitFileState": "enabled" if self.wants(name).is_symlink() else "disabled",
            "FragmentPath": str(found or ""),
            "DropInPaths": " ".join(map(str, sorted(self.units.glob(f"{name}.d/*.conf")))),
            **self.about.get(name, {}),
        }
