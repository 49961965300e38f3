# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Versions: each scheme parses its own and sorts them."""

from __future__ import annotations

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import InputError
from ansible_collections.relmgmt.release.plugins.plugin_utils._package import version

ORDERED = {
    "semver": ["1.0.0-rc.1", "1.0.0", "1.2.0", "1.10.0", "2.0.0"],
    "pep440": ["3.8.3", "3.9.0rc1", "3.9.0", "3.9.0.post1", "3.10"],
    "calver": [
        "22.04",
        "24.04",
        "24.04.1",
        "2026.01-beta.2",
        "2026.01-beta.10",
        "2026.1",
        "2026.2",
        "2026.11.3",
        "2026.11.20",
    ],
}


@pytest.mark.parametrize("scheme", ORDERED)
def test_versions_sort_by_their_scheme(scheme: str) -> None:
    versions = ORDERED[scheme]
    assert sorted(reversed(versions), key=lambda text: version.sort_key(scheme, text)) == versions


@pytest.mark.parametrize(
    ("scheme", "text"),
    [
        *[("semver", text) for text in ("1.0", "01.0.0", "v1.0.0", "")],
        *[("pep440", text) for text in ("1.0-final-x", "latest")],
        *[("calver", text) for text in ("2026", "2026.0", "2026.13", "202.1", "2026.1.2.3.4")],
    ],
)
def test_version_that_its_scheme_does_not_parse_is_refused(scheme: str, text: str) -> None:
    with pytest.raises(InputError) as caught:
        version.check(scheme, text)
    assert caught.value.code == "version-malformed"
    assert repr(text) in caught.value.message
    assert caught.value.hint


def test_unknown_scheme_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        version.check("dates", "1")
    assert caught.value.code == "versioning-unknown"
