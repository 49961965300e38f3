# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One command on all hosts at once, with a shell in place of ssh."""

from __future__ import annotations

import pathlib
import subprocess

EACH = pathlib.Path(__file__).with_name("each.sh")
LOGIN = ("bash", "-c", 'cat >"$0"; eval "$1"')  # the address is a file, which gets standard input


def each(tmp_path: pathlib.Path, command: str) -> int:
    (tmp_path / "input").write_text("bytes")
    addresses = [str(tmp_path / name) for name in ("a", "b", "c")]
    line = ["bash", str(EACH), str(tmp_path / "input"), command, *addresses, "--", *LOGIN]
    return subprocess.run(line, check=False).returncode


def test_every_host_gets_all_of_the_input(tmp_path: pathlib.Path) -> None:
    assert each(tmp_path, "true") == 0
    assert [(tmp_path / name).read_text() for name in ("a", "b", "c")] == ["bytes"] * 3


def test_one_host_that_fails_fails_all(tmp_path: pathlib.Path) -> None:
    assert each(tmp_path, "[[ $0 != */b ]] || exit 7") == 7
