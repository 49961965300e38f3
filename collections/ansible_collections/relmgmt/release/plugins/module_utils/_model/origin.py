# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one rendered file was made of: proof that another rendering of it would be the same (private)."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from .manifest import NONE, RELOAD, RESTART

__all__ = ["CONFIG_SECRET", "Origin", "dotted", "strongest"]

CONFIG_SECRET = "config:"  # begins the name of a secret whose reference stands in the configuration
Data = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Origin:
    """Of a file of a profile.

    ``reads`` are the inputs that its template, and what that includes, can see: ``config/db.port``, ``secrets/token``,
    or ``config`` for all of them. ``rest`` is a digest of all that it was made of but the secrets; ``about`` of what
    relmgmt told it; ``secrets`` maps the names of those that it can see to their references.
    """

    rest: str
    about: str
    secrets: t.Mapping[str, str]
    reads: tuple[str, ...]

    @classmethod
    def from_dict(cls, data: Data) -> Origin:
        secrets = {str(name): str(reference) for name, reference in data["secrets"].items()}
        return cls(str(data["rest"]), str(data["about"]), secrets, tuple(str(name) for name in data["reads"]))

    def to_dict(self) -> dict[str, t.Any]:
        return dict(dataclasses.asdict(self), reads=list(self.reads))

    def sees(self, name: str) -> bool:
        """Whether the file can see an input of that name."""
        return _sees(self.reads, name)

    def asks(self, before: Origin | None, changed: t.Iterable[str], asks: t.Mapping[str, str], otherwise: str) -> str:
        """What the service is asked for where the file changed from another rendering of the same template.

        Args:
            before: the origin of that one; None where it is not known.
            changed: the inputs that differ; asks: what a change of one alone asks for, where that is declared.
            otherwise: what the template declares.
        """
        seen = [name for name in changed if self.sees(name)]
        same = before is not None and before.about == self.about
        if not seen or not same or any(name not in asks for name in seen):
            return otherwise
        return strongest(asks[name] for name in seen)


@functools.lru_cache(maxsize=4096)  # a fleet asks the same of each host
def _sees(reads: tuple[str, ...], name: str) -> bool:
    leaf = dotted(name)
    return any(
        leaf == read or leaf.startswith((read + ".", read + "/")) or read.startswith(leaf + ".") for read in reads
    )


def dotted(name: str) -> str:
    """The name of an input as templates write it: a secret in the configuration is read as the key that it is for."""
    kind, _slash, rest = name.partition("/")
    if kind != "secrets" or not rest.startswith(CONFIG_SECRET):
        return name
    parts = rest[len(CONFIG_SECRET) + 1 :].split("/")
    return "config/" + ".".join(part.replace("~1", "/").replace("~0", "~") for part in parts)


def strongest(asked: t.Iterable[str]) -> str:
    """Of all that is asked of a service, what includes the rest."""
    found = set(asked)
    return RESTART if RESTART in found else RELOAD if RELOAD in found else NONE
