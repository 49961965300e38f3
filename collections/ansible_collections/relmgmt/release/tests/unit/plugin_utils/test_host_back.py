# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that is started anew is asked until it answers, and not for ever."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import BackendError, ConflictError
from ansible_collections.relmgmt.release.plugins.plugin_utils._host_back import NOT_BACK, ask_when_back


class Host:
    """Answers with the errors, one after the other, then with "back"; every wait takes a second."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.now = list(errors), 0.0

    def ask(self) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return "back"

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def when_back(self, seconds: float) -> t.Any:
        return ask_when_back(self.ask, seconds=seconds, clock=lambda: self.now, wait=self.wait)


def test_it_is_asked_until_it_is_back() -> None:
    codes = ("host-rebooting", "host-silent", "host-unreachable", "host-locked")
    assert Host(*(ConflictError(code, "wait") for code in codes)).when_back(60) == "back"


def test_a_refusal_is_an_answer() -> None:
    with pytest.raises(ConflictError) as caught:
        Host(ConflictError("fenced", "no")).when_back(60)
    assert caught.value.code == "fenced"


def test_after_its_time_it_is_not_back() -> None:
    host = Host(*(BackendError("host-unreachable", "no route") for _try in range(100)))
    with pytest.raises(BackendError) as caught:
        host.when_back(10)
    assert (caught.value.code, "no route" in caught.value.message) == (NOT_BACK, True)
    assert 10 <= host.now <= 11
