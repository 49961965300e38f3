# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people on the host type, what they are told, and the exit codes that their scripts go by."""

from __future__ import annotations

import io
import json
import os
import pathlib
import re
import shutil
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host import cli, cli_commands, moved, status
from ansible_collections.relmgmt.release.plugins.module_utils._host.cli_commands import EXIT
from ansible_collections.relmgmt.release.plugins.module_utils._host.instance import Instance

from .engine import AMPLE, Host, Package
from .person import Person, activate, guarding, working
from .test_engine import V1, V2, answers

V3 = Package("3.0.0")
DOCS = pathlib.Path(__file__).parents[4] / "docs" / "relmgmt-host.md"


# --- status -----------------------------------------------------------------------------------------------------------


def test_a_confirmed_deployment_is_code_0_and_said_first(person: Person) -> None:
    person.host.deploy(V1)
    said = person.types("status")
    assert said.code == 0
    assert said.out.startswith("test/app (main): CONFIRMED, version 1.0.0, deployment 1\n")
    assert "service       active" in said.out and "Nothing has to be done." in said.out


def test_a_provisional_one_says_when_it_goes_back_and_how_to_decide_now(person: Person) -> None:
    person.host.deploy(V1)
    activate(person.host, V2)
    with guarding(person.host):
        said = person.types("status")
        seconds = person.types("status", "--json").json["instances"][0]["seconds_left"]
    assert said.code == EXIT["provisional"]
    found = re.search(r"goes back     in (\d+) s .*to deployment 1 \(version 1.0.0\)", said.out)
    assert found is not None and 300 - AMPLE < int(found.group(1)) <= 300
    assert 300 - AMPLE < seconds <= 300
    assert f"{person.own} confirm" in said.out and f"{person.own} revert" in said.out


def test_a_provisional_one_that_nobody_guards_does_not_claim_to_go_back(person: Person) -> None:
    activate(person.host, V1)
    said = person.types("status")
    assert "no guard is running" in said.out and "goes back     " not in said.out


def test_after_another_boot_it_goes_back_at_any_moment(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    activate(person.host, V1)
    monkeypatch.setattr(person.host.tools.runner, "boot_id", lambda: "another")
    with guarding(person.host):
        assert "at any moment by itself, to 'absent'" in person.types("status").out


def test_where_nothing_runs_it_is_absent(person: Person) -> None:
    person.host.stage(V1)
    said = person.types("status")
    assert (said.code, said.out.partition("\n")[0]) == (15, "test/app (main): ABSENT, version -, deployment 0")


def test_a_failed_one_says_so(person: Person) -> None:
    person.host.deploy(V1)
    number = person.host.stage(V2, status=500)["deployment"]
    person.host.sicken(1, 503)
    person.host.ask("activate", deployment=number)
    said = person.types("status")
    assert (said.code, "FAILED" in said.out) == (EXIT["failed"], True)


def test_an_interrupted_switch_is_unknown(person: Person) -> None:
    person.host.deploy(V1)
    number = person.host.stage(V2)["deployment"]
    person.host.instance.journal.write("switch", **{"from": 1, "to": number, "verb": "activate", "reason": ""})
    said = person.types("status")
    assert said.code == EXIT["unknown"]
    assert "a switch from deployment 1 to 2 (activate) was interrupted" in said.out
    with working(person.host):
        assert f"is going on: process {os.getpid()}" in person.types("status").out


def test_a_damaged_journal_is_unknown_and_named_with_its_line(person: Person) -> None:
    person.host.deploy(V1)
    journal = person.host.instance.path / "journal"
    journal.write_bytes(journal.read_bytes().replace(b'{"at"', b'{"at', 1))
    said = person.types("status")
    assert said.code == EXIT["unknown"]
    assert f"{journal}, line 1 is not readable. Restore it from a backup" in said.out
    for verb in ("verify", "confirm", "revert", "log"):
        failed = person.types(verb)
        assert (failed.code, failed.out) == (1, "") and "line 1 is not readable. Restore it" in failed.err


def test_a_journal_that_is_gone_is_unknown_and_nothing_is_switched(person: Person) -> None:
    person.host.deploy(V1)
    (person.host.instance.path / "journal").unlink()
    said = person.types("status")
    assert (said.code, "journal is missing or empty" in said.out) == (EXIT["unknown"], True)
    assert person.types("revert").code == 1
    assert answers(person.host) == "1.0.0"


def test_what_became_of_one_deployment_has_its_code(person: Person) -> None:
    for package in (V1, V2):
        person.host.deploy(package)
    person.host.stage(V3)
    person.types("revert")
    codes = {number: person.types("status", "--deployment", str(number)).code for number in (1, 2, 3, 4)}
    assert codes == {1: 0, 2: EXIT["reverted"], 3: EXIT["staged"], 4: EXIT["unknown"]}


def test_a_link_a_service_or_traffic_that_went_astray_is_told(person: Person) -> None:
    for package in (V1, V2):
        person.host.deploy(package, traffic={"driver": "readiness_file", "drain_time": 0})
    person.host.instance.disk.point("deployments/1", "current")
    person.host.ask_driver(2)
    (person.host.instance.path / "traffic").unlink()
    said = person.types("status")
    assert said.code == 0
    assert "the link 'current' leads to deployment 1; the journal says 2" in said.out
    assert "its service does not run" in said.out
    assert "it is out traffic and should be in" in said.out
    assert f"{person.own} verify" in said.out


def test_another_user_is_shown_what_they_may_see(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    person.host.deploy(V1)

    def forbidden(_self: Instance, _deployment: int) -> t.NoReturn:
        raise PermissionError(13, "Permission denied", "/profile.json")

    with monkeypatch.context() as patch:
        patch.setattr(Instance, "runtime", forbidden)
        said, failed = person.types("status"), person.types("verify")
    assert (said.code, "CONFIRMED, version 1.0.0" in said.out) == (0, True)
    assert "ask again with sudo" in said.out
    assert (failed.code, failed.err) == (
        1,
        f"relmgmt-host: /profile.json may not be used by user {os.geteuid()}. Put 'sudo' before the command.\n",
    )


def test_a_root_that_was_moved_is_told(person: Person, tmp_path: pathlib.Path) -> None:
    person.host.deploy(V1)
    person.host.stop()
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(str(person.host.root), str(elsewhere), symlinks=True)
    said = person.types("status", tool=elsewhere / "test/app/main/bin/relmgmt-host")
    assert f"its service's command names {person.host.root}" in said.out
    assert f"lies at       {elsewhere}" in said.out
    assert "command names" not in person.types("status").out


def test_links_that_lead_out_of_the_instance_are_told(person: Person, tmp_path: pathlib.Path) -> None:
    person.host.deploy(V1)
    profile = person.host.instance.disk.path("deployments", "1", "profile")
    copy = tmp_path / "copy"
    shutil.copytree(str(profile), str(copy))
    profile.unlink()
    profile.symlink_to(copy)
    assert f"deployments/1/profile leads to {copy}" in person.types("status").out


@pytest.mark.parametrize("there", [True, False])
def test_a_unit_that_leads_to_the_old_place_is_told(person: Person, tmp_path: pathlib.Path, there: bool) -> None:
    person.host.stage(V1)
    profile = person.host.instance.disk.path("deployments", "1", "profile", "profile.json")
    rendered = json.loads(profile.read_text())
    rendered["runtime"]["service"] = {"driver": "systemd", "unit": "app.service", "unit_file": "app.service"}
    profile.write_text(json.dumps(rendered))
    place = person.host.instance.path if there else pathlib.Path("/srv/old/test/app/main")
    (tmp_path / "app.service").symlink_to(place / "current" / "profile" / "app.service")
    found = moved.moved(person.host.instance, 1, units=tmp_path)
    assert found == ([] if there else [f"systemd's unit is a link to {place}/current/profile/app.service"])


# --- which instance ---------------------------------------------------------------------------------------------------


def second(host: Host, name: str) -> Instance:
    """Another instance below the same root, staged and no more."""
    copy = host.root / "test" / "app" / name
    copy.mkdir()
    (copy / "journal").write_text("")
    return Instance(host.root, "test/app", name)


def test_several_are_a_table_and_the_code_of_what_needs_somebody_most(person: Person) -> None:
    person.host.deploy(V1)
    other = second(person.host, "other")
    root = person.host.root / "bin" / "relmgmt-host"
    said = person.types("status", tool=root)
    assert said.code == EXIT["absent"]
    table = [re.split(r"  +", line) for line in said.out.splitlines()]
    assert table[0][:4] == ["INSTANCE", "STATE", "VERSION", "DEPLOYMENT"]
    assert table[1][:5] == ["test/app/main", "CONFIRMED", "1.0.0", "1", "active"]
    assert table[2][:2] == ["test/app/other", "ABSENT"]
    (other.path / "journal").write_text("{\n")
    said = person.types("status", tool=root)
    assert said.code == EXIT["unknown"]
    assert [item["state"] for item in person.types("status", "--json", tool=root).json["instances"]] == [
        "confirmed",
        "unknown",
    ]


def test_an_instance_is_found_by_name_by_directory_and_by_where_the_command_lies(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.host.deploy(V1)
    root = person.host.root / "bin" / "relmgmt-host"
    path = person.host.instance.path
    (engine,) = path.glob("bin/*/relmgmt-host.pyz")
    monkeypatch.chdir(str(path))
    shown = [
        person.types("status", tool=engine),
        person.types("status", tool=root),
        person.types("status", "test/app", tool=root),
        person.types("status", "test/app/main", tool=root),
        person.types("status", str(path), tool=root),
        person.types("status", ".", tool=root),
        person.types("status", "test/app", "--root", str(person.host.root), tool=pathlib.Path("/nowhere")),
        person.types("--root", str(person.host.root), "status", tool=pathlib.Path("/nowhere")),
    ]
    assert {said.out for said in shown} == {person.types("status").out}


def test_a_link_of_ones_own_to_the_command_works(person: Person, tmp_path: pathlib.Path) -> None:
    person.host.deploy(V1)
    (tmp_path / "rh").symlink_to(person.host.root / "bin" / "relmgmt-host")
    assert person.types("status", tool=tmp_path / "rh").code == 0


def test_what_is_not_there_or_not_clear_is_refused_with_what_there_is(person: Person) -> None:
    person.host.deploy(V1)
    second(person.host, "other")
    root = person.host.root / "bin" / "relmgmt-host"
    unknown = person.types("revert", "test/none", tool=root)
    assert unknown.code == 1
    assert "there is no such instance. Below" in unknown.err and "test/app/main, test/app/other" in unknown.err
    unclear = person.types("revert", "test/app", tool=root)
    assert unclear.code == 1
    assert "Name one of: test/app/main, test/app/other." in unclear.err
    assert person.types("status", "--root", "/nowhere").code == 1


# --- log --------------------------------------------------------------------------------------------------------------


def test_the_log_says_what_happened_newest_last(person: Person) -> None:
    person.host.deploy(V1)
    person.host.deploy(V2)
    person.types("revert", "--reason", "shop is down")
    lines = person.types("log").out.splitlines()
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC  staged       deployment 1 \(version 1.0.0\)$", lines[0])
    assert "switch       activate: absent -> 1 (1.0.0)" in lines[1]
    assert "reverted     deployment 2 (2.0.0) -> 1 (1.0.0): by hand, by" in lines[-1]
    assert lines[-1].endswith(": shop is down")
    events = person.host.instance.journal.events()
    assert len(lines) == len(events)
    assert person.types("log", "--json").json["events"] == events
    short = person.types("log", "--lines", "2").out.splitlines()
    assert short == [f"... {len(events) - 2} earlier; '--lines 0' shows all", *lines[-2:]]


# --- errors and codes -------------------------------------------------------------------------------------------------


def test_every_exit_code_is_one_of_its_own_and_documented() -> None:
    codes = [0, 1, 2, *(code for code in EXIT.values() if code)]
    assert len(set(codes)) == len(EXIT) + 2
    assert not set(EXIT.values()) & {1, 2, *range(126, 166)}
    for state, code in EXIT.items():
        assert re.search(rf"^\| {code} \| `{state}` \|", DOCS.read_text(), re.MULTILINE), state
        assert re.search(rf"\b{code}  {state}\b", cli._EPILOG), state


def test_help_is_given_and_a_mistake_is_usage(person: Person) -> None:
    said = person.types("--help")
    assert said.code == 0
    for word in (*cli_commands.COMMANDS, "exit codes:", "examples:"):
        assert word in said.out
    for command in cli_commands.COMMANDS:
        assert person.types(command, "--help").code == 0
    assert (person.types().code, person.types("frob").code, person.types("log", "--lines", "x").code) == (2, 2, 2)


def test_an_error_is_a_sentence_or_json_and_never_a_traceback(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    person.host.deploy(V1)

    def broken(*_args: t.Any) -> t.NoReturn:
        raise ZeroDivisionError("secret")

    monkeypatch.setitem(cli_commands.COMMANDS, "status", broken)
    said = person.types("status")
    assert (said.code, said.out) == (1, "")
    assert re.match(r"relmgmt-host: ZeroDivisionError in test_cli.py, line \d+\. Please report it", said.err)
    answer = person.types("status", "--json").json
    assert (answer["error"]["code"], answer["exit"]) == ("engine-crashed", 1)


def test_a_reader_that_goes_away_is_no_error(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    person.host.deploy(V1)
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as stream:
        monkeypatch.setattr("sys.stdout", stream)
        assert person.types("status").code == 0


def test_what_a_package_said_does_not_steer_the_terminal_and_is_shown_in_any_encoding(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.host.deploy(V1)
    person.host.instance.journal.write("failed", deployment=1, stands=1, reason="\x1b[2Jgr\u00fcn \u2713")
    with io.TextIOWrapper(io.BytesIO(), encoding="latin-1") as stream:
        monkeypatch.setattr("sys.stdout", stream)
        person.types("log")
        assert "\\x1b[2Jgr\u00fcn \\u2713" in stream.buffer.getvalue().decode("latin-1")


def test_the_processes_of_the_engine_itself_have_their_own_table(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.host.deploy(V1)
    seen: list[pathlib.Path] = []
    monkeypatch.setitem(cli.INTERNAL, "watch", lambda instance, tools: seen.append(instance.path))
    assert person.types("watch", str(person.host.instance.path)).code == 0
    assert seen == [person.host.instance.path]
    assert "watch" not in person.types("--help").out


def test_a_status_that_is_asked_for_changes_nothing(person: Person) -> None:
    person.host.deploy(V1)
    before = {path: path.lstat().st_mtime_ns for path in person.host.root.rglob("*")}
    for words in (["status"], ["verify"], ["log"]):
        person.types(*words)
    assert {path: path.lstat().st_mtime_ns for path in person.host.root.rglob("*")} == before
    assert status.holder(person.host.instance) == ""
