# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What forbids a rollout: stopped at, or noted, so that everything is told at once (private)."""

from __future__ import annotations

import collections.abc
import typing as t

from ...module_utils._model.errors import RelmgmtError

__all__ = ["FIRM", "Asking", "Blocker", "Refusals"]

Answer = t.TypeVar("Answer")


class Blocker(t.NamedTuple):
    """One thing that forbids it. hosts: whom it is about; empty where it is about all of it."""

    code: str
    message: str
    hint: str = ""
    hosts: tuple[str, ...] = ()

    @classmethod
    def of(cls, error: RelmgmtError, hosts: collections.abc.Iterable[str] = ()) -> Blocker:
        return cls(error.code, error.message.strip(), error.hint, tuple(hosts))

    @classmethod
    def from_dict(cls, data: collections.abc.Mapping[str, t.Any]) -> Blocker:
        return cls(**{**data, "hosts": tuple(data["hosts"])})

    def to_dict(self) -> dict[str, t.Any]:
        return {**self._asdict(), "hosts": list(self.hosts)}


class Asking:
    """How questions that may be refused are asked. Here the first refusal ends it."""

    def ask(self, question: t.Callable[[], Answer], _otherwise: Answer) -> Answer:
        """What the question gives. Raises as the question."""
        return question()


FIRM = Asking()


class Refusals(Asking):
    """Collects blockers, each once."""

    def __init__(self) -> None:
        self.found: list[Blocker] = []

    def note(self, blocker: Blocker) -> None:
        if blocker not in self.found:
            self.found.append(blocker)

    def ask(self, question: t.Callable[[], Answer], otherwise: Answer) -> Answer:
        """What the question gives; ``otherwise`` where it is refused."""
        try:
            return question()
        except RelmgmtError as exc:
            self.note(Blocker.of(exc))
            return otherwise
