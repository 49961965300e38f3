# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The application of the fault sweep: says over HTTP which version it is, what its files are, whether it gets traffic.

Flags in a directory make one version, the one that its configuration calls faulty, ill: ``down`` ends it and does not
let it start again, ``appends`` makes it append to one of its own files.
"""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import pathlib
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
CONFIG = json.loads(pathlib.Path(sys.argv[1]).read_text())
VERSION = (HERE / "version").read_text().strip()
FLAGS = pathlib.Path(CONFIG["flags"])


def digest() -> str:
    """Of every file of the release's tree, names included."""
    sha = hashlib.sha256()
    for path in sorted(HERE.iterdir()):
        sha.update(b"%s\0%s\0" % (path.name.encode(), path.read_bytes()))
    return sha.hexdigest()


def traffic() -> bool:
    """Whether the balancer's question would be answered with yes."""
    return not CONFIG["traffic"] or os.path.exists(CONFIG["traffic"])


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"version": VERSION, "digest": digest(), "traffic": traffic()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Say nothing."""


def obey() -> None:
    """Look for the flags, again and again."""
    while True:
        if (FLAGS / "down").exists():
            os._exit(1)
        if (FLAGS / "appends").exists() and not (FLAGS / "appended").exists():
            with open(HERE / "shared.txt", "ab") as stream:
                stream.write(b"spoiled\n")
            (FLAGS / "appended").touch()
        time.sleep(0.05)


def main() -> None:
    if CONFIG["faulty"] == VERSION:
        if (FLAGS / "down").exists():
            sys.exit("told not to start")
        threading.Thread(target=obey, daemon=True).start()
    http.server.ThreadingHTTPServer(("0.0.0.0", CONFIG["port"]), Handler).serve_forever()


if __name__ == "__main__":
    main()
