# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file system in memory: to programs it is as Linux, to a power loss as POSIX allows."""

from __future__ import annotations

import os
import pathlib
import stat
import tempfile
import typing as t

import pytest

pytest.importorskip("hypothesis", reason="the random part needs hypothesis")

from hypothesis import given, settings
from hypothesis import strategies as st

from .calls import Calls
from .filesystem import FileSystem, remains

A, B, C = b"one\n", b"two\n", b"three\n"


@pytest.fixture
def calls() -> Calls:
    """An empty directory /d."""
    made = Calls(FileSystem(), lambda what: None)
    made.mkdir("/d")
    made.sync()
    return made


def write(calls: Calls, path: str, data: bytes, *, sync: bool = False) -> None:
    handle = calls.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    calls.write(handle, data)
    if sync:
        calls.fsync(handle)
    calls.close(handle)


def sync_directory(calls: Calls, path: str) -> None:
    handle = calls.open(path, os.O_RDONLY | os.O_DIRECTORY)
    calls.fsync(handle)
    calls.close(handle)


def read(calls: Calls, path: str) -> bytes | None:
    if not calls.path.exists(path):
        return None
    handle = calls.open(path, os.O_RDONLY)
    data = calls.read(handle, 1 << 20)
    calls.close(handle)
    return data


def after_a_crash(calls: Calls, path: str) -> set[bytes | None]:
    """Everything that may be in the file after a power loss."""
    found: set[bytes | None] = set()
    pending: list[list[int]] = [[]]
    while pending:
        loss = pending.pop()
        asked, data = crashed(calls, path, loss)
        found.add(data)
        for depth in range(len(loss), len(asked)):
            pending += [[*loss, *[0] * (depth - len(loss)), other] for other in range(1, asked[depth])]
    return found


def crashed(calls: Calls, path: str, loss: list[int]) -> tuple[list[int], bytes | None]:
    """Between how many possibilities was chosen, each time, and what is in the file then."""
    asked: list[int] = []

    def choose(possibilities: int) -> int:
        asked.append(possibilities)
        return loss[len(asked) - 1] if len(asked) <= len(loss) else 0

    system = calls._system.copy()
    system.crash(choose)
    return asked, read(Calls(system, lambda what: None), path)


def test_what_was_not_synced_is_lost_kept_or_kept_in_part(calls: Calls) -> None:
    write(calls, "/d/file", A, sync=True)
    sync_directory(calls, "/d")
    write(calls, "/d/file", C)
    found = after_a_crash(calls, "/d/file")
    assert {A, A + C, A + bytes(len(C)), A + bytes(len(C) - 1) + b"\n"} < found
    assert all(data is not None and data.startswith(A) for data in found)


def test_what_was_synced_stays(calls: Calls) -> None:
    write(calls, "/d/file", A, sync=True)
    sync_directory(calls, "/d")
    assert after_a_crash(calls, "/d/file") == {A}


def test_a_synced_file_without_its_synced_name_may_be_gone(calls: Calls) -> None:
    write(calls, "/d/file", A, sync=True)
    assert after_a_crash(calls, "/d/file") == {None, A}


def test_a_synced_name_without_synced_bytes_may_be_empty_or_zeros(calls: Calls) -> None:
    write(calls, "/d/file", A)
    sync_directory(calls, "/d")
    found = after_a_crash(calls, "/d/file")
    assert {b"", bytes(4), A} < found and None not in found


def test_a_rename_happens_or_does_not(calls: Calls) -> None:
    for name, data in (("file", A), ("new", B)):
        write(calls, "/d/" + name, data, sync=True)
    sync_directory(calls, "/d")
    calls.replace("/d/new", "/d/file")
    assert after_a_crash(calls, "/d/file") == {A, B}
    assert after_a_crash(calls, "/d/new") == {B, None}


def test_changes_of_one_name_keep_their_order(calls: Calls) -> None:
    for data in (A, B):
        write(calls, "/d/new", data, sync=True)
        calls.replace("/d/new", "/d/file")
    write(calls, "/d/new", C, sync=True)
    assert after_a_crash(calls, "/d/file") == {None, A, B}
    assert after_a_crash(calls, "/d/new") == {None, A, B, C}


def test_an_unlink_that_was_not_synced_may_be_undone(calls: Calls) -> None:
    write(calls, "/d/file", A, sync=True)
    sync_directory(calls, "/d")
    calls.unlink("/d/file")
    assert after_a_crash(calls, "/d/file") == {None, A}
    sync_directory(calls, "/d")
    assert after_a_crash(calls, "/d/file") == {None}


def test_a_mode_that_was_not_synced_may_be_the_old_one(calls: Calls) -> None:
    calls.chmod("/d", 0o700)
    modes = set()
    for chosen in (0, 1):
        system = calls._system.copy()
        system.crash(lambda possibilities, chosen=chosen: chosen)  # type: ignore[misc]
        modes.add(stat.S_IMODE(Calls(system, lambda what: None).stat("/d").st_mode))
    assert modes == {0o700, 0o755}


def test_the_death_of_a_process_loses_nothing_but_its_open_files(calls: Calls) -> None:
    handle = calls.open("/d/file", os.O_WRONLY | os.O_CREAT, 0o644)
    calls.write(handle, A)
    calls._system.kill()
    assert read(calls, "/d/file") == A
    with pytest.raises(OSError, match="Bad file descriptor"):
        calls.write(handle, B)


def test_a_sync_of_everything_is_one(calls: Calls) -> None:
    calls.mkdir("/d/e")
    write(calls, "/d/e/file", A)
    calls.sync()
    assert after_a_crash(calls, "/d/e/file") == {A}


def test_a_copy_is_another_file_system(calls: Calls) -> None:
    write(calls, "/d/file", A)
    other = Calls(calls._system.copy(), lambda what: None)
    write(other, "/d/file", B)
    calls.unlink("/d/file")
    assert (read(calls, "/d/file"), read(other, "/d/file")) == (None, A + B)
    assert after_a_crash(other, "/d/file") >= {None, b"", A, A + B}


@pytest.mark.parametrize("kept, data", [(b"", A), (A, A + C), (A + b"torn", A + C), (A, A)])
def test_the_old_and_the_new_bytes_are_among_what_may_remain(kept: bytes, data: bytes) -> None:
    found = remains(kept, data, {len(data)})
    assert {kept, data} <= set(found) and found[-1] == data and len(found) == len(set(found))


# --- beside the real one ---

NAMES = st.sampled_from(["a", "b", "c/a", "c/b", "c", "link", "link/a", "dangling"])
CALLS = st.one_of(
    st.tuples(st.sampled_from(["mkdir", "unlink", "rmdir", "readlink", "list", "read", "kind", "make"]), NAMES),
    st.tuples(st.sampled_from(["append", "replace_bytes", "cut"]), NAMES, st.sampled_from([A, B, C])),
    st.tuples(st.sampled_from(["rename", "symlink"]), NAMES, NAMES),
)


def carry_out(system: t.Any, root: str, call: tuple[t.Any, ...]) -> t.Any:
    """What a call gives, or the number of its error."""
    what, path = call[0], f"{root}/{call[1]}"
    try:
        if what in ("append", "replace_bytes", "cut"):
            flags = {"append": os.O_APPEND, "replace_bytes": os.O_TRUNC, "cut": 0}[what]
            handle = system.open(path, os.O_WRONLY | os.O_CREAT | flags, 0o644)
            try:
                return system.ftruncate(handle, 2) if what == "cut" else system.write(handle, call[2])
            finally:
                system.close(handle)
        if what == "make":
            handle = system.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            return system.close(handle)
        if what == "read":
            handle = system.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                return system.read(handle, 100)
            finally:
                system.close(handle)
        if what == "kind":
            asked = [ask(path) for ask in (system.path.lexists, system.path.isdir, system.path.isfile)]
            return [*asked, system.path.islink(path), stat.S_IFMT(system.lstat(path).st_mode)]
        if what == "list":
            return sorted(system.listdir(path))
        if what == "rename":
            return system.rename(path, f"{root}/{call[2]}")
        if what == "symlink":
            return system.symlink(call[2], path)
        return getattr(system, what)(path)
    except OSError as exc:
        return exc.errno


def across(call: tuple[t.Any, ...]) -> bool:
    return call[0] == "rename" and bool(os.path.dirname(call[1]) != os.path.dirname(call[2]))


@settings(max_examples=120, deadline=None, derandomize=True, database=None)
@given(st.lists(CALLS.filter(lambda call: not across(call)), max_size=25))
def test_programs_see_what_they_see_on_linux(made: list[tuple[t.Any, ...]]) -> None:
    memory = Calls(FileSystem(), lambda what: None)
    memory.mkdir("/r")
    with tempfile.TemporaryDirectory() as real:
        for system, root in ((os, real), (memory, "/r")):
            system.mkdir(f"{root}/c")
            system.symlink("c", f"{root}/link")
            system.symlink("nothing", f"{root}/dangling")
        for call in made:
            assert carry_out(memory, "/r", call) == carry_out(os, real, call), call
        everything = {str(path.relative_to(real)) for path in pathlib.Path(real).rglob("*")}
        assert everything == set(below(memory, "/r"))


def below(calls: Calls, directory: str, prefix: str = "") -> t.Iterator[str]:
    for name in calls.listdir(directory):
        yield prefix + name
        path = f"{directory}/{name}"
        if calls.path.isdir(path) and not calls.path.islink(path):
            yield from below(calls, path, f"{prefix}{name}/")
