# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unit kind ``archive``: what is carried, and what somebody else's archive may not bring."""

from __future__ import annotations

import base64
import bz2
import collections.abc
import gzip
import hashlib
import io
import lzma
import pathlib
import struct
import tarfile
import typing as t
import zipfile

import pytest
import zstandard

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.module_utils._model.manifest import Entry
from ansible_collections.relmgmt.release.plugins.plugin_utils._package import LIMITS, Limits, build

Write = collections.abc.Callable[..., pathlib.Path]
PACKERS: dict[str, collections.abc.Callable[[bytes], bytes]] = {
    "tar": lambda data: data,
    "tar.gz": gzip.compress,
    "tar.bz2": bz2.compress,
    "tar.xz": lzma.compress,
    "tar.zst": zstandard.ZstdCompressor().compress,
}


def member(name: str, data: bytes = b"x", **about: t.Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in about.items():
        setattr(info, key, value)
    return info, data


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, b"", type=kind, linkname=target)


def tar(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT, encoding: str = "utf-8") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form, encoding=encoding) as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes], comment: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = comment
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def zip_info(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


GOOD = [
    member("package/run", b"#!/bin/sh\n", mode=0o750, mtime=1234567890, uid=501, uname="ann"),
    member("package", b"", type=tarfile.DIRTYPE),
    member("package/lib/a.js", b"a", mode=0o600),
    member("package/lib/a.js.map", b"{}"),
    link("package/start", "run"),
    link("package/same", "package/lib/a.js", tarfile.LNKTYPE),
]


class Archive:
    """Builds a package with one archive as its only unit."""

    def __init__(self, project: pathlib.Path, write: Write, out: pathlib.Path) -> None:
        self.path, self._write, self.out = project / "archive.bin", write, out

    def build(self, data: bytes, *, digest: str = "", limits: Limits = LIMITS, **about: t.Any) -> dict[str, Entry]:
        self.path.write_bytes(data)
        digest = digest or f"sha256:{hashlib.sha256(data).hexdigest()}"
        unit = {"name": "ui", "kind": "archive", "source": "archive.bin", "destination": "ui", "digest": digest}
        built = build(self._write(units=[{**unit, **about}], state=[]), self.out, limits=limits)
        self.digest = built.digest
        return {entry.path: entry for entry in built.manifest.units[0].entries}


@pytest.fixture
def archive(project: pathlib.Path, write: Write, tmp_path: pathlib.Path) -> Archive:
    return Archive(project, write, tmp_path / "out")


@pytest.mark.parametrize("packer", PACKERS)
def test_tar_becomes_plain_files_and_links(packer: str, archive: Archive) -> None:
    found = archive.build(PACKERS[packer](tar(*GOOD)), strip=1, excludes=["*.map"])
    assert list(found) == ["lib/a.js", "run", "same", "start"]
    assert (found["run"].mode, found["lib/a.js"].mode, found["start"].link) == ("0755", "0644", "run")
    assert found["same"].digest == found["lib/a.js"].digest


def test_zip_becomes_plain_files_and_links(archive: Archive) -> None:
    data = zipped(
        ("ui/", b""),
        (zip_info("ui/run", 0o100755), b"#!/bin/sh\n"),
        (zip_info("ui/start", 0o120777), b"run"),
        ("ui/page.html", b"<p>"),
        comment=b"of a commit",
    )
    found = archive.build(data, strip=1)
    assert (found["run"].mode, found["page.html"].mode, found["start"].link) == ("0755", "0644", "run")


def test_zip_that_was_written_to_a_pipe_is_read(archive: Archive) -> None:
    class Pipe(io.RawIOBase):
        """Whoever writes to it cannot go back, so sizes follow the members."""

        def __init__(self) -> None:
            super().__init__()
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: t.Any) -> int:
            self.data += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a", b"1" * 100)
        packed.writestr("b", b"2" * 100)
    assert sorted(archive.build(pipe.data)) == ["a", "b"]


def test_tree_that_was_packed_from_inside_is_read(archive: Archive) -> None:
    assert list(archive.build(tar(member("./", b"", type=tarfile.DIRTYPE), member("./a")))) == ["a"]


def test_only_what_is_included_is_taken(archive: Archive) -> None:
    assert list(archive.build(tar(*GOOD), includes=["*.js"], strip=2)) == ["a.js"]


def test_excluded_directory_is_left_out_whole(archive: Archive) -> None:
    assert "lib/a.js" not in archive.build(tar(*GOOD[:5]), strip=1, excludes=["package/lib"])


def test_what_is_excluded_may_be_a_device(archive: Archive) -> None:
    assert list(archive.build(tar(member("a"), member("dev/null", b"", type=tarfile.CHRTYPE)), excludes=["dev"])) == [
        "a"
    ]


def test_package_does_not_depend_on_times_owners_order_or_compression(archive: Archive) -> None:
    archive.build(tar(*GOOD))
    first = archive.digest
    other = [member(info.name, data, mode=info.mode, type=info.type, linkname=info.linkname) for info, data in GOOD[:4]]
    archive.build(gzip.compress(tar(*other[::-1], *GOOD[4:], form=tarfile.GNU_FORMAT)))
    assert archive.digest == first


@pytest.mark.parametrize("form", ["sha256:hex", "sha512:hex", "sha512-base64"])
def test_digest_is_accepted_as(form: str, archive: Archive) -> None:
    data = tar(member("a"))
    digest = hashlib.new(form[:6], data).digest()
    text = digest.hex() if form.endswith("hex") else base64.b64encode(digest).decode()
    assert archive.build(data, digest=form[:7] + text)


@pytest.mark.parametrize("digest", ["md5:aa", "sha256:zz", "sha512:" + 64 * "a", "sha512-aaa", "sha256:"])
def test_what_is_no_digest_is_refused(digest: str, archive: Archive) -> None:
    with pytest.raises(RelmgmtError) as caught:
        archive.build(tar(member("a")), digest=digest)
    assert caught.value.code == "digest-malformed"


def _sparse() -> bytes:
    return tar(member("a", b"", pax_headers={"GNU.sparse.map": "0,0", "GNU.sparse.size": "99"}))


def _local_name_differs() -> bytes:
    data = zipped(("good", b"x"))
    return data.replace(b"good", b"evil", 1)


def _local_size_differs() -> bytes:
    data = bytearray(zipped(("a", b"x")))
    struct.pack_into("<L", data, 22, 9)
    return bytes(data)


def _hidden_member() -> bytes:
    """A second member that the directory does not know; a reader that goes from the front finds it."""
    data, hidden = zipped(("a", b"x")), zipped(("b", b"y"))
    hidden = hidden[: hidden.index(b"PK\x01\x02")]
    at = data.index(b"PK\x01\x02")
    changed = bytearray(data[:at] + hidden + data[at:])
    struct.pack_into("<L", changed, len(changed) - 6, at + len(hidden))  # where the directory begins
    return bytes(changed)


def _overlapping() -> bytes:
    """Two entries of the directory for one member."""
    data = zipped(("a", b"x"), ("b", b"x"))
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)
    changed = bytearray(data)
    struct.pack_into("<L", changed, second + 42, 0)
    changed[second + 46 : second + 47] = b"a"
    return bytes(changed)


def _encrypted() -> bytes:
    data = bytearray(zipped(("a", b"x")))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def _nul_in_zip() -> bytes:
    return zipped(("aQb", b"x")).replace(b"aQb", b"a\0b")


def _latin_in_zip() -> bytes:
    return zipped(("aQb", b"x")).replace(b"aQb", b"a\xe9b")


ATTACKS: dict[str, tuple[collections.abc.Callable[[], bytes], str]] = {
    "an absolute path": (lambda: tar(member("/etc/passwd")), "path-unsafe"),
    "a path that goes up": (lambda: tar(member("a/../../b")), "path-unsafe"),
    "a path that goes up in a zip": (lambda: zipped(("../a", b"x")), "path-unsafe"),
    "an absolute path in a zip": (lambda: zipped(("/a", b"x")), "path-unsafe"),
    "a backslash in a zip": (lambda: zipped(("..\\a", b"x")), "path-unsafe"),
    "a link out": (lambda: tar(member("a"), link("out", "../b")), "link-escapes"),
    "an absolute link": (lambda: tar(member("a"), link("out", "/etc/passwd")), "link-escapes"),
    "a link out in a zip": (lambda: zipped((zip_info("out", 0o120777), b"../b")), "link-escapes"),
    "a link out through a link": (lambda: tar(member("a"), link("d", "."), link("out", "d/../../b")), "link-escapes"),
    "a file behind a link": (lambda: tar(member("x/a"), link("d", "x"), member("d/b")), "destination-repeated"),
    "a link to nothing": (lambda: tar(member("a"), link("out", "gone")), "link-dangling"),
    "links that lead to each other": (lambda: tar(member("c"), link("a", "b"), link("b", "a")), "link-dangling"),
    "a hard link out": (lambda: tar(link("a", "/etc/passwd", tarfile.LNKTYPE)), "link-escapes"),
    "a hard link to a link": (lambda: tar(link("a", "b"), link("c", "a", tarfile.LNKTYPE)), "link-escapes"),
    "a device": (lambda: tar(member("a", b"", type=tarfile.BLKTYPE)), "file-special"),
    "a pipe": (lambda: tar(member("a", b"", type=tarfile.FIFOTYPE)), "file-special"),
    "a file without a name": (lambda: tar(member("a"), member("./")), "path-unsafe"),
    "a pipe in a zip": (lambda: zipped((zip_info("a", 0o010644), b"")), "file-special"),
    "a sparse file": (_sparse, "file-special"),
    "a type that nobody knows": (lambda: tar(member("a", b"", type=b"Z")), "file-special"),
    "one name twice": (lambda: tar(member("a"), member("a", b"y")), "path-repeated"),
    "one name in two ways": (lambda: tar(member("a"), member("./a", b"y")), "path-repeated"),
    "a file and a directory of one name": (
        lambda: tar(member("a"), member("a", b"", type=tarfile.DIRTYPE)),
        "path-repeated",
    ),
    "one name twice in a zip": (_overlapping, "archive-ambiguous"),
    "a name that is not UTF-8": (
        lambda: tar(member("a\xe9"), form=tarfile.GNU_FORMAT, encoding="latin-1"),
        "path-unsafe",
    ),
    "a name that is not UTF-8 in a zip": (_latin_in_zip, "path-unsafe"),
    "a line break in a name": (lambda: tar(member("a\nb")), "path-unsafe"),
    "NUL in a name": (lambda: tar(member("x", b"", pax_headers={"path": "a\0b"})), "path-unsafe"),
    "NUL in a name in a zip": (_nul_in_zip, "path-unsafe"),
    "the setuid bit": (lambda: tar(member("a", mode=0o4755)), "file-privileged"),
    "the setgid bit in a zip": (lambda: zipped((zip_info("a", 0o102755), b"")), "file-privileged"),
    "extended attributes": (lambda: tar(member("a", pax_headers={"SCHILY.xattr.user.x": "1"})), "file-attributes"),
    "an access control list": (lambda: tar(member("a", pax_headers={"SCHILY.acl.access": "u"})), "file-attributes"),
    "a bomb": (lambda: gzip.compress(tar(member("a", bytes(1 << 20)))), "archive-too-large"),
    "a bomb in a zip": (lambda: zipped(("a", bytes(1 << 20))), "archive-too-large"),
    "a bomb behind the end": (lambda: gzip.compress(tar(member("a")) + bytes(1 << 20)), "archive-too-large"),
    "a header that is a bomb": (
        lambda: gzip.compress(tar(member("a", pax_headers={"comment": "x" * (1 << 20)}))),
        "archive-too-large",
    ),
    "an end that is missing": (lambda: tar(member("a"))[:1024], "archive-damaged"),
    "an end in the midst of a file": (lambda: tar(member("a", bytes(2000)))[:1024], "archive-damaged"),
    "a compressed end that is missing": (lambda: gzip.compress(tar(*GOOD))[:-9], "archive-damaged"),
    "a zip's end that is missing": (lambda: zipped(("a", b"x"))[:-30], "archive-damaged"),
    "something behind the end": (lambda: tar(member("a")) + b"x" * 512, "archive-damaged"),
    "something behind a zip's end": (lambda: zipped(("a", b"x")) + b"x", "archive-ambiguous"),
    "something in front of a zip": (lambda: zipped(("z", b"z"))[:31] + zipped(("a", b"x")), "archive-ambiguous"),
    "a zip with another name in its directory": (_local_name_differs, "archive-ambiguous"),
    "a zip with another size in its directory": (_local_size_differs, "archive-ambiguous"),
    "a member that a zip's directory does not know": (_hidden_member, "archive-ambiguous"),
    "a password": (_encrypted, "archive-unsupported"),
    "bytes that are no archive": (lambda: b"hello" * 500, "archive-damaged"),
}


@pytest.mark.parametrize("case", ATTACKS)
def test_archive_is_refused_for(case: str, archive: Archive) -> None:
    make, code = ATTACKS[case]
    with pytest.raises(RelmgmtError) as caught:
        archive.build(make(), limits=Limits(archive_floor=1 << 16))
    assert caught.value.code == code
    assert "ui" in caught.value.message
    assert not archive.out.exists()


def test_other_archive_than_the_one_named_is_refused(archive: Archive) -> None:
    with pytest.raises(RelmgmtError, match="archive.bin") as caught:
        archive.build(tar(member("a")), digest="sha256:" + 64 * "0")
    assert caught.value.code == "archive-digest-mismatch"


def test_directory_is_no_archive(project: pathlib.Path, write: Write, tmp_path: pathlib.Path) -> None:
    unit = {"name": "ui", "kind": "archive", "source": "src", "destination": "ui", "digest": "sha256:" + 64 * "0"}
    with pytest.raises(RelmgmtError) as caught:
        build(write(units=[unit], state=[]), tmp_path / "out")
    assert caught.value.code == "file-unreadable"


def test_archive_of_too_many_members_is_refused(archive: Archive) -> None:
    for data in (tar(member("a"), member("b"), member("c")), zipped(("a", b""), ("b", b""), ("c", b""))):
        with pytest.raises(RelmgmtError) as caught:
            archive.build(data, limits=Limits(unit_entries=2))
        assert caught.value.code == "archive-too-large"


def test_archive_may_not_fill_the_memory_however_large_it_is(archive: Archive) -> None:
    with pytest.raises(RelmgmtError) as caught:
        archive.build(tar(member("a", bytes(range(256)) * 800)), limits=Limits(archive_bytes=100_000))
    assert caught.value.code == "archive-too-large"


def test_file_of_which_nothing_is_left_is_refused(archive: Archive) -> None:
    with pytest.raises(RelmgmtError, match="'a'") as caught:
        archive.build(tar(member("a"), member("b/c")), strip=1)
    assert caught.value.code == "archive-strip"


def test_two_files_that_strip_lays_upon_each_other_are_refused(archive: Archive) -> None:
    with pytest.raises(RelmgmtError) as caught:
        archive.build(tar(member("a/x"), member("b/x")), strip=1)
    assert caught.value.code == "destination-repeated"


def test_archive_of_which_nothing_is_wanted_is_refused(archive: Archive) -> None:
    with pytest.raises(RelmgmtError) as caught:
        archive.build(tar(member("a")), excludes=["a"])
    assert caught.value.code == "unit-empty"
