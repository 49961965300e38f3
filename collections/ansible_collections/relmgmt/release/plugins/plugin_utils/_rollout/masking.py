# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Masks: what stands in the place of a secret where people look at a rendered file (private)."""

from __future__ import annotations

import collections.abc
import typing as t

from .._secrets import Secret

__all__ = ["NOT_MASKED", "READ", "UNREAD", "Masked", "mask", "unread"]

Masked = t.Literal["no", "read", "unread"]
NOT_MASKED: Masked = "no"
READ: Masked = "read"  # secrets are read for their versions, and because the schema wants to see them
UNREAD: Masked = "unread"  # no store is asked


def mask(secret: Secret) -> Secret:
    """The same secret with a value that names it."""
    version = f", version {secret.version}" if secret.version else ""
    return Secret(secret.reference, f"<secret {secret.reference}{version}>", secret.version)


def unread(references: collections.abc.Iterable[str]) -> dict[str, Secret]:
    """Secrets of which nothing is known but where they are kept."""
    return {reference: Secret(reference, "", "") for reference in references}
