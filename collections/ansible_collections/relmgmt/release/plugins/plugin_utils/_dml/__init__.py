# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The definitive media library: a TUF repository of release packages in a directory (private).

``Repository`` is the publisher's side, ``Client`` the consumer's, ``Settings`` says where they are, ``Keys`` holds
private keys. The modules behind this face: ``roles`` (the signed metadata, verified and signed), ``blobs``, ``trust``
(TUF's client), ``fetcher``, ``cache``, ``targets``, ``records``, ``layout``, ``files``, ``limits``, ``errors`` (the
tree of codes).
"""

from __future__ import annotations

from .client import Client
from .keys import Keys
from .records import Change, Expiry, Target, Version
from .repository import Repository
from .settings import Settings

__all__ = ["Change", "Client", "Expiry", "Keys", "Repository", "Settings", "Target", "Version"]
