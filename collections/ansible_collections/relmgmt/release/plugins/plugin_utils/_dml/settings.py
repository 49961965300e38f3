# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where DML, keys, trusted root and cache are: the verb's option, else the environment, else a default (private)."""

from __future__ import annotations

import collections.abc
import contextlib
import dataclasses
import os
import pathlib
import shutil
import tempfile
import typing as t

from ...module_utils._model.digest import digest_of, short
from ...module_utils._model.errors import InputError
from .client import Client
from .errors import system_errors
from .limits import LIMITS, Clock, Limits, utc_now

__all__ = ["Settings"]

_CACHE = "~/.cache/relmgmt"
_WHAT = {
    "dml": "the definitive media library",
    "keys": "the private keys",
    "trusted_root": "the trusted root of the DML",
    "cache": "the cache",
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """The places that are set; asking for another one raises InputError (``setting-missing``)."""

    places: collections.abc.Mapping[str, pathlib.Path]

    @classmethod
    def from_params(
        cls,
        params: collections.abc.Mapping[str, t.Any],
        *,
        environ: collections.abc.Mapping[str, str] | None = None,
    ) -> Settings:
        """Options ``dml``, ``keys``, ``trusted_root``, ``cache``; else ``RELMGMT_DML`` and so on; ``~`` is expanded."""
        environ = os.environ if environ is None else environ
        found = {name: params.get(name) or environ.get(f"RELMGMT_{name.upper()}") for name in _WHAT}
        found["cache"] = found["cache"] or _CACHE
        return cls({name: pathlib.Path(value).expanduser().absolute() for name, value in found.items() if value})

    def has(self, name: str) -> bool:
        return name in self.places

    @property
    def dml(self) -> pathlib.Path:
        return self._place("dml")

    @property
    def keys(self) -> pathlib.Path:
        return self._place("keys")

    @property
    def trusted_root(self) -> pathlib.Path:
        return self._place("trusted_root")

    @property
    def cache(self) -> pathlib.Path:
        return self._place("cache")

    @contextlib.contextmanager
    def client(
        self, *, write: bool = True, clock: Clock = utc_now, limits: Limits = LIMITS
    ) -> collections.abc.Iterator[Client]:
        """A client of the DML. Without ``write`` it works on a copy of the trusted state, which is thrown away.

        Raises:
            InputError: ``setting-missing``, ``trusted-root-missing``.
        """
        root = self._root(limits)
        state = self.cache / "trust" / short(digest_of(root))
        with contextlib.ExitStack() as stack:
            if not write:
                with system_errors("trusted state"):
                    copy = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="relmgmt-"))) / "trust"
                    if state.is_dir():
                        shutil.copytree(state, copy, symlinks=True)
                    state = copy
            yield Client(self.dml, root, state, clock=clock, limits=limits)

    def _root(self, limits: Limits) -> bytes:
        path = self.trusted_root
        if not path.is_file():
            raise InputError(
                "trusted-root-missing",
                f"there is no trusted root in {path}",
                hint="Get the file that dml_repository wrote as trusted_root, over a way that you trust.",
            )
        with system_errors("trusted root"), path.open("rb") as stream:
            return stream.read(limits.root)

    def _place(self, name: str) -> pathlib.Path:
        if name not in self.places:
            raise InputError(
                "setting-missing",
                f"nothing says where {_WHAT[name]} is",
                hint=f"Give the option {name}, or set the environment variable RELMGMT_{name.upper()}.",
            )
        return self.places[name]
