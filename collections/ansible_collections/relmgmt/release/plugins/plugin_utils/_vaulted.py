# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which values of variables ansible-vault keeps encrypted, as far as ansible-core knows (private).

It knows of values that are written as ``!vault``, until they become plain. ansible-core 2.19 and newer know it also of
what a template took over as it is; of a text that a template made with it, no core knows.
"""

from __future__ import annotations

import collections.abc
import typing as t

from ansible.plugins.test.core import vault_encrypted

__all__ = ["VAULTED", "vaulted_in"]

VAULTED = "!vault"


def vaulted_in(value: t.Any) -> t.Any:
    """The value's mappings and lists, with VAULTED in the place of what is kept encrypted, and None of all else. The
    value is as Ansible holds it, not plain; nothing is decrypted."""
    if isinstance(value, collections.abc.Mapping):
        return {str(key): vaulted_in(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [vaulted_in(item) for item in value]
    return VAULTED if vault_encrypted(value) else None
