# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file from which clients take the root that they trust (private)."""

from __future__ import annotations

import pathlib
import typing as t

from ...module_utils._model.errors import ConflictError
from .._files import write_file
from .._optional import optional
from .errors import RepositoryError, system_errors
from .files import make_directory

if t.TYPE_CHECKING:
    from tuf.api.metadata import Metadata, Root
else:
    (Metadata,) = optional("tuf.api.metadata", "Metadata", package="tuf")

__all__ = ["differs", "put"]


def differs(path: pathlib.Path, root: Metadata[Root]) -> bool:
    """Whether the file lacks this root, and may be given it: it is not there, or holds one that vouches for this.

    Raises:
        ConflictError: it holds something else (``trusted-root-other``).
        BackendError: it cannot be read (``dml-io``).
    """
    with system_errors("trusted root"):
        found = path.read_bytes() if path.exists() else None
    if found is None:
        return True
    if found == root.to_bytes():
        return False
    try:
        held: Metadata[Root] = Metadata.from_bytes(found)
        held.signed.verify_delegate("root", root.signed_bytes, root.signatures)
    except (RepositoryError, AttributeError) as exc:
        raise ConflictError(
            "trusted-root-other",
            f"{path} exists and does not vouch for the root of this DML: {exc}",
            hint="Name another path; remove the file if nobody trusts it any more.",
        ) from None
    return True


def put(path: pathlib.Path, root: Metadata[Root]) -> None:
    """Write the root to the file, if it differs. Raises like ``differs``."""
    if differs(path, root):
        with system_errors("trusted root"):
            make_directory(path.parent, mode=0o755)
            write_file(path, [root.to_bytes()], mode=0o644)
