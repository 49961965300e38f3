# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers with its version as its configuration says, until its instance is gone."""

from __future__ import annotations

import http.server
import os
import pathlib
import sys

INSTANCE, RELEASE, CONFIG = map(pathlib.Path, sys.argv[1:])
PORT, STATUS, TOKEN = CONFIG.read_text().split()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(int(STATUS))
        self.end_headers()
        self.wfile.write(RELEASE.joinpath("content", "version").read_bytes())

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class Server(http.server.HTTPServer):
    def service_actions(self) -> None:
        if not INSTANCE.exists():
            os._exit(0)


Server(("127.0.0.1", int(PORT)), Handler).serve_forever(poll_interval=0.1)
