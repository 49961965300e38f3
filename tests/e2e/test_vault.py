# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet whose secrets are kept in a real server: what the rollout asks of it, and where the secrets are then."""

from __future__ import annotations

import time
import typing as t

import pytest
import yaml

from ansible_collections.relmgmt.release.tests.unit.plugin_utils.registry import postgres
from ansible_collections.relmgmt.release.tests.unit.plugin_utils.secrets import bao

from .conftest import Reader, write_files
from .test_bad_days import PUBLISH, ROLL_OUT, rollouts

pytestmark = pytest.mark.skipif(bool(bao.problem()), reason=f"NOT COVERED: secrets from Vault: {bao.problem()}")
WAIVED = "-e relmgmt_rehearsal=waived -e relmgmt_rehearsal_reason=elsewhere -e relmgmt_strategy=big_bang"
PATHS = ("shop", "mail")
BOUND = {f"{path}_{key}": f"vault:secret/prod/{path}#{key}" for path in PATHS for key in ("user", "password")}
DYNAMIC = {"migrator": "vault:database/creds/migrate#username", "migrators": "vault:database/creds/migrate#password"}
RULES = """
path "secret/data/prod/*" { capabilities = ["read"] }
path "database/creds/migrate" { capabilities = ["read"] }
"""


@pytest.fixture
def vault() -> t.Iterator[bao.Bao]:
    with bao.server() as server:
        yield server


@pytest.fixture
def database(vault: bao.Bao) -> t.Iterator[None]:
    """The role ``migrate`` of the mount ``database`` makes users in a PostgreSQL."""
    with postgres.cluster() as cluster:
        vault.do("POST", "sys/mounts/database", {"type": "database"})
        url = f"user={{{{username}}}} host={cluster.directory} dbname=postgres sslmode=disable"
        about = {"plugin_name": "postgresql-database-plugin", "allowed_roles": "*", "username": postgres.USER}
        vault.do("POST", "database/config/pg", {**about, "connection_url": url})
        create = "CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'"
        role = {"db_name": "pg", "creation_statements": [create], "default_ttl": "1h", "max_ttl": "2h"}
        vault.do("POST", "database/roles/migrate", role)
        yield


def login(vault: bao.Bao) -> dict[str, str]:
    """Of a role that may read what the application needs, and nothing else."""
    vault.do("POST", "sys/policies/acl/rollout", {"policy": RULES})
    vault.do("POST", "sys/auth/approle", {"type": "approle"})
    vault.do("POST", "auth/approle/role/rollout", {"token_policies": ["rollout"], "token_ttl": "10m"})
    role = vault.do("GET", "auth/approle/role/rollout/role-id")["data"]["role_id"]
    secret = vault.do("POST", "auth/approle/role/rollout/secret-id", {})["data"]["secret_id"]
    return {"method": "approle", "role_id": role, "secret_id": secret}


def publish(reader: Reader, vault: bao.Bao, bound: dict[str, str]) -> str:
    """The guide's application with these secrets; the secret that the run logs in with."""
    for path in PATHS:
        values = {key: f"hunter2-{path}-{key}" for key in ("user", "password")}
        vault.do("POST", f"secret/data/prod/{path}", {"data": values})
    write_files(reader)
    lines = ", ".join(f'"{name}": {{{{ secrets.{name} | tojson }}}}' for name in bound)
    reader.edit("release.yml", "  templates:", f"  secrets: {list(bound)}\n  templates:")
    reader.edit("templates/hello.json.j2", '{"port"', f'{{{lines}, "port"')
    inventory = yaml.safe_load((reader.work / "hosts.yml").read_text())
    auth = login(vault)
    inventory["all"]["vars"] |= {
        "relmgmt_secrets": {"web/hello": bound},
        "relmgmt_secret_stores": {"vault": {"address": vault.address, "auth": auth}},
    }
    (reader.work / "hosts.yml").write_text(yaml.safe_dump(inventory))
    reader.run('ansible localhost -m relmgmt.release.dml_repository -a "teams=web environments=prod"')
    for command in PUBLISH:
        reader.run(command.format("1.0.0"))
    return auth["secret_id"]


def profile(reader: Reader, host: str) -> str:
    (path,) = (reader.work / f"hosts/{host}/web/hello/main/current/profile").resolve().rglob("hello.json")
    return path.read_text()


def test_a_rollout_logs_in_once_and_reads_each_path_once(reader: Reader, vault: bao.Bao) -> None:
    secret_id = publish(reader, vault, BOUND)
    before = len(vault.requests())
    said = reader.run(f"{ROLL_OUT} {WAIVED} -vvv")
    assert vault.requests()[before:] == [
        "update auth/approle/login",
        "read sys/internal/ui/mounts/secret/prod/mail",
        "read secret/data/prod/mail",
        "read secret/data/prod/shop",
        "update auth/token/revoke-self",
    ]
    (rollout,) = rollouts(reader)
    assert rollout["result"] == "succeeded"
    for text in (said, repr(rollout)):
        assert "hunter2" not in text and secret_id not in text
    for host in ("web-1", "web-2", "web-3"):
        assert "hunter2-shop-password" in profile(reader, host)


@pytest.mark.nightly
@pytest.mark.skipif(bool(postgres.problem()), reason=f"NOT COVERED: dynamic credentials: {postgres.problem()}")
@pytest.mark.usefixtures("database")
def test_what_is_leased_ends_with_the_rollout_and_a_dry_run_leases_nothing(reader: Reader, vault: bao.Bao) -> None:
    publish(reader, vault, DYNAMIC)
    before = len(vault.requests())
    said = reader.run(f"{ROLL_OUT} {WAIVED} --check 2>&1")
    assert "vault:database/creds/migrate would be issued" in said
    assert "read database/creds/migrate" not in vault.requests()[before:]
    before = len(vault.requests())
    reader.run(f"{ROLL_OUT} {WAIVED}")
    asked = vault.requests()[before:]
    assert asked.count("read database/creds/migrate") == 1
    assert (asked[0], asked[-1]) == ("update auth/approle/login", "update auth/token/revoke-self")
    wait_until(lambda: not vault.api("LIST", "sys/leases/lookup/database/creds/migrate").data.get("keys"))
    assert '"migrator": "v-' in profile(reader, "web-1")


def wait_until(condition: t.Callable[[], bool]) -> None:
    deadline = time.monotonic() + bao.LIMIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
