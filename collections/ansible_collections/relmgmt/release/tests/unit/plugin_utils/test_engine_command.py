# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine's one file as a command on a host: found by a link, run by whatever Python there is."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import subprocess
import sys

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host.compiling import keep
from ansible_collections.relmgmt.release.plugins.plugin_utils._engine import BOOT, engine_bytes

LIMIT = 60.0
# What a start has to compile before it knows whether there is bytecode.
ALWAYS = {"relmgmt_host", "_host", "compiled", "exposed"}
# Put before a program: at its end it tells on standard error which modules of the engine were compiled.
WATCHED = """import atexit, json, sys
seen = set()
def watch(event, args):
    if event == "compile" and "/relmgmt_host/" in str(args[1]):
        parts = str(args[1])[: -len(".py")].split("/")
        seen.add(parts[-2] if parts[-1] == "__init__" else parts[-1])
sys.addaudithook(watch)
atexit.register(lambda: sys.stderr.write(json.dumps(sorted(seen))))
"""


@pytest.fixture
def tool(tmp_path: pathlib.Path) -> pathlib.Path:
    """A link to the command, as hosts have it."""
    path = tmp_path / "digest" / "relmgmt-host.pyz"
    path.parent.mkdir()
    path.write_bytes(engine_bytes())
    path.chmod(0o755)
    (tmp_path / "relmgmt-host").symlink_to("digest/relmgmt-host.pyz")
    return tmp_path / "relmgmt-host"


def run(*argv: str | pathlib.Path, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in argv], capture_output=True, text=True, env={"PATH": path}, timeout=LIMIT, check=False
    )


def test_it_is_the_same_bytes_every_time() -> None:
    first = engine_bytes()
    engine_bytes.cache_clear()
    assert engine_bytes() == first


def test_it_runs_by_its_name_and_by_a_python_that_is_named(tool: pathlib.Path) -> None:
    said = [run(tool, "--help"), run(sys.executable, tool, "--help")]
    assert [done.returncode for done in said] == [0, 0], said
    assert said[0].stdout == said[1].stdout and "exit codes:" in said[0].stdout


def test_its_exit_code_and_its_arguments_pass_through(tool: pathlib.Path, tmp_path: pathlib.Path) -> None:
    done = run(tool, "status", "--root", tmp_path / "of its own", "--json")
    assert done.returncode == 1
    assert f"Nothing was ever staged below {tmp_path}/of its own" in done.stdout
    assert run(tool).returncode == 2


def test_without_a_python_it_says_how_to_name_one(tool: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "empty").mkdir()
    done = run("/bin/sh", tool, "status", "team/app", path=str(tmp_path / "empty"))
    if done.returncode == 1:  # a host with /usr/libexec/platform-python has one all the same
        assert f"/its/path/python3 {tool} status team/app" in done.stderr


def test_a_python_that_is_too_old_is_passed_over(tool: pathlib.Path, tmp_path: pathlib.Path) -> None:
    directory = tmp_path / "path"
    directory.mkdir()
    (directory / "python3").write_text("#!/bin/sh\nexit 1\n")
    (directory / "python3").chmod(0o755)
    (directory / "python3.11").symlink_to(sys.executable)
    done = run("/bin/sh", tool, "--help", path=str(directory))
    assert done.returncode == 0, done


def test_the_link_may_lead_elsewhere_while_it_runs(tool: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Its parts are read when they are needed; they come from the engine that was started."""
    other = tmp_path / "other"
    other.write_bytes(b"something else")
    script = (
        "import os, runpy, sys\n"
        f"tool, other = {str(tool)!r}, {str(other)!r}\n"
        "class Swap:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'argparse':\n"
        "            os.replace(other, tool)\n"
        "sys.meta_path.insert(0, Swap())\n"
        "sys.argv = [tool, 'status', '--root', '/nowhere']\n"
        "runpy.run_path(tool, run_name='__main__')\n"
    )
    done = run(sys.executable, "-I", "-S", "-c", script)
    assert "There is no instance below /nowhere" in done.stderr, done
    assert tool.read_bytes() == b"something else"


@pytest.fixture
def instance(tmp_path: pathlib.Path) -> pathlib.Path:
    """An instance that holds the engine, as a stage leaves it."""
    directory = tmp_path / "srv" / "web" / "shop" / "main" / "bin" / hashlib.sha256(engine_bytes()).hexdigest()
    directory.mkdir(parents=True)
    (directory / "relmgmt-host.pyz").write_bytes(engine_bytes())
    keep(engine_bytes(), directory)
    return directory.parents[1]


def compiled_by(program: str, request: bytes = b"") -> tuple[str, set[str]]:
    """What a program said, and the engine's modules that it compiled."""
    argv = [sys.executable, "-I", "-S", "-c", WATCHED + program]
    done = subprocess.run(argv, input=request, capture_output=True, timeout=LIMIT, check=True)
    return done.stdout.decode(), set(json.loads(done.stderr))


def asked(instance: pathlib.Path) -> bytes:
    """A request about the instance."""
    params = {"root": str(instance.parents[2]), "package": "web/shop", "instance": "main"}
    header = json.dumps({"verb": "info", "params": params, "check": False, "payload": 0})
    return b"%d %s\n%s%s\n" % (len(engine_bytes()), os.fsencode(instance), engine_bytes(), header.encode())


def test_a_verb_compiles_nothing_where_a_stage_left_bytecode(instance: pathlib.Path) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in instance.rglob("*"))
    said, compiled = compiled_by(BOOT, asked(instance))
    assert '"outcome": "ok"' in said
    assert compiled == ALWAYS
    assert sorted((path, path.stat().st_mtime_ns) for path in instance.rglob("*")) == before


def test_a_verb_is_answered_all_the_same_without(instance: pathlib.Path) -> None:
    (found,) = instance.glob("bin/*/*.zip")
    found.write_bytes(found.read_bytes()[:-1])
    said, compiled = compiled_by(BOOT, asked(instance))
    assert '"outcome": "ok"' in said
    assert {"main", "info", "manifest"} <= compiled
    assert not compiled_by(BOOT, asked(instance.with_name("other")))[1] <= ALWAYS


def test_the_file_compiles_nothing_either_when_it_is_run(instance: pathlib.Path) -> None:
    (engine,) = instance.glob("bin/*/relmgmt-host.pyz")
    program = (
        f"import runpy, sys\nsys.argv = [{str(engine)!r}, '--help']\nrunpy.run_path(sys.argv[0], run_name='__main__')"
    )
    said, compiled = compiled_by(program)
    assert "exit codes:" in said
    assert compiled == ALWAYS
