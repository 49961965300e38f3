# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service that is taken back: says its version, or that it is not well while /run/sick-<version> is there."""

import os
import pathlib
import socket
import sys

VERSION = pathlib.Path(__file__).with_name("version").read_text()
listener = socket.create_server(("0.0.0.0", int(sys.argv[1])), backlog=128)
while True:
    connection, _address = listener.accept()
    with connection:
        connection.settimeout(2)
        try:
            connection.recv(4096)
            state = "500 Sick" if os.path.exists(f"/run/sick-{VERSION}") else "200 OK"
            head = f"HTTP/1.0 {state}\r\nContent-Length: {len(VERSION)}\r\n\r\n"
            connection.sendall((head + VERSION).encode())
        except OSError:
            continue
