# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Progress as a screen that is drawn anew in place: a grid of waves and sites (private)."""

from __future__ import annotations

import collections.abc
import contextlib
import functools
import os
import sys
import threading
import typing as t

from .._optional import optional
from .grid import Grid, grid_of
from .run import Run

if t.TYPE_CHECKING:
    from rich.console import Console, Group, RenderableType
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text
else:
    Console, Group = optional("rich.console", "Console", "Group", package="rich")
    (Live,) = optional("rich.live", "Live", package="rich")
    (Table,) = optional("rich.table", "Table", package="rich")
    (Text,) = optional("rich.text", "Text", package="rich")

__all__ = ["Screen", "drawn", "screen_wanted"]

_STYLES = {
    "confirmed": "green",
    "provisional": "cyan",
    "held": "yellow",
    "reverted": "yellow",
    "failed": "red",
    "unreachable": "red",
    "unknown": "red",
    "waiting": "dim",
}
_A_SECOND = 2  # drawings


def screen_wanted(stream: t.TextIO, environ: collections.abc.Mapping[str, str] | None = None) -> bool:
    """Whether somebody sits at a terminal that can be drawn on. ansible-runner, and so AWX, reads a terminal of its
    own, line by line."""
    environ = os.environ if environ is None else environ
    plain = environ.get("NO_COLOR") or environ.get("TERM", "dumb") == "dumb" or "ORIGINAL_STDOUT_CALLBACK" in environ
    return not plain and stream.isatty()


class Screen:
    """Draws by itself until it is stopped; what others print meanwhile appears above."""

    def __init__(self, clock: collections.abc.Callable[[], float]) -> None:
        self.broken = ""
        self._run: Run | None = None
        self._clock, self._lock = clock, threading.Lock()
        self._live: Live | None = None

    @contextlib.contextmanager
    def still(self) -> collections.abc.Iterator[None]:
        """Nothing is drawn meanwhile: the run changes."""
        with self._lock:
            yield

    def show(self, run: Run) -> None:
        """Draw the run from now on. The cursor stays visible: whatever ends the process, the terminal is in order.

        Raises:
            RuntimeError: a drawing broke.
        """
        if self.broken:
            raise RuntimeError(self.broken)
        self._run = run
        if self._live is None:
            # A file of its own: core writes to sys.stdout under a lock that it also holds while it asks us to print.
            stream = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", errors="replace")
            console = Console(file=stream, force_terminal=True, highlight=False)
            self._live = Live(
                get_renderable=functools.partial(self._draw, console),
                console=console,
                refresh_per_second=_A_SECOND,
                redirect_stderr=sys.stderr.isatty(),
            )
            self._live.start(refresh=True)
            console.show_cursor(True)

    def stop(self, *, leave: bool) -> None:
        """Draw no more; leave: let the last drawing stand."""
        live, self._live = self._live, None
        if live is not None:
            live.transient = not leave
            live.stop()
            live.console.file.close()

    def _draw(self, console: Console) -> RenderableType:
        if self.broken or self._run is None:
            return Text("")
        try:
            with self._lock:
                grid = grid_of(self._run, self._clock(), width=console.width, height=console.height)
            return drawn(grid)
        except Exception as exc:  # in a thread that nobody waits for; the next event is told that
            self.broken = f"{type(exc).__name__}: {exc}"
            return Text("")


def drawn(grid: Grid) -> RenderableType:
    """The grid as rich draws it. Nothing in it is read as markup."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in grid.columns:
        table.add_column(Text(column, style="bold"))
    for row in grid.rows:
        name, *cells, state = row
        table.add_row(Text(name), *map(_cell, cells), Text(state))
    return Group(Text(grid.head, style="bold"), table, *map(Text, grid.notes))


def _cell(counts: str) -> Text:
    """Each count in the colour of its word."""
    text = Text()
    for line in counts.splitlines():
        text.append(("\n" if text else "") + line, style=_STYLES.get(line.rpartition(" ")[2], ""))
    return text
