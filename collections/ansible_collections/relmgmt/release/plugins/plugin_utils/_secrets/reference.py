# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a secret is kept, as the inventory says it (private).

``scheme:rest#key@version``, for example ``ansible-vault:secrets.yml#htpasswd`` or ``vault:kv/shop#password@3``; what
follows the rest may be left out. A scheme is a kind of store, or ``kind+name`` where there are several of the kind.
What is written in a reference's place may by mistake be the secret itself, so no message quotes what could not be
parsed.
"""

from __future__ import annotations

import dataclasses
import re

from ...module_utils._model.errors import InputError

__all__ = ["Reference", "parse", "require_unversioned"]

_FORM = re.compile(r"([a-z][a-z0-9+-]*):([^#\x00-\x1f]+)(?:#([^#\x00-\x1f]+))?\Z")


@dataclasses.dataclass(frozen=True)
class Reference:
    """A scheme, what only the provider of the scheme understands, a key in it and its version ("" where there is
    none)."""

    scheme: str
    rest: str
    key: str = ""
    version: str = ""

    @property
    def kind(self) -> str:
        """The kind of store, which the table of providers knows."""
        return self.scheme.partition("+")[0]

    def __str__(self) -> str:
        tail = f"{self.key}@{self.version}" if self.version else self.key
        return f"{self.scheme}:{self.rest}" + (f"#{tail}" if tail else "")


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
    key, mark, version = (match[3] or "").rpartition("@")
    return Reference(match[1], match[2], *((key, version) if mark else (version,)))


def require_unversioned(reference: Reference) -> None:
    """For a store that keeps one version of a secret.

    Raises:
        InputError: the reference names one (``secret-reference-malformed``).
    """
    if reference.version:
        raise InputError(
            "secret-reference-malformed",
            f"{reference}: {reference.kind} keeps no versions",
            hint="Leave out what begins with @.",
        )
