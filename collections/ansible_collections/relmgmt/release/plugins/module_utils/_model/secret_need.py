# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A secret that a package needs, and what holds where it cannot be read, or has changed since (private)."""

from __future__ import annotations

import typing as t

from .errors import InputError
from .record import record

__all__ = ["DEFAULT", "FAIL", "FALLBACKS", "NEWEST_HELD", "ON_REVERT", "PREVIOUS", "SAME_DEPLOYMENT", "SecretNeed"]

FAIL, PREVIOUS, DEFAULT = "fail", "previous", "default"
FALLBACKS = (FAIL, PREVIOUS, DEFAULT)
NEWEST_HELD, SAME_DEPLOYMENT = "newest_held", "same_deployment"
ON_REVERT = (NEWEST_HELD, SAME_DEPLOYMENT)

Data = t.Mapping[str, t.Any]


@record(frozen=True)
class SecretNeed:
    """One secret of a package, by the name under which the environment binds it.

    ``fallback`` holds where its store does not answer: ``fail``; ``previous``, a host keeps the files that hold it;
    ``default``, the text ``default`` takes its place, which everybody may know. ``on_revert``: whether a host goes back
    with the newest version of the secret that it holds, or with the one that the deployment was made with.
    """

    name: str
    fallback: str = FAIL
    default: str = ""
    on_revert: str = NEWEST_HELD

    @classmethod
    def from_data(cls, data: t.Any) -> SecretNeed:
        """From a name alone, or a mapping. Raises InputError (``secret-need-malformed``)."""
        if isinstance(data, str):
            return cls(data)
        if not isinstance(data, dict) or not isinstance(data.get("name"), str):
            raise _malformed("config.secrets: an item is neither a name nor a mapping with a name")
        return cls.of(data["name"], {key: value for key, value in data.items() if key != "name"})

    @classmethod
    def of(cls, name: str, rules: Data) -> SecretNeed:
        """By its name and what is said of it. Raises InputError (``secret-need-malformed``)."""
        where = f"secret {name}"
        unknown = sorted(set(rules) - {"fallback", "default", "on_revert"})
        if unknown:
            raise _malformed(f"{where}: {unknown[0]!r} is none of fallback, default, on_revert")
        need = cls(name, **rules)
        for key, value, allowed in (("fallback", need.fallback, FALLBACKS), ("on_revert", need.on_revert, ON_REVERT)):
            if value not in allowed:
                raise _malformed("{}: {} {!r} is none of {}".format(where, key, value, ", ".join(allowed)))
        if not isinstance(need.default, str):
            raise _malformed(f"{where}: its default is not a text")
        if ("default" in rules) != (need.fallback == DEFAULT):
            raise _malformed(f"{where}: a default belongs to 'fallback: default', and the other way round")
        return need

    def to_data(self) -> str | dict[str, str]:
        """The shortest form that says the same."""
        rules = {}
        if self.fallback != FAIL:
            rules["fallback"] = self.fallback
        if self.fallback == DEFAULT:
            rules["default"] = self.default
        if self.on_revert != NEWEST_HELD:
            rules["on_revert"] = self.on_revert
        return dict(rules, name=self.name) if rules else self.name


def _malformed(message: str) -> InputError:
    return InputError("secret-need-malformed", message, hint="docs/configuration.md says what a secret may ask for.")
