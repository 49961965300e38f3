# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tells a root on a machine from every other place."""

from __future__ import annotations

import pathlib

from ansible_collections.relmgmt.release.plugins.module_utils._host.info import identify


def test_two_roots_on_one_machine_differ_and_one_is_itself_before_and_after_it_is_made(tmp_path: pathlib.Path) -> None:
    one, two = tmp_path / "one" / "root", tmp_path / "two" / "root"
    assert identify(one) == identify(tmp_path / "one" / "root")
    assert identify(one) != identify(two)
    two.mkdir(parents=True)
    (tmp_path / "alias").symlink_to(tmp_path / "two")
    assert identify(two) == identify(tmp_path / "alias" / "root"), "by whichever name"
    assert identify(one) != identify(two)


def test_it_does_not_tell_the_id_of_the_machine(tmp_path: pathlib.Path) -> None:
    machine = pathlib.Path("/etc/machine-id")
    assert not machine.exists() or machine.read_text().strip() not in identify(tmp_path)
