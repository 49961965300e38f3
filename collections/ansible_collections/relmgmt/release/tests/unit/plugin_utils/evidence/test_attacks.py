# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What somebody does who can write to the registry but has no key, or another one."""

from __future__ import annotations

import base64
import collections.abc
import datetime
import json
import pathlib
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.digest import canonical
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import IntegrityError
from ansible_collections.relmgmt.release.plugins.plugin_utils._dml import Keys
from ansible_collections.relmgmt.release.plugins.plugin_utils._evidence import Found, Phase, Rule, find, ready_signer
from ansible_collections.relmgmt.release.plugins.plugin_utils._evidence.envelope import PAYLOAD, seal

from .shown import NEW, NEWER, NOW, OLD, PACKAGE, World, make_world, rehearsal

Data = dict[str, t.Any]


@pytest.fixture
def world(tmp_path: pathlib.Path) -> collections.abc.Iterator[World]:
    made = make_world(tmp_path)
    with made.registry:
        yield made


def found(world: World, before: str = OLD, after: str = NEW, *, days: int = 90, environment: str = "") -> Found:
    return find(world.registry, PACKAGE, before, after, rule=Rule(days, environment), now=NOW)


def envelope(world: World) -> Data:
    (row,) = world.registry.evidence("https://relmgmt.example/rehearsal/v1", PACKAGE, OLD, NEW)
    return t.cast(Data, row["envelope"])


def replace_envelope(world: World, forged: object) -> None:
    world.forge("UPDATE evidence SET envelope = ?", json.dumps(forged))


def refused(world: World) -> str:
    """Why nothing counts: with the stable code."""
    answer = found(world)
    assert answer.rehearsal is None
    assert answer.code == "rehearsal-forged"
    return answer.reason


def altered(statement: Data, kind: str) -> Data:
    predicate = statement["predicate"]
    if kind == "digest":
        statement["subject"][0]["digest"]["sha256"] = "f" * 64
    elif kind == "other way round":
        predicate["before"], predicate["after"] = predicate["after"], predicate["before"]
    elif kind == "faster":
        predicate["phases"][1]["seconds"] = 0.1
    elif kind == "younger":
        predicate["finished"] = NOW.isoformat()
    return statement


@pytest.mark.parametrize("kind", ["digest", "other way round", "faster", "younger"])
def test_a_statement_that_was_altered_does_not_count(world: World, kind: str) -> None:
    world.rehearse()
    forged = envelope(world)
    statement = altered(json.loads(base64.b64decode(forged["payload"])), kind)
    replace_envelope(world, {**forged, "payload": base64.b64encode(canonical(statement)).decode()})
    assert "changed, or not signed" in refused(world)


def test_a_statement_signed_by_another_key_does_not_count(world: World, tmp_path: pathlib.Path) -> None:
    world.rehearse()
    other = Keys(tmp_path / "other").signer_or_new("rehearsal")
    replace_envelope(world, seal(rehearsal().to_statement(), other))
    assert "not signed by the key" in refused(world)


def test_another_key_under_the_name_of_the_trusted_one_does_not_count(world: World, tmp_path: pathlib.Path) -> None:
    world.rehearse()
    forged = seal(rehearsal().to_statement(), Keys(tmp_path / "other").signer_or_new("rehearsal"))
    forged["signatures"][0]["keyid"] = envelope(world)["signatures"][0]["keyid"]
    replace_envelope(world, forged)
    assert "not signed by the key" in refused(world)


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param({}, id="empty"),
        pytest.param([], id="no envelope"),
        pytest.param({"payload": "e30=", "payloadType": PAYLOAD, "signatures": []}, id="unsigned"),
        pytest.param({"payload": "e30=", "payloadType": PAYLOAD, "signatures": "x"}, id="no signatures"),
        pytest.param({"payload": 1, "payloadType": PAYLOAD, "signatures": []}, id="no payload"),
        pytest.param(
            {"payload": "e30=", "payloadType": PAYLOAD, "signatures": [{"sig": "!", "keyid": "x"}]}, id="no base64"
        ),
        pytest.param({"payload": "e30=", "payloadType": PAYLOAD, "signatures": [{"keyid": "x"}]}, id="no signature"),
    ],
)
def test_what_is_no_envelope_does_not_count(world: World, forged: object) -> None:
    world.rehearse()
    replace_envelope(world, forged)
    assert refused(world)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"predicateType": "https://slsa.dev/provenance/v1"}, id="another predicate"),
        pytest.param({"_type": "https://in-toto.io/Statement/v0.1"}, id="another statement"),
        pytest.param({"subject": []}, id="no subjects"),
        pytest.param({"subject": [{"name": "x", "digest": {"sha256": "f" * 64}}]}, id="another subject"),
        pytest.param({"predicate": {}}, id="empty predicate"),
        pytest.param({"predicate": None}, id="no predicate"),
        pytest.param(rehearsal(phases=(Phase("forward", 1.0, "host"),)).to_statement(), id="forward alone"),
    ],
)
def test_what_the_key_signed_for_another_purpose_does_not_count(world: World, change: Data) -> None:
    world.rehearse()
    replace_envelope(world, seal({**rehearsal().to_statement(), **change}, world.keys.signer("rehearsal")))
    assert "no statement of a rehearsal" in refused(world)


@pytest.mark.parametrize(
    ("column", "value", "before", "after"),
    [
        ("before", NEWER, NEWER, NEW),
        ("before", "absent", "absent", NEW),
        ("after", NEWER, OLD, NEWER),
    ],
)
def test_a_rehearsal_moved_to_another_way_does_not_count(
    world: World, column: str, value: str, before: str, after: str
) -> None:
    world.rehearse()
    world.forge(f'UPDATE evidence SET "{column}" = ?', value)
    answer = found(world, before, after)
    assert (answer.rehearsal, answer.code) == (None, "rehearsal-forged")
    assert "another way" in answer.reason


def test_the_way_back_is_not_the_way_forward(world: World) -> None:
    world.rehearse()
    assert found(world).rehearsal
    answer = found(world, before=NEW, after=OLD)
    assert (answer.rehearsal, answer.code) == (None, "rehearsal-missing")
    world.forge("UPDATE evidence SET before = ?, after = ?", NEW, OLD)
    assert found(world, before=NEW, after=OLD).code == "rehearsal-forged"


def test_evidence_that_was_forged_does_not_spoil_what_was_rehearsed(world: World) -> None:
    good = world.rehearse()
    world.rehearse(finished=NOW)
    world.forge("UPDATE evidence SET envelope = '{}' WHERE id != ?", good)
    answer = found(world)
    assert (answer.id, answer.code) == (good, "")


@pytest.mark.parametrize("statement", ["DELETE FROM settings", "UPDATE settings SET value = '{}'"])
def test_without_its_key_a_registry_believes_nothing(world: World, statement: str) -> None:
    world.rehearse()
    world.forge(statement)
    if "DELETE" in statement:
        assert "trusts no key" in refused(world)
    else:
        with pytest.raises(IntegrityError, match="cannot be read"):
            found(world)


def test_replay_of_an_old_rehearsal_expires(world: World) -> None:
    world.rehearse(finished=NOW - datetime.timedelta(days=90, seconds=1))
    world.forge("UPDATE evidence SET recorded = '2026-11-21T11:59:59.000000Z'")
    answer = found(world)
    assert (answer.rehearsal, answer.code) == (None, "rehearsal-expired")
    assert "2026-08-23" in answer.reason and "90 days" in answer.reason


def test_a_stolen_key_is_of_no_use_once_it_is_replaced(world: World, tmp_path: pathlib.Path) -> None:
    world.rehearse()
    assert ready_signer(world.registry, Keys(tmp_path / "another"), replace=True)
    assert "not signed by the key" in refused(world)
