# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for secrets whose store does not answer: per secret, else per run (private).

Only what is not there for now falls back: a secret that is missing, or a wrong reference, is somebody's mistake.
"""

from __future__ import annotations

import collections.abc
import typing as t

from ...module_utils._model.digest import digest_of, hex_of
from ...module_utils._model.errors import BackendError, RelmgmtError, combined
from ...module_utils._model.secret_need import DEFAULT, FAIL, PREVIOUS, SecretNeed
from .._secrets import NOT_ISSUED, Secret, parse, unreadable
from .masking import mask

__all__ = ["DEFAULTED", "Chosen", "Needs", "choose"]

DEFAULTED = "default-"  # begins the version of what stands in for a secret
_SHOWN = 3
_DIGITS = 12


class Needs(t.NamedTuple):
    """What a host needs, by name: references, what holds for each, and the versions (by reference) that what runs was
    made with."""

    references: collections.abc.Mapping[str, t.Any]
    needs: collections.abc.Mapping[str, SecretNeed]
    held: collections.abc.Mapping[str, str]


class Chosen(t.NamedTuple):
    """A host's secrets by name; kept: those that only the host has; fallbacks: name → what was used in its place."""

    secrets: dict[str, Secret]
    kept: tuple[str, ...]
    fallbacks: dict[str, str]

    def masked(self) -> Chosen:
        """The same with masks in the place of all secrets, so that nothing has to be kept."""
        return Chosen({name: mask(secret) for name, secret in self.secrets.items()}, (), self.fallbacks)

    def read(self, names: collections.abc.Iterable[str]) -> dict[str, str]:
        """The values of those that are here, and real."""
        here = {name: self.secrets[name] for name in names if name not in self.kept}
        return {name: secret.value for name, secret in here.items() if secret.version != NOT_ISSUED}


def choose(
    needs: collections.abc.Mapping[str, Needs],
    found: collections.abc.Mapping[str, Secret],
    down: collections.abc.Mapping[str, BackendError],
    *,
    policy: str,
    package: str,
    needed_by: collections.abc.Mapping[str, str],
) -> dict[str, Chosen]:
    """Host → its secrets.

    Args:
        found: reference → secret; down: reference → why its store did not answer.
        policy: what holds where a secret says nothing itself: ``fail`` or ``previous``.

    Raises:
        RelmgmtError: one cannot be had (the store's error), or a host has nothing to fall back on
            (``secret-previous-unusable``).
    """
    failed: dict[str, BackendError] = {}
    lacking: dict[str, list[str]] = {}
    chosen = {host: _of(host, each, found, down, policy, failed, lacking) for host, each in needs.items()}
    errors: list[RelmgmtError] = [unreadable(failed, needed_by)] if failed else []
    errors += [
        BackendError(
            "secret-previous-unusable",
            f"{_some(hosts)}: {package}: {reference} cannot be read now, and nothing that runs there was made with it "
            f"({down[reference].message})",
            hint="Run it again when the store of the secret answers.",
        )
        for reference, hosts in lacking.items()
    ]
    if errors:
        raise combined(errors)
    return chosen


def _of(
    host: str,
    needs: Needs,
    found: collections.abc.Mapping[str, Secret],
    down: collections.abc.Mapping[str, BackendError],
    policy: str,
    failed: dict[str, BackendError],
    lacking: dict[str, list[str]],
) -> Chosen:
    chosen = Chosen({}, (), {})
    kept = []
    for name, text in needs.references.items():
        reference = str(parse(text, where=name))
        fallback = _fallback(needs.needs[name], policy) if reference not in found else ""
        if not fallback:
            chosen.secrets[name] = found[reference]
        elif fallback == DEFAULT:
            chosen.secrets[name] = _default(reference, needs.needs[name].default)
        elif fallback == PREVIOUS and reference in needs.held:
            chosen.secrets[name] = Secret(reference, "", needs.held[reference])
            kept.append(name)
        elif fallback == PREVIOUS:
            lacking.setdefault(reference, []).append(host)
        else:
            failed[reference] = down[reference]
        if fallback:
            chosen.fallbacks[name] = fallback
    return chosen._replace(kept=tuple(kept))


def _fallback(need: SecretNeed, policy: str) -> str:
    return policy if need.fallback == FAIL else need.fallback


def _default(reference: str, text: str) -> Secret:
    """What everybody knows may be named by its digest: a package with another default makes another profile."""
    return Secret(reference, text, f"{DEFAULTED}{hex_of(digest_of(text.encode()))[:_DIGITS]}")


def _some(hosts: collections.abc.Sequence[str]) -> str:
    more = len(hosts) - _SHOWN
    return ", ".join(hosts[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
