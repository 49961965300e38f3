# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the registry is: the verb's option, else the environment, else a default (private)."""

from __future__ import annotations

import collections.abc
import os
import pathlib
import typing as t

__all__ = ["DEFAULT", "VARIABLE", "location"]

DEFAULT = "~/.local/share/relmgmt/registry.db"
VARIABLE = "RELMGMT_REGISTRY"


def location(
    params: collections.abc.Mapping[str, t.Any], *, environ: collections.abc.Mapping[str, str] | None = None
) -> str:
    """URL or absolute path: the option ``registry``, else ``RELMGMT_REGISTRY``, else the default; ``~`` is expanded."""
    environ = os.environ if environ is None else environ
    value = str(params.get("registry") or environ.get(VARIABLE) or DEFAULT)
    return value if "://" in value else str(pathlib.Path(value).expanduser().absolute())
