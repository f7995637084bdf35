"""The bucket: storage class and encryption as set, and errors that say which setting to look at."""

import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from homeiq_assets.archive.s3 import S3Bucket
from homeiq_assets.errors import ArchiveError, SettingError
from homeiq_assets.redaction import register
from homeiq_assets_tests.archive.conftest import BUCKET
from homeiq_assets_tests.archive.feed_day import FOLDER, raw_day, write


def test_objects_have_the_storage_class_and_encryption_that_are_set(s3_bucket: Any) -> None:
    S3Bucket(s3_bucket, BUCKET, "homeiq", storage_class="GLACIER_IR", sse="aws:kms").put("m/x", b"data")
    head = s3_bucket.head_object(Bucket=BUCKET, Key="homeiq/m/x")
    assert (head["StorageClass"], head["ServerSideEncryption"]) == ("GLACIER_IR", "aws:kms")


def test_a_manifest_is_encrypted_too_but_in_the_buckets_default_class(s3_bucket: Any) -> None:
    bucket = S3Bucket(s3_bucket, BUCKET, storage_class="GLACIER_IR", sse="AES256")
    manifest = write(raw_day(), bucket)
    heads = {name: s3_bucket.head_object(Bucket=BUCKET, Key=name) for name in bucket.sizes("")}
    assert {name: head.get("StorageClass", "STANDARD") for name, head in heads.items()} == {
        manifest.object: "GLACIER_IR",
        f"{FOLDER}/_manifest.json": "STANDARD",
    }
    assert {head["ServerSideEncryption"] for head in heads.values()} == {"AES256"}


def test_without_them_the_buckets_defaults_hold(s3_bucket: Any) -> None:
    S3Bucket(s3_bucket, BUCKET, "/deep/er/").put("m/x", b"data")
    head = s3_bucket.head_object(Bucket=BUCKET, Key="deep/er/m/x")
    assert "StorageClass" not in head


def test_more_names_than_one_answer_holds_are_all_listed(s3_bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
    bucket = S3Bucket(s3_bucket, BUCKET)
    names = [f"m/{number}" for number in range(8)]
    for name in names:
        bucket.put(name, b"")
    assert "NextContinuationToken" in s3_bucket.list_objects_v2(Bucket=BUCKET)
    assert list(bucket.sizes("m")) == names


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def test_a_storage_class_that_cannot_be_read_at_once_is_refused(s3_bucket: Any, storage_class: str) -> None:
    with pytest.raises(SettingError, match=r"S3_STORAGE_CLASS: .* use GLACIER_IR"):
        S3Bucket(s3_bucket, BUCKET, storage_class=storage_class)


def test_an_unknown_storage_class_names_its_setting(s3_bucket: Any) -> None:
    with pytest.raises(ArchiveError, match="S3_STORAGE_CLASS"):
        S3Bucket(s3_bucket, BUCKET, storage_class="ICEBERG").put("x", b"")


def test_a_missing_bucket_names_its_setting(s3_client: Callable[..., Any]) -> None:
    bucket = S3Bucket(s3_client(), "no-such-bucket", "homeiq")
    for call in (lambda: bucket.put("x", b""), lambda: bucket.get("x"), lambda: bucket.sizes("x"), bucket.probe):
        with pytest.raises(ArchiveError, match=r"no-such-bucket.*S3_ARCHIVE_BUCKET: there is no such bucket") as caught:
            call()
        assert not caught.value.retryable


@pytest.fixture
def credentials_are_checked(s3_url: str) -> Iterator[None]:
    httpx.post(f"{s3_url}/moto-api/reset-auth", content=b"0")
    yield
    httpx.post(f"{s3_url}/moto-api/reset-auth", content=b"inf")


@pytest.mark.usefixtures("credentials_are_checked")
def test_wrong_credentials_name_the_variables(s3_client: Callable[..., Any]) -> None:
    with pytest.raises(ArchiveError, match=r"credentials are refused; set AWS_ACCESS_KEY_ID and .*InvalidAccessKeyId"):
        S3Bucket(s3_client(), BUCKET).put("x", b"")


def test_no_credentials_name_the_variables(s3_client: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(ArchiveError, match="there are no AWS credentials; set AWS_ACCESS_KEY_ID"):
        S3Bucket(s3_client(key=None), BUCKET).put("x", b"")


class _Failing(BaseHTTPRequestHandler):
    """Answers everything as S3 does when it refuses; the bucket's name is the status and the code."""

    def _answer(self) -> None:
        status, code = self.path.strip("/").split("/")[0].split("-")
        body = f"<Error><Code>{code}</Code><Message>for key s3cr3tvalue</Message></Error>".encode()
        self.send_response(int(status))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_DELETE = _answer  # noqa: N815 (the names http.server asks for)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def failing_url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Failing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "code", "says", "retryable"),
    [
        (403, "AccessDenied", "S3_ARCHIVE_BUCKET: .*s3:PutObject", False),
        (400, "ExpiredToken", "AWS_SESSION_TOKEN", False),
        (301, "PermanentRedirect", "AWS_REGION", False),
        (403, "RequestTimeTooSkewed", "clock", False),
        (503, "SlowDown", "SlowDown", True),
        (500, "InternalError", "InternalError", True),
    ],
)
def test_what_the_service_refuses_says_what_to_do_and_whether_waiting_helps(
    s3_client: Callable[..., Any], failing_url: str, status: int, code: str, says: str, retryable: bool
) -> None:
    register("s3cr3tvalue")
    bucket = S3Bucket(s3_client(failing_url), f"{status}-{code}", "homeiq")
    with pytest.raises(ArchiveError, match=says) as caught:
        bucket.get("m/x")
    assert caught.value.retryable is retryable
    assert "s3cr3tvalue" not in str(caught.value)


def test_a_service_that_is_down_is_worth_waiting_for(s3_client: Callable[..., Any]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    with pytest.raises(ArchiveError, match=r"does not answer, .*AWS_ENDPOINT_URL_S3") as caught:
        S3Bucket(s3_client(url), BUCKET).sizes("m")
    assert caught.value.retryable
