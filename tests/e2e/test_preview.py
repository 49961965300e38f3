# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Preview, check mode and the run itself say and do the same, on the application of the guide: rollouts, rollbacks,
rehearsals, and jobs with a part of a rollout."""

from __future__ import annotations

import collections.abc
import copy
import json
import os
import pathlib
import re
import typing as t

import pytest

from .conftest import Reader, write_files
from .test_bad_days import PUBLISH, ROLL_OUT, rollouts

pytestmark = pytest.mark.nightly

HOSTS = ("web-1", "web-2", "web-3")
TOLD = re.compile(r"^Waves$.*?(?=^Hosts$)", re.DOTALL | re.MULTILINE)
WAIVED = "-e relmgmt_rehearsal=waived -e relmgmt_rehearsal_reason=others_are_about_that"
OWN = ("release/manifest.json", "profile/profile.json")  # what relmgmt writes there itself
Data = dict[str, t.Any]


class Fleet(t.NamedTuple):
    """What a preview said, what check mode said, and what was there before and after the real run."""

    preview: Data
    shown: str
    checked: str
    before: dict[str, Data]
    after: dict[str, Data]
    waves: list[list[str]]
    sent: set[int]


def look(reader: Reader, host: str) -> Data:
    """The files of what is current, and the process of the service."""
    instance = reader.work / "hosts" / host / "web/hello/main"
    files = {}
    for top in ("release", "profile"):
        for parent, _names, names in os.walk(instance / "current" / top, followlinks=True):
            for path in (pathlib.Path(parent, name) for name in names):
                files[f"{top}/{path.relative_to(instance / 'current' / top)}"] = path.read_bytes()
    return {
        "files": {name: data for name, data in files.items() if name not in OWN},
        "service": json.loads((instance / "run" / "service.json").read_text())["pid"],
    }


def publish(reader: Reader, version: str) -> None:
    for command in PUBLISH:
        reader.run(command.format(version))


@pytest.fixture
def old_and_new(reader: Reader) -> Reader:
    """Three hosts on 1.0.0; 1.1.0 is promoted."""
    write_files(reader)
    reader.run('ansible localhost -m relmgmt.release.dml_repository -a "teams=web environments=prod"')
    (reader.work / "app" / "gone.txt").write_text("only in 1.0.0\n")
    publish(reader, "1.0.0")
    reader.edit("release.yml", "version: 1.0.0", "version: 1.1.0")
    (reader.work / "app" / "gone.txt").unlink()
    (reader.work / "app" / "new.txt").write_text("only in 1.1.0\n" * 100)
    reader.edit("app/server.py", "import json", "import json  # 1.1.0")
    publish(reader, "1.1.0")
    reader.run(f"{ROLL_OUT} {WAIVED} -e relmgmt_version=1.0.0")
    return reader


@pytest.fixture
def fleet(old_and_new: Reader) -> Fleet:
    """Two hosts on 1.0.0 and one on 1.1.0, of which one got another value meanwhile; all are to run 1.1.0."""
    reader = old_and_new
    reader.run(f"{ROLL_OUT} {WAIVED} -e relmgmt_target=web-3")
    own = "web-2: {relmgmt_config__80_host: {web/hello: {"
    reader.edit("hosts.yml", own, own + "greeting: Hi, ")
    transfers = reader.work / "cache" / "transfers"
    for path in transfers.iterdir():  # what is sent is packed anew
        path.unlink()
    before = {host: look(reader, host) for host in HOSTS}
    shown = reader.run(f"{ROLL_OUT.replace('.rollout', '.plan')} {WAIVED} -e relmgmt_plan_file=preview.json")
    checked = reader.run(f"{ROLL_OUT} {WAIVED} --check")
    assert {host: look(reader, host) for host in HOSTS} == before
    assert list(transfers.iterdir()) == []
    reader.run(f"{ROLL_OUT} {WAIVED}")
    newest = rollouts(reader)[0]
    return Fleet(
        preview=json.loads((reader.work / "preview.json").read_text()),
        shown=shown,
        checked=checked,
        before=before,
        after={host: look(reader, host) for host in HOSTS},
        waves=[wave["hosts"] for wave in newest["waves"] if wave["index"]],
        sent={path.stat().st_size for path in transfers.iterdir()},
    )


def untrue(preview: Data, fleet: Fleet) -> list[str]:
    """What the preview said that did not come so."""
    found = [] if [wave["hosts"] for wave in preview["waves"]] == fleet.waves else ["waves"]
    moved = {host["send"] for host in preview["hosts"].values() if host["action"] == "deploy"}
    found += [] if moved == fleet.sent else ["bytes"]
    for host, said in preview["hosts"].items():
        group = {} if said["group"] is None else preview["groups"][said["group"]]
        found += [f"{host}: {what}" for what in _untrue(group, fleet.before[host], fleet.after[host])]
    return found


def _untrue(group: Data, before: Data, after: Data) -> collections.abc.Iterator[str]:
    old, new = before["files"], after["files"]
    happened = {
        name: "added" if name not in old else "removed" if name not in new else "changed"
        for name in {*old, *new}
        if old.get(name) != new.get(name)
    }
    items = {f"release/{item['name']}": item for item in group.get("files", ())}
    items |= {f"profile/{item['name']}": item for item in group.get("rendered", ())}
    if {name: item["change"] for name, item in items.items()} != happened:
        yield "files"
    if any(len(new.get(name, old.get(name, b""))) != item["size"] for name, item in items.items() if "size" in item):
        yield "sizes"
    if ("restarted" in group.get("service", "")) != (before["service"] != after["service"]):
        yield "service"


def _falsified(preview: Data, *, sizes: bool = True) -> collections.abc.Iterator[tuple[str, Data]]:
    """The preview, each time with another thing in it that is not so. sizes: whether it tells those."""

    def change(act: collections.abc.Callable[[Data], object]) -> Data:
        other = copy.deepcopy(preview)
        act(other)
        return other

    group = preview["hosts"]["web-1"]["group"]
    yield "waves", change(lambda made: made["waves"].reverse())
    yield "bytes", change(lambda made: made["hosts"]["web-1"].update(send=1))
    yield "web-1: files", change(lambda made: made["groups"][group]["files"].pop())
    if sizes:
        yield "web-1: sizes", change(lambda made: made["groups"][group]["files"][0].update(size=1))
    yield "web-1: service", change(lambda made: made["groups"][group].update(service=""))
    if sizes:
        yield "web-3: files", change(lambda made: made["hosts"]["web-3"].update(group=group))


def test_what_the_preview_says_is_what_check_mode_says_and_what_happens(fleet: Fleet) -> None:
    assert untrue(fleet.preview, fleet) == []
    (told,) = TOLD.findall(fleet.shown)
    assert TOLD.findall(fleet.checked) == [told]
    groups = {host: fleet.preview["hosts"][host]["group"] for host in HOSTS}
    assert groups["web-3"] is None and groups["web-1"] != groups["web-2"]
    names = [[item["name"] for item in fleet.preview["groups"][groups[host]]["configuration"]] for host in HOSTS[:2]]
    assert names == [[], ["greeting"]]
    # And what is not so would be found.
    for what, other in _falsified(fleet.preview):
        assert what in untrue(other, fleet)


# --- rollbacks, rehearsals, and parts of a rollout ---

ROUNDS = re.compile(r"^Rounds$.*?(?=^Hosts$)", re.DOTALL | re.MULTILINE)
TO_OLD = "-e relmgmt_version=1.0.0"


def plan_of(reader: Reader, variables: str, *, code: int = 0) -> tuple[Data, str]:
    """The preview as data, and as it is shown."""
    command = f"{ROLL_OUT.replace('.rollout', '.plan')} {variables} -e relmgmt_plan_file=preview.json"
    shown = reader.run(command, code=code)
    return json.loads((reader.work / "preview.json").read_text()), shown


def untouched(reader: Reader, before: dict[str, Data]) -> bool:
    """Whether nothing was done, nor anything left that a dry run made."""
    left = [*(pathlib.Path(f"/run/user/{os.geteuid()}"), pathlib.Path("/dev/shm"), pathlib.Path("/tmp"))]
    made = [path for place in left for path in place.glob(f"relmgmt-{os.geteuid()}/check-*")]
    mine = [path for path in made if str(reader.work) in str(path)]
    return not mine and {host: look(reader, host) for host in HOSTS} == before


def test_a_rollback_does_what_its_preview_and_its_check_say(old_and_new: Reader) -> None:
    reader = old_and_new
    reader.run(f"{ROLL_OUT} {WAIVED}")
    before = {host: look(reader, host) for host in HOSTS}
    back = f"{ROLL_OUT.replace('.rollout', '.rollback')} {TO_OLD} -e relmgmt_strategy=rolling -e relmgmt_batch=2"
    preview, shown = plan_of(
        reader, f"-e relmgmt_plan_of=rollback {TO_OLD} -e relmgmt_strategy=rolling -e relmgmt_batch=2"
    )
    checked = reader.run(f"{back} --check")
    assert untouched(reader, before)
    (told,) = TOLD.findall(shown)
    assert TOLD.findall(checked) == [told]
    assert "Preview of the rollback of web/hello in prod to 1.0.0" in shown
    assert "app.service" not in told and "hello is restarted" in told
    assert {(host["before"], host["after"], host["leaves"], host["to"]) for host in preview["hosts"].values()} == {
        ("1.1.0", "1.0.0", 2, 1)
    }
    reader.run(back)
    waves = [wave["hosts"] for wave in rollouts(reader)[0]["waves"]]
    after = {host: look(reader, host) for host in HOSTS}
    done = Fleet(preview, shown, checked, before, after, waves, sent=set())
    assert [len(wave) for wave in waves] == [2, 1]
    assert untrue({**preview, "hosts": {name: {**host, "send": 0} for name, host in preview["hosts"].items()}},
                  done._replace(sent={0})) == []  # fmt: skip
    # And what is not so would be found.
    for what, other in _falsified(preview, sizes=False):
        assert what in untrue(other, done)


def test_everything_that_forbids_a_rollback_is_told_at_once(old_and_new: Reader) -> None:
    reader = old_and_new
    reader.edit("hosts.yml", "web-3:", "web-3: {ansible_connection: ssh, ansible_port: 1}\n        web-4:")
    preview, shown = plan_of(reader, "-e relmgmt_plan_of=rollback -e relmgmt_version=7", code=2)
    codes = {blocker["code"] for blocker in preview["blockers"]}
    assert {"version-not-held"} < codes and "The rollback would be refused" in shown


def test_a_rehearsal_does_what_its_preview_and_its_check_say(old_and_new: Reader) -> None:
    reader = old_and_new
    before = {host: look(reader, host) for host in HOSTS}
    one = "-e relmgmt_target=web-1"
    preview, shown = plan_of(reader, f"{one} -e relmgmt_plan_of=rehearsal")
    rehearse = f"{ROLL_OUT.replace('.rollout', '.rehearse')} {one}"
    checked = reader.run(f"{rehearse} --check")
    assert untouched(reader, before)
    assert not (reader.work / "keys" / "rehearsal.pem").exists()
    (told,) = ROUNDS.findall(shown)
    assert ROUNDS.findall(checked) == [told]
    assert [phase["phase"] for phase in preview["phases"]] == [
        "stage", "forward", "back", "stage_again", "forward_again", "back_again"
    ]  # fmt: skip
    (group,) = preview["groups"]
    assert (group["hosts"], group["before"], group["after"]) == (["web-1"], "1.0.0", "1.1.0")
    reader.run(rehearse)
    assert [wave["name"] for wave in rollouts(reader)[0]["waves"]] == [phase["phase"] for phase in preview["phases"]]
    assert {host: look(reader, host)["files"] for host in HOSTS} == {host: before[host]["files"] for host in HOSTS}
    again, _shown = plan_of(reader, f"{one} -e relmgmt_plan_of=rehearsal -e relmgmt_rehearse_leave=new")
    assert [phase["phase"] for phase in again["phases"]][-1] == "forward_again"
    # The release that runs already, and a key that is gone.
    (reader.work / "keys" / "rehearsal.pem").unlink()
    reader.run(f"{ROLL_OUT} -e relmgmt_target=web-2 {WAIVED}")
    refused, shown = plan_of(reader, "-e relmgmt_target=web-2 -e relmgmt_plan_of=rehearsal", code=2)
    assert {blocker["code"] for blocker in refused["blockers"]} == {"rehearsal-pointless", "key-missing"}


def test_a_part_of_a_rollout_does_what_its_preview_and_its_check_say(old_and_new: Reader) -> None:
    reader = old_and_new
    before = {host: look(reader, host) for host in HOSTS}
    reader.run(f"{ROLL_OUT.replace('.rollout', '.stage')} {WAIVED}")
    (row, *_older) = rollouts(reader)
    waves = [wave["hosts"] for wave in row["plan"]["waves"]]
    ((canary,), others) = waves
    join = f"-e relmgmt_rollout_id={row['id']} --limit {canary} {WAIVED}"
    preview, shown = plan_of(reader, join)
    checked = reader.run(f"{ROLL_OUT} {join} --check")
    assert untouched(reader, before)
    (told,) = TOLD.findall(shown)
    assert TOLD.findall(checked) == [told]
    assert [wave["hosts"] for wave in preview["waves"]] == waves
    assert [wave["own"] for wave in preview["waves"]] == [[canary], []]
    assert {name: host["elsewhere"] for name, host in preview["hosts"].items()} == {
        canary: "", **dict.fromkeys(others, "staged")
    }  # fmt: skip
    assert f"This job joins rollout {row['id']} with 1 of its 3 hosts" in shown
    assert f"{canary}" in told and "of this job" in told
    reader.run(f"{ROLL_OUT} {join}")
    changed = [host for host in HOSTS if look(reader, host)["files"] != before[host]["files"]]
    assert changed == [
        name for name, host in preview["hosts"].items() if host["action"] == "deploy" and not host["elsewhere"]
    ]
    rest, shown = plan_of(reader, f"-e relmgmt_rollout_id={row['id']} --limit {others[0]} {WAIVED}")
    assert [wave["over"] for wave in rest["waves"]] == [True, False]
    assert rest["hosts"][canary]["elsewhere"] == "confirmed"
    refused, shown = plan_of(reader, "-e relmgmt_rollout_id=nothing --limit web-1 -e relmgmt_batch=some", code=2)
    assert "rollout-unknown" in {blocker["code"] for blocker in refused["blockers"]}
