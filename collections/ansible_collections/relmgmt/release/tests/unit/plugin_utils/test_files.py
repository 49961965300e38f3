# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the controller writes files."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import BackendError
from ansible_collections.relmgmt.release.plugins.plugin_utils._files import write_text


def test_a_file_that_is_there_keeps_its_mode_and_a_new_one_may_be_read_by_all(tmp_path: pathlib.Path) -> None:
    (tmp_path / "old").touch(0o600)
    for name, mode in {"old": 0o600, "new": 0o644}.items():
        write_text(tmp_path / name, "Zürich\n")
        assert (tmp_path / name).read_text("utf-8") == "Zürich\n"
        assert (tmp_path / name).stat().st_mode & 0o777 == mode
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "old"]


def test_a_file_that_cannot_be_written_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(BackendError) as caught:
        write_text(tmp_path / "nowhere" / "file", "")
    assert caught.value.code == "file-unwritable" and caught.value.hint
