# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets from the environment of the controller, where AWX credential types put them (private).

``env:NAME`` or ``env:NAME#LABEL``. An environment keeps no version and a digest would let a short secret be guessed, so
the version is the label: give a new one when the secret changes, else hosts keep the old one.
"""

from __future__ import annotations

import re

from ...module_utils._model.errors import InputError
from .reference import Reference, require_unversioned
from .secret import Access, Secret

__all__ = ["Environ"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class Environ:
    """The provider of the scheme ``env``."""

    def __init__(self, access: Access, scheme: str) -> None:
        self._environ = access.environ

    def close(self) -> None:
        """Nothing is held open."""

    def check(self, reference: Reference) -> None:
        require_unversioned(reference)
        if not _NAME.match(reference.rest):
            raise InputError(
                "secret-reference-malformed",
                f"{reference}: this is not the name of an environment variable",
                hint="Write env:NAME, or env:NAME#LABEL with a label that you change together with the secret.",
            )

    def read(self, reference: Reference) -> Secret:
        value = self._environ.get(reference.rest, "")
        if not value:
            raise InputError(
                "secret-missing",
                f"{reference}: the environment variable is not set, or empty",
                hint="Set it for the process that runs Ansible; in AWX, with a credential type.",
            )
        return Secret(str(reference), value, reference.key or "unversioned")
