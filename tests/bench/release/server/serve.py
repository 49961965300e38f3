# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service of the benchmark: it serves one file of the tree. Its argument is its configuration."""

from __future__ import annotations

import http.server
import json
import pathlib
import sys

CONFIG = json.loads(pathlib.Path(sys.argv[1]).read_text())


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        data = pathlib.Path(CONFIG["file"]).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing is logged."""


http.server.ThreadingHTTPServer(("0.0.0.0", CONFIG["port"]), Handler).serve_forever()
