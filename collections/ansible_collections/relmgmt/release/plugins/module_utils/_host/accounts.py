# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accounts that a release makes by its placements of kind ``sysusers`` (private).

They are made when it is staged: its files are to belong to them. An account stays, whatever becomes of the release:
what it owns would be nobody's.
"""

from __future__ import annotations

import pwd
import typing as t

from .._model.errors import BackendError, InputError
from .._model.profile import Profile
from .._model.runtime import Runtime
from .disk import Disk
from .process import Runner
from .systemctl import TIMEOUT

__all__ = ["make_accounts", "makes_account"]

_HERE, _FILE = "run", "sysusers.conf"


def makes_account(profile: Profile, name: str) -> bool:
    """Whether the profile declares the account."""
    return name in _declared(profile)


def make_accounts(disk: Disk, profile: Profile, runner: Runner) -> bool:
    """Make those that are declared and not there; whether there were any.

    Raises:
        BackendError: systemd-sysusers failed (``accounts-failed``).
        InputError: the service's account is not among those that it made (``service-user-missing``).
        OSError: the disk refuses.
    """
    if all(_known(name) for name in _declared(profile)):
        return False
    disk.make_directory(_HERE)
    disk.write(b"\n".join(_files(profile)) + b"\n", _HERE, _FILE, mode=0o600)
    done = runner.run(("systemd-sysusers", str(disk.path(_HERE, _FILE))), timeout=TIMEOUT)
    disk.remove(_HERE, _FILE)
    if done.code or done.timed_out:
        raise BackendError(
            "accounts-failed",
            f"{disk.root}: systemd-sysusers failed: {done.output.strip()}",
            hint="Mend the placement of kind 'sysusers', or create the account before the rollout.",
        )
    user = str((profile.runtime.get("service") or {}).get("user") or "")
    if user and not _known(user):
        raise InputError("service-user-missing", f"{disk.root}: systemd-sysusers made no account {user!r}")
    return True


def _declared(profile: Profile) -> t.Iterator[str]:
    for line in (line.split() for text in _files(profile) for line in text.decode("utf-8", "replace").splitlines()):
        if len(line) > 1 and line[0] in ("u", "u!"):
            yield line[1].strip('"')


def _files(profile: Profile) -> list[bytes]:
    placements = Runtime.from_dict(profile.runtime).placements
    names = {placement.file for placement in placements if placement.kind == "sysusers"}
    return [item.contents for item in profile.files if item.path in names]


def _known(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
