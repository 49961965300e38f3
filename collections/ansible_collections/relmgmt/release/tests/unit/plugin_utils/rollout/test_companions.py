# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts hold gets newer secrets beside a rollout, or it is told that it does not."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.digest import digest_of
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import BackendError, InputError
from ansible_collections.relmgmt.release.plugins.module_utils._model.manifest import Manifest
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import ProfileRecord
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout import (
    MOST_HELD,
    Accompanied,
    HostInput,
    Made,
    accompany,
    render_again,
)
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout.renewing import is_same
from ansible_collections.relmgmt.release.plugins.plugin_utils._secrets import PROVIDERS, Access, Reference, Secret

from .fleet import PACKAGE, deployment, host, info, manifest

TEMPLATE = "{{ secrets.db }} {{ secrets.key }}\n"
DB, KEY = "store:kv/app#db", "store:kv/app#key"


class Store:
    """Keeps versions of secrets, as KV v2 does; a version that is not in ``kept`` was destroyed."""

    kept: t.ClassVar[dict[str, str]] = {}
    asked: t.ClassVar[list[str]] = []

    def __init__(self, access: Access, scheme: str) -> None:
        """Nothing is asked yet."""

    def check(self, reference: Reference) -> None:
        """Everything may be asked for."""

    def read(self, reference: Reference) -> Secret:
        self.asked.append(str(reference))
        if str(reference) not in self.kept:
            raise BackendError("secret-missing", f"{reference} is not there")
        return Secret(str(reference), self.kept[str(reference)], reference.version)

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch) -> type[Store]:
    monkeypatch.setitem(PROVIDERS, "store", Store)
    monkeypatch.setattr(Store, "kept", {f"{DB}@1": "db-1", f"{KEY}@1": "key-1"})
    monkeypatch.setattr(Store, "asked", [])
    return Store


def secrets(db: str, key: str) -> dict[str, Secret]:
    """Name → secret of these versions."""
    return {"db": Secret(DB, f"db-{db}", db), "key": Secret(KEY, f"key-{key}", key)}


class Case:
    """A host that holds one package and is about to get another one."""

    def __init__(self, directory: pathlib.Path, *, key: str = "newest_held") -> None:
        self.directory = directory
        self.paths: dict[str, pathlib.Path] = {}
        self.old, self.new = self.package("1.0.0", key), self.package("2.0.0", key)
        self.records: dict[str, ProfileRecord] = {}
        self.sealed = self.make("a", self.old, secrets("1", "1"))

    def package(self, version: str, key: str) -> Manifest:
        path = self.directory / version
        (path / "config").mkdir(parents=True)
        (path / "config" / "app.j2").write_text(TEMPLATE)
        entry = {"path": "app.j2", "mode": "0644", "size": len(TEMPLATE), "digest": digest_of(TEMPLATE.encode())}
        blob = {"digest": digest_of(b""), "size": 0}
        unit = {"name": "config", "kind": "files", "destination": "config", "blob": blob, "entries": [entry]}
        needs = ["db", "key" if key == "newest_held" else {"name": "key", "on_revert": key}]
        config = {"templates": [{"source": "app.j2", "destination": "app"}], "secrets": needs, "unit": unit}
        made = manifest(version, config=config)
        (path / "manifest.json").write_bytes(made.to_bytes())
        self.paths[made.digest] = path
        return made

    def make(self, name: str, of: Manifest, bound: dict[str, Secret]) -> Made:
        about = {"environment": "prod", "instance": "main"}
        record = ProfileRecord(
            "", PACKAGE, of.version, of.digest, "prod", "main", name, {}, {"db": DB, "key": KEY}, {}, {}, about
        )
        by_reference = {secret.reference: secret for secret in bound.values()}
        (made,) = render_again([record], of, self.paths[of.digest], by_reference)
        self.records[made.profile.digest] = dataclasses.replace(made.record(), recorded="2026-03-01T10:00:00Z")
        return made

    def input(self, *deployments: dict[str, t.Any]) -> HostInput:
        return host(info(*(deployments or [deployment(1, self.old, self.sealed.profile.digest)])))

    def accompany(self, bound: dict[str, Secret], known: HostInput | None = None) -> Accompanied:
        return accompany(
            {"a": self.make("a", self.new, bound)},
            {"a": known or self.input()},
            known=lambda digests: {digest: self.records[digest] for digest in digests if digest in self.records},
            fetch=lambda releases: {digest: self.paths[digest] for digest in releases if digest in self.paths},
            access=Access(lambda path: path, pathlib.Path("/"), {}),
        )


def contents(found: Accompanied) -> dict[int, bytes]:
    return {each.deployment: each.made.profile.files[0].contents for each in found.companions.get("a", ())}


def test_what_is_held_gets_the_newer_version(tmp_path: pathlib.Path, store: type[Store]) -> None:
    case = Case(tmp_path)
    found = case.accompany(secrets("2", "1"))
    assert (contents(found), found.notes) == ({1: b"db-2 key-1\n"}, ())
    (companion,) = found.companions["a"]
    assert companion.made.profile.versions == {DB: "2", KEY: "1"}
    assert (companion.release, companion.made.record().host) == (case.old.digest, "a")
    assert not store.asked
    assert "db-2" not in repr(found)
    assert json.loads(json.dumps(companion.to_dict()))["deployment"] == 1


def test_a_secret_that_belongs_to_its_deployment_stays_as_it_was_sealed(
    tmp_path: pathlib.Path, store: type[Store]
) -> None:
    case = Case(tmp_path, key="same_deployment")
    found = case.accompany(secrets("2", "2"))
    assert (contents(found), store.asked) == ({1: b"db-2 key-1\n"}, [f"{KEY}@1"])
    assert found.companions["a"][0].made.profile.versions == {DB: "2", KEY: "1"}


def test_where_that_version_is_gone_the_deployment_keeps_its_seal_and_that_is_told(
    tmp_path: pathlib.Path, store: type[Store]
) -> None:
    store.kept.clear()
    found = Case(tmp_path, key="same_deployment").accompany(secrets("2", "2"))
    assert found.companions == {}
    assert found.notes == (f"1.0.0 would come back with the secrets of 2026-03-01 on a: {KEY}@1 is not there",)


@pytest.mark.parametrize(("db", "key"), [("1", "1"), ("1", "2")])
def test_nothing_is_made_and_nothing_told_where_nothing_is_newer_that_may_be(
    tmp_path: pathlib.Path, db: str, key: str
) -> None:
    assert Case(tmp_path, key="same_deployment").accompany(secrets(db, key)) == Accompanied({})


def test_what_is_not_on_record_or_has_no_package_is_told(tmp_path: pathlib.Path) -> None:
    case = Case(tmp_path)
    of = case.sealed.profile.digest
    unknown = case.accompany(secrets("2", "2"), case.input(deployment(1, case.old, digest_of(b"another"))))
    assert unknown.notes == (
        "1.0.0 would come back with the secrets it was sealed with on a: what its configuration was made of is not on"
        " record",
    )
    del case.paths[case.old.digest]
    gone = case.accompany(secrets("2", "2"), case.input(deployment(1, case.old, of)))
    assert gone.notes == ("1.0.0 would come back with the secrets of 2026-03-01 on a: its package cannot be had",)
    assert gone.companions == unknown.companions == {}


def test_a_package_that_was_changed_is_not_rendered(tmp_path: pathlib.Path) -> None:
    case = Case(tmp_path)
    (case.paths[case.old.digest] / "config" / "app.j2").write_text("{{ secrets.db }}")
    found = case.accompany(secrets("2", "2"))
    assert found.companions == {} and "not the one that the manifest names" in found.notes[0]


def test_only_the_newest_that_were_confirmed_and_lie_before_no_point_of_no_return(tmp_path: pathlib.Path) -> None:
    case = Case(tmp_path)
    of = case.sealed.profile.digest
    held = [deployment(number, case.old, of) for number in range(1, MOST_HELD + 3)]
    held[2] = deployment(3, case.old, of, status="reverted")
    assert sorted(contents(case.accompany(secrets("2", "2"), case.input(*held)))) == [2, 4, 5, 6][-MOST_HELD:]
    frozen = host(info(*held, frozen_at=5))
    assert sorted(contents(case.accompany(secrets("2", "2"), frozen))) == [5, 6]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("vault:kv/a#b", "vault:kv/a#b@3", True),
        ("vault:kv/a#b@2", "vault:kv/a#b@3", True),
        ("vault:kv/a#b", "vault:kv/a#c", False),
        ("vault:kv/a#b", "vault+eu:kv/a#b", False),
        ("env:TOKEN#1", "env:TOKEN#2", True),
    ],
)
def test_references_that_name_one_secret(one: str, other: str, same: bool) -> None:
    assert is_same(one, other) is same


def test_a_reference_that_is_none_is_refused() -> None:
    with pytest.raises(InputError):
        is_same("hunter2", "vault:kv/a#b")
