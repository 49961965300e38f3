# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unit kind ``files``: what is carried, and what a package may not carry."""

from __future__ import annotations

import collections.abc
import os
import pathlib

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.module_utils._model.manifest import Entry
from ansible_collections.relmgmt.release.plugins.plugin_utils._package import Limits, build

Write = collections.abc.Callable[..., pathlib.Path]


def entries(path: pathlib.Path) -> dict[str, Entry]:
    manifest = build(path, path.parent.parent / "out").manifest
    return {entry.path: entry for entry in manifest.units[0].entries}


def test_tree_is_carried_with_links_and_plain_modes(project: pathlib.Path, write: Write) -> None:
    (project / "src" / "run").chmod(0o500)
    (project / "src" / "lib" / "module.py").chmod(0o600)
    found = entries(write())
    assert list(found) == ["data/uploads", "lib/module.py", "run", "start"]
    assert (found["run"].mode, found["lib/module.py"].mode) == ("0755", "0644")
    assert found["start"].link == "run"
    assert found["data/uploads"].state == "uploads"


def test_excluded_directory_is_not_even_looked_into(project: pathlib.Path, write: Write, release: dict) -> None:  # type: ignore[type-arg]  # any release
    (project / "src" / "cache").mkdir()
    (project / "src" / "cache" / "bad").symlink_to("/etc/passwd")
    unit = {**release["units"][0], "excludes": ["cache", "lib/*"]}
    assert sorted(entries(write(units=[unit]))) == ["data/uploads", "run", "start"]


def test_single_file_is_a_unit(project: pathlib.Path, write: Write, release: dict) -> None:  # type: ignore[type-arg]  # any release
    unit = {**release["units"][0], "source": "src/run"}
    assert list(entries(write(units=[unit], state=[]))) == ["run"]


def _link_out(src: pathlib.Path) -> None:
    (src / "out").symlink_to("../config.schema.json")


def _link_absolute(src: pathlib.Path) -> None:
    (src / "out").symlink_to("/etc/passwd")


def _link_through_link(src: pathlib.Path) -> None:
    (src / "here").symlink_to(".")
    (src / "out").symlink_to("here/../../config.schema.json")


def _link_inner_up(src: pathlib.Path) -> None:
    (src / "out").symlink_to("lib/../run")


def _dangling(src: pathlib.Path) -> None:
    (src / "out").symlink_to("gone")


def _pipe(src: pathlib.Path) -> None:
    os.mkfifo(src / "pipe")


def _setuid(src: pathlib.Path) -> None:
    (src / "run").chmod(0o4755)


def _setgid(src: pathlib.Path) -> None:
    (src / "run").chmod(0o2755)


def _backslash(src: pathlib.Path) -> None:
    (src / "a\\b").write_text("x")


def _not_utf8(src: pathlib.Path) -> None:
    pathlib.Path(os.fsdecode(os.fsencode(src) + b"/\xff")).write_text("x")


ATTACKS: dict[str, tuple[collections.abc.Callable[[pathlib.Path], None], str]] = {
    "a link out of the tree": (_link_out, "link-escapes"),
    "an absolute link": (_link_absolute, "link-escapes"),
    "a link out through a link": (_link_through_link, "link-escapes"),
    "a link that goes up behind a name": (_link_inner_up, "link-escapes"),
    "a link to nothing": (_dangling, "link-dangling"),
    "a pipe": (_pipe, "file-special"),
    "the setuid bit": (_setuid, "file-privileged"),
    "the setgid bit": (_setgid, "file-privileged"),
    "a name with a backslash": (_backslash, "path-unsafe"),
    "a name that is not UTF-8": (_not_utf8, "path-unsafe"),
}


@pytest.mark.parametrize("case", ATTACKS)
def test_tree_is_refused_for(case: str, project: pathlib.Path, write: Write) -> None:
    spoil, code = ATTACKS[case]
    path = write()
    spoil(project / "src")
    with pytest.raises(RelmgmtError) as caught:
        entries(path)
    assert caught.value.code == code
    assert f"{path}:" in caught.value.message
    assert not (project.parent / "out").exists()


def test_extended_attributes_are_refused(project: pathlib.Path, write: Write) -> None:
    try:
        os.setxattr(project / "src" / "run", "user.note", b"x")
    except OSError:
        pytest.skip("NOT COVERED: this file system has no extended attributes")
    with pytest.raises(RelmgmtError, match=r"user\.note") as caught:
        entries(write())
    assert caught.value.code == "file-attributes"


def test_source_that_is_a_link_out_is_refused(project: pathlib.Path, write: Write, release: dict) -> None:  # type: ignore[type-arg]  # any release
    (project / "outside").symlink_to("/etc")
    with pytest.raises(RelmgmtError) as caught:
        entries(write(units=[{**release["units"][0], "source": "outside"}]))
    assert caught.value.code == "source-escapes"


def test_empty_unit_is_refused(project: pathlib.Path, write: Write, release: dict) -> None:  # type: ignore[type-arg]  # any release
    with pytest.raises(RelmgmtError) as caught:
        entries(write(units=[{**release["units"][0], "excludes": ["*"]}], state=[]))
    assert caught.value.code == "unit-empty"


@pytest.mark.parametrize("limits", [Limits(unit_entries=2), Limits(unit_bytes=11)])
def test_unit_beyond_its_limits_is_refused(limits: Limits, write: Write, tmp_path: pathlib.Path) -> None:
    with pytest.raises(RelmgmtError) as caught:
        build(write(), tmp_path / "out", limits=limits)
    assert caught.value.code == "unit-too-large"
