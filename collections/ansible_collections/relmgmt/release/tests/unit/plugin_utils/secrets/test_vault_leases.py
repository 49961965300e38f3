# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is leased lives as long as the run, and no longer, however that ends."""

from __future__ import annotations

import collections.abc
import json
import pathlib
import subprocess
import sys
import time

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import BackendError, RelmgmtError
from ansible_collections.relmgmt.release.plugins.plugin_utils import _keeper as keeper
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import Holder
from ansible_collections.relmgmt.release.plugins.plugin_utils._secrets import Kept, give_back, renew

from . import bao
from .conftest import Store
from .test_vault_engines import LOGOUT
from .test_vault_logins import given_token

RENEW, RENEW_LEASE, REVOKE = "update auth/token/renew-self", "update sys/leases/renew", "update sys/leases/revoke"


def wait_until(condition: collections.abc.Callable[[], bool]) -> None:
    deadline = time.monotonic() + bao.LIMIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def kept(store: Store) -> Kept:
    """A login with something leased: a token, since that needs no database."""
    store.put("app", password="hunter2")
    provider = store.open()
    store.settings["mounts"] = {store.kv: "kv2"}
    provider._session._log_in()
    found = Kept(provider._settings.connection, provider._session.token, True, ())
    store.requests()
    return found


def alive(store: Store, token: str) -> bool:
    return store.server.api("POST", "auth/token/lookup", {"token": token}).status == 200


def test_it_is_renewed_while_the_run_lives_and_then_given_back(
    store: Store, kept: Kept, tmp_path: pathlib.Path
) -> None:
    now, left = [0.0], [5000]

    def lives() -> bool:
        left[0] -= 1
        return left[0] > 0

    def sleep(seconds: float) -> None:
        now[0] += seconds

    (tmp_path / keeper.FILE).write_text(json.dumps([kept.to_dict()]))
    keeper.keep(tmp_path / keeper.FILE, lives, clock=lambda: now[0], sleep=sleep)
    assert kept.every == 1200
    assert store.requests() == [RENEW] * 4 + [LOGOUT]
    assert not alive(store, kept.token)
    assert not (tmp_path / keeper.FILE).exists()


def test_a_process_gives_back_when_the_run_is_killed(store: Store, kept: Kept, tmp_path: pathlib.Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as run:
        keeper.start(tmp_path, [kept], Holder.of(run.pid))
        assert (tmp_path / keeper.FILE).stat().st_mode & 0o777 == 0o600
        for line in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                assert kept.token.encode() not in line.read_bytes()
            except OSError:
                continue
        assert alive(store, kept.token)
        run.kill()
    wait_until(lambda: not alive(store, kept.token))
    wait_until(lambda: not (tmp_path / keeper.FILE).exists())


def test_the_end_of_a_rollout_gives_back_at_once(store: Store, kept: Kept, tmp_path: pathlib.Path) -> None:
    keeper.start(tmp_path, [kept], Holder.run())
    assert keeper.end(tmp_path) == []
    assert not alive(store, kept.token)
    assert (keeper.end(tmp_path), store.requests()) == ([], [LOGOUT])


def test_what_cannot_be_given_back_is_told_without_its_token(store: Store, kept: Kept, tmp_path: pathlib.Path) -> None:
    away = {**kept.to_dict()["connection"], "address": "http://127.0.0.1:1"}
    lost = Kept.from_dict({**kept.to_dict(), "connection": away})
    said = give_back(lost, lost.line(sleep=lambda _seconds: None, clock=lambda: 0.0))
    assert "ends by itself" in said and kept.token not in said + repr(lost)
    about = {"token": given_token(store), "own": False, "leases": [("a/b/c", 60, True)]}
    given = Kept.from_dict({**kept.to_dict(), **about})
    said = give_back(given, given.line())
    assert 'path "sys/leases/revoke" { capabilities = ["update"] }' in said
    assert alive(store, given.token)  # it is of somebody else
    assert store.requests() == [REVOKE]


def test_a_lease_that_can_be_renewed_is(store: Store, kept: Kept) -> None:
    gone = Kept.from_dict({**kept.to_dict(), "leases": [("a/b/c", 60, True), ("d/e/f", 60, False)]})
    with pytest.raises(RelmgmtError) as caught:
        renew(gone, gone.line())
    assert (caught.value.code, gone.every) == ("secret-lease-lost", 20)
    assert store.requests() == [RENEW, RENEW_LEASE]


def test_without_a_process_nothing_stays(kept: Kept, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/gone")
    with pytest.raises(BackendError) as caught:
        keeper.start(tmp_path, [kept], Holder.run())
    assert (caught.value.code, list(tmp_path.iterdir())) == ("keeper-failed", [])
