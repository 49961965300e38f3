# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Secrets Manager and its library refuse, in our words (private)."""

from __future__ import annotations

import re
import typing as t

from ...module_utils._model.errors import BackendError, InputError, RelmgmtError
from .aws_session import Sdk
from .reference import Reference

__all__ = ["Told", "may_pass", "refused"]

_DENIED = re.compile(r"perform: ([a-z0-9-]+:[A-Za-z*]+)(?: on resource: (\S+))?")
_READ = "secretsmanager:GetSecretValue"
_BUSY = ("ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown")
_BROKEN = ("InternalServiceError", "InternalServiceErrorException", "InternalFailure", "ServiceUnavailable")
_DENIALS = ("AccessDeniedException", "AccessDenied", "UnauthorizedOperation")
_BAD_LOGINS = (
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
)
_OWN = {  # what the library says before it asks
    "NoRegionError": (
        "secret-store-region-missing",
        "no region says where the secret is",
        "Set AWS_REGION, or relmgmt_secret_stores: {aws-sm: {region: ...}}.",
    ),
    "ProfileNotFound": (
        "secret-store-setting-malformed",
        "the configuration of AWS has no such profile",
        "Mend the profile in relmgmt_secret_stores or AWS_PROFILE; profiles are in ~/.aws/config.",
    ),
}
_LOGIN = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or give the controller a role."


class Told(t.NamedTuple):
    """An error without the reference that it is about; of_store: it holds for every secret of the store."""

    error: RelmgmtError
    of_store: bool


def may_pass(exc: Exception, library: Sdk) -> bool:
    """Whether the same question may be answered a moment later."""
    if isinstance(exc, library.ClientError):
        return _code(exc) in (*_BUSY, *_BROKEN) or _status(exc) >= 500
    return isinstance(exc, library.silence) and type(exc).__name__ != "SSLError"


def refused(exc: Exception, library: Sdk, *, place: str, reference: Reference, region: str) -> Told:
    """The error to raise for what the library raised. Its own text is quoted nowhere: it may hold what it was sent."""
    if isinstance(exc, library.ClientError):
        return _of_service(exc, place, reference, region)
    name = type(exc).__name__
    if name in _OWN:
        code, message, hint = _OWN[name]
        return Told(InputError(code, message, hint=hint), True)
    if isinstance(exc, library.silence):
        message = f"{place} does not answer ({name})"
        hint = "Look at the network, the proxy and the endpoint, then run it again."
        return Told(BackendError("secret-store-unreachable", message, hint=hint), True)
    if "Credential" in name or "Token" in name or "SSO" in name or name == "ConfigParseError":
        return Told(
            BackendError("secret-login-incomplete", f"there are no credentials for {place} ({name})", hint=_LOGIN), True
        )
    return Told(
        BackendError("secret-store-refused", f"{place} could not be asked ({name})", hint="Look at the reference."),
        False,
    )


def _of_service(exc: t.Any, place: str, reference: Reference, region: str) -> Told:
    code, said = _code(exc), str(exc.response.get("Error", {}).get("Message") or "")
    if code in _BUSY:
        hint = "Run it again later, or ask for a higher quota of GetSecretValue."
        return Told(BackendError("secret-store-busy", f"{place} asks for fewer requests", hint=hint), True)
    if code in _BAD_LOGINS:
        return Told(
            BackendError("secret-login-refused", f"{place} refuses the credentials ({code})", hint=_LOGIN), True
        )
    if code in _DENIALS:
        return Told(_denied(said, reference, region), False)
    if code == "ResourceNotFoundException":
        return Told(_missing(said, place, reference), False)
    if code == "InvalidRequestException" and "delet" in said:
        hint = "aws secretsmanager restore-secret brings it back as long as it is there."
        return Told(InputError("secret-deleted", "the secret is marked for deletion", hint=hint), False)
    if code == "DecryptionFailure":
        message = "Secrets Manager cannot decrypt the secret with its KMS key"
        return Told(BackendError("secret-undecryptable", message, hint="Look at the state of the key."), False)
    if code in _BROKEN or _status(exc) >= 500:
        message = f"{place} has trouble of its own ({code})"
        return Told(BackendError("secret-store-failed", message, hint="Run it again later."), True)
    return Told(
        BackendError("secret-store-refused", f"{place} refuses the request ({code})", hint="Look at the reference."),
        False,
    )


def _denied(said: str, reference: Reference, region: str) -> InputError:
    """Names what a policy would have to allow."""
    match = _DENIED.search(said)
    kms = "KMS" in said
    action = match[1] if match else "kms:Decrypt" if kms else _READ
    whole = (
        reference.rest
        if reference.rest.startswith("arn:")
        else f"arn:aws:secretsmanager:{region}:*:secret:{reference.rest}-*"
    )
    resource = "the KMS key of the secret" if kms and not match else whole
    if match and match[2] and match[2].startswith("arn:"):
        resource = match[2]
    message = f"the credentials may not do {action} on {resource}"
    return InputError("secret-forbidden", message, hint="Let a policy of the controller's role allow that.")


def _missing(said: str, place: str, reference: Reference) -> InputError:
    if "secret value" in said:
        version = reference.version or "AWSCURRENT"
        message = f"the secret has no version {version}"
        return InputError(
            "secret-version-missing", message, hint="aws secretsmanager list-secret-version-ids shows them."
        )
    return InputError("secret-missing", f"{place} has no such secret", hint="Mend the name or the region, or make it.")


def _code(exc: t.Any) -> str:
    return str(exc.response.get("Error", {}).get("Code") or "unknown")


def _status(exc: t.Any) -> int:
    return int(exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
