# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unit kind ``wheels``: what is chosen, how it is laid out, and what is refused."""

from __future__ import annotations

import collections.abc
import hashlib
import pathlib
import subprocess
import sys
import zipfile

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.plugin_utils._package import Layout, build, unpack

Write = collections.abc.Callable[..., pathlib.Path]
MakeWheel = collections.abc.Callable[..., str]
ENTRY_POINTS = "[console_scripts]\nhello = demo:run\n"


def unpacked(path: pathlib.Path) -> pathlib.Path:
    """The tree of the unit, as a host would get it."""
    output, target = path.parent.parent / "out", path.parent.parent / "unpacked"
    build(path, output)
    unpack(Layout(output), target)
    return target / "units" / "app"


def refused(path: pathlib.Path) -> RelmgmtError:
    with pytest.raises(RelmgmtError) as caught:
        build(path, path.parent.parent / "out")
    assert not (path.parent.parent / "out").exists()
    return caught.value


def test_entry_point_runs_from_wherever_the_tree_lies(
    make_wheel: MakeWheel, write_wheels: Write, tmp_path: pathlib.Path
) -> None:
    pin = make_wheel(files={"demo-1.0.dist-info/entry_points.txt": ENTRY_POINTS})
    tree = unpacked(write_wheels(pin)).rename(tmp_path / "else where")
    script = tree / "bin" / "hello"
    assert script.read_text().startswith("#!/usr/bin/env python3\n")
    assert script.stat().st_mode & 0o777 == 0o755
    (tmp_path / "link").symlink_to(script)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", str(tmp_path / "link")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello\n", "")
    assert not (tree / "lib" / "demo-1.0.dist-info" / "RECORD").exists()


SCRIPT = """#!python
# -*- coding: utf-8 -*-
'''Says hello.'''
from __future__ import annotations
import demo; demo.run()
"""


def test_data_directories_are_laid_out(make_wheel: MakeWheel, write_wheels: Write) -> None:
    data = "demo-1.0.data/"
    pin = make_wheel(
        files={
            data + "purelib/pure.py": "1",
            data + "platlib/plat.py": "2",
            data + "data/share/note": "3",
            data + "headers/demo.h": "4",
            data + "scripts/say": SCRIPT,
            data + "scripts/raw": "#!/bin/sh\n",
        }
    )
    tree = unpacked(write_wheels(pin))
    places = ("lib/pure.py", "lib/plat.py", "share/note", "include/demo/demo.h", "bin/raw")
    assert [(tree / place).read_text() for place in places] == ["1", "2", "3", "4", "#!/bin/sh\n"]
    done = subprocess.run(
        [sys.executable, "-I", str(tree / "bin" / "say")], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("hello\n", "")
    assert (tree / "bin" / "say").read_text().startswith("#!/usr/bin/env python3\n# -*- coding: utf-8 -*-\n")


def test_first_declared_tag_wins(make_wheel: MakeWheel, write_wheels: Write) -> None:
    pins = [
        make_wheel(tag="py3-none-any", files={"demo/kind": "any"}),
        make_wheel(tag="cp311-cp311-manylinux_2_17_x86_64", files={"demo/kind": "linux"}),
        make_wheel(tag="py2.py3-none-any", build="7", files={"demo/kind": "any, build 7"}),
    ]
    line = pins[0] + "".join(" " + pin.partition(" ")[2] for pin in pins[1:])
    path = write_wheels(line, tags=["cp311-cp311-manylinux_2_17_x86_64", "py3-none-any"])
    assert (unpacked(path) / "lib/demo/kind").read_text() == "linux"
    path = write_wheels(line, tags=["py3-none-any", "cp311-cp311-manylinux_2_17_x86_64"])
    build(path, path.parent.parent / "second")
    unpack(Layout(path.parent.parent / "second"), path.parent.parent / "unpacked-2")
    assert (path.parent.parent / "unpacked-2/units/app/lib/demo/kind").read_text() == "any, build 7"


def test_missing_wheel_is_answered_with_the_command_that_gets_it(project: pathlib.Path, write_wheels: Write) -> None:
    error = refused(write_wheels("# all", "demo==1.0 \\", "    --hash=sha256:" + "0" * 64))
    assert error.code == "wheel-missing"
    assert error.message.startswith(f"{project / 'requirements.txt'}:2: demo 1.0")
    assert error.hint == (
        "Run: python3 -m pip download --require-hashes --no-deps --only-binary :all: "
        f"--dest {project / 'wheelhouse'} --requirement {project / 'requirements.txt'}"
    )


def test_command_names_the_platform_if_there_is_one(write_wheels: Write) -> None:
    tags = ["cp311-cp311-manylinux_2_17_x86_64", "py3-none-any"]
    error = refused(write_wheels("demo==1.0 --hash=sha256:" + "0" * 64, tags=tags))
    assert (
        "--implementation cp --python-version 3.11 --abi cp311 --abi none --platform manylinux_2_17_x86_64"
        in error.hint
    )


def test_wheel_with_another_digest_is_refused(make_wheel: MakeWheel, write_wheels: Write) -> None:
    make_wheel()
    assert refused(write_wheels("demo==1.0 --hash=sha256:" + "0" * 64)).code == "wheel-digest-mismatch"


def test_wheel_for_another_platform_is_refused(make_wheel: MakeWheel, write_wheels: Write) -> None:
    error = refused(write_wheels(make_wheel(tag="cp311-cp311-win_amd64")))
    assert error.code == "wheel-tags"
    assert "py3-none-any" in error.message


@pytest.mark.parametrize("tag", ["py3", "py3-none-any-any", "", "../x-y-z"])
def test_malformed_tag_is_refused(tag: str, make_wheel: MakeWheel, write_wheels: Write) -> None:
    error = refused(write_wheels(make_wheel(), tags=[tag]))
    assert error.code in ("wheel-tag-malformed", "release-invalid")
    assert "units.0.tags.0" in error.message


HASH = " --hash=sha256:" + "0" * 64
LINES = {
    "no hash": ("demo==1.0", "requirement-unpinned"),
    "a weak hash": ("demo==1.0 --hash=md5:" + "0" * 32, "requirement-unpinned"),
    "no version": ("demo" + HASH, "requirement-unpinned"),
    "a range": ("demo>=1.0" + HASH, "requirement-unpinned"),
    "a pattern": ("demo==1.*" + HASH, "requirement-unpinned"),
    "an address": ("demo @ https://example.net/demo.whl" + HASH, "requirement-unpinned"),
    "a marker": ("demo==1.0 ; python_version < '3.12'" + HASH, "requirement-marker"),
    "another file": ("-r other.txt", "requirement-option"),
    "an index": ("--index-url https://example.net", "requirement-option"),
    "nonsense": ("???" + HASH, "requirement-unpinned"),
}


@pytest.mark.parametrize("case", LINES)
def test_requirement_is_refused_for(case: str, project: pathlib.Path, write_wheels: Write) -> None:
    line, code = LINES[case]
    error = refused(write_wheels("# comment", "", line))
    assert error.code == code
    assert error.message.startswith(f"{project / 'requirements.txt'}:3:")


def test_requirement_that_is_pinned_twice_is_refused(write_wheels: Write) -> None:
    assert refused(write_wheels("demo==1.0" + HASH, "Demo==1.1" + HASH)).code == "requirement-repeated"


def test_collision_of_two_wheels_is_refused(make_wheel: MakeWheel, write_wheels: Write) -> None:
    pins = [make_wheel("one", files={"shared.py": "1"}), make_wheel("two", files={"shared.py": "2"})]
    error = refused(write_wheels(*pins))
    assert error.code == "wheel-collision"
    assert "lib/shared.py" in error.message


def test_same_bytes_in_two_wheels_are_no_collision(make_wheel: MakeWheel, write_wheels: Write) -> None:
    pins = [make_wheel("one", files={"shared.py": "1"}), make_wheel("two", files={"shared.py": "1"})]
    assert (unpacked(write_wheels(*pins)) / "lib/shared.py").read_text() == "1"


BROKEN: dict[str, tuple[dict[str, dict[str, str]], str]] = {
    "a file other than its RECORD": ({"record": {"demo/__init__.py": "sha256=" + "A" * 43}}, "wheel-record-mismatch"),
    "a file without a hash": ({"record": {"demo/__init__.py": ""}}, "wheel-record-mismatch"),
    "a weak hash": ({"record": {"demo/__init__.py": "md5=AAAA"}}, "wheel-record-mismatch"),
    "a file that is absent": ({"record": {"demo/gone.py": "sha256=" + "A" * 43}}, "wheel-record-mismatch"),
    "a path that climbs out": ({"files": {"../evil.py": "1"}}, "wheel-malformed"),
    "a path that is absolute": ({"files": {"/evil.py": "1"}}, "wheel-malformed"),
    "a data path that climbs out": ({"files": {"demo-1.0.data/data/../../evil": "1"}}, "wheel-malformed"),
    "an unknown scheme": ({"files": {"demo-1.0.data/stdlib/os.py": "1"}}, "wheel-malformed"),
    "another dist-info": ({"files": {"other-1.0.dist-info/METADATA": "1"}}, "wheel-malformed"),
    "a newer format": ({"files": {"demo-1.0.dist-info/WHEEL": "Wheel-Version: 2.0\n"}}, "wheel-malformed"),
    "an entry point that is code": (
        {"files": {"demo-1.0.dist-info/entry_points.txt": "[console_scripts]\nx = demo:run();import os\n"}},
        "wheel-malformed",
    ),
    "an entry point that climbs out": (
        {"files": {"demo-1.0.dist-info/entry_points.txt": "[console_scripts]\n../x = demo:run\n"}},
        "wheel-malformed",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_wheel_is_refused_for(case: str, make_wheel: MakeWheel, write_wheels: Write) -> None:
    arguments, code = BROKEN[case]
    error = refused(write_wheels(make_wheel(**arguments)))
    assert error.code == code
    assert "demo-1.0-py3-none-any.whl" in error.message


def test_wheel_file_without_record_line_is_refused(
    make_wheel: MakeWheel, write_wheels: Write, project: pathlib.Path
) -> None:
    make_wheel()
    path = project / "wheelhouse" / "demo-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("demo/extra.py", "1")
    error = refused(write_wheels(f"demo==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"))
    assert error.code == "wheel-record-mismatch"
    assert "demo/extra.py" in error.message
