# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The child's job ``fit``: secrets against the schemas of the keys that they belong to (private).

What is wrong is told by the schema's words alone: a message that quotes the value would show the secret.
"""

from __future__ import annotations

import typing as t

from .child import Speaker
from .schema import Schema

__all__ = ["fit_secrets"]


def fit_secrets(request: dict[str, t.Any], speaker: Speaker) -> None:
    """For each secret that does not fit, a result with its id and the problems."""
    where = request["where"]
    speaker.at("all hosts", where)
    schema = Schema(request["schema"], where=where)
    for item in request["secrets"]:
        speaker.at(item["place"], where)
        problems = schema.unfit(item["value"], item["schemas"])
        if problems:
            speaker.result({"id": item["id"], "problems": problems})
