# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Radicale on 20 hosts at three sites, on this machine alone: rehearsed, out, a bad release that comes back, and back;
then Swagger UI beside it, a site after the other.

Every host has a root and ports of its own and runs both for real; playbooks, inventory, packages and DML are the ones
that a real fleet would use. Needs no privileges, leaves nothing running and nothing behind.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import dataclasses
import datetime
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import typing as t

import ansible_runner
import yaml
from rich.console import Console
from rich.table import Table

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent
INVENTORY = REPOSITORY / "inventories" / "sites"
PASSWORD_FILE = REPOSITORY / "inventories" / "secrets" / "demo-vault-password"
PACKAGE = "calendar/radicale"
GOOD, NEWER, BAD = "3.8.3", "3.9.0", "3.9.0.post1"
RELEASES = [{"name": PACKAGE, "directory": "radicale", "version": version} for version in (GOOD, NEWER, BAD)]
WHEELS = tuple(f"requirements-{version}.txt" for version in (GOOD, NEWER))
PAGES, PAGES_VERSION = "docs/swagger-ui", "5.35.0"
ROOM = 2 << 30  # bytes
USER, PASSWORD = "alice", "through-the-looking-glass"  # public, see inventories/README.md
EVENT = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//relmgmt//demo//EN\r\nBEGIN:VEVENT\r\nUID:tea\r\n"
    "DTSTAMP:20260101T000000Z\r\nDTSTART:20260102T160000Z\r\nSUMMARY:Tea with the Hatter\r\n"
    "END:VEVENT\r\nEND:VCALENDAR\r\n"
)


class Failure(Exception):
    """The demo did not show what it promises."""


class Narrator:
    """Tells what happens, a line a step; on a terminal the step that is under way too."""

    STEPS: t.ClassVar = {
        "Ask the hosts what they run": "ask",
        "Stage the release": "stage",
        "Activate the release, provisionally": "activate",
        "Confirm the release": "confirm",
        "Take the host back": "revert",
        "Go back to the version": "go back",
        "Go back to what ran before": "go back",
    }

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._step = self._said = ""
        self._outcomes: dict[str, int] = {}
        self.results: dict[str, t.Any] = {}

    def title(self, text: str) -> None:
        self._console.print(f"\n[bold]{text}[/bold]")

    def line(self, step: str, text: str, *, end: str = "\n") -> None:
        self._console.print(f"{time.monotonic() - self._began:6.1f} s  {step:9} {text}", end=end, highlight=False)

    def event(self, event: dict[str, t.Any]) -> bool:
        """One event of ansible-runner."""
        kind, data = event["event"], event.get("event_data", {})
        if kind == "playbook_on_task_start" or kind == "playbook_on_stats":
            self._finish()
            self._step, self._outcomes = data.get("task", "").rpartition(" : ")[2], {}
        elif kind in ("runner_on_ok", "runner_on_failed", "runner_on_unreachable"):
            self._result(data["host"], data.get("res", {}))
        return False

    def _result(self, host: str, result: dict[str, t.Any]) -> None:
        self.results[self._step] = result
        if self._step == "Plan" and "rollout" in result:
            waves = result["rollout"]["waves"]
            shown = ", ".join(f"{wave['name']} {len(wave['hosts'])}" for wave in waves) or "nothing to do"
            self.line("plan", f"{len(result['rollout']['hosts'])} hosts checked; waves: {shown}")
            for way in result["rollout"]["rehearsal"].get("ways", ()):
                self.line("gate", self._way(way, result["rollout"]["rehearsal"]["reason"]))
        elif self._step == "Plan" and str(result.get("code", "")).startswith("rehearsal-"):
            self.line("gate", f"[bold]refused[/bold]: {result['msg'].partition(':')[0]}")
        elif self._step == "Sign what was shown" and result.get("evidence"):
            self.line("sign", result["summary"].partition(": ")[2])
        elif self._step == "Judge the wave" and "verdict" in result:
            self._verdict(result["verdict"])
        elif self._step in self.STEPS:
            word = result.get("outcome", "failed")
            self._outcomes[word] = self._outcomes.get(word, 0) + 1
            if self._console.is_terminal:
                self.line(self.STEPS[self._step], self._counts(), end="\r")

    def _verdict(self, verdict: dict[str, t.Any]) -> None:
        """Each wave is judged twice, when it was activated and when it was confirmed; the same is said once."""
        text = f"wave {verdict['name']}: [bold]{verdict['verdict']}[/bold], {verdict['reason']}"
        if verdict["wave"] and text != self._said:
            self.line("verdict", text)
        self._said = text

    @staticmethod
    def _way(way: dict[str, t.Any], reason: str) -> str:
        """What the gate found of one way that hosts go."""
        if way["state"] == "waived":
            return f"not rehearsed from {way['version']}, [bold]waived[/bold]: {reason}"
        return f"rehearsed from {way['version']}: back in {way['seconds']['back']:.1f} s"

    def _counts(self) -> str:
        return ", ".join(f"{count} {word}" for word, count in sorted(self._outcomes.items()))

    def _finish(self) -> None:
        if self._step in self.STEPS and self._outcomes:
            self.line(self.STEPS[self._step], self._counts())


@dataclasses.dataclass(frozen=True)
class Demo:
    """The work directory, who tells of it, and where the Radicale and the Swagger UI of each host are."""

    work: pathlib.Path
    narrator: Narrator
    console: Console
    addresses: t.Mapping[str, tuple[str, int]]
    pages: t.Mapping[str, tuple[str, int]] = dataclasses.field(default_factory=dict, kw_only=True)

    def play(self, playbook: str, *flags: str, **variables: t.Any) -> tuple[int, dict[str, int]]:
        """Run a playbook; its exit code and the number of changes."""
        options = f"-i {INVENTORY} -i {self.work / 'here.yml'}"
        runner = ansible_runner.run(
            private_data_dir=str(self.work / "runner"),
            project_dir=str(HERE),
            playbook=playbook,
            cmdline=f"{options} --vault-password-file {PASSWORD_FILE} {' '.join(flags)}",
            extravars={
                "relmgmt_package": PACKAGE,
                "relmgmt_target": ",".join(self.addresses),
                "relmgmt_environment": "prod",
                **variables,
            },
            envvars=self._environment(),
            event_handler=self.narrator.event,
            quiet=True,
        )
        with open(self.work / "ansible.log", "a", encoding="utf-8") as log, runner.stdout as printed:
            log.write(printed.read())
        changes = {host: count for host, count in (runner.stats or {}).get("changed", {}).items() if count}
        if runner.rc not in (0, 2):
            raise Failure(f"{playbook} ended with {runner.rc}:\n{self.log()[-3000:]}")
        return runner.rc, changes

    def log(self) -> str:
        """What Ansible printed so far."""
        return (self.work / "ansible.log").read_text(encoding="utf-8")

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / "collections"),
            "ANSIBLE_FORKS": str(min(20, 4 * (os.cpu_count() or 1))),  # all hosts share the processors of this machine
            "ANSIBLE_HOME": str(self.work / "ansible"),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "RELMGMT_DML": str(self.work / "dml"),
            "RELMGMT_TRUSTED_ROOT": str(self.work / "trusted-root.json"),
            "RELMGMT_CACHE": str(self.work / "cache"),
            "RELMGMT_KEYS": str(self.work / "keys"),
            "RELMGMT_REGISTRY": str(self.work / "registry" / "registry.db"),
        }

    def rollout(self, version: str, *, succeeds: bool = True, playbook: str = "rollout", **variables: t.Any) -> None:
        code, _changes = self.play(f"relmgmt.release.{playbook}", relmgmt_version=version, **variables)
        if (code == 0) != succeeds:
            wish = "succeed" if succeeds else "fail"
            raise Failure(f"the {playbook} of {version} was expected to {wish}:\n{self.log()[-3000:]}")

    def ask(self, host: str, method: str, path: str, *, body: str = "", expect: int = 200) -> str:
        """One request to the Radicale of a host."""
        connection = http.client.HTTPConnection(*self.addresses[host], timeout=10)
        with contextlib.closing(connection):
            token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            kind = {"Content-Type": "text/calendar"} if method == "PUT" else {}
            connection.request(method, path, body.encode() or None, {"Authorization": f"Basic {token}", **kind})
            response = connection.getresponse()
            text = response.read().decode()
        if response.status != expect:
            raise Failure(f"{host}: {method} {path} was answered with {response.status}")
        return text

    def page(self, host: str, path: str) -> str:
        """What the Swagger UI of a host answers."""
        connection = http.client.HTTPConnection(*self.pages[host], timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", path)
            return connection.getresponse().read().decode()

    def release(self, host: str) -> str:
        """The directory of the release that the host runs: version and digest."""
        return (self.work / "hosts" / host / PACKAGE / "main" / "current" / "release").resolve().name

    def versions(self) -> dict[str, int]:
        """How many hosts are on which version, each of them seen to serve."""
        found: dict[str, int] = {}
        for host in self.addresses:
            release = self.release(host)
            found[release.rpartition("-")[0]] = found.get(release.rpartition("-")[0], 0) + 1
            self.ask(host, "GET", "/.web/")
        return found


def fetch_wheels(directory: str = "radicale", locks: t.Sequence[str] = WHEELS) -> int:
    """Fetch what the requirement files of an example name, by hash; nothing if it is there. How many there are."""
    house = HERE / directory / "wheelhouse"
    for name in locks:
        lock = HERE / directory / name
        stamp = house / f".{name}.complete"
        if stamp.is_file() and stamp.read_bytes() == lock.read_bytes():
            continue
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--require-hashes",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--python-version",
            "3.9",
            "--platform",
            "any",
            "--dest",
            str(house),
            "--requirement",
            str(lock),
        ]
        if subprocess.run(command, check=False).returncode != 0:
            raise Failure("the wheels cannot be fetched: see what pip says above")
        shutil.copyfile(lock, stamp)
    return len(list(house.glob("*.whl")))


def fetch_archive() -> bool:
    """Have npm fetch what Swagger UI's release file names, by digest; nothing if it is there. False without npm."""
    unit = yaml.safe_load((HERE / "swagger-ui" / f"release-{PAGES_VERSION}.yml").read_text())["units"][0]
    archive = HERE / "swagger-ui" / unit["source"]
    if not (archive.is_file() and integrity(archive) == unit["digest"]):
        if not shutil.which("npm"):
            return False
        archive.parent.mkdir(exist_ok=True)
        what = f"swagger-ui-dist@{PAGES_VERSION}"
        command = ["npm", "pack", "--silent", "--pack-destination", str(archive.parent), what]
        if subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode != 0:
            raise Failure(f"{what} cannot be fetched: see what npm says above")
    return True


def integrity(path: pathlib.Path) -> str:
    """The digest of a file as npm writes it."""
    return f"sha512-{base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()}"


def sites() -> dict[str, str]:
    """Every host of the inventory, with its site."""
    fleet = yaml.safe_load((INVENTORY / "fleet.sites.yml").read_text())["sites"]
    return {host: site for site, about in fleet.items() for host in about["hosts"]}


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _number in range(count)]
    ports = [int(server.getsockname()[1]) for server in sockets]
    for server in sockets:
        server.close()
    return ports


def inventory(work: pathlib.Path, *, site: str = "") -> list[dict[str, tuple[str, int]]]:
    """Write the inventory that puts every host, or those of a site, on this machine; where both packages are served."""
    names = [name for name, place in sites().items() if site in ("", place)]
    free = free_ports(2 * len(names))
    ports, pages = (dict(zip(names, part, strict=True)) for part in (free[: len(names)], free[len(names) :]))
    plain = {"service_driver": "command", "service_user": ""}
    here = {
        name: {
            "ansible_connection": "ansible.builtin.local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "radicale_port": port,
            "swagger_ui_port": pages[name],
            "relmgmt_root": str(work / "hosts" / name),
            "relmgmt_config__90_demo": {PACKAGE: plain, PAGES: plain},
        }
        for name, port in ports.items()
    }
    (work / "here.yml").write_text(yaml.safe_dump({"all": {"hosts": here}}))
    for directory in ("runner", *(f"hosts/{name}" for name in names)):
        (work / directory).mkdir(parents=True)
    return [{name: ("127.0.0.1", port) for name, port in served.items()} for served in (ports, pages)]


def show(demo: Demo) -> None:
    """The record of it, from the registry."""
    demo.play("record.yml")
    rollouts = list(reversed(demo.narrator.results["Read the record"]["rollouts"]))
    table = Table(title="What happened on every host", title_justify="left")
    everywhere = [rollout for rollout in rollouts if rollout["kind"] != "rehearsal"]
    for name in ("site", "host", *(f"{number}. {r['kind']} {r['version']}" for number, r in enumerate(everywhere, 1))):
        table.add_column(name, no_wrap=True)
    rows: dict[tuple[str, str], list[str]] = {}
    for column, rollout in enumerate(everywhere):
        for row in rollout["deployments"]:
            cells = rows.setdefault((row["site"], row["host"]), [""] * len(everywhere))
            cells[column] = f"{row['version_before']} → {row['version_after']} {row['outcome']}"
    for (site, host), cells in sorted(rows.items()):
        table.add_row(site, host, *cells)
    demo.console.print(table)
    waves = Table(title="How long each wave took, and each phase of the rehearsal", title_justify="left")
    for name in ("rollout", "wave", "hosts", "seconds", "verdict"):
        waves.add_column(name, justify="right" if name in ("hosts", "seconds") else "left")
    for rollout in rollouts:
        for wave in rollout["waves"]:
            began, ended = (datetime.datetime.fromisoformat(wave[key]) for key in ("started", "finished"))
            seconds = f"{(ended - began).total_seconds():.1f}"
            what = f"{rollout['kind']} {rollout['version']}"
            waves.add_row(what, wave["name"], str(len(wave["hosts"])), seconds, wave["verdict"])
    demo.console.print(waves)


def waived(reason: str) -> dict[str, t.Any]:
    """The variables that let a release go to production without a rehearsal."""
    return {"relmgmt_rehearsal": "waived", "relmgmt_rehearsal_reason": reason}


def tell(demo: Demo) -> None:
    """The story, step by step; each step is checked."""
    say, host = demo.narrator, min(demo.addresses)
    say.line("fetch", f"{fetch_wheels()} wheels, pinned by hash")
    demo.play("prepare.yml", demo_work=str(demo.work), demo_releases=RELEASES)
    say.line("publish", f"{PACKAGE} {GOOD}, {NEWER}, {BAD}: built, signed, published, promoted to prod")

    say.title(f"1. Roll {GOOD} out to {len(demo.addresses)} hosts")
    demo.rollout(GOOD, relmgmt_strategy="big_bang", **waived("nothing runs there yet that users could miss"))
    demo.ask(host, "MKCALENDAR", f"/{USER}/demo/", expect=201)
    demo.ask(host, "PUT", f"/{USER}/demo/tea.ics", body=EVENT, expect=201)
    say.line("calendar", f"an entry was put into the calendar on {host}")

    say.title(f"2. Rehearse {NEWER} on one host, and roll it out, a canary first")
    demo.rollout(NEWER, succeeds=False, relmgmt_target=host)
    demo.rollout(NEWER, playbook="rehearse", relmgmt_target=host)
    demo.rollout(NEWER, relmgmt_strategy="canary")
    _code, changes = demo.play("relmgmt.release.rollout", relmgmt_version=NEWER)
    if changes:
        raise Failure(f"running the same rollout again changed {changes}")
    say.line("again", "the same command a second time changes nothing")

    say.title(f"3. Roll {BAD} out, which starts but does not serve")
    demo.rollout(BAD, succeeds=False, relmgmt_strategy="canary", **waived("this is how a bad release is shown"))
    running = demo.versions()
    if running != {NEWER: len(demo.addresses)}:
        raise Failure(f"after the bad release the hosts run {running}")
    say.line("come back", f"the canary came back by itself; all {len(demo.addresses)} hosts serve {NEWER}")

    say.title(f"4. Roll back to {GOOD}")
    demo.rollout(GOOD, playbook="rollback")
    running = demo.versions()
    if running != {GOOD: len(demo.addresses)} or "Hatter" not in demo.ask(host, "GET", f"/{USER}/demo/tea.ics"):
        raise Failure(f"after the rollback the hosts run {running}, or the calendar entry is gone")
    say.line("calendar", "the entry that was put in before the upgrade is still there")
    tell_pages(demo)
    demo.console.print()
    show(demo)


def tell_pages(demo: Demo) -> None:
    """The second package, to the same hosts: a site after the other."""
    if not fetch_archive():
        demo.narrator.line("skip", f"{PAGES}: it comes by npm, which this machine does not have")
        return
    fetch_wheels("swagger-ui", ["requirements.txt"])
    release = {"name": PAGES, "directory": "swagger-ui", "version": PAGES_VERSION}
    demo.play("prepare.yml", demo_work=str(demo.work), demo_releases=[release])
    demo.narrator.title(f"5. Roll {PAGES} {PAGES_VERSION} out to the same hosts, a site after the other")
    waiver = waived("nothing runs there yet that users could miss")
    demo.rollout(PAGES_VERSION, relmgmt_package=PAGES, relmgmt_strategy="phased", relmgmt_batch="100%", **waiver)
    for host in demo.pages:
        if f'"version": "{PAGES_VERSION}"' not in demo.page(host, "/package.json"):
            raise Failure(f"{host} serves another version of {PAGES}")
    demo.narrator.line("pages", f"all {len(demo.pages)} hosts serve {PAGES} {PAGES_VERSION} beside {PACKAGE} {GOOD}")


def place() -> pathlib.Path:
    """Where the hosts live: in TMPDIR if it is set, else in memory if there is room for 20 of them, else as usual."""
    memory = pathlib.Path("/dev/shm")
    usable = "TMPDIR" not in os.environ and os.access(memory, os.W_OK | os.X_OK)
    return memory if usable and shutil.disk_usage(memory).free > ROOM else pathlib.Path(tempfile.gettempdir())


def end_services(work: pathlib.Path) -> int:
    """End every Radicale of this demo, by the process that its host's engine recorded; how many still ran."""
    ended = 0
    for record in work.glob("hosts/*/*/*/*/run/service.json"):
        process = json.loads(record.read_text())
        with contextlib.suppress(ProcessLookupError, KeyError):
            os.killpg(process["pid"], 15)
            ended += 1
    return ended


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path, help="also write the record of the rollouts to this file")
    parser.add_argument("--site", default="", choices=sorted(set(sites().values())), help="show it on one site alone")
    parser.add_argument("--log", type=pathlib.Path, help="also write what Ansible printed to this file")
    options = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 130, soft_wrap=False)
    work = pathlib.Path(tempfile.mkdtemp(prefix="relmgmt-demo-", dir=place()))
    try:
        addresses, pages = inventory(work, site=options.site)
        demo = Demo(work, Narrator(console), console, addresses, pages=pages)
        console.print(
            f"relmgmt: Radicale on {len(demo.addresses)} hosts at {options.site or 'three sites'}, all on this machine",
            highlight=False,
        )
        tell(demo)
        if options.json:
            options.json.write_text(json.dumps(demo.narrator.results["Read the record"]))
        return 0
    except Failure as exc:
        console.print(f"[bold red]The demo failed:[/bold red] {exc}", highlight=False)
        return 1
    finally:
        end_services(work)
        if options.log and (work / "ansible.log").exists():
            shutil.copyfile(work / "ansible.log", options.log)
        for directory, _names, _files in os.walk(work):
            os.chmod(directory, 0o700)
        shutil.rmtree(work)


if __name__ == "__main__":
    sys.exit(main())
