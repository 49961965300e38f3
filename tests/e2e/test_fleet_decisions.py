# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rollout makes of a sick host and of a bad release, on the application of the guide."""

from __future__ import annotations

import json
import pathlib
import socket
import subprocess
import sys
import threading
import types
import typing as t

import pytest
import yaml

from .conftest import Reader, ports, wait_for, write_files
from .test_bad_days import PUBLISH, ROLL_OUT, rollouts

HOSTS = tuple(f"web-{number}" for number in range(1, 7))
BATCH = 2
ROLLING = f"{ROLL_OUT} -e relmgmt_strategy=rolling -e relmgmt_batch={BATCH}"
WAIVER = {"relmgmt_rehearsal": "waived", "relmgmt_rehearsal_reason": "other tests are about rehearsals"}
# Gives no answer once, when it was asked so often before.
FALTERING = """\
#!/bin/sh
left=$(cat "$0.left")
echo $((left - 1)) > "$0.left"
[ "$left" = 0 ] && cat > /dev/null && exit 1
exec {python} "$@"
"""
PLUG = "{{ lookup('ansible.builtin.file', inventory_dir ~ '/plugs/' ~ inventory_hostname) }}"


class Fleet:
    """Six hosts on 1.0.0, each with a traffic file and a plug that can be pulled; 1.1.0 is promoted."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        write_files(reader)
        # Shorter than a wave takes in which one host is worked on at a time.
        reader.edit("release.yml", "healthy_deadline: 10}", "healthy_deadline: 10, confirm_timeout: 2}")
        with (reader.work / "release.yml").open("a") as stream:
            stream.write("traffic: {driver: readiness_file, drain_time: 0}\n")
        self.inventory: dict[str, t.Any] = yaml.safe_load((reader.work / "hosts.yml").read_text())
        (reader.work / "plugs").mkdir()
        self.inventory["all"]["vars"] |= {**WAIVER, "ansible_connection": PLUG}
        self.give(dict(zip(HOSTS, ports(len(HOSTS)), strict=True)))
        for host in HOSTS:
            self.plug(host)
        reader.run('ansible localhost -m relmgmt.release.dml_repository -a "teams=web environments=prod"')
        for version in ("1.0.0", "1.1.0"):
            reader.edit("release.yml", "version: 1.0.0", f"version: {version}")
            for command in PUBLISH:
                reader.run(command.format(version))
        reader.run(f"{ROLL_OUT} -e relmgmt_version=1.0.0 -e relmgmt_strategy=big_bang")

    def give(self, listens: dict[str, int]) -> None:
        """Write the inventory: where each host's application listens."""
        self.listens = listens
        hosts = {
            host: {
                "relmgmt_config__80_host": {"web/hello": {"port": port}},
                # Nobody listens there: with the plug pulled, ssh finds the host out of reach at once.
                "ansible_host": "127.0.0.1",
                "ansible_port": 1,
            }
            for host, port in listens.items()
        }
        self.inventory["all"]["children"]["web"]["hosts"] = hosts
        (self.reader.work / "hosts.yml").write_text(yaml.safe_dump(self.inventory))

    def plug(self, host: str, connection: str = "ansible.builtin.local") -> None:
        (self.reader.work / "plugs" / host).write_text(connection)

    def falter(self, host: str, after: int) -> None:
        """Let the host give no answer, once, after so many."""
        script = self.reader.work / "faltering"
        script.write_text(FALTERING.format(python=sys.executable))
        script.chmod(0o755)
        self.answers_left.write_text(str(after))
        self.inventory["all"]["children"]["web"]["hosts"][host]["ansible_python_interpreter"] = str(script)
        (self.reader.work / "hosts.yml").write_text(yaml.safe_dump(self.inventory))

    @property
    def answers_left(self) -> pathlib.Path:
        return self.reader.work / "faltering.left"

    def path(self, host: str) -> pathlib.Path:
        return self.reader.work / "hosts" / host / "web" / "hello" / "main"

    def journal(self, host: str) -> list[dict[str, t.Any]]:
        return [json.loads(line) for line in (self.path(host) / "journal").read_text().splitlines()]

    def ask(self, host: str, command: str) -> str:
        return self.reader.run(f"python3 {self.path(host)}/bin/*/relmgmt-host.pyz {command}")

    def versions(self) -> dict[str, str]:
        said = {host: self.ask(host, "status").partition(", deployment")[0].partition(": ")[2] for host in HOSTS}
        return {host: text.removeprefix("CONFIRMED, version ") for host, text in said.items()}


class Watch:
    """Who is out of traffic, seen from outside, for as long as the ``with`` block lasts."""

    def __init__(self, fleet: Fleet) -> None:
        self.seen: list[frozenset[str]] = []
        self._fleet, self._over = fleet, threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.01):
            out = frozenset(host for host in HOSTS if not (self._fleet.path(host) / "traffic").exists())
            if not self.seen or self.seen[-1] != out:
                self.seen.append(out)


@pytest.fixture
def fleet(reader: Reader) -> Fleet:
    return Fleet(reader)


def test_everything_goes_back_wave_by_wave_the_latest_first(fleet: Fleet) -> None:
    planned = fleet.reader.run(f"{ROLLING} --check").partition("waves: ")[2]
    names = [part.partition("(")[2].split(", ") for part in planned.split(")")[:3]]
    with socket.socket() as taken, Watch(fleet) as watch:
        taken.bind(("127.0.0.1", 0))  # nobody listens yet, so staging finds it free
        fleet.give({**fleet.listens, names[2][0]: taken.getsockname()[1]})
        shown = fleet.reader.run(ROLLING, code=2)
    assert "batch-2: continue" in shown and f"batch-3: revert_all, {names[2][0]}" in shown
    assert set(fleet.versions().values()) == {"1.0.0"}
    assert max(map(len, watch.seen)) <= BATCH
    way = [frozenset(name) for name in names]
    turns = [index for out in watch.seen for index, wave in enumerate(way) if out and out <= wave]
    assert list(dict.fromkeys(turns[::-1])) == [0, 1, 2], "the last one to be out of traffic is of the first wave"
    (last, *_before) = rollouts(fleet.reader)
    assert {row["outcome"] for row in last["deployments"]} == {"reverted"}


@pytest.mark.nightly
def test_a_host_out_of_reach_is_left_behind_and_caught_up(fleet: Fleet) -> None:
    """Its wave is worked on one host at a time, so that the others take longer than hosts wait by themselves. Another
    host gives no answer when it is activated, and does when it is asked again."""
    fleet.falter("web-2", after=2)
    fleet.reader.environment["ANSIBLE_FORKS"] = "1"
    command = f"{ROLL_OUT} -e relmgmt_strategy=big_bang -e relmgmt_failure_budget=1"
    out = fleet.reader.work / "out"
    with out.open("w") as stream:
        began = subprocess.Popen(
            command.split(), cwd=fleet.reader.work, env=fleet.reader.environment, stdout=stream, stderr=stream
        )
        wait_for(lambda: fleet.journal("web-1")[-1]["event"] == "provisional", began)
        fleet.plug("web-1", "ansible.builtin.ssh")
        assert began.wait() == 0, out.read_text()
    shown = " ".join(out.read_text().split())
    assert "1 of 6 hosts were left behind: web-1 (unreachable" in shown
    assert "it runs 1.1.0, not final: unless it has gone back to 1.0.0, it will by itself" in shown
    assert "sick hosts: 1 (budget 1), hosts that speak against the release: 0 (budget 0)" in shown
    late = [host for host in HOSTS[1:] for event in fleet.journal(host) if "in time" in event.get("reason", "")]
    assert late == [], "the controller still worked on their wave"
    assert int(fleet.answers_left.read_text()) < 0
    assert fleet.journal("web-2")[-1]["event"] in ("confirmed", "serving")
    (cut, *_before) = rollouts(fleet.reader)
    assert {row["host"]: row["version_after"] for row in cut["deployments"] if row["outcome"] != "confirmed"} == {
        "web-1": "unknown"
    }
    fleet.ask("web-1", "revert")  # as its guard would when the time has come
    fleet.plug("web-1")
    again = fleet.reader.run(command)
    assert "rollout of web/hello 1.1.0 to prod: 6 hosts; waves: all 1 (web-1)" in again
    assert set(fleet.versions().values()) == {"1.1.0"}
    (caught_up, then, *_before) = rollouts(fleet.reader)
    assert (then["id"], caught_up["result"]) == (cut["id"], "succeeded")
    (row,) = [row for row in then["deployments"] if row["host"] == "web-1"]
    assert (row["outcome"], row["version_after"]) == ("reverted", "1.0.0")
    assert "the host said later that it runs 1.0.0" in row["reason"]
