# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guide "your first rollout", followed to the letter: its files are written, its commands are run."""

from __future__ import annotations

import re

from .conftest import Reader, write_files


def test_the_guide_holds_what_it_says(reader: Reader) -> None:
    commands = write_files(reader)
    make, package, promote, info, rehearse, preview, look, roll_out, ask, *_again = [
        line for line in commands if line.startswith(("ansible", "curl"))
    ]
    (waiver,) = [line.strip() for line in commands if "relmgmt_rehearsal=waived" in line]
    roll_back, history = [line for line in commands if "rollback" in line or "rollout_info" in line]
    (status,) = [line for line in commands if line.startswith("python3")]

    def publish(version: str) -> None:
        for command in (package, promote):
            reader.run(command.replace("1.0.0", version))

    reader.run(make)
    publish("1.0.0")
    assert "prod" in reader.run(info)

    assert "nobody has rehearsed it" in reader.run(roll_out, code=2)
    assert "rehearsed and signed" in reader.run(rehearse)
    assert not (reader.work / "hosts/web-1/web/hello/main/current").exists()

    assert "Nothing stands in the way." in reader.run(preview)
    predicted = reader.run(look)
    assert not (reader.work / "hosts/web-2").exists() and "release/app/server.py" in predicted
    assert "rehearsed from absent" in reader.run(roll_out)
    assert reader.ask(ask) == "Good day\n"
    assert not re.search(r"changed=[1-9]", reader.run(roll_out))

    reader.edit("app/server.py", "200", "500")
    reader.edit("release.yml", "version: 1.0.0", "version: 1.1.0")
    publish("1.1.0")
    assert "probe web is red" in reader.run(rehearse, code=2)
    assert "nobody has rehearsed it" in reader.run(roll_out, code=2)
    assert "probe web is red" in reader.run(f"{roll_out} {waiver}", code=2)
    assert reader.ask(ask) == "Good day\n"

    reader.edit("app/server.py", "500", "200")
    reader.edit("release.yml", "version: 1.1.0", "version: 1.1.1")
    publish("1.1.1")
    reader.run(rehearse)
    reader.run(roll_out)
    assert "version 1.1.1" in reader.run(status)
    reader.run(roll_back)
    assert "CONFIRMED, version 1.0.0" in reader.run(status)
    assert not re.search(r"changed=[1-9]", reader.run(roll_back))
    assert '"kind": "rollback"' in reader.run(history)
