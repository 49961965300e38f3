# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every verb, when it goes well and when it fails, as talkative as it can be, from a terminal and as AWX runs it: no
secret is told, and none lies anywhere but in profiles. The secrets come from an environment, from a file that
ansible-vault encrypted, and from a real server with the API of Vault; what the login there takes is a secret too.
"""

from __future__ import annotations

import subprocess
import sys
import typing as t

import pytest

from ansible_collections.relmgmt.release.tests.unit.plugin_utils.secrets import bao

from .conftest import Reader
from .test_secrets_at_rest import LOUD, WAIVED, Canary, Fleet, Watch, check, settle

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(bool(bao.problem()), reason=f"NOT COVERED: no verb tells a secret: {bao.problem()}"),
]
PATH = "secret/data/hello"
RUNNER = """
import sys
import ansible_runner
work, name, *words = sys.argv[1:]
done = ansible_runner.run_command(
    "ansible-playbook", words, private_data_dir=work, host_cwd=work, ident=name, quiet=True, suppress_env_files=True
)
sys.exit(done[2])
"""
POLICY = f'path "{PATH}" {{ capabilities = ["read"] }}'


class Verbs(t.NamedTuple):
    """A fleet of two hosts, whose controller logs in to the server with a role of its own."""

    fleet: Fleet
    server: bao.Bao

    def run(self, verb: str, more: str = "", *, code: int = 0) -> str:
        return self._run(f"{command(verb)} {more}".split(), code)

    def run_as_awx_does(self, verb: str, name: str, *, code: int = 0) -> str:
        """With an event for everything that happens, and its output, kept under the name. The environment of the job is
        kept too, until AWX removes it with the job."""
        work = self.fleet.reader.work
        self._run([sys.executable, "-c", RUNNER, str(work), name, *command(verb).split()[1:]], code)
        kept = work / "artifacts" / name
        assert len(list(kept.glob("job_events/*.json"))) > 20
        environment, canaries = (kept / "command").read_bytes(), self.fleet.canaries
        for other in (of for of in canaries if not of.startswith("env")):
            assert not any(form in environment for form in canaries[other].forms)
        (kept / "command").unlink()
        return _words((kept / "stdout").read_text())

    def put(self, canary: str) -> None:
        """A new version of the secret that the server keeps."""
        made = self.fleet.canaries[canary] = Canary.new()
        self.server.do("POST", PATH, {"data": {"token": made.value}})

    def publish(self, version: str, before: str) -> None:
        self.fleet.reader.edit("release.yml", f"version: {before}", f"version: {version}")
        self.fleet.publish(version)

    def _run(self, words: t.Sequence[str], code: int) -> str:
        """What a run says in which warnings are expected, as one line."""
        reader = self.fleet.reader
        done = subprocess.run(
            words, cwd=reader.work, env=reader.environment, capture_output=True, text=True, check=False
        )
        self.fleet.said.append(done.stdout + done.stderr)
        assert done.returncode == code, f"{words}\n{done.stdout[-6000:]}{done.stderr[-2000:]}"
        return _words(done.stdout + done.stderr)


def command(verb: str) -> str:
    about = "-e relmgmt_environment=prod -e relmgmt_gather_facts=true -e relmgmt_by=ann -e relmgmt_reason=because"
    return f"{LOUD.replace('.rollout', f'.{verb}')} {WAIVED} {about} --vault-password-file password"


def _words(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture
def verbs(reader: Reader) -> t.Iterator[Verbs]:
    with bao.server() as server:
        fleet = settle(reader, {"bao": "vault:secret/hello#token"})
        hosts = reader.work / "hosts.yml"
        hosts.write_text("".join(line for line in hosts.read_text().splitlines(True) if "web-3" not in line))
        server.do("POST", "sys/policies/acl/rollout", {"policy": POLICY})
        server.do("POST", "sys/auth/approle", {"type": "approle"})
        server.do("POST", "auth/approle/role/rollout", {"token_policies": ["rollout"], "token_ttl": "10m"})
        role = server.do("GET", "auth/approle/role/rollout/role-id")["data"]["role_id"]
        secret = server.do("POST", "auth/approle/role/rollout/secret-id", {})["data"]["secret_id"]
        reader.environment |= {
            "VAULT_ADDR": server.address,
            "RELMGMT_VAULT_AUTH_METHOD": "approle",
            "RELMGMT_VAULT_ROLE_ID": role,
            "RELMGMT_VAULT_SECRET_ID": secret,
        }
        fleet.canaries["env_login"] = Canary.of(secret)
        made = Verbs(fleet, server)
        made.put("bao")
        yield made


def test_no_verb_tells_a_secret(verbs: Verbs) -> None:
    fleet, environment = verbs.fleet, verbs.fleet.reader.environment
    with Watch(fleet.canaries) as watch:
        assert "Nothing stands in the way." in verbs.run("plan")
        verbs.run("rollout", "--check")
        assert not fleet.profiles()
        verbs.run("rehearse", "-e relmgmt_target=web-1")
        assert "succeeded" in verbs.run_as_awx_does("rollout", "well")

        verbs.publish("1.1.0", "1.0.0")
        verbs.run("plan")
        verbs.run("config_preview", "-e relmgmt_read_secrets=true")
        assert "it is staged" in verbs.run("stage")
        verbs.run("pause")
        assert "rollout-paused" in verbs.run("rollout", code=2)
        assert "succeeded" in verbs.run("resume")
        verbs.run("status")

        verbs.put("newer")
        assert "version 1 becomes 2" in verbs.run("rotate", "--check")
        verbs.run("rotate")
        verbs.run("drift", "-e relmgmt_drift_secrets=true")
        verbs.run("rollback", "-e relmgmt_version=1.0.0")

        environment["ANSIBLE_STDOUT_CALLBACK"] = "relmgmt.release.progress"
        fleet.canaries["env_newer"] = Canary.new()
        environment["CANARY"] = fleet.canaries["env_newer"].value
        fleet.reader.edit("hosts.yml", "env:CANARY#1", "env:CANARY#2")
        fleet.reader.edit("app/server.py", "send_response(200)", "send_response(500)")
        verbs.publish("1.2.0", "1.1.0")
        assert "rollout-failed" in verbs.run("rollout", code=2)
        verbs.run("stage")
        assert "was taken back" in verbs.run("revert")
        del environment["ANSIBLE_STDOUT_CALLBACK"]

        fleet.keep_greeting_encrypted()
        for verb, more in (("config_preview", "-e relmgmt_read_secrets=true"), ("rollout", "")):
            said = verbs.run(verb, more, code=2)
            assert "config-holds-secret" in said and "relmgmt_config__10_all: web/hello: greeting (" in said
        fleet.reader.edit("hosts.yml", "relmgmt_config__10_all", "no_layer")
        verbs.server.stop()
        assert "secret-store-unreachable" in verbs.run_as_awx_does("rollout", "ill", code=2)
        fleet.said.append(
            fleet.reader.run("ansible localhost -vvvv -m relmgmt.release.rollout_info -a package=web/hello")
        )
    assert watch.found == set()
    check(fleet)
