# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets from AWS Secrets Manager: content from moto's server, refusals from a simulator that answers as AWS does."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time
import typing as t
import urllib.request

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import BackendError, RelmgmtError
from ansible_collections.relmgmt.release.plugins.plugin_utils._secrets import Access, Providers, parse, resolve
from ansible_collections.relmgmt.release.plugins.plugin_utils._secrets import aws_session as session_module
from ansible_collections.relmgmt.release.plugins.plugin_utils._secrets.aws_sm import SecretsManager

VALUE = "hunter2-CANARY"
REGION = "eu-central-1"
LOGIN = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """No settings but the test's."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / name))
    for name, value in LOGIN.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[str]:
    """The address of a server of its own."""
    binary = pathlib.Path(sys.executable).with_name("moto_server")
    if not binary.exists():
        pytest.skip("NOT COVERED: secrets from AWS: moto is not installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path_factory.mktemp("moto"))}
    command = [str(binary), "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 60
        while True:
            assert server.poll() is None and time.monotonic() < deadline
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/moto-api/", timeout=5):
                break
            time.sleep(0.05)
        yield address
        server.terminate()


@pytest.fixture
def aws(moto: str) -> t.Iterator[t.Any]:
    """A client of Secrets Manager; what a test makes there has a name of its own."""
    client = client_of(moto)
    yield client
    client.close()


def client_of(moto: str, region: str = REGION) -> t.Any:
    """A client that fills it; it waits as long as it takes."""
    library = session_module.sdk()
    config = library.Config(read_timeout=120, retries={"total_max_attempts": 1})
    session = library.Session("test", "test", region_name=region)
    return session.client("secretsmanager", endpoint_url=moto, config=config)


def providers(endpoint: str = "", *, scheme: str = "aws-sm", **environ: str) -> Providers:
    stores = {scheme: {"endpoint": endpoint, "region": REGION}} if endpoint else {}
    return Providers(Access(lambda path: {}, pathlib.Path("/"), environ, stores))


def read(reference: str, endpoint: str) -> tuple[str, str]:
    with providers(endpoint) as found:
        secret = resolve([reference], providers=found)[reference]
        return secret.value, secret.version


def refused(reference: str, found: Providers) -> RelmgmtError:
    with found, pytest.raises(RelmgmtError) as caught:
        resolve([reference], providers=found, needed_by={reference: "web/hello: x on web-1"})
    assert caught.value.message.startswith((f"{reference}: ", "aws-sm: ")) and caught.value.hint
    for text in (VALUE, "CANARY", LOGIN["AWS_SECRET_ACCESS_KEY"] + "/"):
        assert text not in str(caught.value) + repr(caught.value.__cause__)
    return caught.value


# --- what is there ---


def test_a_key_the_whole_text_and_versions(moto: str, aws: t.Any) -> None:
    first = aws.create_secret(Name="prod/shop", SecretString=json.dumps({"db": VALUE, "other": "x"}))
    second = aws.put_secret_value(SecretId="prod/shop", SecretString=json.dumps({"db": f"{VALUE}-2"}))
    assert read("aws-sm:prod/shop#db", moto) == (f"{VALUE}-2", second["VersionId"])
    assert read("aws-sm:prod/shop#db@AWSPREVIOUS", moto) == (VALUE, first["VersionId"])
    assert read(f"aws-sm:prod/shop#db@{first['VersionId']}", moto) == (VALUE, first["VersionId"])
    assert read("aws-sm:prod/shop#@AWSPREVIOUS", moto)[0] == json.dumps({"db": VALUE, "other": "x"})
    assert read("aws-sm:prod/shop", moto)[0] == json.dumps({"db": f"{VALUE}-2"})


def test_a_plan_that_goes_on_reads_the_version_that_it_has_while_that_is_kept(moto: str, aws: t.Any) -> None:
    first = aws.create_secret(Name="pinned", SecretString=VALUE)["VersionId"]
    second = aws.put_secret_value(SecretId="pinned", SecretString=f"{VALUE}-2")["VersionId"]
    gone = "00000000-0000-0000-0000-000000000000"
    for pin, told in ((first, first), (gone, second)):
        with providers(moto) as found:
            assert (
                resolve(["aws-sm:pinned"], providers=found, pins={"aws-sm:pinned": pin})["aws-sm:pinned"].version
                == told
            )


def test_an_arn_says_the_region(moto: str) -> None:
    with contextlib.closing(client_of(moto, "us-west-2")) as client:
        arn = client.create_secret(Name="far", SecretString=VALUE)["ARN"]
    assert read(f"aws-sm:{arn}", moto)[0] == VALUE


def test_a_version_is_read_once_and_what_was_read_is_forgotten(moto: str, aws: t.Any) -> None:
    aws.create_secret(Name="once", SecretString=json.dumps({"a": VALUE, "b": "2"}))
    with providers(moto, scheme="aws-sm+eu") as found:
        provider = t.cast(SecretsManager, found.of(parse("aws-sm+eu:once#a", where="test"), where="test"))
        resolve(["aws-sm+eu:once#a", "aws-sm+eu:once#b", "aws-sm+eu:once#a@AWSCURRENT"], providers=found)
        assert list(provider._answers) == [("once", "AWSCURRENT")]
    assert not provider._answers and not provider._clients


def test_the_usual_variables_say_where(moto: str, aws: t.Any) -> None:
    aws.create_secret(Name="usual", SecretString=VALUE)
    environ = {"AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": moto}
    with providers(**environ) as found:
        assert resolve(["aws-sm:usual"], providers=found)["aws-sm:usual"].value == VALUE


@pytest.fixture(scope="module")
def stocked(moto: str) -> str:
    """The address, and what cannot be read is there."""
    client = client_of(moto)
    client.create_secret(Name="some", SecretString=json.dumps({"a": VALUE, "number": 1}))
    client.create_secret(Name="text", SecretString=VALUE)
    client.create_secret(Name="list", SecretString=json.dumps([VALUE]))
    client.create_secret(Name="binary", SecretBinary=VALUE.encode())
    client.create_secret(Name="deleted", SecretString=VALUE)
    client.delete_secret(SecretId="deleted", RecoveryWindowInDays=7)
    client.close()
    return moto


@pytest.mark.parametrize(
    ("reference", "code", "told"),
    [
        ("aws-sm:gone#a", "secret-missing", "has no such secret"),
        ("aws-sm:some#gone", "secret-key-missing", "no key 'gone'"),
        ("aws-sm:some#number", "secret-not-text", "not a string"),
        ("aws-sm:some#a@00000000-0000-0000-0000-000000000000", "secret-version-missing", "no version 0000"),
        ("aws-sm:text#a", "secret-not-json", "no keys"),
        ("aws-sm:list#a", "secret-not-json", "not a JSON object"),
        ("aws-sm:binary", "secret-not-text", "binary"),
        ("aws-sm:deleted", "secret-deleted", "marked for deletion"),
    ],
)
def test_what_is_not_there_says_so(stocked: str, reference: str, code: str, told: str) -> None:
    error = refused(reference, providers(stocked))
    assert (error.code, told in error.message) == (code, True), str(error)


# --- what is refused ---


class Simulator:
    """Answers as Secrets Manager would: each time the next of the answers, the last one for ever."""

    def __init__(self, answers: list[tuple[int, dict[str, str]]]) -> None:
        self.asked = 0
        simulator = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                status, body = answers[min(simulator.asked, len(answers) - 1)]
                simulator.asked += 1
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> Simulator:
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.server.shutdown()
        self.server.server_close()


class Clock:
    """Time that passes when it is waited."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


def error_of(code: str, message: str = "", status: int = 400) -> tuple[int, dict[str, str]]:
    return status, {"__type": code, "message": f"{message} {VALUE}"}


def patient(address: str, clock: Clock) -> SecretsManager:
    access = Access(lambda path: {}, pathlib.Path("/"), {}, {"aws-sm": {"endpoint": address, "region": REGION}})
    return SecretsManager(access, "aws-sm", wait=clock.wait, clock=clock)


NOT_ALLOWED = "User: arn:aws:sts::1:assumed-role/awx/i is not authorized to perform: {0} because no policy allows it"


@pytest.mark.parametrize(
    ("answer", "code", "told"),
    [
        (
            error_of("AccessDeniedException", NOT_ALLOWED.format("secretsmanager:GetSecretValue on resource: shop")),
            "secret-forbidden",
            f"may not do secretsmanager:GetSecretValue on arn:aws:secretsmanager:{REGION}:*:secret:shop-*",
        ),
        (
            error_of("AccessDeniedException", NOT_ALLOWED.format("kms:Decrypt on resource: arn:aws:kms:x:1:key/k")),
            "secret-forbidden",
            "may not do kms:Decrypt on arn:aws:kms:x:1:key/k",
        ),
        (
            error_of("AccessDeniedException", "Access to KMS is not allowed"),
            "secret-forbidden",
            "may not do kms:Decrypt on the KMS key of the secret",
        ),
        (
            (
                404,
                {
                    "__type": "ResourceNotFoundException",
                    "message": "can't find the specified secret value for VersionId",
                },
            ),
            "secret-version-missing",
            "no version AWSCURRENT",
        ),
        (error_of("DecryptionFailure"), "secret-undecryptable", "KMS key"),
        (error_of("UnrecognizedClientException"), "secret-login-refused", "UnrecognizedClientException"),
        (error_of("ExpiredTokenException"), "secret-login-refused", "ExpiredTokenException"),
        (error_of("ThrottlingException"), "secret-store-busy", "fewer requests"),
        (error_of("InternalServiceError", status=500), "secret-store-failed", "trouble of its own"),
        (error_of("SomethingNew"), "secret-store-refused", "SomethingNew"),
    ],
)
def test_a_refusal_says_what_to_do_and_quotes_nothing(answer: tuple[int, dict[str, str]], code: str, told: str) -> None:
    with Simulator([answer]) as simulator:
        provider = patient(simulator.address, Clock())
        with pytest.raises(RelmgmtError) as caught:
            provider.read(parse("aws-sm:shop#a", where="test"))
        provider.close()
    error = caught.value
    assert (error.code, told in error.message, bool(error.hint)) == (code, True, True), str(error)
    assert "CANARY" not in str(error) + repr(error.__cause__)


@pytest.mark.parametrize("trouble", [error_of("ThrottlingException"), error_of("InternalServiceError", status=500)])
def test_what_may_pass_is_asked_again(trouble: tuple[int, dict[str, str]]) -> None:
    right = 200, {"SecretString": VALUE, "VersionId": "1"}
    with (
        Simulator([trouble, trouble, right]) as simulator,
        contextlib.closing(patient(simulator.address, Clock())) as provider,
    ):
        assert provider.read(parse("aws-sm:shop", where="test")).value == VALUE
    assert simulator.asked == 3


def test_patience_ends_and_is_not_tried_for_every_secret() -> None:
    clock = Clock()
    with (
        Simulator([error_of("ThrottlingException")]) as simulator,
        contextlib.closing(patient(simulator.address, clock)) as provider,
    ):
        codes = set()
        for name in ("a", "b", "c"):
            with pytest.raises(BackendError) as caught:
                provider.read(parse(f"aws-sm:{name}", where="test"))
            codes.add(caught.value.code)
            assert caught.value.message.startswith("aws-sm: ")
    assert codes == {"secret-store-busy"}
    assert 20 < clock.now <= 30 and simulator.asked < 12


def test_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    clock = Clock()
    provider = patient(f"http://127.0.0.1:{port}", clock)
    with contextlib.closing(provider), pytest.raises(BackendError) as caught:
        provider.read(parse("aws-sm:shop", where="test"))
    assert (caught.value.code, f":{port} does not answer" in caught.value.message) == ("secret-store-unreachable", True)
    assert clock.now <= 30


def test_no_region_no_credentials_no_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused("aws-sm:shop", providers()).code == "secret-store-region-missing"
    assert refused("aws-sm:shop", providers(AWS_PROFILE="gone")).code == "secret-store-setting-malformed"
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert refused("aws-sm:shop", providers("http://127.0.0.1:1")).code == "secret-login-incomplete"


@pytest.mark.parametrize("store", [{"token": "x"}, {"region": 1}, {"endpoint": "x"}])
def test_settings_of_the_store_are_checked(store: dict[str, object]) -> None:
    access = Access(lambda path: {}, pathlib.Path("/"), {}, {"aws-sm": store})
    with pytest.raises(RelmgmtError) as caught, Providers(access) as found:
        resolve(["aws-sm:shop"], providers=found)
    assert caught.value.code == "secret-store-setting-malformed"


@pytest.mark.parametrize("rest", ["a b", "arn:aws:secretsmanager:eu-central-1:1", "ü"])
def test_a_name_that_cannot_be_one_is_not_asked(rest: str) -> None:
    assert refused(f"aws-sm:{rest}", providers()).code == "secret-reference-malformed"


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(BackendError) as caught, providers(AWS_REGION=REGION) as found:
        resolve(["aws-sm:shop"], providers=found)
    assert (caught.value.code, "pip install boto3" in caught.value.hint) == ("dependency-missing", True)
    assert session_module.sdk().ClientError
