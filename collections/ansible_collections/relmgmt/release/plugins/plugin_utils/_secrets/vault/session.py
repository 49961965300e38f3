# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One login, and what may be asked with it (private)."""

from __future__ import annotations

import collections.abc
import pathlib
import typing as t

from ....module_utils._model.errors import BackendError, InputError, RelmgmtError
from .auth import credentials, method_of
from .line import Answer, Line, quiet
from .settings import Settings

__all__ = ["Session", "forbidden"]

Data = collections.abc.Mapping[str, t.Any]


class Session:
    """Logs in when it is first asked. A token that ends meanwhile is replaced once.

    ``own``: the login was made here, so it is ended here; a token that somebody gave is not.
    """

    def __init__(self, settings: Settings, line: Line, locate: collections.abc.Callable[[str], pathlib.Path]) -> None:
        self._settings, self._line, self._locate = settings, line, locate
        self._method = method_of(settings)
        self._logins = 0
        self._blind = False  # the login may not even look at itself: nobody can tell whether it has ended
        self._refused: RelmgmtError | None = None

    @property
    def own(self) -> bool:
        return bool(self._method.mount)

    @property
    def open(self) -> bool:
        return bool(self._line.token)

    @property
    def token(self) -> str:
        return self._line.token

    def ask(
        self, method: str, path: str, *, capability: str, body: Data | None = None, query: Data | None = None
    ) -> Answer:
        """The answer; see ``Line.ask``. 403 and 404 are the caller's to explain.

        Raises:
            InputError: ``secret-login-refused``, ``secret-login-expired``, ``secret-login-file``.
            BackendError: as ``Line.ask``.
        """
        self._log_in()
        answer = self._line.ask(method, path, body=body, query=query)
        if answer.status != 403 or self._blind or not self._ended():
            return answer
        if not self.own or self._logins > 1:
            self._refused = self._expired()
            raise self._refused
        self._line.token = ""
        self._log_in()
        answer = self._line.ask(method, path, body=body, query=query)
        self._blind = answer.status == 403 and self._ended()
        return answer

    def end(self) -> str:
        """Give the login back; why that failed, empty if it did not."""
        failed = ""
        if self.own and self.open and not self._refused:
            failed = quiet(lambda: self._line.ask("POST", "auth/token/revoke-self"))
        self._line.token = ""
        return failed

    def _log_in(self) -> None:
        if self._refused:
            raise self._refused
        if self.open:
            return
        try:
            sent = credentials(self._settings, self._method, self._locate)
            self._line.token = self._logged_in(sent) if self.own else sent["token"]
        except RelmgmtError as exc:
            self._refused = exc
            raise
        self._logins += 1

    def _logged_in(self, sent: dict[str, str]) -> str:
        mount = self._settings.auth["mount"].strip("/") or self._method.mount
        answer = self._line.ask("POST", f"auth/{mount}/login", body=sent)
        scheme, name = self._settings.connection.scheme, self._settings.auth["method"]
        if answer.status != 200:
            raise InputError(
                "secret-login-refused",
                f"{scheme}: the login by {name} at auth/{mount} is refused ({answer.status}: {answer.errors})",
                hint="See role, mount and namespace of the store's settings, and whether what it sends is valid.",
            )
        token = (answer.body.get("auth") or {}).get("client_token")
        if not isinstance(token, str) or not token:
            raise BackendError("secret-store-garbled", f"{scheme}: auth/{mount} gives no token for a login")
        return token

    def _ended(self) -> bool:
        """Whether the token is no more. Each token may look at itself, unless its policies are unusual."""
        return self._line.ask("GET", "auth/token/lookup-self").status == 403

    def _expired(self) -> InputError:
        again = ", also after a new login" if self.own else ""
        return InputError(
            "secret-login-expired",
            f"{self._settings.connection.scheme}: the token is expired, revoked, or unknown there{again}",
            hint="Give a token that lives for as long as the run reads secrets, or another method of login.",
        )


def forbidden(reference: object, path: str, capability: str) -> InputError:
    """What a policy has to allow."""
    return InputError(
        "secret-forbidden",
        f"{reference}: the login may not {capability} {path}",
        hint=f'Let one of its policies say: path "{path}" {{ capabilities = ["{capability}"] }}',
    )
