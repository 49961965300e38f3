# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A secret that changes reaches the fleet, and a way back leads to it, with a real secret store that then goes away."""

from __future__ import annotations

import json
import re
import subprocess
import typing as t
import urllib.request

import pytest

from ansible_collections.relmgmt.release.tests.unit.plugin_utils.secrets import bao

from .conftest import Reader, ports
from .test_bad_days import PUBLISH, ROLL_OUT, rollouts

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(bool(bao.problem()), reason=bao.problem() or "there is one"),
]
HOSTS = ("web-1", "web-2")
ROTATE = f"{ROLL_OUT.replace('.rollout', '.rotate')} -e relmgmt_strategy=rolling -e relmgmt_batch=1"
ROLL_BACK = ROLL_OUT.replace(".rollout", ".rollback")
FILES = {
    "app/server.py": """
import http.server, json, sys

CONFIG = json.load(open(sys.argv[1]))


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(500 if CONFIG["token"].startswith("bad") else 200)
        self.end_headers()
        self.wfile.write(json.dumps(CONFIG).encode())

    def log_message(self, *args):
        pass


http.server.HTTPServer(("127.0.0.1", CONFIG["port"]), Handler).serve_forever()
""",
    "templates/app.json.j2": """
{"port": {{ config.port }}, "greeting": {{ config.greeting | tojson }}, "version": "{{ relmgmt.version }}",
 "token": "{{ secrets.token }}", "salt": "{{ secrets.salt }}"}
""",
    "release.yml": """
format: 1
name: web/hello
version: 1.0.0
versioning: semver
type: minor
owner: Web team
units:
  - {name: app, kind: files, source: app, destination: app}
config:
  templates:
    - {source: templates/app.json.j2, destination: app.json}
  secrets: [token, {name: salt, on_revert: same_deployment}]
service:
  driver: command
  command: ["{{ relmgmt.python }}", "{{ relmgmt.release }}/app/server.py", "{{ relmgmt.profile }}/app.json"]
probes:
  - {name: web, kind: http, url: "http://127.0.0.1:{{ config.port }}/"}
health: {min_healthy_time: 0.2, healthy_deadline: 8, interval: 0.2}
""",
    "hosts.yml": """
all:
  vars:
    ansible_connection: local
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
    relmgmt_environment: prod
    relmgmt_site: home
    relmgmt_rehearsal: waived
    relmgmt_rehearsal_reason: a rotation is about something else
    relmgmt_root: "{{ inventory_dir }}/hosts/{{ inventory_hostname }}"
    relmgmt_config__10_all: {web/hello: {greeting: Hello}}
    relmgmt_secrets: {web/hello: {token: "vault:secret/hello#token", salt: "vault:secret/hello#salt"}}
  children:
    web:
      hosts:
        web-1: {relmgmt_config__80_host: {web/hello: {port: PORT1}}}
        web-2: {relmgmt_config__80_host: {web/hello: {port: PORT2}}}
""",
}


class Fleet(t.NamedTuple):
    reader: Reader
    ports: list[int]
    vault: bao.Bao

    def says(self) -> list[str]:
        """Version, token, salt and greeting that each host runs with."""
        found = []
        for port in self.ports:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as response:
                told = json.load(response)
            found.append(" ".join(told[name] for name in ("version", "token", "salt", "greeting")))
        return found

    def put(self, token: str, salt: str) -> None:
        self.vault.do("POST", "secret/data/hello", {"data": {"token": token, "salt": salt}})

    def statuses(self) -> list[str]:
        command = "python3 hosts/{0}/web/hello/main/bin/*/relmgmt-host.pyz status"
        return [self.reader.run(command.format(host)) for host in HOSTS]


@pytest.fixture
def fleet(reader: Reader) -> t.Iterator[Fleet]:
    """Two hosts that run 1.1.0, and ran 1.0.0 before, with the first version of their secrets."""
    work = reader.work
    reader.environment.update(
        {
            f"RELMGMT_{name}": str(work / path)
            for name, path in {
                "DML": "dml",
                "KEYS": "keys",
                "TRUSTED_ROOT": "trusted-root.json",
                "CACHE": "cache",
                "REGISTRY": "registry/registry.db",
            }.items()
        }
    )
    free = ports(2)
    for name, text in FILES.items():
        (work / name).parent.mkdir(exist_ok=True)
        (work / name).write_text(text.replace("PORT1", str(free[0])).replace("PORT2", str(free[1])).lstrip())
    with bao.server() as vault:
        reader.environment.update(VAULT_ADDR=vault.address, VAULT_TOKEN=vault.token)
        found = Fleet(reader, free, vault)
        found.put("s1", "n1")
        reader.run('ansible localhost -m relmgmt.release.dml_repository -a "teams=web environments=prod"')
        for version in ("1.0.0", "1.1.0"):
            reader.edit("release.yml", "version: 1.0.0", f"version: {version}")
            for command in PUBLISH:
                reader.run(command.format(version))
            reader.run(ROLL_OUT)
        yield found


def test_a_new_secret_reaches_the_fleet_and_every_way_back_and_a_bad_one_neither(fleet: Fleet) -> None:
    reader = fleet.reader
    assert fleet.says() == ["1.1.0 s1 n1 Hello"] * 2
    fleet.put("s2", "n2")
    reader.edit("hosts.yml", "greeting: Hello", "greeting: Goodbye")
    checked = _told(reader, f"{ROTATE} --check")
    assert "vault:secret/hello#token: version 1 becomes 2" in checked
    preview = _told(reader, f"{ROTATE.replace('.rotate', '.plan')} -e relmgmt_kind=rotation")
    assert "rotation" in preview and "Nothing stands in the way." in preview
    assert fleet.says() == ["1.1.0 s1 n1 Hello"] * 2

    rotated = _told(reader, ROTATE)
    assert fleet.says() == ["1.1.0 s2 n2 Hello"] * 2, rotated
    assert "web-1, web-2: /greeting has other values in the inventory by now" in rotated
    assert all("with the secrets of deployment 3" in status for status in fleet.statuses())
    (row, *_before) = rollouts(reader)
    assert (row["kind"], row["version"], row["result"]) == ("rotation", "1.1.0", "succeeded")
    assert row["plan"]["secrets"]["vault:secret/hello#token"] == {"from": ["1"], "to": "2"}
    again = _told(reader, ROTATE)
    assert set(re.findall(r"changed=(\d+)", again)) == {"0"} and fleet.says() == ["1.1.0 s2 n2 Hello"] * 2

    fleet.put("bad", "n3")
    refused = _told(reader, ROTATE, code=2)
    assert fleet.says() == ["1.1.0 s2 n2 Hello"] * 2, refused
    fleet.vault.stop()
    back = _told(reader, f"{ROLL_BACK} -e relmgmt_version=1.0.0")
    assert fleet.says() == ["1.0.0 s2 n1 Hello"] * 2, back
    registry = (reader.work / "registry/registry.db").read_bytes()
    assert not any(secret in registry for secret in (b'"s1"', b'"s2"', b'"bad"', b'"n1"'))


def _told(reader: Reader, command: str, *, code: int = 0) -> str:
    """What a run said in which warnings are expected."""

    done = subprocess.run(
        command, shell=True, cwd=reader.work, env=reader.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, f"{command}\n{done.stdout}{done.stderr}"
    return _words(done.stdout + done.stderr)


def _words(text: str) -> str:
    return " ".join(text.split())
