# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which Secrets Manager is asked, and how its library is set up (private).

Credentials are found by the library's own rules: a profile, ``AWS_ACCESS_KEY_ID``, a web identity, the instance's role.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import typing as t

from ...module_utils._model.errors import InputError
from .._optional import optional

__all__ = ["Sdk", "Settings", "sdk"]

_CONNECT_SECONDS, _ANSWER_SECONDS = 5, 10
_ENVIRON = {
    "region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
    "profile": ("AWS_PROFILE",),
    "endpoint": ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL"),
}


class Sdk(t.NamedTuple):
    """What is used of boto3; imported when the first secret is asked, since that takes a while."""

    Session: t.Any
    Config: t.Any
    ClientError: t.Any
    BotoCoreError: t.Any
    HTTPClientError: t.Any
    ConnectionError: t.Any

    @property
    def silence(self) -> tuple[t.Any, ...]:
        """That nobody answered."""
        return (self.HTTPClientError, self.ConnectionError)


def sdk() -> Sdk:
    """The library, or stand-ins that raise ``dependency-missing``."""
    (session,) = optional("boto3", "Session", package="boto3")
    (config,) = optional("botocore.config", "Config", package="boto3")
    names = ("ClientError", "BotoCoreError", "HTTPClientError", "ConnectionError")
    return Sdk(session, config, *optional("botocore.exceptions", *names, package="boto3"))


@dataclasses.dataclass(frozen=True)
class Settings:
    """Region, profile and endpoint; each is empty where the library's own rules are to decide."""

    region: str = ""
    profile: str = ""
    endpoint: str = ""

    @classmethod
    def of(
        cls,
        scheme: str,
        store: collections.abc.Mapping[str, object],
        environ: collections.abc.Mapping[str, str],
    ) -> Settings:
        """What the inventory says of the store, else the environment.

        Raises:
            InputError: it says something else than there is (``secret-store-setting-malformed``).
        """
        for name, value in store.items():
            if name not in _ENVIRON or not isinstance(value, str):
                raise InputError(
                    "secret-store-setting-malformed",
                    f"relmgmt_secret_stores: {scheme}: {name!r} is not a setting of this store, or not a string",
                    hint=f"Write texts for {', '.join(_ENVIRON)}; credentials come from a profile or AWS_* variables.",
                )
        found = {name: next(filter(None, map(environ.get, variables)), "") for name, variables in _ENVIRON.items()}
        settings = cls(**{**found, **{name: str(value) for name, value in store.items() if value}})
        if settings.endpoint and not settings.endpoint.startswith(("https://", "http://")):
            raise InputError(
                "secret-store-setting-malformed",
                f"{scheme}: the endpoint is not a URL",
                hint="Write https://HOST, or leave it out: then it follows from the region.",
            )
        return settings

    def client(self, library: Sdk, region: str) -> t.Any:
        """A client of Secrets Manager that tries once: who asks decides what is tried again."""
        session = library.Session(profile_name=self.profile or None, region_name=region or None)
        config = library.Config(
            connect_timeout=_CONNECT_SECONDS, read_timeout=_ANSWER_SECONDS, retries={"total_max_attempts": 1}
        )
        return session.client("secretsmanager", endpoint_url=self.endpoint or None, config=config)

    def place(self, region: str) -> str:
        """Where that is, for messages."""
        return self.endpoint or f"Secrets Manager in {region or 'the region of the profile'}"
