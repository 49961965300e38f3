# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Digests and canonical bytes: how things are named and signed (private)."""

from __future__ import annotations

import hashlib
import json
import re
import typing as t

from .errors import IntegrityError

__all__ = ["CHUNK", "canonical", "check_digest", "digest_of", "digest_stream", "hex_of", "short"]

CHUNK = 1 << 20
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")


def canonical(value: t.Any) -> bytes:
    """JSON with sorted keys, no white space, UTF-8: equal values give equal bytes.

    Raises:
        TypeError, ValueError: the value holds something that JSON does not have (a date, bytes, NaN).
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def digest_of(data: bytes) -> str:
    """``sha256:<64 hex digits>`` of the bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_stream(stream: t.BinaryIO) -> tuple[str, int]:
    """Digest and length in bytes of what is left in the stream."""
    sha, size = hashlib.sha256(), 0
    for chunk in iter(lambda: stream.read(CHUNK), b""):
        sha.update(chunk)
        size += len(chunk)
    return "sha256:" + sha.hexdigest(), size


def check_digest(value: t.Any) -> str:
    """The value itself if it has the form of a digest.

    Raises:
        IntegrityError: it has not (``digest-malformed``).
    """
    if not isinstance(value, str) or not _DIGEST.match(value):
        raise IntegrityError("digest-malformed", f"{value!r} is not of the form sha256:<64 hex digits>")
    return value


def hex_of(digest: str) -> str:
    """The 64 hex digits, for use in a file name."""
    return check_digest(digest)[7:]


def short(digest: str) -> str:
    """The first eight hex digits, for people."""
    return hex_of(digest)[:8]
