# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A secret that was read, and what reads one (private)."""

from __future__ import annotations

import collections.abc
import dataclasses
import pathlib
import typing as t

from .reference import Reference

if t.TYPE_CHECKING:
    from .vault import Kept

__all__ = ["NOT_ISSUED", "Access", "Provider", "Secret", "Versioned"]


NOT_ISSUED = "not-issued"  # the version of what a store makes anew for each request, in a dry run


@dataclasses.dataclass(frozen=True)
class Secret:
    """A value with the reference it was read by. ``version`` changes with the value and tells nothing about it."""

    reference: str
    value: str = dataclasses.field(repr=False)
    version: str


def _nobody(_text: str) -> None:
    """Nobody listens."""


@dataclasses.dataclass(frozen=True)
class Access:
    """What providers may reach: everything outside of them is named here.

    ``decrypt`` gives the contents of an ansible-vault file; ``base`` is where relative paths start. ``stores``: by
    scheme, what the inventory says of that store (``relmgmt_secret_stores``), such as its address and how to log in.
    ``issue``: whether what a store makes anew for each request may be asked for; a dry run only has ``tell`` called
    with what it would ask for. ``keep`` is given what was leased, to renew it and give it back; None where nobody does.
    ``seen``: reference → secret, of all that was read through it.
    """

    decrypt: collections.abc.Callable[[pathlib.Path], object]
    base: pathlib.Path
    environ: collections.abc.Mapping[str, str] = dataclasses.field(repr=False)
    stores: collections.abc.Mapping[str, collections.abc.Mapping[str, object]] = dataclasses.field(
        default_factory=dict, repr=False
    )
    issue: bool = True
    tell: collections.abc.Callable[[str], None] = _nobody
    keep: collections.abc.Callable[[Kept], None] | None = None
    seen: dict[str, Secret] = dataclasses.field(default_factory=dict, repr=False, compare=False)


class Provider(t.Protocol):
    """Reads the secrets of one store, each source once."""

    def __init__(self, access: Access, scheme: str) -> None:
        """What it may reach, and by which scheme references name this store. Nothing is asked yet."""

    def check(self, reference: Reference) -> None:
        """Look at the reference alone, offline.

        Raises:
            InputError: the provider could never read it (``secret-reference-malformed``).
        """

    def read(self, reference: Reference) -> Secret:
        """The secret.

        Raises:
            InputError: it is not there, or not a text.
            BackendError: the place where it is kept does not answer.
        """

    def close(self) -> None:
        """Give back what was only needed for reading, such as a login. Never raises."""


@t.runtime_checkable
class Versioned(Provider, t.Protocol):
    """A provider of a store that may keep old versions."""

    def read_at(self, reference: Reference, version: str) -> Secret:
        """The secret as it was at the version that an earlier ``read`` told, where the store has kept that; else as it
        is. Raises as ``read``."""
