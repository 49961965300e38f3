# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How TUF and the cache read a DML that is a directory; no symbolic link at the end of a path is followed (private)."""

from __future__ import annotations

import collections.abc
import os
import pathlib
import re
import typing as t

from ...module_utils._model.errors import IntegrityError
from .._optional import optional
from .errors import DownloadHTTPError
from .layout import DmlLayout
from .limits import LIMITS, Limits

if t.TYPE_CHECKING:
    from tuf.ngclient.fetcher import FetcherInterface
else:
    (FetcherInterface,) = optional("tuf.ngclient.fetcher", "FetcherInterface", package="tuf")

__all__ = ["METADATA", "DirectoryFetcher"]

METADATA = "metadata/"
_ADDRESS = re.compile(r"metadata/[0-9A-Za-z_-][0-9A-Za-z._%-]*\Z")


class DirectoryFetcher(FetcherInterface):
    """Fetches metadata for TUF by the address ``metadata/<file>``, and opens blobs by their digest."""

    def __init__(self, layout: DmlLayout, *, limits: Limits = LIMITS) -> None:
        self._layout = layout
        self._limits = limits

    def _fetch(self, url: str) -> collections.abc.Iterator[bytes]:
        if not _ADDRESS.match(url):
            raise DownloadHTTPError(f"{url!r} is not an address in a DML", 404)
        try:
            with _open(self._layout.root / url) as stream:
                data = stream.read(self._limits.targets + 1)
        except FileNotFoundError:
            raise DownloadHTTPError(f"{url} is missing", 404) from None
        return iter([data])

    def open_blob(self, digest: str) -> t.BinaryIO:
        """The blob's bytes, not yet verified.

        Raises:
            IntegrityError: the DML has none of this digest (``blob-missing``), or it is no digest.
            OSError: the system refused.
        """
        try:
            return _open(self._layout.blob(digest))
        except FileNotFoundError:
            raise IntegrityError(
                "blob-missing",
                f"{digest} is not in the DML {self._layout.root}",
                hint="Publish the same package again, which mends it.",
            ) from None


def _open(path: pathlib.Path) -> t.BinaryIO:
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")
