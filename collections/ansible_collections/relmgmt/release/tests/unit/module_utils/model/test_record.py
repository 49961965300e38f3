# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records do what frozen dataclasses do, for whoever uses them as such too."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model import record as module
from ansible_collections.relmgmt.release.plugins.module_utils._model.record import field, record, replace, values


@record(frozen=True)
class Made:
    """A record."""

    KIND: t.ClassVar[str] = "made"
    name: str
    size: int = 3
    about: t.Mapping[str, str] = field(default_factory=dict)
    secret: str = field(repr=False, default_factory=str)


@dataclasses.dataclass(frozen=True)
class Usual:
    """The same as a dataclass."""

    KIND: t.ClassVar[str] = "made"
    name: str
    size: int = 3
    about: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    secret: str = dataclasses.field(repr=False, default_factory=str)


BOTH = pytest.mark.parametrize("kind", [Made, Usual])


@BOTH
def test_it_is_made_by_position_by_name_and_with_its_defaults(kind: t.Any) -> None:
    made = kind("a", about={"b": "c"})
    assert (made.name, made.size, made.about, made.secret, made.KIND) == ("a", 3, {"b": "c"}, "", "made")
    assert kind("a").about is not kind("a").about
    assert made == kind("a", 3, {"b": "c"}, secret="")
    assert made != kind("b", about={"b": "c"})
    assert made != ("a", 3, {"b": "c"}, "")


@BOTH
@pytest.mark.parametrize("given, named", [((), {}), ((1, 2, {}, "", 5), {}), ((1,), {"name": 1}), ((1,), {"other": 1})])
def test_what_does_not_fit_is_refused(kind: t.Any, given: tuple[t.Any, ...], named: dict[str, t.Any]) -> None:
    with pytest.raises(TypeError):
        kind(*given, **named)


@BOTH
def test_it_stays_as_it_is(kind: t.Any) -> None:
    made = kind("a")
    with pytest.raises(AttributeError):
        made.name = "b"
    with pytest.raises(AttributeError):
        made.other = "b"
    with pytest.raises(AttributeError):
        del made.name


@BOTH
def test_it_is_shown_without_what_is_not_to_be_shown(kind: t.Any) -> None:
    assert repr(kind("a", secret="hunter2")) == f"{kind.__name__}(name='a', size=3, about={{}})"


@BOTH
def test_it_hashes_by_its_values(kind: t.Any) -> None:
    assert hash(kind("a", about="b")) == hash(kind("a", about="b"))
    with pytest.raises(TypeError):
        hash(kind("a"))


@BOTH
def test_it_can_be_copied_and_sent(kind: t.Any) -> None:
    made = kind("a", about={"b": "c"})
    assert copy.deepcopy(made) == pickle.loads(pickle.dumps(made)) == made


@BOTH
def test_the_functions_of_dataclasses_know_it(kind: t.Any) -> None:
    made: t.Any = kind("a", about={"b": "c"})
    assert all(map(dataclasses.is_dataclass, (kind, made)))
    assert [one.name for one in dataclasses.fields(made)] == ["name", "size", "about", "secret"]
    assert dataclasses.fields(kind)[1].default == 3
    assert dataclasses.asdict(made) == {"name": "a", "size": 3, "about": {"b": "c"}, "secret": ""}
    assert dataclasses.replace(made, name="b") == kind("b", about={"b": "c"})
    with pytest.raises(TypeError):
        dataclasses.replace(made, other=1)


def test_it_is_replaced_and_read_without_them() -> None:
    made = Made("a")
    assert replace(made, size=4) == Made("a", 4)
    assert values(made) == {"name": "a", "size": 3, "about": {}, "secret": ""}
    unknown: dict[str, t.Any] = {"other": 1}
    with pytest.raises(TypeError):
        replace(made, **unknown)


def test_nothing_of_dataclasses_is_imported_for_it() -> None:
    script = (
        "import runpy, sys\n"
        f"made = runpy.run_path({module.__file__!r})\n"
        "Made = made['record'](frozen=True)(type('Made', (), {'__annotations__': {'name': 'str'}}))\n"
        "sys.exit(Made('a').name != 'a' or 'dataclasses' in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-I", "-S", "-c", script], check=True, timeout=60)
