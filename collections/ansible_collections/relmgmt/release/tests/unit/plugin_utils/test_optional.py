# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import BackendError
from ansible_collections.relmgmt.release.plugins.plugin_utils._optional import optional

STAND_INS = optional("no_such_package.part", "Absent", "Other", package="no-such-package")
Absent: t.Any = STAND_INS[0]
Other: t.Any = STAND_INS[1]


def test_what_is_installed_is_given() -> None:
    import json.decoder

    assert optional("json.decoder", "JSONDecoder", "JSONDecodeError", package="json") == (
        json.decoder.JSONDecoder,
        json.decoder.JSONDecodeError,
    )


def test_a_stand_in_can_be_subclassed_and_named_in_an_except() -> None:
    class Mine(Absent):  # type: ignore[misc]  # a stand-in is Any
        """Of something that is not there."""

    try:
        raise ValueError("mine")
    except Other:
        pytest.fail("a stand-in caught somebody else's error")
    except ValueError:
        pass
    assert issubclass(Mine, Absent)


def test_the_first_use_says_what_to_install() -> None:
    class Mine(Absent):  # type: ignore[misc]  # a stand-in is Any
        """Of something that is not there."""

    for use in (Absent, Mine, lambda: Absent("x", y=1), lambda: Absent.from_file, lambda: Mine.create("x")):
        with pytest.raises(BackendError) as caught:
            use()
        assert caught.value.code == "dependency-missing"
        assert "no-such-package" in caught.value.message
        assert "No module named 'no_such_package'" in caught.value.message
        assert "pip install no-such-package" in caught.value.hint


def test_tools_that_look_at_a_stand_in_do_not_use_it() -> None:
    assert Absent.__name__ == "no_such_package.part.Absent"
    assert "Absent" in repr(Absent)
    assert not hasattr(Absent, "__wrapped__")


def test_a_name_that_an_installed_package_lacks_is_our_mistake_not_the_user_s() -> None:
    with pytest.raises(AttributeError):
        optional("json", "no_such_name", package="json")
