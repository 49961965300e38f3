# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of unit kinds: ``KIND → collector`` (private).

A kind is one file with a function that turns the declaration of a unit into a tree, its row here, and its name and
options in ``release.schema.json``.
"""

from __future__ import annotations

import typing as t

from . import archive, files, wheels
from .request import UnitRequest
from .tree import Tree

__all__ = ["KINDS"]

KINDS: t.Mapping[str, t.Callable[[UnitRequest], Tree]] = {
    "archive": archive.collect,
    "files": files.collect,
    "wheels": wheels.collect,
}
