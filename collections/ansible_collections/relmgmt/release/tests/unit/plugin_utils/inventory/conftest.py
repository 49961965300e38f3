# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sites file that is whole, and how to break it."""

from __future__ import annotations

import collections.abc
import pathlib

import pytest

TEXT = """\
plugin: relmgmt.release.sites
packages: [calendar/radicale, docs/swagger-ui]
environments:
  prod:
    versions: {calendar/radicale: "3.8.3"}
    vars: {stage: late}
  staging:
    versions: {calendar/radicale: "3.9.0"}
vars: {ansible_user: deploy}
sites:
  berlin:
    environment: prod
    packages: [calendar/radicale, docs/swagger-ui]
    vars: {ntp: here}
    hosts:
      berlin-1: {address: 192.0.2.1, vars: {port: 5232}}
      berlin-2: {environment: staging}
  madrid:
    packages: {calendar/radicale: "3.8.2"}
    hosts:
      madrid-1: {environment: prod}
      madrid-2:
        environment: prod
        packages:
          calendar/radicale: {main: "", sandbox: "3.9.0"}
      madrid-3: {environment: prod, packages: []}
"""

Write = collections.abc.Callable[..., pathlib.Path]


@pytest.fixture
def write(tmp_path: pathlib.Path) -> Write:
    """Write the file, with texts replaced by others."""

    def do(*changes: tuple[str, str], name: str = "fleet.sites.yml") -> pathlib.Path:
        text = TEXT
        for old, new in changes:
            assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
            text = text.replace(old, new)
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return do
