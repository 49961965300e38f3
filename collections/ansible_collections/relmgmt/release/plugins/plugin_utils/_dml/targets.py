# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a role says about one version of a package, as a TUF target (private)."""

from __future__ import annotations

import typing as t

from ...module_utils._model.digest import check_digest, hex_of
from ...module_utils._model.manifest import Manifest, check_version
from .._optional import optional
from .records import Version

if t.TYPE_CHECKING:
    from tuf.api.metadata import TargetFile, Targets
else:
    (TargetFile,) = optional("tuf.api.metadata", "TargetFile", package="tuf")

__all__ = ["new_target", "target_digest", "versions_of"]


def new_target(path: str, manifest: Manifest) -> TargetFile:
    """The target that stands for the package: its manifest, which names all else by digest."""
    custom = {
        "name": manifest.name,
        "version": manifest.version,
        "versioning": manifest.versioning,
        "type": manifest.type,
    }
    hashes = {"sha256": hex_of(manifest.digest)}
    return TargetFile(len(manifest.to_bytes()), hashes, path, {"custom": custom})


def target_digest(target: TargetFile) -> str:
    """The digest of the package.

    Raises:
        IntegrityError: the signer named none of the kind that is known here (``digest-malformed``).
    """
    return check_digest(f"sha256:{target.hashes.get('sha256')}")


def versions_of(name: str, role: str, targets: Targets) -> dict[str, Version]:
    """The versions of the package that the role lists.

    Raises:
        IntegrityError, InputError: the signer named a digest or a version that cannot be one.
    """
    prefix = f"{role}/{name.partition('/')[2]}/"
    found = {}
    for path, target in targets.targets.items():
        if path.startswith(prefix):
            version, custom = (
                check_version(path[len(prefix) :]),
                target.custom if isinstance(target.custom, dict) else {},
            )
            versioning, kind = str(custom.get("versioning", "")), str(custom.get("type", ""))
            found[version] = Version(version, versioning, kind, target_digest(target))
    return found
