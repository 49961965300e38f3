# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The child's job ``configure``: defaults and problems of all hosts' values (private)."""

from __future__ import annotations

import typing as t

from ...module_utils._model.errors import InputError
from .child import Speaker
from .schema import Schema

__all__ = ["configure_hosts"]


def configure_hosts(request: dict[str, t.Any], speaker: Speaker) -> None:
    """For each host a result with the filled values, the problems as pairs of path and message, and what the keywords
    say: secrets as path, what holds for it and the schemas that it must fit; asks by the dotted names of keys."""
    where = request["where"]
    speaker.at("all hosts", where)
    schema = Schema(request["schema"], where=where)
    for item in request["hosts"]:
        host = item["host"]
        speaker.at(host, where)
        try:
            values = schema.filled(item["values"])
            marks = schema.marks(values)
            problems = schema.problems(values, secrets=marks.secrets)
        except RecursionError:
            raise InputError(
                "schema-endless", f"{where}: it never comes to an end", hint="Look for circles of $ref."
            ) from None
        except MemoryError:
            raise InputError("schema-too-large", f"{where}: checking {host} takes more memory than allowed") from None
        secrets = [(path, rules, schemas) for path, (rules, schemas) in marks.secrets.items()]
        speaker.result({"host": host, "values": values, "problems": problems, "secrets": secrets, "asks": marks.asks})
