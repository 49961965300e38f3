# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Ansible reads the inventory with."""

from __future__ import annotations

import typing as t

import pytest
from ansible.parsing import vault
from ansible.parsing.dataloader import DataLoader


@pytest.fixture
def loader() -> t.Any:
    """A loader with the vault password of the run; since ansible-core 2.19 a process has one for good."""
    secrets = [("default", vault.VaultSecret(b"password"))]
    if hasattr(vault, "VaultSecretsContext"):
        if vault.VaultSecretsContext.current(optional=True) is None:
            vault.VaultSecretsContext.initialize(vault.VaultSecretsContext(secrets=secrets))
        secrets = vault.VaultSecretsContext.current().secrets or secrets
    loader = DataLoader()
    loader.set_vault_secrets(secrets)
    return loader
