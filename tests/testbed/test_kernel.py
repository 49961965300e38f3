# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits are raised once and put back with the last bed that needs them. Shown on files that stand for the kernel's."""

from __future__ import annotations

import pathlib

import pytest

from tests.testbed import kernel, system


@pytest.fixture
def limits(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setattr(kernel, "_PROC", tmp_path)
    monkeypatch.setattr(system, "STATE", tmp_path / "state")
    for name in kernel.NEEDED:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("128\n")
    return tmp_path


def values(limits: pathlib.Path) -> set[int]:
    return {int((limits / name).read_text()) for name in kernel.NEEDED}


def test_the_last_bed_puts_back_what_the_first_one_raised(limits: pathlib.Path) -> None:
    kernel.raise_for("one")
    kernel.raise_for("two")
    assert values(limits) == set(kernel.NEEDED.values())
    kernel.lower("one")
    assert values(limits) == set(kernel.NEEDED.values())
    kernel.lower("two")
    kernel.lower("two")
    assert values(limits) == {128}
    assert not (limits / "state").exists()


def test_a_limit_that_is_high_enough_is_left_alone(limits: pathlib.Path) -> None:
    for name in kernel.NEEDED:
        (limits / name).write_text("9999999\n")
    kernel.raise_for("one")
    assert values(limits) == {9999999}
    kernel.lower("one")
    assert values(limits) == {9999999}
