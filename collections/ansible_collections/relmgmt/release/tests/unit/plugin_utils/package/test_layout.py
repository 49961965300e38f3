# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The layout: what is read is what the digests promise, and damage is named."""

from __future__ import annotations

import collections.abc
import json
import pathlib
import shutil

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.digest import canonical, digest_of
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import IntegrityError
from ansible_collections.relmgmt.release.plugins.plugin_utils._package import Built, Layout, build

Write = collections.abc.Callable[..., pathlib.Path]


@pytest.fixture
def built(write: Write, tmp_path: pathlib.Path) -> Built:
    return build(write(), tmp_path / "out")


@pytest.fixture
def layout(built: Built, tmp_path: pathlib.Path) -> Layout:
    return Layout(tmp_path / "out")


def test_layout_is_one_that_oci_tools_read(layout: Layout, built: Built) -> None:
    index = json.loads((layout.path / "index.json").read_bytes())
    (descriptor,) = index["manifests"]
    assert descriptor["annotations"] == {"org.opencontainers.image.ref.name": "1.2.3"}
    document = json.loads(layout.blob_path(descriptor["digest"]).read_bytes())
    assert document["artifactType"] == "application/vnd.relmgmt.package.v1"
    assert document["config"]["digest"] == built.digest
    assert [layer["annotations"]["org.opencontainers.image.title"] for layer in document["layers"]] == ["app", "config"]
    for blob in [descriptor, document["config"], *document["layers"]]:
        data = layout.blob_path(blob["digest"]).read_bytes()
        assert (digest_of(data), len(data)) == (blob["digest"], blob["size"])


def test_layout_gives_back_the_manifest(layout: Layout, built: Built) -> None:
    assert layout.manifest() == layout.verify() == built.manifest
    assert digest_of(layout.manifest_bytes()) == built.digest


def _damage(data: bytes, how: str) -> bytes:
    if how == "one bit flipped":
        return data[:-1] + bytes([data[-1] ^ 1])
    return {"truncated": data[:-1], "extended": data + b"\0", "emptied": b""}[how]


@pytest.mark.parametrize("how", ["one bit flipped", "truncated", "extended", "emptied", "absent"])
@pytest.mark.parametrize("which", ["index", "marker", "OCI manifest", "manifest", "unit", "config"])
def test_damage_is_found(which: str, how: str, layout: Layout, built: Built) -> None:
    index = json.loads((layout.path / "index.json").read_bytes())
    config = built.manifest.config.unit
    assert config
    path = {
        "index": layout.path / "index.json",
        "marker": layout.path / "oci-layout",
        "OCI manifest": layout.blob_path(index["manifests"][0]["digest"]),
        "manifest": layout.blob_path(built.digest),
        "unit": layout.blob_path(built.manifest.units[0].blob.digest),
        "config": layout.blob_path(config.blob.digest),
    }[which]
    if how == "absent":
        path.unlink()
    else:
        path.write_bytes(_damage(path.read_bytes(), how))
    with pytest.raises(IntegrityError) as caught:
        layout.verify()
    assert caught.value.code in ("blob-digest-mismatch", "blob-missing", "layout-malformed")
    assert str(layout.path) in caught.value.message


def test_blob_of_another_version_is_refused(layout: Layout, built: Built, project: pathlib.Path, write: Write) -> None:
    (project / "src" / "run").write_text("#!/bin/sh\nexit 0\n")
    other = build(write(version="1.2.4"), layout.path.parent / "other")
    shutil.copy(
        layout.path.parent / "other" / "blobs" / "sha256" / other.manifest.units[0].blob.digest[7:],
        layout.blob_path(built.manifest.units[0].blob.digest),
    )
    with pytest.raises(IntegrityError, match="unit app") as caught:
        layout.verify()
    assert caught.value.code == "blob-digest-mismatch"


def _replace(layout: Layout, document: bytes) -> None:
    """Make the index name another OCI manifest, as somebody who can write the directory could."""
    index = json.loads((layout.path / "index.json").read_bytes())
    index["manifests"][0].update(digest=digest_of(document), size=len(document))
    layout.blob_path(digest_of(document)).write_bytes(document)
    (layout.path / "index.json").write_bytes(canonical(index))


def test_layers_other_than_the_units_are_refused(layout: Layout) -> None:
    index = json.loads((layout.path / "index.json").read_bytes())
    document = json.loads(layout.blob_path(index["manifests"][0]["digest"]).read_bytes())
    document["layers"].pop()
    _replace(layout, canonical(document))
    with pytest.raises(IntegrityError) as caught:
        layout.verify()
    assert caught.value.code == "layout-malformed"


@pytest.mark.parametrize("manifest", [b"{}", b"[]", b"null", b'{"format": 1}', b"{", b'{"format": 2}'])
def test_manifest_that_is_none_is_refused(manifest: bytes, layout: Layout) -> None:
    digest = digest_of(manifest)
    layout.blob_path(digest).write_bytes(manifest)
    media_type = "application/vnd.relmgmt.manifest.v1+json"
    _replace(layout, canonical({"config": {"mediaType": media_type, "digest": digest, "size": len(manifest)}}))
    with pytest.raises(IntegrityError) as caught:
        layout.manifest()
    assert caught.value.code == "manifest-malformed"


def test_manifest_that_is_not_canonical_is_refused(layout: Layout) -> None:
    """Two spellings of one manifest would be two digests of one package."""
    manifest = json.dumps(json.loads(layout.manifest_bytes()), indent=1).encode()
    layout.blob_path(digest_of(manifest)).write_bytes(manifest)
    media_type = "application/vnd.relmgmt.manifest.v1+json"
    config = {"mediaType": media_type, "digest": digest_of(manifest), "size": len(manifest)}
    _replace(layout, canonical({"config": config}))
    with pytest.raises(IntegrityError, match="canonical"):
        layout.manifest()
