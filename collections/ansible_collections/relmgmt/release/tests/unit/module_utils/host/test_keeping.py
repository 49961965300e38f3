# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file whose secret cannot be read is kept where what runs proves that it is the same, and nowhere else."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host.keeping import filled
from ansible_collections.relmgmt.release.plugins.module_utils._model.digest import digest_of
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import ConflictError
from ansible_collections.relmgmt.release.plugins.module_utils._model.profile import Profile

from .engine import Host, Package, packed

REFERENCE = "vault:kv/shop#token"
ORIGIN = {"rest": "r", "about": "a", "secrets": {"token": REFERENCE}, "reads": ["config/port", "secrets/token"]}


def profile(name: str, *, kept: bool, version: str = "3", **changes: t.Any) -> dict[str, t.Any]:
    made = packed({"app.conf": b"" if kept else b"token = hunter2"})
    if kept:
        made["files"] = [{"path": "app.conf", "mode": "0640", "kept": True}]
    origins = {"app.conf": {**ORIGIN, **changes}}
    return {**made, "digest": digest_of(name.encode()), "versions": {REFERENCE: version}, "origins": origins}


@pytest.fixture
def running(host: Host) -> Host:
    package = Package("1")
    host.ask("stage", payload=package.payload(), manifest=package.manifest.to_dict(), profile=profile("1", kept=False))
    host.ask("activate", deployment=1)
    host.ask("confirm", deployment=1)
    return host


def test_the_file_of_what_runs_is_kept(running: Host) -> None:
    package = Package("2")
    answer = running.ask(
        "stage", payload=package.payload(), manifest=package.manifest.to_dict(), profile=profile("2", kept=True)
    )
    assert answer["outcome"] == "staged"
    assert running.instance.disk.read("deployments", "2", "profile", "app.conf") == b"token = hunter2"


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"rest": "other"}, "its template or its values are other ones"),
        ({"secrets": {"token": "vault:kv/other#token"}}, "the secret token is another one"),
        ({"secrets": {}}, "with more secrets"),
        ({"version": "4"}, "is of another version"),
    ],
)
def test_a_file_is_not_kept_where(running: Host, changes: t.Any, part: str) -> None:
    asked = Profile.from_dict(profile("2", kept=True, **changes))
    with pytest.raises(ConflictError, match=part) as caught:
        filled(running.instance, asked)
    assert caught.value.code == "secret-previous-unusable" and "hunter2" not in str(caught.value)


def test_a_file_that_was_changed_comes_from_its_copy_and_where_that_is_lost_too_it_is_refused(running: Host) -> None:
    place = running.instance.disk.path("current", "profile", "app.conf")
    place.chmod(0o600)
    place.write_bytes(b"token = evil")
    asked = Profile.from_dict(profile("2", kept=True))
    assert filled(running.instance, asked).files[0].contents == b"token = hunter2"
    for copy in running.instance.disk.path("deployments", "1").rglob("app.conf"):
        copy.chmod(0o600)
        copy.write_bytes(b"token = evil")
    with pytest.raises(ConflictError, match="has lost it"):
        filled(running.instance, asked)


def test_nothing_runs_yet(host: Host) -> None:
    with pytest.raises(ConflictError, match="nothing runs here yet"):
        filled(host.instance, Profile.from_dict(profile("1", kept=True)))
