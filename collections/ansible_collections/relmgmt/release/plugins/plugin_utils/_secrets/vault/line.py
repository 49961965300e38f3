# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The line to a server: requests that are tried again, and what went wrong in words (private).

A store that is down, sealed or busy is asked again, with pauses that grow and vary, until the deadline; the deadline
is one for all requests, so that a run with many secrets does not wait for each. A request follows the server elsewhere
only to an address that is set: its token goes with it.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import json
import random
import ssl
import time
import typing as t
import urllib.parse

from ....module_utils._model.errors import BackendError, RelmgmtError
from ..._optional import optional
from ..._safe_text import safe
from .settings import Connection

__all__ = ["Answer", "Line"]

LARGEST = 2 << 20  # bytes of an answer
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 8.0
_HOPS = 2
_HEX = 8  # a shorter text is masked only where it stands alone
Data = collections.abc.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the server says: the status, and the body as JSON, which may hold secrets."""

    status: int
    body: Data = dataclasses.field(repr=False)

    @property
    def data(self) -> Data:
        found = self.body.get("data")
        return found if isinstance(found, collections.abc.Mapping) else {}

    @property
    def errors(self) -> str:
        """What the server says is wrong, in a line."""
        found = self.body.get("errors")
        return safe("; ".join(map(str, found))) if isinstance(found, list) else ""


class _TroubleError(Exception):
    """It may be otherwise in a moment. wait: seconds that the server asked for."""

    def __init__(self, error: BackendError, wait: float = 0.0) -> None:
        super().__init__(str(error))
        self.error, self.wait = error, wait


class Line:
    """Requests to one server. It opens nothing before the first one."""

    def __init__(
        self,
        connection: Connection,
        *,
        clock: collections.abc.Callable[[], float] = time.monotonic,
        sleep: collections.abc.Callable[[float], None] = time.sleep,
        jitter: collections.abc.Callable[[], float] = random.random,
    ) -> None:
        self.token = ""
        self._connection = connection
        self._clock, self._sleep, self._jitter = clock, sleep, jitter
        self._left = connection.deadline
        self._given_up: BackendError | None = None
        self._sessions: list[t.Any] = []

    def ask(self, method: str, path: str, *, body: Data | None = None, query: Data | None = None) -> Answer:
        """The answer, whose status is one of success, or below 500 and not one of those that are tried again.

        Raises:
            BackendError: ``secret-store-unreachable``, ``secret-store-untrusted``, ``secret-store-sealed``,
                ``secret-store-busy``, ``secret-store-failed``, ``secret-store-redirects``,
                ``secret-store-garbled``, ``secret-store-too-large``; ``dependency-missing``.
        """
        if self._given_up:
            raise self._given_up
        pause = FIRST_PAUSE
        while True:
            began = self._clock()
            try:
                return self._once(method, path, body, query)
            except _TroubleError as trouble:
                wait = max(trouble.wait, pause * (0.5 + self._jitter()))
                self._left -= self._clock() - began + wait
                if self._left < 0:
                    self._given_up = trouble.error
                    raise trouble.error from None
                self._sleep(wait)
                pause = min(pause * 2, LONGEST_PAUSE)

    def close(self) -> None:
        for session in self._sessions:
            session.close()
        self._sessions.clear()

    def _once(self, method: str, path: str, body: Data | None, query: Data | None) -> Answer:
        address = self._connection.address
        target = f"/v1/{urllib.parse.quote(path)}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
        for _hop in range(_HOPS + 1):
            with self._response(method, address, target, body) as response:
                status, headers = response.status_code, response.headers
                if not 300 <= status < 400:
                    return self._answer(status, headers, self._contents(response), body)
                address, target = self._elsewhere(address, headers.get("Location") or "")
        raise self._error("redirects", "sends requests round in circles", "Look at the api_addr of its servers.")

    def _response(self, method: str, address: str, target: str, body: Data | None) -> t.Any:
        (adapter,) = optional("hvac.adapters", "RawAdapter", package="hvac")
        (failures,) = optional("requests", "exceptions", package="requests")
        over = self._connection
        opened = adapter(
            base_uri=address,
            token=self.token,
            timeout=over.timeout,
            allow_redirects=False,
            session=self._session(),
            namespace=over.namespace or None,
            **self._way(),
        )
        options = {"json": dict(body)} if body is not None else {}
        try:
            return opened.request(method, target, raise_exception=False, stream=True, **options)
        except failures.SSLError as exc:
            raise self._untrusted(exc) from None
        except (failures.RequestException, ValueError) as exc:
            raise self._away(exc) from None
        except OSError as exc:  # a file that is not there
            hint = "See ca_cert, client_cert and client_key."
            raise self._error("unreachable", f"cannot be asked: {safe(exc)}", hint) from None

    def _way(self) -> dict[str, t.Any]:
        over = self._connection
        return {
            "cert": (over.client_cert, over.client_key or over.client_cert) if over.client_cert else None,
            "verify": (over.ca_cert or True) if not over.skip_verify else False,
            "proxies": {"http": over.proxy, "https": over.proxy} if over.proxy else {},
        }

    def _session(self) -> t.Any:
        if not self._sessions:
            (made,) = optional("requests", "Session", package="requests")
            session = made()
            # What the environment says of other programs (a .netrc, a bundle of certificates) does not count here.
            session.trust_env = False
            for name, value in self._way().items():
                setattr(session, name, value)
            self._sessions.append(session)
        return self._sessions[0]

    def _contents(self, response: t.Any) -> bytes:
        (failures,) = optional("requests", "exceptions", package="requests")
        found, end = b"", self._clock() + self._connection.timeout * 3
        try:
            for part in response.iter_content(1 << 16):
                found += part
                if len(found) > LARGEST:
                    raise self._error("too-large", f"sends more than {LARGEST >> 20} MiB", "Is this a Vault?")
                if self._clock() > end:
                    raise _TroubleError(self._error("unreachable", "sends its answer too slowly", "Ask who runs it."))
        except failures.RequestException as exc:
            raise self._away(exc) from None
        return found

    def _answer(self, status: int, headers: Data, contents: bytes, sent: Data | None) -> Answer:
        try:
            body = json.loads(contents or b"{}")
        except ValueError:
            body = None
        answer = Answer(status, body if isinstance(body, dict) else {})
        said = f": {self._masked(answer.errors, sent)}" if answer.errors else ""
        wait = _seconds(headers.get("Retry-After"))
        if status == 503:
            sealed = "sealed" in answer.errors.lower()
            code, text = ("sealed", "is sealed") if sealed else ("failed", f"answers with status 503{said}")
            raise _TroubleError(self._error(code, text, "Ask who runs it to unseal it." if sealed else ""), wait)
        if status == 429:
            raise _TroubleError(
                self._error("busy", f"limits how often it may be asked{said}", "Try again later."), wait
            )
        if status == 412 or status >= 500:
            raise _TroubleError(self._error("failed", f"answers with status {status}{said}", "See its own log."), wait)
        if not isinstance(body, dict):
            raise self._error("garbled", "answers with something that is not JSON", "Is this the address of a Vault?")
        return dataclasses.replace(answer, body={**body, "errors": [self._masked(answer.errors, sent)]})

    def _elsewhere(self, address: str, location: str) -> tuple[str, str]:
        parts = urllib.parse.urlsplit(urllib.parse.urljoin(f"{address}/", location))
        new = f"{parts.scheme}://{parts.netloc}"
        if new not in (self._connection.address, *self._connection.redirects) or not location:
            raise self._error(
                "redirects",
                f"sends requests on to {safe(new)}, where its token must not go",
                "If that is one of its servers, add the address to the store's setting redirects.",
            )
        return new, parts.path + (f"?{parts.query}" if parts.query else "")

    def _untrusted(self, exc: Exception) -> BackendError:
        cause: BaseException | None = exc
        why = "no TLS can be agreed on"
        for _depth in range(8):
            if isinstance(cause, ssl.SSLCertVerificationError):
                why = safe(cause.verify_message)
            reason = getattr(cause, "reason", None) or (cause.args[0] if cause and cause.args else None)
            cause = reason if isinstance(reason, BaseException) else getattr(cause, "__context__", None)
        hint = "Set ca_cert to the certificate that signs the server's, and the address to a name that is in that."
        return self._error("untrusted", f"is not trusted: {why}", hint)

    def _away(self, exc: Exception) -> _TroubleError:
        text = str(exc).lower()
        words = {"refused": "the connection is refused", "timed out": "it does not answer in time"}
        words |= {"resolve": "its name is not known", "reset": "the connection is reset"}
        why = next((said for word, said in words.items() if word in text), "the connection breaks off")
        return _TroubleError(self._error("unreachable", f"cannot be reached: {why}", "See whether it runs."))

    def _error(self, code: str, text: str, hint: str) -> BackendError:
        over = self._connection
        return BackendError(f"secret-store-{code}", f"{over.scheme}: {over.address} {text}", hint=hint)

    def _masked(self, text: str, sent: Data | None) -> str:
        for secret in (self.token, *(value for value in (sent or {}).values() if isinstance(value, str))):
            text = text.replace(secret, "***") if len(secret) >= _HEX else text
        return text


def _seconds(text: object) -> float:
    """What a server asks to wait; a date, or nonsense, counts for nothing."""
    try:
        return max(0.0, float(str(text)))
    except ValueError:
        return 0.0


def quiet(work: collections.abc.Callable[[], object]) -> str:
    """Do it; why it failed, empty if it did not."""
    try:
        work()
    except RelmgmtError as exc:
        return exc.message
    return ""
