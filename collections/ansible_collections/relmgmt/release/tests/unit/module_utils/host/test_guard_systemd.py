# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The units of a guard: written once, in the right order at boot, and gone with the instance."""

from __future__ import annotations

import pathlib
import sys
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host.guard_systemd import Units, name_of, word
from ansible_collections.relmgmt.release.plugins.module_utils._host.instance import Instance
from ansible_collections.relmgmt.release.plugins.module_utils._host.process import Completed, Runner
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import BackendError
from ansible_collections.relmgmt.release.plugins.module_utils._model.runtime import Runtime, Service

ENGINE = pathlib.Path("/srv/relmgmt/web/shop/main/bin/abc/relmgmt-host.pyz")


class Systemctl(Runner):
    """Notes what systemctl is called with."""

    def __init__(self, code: int = 0) -> None:
        super().__init__()
        self.code = code
        self.calls: list[str] = []

    def run(self, argv: t.Sequence[str], *, timeout: float, **_more: t.Any) -> Completed:
        self.calls.append(" ".join(word for word in argv[1:] if not word.startswith("--no-")))
        return Completed(self.code, "no" if self.code else "")


class Shop(Instance):
    """An instance whose deployments run under systemd; none of it is on the disk."""

    def __init__(self, root: str = "/srv/relmgmt") -> None:
        super().__init__(pathlib.Path(root), "web/shop", "main")

    def runtime(self, deployment: int) -> Runtime:
        return Runtime(Service("systemd", unit=f"shop{deployment}.service")) if deployment else Runtime()


@pytest.fixture
def systemctl() -> Systemctl:
    return Systemctl()


def units(directory: pathlib.Path, systemctl: Systemctl, instance: Instance | None = None) -> Units:
    return Units(instance or Shop(), ENGINE, systemctl, units=directory)


def test_both_are_written_enabled_and_ordered_around_what_they_guard(
    tmp_path: pathlib.Path, systemctl: Systemctl
) -> None:
    made = units(tmp_path, systemctl)
    made.install(0, 1, 2)
    boot, guard = (tmp_path / made.boot).read_text(), (tmp_path / made.guard).read_text()
    assert f"Before={made.guard} shop1.service shop2.service\n" in boot
    assert f"After={made.boot} shop1.service shop2.service\n" in guard
    assert f'ExecStart="{sys.executable}" -I -S "{ENGINE}" boot "/srv/relmgmt/web/shop/main"\n' in boot
    assert f'ExecStart="{sys.executable}" -I -S "{ENGINE}" guard "/srv/relmgmt/web/shop/main"\n' in guard
    assert "Restart=on-failure" in guard and 'RequiresMountsFor="/srv/relmgmt/web/shop/main"' in boot
    assert systemctl.calls == ["daemon-reload", f"enable {made.boot} {made.guard}"]


def test_a_second_time_changes_nothing(tmp_path: pathlib.Path, systemctl: Systemctl) -> None:
    made = units(tmp_path, systemctl)
    made.install(1, 2)
    systemctl.calls.clear()
    made.install(2, 1)
    assert systemctl.calls == []


def test_removing_leaves_nothing_and_removing_nothing_asks_nobody(tmp_path: pathlib.Path, systemctl: Systemctl) -> None:
    made = units(tmp_path, systemctl)
    made.install(1)
    made.remove()
    assert list(tmp_path.iterdir()) == []
    systemctl.calls.clear()
    made.remove()
    assert systemctl.calls == []


def test_what_systemd_refuses_is_an_error(tmp_path: pathlib.Path) -> None:
    with pytest.raises(BackendError, match="systemctl daemon-reload failed: no"):
        units(tmp_path, Systemctl(1)).install(1)


def test_each_root_has_names_of_its_own() -> None:
    one, other = (name_of(Shop(root).path) for root in ("/srv/relmgmt", "/srv/other"))
    assert one.startswith("relmgmt-web-shop-main-") and other.startswith("relmgmt-web-shop-main-")
    assert one != other


def test_what_systemd_would_read_differently_is_quoted() -> None:
    assert word('/a b/%h/$x/"q"/\\') == '"/a b/%%h/$$x/\\"q\\"/\\\\"'
