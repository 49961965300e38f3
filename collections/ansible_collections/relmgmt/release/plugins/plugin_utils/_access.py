# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the providers of secrets of a run may reach (private)."""

from __future__ import annotations

import collections.abc
import os
import pathlib
import typing as t

from ._secrets import Access, Kept, read_stores
from ._vault_file import vault_file_opener

__all__ = ["access_of"]


def access_of(
    loader: t.Any,
    stores: object,
    *,
    issue: bool = True,
    tell: collections.abc.Callable[[str], None] | None = None,
    keep: collections.abc.Callable[[Kept], None] | None = None,
) -> Access:
    """What a verb gives them: the run's vault passwords, its directory and environment, and the settings of stores.

    Args:
        loader: Ansible's; stores: plain, as the option ``secret_stores``; issue, tell, keep: see ``Access``.

    Raises:
        InputError: ``secret-store-unknown``, ``secret-store-setting-malformed``.
    """
    more: dict[str, t.Any] = {"tell": tell} if tell else {}
    base = pathlib.Path(loader.get_basedir())
    return Access(
        vault_file_opener(loader), base, os.environ, stores=read_stores(stores), issue=issue, keep=keep, **more
    )
