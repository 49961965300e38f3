# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base of controller verbs: what core's ActionBase lacks, in one place (private)."""

from __future__ import annotations

import pathlib
import typing as t

from ansible.plugins.action import ActionBase

from ..module_utils._model.errors import InputError, RelmgmtError
from ._spec import argument_spec

__all__ = ["ControllerAction", "plain"]

Result = dict[str, t.Any]


def plain(value: t.Any) -> t.Any:
    """The value as plain dict, list, str, int, float, bool, None: no tagged, lazy or vaulted types go further in."""
    if isinstance(value, t.Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool):
        return value
    for kind in (int, float):
        if isinstance(value, kind):
            return kind(value)
    # The text of a vaulted value is tagged again: str.__str__ makes a plain copy of it.
    return str.__str__(str(value))


class ControllerAction(ActionBase):
    """A verb that works on the controller alone. A subclass is named by its file and implements ``verb``."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: None = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        """Validate, run the verb, translate its error once."""
        result = super().run(tmp, task_vars)
        try:
            params = self.params()
            return {**result, **plain(self.verb(params, task_vars or {}))}
        except RelmgmtError as exc:
            return {**result, **self.failure(exc)}

    def verb(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> Result:
        """Do it and return the result; raise RelmgmtError where it cannot be done."""
        raise NotImplementedError

    def params(self) -> dict[str, t.Any]:
        """The task's arguments, validated against the documentation and plain."""
        name = type(self).__module__.rpartition(".")[2]
        _validated, values = self.validate_argument_spec(argument_spec=argument_spec(name))
        return t.cast("dict[str, t.Any]", plain(values))

    def path(self, value: str) -> pathlib.Path:
        """A path on the controller: ``~`` expanded, relative ones below the directory the user stands in."""
        if not value:
            raise InputError("path-empty", "a path is empty", hint="Name a path, or leave the option out.")
        return pathlib.Path(value).expanduser().absolute()

    @property
    def check_mode(self) -> bool:
        return bool(self._task.check_mode)

    @property
    def diff_mode(self) -> bool:
        return bool(self._task.diff)

    @staticmethod
    def failure(exc: RelmgmtError) -> Result:
        """The error as Ansible shows it: message with next step, and the stable code as ``code``."""
        return {"failed": True, "changed": False, "msg": str(exc), "code": exc.code}
