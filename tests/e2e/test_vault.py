# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet whose secrets are kept in a real server: what the rollout asks of it, and where the secrets are then."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml

from ansible_collections.relmgmt.release.tests.unit.plugin_utils.secrets import bao

from .conftest import Reader, write_files
from .test_bad_days import PUBLISH, ROLL_OUT, rollouts

pytestmark = pytest.mark.skipif(bool(bao.problem()), reason=f"NOT COVERED: secrets from Vault: {bao.problem()}")
WAIVED = "-e relmgmt_rehearsal=waived -e relmgmt_rehearsal_reason=elsewhere -e relmgmt_strategy=big_bang"
PATHS = ("shop", "mail")
NAMES = [f"{path}_{key}" for path in PATHS for key in ("user", "password")]
TEMPLATE = ", ".join(f'"{name}": {{{{ secrets.{name} | tojson }}}}' for name in NAMES)


@pytest.fixture(scope="module")
def vault() -> t.Iterator[bao.Bao]:
    with bao.server() as server:
        yield server


def login(vault: bao.Bao) -> dict[str, str]:
    """Of a role that may read what the application needs, and nothing else."""
    rule = 'path "secret/data/prod/*" { capabilities = ["read"] }'
    vault.do("POST", "sys/policies/acl/rollout", {"policy": rule})
    vault.do("POST", "sys/auth/approle", {"type": "approle"})
    vault.do("POST", "auth/approle/role/rollout", {"token_policies": ["rollout"], "token_ttl": "10m"})
    role = vault.do("GET", "auth/approle/role/rollout/role-id")["data"]["role_id"]
    secret = vault.do("POST", "auth/approle/role/rollout/secret-id", {})["data"]["secret_id"]
    return {"method": "approle", "role_id": role, "secret_id": secret}


def test_a_rollout_logs_in_once_and_reads_each_path_once(reader: Reader, vault: bao.Bao) -> None:
    for path in PATHS:
        values = {key: f"hunter2-{path}-{key}" for key in ("user", "password")}
        vault.do("POST", f"secret/data/prod/{path}", {"data": values})
    write_files(reader)
    reader.edit("release.yml", "  templates:", f"  secrets: {NAMES}\n  templates:")
    reader.edit("templates/hello.json.j2", '{"port"', f'{{{TEMPLATE}, "port"')
    inventory = yaml.safe_load((reader.work / "hosts.yml").read_text())
    bound = {name: f"vault:secret/prod/{name.replace('_', '#')}" for name in NAMES}
    inventory["all"]["vars"] |= {
        "relmgmt_secrets": {"web/hello": bound},
        "relmgmt_secret_stores": {"vault": {"address": vault.address, "auth": login(vault)}},
    }
    (reader.work / "hosts.yml").write_text(yaml.safe_dump(inventory))
    reader.run('ansible localhost -m relmgmt.release.dml_repository -a "teams=web environments=prod"')
    for command in PUBLISH:
        reader.run(command.format("1.0.0"))
    before = len(vault.requests())
    said = reader.run(f"{ROLL_OUT} {WAIVED} -vvv")
    assert vault.requests()[before:] == [
        "update auth/approle/login",
        "read sys/internal/ui/mounts/secret/prod/mail",
        "read secret/data/prod/mail",
        "read secret/data/prod/shop",
        "update auth/token/revoke-self",
    ]
    secret_id = inventory["all"]["vars"]["relmgmt_secret_stores"]["vault"]["auth"]["secret_id"]
    assert "hunter2" not in said and secret_id not in said
    (rollout,) = rollouts(reader)
    assert rollout["result"] == "succeeded"
    assert "hunter2" not in repr(rollout) and secret_id not in repr(rollout)
    for number in (1, 2, 3):
        profile = reader.work / f"hosts/web-{number}/web/hello/main/current/profile"
        found = [
            path for path in pathlib.Path(profile).rglob("hello.json") if "hunter2-shop-password" in path.read_text()
        ]
        assert len(found) == 1 and "hunter2-shop-password" in found[0]
