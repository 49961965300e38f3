# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine's bytecode beside it: used where nobody else can have written it and it is whole, else as if there were
none."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
import pathlib
import subprocess
import sys
import typing as t
import zipfile

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host import compiled, compiling
from ansible_collections.relmgmt.release.plugins.module_utils._host.compiled import file_name, usable
from ansible_collections.relmgmt.release.plugins.module_utils._host.compiling import keep
from ansible_collections.relmgmt.release.plugins.module_utils._host.engines import unneeded

from .engine import Host
from .test_engine import V1, V2

UTILS = pathlib.Path(compiled.__file__).parents[1]
SCRIPT = """import sys
sys.path.insert(0, sys.argv[1])
from relmgmt_host._host.compiled import prefer
with open(sys.argv[1], "rb") as file:
    print(prefer(file.read(), sys.argv[2]))
from relmgmt_host._host import main
from relmgmt_host._model import runtime
print(main.__spec__.origin, runtime.__spec__.origin, main.main.__code__.co_filename)
"""


def packed(note: str = "") -> bytes:
    """The engine as a host gets it; another one with another note."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("__main__.py", "raise SystemExit('not to be compiled')")
        archive.writestr("relmgmt_host/__init__.py", note)
        for package in ("_host", "_model"):
            for path in (UTILS / package).glob("*.py"):
                archive.writestr(f"relmgmt_host/{package}/{path.name}", path.read_bytes())
    return buffer.getvalue()


ENGINE = packed()
BYTECODE = compiling.compiled(ENGINE)


def sound(engine: bytes, directory: pathlib.Path) -> bool:
    """Whether the engine's bytecode in the directory is usable."""
    handle = usable(engine, str(directory))
    if handle is not None:
        os.close(handle)
    return handle is not None


@pytest.fixture
def instance(tmp_path: pathlib.Path) -> pathlib.Path:
    """An instance that the engine was installed in, with its bytecode."""
    directory = home(tmp_path)
    directory.mkdir(parents=True)
    (directory / "relmgmt-host.pyz").write_bytes(ENGINE)
    (directory / file_name()).write_bytes(BYTECODE)
    (directory / file_name()).chmod(0o644)
    return tmp_path


def home(instance: pathlib.Path) -> pathlib.Path:
    return instance / "bin" / hashlib.sha256(ENGINE).hexdigest()


def started(instance: pathlib.Path) -> list[str]:
    """Start the engine: whether it takes bytecode, where two of its modules come from, and what its code says."""
    argv = [sys.executable, "-I", "-S", "-c", SCRIPT, str(home(instance) / "relmgmt-host.pyz"), str(instance)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_modules_come_from_the_bytecode(instance: pathlib.Path) -> None:
    taken, *origins, said = started(instance)
    assert (taken, said) == ("True", "relmgmt-host.pyz/relmgmt_host/_host/main.py")
    assert all(path.startswith("/proc/self/fd/") and path.endswith(".pyc") for path in origins), origins


def test_without_bytecode_they_come_from_the_engine(instance: pathlib.Path) -> None:
    (home(instance) / file_name()).unlink()
    taken, *origins = started(instance)
    assert taken == "False"
    assert all(path.startswith(str(home(instance) / "relmgmt-host.pyz")) for path in origins), origins


def truncated(path: pathlib.Path) -> None:
    path.write_bytes(BYTECODE[:-1000])


def empty(path: pathlib.Path) -> None:
    path.write_bytes(b"")


def damaged(path: pathlib.Path) -> None:
    middle = len(BYTECODE) // 2
    path.write_bytes(BYTECODE[:middle] + bytes([BYTECODE[middle] ^ 1]) + BYTECODE[middle + 1 :])


def of_another_engine(path: pathlib.Path) -> None:
    path.write_bytes(compiling.compiled(packed("another = True")))


def of_another_interpreter(path: pathlib.Path) -> None:
    other = (importlib.util.MAGIC_NUMBER[0] ^ 1).to_bytes(1, "little") + importlib.util.MAGIC_NUMBER[1:]
    path.write_bytes(BYTECODE.replace(importlib.util.MAGIC_NUMBER.hex().encode(), other.hex().encode(), 1))


def writable_by_others(path: pathlib.Path) -> None:
    path.chmod(0o646)


def writable_by_a_group(path: pathlib.Path) -> None:
    path.chmod(0o664)


def in_a_directory_that_others_may_write(path: pathlib.Path) -> None:
    path.parent.chmod(0o777)


def below_a_directory_that_others_may_write(path: pathlib.Path) -> None:
    path.parents[1].chmod(0o777)


def a_link(path: pathlib.Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def a_second_name(path: pathlib.Path) -> None:
    os.link(str(path), str(path.with_name("elsewhere")))


def a_directory(path: pathlib.Path) -> None:
    path.unlink()
    path.mkdir()


def a_pipe(path: pathlib.Path) -> None:
    path.unlink()
    os.mkfifo(str(path))


SPOILT = [
    truncated,
    empty,
    damaged,
    of_another_engine,
    of_another_interpreter,
    writable_by_others,
    writable_by_a_group,
    in_a_directory_that_others_may_write,
    below_a_directory_that_others_may_write,
    a_link,
    a_second_name,
    a_directory,
    a_pipe,
]


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__)
def test_what_is_not_whole_or_may_be_somebody_elses_counts_as_none(
    instance: pathlib.Path, spoil: t.Callable[[pathlib.Path], None]
) -> None:
    assert sound(ENGINE, home(instance))
    spoil(home(instance) / file_name())
    assert not sound(ENGINE, home(instance))


def test_that_of_somebody_else_counts_as_none(instance: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = os.geteuid()
    if user == 0:
        os.chown(str(home(instance) / file_name()), 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    assert not sound(ENGINE, home(instance))


def test_a_start_gets_over_damage(instance: pathlib.Path) -> None:
    damaged(home(instance) / file_name())
    assert started(instance)[0] == "False"


@pytest.mark.parametrize("where", ["", "relative", "/nowhere", "/with\0zero"])
def test_a_place_that_there_is_not_has_none(where: str) -> None:
    assert usable(ENGINE, where) is None


def test_it_is_written_once_and_again_when_it_is_spoilt(instance: pathlib.Path) -> None:
    path = home(instance) / file_name()
    before = path.stat().st_ino
    keep(ENGINE, home(instance))
    assert path.stat().st_ino == before
    damaged(path)
    keep(ENGINE, home(instance))
    assert sound(ENGINE, home(instance))
    assert sorted(os.listdir(str(home(instance)))) == [file_name(), "relmgmt-host.pyz"]


@pytest.mark.parametrize("engine", [b"engine", packed("this is no Python")], ids=["no zip", "no Python"])
def test_what_cannot_be_compiled_is_left(engine: bytes, tmp_path: pathlib.Path) -> None:
    keep(engine, tmp_path)
    assert os.listdir(str(tmp_path)) == []


def test_where_it_cannot_be_written_nothing_fails(tmp_path: pathlib.Path) -> None:
    keep(ENGINE, tmp_path / "missing")
    assert os.listdir(str(tmp_path)) == []


def staged(host: Host) -> pathlib.Path:
    """Deploy with a real engine; where that lies."""
    host.engine = ENGINE
    host.deploy(V1)
    return home(host.instance.path)


def test_a_stage_leaves_it_and_what_only_asks_does_not(host: Host) -> None:
    host.engine = ENGINE
    host.stage(V1, check=True)
    assert not home(host.instance.path).exists()
    directory = staged(host)
    assert sound(ENGINE, directory)
    (directory / file_name()).unlink()
    host.ask("info")
    host.ask("prune", check=True)
    assert not (directory / file_name()).exists()


def test_it_goes_with_its_engine(host: Host, tmp_path: pathlib.Path) -> None:
    directory = staged(host)
    host.engine = packed("newer = True")
    for package in (V2, V1):
        host.deploy(package)
    assert unneeded(host.instance, [2, 3], units=tmp_path, proc=tmp_path) == [directory.name]
    host.ask("prune", keep=0)
    assert not directory.exists()
