# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is set for a store, in the inventory or in the environment (private).

The inventory says ``relmgmt_secret_stores: {vault: {address: ..., auth: {method: approle, ...}}}``. What it does not
say, the environment may: ``RELMGMT_VAULT_ADDR``, and for the store ``vault`` also ``VAULT_ADDR`` and ``BAO_ADDR``; for
a store ``vault+eu`` only ``RELMGMT_VAULT_EU_ADDR``. No message quotes a value: it may be a secret in a wrong place.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import difflib
import ipaddress
import typing as t
import urllib.parse

from ....module_utils._model.errors import InputError

__all__ = ["Connection", "Settings", "read_settings"]

Data = collections.abc.Mapping[str, t.Any]


class _Setting(t.NamedTuple):
    """environ: its name there, behind the prefix; "" for none."""

    kind: type
    environ: str
    default: t.Any


_STORE: dict[str, _Setting] = {
    "address": _Setting(str, "ADDR", ""),
    "namespace": _Setting(str, "NAMESPACE", ""),
    "ca_cert": _Setting(str, "CACERT", ""),
    "client_cert": _Setting(str, "CLIENT_CERT", ""),
    "client_key": _Setting(str, "CLIENT_KEY", ""),
    "skip_verify": _Setting(bool, "SKIP_VERIFY", False),
    "allow_http": _Setting(bool, "ALLOW_HTTP", False),
    "proxy": _Setting(str, "PROXY_ADDR", ""),
    "timeout": _Setting(float, "TIMEOUT", 10.0),
    "deadline": _Setting(float, "DEADLINE", 60.0),
    "redirects": _Setting(list, "", ()),
    "mounts": _Setting(dict, "", {}),
    "version_key": _Setting(str, "VERSION_KEY", ""),
    "auth": _Setting(dict, "", {}),
}
_AUTH: dict[str, _Setting] = {
    "method": _Setting(str, "AUTH_METHOD", "token"),
    "mount": _Setting(str, "AUTH_MOUNT", ""),
    "role": _Setting(str, "ROLE", ""),
    "token": _Setting(str, "TOKEN", ""),
    "token_file": _Setting(str, "TOKEN_FILE", ""),
    "role_id": _Setting(str, "ROLE_ID", ""),
    "secret_id": _Setting(str, "SECRET_ID", ""),
    "secret_id_file": _Setting(str, "SECRET_ID_FILE", ""),
    "jwt": _Setting(str, "JWT", ""),
    "jwt_file": _Setting(str, "JWT_FILE", ""),
}
_WORDS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}
_KINDS = {str: "a text", bool: "true or false", float: "a number of seconds", list: "a list", dict: "a mapping"}


@dataclasses.dataclass(frozen=True)
class Connection:
    """How the store is reached. timeout: seconds that one request may take; deadline: that all may wait for a store
    that is in trouble; redirects: other addresses (scheme, host, port) to which it may send a request and its token."""

    scheme: str
    address: str
    namespace: str = ""
    ca_cert: str = ""
    client_cert: str = ""
    client_key: str = ""
    skip_verify: bool = False
    proxy: str = ""
    timeout: float = 10.0
    deadline: float = 60.0
    redirects: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Settings:
    """auth: how to log in, by the names above; mounts: mount → kind of engine, which is then not asked for;
    version_key: path#key in the store of the key that versions of a KV version 1 are made with."""

    connection: Connection
    auth: collections.abc.Mapping[str, str] = dataclasses.field(repr=False)
    mounts: collections.abc.Mapping[str, str]
    version_key: str


def read_settings(scheme: str, given: Data, environ: collections.abc.Mapping[str, str]) -> Settings:
    """Raises InputError: ``secret-store-setting-unknown``, ``secret-store-setting-malformed``,
    ``secret-store-address-missing``, ``secret-store-unencrypted``."""
    prefixes = _prefixes(scheme)
    store = _values(scheme, "", given, _STORE, prefixes, environ)
    auth = _values(scheme, "auth.", store.pop("auth"), _AUTH, prefixes, environ)
    mounts, version_key, allow_http = store.pop("mounts"), store.pop("version_key"), store.pop("allow_http")
    if not store["address"]:
        raise InputError(
            "secret-store-address-missing",
            f"{scheme}: nothing says where the store is",
            hint=f"Set relmgmt_secret_stores: {{{scheme}: {{address: https://...}}}}, or {prefixes[0]}ADDR.",
        )
    store["address"] = str(store["address"]).rstrip("/")
    _require_address(scheme, store["address"], allow_http=allow_http)
    redirects = tuple(str(address).rstrip("/") for address in store.pop("redirects"))
    for address in redirects:
        _require_address(scheme, address, allow_http=allow_http)
    connection = Connection(scheme, redirects=redirects, **store)
    mounts = {str(mount).strip("/"): str(kind) for mount, kind in mounts.items()}
    return Settings(connection, auth, mounts, version_key)


def _prefixes(scheme: str) -> tuple[str, ...]:
    kind, _plus, name = scheme.upper().replace("-", "_").partition("+")
    return (f"RELMGMT_{kind}_{name}_",) if name else (f"RELMGMT_{kind}_", "BAO_", "VAULT_")


def _values(
    scheme: str,
    above: str,
    given: Data,
    known: collections.abc.Mapping[str, _Setting],
    prefixes: tuple[str, ...],
    environ: collections.abc.Mapping[str, str],
) -> dict[str, t.Any]:
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(str(name), sorted(known), n=1)
            raise InputError(
                "secret-store-setting-unknown",
                f"{scheme}: there is no setting {above}{name}",
                hint=f"Did you mean {above}{near[0]}?" if near else f"There are: {', '.join(sorted(known))}.",
            )
    found: dict[str, t.Any] = {}
    for name, setting in known.items():
        set_there = [environ[prefix + setting.environ] for prefix in prefixes if environ.get(prefix + setting.environ)]
        if given.get(name) not in (None, ""):
            found[name] = _typed(f"{scheme}: {above}{name}", given[name], setting.kind)
        elif setting.environ and set_there:
            found[name] = _typed(f"{scheme}: {above}{name}, from the environment,", set_there[0], setting.kind)
        else:
            found[name] = setting.default
    return found


def _typed(where: str, value: t.Any, kind: type) -> t.Any:
    try:
        if kind is bool and not isinstance(value, bool):
            return _WORDS[str(value).lower()]
        if kind is float and not isinstance(value, bool) and float(value) > 0:
            return float(value)
    except (KeyError, ValueError, TypeError):
        pass
    if kind is not float and isinstance(value, kind):
        return value
    raise InputError(
        "secret-store-setting-malformed",
        f"{where} is not {_KINDS[kind]} (what it is, is not shown)",
        hint="See the page about secrets of this collection.",
    )


def _require_address(scheme: str, address: str, *, allow_http: bool) -> None:
    parts = urllib.parse.urlsplit(address)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.query or parts.path:
        raise InputError(
            "secret-store-setting-malformed",
            f"{scheme}: the address is not https://HOST:PORT",
            hint="It has no path, no user and no password; a namespace is a setting of its own.",
        )
    if parts.scheme == "http" and not (allow_http or _is_here(parts.hostname)):
        raise InputError(
            "secret-store-unencrypted",
            f"{scheme}: {address} would be sent logins and would send secrets that everybody on the way can read",
            hint="Give the store TLS; or set allow_http, if the way is protected otherwise.",
        )


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
