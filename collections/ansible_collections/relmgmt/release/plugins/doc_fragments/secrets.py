# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where secrets are kept: an option that several verbs share."""

from __future__ import annotations


class ModuleDocFragment:
    """The stores of secrets, each with its settings."""

    DOCUMENTATION = r"""
options:
  secret_stores:
    description:
      - >-
        Settings of the stores of secrets, by the scheme that references begin with, for example
        C({vault: {address: ..., auth: {method: approle, role_id: ..., secret_id: ...}}}). A second store of a kind has
        a name of its own, such as C(vault+eu).
      - What is not said here, the environment of the controller may say, for example E(RELMGMT_VAULT_ADDR) or
        E(VAULT_ADDR). The page about secrets of this collection names all settings.
    type: dict
    default: {}
requirements:
  - hvac, on the controller, for secrets from Vault or OpenBao
"""
