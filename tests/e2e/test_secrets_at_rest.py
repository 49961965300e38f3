# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nothing leaks: canary secrets go through the verbs, as talkative as Ansible can be made, then everything that was
written anywhere is searched for them. They may be found in the profiles on the hosts, and nowhere else.

A canary's middle is random hexadecimal digits, so that no form of quoting changes it; base64 of it is searched at each
of the three alignments that it may have in a longer text, besides its digits as hexadecimal bytes and its reverse.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pathlib
import re
import secrets
import socket
import stat
import textwrap
import threading
import time
import typing as t

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret

from .conftest import Reader, write_files
from .test_bad_days import PUBLISH, ROLL_OUT

LOUD = f"{ROLL_OUT} -vvvv --diff"
WAIVED = "-e relmgmt_rehearsal=waived -e relmgmt_rehearsal_reason=others_are_about_that"
TEMPLATE = """{"port": {{ config.port }}, "greeting": {{ config.greeting | tojson }},
 SECRETS"again": "{{ secrets.vault | urlencode }}"}
"""
PASSWORD = VaultSecret(b"of the vault")
PROFILES = ("profiles/*/hello.json", "deployments/*/capsule/profiles/*/hello.json")


class Canary(t.NamedTuple):
    """A secret that would be seen."""

    value: str
    forms: tuple[bytes, ...]

    @classmethod
    def new(cls) -> Canary:
        core = secrets.token_hex(20)
        return cls.of(core, f"p/\"'%\\ é{core}$ü")

    @classmethod
    def of(cls, core: str, value: str = "") -> Canary:
        """Of a text that no form of quoting changes, and that is the value or a part of it."""
        encoded = {base64.b64encode(b"x" * shift + core.encode()).rstrip(b"=")[4:-4] for shift in range(3)}
        plain = {core, core[::-1], core.upper()}
        forms = {form.encode() for form in plain} | {core.encode().hex().encode()} | encoded
        return cls(value or core, tuple(sorted(forms)))


class Watch:
    """What the command lines of all processes say while something runs, and the environments of those but Ansible's."""

    def __init__(self, canaries: t.Mapping[str, Canary]) -> None:
        self._canaries = canaries
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.found: set[str] = set()
        self.rounds = 0

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(0.2):
            self.rounds += 1
            self.found |= processes(self._canaries)


def processes(canaries: t.Mapping[str, Canary]) -> set[str]:
    """Where processes show a canary: a command line any, an environment one that does not come from there."""
    found, elsewhere = set(), [name for name in canaries if not name.startswith("env")]
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        for name, sought in (("cmdline", list(canaries)), ("environ", elsewhere)):
            with contextlib.suppress(OSError):
                data = (process / name).read_bytes()
                found |= {f"{name}: {data[:80]!r}" for of in sought if any(form in data for form in canaries[of].forms)}
    return found


def holding(canaries: t.Iterable[Canary], places: t.Iterable[pathlib.Path], since: float) -> set[pathlib.Path]:
    """The files below the places, as old as this test at most, that hold one of the canaries in any form, or show it in
    their name."""
    forms = [form for canary in canaries for form in canary.forms]
    found = set()
    for place in places:
        for parent, _names, names in os.walk(place):
            for path in (pathlib.Path(parent, name) for name in names):
                with contextlib.suppress(OSError):
                    status = path.lstat()
                    if stat.S_ISREG(status.st_mode) and status.st_ctime >= since:
                        data = bytes(path) + b"\0" + path.read_bytes()
                        if any(form in data for form in forms):
                            found.add(path)
    return found


class Fleet(t.NamedTuple):
    """The guide's fleet; env comes from the environment, vault from a file that ansible-vault encrypted."""

    reader: Reader
    canaries: dict[str, Canary]
    since: float
    said: list[str]

    def run(self, command: str, *, code: int = 0) -> str:
        """Run it as a person does, and note what it says."""
        self.said.append(self.reader.run(f"{command} --vault-password-file password", code=code))
        return self.said[-1]

    def publish(self, version: str) -> None:
        """Build, publish and promote what release.yml says."""
        self.said.extend(self.reader.run(command.format(version)) for command in PUBLISH)

    def keep_greeting_encrypted(self) -> None:
        """A canary as a plain value, which ansible-vault keeps."""
        held = self.canaries["held"] = Canary.new()
        kept = textwrap.indent(VaultLib().encrypt(held.value, secret=PASSWORD).decode(), " " * 10)
        self.reader.edit("hosts.yml", "{greeting: Good day}", f"\n        greeting: !vault |\n{kept}".rstrip())

    def places(self) -> list[pathlib.Path]:
        """Everything that could have been written to, by this user, all machine over."""
        home = self.reader.work.parent
        return [home, pathlib.Path("/dev/shm"), pathlib.Path("/run"), pathlib.Path("~/.ansible").expanduser()]

    def profiles(self) -> list[pathlib.Path]:
        """The files of profiles on hosts, and their copies in capsules: the only ones that may hold a secret."""
        instances = list((self.reader.work / "hosts").glob("*/web/hello/main"))
        return sorted(path for instance in instances for form in PROFILES for path in instance.glob(form))


@pytest.fixture
def fleet(reader: Reader) -> Fleet:
    return settle(reader, {})


def settle(reader: Reader, others: t.Mapping[str, str]) -> Fleet:
    """The fleet, whose application is published. others: further secrets of it, and where they are."""
    since = time.time() - 2
    canaries = {"env": Canary.new(), "vault": Canary.new()}
    write_files(reader)
    work = reader.work
    bound = {
        "env": "env:CANARY#1",
        "vault": "ansible-vault:{{ inventory_dir }}/secrets.yml#vault",
        **others,
    }
    seen = "".join(f'"{name}": {{{{ secrets.{name} | tojson }}}},\n ' for name in bound)
    (work / "templates/hello.json.j2").write_text(TEMPLATE.replace("SECRETS", seen))
    reader.edit(
        "release.yml", "  schema: config.schema.json", f"  schema: config.schema.json\n  secrets: {list(bound)}"
    )
    binding = json.dumps({"web/hello": bound})
    reader.edit("hosts.yml", "    relmgmt_site: home", f"    relmgmt_site: home\n    relmgmt_secrets: {binding}")
    (work / "password").write_text("of the vault\n")
    text = f"vault: |-\n  {canaries['vault'].value}\n"
    (work / "secrets.yml").write_bytes(VaultLib().encrypt(text, secret=PASSWORD))
    (work.parent / "tmp").mkdir()
    reader.environment |= {
        "CANARY": canaries["env"].value,
        "TMPDIR": str(work.parent / "tmp"),
        "ANSIBLE_LOG_PATH": str(work / "ansible.log"),
        "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(work / "facts"),
        "ANSIBLE_GATHERING": "smart",
    }
    reader.run('ansible localhost -m relmgmt.release.dml_repository -a "teams=web environments=prod"')
    fleet = Fleet(reader, canaries, since, [])
    fleet.publish("1.0.0")
    return fleet


def check(fleet: Fleet) -> None:
    """The hosts have the canaries in their profiles, and nobody else has them."""
    text = "".join(fleet.said).encode()
    for name, canary in fleet.canaries.items():
        assert not [form for form in canary.forms if form in text], f"{name} was said"
    found = holding(fleet.canaries.values(), fleet.places(), fleet.since)
    may = set(fleet.profiles())
    assert may and found == may, f"leaked: {sorted(found - may)}; missing: {sorted(may - found)}"
    for path in may:
        status = path.stat()
        assert (stat.S_IMODE(status.st_mode) & 0o137, status.st_uid) == (0, os.geteuid()), path
    assert processes(fleet.canaries) == set()


def test_the_search_finds_what_leaks(tmp_path: pathlib.Path) -> None:
    canary = Canary.new()
    core = re.findall(r"[0-9a-f]{40}", canary.value)[0]
    leaks = [core, core[::-1], core.encode().hex(), canary.value]
    leaks += [base64.b64encode(f"{'x' * shift}{canary.value}".encode()).decode() for shift in range(3)]
    for number, leak in enumerate(leaks):
        (tmp_path / str(number)).write_text(f"some {leak} thing")
    (tmp_path / f"named-{core}").touch()
    (tmp_path / "harmless").write_text("nothing")
    assert {path.name for path in holding([canary], [tmp_path], 0)} == {*map(str, range(len(leaks))), f"named-{core}"}


def test_a_rollout_that_fails_tells_no_secret(fleet: Fleet) -> None:
    """Of everything else, the nightly test of all verbs tells."""
    with Watch(fleet.canaries) as watch, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens, so the probe is red
        (port,) = re.findall(r"web-1: .*port: (\d+)", (fleet.reader.work / "hosts.yml").read_text())
        fleet.reader.edit("hosts.yml", port, str(taken.getsockname()[1]))
        assert "rollout-failed" in fleet.run(f"{LOUD} -e relmgmt_target=web-1 {WAIVED}", code=2)
    assert watch.rounds > 5 and watch.found == set()
    check(fleet)


@pytest.mark.nightly
def test_configuration_with_a_secret_in_it_is_refused_and_not_told(fleet: Fleet) -> None:
    looked_up = "{{ lookup('relmgmt.release.secret', 'env:CANARY') }}"
    fleet.reader.edit("hosts.yml", "{greeting: Good day}", f'{{greeting: "{looked_up}"}}')
    one = f"{LOUD} -e relmgmt_target=web-1 {WAIVED}"
    said = fleet.run(one, code=2)
    assert "config-holds-secret" in said and "web/hello: greeting on web-1 holds the secret env:CANARY" in said
    fleet.reader.edit("hosts.yml", f'{{greeting: "{looked_up}"}}', "{greeting: Good day}")
    fleet.keep_greeting_encrypted()
    said = fleet.run(one, code=2)
    assert "config-holds-secret" in said and "hosts.yml:" in said and "on web-1 is kept encrypted" in said
    assert holding(fleet.canaries.values(), fleet.places(), fleet.since) == set()
    said = "".join(fleet.said)
    assert not [form for canary in fleet.canaries.values() for form in canary.forms if form in said.encode()]
