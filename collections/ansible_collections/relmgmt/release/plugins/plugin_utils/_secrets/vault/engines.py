# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the engines of a store keep, and how each is asked: a row a kind of mount (private)."""

from __future__ import annotations

import base64
import binascii
import collections.abc
import dataclasses
import typing as t

from ....module_utils._model.digest import digest_of, hex_of
from ....module_utils._model.errors import BackendError, InputError
from ..reference import Reference
from .line import Answer
from .mounts import Mount
from .place import Place
from .session import Session, forbidden

__all__ = ["ENGINES", "Engine", "Found", "Leased", "route_of"]

_VERSION_DIGITS = 12
Data = collections.abc.Mapping[str, t.Any]


class Leased(t.NamedTuple):
    """What lives for so many seconds, and longer if it is renewed in time."""

    id: str
    seconds: int
    renewable: bool


class Found(t.NamedTuple):
    """What is kept at a place. version: "" where only a digest of the value can tell one from another."""

    values: Data
    version: str
    lease: Leased | None = None


class Route(t.NamedTuple):
    """The request that reads a place."""

    method: str
    path: str
    capability: str


class Engine(t.NamedTuple):
    """methods: second part of the path → how it is asked; "" for any path. issues: whether each request makes
    something new; versions: whether old versions can be read."""

    read: collections.abc.Callable[[Session, Reference, Place, Mount], Found]
    issues: collections.abc.Mapping[str, bool] = {}
    versions: bool = False


def route_of(place: Place, mount: Mount) -> Route:
    """How a place is asked for."""
    rest = place.below(mount.path)
    if mount.kind == "kv2":
        return Route("GET", f"{mount.path}/data/{rest}", "read")
    if mount.kind in ("pki", "transit"):
        return Route("POST", place.path, "update")
    return Route("GET", place.path, "read")


def _ask(
    session: Session, reference: Reference, place: Place, mount: Mount, *, body: Data | None = None,
    query: Data | None = None,
) -> Answer:  # fmt: skip
    route = route_of(place, mount)
    answer = session.ask(route.method, route.path, capability=route.capability, body=body, query=query)
    if answer.status == 403:
        raise forbidden(reference, route.path, route.capability)
    if answer.status not in (200, 404):
        raise InputError(
            "secret-store-refused",
            f"{reference}: the store refuses {route.path} ({answer.status}: {answer.errors})",
            hint="Mend the reference, or what the store has under it.",
        )
    return answer


def _missing(reference: Reference, route: Route, mount: Mount) -> InputError:
    return InputError(
        "secret-missing",
        f"{reference}: there is nothing at {route.path}{mount.note}",
        hint="Write it there, or mend the reference.",
    )


def _kv1(session: Session, reference: Reference, place: Place, mount: Mount) -> Found:
    answer = _ask(session, reference, place, mount)
    if answer.status == 404:
        raise _missing(reference, route_of(place, mount), mount)
    return Found(answer.data, "")


def _kv2(session: Session, reference: Reference, place: Place, mount: Mount) -> Found:
    if place.version and not place.version.isdecimal():
        raise InputError(
            "secret-reference-malformed", f"{reference}: a version is a number here", hint="Write @3, or leave it out."
        )
    query = {"version": place.version} if place.version else None
    answer = _ask(session, reference, place, mount, query=query)
    about = answer.data.get("metadata") or {}
    values = answer.data.get("data")
    if answer.status == 200 and isinstance(values, dict):
        return Found(values, str(about.get("version") or ""))
    if about.get("destroyed"):
        raise InputError(
            "secret-destroyed",
            f"{reference}: version {about.get('version')} was destroyed, it is nowhere any more",
            hint="Name another version, or write the secret anew.",
        )
    if about.get("deletion_time"):
        raise InputError(
            "secret-deleted",
            f"{reference}: version {about.get('version')} is deleted",
            hint=f"Undelete it with {mount.path}/undelete, name another version, or write the secret anew.",
        )
    if place.version:
        raise _no_such_version(session, reference, place, mount)
    raise _missing(reference, route_of(place, mount), mount)


def _no_such_version(session: Session, reference: Reference, place: Place, mount: Mount) -> InputError:
    newest = _ask(session, reference, dataclasses.replace(place, version=""), mount).data.get("metadata") or {}
    if not newest.get("version"):
        return _missing(reference, route_of(place, mount), mount)
    return InputError(
        "secret-version-missing",
        f"{reference}: there is no version {place.version}, the newest is {newest['version']}",
        hint="Name one that is there; how many a KV engine keeps is its max_versions.",
    )


def _credentials(session: Session, reference: Reference, place: Place, mount: Mount) -> Found:
    """Of a static role, whose password changes from time to time, or of a role whose credential is made now."""
    answer = _ask(session, reference, place, mount)
    if answer.status == 404:
        raise _missing(reference, route_of(place, mount), mount)
    lease = str(answer.body.get("lease_id") or "")
    if not lease:
        rotated = str(answer.data.get("last_vault_rotation") or "")
        return Found(answer.data, _told(rotated) if rotated else "")
    seconds, renewable = int(answer.body.get("lease_duration") or 0), bool(answer.body.get("renewable"))
    return Found(answer.data, _told(lease), Leased(lease, seconds, renewable))


def _issue(session: Session, reference: Reference, place: Place, mount: Mount) -> Found:
    answer = _ask(session, reference, place, mount, body=dict(place.query))
    if answer.status == 404:
        raise _missing(reference, route_of(place, mount), mount)
    if answer.body.get("lease_id"):
        raise InputError(
            "secret-certificate-leased",
            f"{reference}: the role gives certificates with a lease, so this one is revoked when the login ends",
            hint="Set generate_lease=false for the role.",
        )
    chain = answer.data.get("ca_chain")
    joined = {"ca_chain": "\n".join(map(str, chain))} if isinstance(chain, list) else {}
    return Found({**answer.data, **joined}, str(answer.data.get("serial_number") or ""))


def _decrypt(session: Session, reference: Reference, place: Place, mount: Mount) -> Found:
    ciphertext = dict(place.query).get("ciphertext", "")
    answer = _ask(session, reference, place, mount, body=dict(place.query))
    if answer.status == 404:
        raise _missing(reference, route_of(place, mount), mount)
    try:
        plain = base64.b64decode(str(answer.data["plaintext"]), validate=True).decode("utf-8")
    except KeyError:
        raise BackendError("secret-store-garbled", f"{reference}: the store gives no plaintext") from None
    except (binascii.Error, UnicodeDecodeError):
        raise InputError(
            "secret-not-text", f"{reference}: the plaintext is not a text", hint="Encrypt text in UTF-8."
        ) from None
    return Found({"plaintext": plain}, _told(ciphertext))


def _told(public: str) -> str:
    """A version of something that tells nothing of the secret and changes with it."""
    return hex_of(digest_of(public.encode()))[:_VERSION_DIGITS]


ENGINES: dict[str, Engine] = {
    "kv1": Engine(_kv1),
    "kv2": Engine(_kv2, versions=True),
    "database": Engine(_credentials, issues={"creds": True}),
    "ldap": Engine(_credentials, issues={"creds": True}),
    "rabbitmq": Engine(_credentials, issues={"creds": True}),
    "pki": Engine(_issue, issues={"issue": True}),
    "transit": Engine(_decrypt),
}
