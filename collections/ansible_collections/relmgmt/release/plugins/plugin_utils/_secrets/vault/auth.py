# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How to log in: a row a method (private)."""

from __future__ import annotations

import collections.abc
import difflib
import pathlib
import typing as t

from ....module_utils._model.errors import InputError
from .settings import Settings

__all__ = ["METHODS", "Method", "credentials", "method_of"]


class Method(t.NamedTuple):
    """mount: where it is mounted unless that is set; needs, takes: names of settings that have to be or may be there;
    sends: setting → its name in the request, where that is another; files: where a setting is read if nothing says."""

    mount: str
    needs: tuple[str, ...]
    takes: tuple[str, ...] = ()
    sends: collections.abc.Mapping[str, str] = {}
    files: collections.abc.Mapping[str, str] = {}


METHODS: dict[str, Method] = {
    "token": Method("", needs=("token",)),
    "approle": Method("approle", needs=("role_id",), takes=("secret_id",)),
    "jwt": Method("jwt", needs=("jwt",), takes=("role",)),
    "oidc": Method("oidc", needs=("jwt",), takes=("role",)),
    "kubernetes": Method(
        "kubernetes",
        needs=("jwt", "role"),
        files={"jwt": "/var/run/secrets/kubernetes.io/serviceaccount/token"},
    ),
    "cert": Method("cert", needs=(), takes=("role",), sends={"role": "name"}),
}


def method_of(settings: Settings) -> Method:
    """Look at the settings alone.

    Raises:
        InputError: ``secret-login-unknown``, ``secret-login-incomplete``.
    """
    scheme, name = settings.connection.scheme, settings.auth["method"]
    if name not in METHODS:
        near = difflib.get_close_matches(name, METHODS, n=1)
        raise InputError(
            "secret-login-unknown",
            f"{scheme}: auth.method is none of {', '.join(sorted(METHODS))}",
            hint=f"Did you mean {near[0]}?" if near else "Choose one of them.",
        )
    method = METHODS[name]
    lacking = [
        f"auth.{need}"
        for need in method.needs
        if not (settings.auth[need] or settings.auth.get(f"{need}_file") or need in method.files)
    ]
    if name == "cert" and not settings.connection.client_cert:
        lacking.append("client_cert")
    if lacking:
        raise InputError(
            "secret-login-incomplete",
            f"{scheme}: a login by {name} needs {' and '.join(lacking)}",
            hint=f"Set it in relmgmt_secret_stores: {{{scheme}: ...}}, or in the environment, or name a file of it.",
        )
    return method


def credentials(
    settings: Settings, method: Method, read: collections.abc.Callable[[str], pathlib.Path]
) -> dict[str, str]:
    """What is sent to log in. Files are read each time: who writes them may renew what they hold.

    Args:
        read: the path that a text of the settings names.

    Raises:
        InputError: a file is not there, or empty (``secret-login-file``).
    """
    found = {}
    for name in (*method.needs, *method.takes):
        value, file = settings.auth[name], settings.auth.get(f"{name}_file") or method.files.get(name, "")
        if not value and file:
            value = _contents(settings.connection.scheme, name, read(file))
        if value:
            found[method.sends.get(name, name)] = value
    return found


def _contents(scheme: str, name: str, path: pathlib.Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "not a text"
    else:
        why = "" if text else "the file is empty"
    if why:
        raise InputError(
            "secret-login-file", f"{scheme}: {path}: {why}", hint=f"It has to hold the {name} of the login."
        )
    return text
