# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One question to real sockets and processes: a true answer within the time limit, whatever the other side does."""

from __future__ import annotations

import contextlib
import http.server
import os
import socket
import sys
import threading
import time
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host.probe import KINDS, Result, ask
from ansible_collections.relmgmt.release.plugins.module_utils._host.probe_http import MAX_BODY
from ansible_collections.relmgmt.release.plugins.module_utils._host.process import Runner
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import InputError
from ansible_collections.relmgmt.release.plugins.module_utils._model.probe import Probe

SHORT = 0.15
LATE = 5.0
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


def asked(**data: t.Any) -> Result:
    return ask(Probe.from_dict({"name": "web", **data}), runner=Runner(), clock=time.monotonic)


class Handler(http.server.BaseHTTPRequestHandler):
    """Says what was asked of it."""

    def do_GET(self) -> None:
        code = int(self.path.strip("/").partition("?")[0] or 200)
        body = f"{self.command} {self.path} {self.headers.get('X-Mine')} {self.headers['Host']}".encode("ascii")
        self.send_response(code)
        if code == 302:
            self.send_header("Location", "/200")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_OPTIONS = do_GET

    def log_message(self, format: str, *args: t.Any) -> None:  # noqa: A002  # the base class calls it so
        return


@pytest.fixture(scope="module")
def web() -> t.Iterator[str]:
    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@contextlib.contextmanager
def peer(talk: t.Callable[[socket.socket, threading.Event], None]) -> t.Iterator[int]:
    """A server for one connection, of which ``talk`` is the whole manner; its port."""
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError), contextlib.closing(listener.accept()[0]) as connection:
            talk(connection, over)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()


def says(*parts: bytes, again: float = 0.0) -> t.Callable[[socket.socket, threading.Event], None]:
    """Send the parts, then the last one again and again with that pause between, or keep silent."""

    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        for part in parts:
            connection.sendall(part)
        while not over.wait(again or None):
            connection.sendall(parts[-1])

    return talk


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_http_is_healthy_on_an_accepted_status(web: str) -> None:
    result = asked(kind="http", url=web + "/", level="wanted")
    assert (result.name, result.level, result.healthy, result.reason) == ("web", "wanted", True, web + "/: status 200")
    assert asked(kind="http", url=web + "/401", status=[200, 401]).healthy


def test_http_names_the_status_that_it_got_and_wanted(web: str) -> None:
    result = asked(kind="http", url=web + "/503", status=[200, 204])
    assert (result.healthy, result.reason) == (False, web + "/503: status 503, wanted 200 or 204")


def test_http_does_not_follow_redirects(web: str) -> None:
    assert not asked(kind="http", url=web + "/302").healthy
    assert asked(kind="http", url=web + "/302", status=[302]).healthy


def test_http_takes_no_proxy_from_the_environment(web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{unused_port()}")
    assert asked(kind="http", url=web).healthy


def test_http_sends_method_headers_and_query(web: str) -> None:
    host = web[7:]
    wanted = f"OPTIONS /200?a=b%20c yes {host}"
    result = asked(
        kind="http", url=web + "/200?a=b%20c#d", method="OPTIONS", headers={"X-Mine": "yes"}, contains=wanted
    )
    assert result.healthy, result.reason
    assert asked(kind="http", url=web, headers={"Host": "calendar"}, contains="calendar").healthy


def test_http_body_without_the_wanted_words_is_unhealthy(web: str) -> None:
    result = asked(kind="http", url=web, contains="Radicale")
    assert not result.healthy
    assert "do not contain 'Radicale'" in result.reason


def test_http_that_refuses_is_unhealthy() -> None:
    result = asked(kind="http", url=f"http://127.0.0.1:{unused_port()}/")
    assert not result.healthy
    assert "refused" in result.reason


@pytest.mark.parametrize(
    "talk",
    [
        says(b""),
        says(b"HTTP/1.1 200"),
        says(b"H", again=0.01),
        says(OK, b"X-More: y\r\n", again=0.01),
        says(OK + b"\r\n", b"drip", again=0.01),
        says(OK + b"Content-Length: 100\r\n\r\nhalf"),
        says(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", again=0.01),
        says(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", again=0.01),
    ],
    ids=[
        "silent",
        "half a line",
        "dripping line",
        "dripping headers",
        "dripping body",
        "half a body",
        "chunks",
        "100s",
    ],
)
def test_http_that_hangs_or_drips_is_unhealthy_within_the_time_limit(
    talk: t.Callable[[socket.socket, threading.Event], None],
) -> None:
    with peer(talk) as port:
        result = asked(kind="http", url=f"http://127.0.0.1:{port}/", timeout=SHORT, contains="never")
    assert not result.healthy
    assert SHORT <= result.seconds < LATE
    assert "no answer within 0.15 s" in result.reason


def test_http_body_that_never_ends_is_read_up_to_the_limit() -> None:
    sent = []

    def flood(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(OK + b"\r\n")
        while not over.is_set():
            sent.append(connection.send(b"x" * 65536))

    with peer(flood) as port:
        result = asked(kind="http", url=f"http://127.0.0.1:{port}/", timeout=30, contains="never")
    assert (result.healthy, f"first {MAX_BODY} bytes" in result.reason) == (False, True)
    assert sum(sent) < 16 * MAX_BODY


def test_http_body_that_never_ends_is_healthy_once_it_said_the_words() -> None:
    """Also if the words come in two pieces."""
    with peer(says(OK + b"\r\n", b"x" * 100000 + b"rea", b"dy", again=0.01)) as port:
        assert asked(kind="http", url=f"http://127.0.0.1:{port}/", timeout=30, contains="ready").healthy


def test_http_body_is_not_waited_for_where_nothing_is_wanted_of_it() -> None:
    with peer(says(OK + b"\r\n", b"drip", again=0.01)) as port:
        assert asked(kind="http", url=f"http://127.0.0.1:{port}/", timeout=30).healthy


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"\xff" * 70000,
        OK + b"X: y\r\n" * 200 + b"\r\n",
        b"\n" * 10,
    ],
)
def test_http_answer_that_is_not_http_is_unhealthy(answer: bytes) -> None:
    with peer(says(answer)) as port:
        result = asked(kind="http", url=f"http://127.0.0.1:{port}/", timeout=30)
    assert (result.healthy, "not HTTP" in result.reason) == (False, True)


def test_http_connection_closed_early_is_unhealthy() -> None:
    with peer(lambda connection, over: None) as port:
        assert not asked(kind="http", url=f"http://127.0.0.1:{port}/", timeout=30).healthy


def test_https_to_what_does_not_speak_it_is_unhealthy_within_the_time_limit(web: str) -> None:
    assert not asked(kind="http", url=web.replace("http:", "https:"), timeout=30).healthy
    with peer(says(b"\x16", again=0.01)) as port:
        result = asked(kind="http", url=f"https://127.0.0.1:{port}/", timeout=SHORT)
    assert (result.healthy, result.seconds < LATE) == (False, True)


@pytest.mark.parametrize(
    "data",
    [
        {"url": ""},
        {"url": "127.0.0.1:80"},
        {"url": "file:///etc/passwd"},
        {"url": "http:///path"},
        {"url": "http://host:port/"},
        {"url": "http://host:99999/"},
        {"url": "http://user:hunter2@host/"},
        {"url": "http://host/a b"},
        {"url": "http://host/a\r\nX: y"},
        {"url": "http://host/\xe4"},
        {"url": "http://[::1/"},
        {"url": "http://host/", "method": "GET /other"},
        {"url": "http://host/", "headers": {"X": "a\r\nY: b"}},
        {"url": "http://host/", "headers": {"X: y": "b"}},
        {"url": "http://host/", "headers": {"X": "\u20ac"}},
    ],
)
def test_http_that_cannot_be_asked_as_written_is_an_error(data: dict[str, t.Any]) -> None:
    with pytest.raises(InputError) as caught:
        asked(kind="http", **data)
    assert caught.value.code == "probe-malformed"
    assert "hunter2" not in str(caught.value)


def test_tcp_connects_or_says_why_not() -> None:
    with peer(says(b"")) as port:
        assert asked(kind="tcp", port=port).reason == f"127.0.0.1 port {port}: connected"
    result = asked(kind="tcp", port=unused_port())
    assert (result.healthy, "refused" in result.reason) == (False, True)


def test_tcp_tries_every_address_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    with peer(says(b"")) as port:
        addresses = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", unused_port())),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: addresses)
        assert asked(kind="tcp", host="calendar", port=port).healthy


def test_tcp_to_a_full_backlog_is_unhealthy_within_the_time_limit() -> None:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _count in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        result = asked(kind="tcp", port=listener.getsockname()[1], timeout=SHORT)
    assert (result.healthy, result.seconds < LATE) == (False, True)
    assert "no connection within 0.15 s" in result.reason


def test_a_resolver_that_hangs_does_not_hold_the_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: over.wait() and [])
    try:
        for probe in ({"kind": "tcp", "host": "calendar", "port": 80}, {"kind": "http", "url": "http://calendar/"}):
            result = asked(timeout=SHORT, **probe)
            assert (result.healthy, result.seconds < LATE) == (False, True)
    finally:
        over.set()


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 300, "a..b"])
def test_a_name_without_an_address_is_unhealthy(host: str) -> None:
    assert not asked(kind="tcp", host=host, port=80, timeout=LATE).healthy


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_tcp_port_that_cannot_be_is_an_error(port: int) -> None:
    with pytest.raises(InputError) as caught:
        asked(kind="tcp", port=port)
    assert caught.value.code == "probe-malformed"


@pytest.mark.parametrize(
    ("command", "healthy", "reason"),
    [
        (["/bin/sh", "-c", "echo fine"], True, "exit code 0"),
        (["/bin/sh", "-c", "echo bad >&2; exit 3"], False, "exit code 3: bad"),
        (["/bin/sh", "-c", "kill -9 $$"], False, "exit code -9"),
        (["/bin/sh", "-c", 'test "$GREETING" = hello'], True, "exit code 0"),
    ],
)
def test_command_is_healthy_on_exit_code_0(command: list[str], healthy: bool, reason: str) -> None:
    result = asked(kind="command", command=command, environment={"GREETING": "hello"})
    assert (result.healthy, result.reason) == (healthy, reason)


def test_command_that_does_not_exist_could_not_be_asked() -> None:
    result = asked(kind="command", command=["/nonexistent/check"])
    assert (result.healthy, result.asked) == (False, False)
    assert result.reason.startswith("could not be asked: /nonexistent/check")


def test_command_that_hangs_is_unhealthy_within_the_time_limit() -> None:
    code = "import signal; signal.signal(15, signal.SIG_IGN); signal.pause()"
    result = asked(kind="command", command=[sys.executable, "-I", "-S", "-c", code], timeout=SHORT)
    assert (result.healthy, result.seconds < LATE) == (False, True)
    assert result.reason.startswith("no end within 0.15 s")


def test_reasons_are_short() -> None:
    result = asked(kind="command", command=["/bin/sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x; exit 1"])
    assert len(result.reason) <= 1000


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_command_runs_as_the_user_that_it_names() -> None:
    assert asked(kind="command", command=["/bin/sh", "-c", "test $(id -un) = nobody"], user="nobody").healthy


def test_command_without_a_command_is_an_error() -> None:
    with pytest.raises(InputError) as caught:
        asked(kind="command")
    assert caught.value.code == "probe-malformed"


def test_unknown_kind_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(InputError, match="command, file, http, log, systemd, tcp") as caught:
        asked(kind="icmp")
    assert caught.value.code == "probe-kind-unknown"
    assert sorted(KINDS) == ["command", "file", "http", "log", "systemd", "tcp"]
