# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bad days of a registry: in use, full, read only, gone."""

from __future__ import annotations

import collections.abc
import contextlib
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import BackendError
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import Registry
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import database as databases
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry.trouble import refusal

from . import postgres

HOLD = """
import sys
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import Registry

with Registry.open(sys.argv[1]) as registry, registry._database.write():
    print("held", flush=True)
    sys.stdin.read()
"""


def refused(call: collections.abc.Callable[[], object]) -> BackendError:
    with pytest.raises(BackendError) as caught:
        call()
    assert caught.value.hint
    return caught.value


@contextlib.contextmanager
def in_use(place: str) -> collections.abc.Iterator[int]:
    """The number of a process that writes to the registry and does not come to an end."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", HOLD, place],
        env={"PYTHONPATH": ":".join(sys.path)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin and process.stdout and process.stdout.readline() == "held\n"
        yield process.pid
        process.stdin.close()


def test_a_registry_in_use_is_waited_for_and_then_says_who_uses_it(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Registry.open(place).close()
    monkeypatch.setattr(databases, "PATIENCE", 0.2)
    with in_use(place) as pid, Registry.open(place) as registry:
        error = refused(lambda: registry.put_setting("a", {}))
        assert error.code == "registry-busy"
        assert f"process {pid}" in error.message
        assert registry.setting("a") is None, "who asks does not wait for who writes"
    with Registry.open(place) as registry:
        assert registry.put_setting("a", {})


def test_a_question_sees_one_moment(place: str) -> None:
    with Registry.open(place) as writer, Registry.open(place, write=False) as reader:
        writer.put_setting("a", {"value": 1})
        with reader._database.read() as connection:
            before: int = connection.exec_driver_sql("SELECT count(*) FROM settings").scalar_one()
            writer.put_setting("b", {})
            assert connection.exec_driver_sql("SELECT count(*) FROM settings").scalar_one() == before == 1


def test_a_full_disk_is_said_and_leaves_what_was(path: t.Any) -> None:
    with Registry.open(str(path)) as registry:
        registry.put_setting("a", {"value": 1})
        with registry._database.read() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1")  # as many as there are
        error = refused(lambda: registry.put_setting("a", {"value": "x" * 1_000_000}))
        assert error.code == "registry-full"
        assert registry.setting("a") == {"value": 1}


def test_a_server_that_only_reads_is_said(database: str) -> None:
    Registry.open(database).close()
    with Registry.open(f"{database}%20-cdefault_transaction_read_only%3Don") as registry:
        assert refused(lambda: registry.put_setting("a", {})).code == "registry-readonly"


def test_a_server_that_stops_is_said_and_loses_nothing(server: postgres.Cluster, database: str) -> None:
    with Registry.open(database) as registry:
        registry.put_setting("a", {"value": 1})
        identity = registry.id
        server.stop()
        try:
            assert refused(lambda: registry.put_setting("a", {})).code == "registry-failed"
            assert refused(lambda: Registry.open(database)).code == "registry-failed"
        finally:
            server.start()
    with Registry.open(database, identity=identity) as registry:
        assert registry.setting("a") == {"value": 1}


@pytest.mark.parametrize("cause", ["No space left on device", "database or disk is full"])
def test_both_databases_say_full_in_their_own_words(cause: str) -> None:
    assert refusal("r", f"could not extend file: {cause}", lambda: "").code == "registry-full"
