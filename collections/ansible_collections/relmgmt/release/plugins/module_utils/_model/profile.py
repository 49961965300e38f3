# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A profile: the environment's configuration of a package, rendered for one host (private)."""

from __future__ import annotations

import base64
import dataclasses
import typing as t

from .digest import check_digest
from .manifest import check_mode
from .origin import Origin
from .path import safe_path
from .runtime import Runtime

__all__ = ["Profile", "ProfileFile"]

Data = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class ProfileFile:
    """One rendered configuration file. Its contents may hold secrets: they never reach a log, a diff or a result.

    ``kept``: it has no contents, because a secret could not be read: the host keeps the file that it has."""

    path: str
    mode: str
    contents: bytes = dataclasses.field(repr=False)
    kept: bool = False


@dataclasses.dataclass(frozen=True)
class Profile:
    """Rendered files and runtime of one host.

    ``digest`` is given by the controller: it covers templates, values and secret references with their versions, never
    secret bytes (a digest over a short secret would let it be guessed). ``versions`` maps secret reference to version.
    ``runtime`` must not hold secrets: it is stored readable and shown.
    ``inputs`` maps what it was made of, such as ``config/port``, ``secrets/token`` or ``facts/memtotal_mb``, to a
    digest; that of a secret covers its reference and version. It lies beside the values and never leaves the host.
    ``asks`` maps inputs to what a change of them alone asks of the service, where the schema declares that; ``origins``
    maps the files' paths to what each was made of.
    """

    digest: str
    files: tuple[ProfileFile, ...]
    runtime: Data
    versions: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    inputs: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    asks: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    origins: t.Mapping[str, Origin] = dataclasses.field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: Data) -> Profile:
        Runtime.from_dict(data["runtime"])
        return cls(
            digest=check_digest(data["digest"]),
            files=tuple(
                ProfileFile(
                    safe_path(item["path"], what="profile"),
                    check_mode(item["mode"], what=str(item["path"])),
                    base64.b64decode(item.get("contents", ""), validate=True),
                    bool(item.get("kept")),
                )
                for item in sorted(data["files"], key=lambda item: str(item["path"]))
            ),
            runtime=data["runtime"],
            versions={str(key): str(value) for key, value in data.get("versions", {}).items()},
            inputs={str(key): str(value) for key, value in data.get("inputs", {}).items()},
            asks={str(key): str(value) for key, value in data.get("asks", {}).items()},
            origins={str(path): Origin.from_dict(item) for path, item in data.get("origins", {}).items()},
        )

    def to_dict(self) -> dict[str, t.Any]:
        """For the wire and the run directory only: holds the contents, base64."""
        return {
            "digest": self.digest,
            "files": [_file(item) for item in self.files],
            "runtime": dict(self.runtime),
            "versions": dict(self.versions),
            "inputs": dict(self.inputs),
            "asks": dict(self.asks),
            "origins": {path: origin.to_dict() for path, origin in self.origins.items()},
        }


def _file(item: ProfileFile) -> dict[str, t.Any]:
    about = {"path": item.path, "mode": item.mode}
    if item.kept:
        return dict(about, kept=True)
    return dict(about, contents=base64.b64encode(item.contents).decode("ascii"))
