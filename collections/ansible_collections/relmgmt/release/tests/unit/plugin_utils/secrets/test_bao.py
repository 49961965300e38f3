# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""That the server of the tests tells what it was asked."""

from __future__ import annotations

from . import bao


def test_the_audit_log_tells_what_others_than_root_asked(vault_server: bao.Bao) -> None:
    before = len(vault_server.requests())
    token = vault_server.do("POST", "auth/token/create", {"policies": ["default"]})["auth"]["client_token"]
    assert vault_server.api("GET", "auth/token/lookup-self", token=token).status == 200
    assert vault_server.api("GET", "secret/data/x", token=token).status == 403
    assert vault_server.requests()[before:] == ["read auth/token/lookup-self", "read secret/data/x"]


def test_a_sealed_server_is_opened_again(vault_server: bao.Bao) -> None:
    vault_server.seal()
    assert vault_server.api("GET", "secret/data/x").status == 503
    vault_server.unseal()
    assert vault_server.api("GET", "secret/data/x").status == 404
