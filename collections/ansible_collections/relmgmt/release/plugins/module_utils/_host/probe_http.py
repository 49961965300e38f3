# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The probe that makes an HTTP request (private).

No proxies, no redirects, no cookies: what the software itself says at that address. The time limit is for the whole of
it, however slowly the answer drips. The body is read only where ``contains`` asks for it, and no further than needed.
"""

from __future__ import annotations

import io
import re
import socket
import typing as t
import urllib.parse

from .._model.errors import InputError
from .._model.probe import Probe
from .probe_tcp import Deadline, connect
from .process import Runner

if t.TYPE_CHECKING:
    import http.client

__all__ = ["MAX_BODY", "ask", "check"]

MAX_BODY = 1 << 20
_CHUNK = 1 << 16
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")
_UNSENDABLE = re.compile(r"[^\t\x20-\x7e\x80-\xff]")


class _Url(t.NamedTuple):
    scheme: str
    host: str
    port: int
    target: str


class _Reader(io.RawIOBase):
    """What comes from a socket until the deadline."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        super().__init__()
        self._sock, self._deadline = sock, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: t.Any) -> int:
        self._sock.settimeout(self._deadline.left())
        return self._sock.recv_into(buffer)


class _Socket:
    """As much of a socket as http.client uses, with one deadline for all of it."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock, self._deadline = sock, deadline

    def sendall(self, data: bytes) -> None:
        self._sock.settimeout(self._deadline.left())
        self._sock.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock, self._deadline))

    def close(self) -> None:
        """Nothing: http.client closes before the body is read, and who opened the socket closes it."""


def check(probe: Probe) -> None:
    _split(probe)
    bad = [name for name, value in probe.headers if not _TOKEN.match(name) or _UNSENDABLE.search(value)]
    if bad or not _TOKEN.match(probe.method):
        what = f"header {bad[0]!r}" if bad else f"method {probe.method!r}"
        raise InputError("probe-malformed", f"probe {probe.name}: the {what} cannot be sent")


def ask(probe: Probe, *, runner: Runner, clock: t.Callable[[], float]) -> tuple[bool, str]:
    import http.client

    try:
        return _ask(probe, Deadline(probe.timeout, clock))
    except socket.timeout:
        return False, f"{probe.url}: no answer within {probe.timeout:g} s"
    except OSError as exc:
        return False, f"{probe.url}: {exc.strerror or exc}"
    except http.client.HTTPException as exc:
        return False, f"{probe.url}: the answer is not HTTP ({type(exc).__name__})"


def _ask(probe: Probe, deadline: Deadline) -> tuple[bool, str]:
    import http.client

    url = _split(probe)
    sock = connect(url.host, url.port, deadline)
    try:
        if url.scheme == "https":
            import ssl

            sock.settimeout(deadline.left())
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=url.host)
        connection = http.client.HTTPConnection(url.host, url.port)
        connection.sock = t.cast(socket.socket, _Socket(sock, deadline))
        headers = {"Connection": "close", "User-Agent": "relmgmt-host"}
        headers.update(probe.headers)
        connection.request(probe.method, url.target, headers=headers)
        with connection.getresponse() as response:
            return _judge(probe, response)
    finally:
        sock.close()


def _judge(probe: Probe, response: http.client.HTTPResponse) -> tuple[bool, str]:
    answer = f"{probe.url}: status {response.status}"
    if response.status not in probe.status:
        return False, "{}, wanted {}".format(answer, " or ".join(str(code) for code in probe.status))
    if probe.contains and not _contains(response, probe.contains.encode("utf-8")):
        return False, f"{answer}, but its first {MAX_BODY} bytes do not contain {probe.contains!r}"
    return True, answer


def _contains(response: http.client.HTTPResponse, wanted: bytes) -> bool:
    body = bytearray()
    while len(body) < MAX_BODY:
        data = response.read1(min(_CHUNK, MAX_BODY - len(body)))
        if not data:
            return False
        begin = max(0, len(body) - len(wanted) + 1)
        body += data
        if body.find(wanted, begin) >= 0:
            return True
    return False


def _split(probe: Probe) -> _Url:
    try:
        parts = urllib.parse.urlsplit(probe.url)
        port = parts.port
    except ValueError:
        raise _malformed(probe) from None
    bad = parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None
    if bad or not probe.url.isascii() or _UNPRINTABLE.search(probe.url):
        raise _malformed(probe)
    target = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
    return _Url(parts.scheme, str(parts.hostname), port or {"http": 80, "https": 443}[parts.scheme], target)


def _malformed(probe: Probe) -> InputError:
    return InputError(
        "probe-malformed",
        f"probe {probe.name}: its url is not of the form http://host:port/path",
        hint="Quote what is not ASCII; pass credentials as a header.",
    )
