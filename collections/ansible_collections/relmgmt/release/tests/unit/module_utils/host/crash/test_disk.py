# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``Disk`` alone: a step of it is done or not done, and what it has answered for is on the disk, also when it repeats
what a killed one had half done."""

from __future__ import annotations

import pathlib
import stat
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host.disk import TEMPORARY, Disk

from .explore import next_loss
from .strikes import Strike
from .world import World

HERE = pathlib.Path("/srv/team/app/main")
Act = t.Callable[[Disk], t.Any]
T = t.TypeVar("T")


def nothing(_disk: Disk) -> None:
    """Begin with an empty directory."""


def left(before: Act, act: Act, seen: t.Callable[[World], T], *, again: bool = False) -> list[T]:
    """What is seen of each host on which ``act`` was struck: by a loss of power, or (``again``) by a kill, after which
    it was done once more before the power failed. Before each step; and of what is lost then, each choice."""
    host = World()
    host.attempt(lambda: before(Disk(HERE)))
    host.system.sync()
    whole = host.copy()
    whole.attempt(lambda: act(Disk(HERE)))
    found = []
    for at in range(whole.steps - host.steps + 1):
        loss: tuple[int, ...] | None = ()
        while loss is not None:
            world = host.copy()
            world.expect([Strike(at, power=not again, loss=loss)])
            world.attempt(lambda: act(Disk(HERE)))
            if again:
                world.calm()
                world.attempt(lambda: act(Disk(HERE)))
                world.fail(loss)
            found.append(seen(world))
            loss = next_loss(loss, world.asked)
    return found


def of(ask: Act) -> t.Callable[[World], t.Any]:
    return lambda world: world.look_at(lambda instance: ask(instance.disk))


def mode(world: World, path: str) -> int | None:
    path = str(HERE / path)
    return stat.S_IMODE(world.calls.stat(path).st_mode) if world.calls.path.exists(path) else None


def make_tree(disk: Disk) -> None:
    directory = disk.temporary("trees", "new")
    Disk(directory).write(b"whole", "file")
    disk.flush()
    disk.settle(directory, "trees", "new", mode=0o555)


def test_a_file_holds_the_old_or_the_new_bytes() -> None:
    def write(disk: Disk) -> None:
        disk.write(b"new bytes", "file", mode=0o640)

    def seen(world: World) -> tuple[bytes | None, int | None]:
        return of(lambda disk: disk.read("file"))(world), mode(world, "file")

    def before(disk: Disk) -> None:
        disk.write(b"old", "file", mode=0o600)

    assert set(left(before, write, seen)) == {(b"old", 0o600), (b"new bytes", 0o640)}
    assert set(left(before, write, seen, again=True)) == {(b"new bytes", 0o640)}


@pytest.mark.parametrize("before", [[], [b"one"]])
def test_a_line_of_a_ledger_is_there_or_not(before: list[bytes]) -> None:
    lines = of(lambda disk: tuple(disk.lines("ledger")))

    def fill(disk: Disk) -> None:
        for line in before:
            disk.append(line, "ledger")

    def append(disk: Disk) -> None:
        disk.append(b"a new line", "ledger")

    assert set(left(fill, append, lines)) == {tuple(before), (*before, b"a new line")}
    twice = left(fill, append, lines, again=True)
    assert {found[: len(before) + 1] for found in twice} == {(*before, b"a new line")}


def test_what_somebody_else_wrote_can_be_made_durable() -> None:
    host = World()
    host.expect([Strike(4)])  # its name is there, its bytes are written, and not synced
    host.attempt(lambda: Disk(HERE).append(b"line", "ledger"))
    for act, seen in ((nothing, []), (lambda disk: disk.sync("ledger"), [b"line"])):
        world = host.copy()
        world.attempt(lambda act=act: act(Disk(HERE)))  # type: ignore[misc]
        world.fail(())
        assert of(lambda disk: disk.lines("ledger"))(world) == seen
    host.attempt(lambda: Disk(HERE).sync("nothing"))


@pytest.mark.parametrize("tail", [b"torn", b"\0\0\0\0", b"\0\0rn\n", b"to\0\0\n"])
def test_what_a_crash_left_of_a_line_does_not_come_back(tail: bytes) -> None:
    def tear(disk: Disk) -> None:
        disk.append(b"one", "ledger")
        disk.write((disk.read("ledger") or b"") + tail, "ledger")

    def append(disk: Disk) -> None:
        disk.append(b"two", "ledger")

    found = left(tear, append, of(lambda disk: tuple(disk.lines("ledger"))))
    assert set(found) == {(b"one",), (b"one", b"two")}


def test_a_link_leads_to_the_old_or_the_new_target() -> None:
    def point(disk: Disk) -> None:
        disk.point("new", "link")

    target = of(lambda disk: disk.target("link"))
    assert set(left(lambda disk: disk.point("old", "link"), point, target)) == {"old", "new"}
    assert set(left(lambda disk: disk.point("old", "link"), point, target, again=True)) == {"new"}
    assert set(left(nothing, point, target, again=True)) == {"new"}


def test_a_tree_has_its_name_when_it_is_whole_and_has_its_mode() -> None:
    def seen(world: World) -> tuple[bytes | None, int | None]:
        return of(lambda disk: disk.read("trees", "new", "file"))(world), mode(world, "trees/new")

    assert set(left(nothing, make_tree, seen)) == {(None, None), (b"whole", 0o555)}
    assert set(left(nothing, make_tree, seen, again=True)) == {(b"whole", 0o555)}


def test_a_tree_that_is_removed_is_never_half_there() -> None:
    def remove(disk: Disk) -> None:
        disk.remove("trees", "new")

    def seen(world: World) -> t.Any:
        return of(lambda disk: (tuple(disk.names("trees")), disk.read("trees", "new", "file")))(world)

    assert set(left(make_tree, remove, seen)) == {(("new",), b"whole"), ((), None)}
    assert set(left(make_tree, remove, seen, again=True)) == {((), None)}


def test_a_link_that_is_removed_stays_so() -> None:
    exists = of(lambda disk: disk.exists("link"))
    assert set(left(lambda disk: disk.point("old", "link"), lambda disk: disk.remove("link"), exists)) == {True, False}
    gone = left(lambda disk: disk.point("old", "link"), lambda disk: disk.remove("link"), exists, again=True)
    assert set(gone) == {False}


def test_what_was_interrupted_has_a_temporary_name_that_a_sweep_removes() -> None:
    def everything(disk: Disk) -> None:
        disk.write(b"new", "file")
        disk.point("new", "link")
        make_tree(disk)
        disk.remove("trees", "new")

    def swept(world: World) -> tuple[bool, bool]:
        before = any(TEMPORARY in name for name in names(world))
        world.attempt(lambda: Disk(HERE).sweep())
        return before, any(TEMPORARY in name for name in names(world))

    def names(world: World) -> list[str]:
        paths = [str(HERE), *(f"{HERE}/{name}" for name in world.calls.listdir(str(HERE)))]
        return [name for path in paths if world.calls.path.isdir(path) for name in world.calls.listdir(path)]

    assert set(left(nothing, everything, swept)) == {(False, False), (True, False)}
