# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sources of the packages, and how large a tree is."""

from __future__ import annotations

import pathlib

import pytest
import yaml

from tests.bench.material import write_release
from tests.bench.trees import ANSIBLE, DJANGO, Tree, TreeFigures


@pytest.mark.parametrize("tree", [DJANGO, ANSIBLE], ids=["django", "ansible"])
def test_a_release_names_files_that_there_are(tree: Tree, tmp_path: pathlib.Path) -> None:
    path = write_release(tree, tree.new, tmp_path / "source", port=8101)
    release = yaml.safe_load(path.read_text())
    named = [release["config"]["schema"], *(item["source"] for item in release["config"]["templates"])]
    assert all((path.parent / name).exists() for name in [*named, *(unit["source"] for unit in release["units"])])
    assert (release["name"], release["version"]) == (f"bench/{tree.name}", tree.new.number)
    assert release["probes"][0]["contains"] == tree.new.marker


@pytest.mark.parametrize("tree", [DJANGO, ANSIBLE], ids=["django", "ansible"])
def test_every_version_is_pinned_and_told_apart(tree: Tree) -> None:
    for version in tree.versions:
        assert f"{tree.name}=={version.number} \\\n    --hash=sha256:" in tree.lock(version).read_text()
    assert tree.old.marker != tree.new.marker


def test_a_tree_is_counted_and_compared(tmp_path: pathlib.Path) -> None:
    for name, text in {
        "old/same": "1",
        "old/gone": "1",
        "new/same": "1",
        "new/sub/more": "22",
        "old/sub/more": "1",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "new/fresh").write_text("333")
    assert TreeFigures.of(tmp_path / "old", tmp_path / "new") == TreeFigures(files=3, size=6, changed=2)
