# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A registry in a temporary directory with a clock that the test moves."""

from __future__ import annotations

import collections.abc
import datetime
import pathlib
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import DeploymentRow, Registry, RolloutRow


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime.datetime(2026, 11, 21, 10, 30, tzinfo=datetime.UTC)

    def __call__(self) -> datetime.datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += datetime.timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "private" / "registry.db"


@pytest.fixture
def registry(path: pathlib.Path, clock: Clock) -> collections.abc.Iterator[Registry]:
    with Registry.open(str(path), clock=clock) as opened:
        yield opened


@pytest.fixture
def rollout() -> collections.abc.Callable[..., RolloutRow]:
    def make(identity: str = "r1", **changes: t.Any) -> RolloutRow:
        values: dict[str, t.Any] = {
            "id": identity,
            "kind": "rollout",
            "package": "calendar/radicale",
            "version": "3.9.0",
            "digest": "sha256:" + "1" * 64,
            "environment": "prod",
            "instance": "main",
            "strategy": "canary",
            "plan": {"waves": {"ci-ber-01": 0}},
            "token": 1,
        }
        return RolloutRow(**{**values, **changes})

    return make


@pytest.fixture
def deployment() -> collections.abc.Callable[..., DeploymentRow]:
    def make(host: str = "ci-ber-01", **changes: t.Any) -> DeploymentRow:
        values: dict[str, t.Any] = {
            "host": host,
            "site": "ber",
            "wave": 0,
            "version_before": "3.8.3",
            "version_after": "3.9.0",
            "outcome": "confirmed",
        }
        return DeploymentRow(**{**values, **changes})

    return make
