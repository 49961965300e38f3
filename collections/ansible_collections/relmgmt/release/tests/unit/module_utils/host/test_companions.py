# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Companions: what a host holds is re-sealed with newer secrets when these are proven, and not a moment before."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host import companions
from ansible_collections.relmgmt.release.plugins.module_utils._host.capsule import Capsule
from ansible_collections.relmgmt.release.plugins.module_utils._host.cli_text import event, one
from ansible_collections.relmgmt.release.plugins.module_utils._host.status import status
from ansible_collections.relmgmt.release.plugins.module_utils._host.verify import verify
from ansible_collections.relmgmt.release.plugins.module_utils._model.digest import canonical, digest_of
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import BackendError, InputError

from .engine import Host, Package, profile

OLD, NEW = "s1", "s2"


def rendered(host: Host, secret: str, status: int = 200) -> dict[str, t.Any]:
    """As the controller renders it: the digest covers the secret's version, which is its value here."""
    made = profile(host.instance.path, host.port, secret=secret, status=status)
    return {**made, "digest": digest_of(canonical([status, secret])), "versions": {"vault:kv/a#b": secret}}


def stage(
    host: Host, package: Package, secret: str, *accompanied: tuple[int, Package], check: bool = False, **how: t.Any
) -> dict[str, t.Any]:
    return host.ask(
        "stage",
        check=check,
        payload=package.payload(),
        manifest=package.manifest.to_dict(),
        profile=rendered(host, secret, **how),
        companions=[
            {"deployment": number, "release": held.manifest.digest, "profile": rendered(host, secret)}
            for number, held in accompanied
        ],
    )


def deploy(host: Host, package: Package, secret: str, *accompanied: tuple[int, Package]) -> dict[str, t.Any]:
    number = stage(host, package, secret, *accompanied)["deployment"]
    host.ask("activate", deployment=number)
    return host.ask("confirm", deployment=number)


def secret_of(host: Host, deployment: int) -> str:
    assert Capsule(host.instance, deployment).damages() == []
    return host.instance.disk.path("deployments", str(deployment), "profile", "secret").read_text()


def names(host: Host) -> list[str]:
    return host.instance.disk.names("deployments")


ONE, TWO = Package("1.0.0"), Package("2.0.0")


@pytest.fixture
def held(host: Host) -> Host:
    """Version 1 runs with the old secret."""
    deploy(host, ONE, OLD)
    return host


def test_what_is_held_is_resealed_when_its_successor_is_confirmed_and_a_revert_comes_back_with_it(held: Host) -> None:
    assert stage(held, TWO, NEW, (1, ONE))["companions"] == [1]
    held.ask("activate", deployment=2)
    assert secret_of(held, 1) == OLD
    assert held.ask("confirm", deployment=2)["resealed"] == [1]
    assert secret_of(held, 1) == NEW
    assert names(held) == ["1", "2"]
    assert held.instance.meta(1)["versions"] == {"vault:kv/a#b": NEW}
    assert held.ask("revert", deployment=2)["outcome"] == "reverted"
    assert (held.instance.history().current, secret_of(held, 1)) == (1, NEW)


def test_a_revert_before_the_confirmation_leads_to_what_was_sealed_and_drops_the_companion(held: Host) -> None:
    stage(held, TWO, NEW, (1, ONE))
    held.ask("activate", deployment=2)
    assert names(held) == ["1", "1-with-2", "2"]
    assert held.ask("revert", deployment=2)["outcome"] == "reverted"
    assert (secret_of(held, 1), names(held)) == (OLD, ["1", "2"])
    assert held.instance.history().settled


def test_a_release_that_is_sick_with_its_secret_reseals_nothing(held: Host) -> None:
    stage(held, TWO, "s3", (1, ONE), status=500)
    assert held.ask("activate", deployment=2)["outcome"] == "reverted"
    assert (secret_of(held, 1), names(held)) == (OLD, ["1", "2"])


def test_staging_again_changes_nothing_and_check_mode_writes_nothing(held: Host) -> None:
    assert stage(held, TWO, NEW, (1, ONE), check=True)["companions"] == [1]
    assert names(held) == ["1"]
    assert stage(held, TWO, NEW, (1, ONE))["changed"]
    events = held.instance.journal.events()
    assert not stage(held, TWO, NEW, (1, ONE))["changed"]
    assert held.instance.journal.events() == events


def test_companions_may_come_to_what_is_staged_already_and_go_again(held: Host) -> None:
    assert stage(held, TWO, NEW)["companions"] == []
    assert stage(held, TWO, NEW, (1, ONE))["changed"]
    assert held.instance.history().companions == {2: {1: rendered(held, NEW)["digest"]}}
    assert stage(held, TWO, NEW)["changed"]
    assert (held.instance.history().companions, names(held)) == ({}, ["1", "2"])


def test_what_does_not_fit_is_left_out(held: Host) -> None:
    stage(held, TWO, OLD)  # never confirmed
    assert stage(held, Package("3.0.0"), NEW, (1, TWO), (2, TWO), (7, ONE))["companions"] == []
    assert stage(held, Package("4.0.0"), OLD, (1, ONE))["companions"] == []  # it is that already


def test_more_than_the_most_is_refused(held: Host) -> None:
    many = [(number, ONE) for number in range(1, companions.MOST + 2)]
    with pytest.raises(InputError) as refused:
        stage(held, TWO, NEW, *many)
    assert refused.value.code == "companions-malformed"


def test_a_companion_that_was_damaged_meanwhile_is_dropped(held: Host) -> None:
    stage(held, TWO, NEW, (1, ONE))
    path = held.instance.disk.path("deployments", "1-with-2", "capsule.json")
    path.write_bytes(path.read_bytes() + b" ")
    held.ask("activate", deployment=2)
    assert [check["ok"] for check in verify(held.instance, held.tools)["checks"] if "companion" in check["what"]] == [
        False
    ]
    assert held.ask("confirm", deployment=2)["resealed"] == []
    assert (secret_of(held, 1), names(held)) == (OLD, ["1", "2"])


@pytest.mark.parametrize("struck", ["write", "settle", "drop"])
def test_what_was_interrupted_is_finished_by_the_next_verb(
    held: Host, monkeypatch: pytest.MonkeyPatch, struck: str
) -> None:
    stage(held, TWO, NEW, (1, ONE))
    held.ask("activate", deployment=2)
    with monkeypatch.context() as patch:
        patch.setattr(companions.Companions, "_commit" if struck == "write" else "_finish", _fail)
        assert held.ask("confirm", deployment=2)["outcome"] == "confirmed"
    told = verify(held.instance, held.tools)
    assert any(check["what"].startswith(("re-sealing", "companion")) for check in told["checks"])
    assert not held.instance.history().settled
    answer = held.ask("prune", keep=5)
    assert answer["recovered"] == "re-sealed, interrupted: deployment 1"
    assert secret_of(held, 1) == NEW
    assert held.instance.history().settled


def _fail(*_args: t.Any, **_how: t.Any) -> t.NoReturn:
    raise OSError("the disk is sick")


def test_a_damaged_manifest_is_never_vouched_for_by_a_new_seal(held: Host) -> None:
    path = next(held.instance.disk.path("releases").glob("1.0.0-*/manifest.json"))
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b" ")
    assert stage(held, TWO, NEW, (1, ONE))["companions"] in ([], [1])
    held.ask("activate", deployment=2)
    held.ask("confirm", deployment=2)
    capsule = Capsule(held.instance, 1)
    assert capsule.manifest() is not None
    whole = path.read_bytes() == ONE.manifest.to_bytes()
    assert whole or any(name.endswith("manifest.json") for name in capsule.damages())


def test_without_a_manifest_nothing_is_called_whole(held: Host) -> None:
    for path in held.instance.path.glob("**/manifest.json"):
        path.chmod(0o644)
        path.write_bytes(b"{}")
    assert any(name.endswith("manifest.json") for name in Capsule(held.instance, 1).damages())


def test_prune_passes_over_a_companion_that_is_not_whole(held: Host) -> None:
    stage(held, TWO, NEW, (1, ONE))
    held.instance.disk.path("deployments", "1-with-2", "meta.json").unlink()
    assert "deployments/1-with-2" in held.ask("prune", keep=0)["removed"]


def test_prune_keeps_the_companions_of_what_stays_and_removes_those_of_nothing(held: Host) -> None:
    stage(held, TWO, NEW, (1, ONE))
    held.instance.disk.make_directory("deployments", "1-with-7")
    assert held.ask("prune", keep=0)["removed"] == ["deployments/1-with-7"]
    held.ask("activate", deployment=2)
    assert held.ask("confirm", deployment=2)["resealed"] == [1]
    removed = held.ask("prune", keep=0)["removed"]
    assert [path.partition("/")[0] for path in removed] == ["profiles"]  # with the old secret
    assert secret_of(held, 1) == NEW


def test_what_is_resealed_is_repaired_as_it_was_resealed(held: Host) -> None:
    deploy(held, TWO, NEW, (1, ONE))
    held.ask("revert", deployment=2)
    held.instance.disk.path("deployments", "1", "profile", "secret").unlink()
    assert stage(held, Package("3.0.0"), NEW)["repaired"] != []
    assert secret_of(held, 1) == NEW


def test_people_are_told_whose_secrets_a_deployment_has(held: Host) -> None:
    deploy(held, TWO, NEW, (1, ONE))
    answer = status(held.instance, held.tools)
    assert answer["previous"]["resealed"] == 2
    assert "with the secrets of deployment 2" in one(answer, lambda *_words: "")
    lines = [event(item, {}) for item in held.instance.journal.events()[-2:]]
    assert all("deployment 1 with the secrets of deployment 2" in line for line in lines)


def test_an_engine_that_does_not_know_of_it_says_so(held: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    deploy(held, TWO, NEW, (1, ONE))
    from ansible_collections.relmgmt.release.plugins.module_utils._host.journal import History

    monkeypatch.delattr(History, "_resealing")
    with pytest.raises(BackendError) as refused:
        held.instance.history()
    assert refused.value.code == "journal-newer"
