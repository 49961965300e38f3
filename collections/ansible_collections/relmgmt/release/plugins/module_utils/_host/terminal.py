# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The terminal at which somebody sits, or sat: a connection may be lost at any moment (private)."""

from __future__ import annotations

import os
import sys
import typing as t

__all__ = ["agrees", "say", "show"]


def show(text: str, stream: t.TextIO | None = None) -> None:
    """Write for people, by default to standard output. That nobody reads it any more changes nothing.

    What packages made their programs say can be in it, so nothing of it steers the terminal.
    """
    stream = sys.stdout if stream is None else stream
    plain = "".join(
        letter if letter.isprintable() or letter in "\n\t" else ascii(letter)[1:-1] for letter in text + "\n"
    )
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(plain.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def say(text: str) -> None:
    """Tell what is going on, beside the answer."""
    show(text, sys.stderr)


def agrees(question: str) -> bool:
    """Ask, and say whether the answer is yes."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
