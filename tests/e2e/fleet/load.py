# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Somebody who uses the service all the time, and notices every request that fails."""

from __future__ import annotations

import collections
import http.client
import threading
import time
import types

__all__ = ["Load"]

TIMEOUT = 30.0
PAUSE = 0.05
SERVED_BY = "X-Served-By"


class Load:
    """Requests over new connections, from several threads, until the end of the ``with`` block.

    ``count`` is how many there were, ``failures`` what was wrong with those that failed, ``servers`` how many each host
    answered.
    """

    def __init__(self, address: str, requests: tuple[tuple[str, str, int], ...], headers: dict[str, str]) -> None:
        self.count = 0
        self.failures: list[str] = []
        self.servers: collections.Counter[str] = collections.Counter()
        self._address, self._headers = address, headers
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._work, args=request) for request in requests]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _work(self, method: str, path: str, expected: int) -> None:
        while not self._over.wait(PAUSE):
            begin = time.monotonic()
            server, problem = self._ask(method, path, expected)
            with self._lock:
                self.count += 1
                self.servers[server] += 1
                if problem:
                    self.failures.append(f"{server}: {problem} after {time.monotonic() - begin:.2f} s")

    def _ask(self, method: str, path: str, expected: int) -> tuple[str, str]:
        """Who answered, and what was wrong with the answer."""
        connection = http.client.HTTPConnection(self._address, timeout=TIMEOUT)
        try:
            connection.request(method, path, headers=self._headers)
            response = connection.getresponse()
            response.read()
            server = response.headers.get(SERVED_BY, "nobody")
            return server, "" if response.status == expected else f"{method} {path}: status {response.status}"
        except (OSError, http.client.HTTPException) as exc:
            return "nobody", f"{method} {path}: {type(exc).__name__} {exc}"
        finally:
            connection.close()
