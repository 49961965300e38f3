#!/usr/bin/env python3
# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Smoke test of a CalDAV server: ``caldav.py URL CREDENTIALS``.

CREDENTIALS is a JSON file with ``user`` and ``password``. Makes a calendar of its own, puts an event into it, finds the
event by a query, reads it, and removes the calendar again. Exit code 0: all of that worked.
"""

from __future__ import annotations

import base64
import http.client
import json
import sys
import urllib.parse

EVENT = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//relmgmt//smoke test//EN
BEGIN:VEVENT
UID:{uid}
DTSTAMP:20260101T000000Z
DTSTART:20260102T100000Z
DTEND:20260102T110000Z
SUMMARY:Smoke test
END:VEVENT
END:VCALENDAR
"""

CALENDAR = """<?xml version="1.0" encoding="utf-8"?>
<C:mkcalendar xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">
  <D:set><D:prop><D:displayname>Smoke test</D:displayname></D:prop></D:set>
</C:mkcalendar>
"""

QUERY = """<?xml version="1.0" encoding="utf-8"?>
<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">
  <D:prop><D:getetag/></D:prop>
  <C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">
    <C:time-range start="20260102T000000Z" end="20260103T000000Z"/>
  </C:comp-filter></C:comp-filter></C:filter>
</C:calendar-query>
"""


class CheckError(Exception):
    """The server did something else than it should."""


class Server:
    """Requests of one user over one connection."""

    def __init__(self, url: str, user: str, password: str) -> None:
        parts = urllib.parse.urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=15)
        self._prefix = parts.path.rstrip("/")
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}"}

    def ask(
        self, method: str, path: str, expected: tuple[int, ...], body: str = "", content_type: str = "", **headers: str
    ) -> str:
        """The body of the answer, which has one of the expected status codes."""
        headers = {**self._headers, **headers}
        if content_type:
            headers["Content-Type"] = content_type
        self._connection.request(method, self._prefix + path, body.encode() or None, headers)
        response = self._connection.getresponse()
        answer = response.read().decode("utf-8", "replace")
        if response.status not in expected:
            raise CheckError(f"{method} {path}: {response.status} {response.reason}")
        return answer


def check(server: Server, user: str) -> None:
    uid = "relmgmt-smoke"
    calendar = f"/{user}/{uid}/"
    event = f"{calendar}{uid}.ics"
    server.ask("DELETE", calendar, (404, 200, 204))  # of a run that was cut short
    server.ask("MKCALENDAR", calendar, (201,), CALENDAR, "application/xml; charset=utf-8")
    try:
        text = EVENT.format(uid=uid).replace("\n", "\r\n")
        server.ask("PUT", event, (201, 204), text, "text/calendar; charset=utf-8")
        found = server.ask("REPORT", calendar, (207,), QUERY, "application/xml; charset=utf-8", Depth="1")
        if event not in found:
            raise CheckError(f"REPORT {calendar}: the event is not among the answers")
        if uid not in server.ask("GET", event, (200,)):
            raise CheckError(f"GET {event}: the event came back changed")
    finally:
        server.ask("DELETE", calendar, (200, 204))


def main(url: str, credentials: str) -> str:
    with open(credentials, encoding="utf-8") as stream:
        data = json.load(stream)
    try:
        check(Server(url, data["user"], data["password"]), data["user"])
    except (CheckError, OSError, http.client.HTTPException) as exc:
        return f"CalDAV smoke test failed: {exc}"
    return ""


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) or 0)
