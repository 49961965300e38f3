# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The run directory: where rendered profiles lie while a rollout runs, and the secrets that it has read (private).

On tmpfs where there is one, 0700, one 0600 file a host and one for the secrets; removed by ``rollout_close``, and by
age after a crash. The secrets name the playbook's process, so that its lookups find them and those of no other run do.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import stat
import time
import typing as t

from ..module_utils._model.digest import canonical, digest_of
from ..module_utils._model.errors import BackendError
from ..module_utils._model.profile import Profile
from ._holder import Holder
from ._secrets import Secret

__all__ = [
    "KEPT_SECONDS",
    "companions_path",
    "make",
    "profile_path",
    "read_secrets",
    "remove",
    "write_companions",
    "write_profiles",
    "write_secrets",
]

KEPT_SECONDS = 24 * 3600
_SECRETS = "secrets.json"


def base(environ: t.Mapping[str, str] | None = None) -> pathlib.Path:
    """The directory of all runs of this user.

    Raises:
        BackendError: somebody else owns it or may read it (``run-directory-exposed``).
    """
    path = _place(environ)
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise BackendError("run-directory-exposed", f"{path} is not a directory of this user alone", hint="Remove it.")
    return path


def _place(environ: t.Mapping[str, str] | None) -> pathlib.Path:
    environ = os.environ if environ is None else environ
    runtime = environ.get("XDG_RUNTIME_DIR") or ""
    parents = [pathlib.Path(runtime)] if runtime else []
    usable = [path for path in [*parents, pathlib.Path("/dev/shm")] if os.access(path, os.W_OK | os.X_OK)]
    parent = usable[0] if usable else pathlib.Path(environ.get("TMPDIR") or "/tmp")
    return parent / f"relmgmt-{os.geteuid()}"


def make(run: str, *, environ: t.Mapping[str, str] | None = None) -> pathlib.Path:
    """The run's directory."""
    directory = base(environ) / run
    directory.mkdir(mode=0o700, exist_ok=True)
    return directory


def write_profiles(
    run: str, profiles: t.Mapping[str, Profile], *, environ: t.Mapping[str, str] | None = None
) -> pathlib.Path:
    """The run's directory with one file a host. What earlier, crashed runs left for a day is removed."""
    parent = base(environ)
    for old in parent.iterdir():
        if time.time() - old.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
    directory = make(run, environ=environ)
    (directory / "profiles").mkdir(mode=0o700, exist_ok=True)
    for host, profile in profiles.items():
        _write(profile_path(directory, host), profile.to_dict())
    return directory


def write_secrets(
    directory: pathlib.Path, secrets: t.Mapping[str, Secret], holder: Holder, stores: t.Mapping[str, t.Any]
) -> None:
    """Leave the secrets that the run has read, reference → secret, for the lookups of the playbook's process. stores:
    with which settings they were read."""
    if secrets:
        kept = {reference: [secret.value, secret.version] for reference, secret in secrets.items()}
        about = {"holder": dataclasses.asdict(holder), "stores": digest_of(canonical(stores))}
        _write(directory / _SECRETS, {**about, "secrets": kept})


def read_secrets(
    holders: t.Collection[Holder], stores: t.Mapping[str, t.Any], *, environ: t.Mapping[str, str] | None = None
) -> dict[str, Secret]:
    """What the runs of these processes have read with these settings of stores, reference → secret; of several runs,
    the newest counts.

    Raises:
        BackendError: somebody else may read the directory (``run-directory-exposed``).
    """
    if not _place(environ).exists():
        return {}
    found: dict[str, Secret] = {}
    for path in sorted(base(environ).glob(f"*/{_SECRETS}"), key=_changed):
        with contextlib.suppress(OSError, ValueError):  # another run may end while we look
            kept = json.loads(path.read_bytes())
            if Holder(**kept["holder"]) in holders and kept["stores"] == digest_of(canonical(stores)):
                found |= {name: Secret(name, value, version) for name, (value, version) in kept["secrets"].items()}
    return found


def _changed(path: pathlib.Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


class Writable(t.Protocol):
    """What goes to a host in a form of JSON."""

    def to_dict(self) -> dict[str, t.Any]: ...


def write_companions(
    directory: pathlib.Path, hosts: t.Iterable[str], companions: t.Mapping[str, t.Sequence[Writable]]
) -> None:
    """One file for each of the hosts that has companions; what an earlier plan left of the others goes."""
    for host in hosts:
        path = companions_path(directory, host)
        if companions.get(host):
            _write(path, [companion.to_dict() for companion in companions[host]])
        else:
            path.unlink(missing_ok=True)


def _write(path: pathlib.Path, data: object) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump(data, stream)


def profile_path(directory: pathlib.Path, host: str) -> pathlib.Path:
    """The file of a host; its name in the inventory may hold anything."""
    return directory / "profiles" / (host.encode("utf-8").hex() + ".json")


def companions_path(directory: pathlib.Path, host: str) -> pathlib.Path:
    """The file beside it, where the host has any."""
    return profile_path(directory, host).with_suffix(".companions.json")


def remove(run: str, *, environ: t.Mapping[str, str] | None = None) -> None:
    """Remove the run's directory; nothing if it is gone already."""
    shutil.rmtree(base(environ) / run, ignore_errors=True)
