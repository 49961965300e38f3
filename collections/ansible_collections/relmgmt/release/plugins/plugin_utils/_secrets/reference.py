# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a secret is kept, as the inventory says it (private).

``scheme:rest#key``, for example ``ansible-vault:secrets.yml#htpasswd``. What is written in a reference's place may by
mistake be the secret itself, so no message quotes what could not be parsed.
"""

from __future__ import annotations

import dataclasses
import re

from ...module_utils._model.errors import InputError

__all__ = ["Reference", "parse"]

_FORM = re.compile(r"([a-z][a-z0-9+-]*):([^#\x00-\x1f]+)(?:#([^#\x00-\x1f]+))?\Z")


@dataclasses.dataclass(frozen=True)
class Reference:
    """A scheme, what only the provider of the scheme understands, and a key in it ("" where there is none)."""

    scheme: str
    rest: str
    key: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}:{self.rest}" + (f"#{self.key}" if self.key else "")


def parse(text: object, *, where: str) -> Reference:
    """The reference that the text writes; ``where`` names the place that holds it.

    Raises:
        InputError: it is none (``secret-reference-malformed``).
    """
    match = _FORM.match(text) if isinstance(text, str) else None
    if not match:
        raise InputError(
            "secret-reference-malformed",
            f"{where}: this is not a reference to a secret (its text is not shown, it might be the secret)",
            hint="Write scheme:place#key, for example ansible-vault:secrets.yml#htpasswd, and keep the secret there.",
        )
    return Reference(match[1], match[2], match[3] or "")
