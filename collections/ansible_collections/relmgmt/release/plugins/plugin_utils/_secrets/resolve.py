# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the references of all hosts to secrets, each read once, all that is wrong told at once (private)."""

from __future__ import annotations

import collections.abc
import re

from ...module_utils._model.errors import BackendError, InputError, RelmgmtError, combined
from .ansible_vault import AnsibleVault
from .aws_sm import SecretsManager
from .environ import Environ
from .reference import Reference, parse
from .secret import Access, Provider, Secret, Versioned
from .vault import Vault

__all__ = ["PROVIDERS", "Providers", "attempt", "bind", "resolve", "unreadable"]

PROVIDERS: dict[str, type[Provider]] = {
    "ansible-vault": AnsibleVault,
    "aws-sm": SecretsManager,
    "env": Environ,
    "vault": Vault,
}
# What a store says, or does, that may be otherwise in a while; a wrong certificate or a missing library is not.
AWAY = ("secret-store-busy", "secret-store-failed", "secret-store-sealed", "secret-store-unreachable")
_SHOWN = 3
_HARMLESS = re.compile(r"[a-z-]{1,16}\Z")


class Providers:
    """A provider of every store that is asked. They keep what they read, so make them once per run, and close them."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._made: dict[str, Provider] = {}

    def of(self, reference: Reference, *, where: str) -> Provider:
        """The provider of the reference's scheme.

        Raises:
            InputError: there is none (``secret-scheme-unknown``).
        """
        scheme = reference.scheme
        if scheme not in self._made:
            if reference.kind not in PROVIDERS:
                raise _unknown(scheme, where)
            self._made[scheme] = PROVIDERS[reference.kind](self._access, scheme)
        return self._made[scheme]

    def note(self, secrets: collections.abc.Mapping[str, Secret]) -> None:
        """That they were read."""
        self._access.seen.update(secrets)

    def __enter__(self) -> Providers:
        return self

    def __exit__(self, *exc: object) -> None:
        for provider in self._made.values():
            provider.close()
        self._made.clear()


def bind(
    bound: collections.abc.Mapping[str, collections.abc.Mapping[str, object]],
    names: collections.abc.Iterable[str],
    *,
    package: str,
    own: collections.abc.Iterable[str] = (),
) -> dict[str, str]:
    """Reference → who needs it, for all hosts.

    Args:
        bound: host → name of the secret → reference, as ``merge_layers`` gives it.
        names: the secrets that the package asks for; what else is bound is not read.
        own: those that only the hosts that bind them need, such as values of their configuration.

    Raises:
        InputError: a host binds no reference to a name (``secret-unbound``), or something that is none.
    """
    needed: dict[str, dict[str, list[str]]] = {}
    errors: list[RelmgmtError] = []
    required = list(names)
    for name in [*required, *own]:
        hosts = [host for host in bound if name not in bound[host]] if name in required else []
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
    providers: Providers,
    needed_by: collections.abc.Mapping[str, str] | None = None,
    pins: collections.abc.Mapping[str, str] | None = None,
) -> dict[str, Secret]:
    """Reference → secret.

    Args:
        needed_by: reference → who needs it, for messages; what ``bind`` gives can serve as both.
        pins: reference → version that a plan has, which is read instead of a newer one where the store keeps it.

    Raises:
        RelmgmtError: all that cannot be read, as one error with the code of the first: ``secret-scheme-unknown``,
            ``secret-missing``, ``secret-file-missing``, ``secret-not-encrypted``, ``secret-undecryptable``, ...
    """
    found, errors = _gather(references, providers, needed_by or {}, pins or {})
    if errors:
        raise unreadable(errors, needed_by or {})
    return found


def attempt(
    references: collections.abc.Iterable[str],
    *,
    providers: Providers,
    needed_by: collections.abc.Mapping[str, str],
    pins: collections.abc.Mapping[str, str] | None = None,
) -> tuple[dict[str, Secret], dict[str, BackendError]]:
    """Reference → secret, and of those whose store does not answer now, reference → why. Arguments as of ``resolve``.

    Raises:
        RelmgmtError: some could not be read at any other time either, as ``resolve``.
    """
    found, errors = _gather(references, providers, needed_by, pins or {})
    down = {text: exc for text, exc in errors.items() if isinstance(exc, BackendError) and exc.code in AWAY}
    if len(down) < len(errors):
        raise unreadable({text: exc for text, exc in errors.items() if text not in down}, needed_by)
    return found, down


def unreadable(
    errors: collections.abc.Mapping[str, RelmgmtError], needed_by: collections.abc.Mapping[str, str]
) -> RelmgmtError:
    """One error for all references that could not be read."""
    grouped: dict[str, tuple[RelmgmtError, list[str]]] = {}
    for text, exc in errors.items():
        needs = needed_by.get(text, "")
        grouped.setdefault(exc.message, (exc, []))[1].extend([needs] if needs else [])
    return combined([_needed_by(exc, needs) for exc, needs in grouped.values()])


def _gather(
    references: collections.abc.Iterable[str],
    providers: Providers,
    needed_by: collections.abc.Mapping[str, str],
    pins: collections.abc.Mapping[str, str],
) -> tuple[dict[str, Secret], dict[str, RelmgmtError]]:
    found: dict[str, Secret] = {}
    errors: dict[str, RelmgmtError] = {}
    for text in sorted(set(references)):
        try:
            found[text] = _read(text, providers, where=needed_by.get(text) or "secret", pin=pins.get(text, ""))
        except RelmgmtError as exc:
            errors[text] = exc
    providers.note(found)
    return found, errors


def _needed_by(exc: RelmgmtError, needs: list[str]) -> RelmgmtError:
    """A store that is away is told once, with all who need something of it."""
    more = f" and {len(needs) - _SHOWN} more" if len(needs) > _SHOWN else ""
    message = f"{exc.message} (needed by {'; '.join(needs[:_SHOWN])}{more})" if needs else exc.message
    return type(exc)(exc.code, message, hint=exc.hint)


def _read(text: str, providers: Providers, *, where: str, pin: str) -> Secret:
    reference = parse(text, where=where)
    provider = providers.of(reference, where=where)
    provider.check(reference)
    if pin and not reference.version and isinstance(provider, Versioned):
        return provider.read_at(reference, pin)
    return provider.read(reference)


def _unknown(scheme: str, where: str) -> InputError:
    shown = repr(scheme) if _HARMLESS.match(scheme) else "(not shown, it might be a secret)"
    return InputError(
        "secret-scheme-unknown",
        f"{where}: the scheme {shown} of the reference is none of {', '.join(sorted(PROVIDERS))}",
        hint="Write scheme:place#key, for example ansible-vault:secrets.yml#htpasswd.",
    )


def _some(hosts: collections.abc.Sequence[str]) -> str:
    more = len(hosts) - _SHOWN
    return ", ".join(hosts[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
