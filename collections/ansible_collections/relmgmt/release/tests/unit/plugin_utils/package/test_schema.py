# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The schema that ships, the tables of the code and the page that explains them say the same."""

from __future__ import annotations

import json
import pathlib
import re
import typing as t

import jsonschema
import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host import probe
from ansible_collections.relmgmt.release.plugins.module_utils._host.placement_kinds import FOLLOW_UPS
from ansible_collections.relmgmt.release.plugins.module_utils._model.placement import PLACES
from ansible_collections.relmgmt.release.plugins.plugin_utils._package import version
from ansible_collections.relmgmt.release.plugins.plugin_utils._package.kinds import KINDS
from ansible_collections.relmgmt.release.plugins.plugin_utils._package.source import SCHEMA_FILE

SCHEMA: dict[str, t.Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
PAGE = pathlib.Path(__file__).parents[4] / "docs" / "release-yml.md"


def _properties(value: t.Any) -> t.Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key in ("properties",):
                yield from item
            yield from _properties(item)
    elif isinstance(value, list):
        for item in value:
            yield from _properties(item)


def test_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_schema_knows_the_kinds_and_schemes_that_the_code_knows() -> None:
    assert SCHEMA["$defs"]["unit"]["properties"]["kind"]["enum"] == sorted(KINDS)
    assert SCHEMA["properties"]["versioning"]["enum"] == sorted(version.SCHEMES)
    assert SCHEMA["$defs"]["probe"]["properties"]["kind"]["enum"] == sorted(probe.KINDS)
    assert SCHEMA["$defs"]["placement"]["properties"]["kind"]["enum"] == sorted(PLACES) == sorted(FOLLOW_UPS)


@pytest.mark.parametrize("key", sorted(set(_properties(SCHEMA))))
def test_every_key_is_explained_on_the_page(key: str) -> None:
    assert re.search(rf"`(\w+\.)*{re.escape(key)}`", PAGE.read_text(encoding="utf-8"))
