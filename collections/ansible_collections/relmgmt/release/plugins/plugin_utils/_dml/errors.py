# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors of the DML, and the one place where those of tuf and of the system become them (private).

InputError
├── setting-missing         neither the option nor its environment variable says where it is
├── dml-missing             there is no DML at this path
├── name-reserved           an environment cannot have this name
├── name-malformed, version-malformed
├── expiry-malformed        a number of days that is not 1 to 3650
├── team-unknown            the DML has no roles for this team
├── environment-unknown     the DML has no role of this environment for this team
├── package-not-found       the team has not published this version
├── package-not-promoted    nobody has promoted it to the environment
├── versioning-mixed        the newest cannot be told, because the schemes differ
├── key-missing, key-malformed
├── key-mismatch            the key is not one that the DML names for the role
├── keys-readable           others can read the private keys, or own them
├── keys-inside-dml         the private keys would be published with the DML
├── trusted-root-missing
└── trusted-root-malformed
IntegrityError
├── metadata-expired
├── metadata-missing        a file that signed metadata names is not there
├── metadata-rollback       older than what has been seen before
├── metadata-tampered       changed, or not signed by whom the trusted root names
├── blob-missing
├── blob-tampered           not the length or the digest that the signed metadata promise
├── package-mismatch        the signed manifest cannot be read, or is one of another package or version
└── promotion-mismatch      team and environment name different bytes for one version
ConflictError
├── package-exists          this version has been published with other bytes
├── trusted-root-other      the file holds something else, or the trusted root of another DML
├── dml-incomplete          there is something else, or half a DML, at this path
└── dml-busy                another publisher, or another fetch, holds the lock
BackendError
└── dml-io                  the system refused to read or write
"""

from __future__ import annotations

import collections.abc
import contextlib
import pathlib
import typing as t

from ...module_utils._model.errors import BackendError, InputError, IntegrityError
from .._optional import optional

if t.TYPE_CHECKING:
    from tuf.api.exceptions import (
        BadVersionNumberError,
        DownloadError,
        DownloadHTTPError,
        DownloadLengthMismatchError,
        ExpiredMetadataError,
        RepositoryError,
    )
else:
    (
        BadVersionNumberError,
        DownloadError,
        DownloadHTTPError,
        DownloadLengthMismatchError,
        ExpiredMetadataError,
        RepositoryError,
    ) = optional(
        "tuf.api.exceptions",
        "BadVersionNumberError",
        "DownloadError",
        "DownloadHTTPError",
        "DownloadLengthMismatchError",
        "ExpiredMetadataError",
        "RepositoryError",
        package="tuf",
    )

__all__ = [
    "BadVersionNumberError",
    "DownloadHTTPError",
    "RepositoryError",
    "dml_missing",
    "not_published",
    "promotion_mismatch",
    "role_unknown",
    "system_errors",
    "translated",
]


@contextlib.contextmanager
def system_errors(what: str) -> collections.abc.Iterator[None]:
    """Translate what the operating system says.

    Raises:
        BackendError: it refused (``dml-io``).
    """
    try:
        yield
    except OSError as exc:
        raise BackendError(
            "dml-io",
            f"{what}: {exc.strerror or exc} ({exc.filename})" if exc.filename else f"{what}: {exc}",
            hint="Check permissions and free space.",
        ) from exc


@contextlib.contextmanager
def translated(what: str) -> collections.abc.Iterator[None]:
    """Translate what tuf and the operating system say about the DML named by ``what``.

    Raises:
        IntegrityError: ``metadata-expired``, ``metadata-missing``, ``metadata-rollback``, ``metadata-tampered``.
        BackendError: it cannot be read or written (``dml-io``).
    """
    try:
        with system_errors(what):
            yield
    except ExpiredMetadataError as exc:
        raise IntegrityError(
            "metadata-expired",
            f"{what}: signed metadata have expired: {exc}",
            hint="Run dml_repository, which signs anew what is about to expire; then try again.",
        ) from exc
    except BadVersionNumberError as exc:
        raise IntegrityError(
            "metadata-rollback",
            f"{what}: signed metadata are older than what was seen before: {exc}",
            hint="Somebody may be replaying an old state. If a backup was restored on purpose, publish something or run"
            " dml_repository until the versions are higher again.",
        ) from exc
    except (RepositoryError, DownloadLengthMismatchError) as exc:
        raise IntegrityError(
            "metadata-tampered",
            f"{what}: signed metadata do not verify: {exc}",
            hint="Check that the trusted root belongs to this DML; if it does, its files were changed or damaged.",
        ) from exc
    except DownloadHTTPError as exc:
        raise IntegrityError(
            "metadata-missing", f"{what}: {exc}", hint="Restore the file from a backup or another copy of the DML."
        ) from exc
    except DownloadError as exc:
        cause = exc.__cause__ or exc
        raise BackendError("dml-io", f"{what}: {exc} ({cause})", hint="Check that the DML can be read.") from exc


def dml_missing(path: pathlib.Path) -> InputError:
    return InputError(
        "dml-missing", f"there is no DML in {path}", hint="Make one with dml_repository, or name another."
    )


def not_published(name: str, version: str, path: pathlib.Path) -> InputError:
    return InputError(
        "package-not-found",
        f"{name} {version} is not published in {path}",
        hint="Publish it first: package_publish. package_info lists what there is.",
    )


def role_unknown(
    role: str, teams: collections.abc.Iterable[str], environments: collections.abc.Iterable[str]
) -> InputError:
    """A DML that lacks the role ``packages/<team>`` or ``<environment>/<team>``: says which half it does not know."""
    first, _slash, team = role.partition("/")
    if team not in teams:
        return InputError(
            "team-unknown",
            f"the DML has no team {team}, only: {', '.join(teams) or 'none'}",
            hint="Check the name, or add the team with dml_repository.",
        )
    return InputError(
        "environment-unknown",
        f"the DML has no environment {first} for team {team}, only: {', '.join(environments) or 'none'}",
        hint="Check the name, or add the environment with dml_repository.",
    )


def promotion_mismatch(name: str, version: str, environment: str) -> IntegrityError:
    return IntegrityError(
        "promotion-mismatch",
        f"{name} {version}: what {environment} lists is not what the team has published under this version",
        hint="One of the two keys signed something else: do not install it, and ask their holders.",
    )
