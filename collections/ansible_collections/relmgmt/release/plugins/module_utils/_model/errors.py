# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors of relmgmt, split by whose fault they are (private).

RelmgmtError
├── InputError      what the user wrote is wrong: a file, a line, an option
├── IntegrityError  bytes or signatures are not what was promised
├── ConflictError   somebody else holds it, or it exists with other contents
└── BackendError    something underneath failed: disk, network, process, database
"""

from __future__ import annotations

import typing as t

__all__ = [
    "BackendError",
    "ConflictError",
    "InputError",
    "IntegrityError",
    "RelmgmtError",
    "combined",
    "error_from_dict",
]


class RelmgmtError(Exception):
    """Base of all errors that are raised on purpose.

    ``code`` is stable and meant for machines; the message says what is wrong and where; ``hint`` is the next step.
    None of them may carry a secret.
    """

    family = "error"

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        if self.message.endswith("\n"):
            return self.message + self.hint
        text = self.message if self.message.endswith((".", "?")) else self.message + "."
        return f"{text} {self.hint}" if self.hint else text

    def to_dict(self) -> dict[str, str]:
        return {"family": self.family, "code": self.code, "message": self.message, "hint": self.hint}


class InputError(RelmgmtError):
    """What the user wrote cannot be used as it is."""

    family = "input"


class IntegrityError(RelmgmtError):
    """Bytes, digests or signatures differ from what was promised."""

    family = "integrity"


class ConflictError(RelmgmtError):
    """Somebody else holds it, or it already exists with other contents."""

    family = "conflict"


class BackendError(RelmgmtError):
    """Something underneath failed: disk, network, process, database."""

    family = "backend"


_FAMILIES: dict[str, type[RelmgmtError]] = {
    kind.family: kind for kind in (InputError, IntegrityError, ConflictError, BackendError)
}


def error_from_dict(data: t.Mapping[str, t.Any]) -> RelmgmtError:
    """Rebuild an error that crossed the wire."""
    kind = _FAMILIES.get(str(data.get("family")), BackendError)
    return kind(str(data["code"]), str(data["message"]), hint=str(data.get("hint", "")))


def combined(errors: t.Sequence[RelmgmtError]) -> RelmgmtError:
    """One error for several found at once: family and code of the first, a message a line, each hint once."""
    if len(errors) == 1:
        return errors[0]
    message = "\n".join(error.message for error in errors)
    return type(errors[0])(errors[0].code, message, hint="\n".join(dict.fromkeys(e.hint for e in errors if e.hint)))
