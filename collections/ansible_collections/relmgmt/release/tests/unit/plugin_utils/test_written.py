# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a value was written is told with file and line, as far as core knows; a plain value has no place."""

from __future__ import annotations

import pathlib

from ansible.parsing.dataloader import DataLoader

from ansible_collections.relmgmt.release.plugins.plugin_utils._written import where_in

TEXT = """relmgmt_config:
  a/b:
    port: "80"
    list: [x, {y: z}]
"""


def test_file_and_line(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "all.yml"
    path.write_text(TEXT)
    where = where_in(DataLoader().load_from_file(str(path)))
    assert where("relmgmt_config", ("a/b", "port")) == f"{path}:3"
    assert where("relmgmt_config", ("a/b", "list", 1, "y")) == f"{path}:4"
    assert where("relmgmt_config", ("a/b", "gone", "deeper")) == where("relmgmt_config", ("a/b",)) != ""
    assert where("other", ("a",)) == ""


def test_a_plain_value_has_no_place() -> None:
    assert where_in({"a": {"b": 1}})("a", ("b", "c")) == ""
