# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who a process runs as (private)."""

from __future__ import annotations

import os
import pwd
import sys
import typing as t

from .._model.errors import InputError
from .._model.record import record

__all__ = ["Account", "account_of"]

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_UMASK = 0o022


@record(frozen=True)
class Account:
    """Who a process runs as; ``other``: somebody else than who we are."""

    name: str
    uid: int
    gid: int
    home: str
    other: bool

    def environment(self) -> dict[str, str]:
        """What every process is given. No byte code: root could write into a release, and it would not be whole."""
        who = {"HOME": self.home, "USER": self.name, "LOGNAME": self.name}
        return {"PATH": _PATH, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", **who}

    def options(self) -> dict[str, t.Any]:
        """Arguments of Popen that make the child this account, with umask 022."""
        groups = os.getgrouplist(self.name, self.gid) if self.other else []
        if sys.version_info >= (3, 9):
            ids = {"user": self.uid, "group": self.gid, "extra_groups": groups} if self.other else {}
            return {"umask": _UMASK, **ids}

        def become() -> None:
            os.umask(_UMASK)
            if self.other:
                os.setgroups(groups)
                os.setgid(self.gid)
                os.setuid(self.uid)

        return {"preexec_fn": become}


def account_of(user: str) -> Account:
    """Who runs a process that is to run as ``user``; empty: who we are.

    Raises:
        InputError: there is no such user (``service-user-unknown``), or we are not root and cannot become it
            (``service-user-impossible``).
    """
    uid = os.geteuid()
    try:
        entry = pwd.getpwnam(user) if user else pwd.getpwuid(uid)
    except KeyError:
        if not user:
            return Account(str(uid), uid, os.getegid(), "/", other=False)
        raise InputError(
            "service-user-unknown",
            f"There is no user {user!r} on this host",
            hint="Create it first, or name another.",
        ) from None
    if user and entry.pw_uid != uid and uid != 0:
        raise InputError(
            "service-user-impossible",
            f"The user {user!r} is wanted, but only root can become another user, and this is uid {uid}",
            hint="Run with become, or leave out the user.",
        )
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir, other=entry.pw_uid != uid)
