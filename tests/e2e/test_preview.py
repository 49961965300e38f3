# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Preview, check mode and the rollout itself say and do the same, on the application of the guide."""

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
def fleet(reader: Reader) -> Fleet:
    """Two hosts on 1.0.0 and one on 1.1.0, of which one got another value meanwhile; all are to run 1.1.0."""
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


def _falsified(preview: Data) -> collections.abc.Iterator[tuple[str, Data]]:
    """The preview, each time with another thing in it that is not so."""

    def change(act: collections.abc.Callable[[Data], object]) -> Data:
        other = copy.deepcopy(preview)
        act(other)
        return other

    group = preview["hosts"]["web-1"]["group"]
    yield "waves", change(lambda made: made["waves"].reverse())
    yield "bytes", change(lambda made: made["hosts"]["web-1"].update(send=1))
    yield "web-1: files", change(lambda made: made["groups"][group]["files"].pop())
    yield "web-1: sizes", change(lambda made: made["groups"][group]["files"][0].update(size=1))
    yield "web-1: service", change(lambda made: made["groups"][group].update(service=""))
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
