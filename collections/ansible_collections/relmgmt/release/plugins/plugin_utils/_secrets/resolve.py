# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the references of all hosts to secrets, each read once, all that is wrong told at once (private)."""

from __future__ import annotations

import collections.abc
import re

from ...module_utils._model.errors import InputError, RelmgmtError, combined
from .ansible_vault import AnsibleVault
from .environ import Environ
from .reference import parse
from .secret import Access, Provider, Secret

__all__ = ["PROVIDERS", "bind", "providers", "resolve"]

PROVIDERS: dict[str, type[Provider]] = {"ansible-vault": AnsibleVault, "env": Environ}
_SHOWN = 3
_HARMLESS = re.compile(r"[a-z-]{1,16}\Z")


def providers(access: Access) -> dict[str, Provider]:
    """A provider of every scheme; they keep what they read, so make them once per run."""
    return {scheme: kind(access) for scheme, kind in PROVIDERS.items()}


def bind(
    bound: collections.abc.Mapping[str, collections.abc.Mapping[str, object]],
    names: collections.abc.Iterable[str],
    *,
    package: str,
) -> dict[str, str]:
    """Reference → who needs it, for all hosts.

    Args:
        bound: host → name of the secret → reference, as ``merge_layers`` gives it.
        names: the secrets that the package asks for; what else is bound is not read.

    Raises:
        InputError: a host binds no reference to a name (``secret-unbound``), or something that is none.
    """
    needed: dict[str, dict[str, list[str]]] = {}
    errors: list[RelmgmtError] = []
    for name in names:
        hosts = [host for host in bound if name not in bound[host]]
        if hosts:
            message = f"{_some(hosts)}: {package} needs the secret {name!r}, and nothing binds it"
            hint = f"Name its place in the inventory: relmgmt_secrets: {{{package}: {{{name}: ...}}}}."
            errors.append(InputError("secret-unbound", message, hint=hint))
        for host in bound:
            try:
                if name in bound[host]:
                    reference = parse(bound[host][name], where=f"{host}: {package}: {name}")
                    needed.setdefault(str(reference), {}).setdefault(name, []).append(host)
            except InputError as exc:
                errors.append(exc)
    if errors:
        raise combined(errors)
    return {
        reference: "; ".join(f"{package}: {name} on {_some(hosts)}" for name, hosts in uses.items())
        for reference, uses in needed.items()
    }


def resolve(
    references: collections.abc.Iterable[str],
    *,
    providers: collections.abc.Mapping[str, Provider],
    needed_by: collections.abc.Mapping[str, str] | None = None,
) -> dict[str, Secret]:
    """Reference → secret.

    Args:
        needed_by: reference → who needs it, for messages; what ``bind`` gives can serve as both.

    Raises:
        RelmgmtError: all that cannot be read, as one error with the code of the first: ``secret-scheme-unknown``,
            ``secret-missing``, ``secret-file-missing``, ``secret-not-encrypted``, ``secret-undecryptable``, ...
    """
    found: dict[str, Secret] = {}
    errors: list[RelmgmtError] = []
    for text in sorted(set(references)):
        needs = (needed_by or {}).get(text, "")
        try:
            found[text] = _read(text, providers, where=needs or "secret")
        except RelmgmtError as exc:
            message = f"{exc.message} (needed by {needs})" if needs else exc.message
            errors.append(type(exc)(exc.code, message, hint=exc.hint))
    if errors:
        raise combined(errors)
    return found


def _read(text: str, providers: collections.abc.Mapping[str, Provider], *, where: str) -> Secret:
    reference = parse(text, where=where)
    provider = providers.get(reference.scheme)
    if provider is None:
        shown = repr(reference.scheme) if _HARMLESS.match(reference.scheme) else "(not shown, it might be a secret)"
        raise InputError(
            "secret-scheme-unknown",
            f"{where}: the scheme {shown} of the reference is none of {', '.join(sorted(providers))}",
            hint="Write scheme:place#key, for example ansible-vault:secrets.yml#htpasswd.",
        )
    provider.check(reference)
    return provider.read(reference)


def _some(hosts: collections.abc.Sequence[str]) -> str:
    more = len(hosts) - _SHOWN
    return ", ".join(hosts[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
