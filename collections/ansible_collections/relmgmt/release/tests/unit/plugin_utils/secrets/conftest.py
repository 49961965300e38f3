# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real server that keeps secrets, and somebody who may read some of them."""

from __future__ import annotations

import collections.abc
import itertools
import json
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.plugin_utils._secrets import Access, Kept, Secret, Vault, parse

from . import bao

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def vault_server() -> collections.abc.Iterator[bao.Bao]:
    """One for all tests that do not stop it: each makes mounts and policies of names of its own."""
    if why := bao.problem():
        pytest.skip(f"NOT COVERED: secrets from Vault: {why}")
    with bao.server() as made:
        yield made


class Store:
    """A login of a name of its own at the server, and what it may do; ``slept`` are the pauses that it made."""

    def __init__(self, server: bao.Bao, name: str) -> None:
        self.server, self.name, self.kv = server, name, f"{name}-kv"
        self.slept: list[float] = []
        self.kept: list[Kept] = []
        self.told: list[str] = []
        self.rules: list[str] = []
        self.mount(self.kv, "kv", options={"version": "2"})
        self.allow(f"{self.kv}/data/*", "read")
        self.settings: dict[str, t.Any] = {"address": server.address, "auth": self._approle()}
        self._seen = len(server.requests())

    def mount(self, path: str, kind: str, **about: t.Any) -> None:
        self.server.do("POST", f"sys/mounts/{path}", {"type": kind, **about})

    def put(self, path: str, **values: t.Any) -> None:
        """A new version of a secret."""
        self.server.do("POST", f"{self.kv}/data/{path}", {"data": values})

    def allow(self, path: str, *capabilities: str) -> None:
        self.rules.append(f'path "{path}" {{ capabilities = {json.dumps(capabilities)} }}')
        self.server.do("POST", f"sys/policies/acl/{self.name}", {"policy": "\n".join(self.rules)})

    def _approle(self) -> dict[str, str]:
        if "approle/" not in self.server.do("GET", "sys/auth")["data"]:
            self.server.do("POST", "sys/auth/approle", {"type": "approle"})
        role = f"auth/approle/role/{self.name}"
        self.server.do("POST", role, {"token_policies": [self.name], "token_ttl": "10m"})
        role_id = self.server.do("GET", f"{role}/role-id")["data"]["role_id"]
        secret_id = self.server.do("POST", f"{role}/secret-id", {})["data"]["secret_id"]
        return {"method": "approle", "role_id": role_id, "secret_id": secret_id}

    def access(self, **changes: t.Any) -> Access:
        given: dict[str, t.Any] = {
            "decrypt": lambda path: path,
            "base": self.server.directory,
            "environ": {},
            "stores": {"vault": self.settings},
            "keep": self.kept.append,
            "tell": self.told.append,
            **changes,
        }
        return Access(**given)

    def open(self, **changes: t.Any) -> Vault:
        """A provider whose clock only moves when it sleeps."""
        return Vault(
            self.access(**changes),
            "vault",
            clock=lambda: sum(self.slept),
            sleep=self.slept.append,
            jitter=lambda: 0.5,
        )

    def read(self, *texts: str, **changes: t.Any) -> list[Secret]:
        """What one run reads."""
        provider = self.open(**changes)
        try:
            return [read_one(provider, text) for text in texts]
        finally:
            provider.close()

    def requests(self) -> list[str]:
        """Those of others than root since the last look."""
        found = self.server.requests()
        news, self._seen = found[self._seen :], len(found)
        return news


def read_one(provider: Vault, text: str) -> Secret:
    reference = parse(text, where="test")
    provider.check(reference)
    return provider.read(reference)


@pytest.fixture
def store(vault_server: bao.Bao) -> Store:
    return Store(vault_server, f"s{next(_NUMBERS)}")
