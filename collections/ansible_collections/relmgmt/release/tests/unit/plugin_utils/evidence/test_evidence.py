# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is signed, what counts, and the key that it takes."""

from __future__ import annotations

import base64
import collections.abc
import datetime
import json
import pathlib

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.plugin_utils._dml import Keys
from ansible_collections.relmgmt.release.plugins.plugin_utils._evidence import (
    ABSENT,
    Found,
    Phase,
    Rehearsal,
    Rule,
    find,
    ready_signer,
    signer,
)

from .shown import NEW, NOW, OLD, PACKAGE, World, make_world, rehearsal


@pytest.fixture
def world(tmp_path: pathlib.Path) -> collections.abc.Iterator[World]:
    made = make_world(tmp_path, ready=False)
    with made.registry:
        yield made


def found(world: World, before: str = OLD, *, days: int = 90, environment: str = "") -> Found:
    return find(world.registry, PACKAGE, before, NEW, rule=Rule(days, environment), now=NOW)


def code_of(call: collections.abc.Callable[[], object]) -> str:
    with pytest.raises(RelmgmtError) as caught:
        call()
    assert caught.value.hint
    return caught.value.code


def test_it_is_an_in_toto_statement_in_a_dsse_envelope(world: World) -> None:
    ready_signer(world.registry, world.keys)
    identity = world.rehearse()
    (row,) = world.registry.evidence("https://relmgmt.example/rehearsal/v1", PACKAGE, OLD, NEW)
    assert row["id"] == identity and identity.startswith("sha256:")
    assert row["envelope"]["payloadType"] == "application/vnd.in-toto+json"
    statement = json.loads(base64.b64decode(row["envelope"]["payload"]))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert [subject["digest"]["sha256"] for subject in statement["subject"]] == ["2" * 64, "1" * 64]
    predicate = statement["predicate"]
    assert (predicate["before"]["digest"], predicate["after"]["digest"]) == (OLD, NEW)
    assert (predicate["hosts"], predicate["sites"], predicate["environment"]) == (1, ["ber"], "ci")
    assert predicate["phases"][1] == {"name": "forward", "seconds": 3.14, "clock": "host"}
    assert (predicate["engine"], predicate["registry"]) == ("sha256:" + "e" * 64, "0f5c")
    assert predicate["finished"] == "2026-11-20T12:00:00+00:00"


def test_what_is_read_is_what_was_signed() -> None:
    shown = rehearsal(sites=("ber", "mad"), hosts=2)
    assert Rehearsal.from_statement(json.loads(json.dumps(shown.to_statement()))) == shown


def test_where_nothing_was_installed_there_is_one_subject(world: World) -> None:
    ready_signer(world.registry, world.keys)
    first = rehearsal(before=ABSENT, version_before="absent")
    assert len(first.to_statement()["subject"]) == 1
    world.rehearse(before=ABSENT, version_before="absent")
    assert found(world, ABSENT).rehearsal == first
    assert found(world).code == "rehearsal-missing"


def test_the_newest_rehearsal_counts_whatever_was_recorded_last(world: World) -> None:
    ready_signer(world.registry, world.keys)
    slow = (Phase("forward", 9.0, "host"), Phase("back", 1.0, "host"))
    newest = world.rehearse(phases=slow, finished=NOW - datetime.timedelta(hours=1))
    world.rehearse()
    answer = found(world)
    assert answer.id == newest and answer.rehearsal and answer.rehearsal.phases == slow


def test_the_same_rehearsal_twice_is_one_record(world: World) -> None:
    ready_signer(world.registry, world.keys)
    assert world.rehearse() == world.rehearse()
    assert len(world.registry.evidence("https://relmgmt.example/rehearsal/v1", PACKAGE, OLD, NEW)) == 1


@pytest.mark.parametrize(("age", "code"), [(0, ""), (7, ""), (7.1, "rehearsal-expired"), (-2, "rehearsal-expired")])
def test_it_counts_for_as_long_as_the_rule_says(world: World, age: float, code: str) -> None:
    ready_signer(world.registry, world.keys)
    world.rehearse(finished=NOW - datetime.timedelta(days=age))
    assert found(world, days=7).code == code


def test_the_rule_may_ask_for_the_same_environment(world: World) -> None:
    ready_signer(world.registry, world.keys)
    world.rehearse()
    assert found(world).rehearsal and found(world, environment="ci").rehearsal
    answer = found(world, environment="prod")
    assert (answer.code, answer.reason) == ("rehearsal-missing", "it was rehearsed in ci only")


def test_the_key_is_made_on_first_use_for_its_owner_alone_and_kept(world: World) -> None:
    assert ready_signer(world.registry, world.keys, write=False)
    assert not world.keys.directory.exists() and world.registry.setting("rehearsal-key") is None
    assert ready_signer(world.registry, Keys(world.keys.directory))
    path = world.keys.directory / "rehearsal.pem"
    assert (oct(path.stat().st_mode & 0o777), oct(path.parent.stat().st_mode & 0o777)) == ("0o600", "0o700")
    before = path.read_bytes()
    assert not ready_signer(world.registry, Keys(world.keys.directory))
    assert path.read_bytes() == before
    assert b"PRIVATE" not in json.dumps(world.registry.setting("rehearsal-key")).encode()


def test_a_registry_whose_key_is_elsewhere_signs_nothing_and_makes_no_other(
    world: World, tmp_path: pathlib.Path
) -> None:
    ready_signer(world.registry, world.keys)
    elsewhere = Keys(tmp_path / "elsewhere")
    assert code_of(lambda: ready_signer(world.registry, elsewhere)) == "key-missing"
    assert not elsewhere.directory.exists()
    elsewhere.signer_or_new("rehearsal")
    elsewhere.store()
    assert code_of(lambda: ready_signer(world.registry, elsewhere)) == "rehearsal-key-other"
    assert code_of(lambda: signer(world.registry, elsewhere)) == "rehearsal-key-other"


def test_a_lost_key_is_replaced_on_request_and_what_it_signed_counts_no_more(
    world: World, tmp_path: pathlib.Path
) -> None:
    ready_signer(world.registry, world.keys)
    world.rehearse()
    another = Keys(tmp_path / "another")
    assert ready_signer(world.registry, another, replace=True, write=False)
    assert not another.directory.exists() and found(world).rehearsal
    assert ready_signer(world.registry, Keys(another.directory), replace=True)
    assert found(world).code == "rehearsal-forged"
    world.keys = Keys(another.directory)
    world.rehearse()
    assert found(world).rehearsal


def test_a_key_that_others_can_read_signs_nothing(world: World) -> None:
    ready_signer(world.registry, world.keys)
    (world.keys.directory / "rehearsal.pem").chmod(0o644)
    assert code_of(lambda: ready_signer(world.registry, Keys(world.keys.directory))) == "keys-readable"
