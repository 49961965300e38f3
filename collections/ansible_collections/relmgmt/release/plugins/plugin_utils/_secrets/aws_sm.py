# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets from AWS Secrets Manager (private).

``aws-sm:NAME#KEY@VERSION``. NAME may be an ARN, which then decides the region. KEY is one at the top of a secret whose
text is a JSON object; without it the whole text is the secret. VERSION is a staging label, such as ``AWSPREVIOUS``, or
the id of a version; without it, it is ``AWSCURRENT``. The version that is told is always the id of the version.
"""

from __future__ import annotations

import collections.abc
import json
import re
import time
import typing as t

from ...module_utils._model.errors import InputError, RelmgmtError
from .aws_answers import may_pass, refused
from .aws_session import Sdk, Settings, sdk
from .reference import Reference
from .secret import Access, Secret

__all__ = ["SecretsManager"]

_NAME = re.compile(r"[A-Za-z0-9/_+=.@:-]{1,2048}\Z")
_VERSION_ID = re.compile(r"[A-Za-z0-9-]{32,64}\Z")  # a label of this length is taken for an id
_CURRENT = "AWSCURRENT"
_DEADLINE = 30.0  # seconds in which all tries of one question begin
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 5.0
Answer = collections.abc.Mapping[str, t.Any]


class SecretsManager:
    """The provider of the schemes ``aws-sm`` and ``aws-sm+NAME``; a version of a secret is read once."""

    def __init__(
        self,
        access: Access,
        scheme: str,
        *,
        wait: collections.abc.Callable[[float], None] = time.sleep,
        clock: collections.abc.Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = Settings.of(scheme, access.stores.get(scheme, {}), access.environ)
        self._wait, self._clock = wait, clock
        self._clients: dict[str, t.Any] = {}
        self._answers: dict[tuple[str, str], Answer] = {}
        self._down: dict[str, RelmgmtError] = {}

    def close(self) -> None:
        """Close the connections and forget what was read."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        self._answers.clear()

    def check(self, reference: Reference) -> None:
        arn = reference.rest.startswith("arn:")
        if not _NAME.match(reference.rest) or (arn and reference.rest.count(":") != 6):
            raise InputError(
                "secret-reference-malformed",
                f"{reference}: this is neither the name nor the whole ARN of a secret",
                hint="Write aws-sm:NAME#KEY, for example aws-sm:prod/shop#db_password.",
            )

    def read(self, reference: Reference) -> Secret:
        return self._read(reference, reference.version or _CURRENT)

    def read_at(self, reference: Reference, version: str) -> Secret:
        """As it was at the version of that id, as long as it is kept; else as it is."""
        try:
            return self._read(reference, version)
        except InputError as exc:
            if exc.code != "secret-version-missing":
                raise
            return self.read(reference)

    def _read(self, reference: Reference, version: str) -> Secret:
        if (reference.rest, version) not in self._answers:
            self._answers[reference.rest, version] = self._ask(reference, version)
        answer = self._answers[reference.rest, version]
        return Secret(str(reference), _value(reference, answer.get("SecretString")), str(answer["VersionId"]))

    def _ask(self, reference: Reference, version: str) -> Answer:
        region = reference.rest.split(":")[3] if reference.rest.startswith("arn:") else self._settings.region
        if region in self._down:
            raise self._down[region]
        by = "VersionId" if _VERSION_ID.match(version) else "VersionStage"
        library = sdk()
        try:
            return self._patiently(library, region, {"SecretId": reference.rest, by: version})
        except (library.ClientError, library.BotoCoreError) as exc:
            told = refused(exc, library, place=self._settings.place(region), reference=reference, region=region)
            about = reference.scheme if told.of_store else str(reference)
            error = type(told.error)(told.error.code, f"{about}: {told.error.message}", hint=told.error.hint)
            if told.of_store:
                self._down[region] = error  # the same for every secret there: it is not waited for again
            raise error from None

    def _patiently(self, library: Sdk, region: str, question: dict[str, str]) -> Answer:
        """Ask, and again where that may help, as long as the deadline allows."""
        end, pause = self._clock() + _DEADLINE, _FIRST_WAIT
        if region not in self._clients:
            self._clients[region] = self._settings.client(library, region)
        while True:
            try:
                return t.cast(Answer, self._clients[region].get_secret_value(**question))
            except (library.ClientError, library.BotoCoreError) as exc:
                if not may_pass(exc, library) or self._clock() + pause >= end:
                    raise
            self._wait(pause)
            pause = min(2 * pause, _LONGEST_WAIT)


def _value(reference: Reference, text: object) -> str:
    """What the key says of the secret's text.

    Raises:
        InputError: it is not text (``secret-not-text``), not a JSON object (``secret-not-json``), or lacks the key
            (``secret-key-missing``).
    """
    if not isinstance(text, str):
        raise InputError(
            "secret-not-text",
            f"{reference}: the secret is binary",
            hint="Keep it as a text (SecretString); binary content as base64.",
        )
    if not reference.key:
        return text
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise InputError(
            "secret-not-json",
            f"{reference}: the text of the secret is not a JSON object, so it has no keys",
            hint=f"Leave #{reference.key} out to have the whole text, or store a JSON object.",
        ) from None
    if reference.key not in values:
        raise InputError(
            "secret-key-missing",
            f"{reference}: the JSON object has no key {reference.key!r}",
            hint="Add the key in Secrets Manager, or mend the reference.",
        )
    if not isinstance(values[reference.key], str):
        raise InputError(
            "secret-not-text",
            f"{reference}: the value is not a string",
            hint="Put it into quotation marks in the JSON object.",
        )
    return t.cast(str, values[reference.key])
