# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A calendar that keeps its events in a database: each request reads a column of them."""

from __future__ import annotations

import http.server
import sys

import psycopg
from psycopg import sql

PORT, DATABASE, COLUMN = sys.argv[1:]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        query = sql.SQL("SELECT {} FROM events ORDER BY id").format(sql.Identifier(COLUMN))
        try:
            with psycopg.connect(DATABASE) as connection:
                code, body = 200, "\n".join(str(row[0]) for row in connection.execute(query))
        except psycopg.Error as exc:
            code, body = 500, str(exc)
        self.send_response(code)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args: object) -> None:
        """Nothing."""


http.server.ThreadingHTTPServer(("127.0.0.1", int(PORT)), Handler).serve_forever()
