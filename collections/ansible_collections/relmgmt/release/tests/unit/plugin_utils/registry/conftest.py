# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A registry, in SQLite and in PostgreSQL, with a clock that the test moves."""

from __future__ import annotations

import collections.abc
import datetime
import itertools
import pathlib
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import DeploymentRow, Registry, RolloutRow

from . import postgres

_NUMBERS = itertools.count(1)


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


@pytest.fixture(scope="session")
def server() -> collections.abc.Iterator[postgres.Cluster]:
    if why := postgres.problem():
        pytest.skip(f"NOT COVERED: the registry in PostgreSQL: {why}")
    with postgres.cluster() as made:
        yield made


@pytest.fixture
def database(server: postgres.Cluster) -> str:
    """The URL of an empty schema in PostgreSQL."""
    schema = f"registry_{next(_NUMBERS)}"
    with server.connected("postgres") as connection:
        connection.execute(f"CREATE SCHEMA {schema}".encode())
    return f"{server.url('postgres')}&options=-csearch_path%3D{schema}"


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> str:
    """Where a registry can be made, as users name it."""
    kind = {"sqlite": "path", "postgresql": "database"}[request.param]
    return str(request.getfixturevalue(kind))


@pytest.fixture
def registry(place: str, clock: Clock) -> collections.abc.Iterator[Registry]:
    with Registry.open(place, clock=clock) as opened:
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
