#!/usr/bin/env python3
# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Serve the pages where there is no nginx: ``serve.py ADDRESS:PORT BASE_URL DIRECTORY...``.

A file of a later directory stands before one of the same name. Browsers ask each time whether a file has changed.
"""

from __future__ import annotations

import pathlib
import sys
import typing as t

# Not resolved: the units of a release are links that stand side by side.
sys.path.insert(0, str(pathlib.Path(__file__).absolute().parents[1] / "server" / "lib"))

from waitress import serve  # noqa: E402
from whitenoise import WhiteNoise  # noqa: E402


def nothing(environ: dict[str, t.Any], start_response: t.Callable[..., object]) -> list[bytes]:
    """What is asked for where no file is."""
    start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
    return [b"There is no such page.\n"]


def main(listen: str, base_url: str, *directories: str) -> None:
    pages = WhiteNoise(nothing, index_file=True, max_age=0)
    for directory in directories:
        pages.add_files(directory, prefix=base_url)
    serve(pages, listen=listen, threads=4)


if __name__ == "__main__":
    main(*sys.argv[1:])
