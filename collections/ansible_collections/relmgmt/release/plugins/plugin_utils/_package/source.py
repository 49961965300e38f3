# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading ``release.yml`` (private)."""

from __future__ import annotations

import functools
import json
import pathlib
import typing as t

from .. import _source
from .._source import Document, Source
from .limits import LIMITS, Limits

__all__ = ["SCHEMA_FILE", "load", "release_schema"]

SCHEMA_FILE = pathlib.Path(__file__).with_name("release.schema.json")


@functools.lru_cache(maxsize=1)
def release_schema() -> dict[str, t.Any]:
    """The JSON Schema of ``release.yml``."""
    return t.cast("dict[str, t.Any]", json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))


def load(path: pathlib.Path, *, limits: Limits = LIMITS) -> Source:
    """Read and check ``release.yml``.

    Raises:
        InputError: it is missing, not YAML (``release-not-yaml``), or breaks its schema (``release-invalid``).
    """
    document = Document(
        code="release",
        what="release file",
        hint="docs/release-yml.md of the collection describes every key.",
        schema=release_schema(),
        size=limits.release_file,
        nodes=limits.release_nodes,
        depth=limits.release_depth,
    )
    return _source.load(path, document)
