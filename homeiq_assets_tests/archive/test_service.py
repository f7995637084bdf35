"""A service that refuses, loses or cuts what it is given, at any moment: told, and nothing archived is lost by it."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from homeiq_assets.archive.objects import ObjectStore
from homeiq_assets.archive.s3 import S3Bucket
from homeiq_assets.errors import ArchiveError
from homeiq_assets_tests.archive.conftest import BUCKET
from homeiq_assets_tests.archive.feed_day import raw_day, read, write
from homeiq_assets_tests.archive.march import parquet_names
from homeiq_assets_tests.archive.meddling import Meddler, Refusal, meddling

OLD, NEW = raw_day(20), raw_day(25, power=9.0)


def is_put(method: str, _path: str) -> bool:
    return method == "PUT"


def of_object(method: str) -> Callable[[str, str], bool]:
    return lambda asked, path: asked == method and path.endswith(".parquet")


def of_manifest(method: str) -> Callable[[str, str], bool]:
    return lambda asked, path: asked == method and path.endswith("_manifest.json")


@pytest.fixture
def direct(s3_bucket: Any) -> ObjectStore:
    """The bucket as it really is."""
    return S3Bucket(s3_bucket, BUCKET, "homeiq")


@pytest.fixture
def meddler(s3_url: str) -> Iterator[Meddler]:
    with meddling(s3_url) as meddler:
        yield meddler


@pytest.fixture
def meddled(meddler: Meddler, s3_client: Callable[..., Any]) -> ObjectStore:
    return S3Bucket(s3_client(meddler.url), BUCKET, "homeiq")


@pytest.mark.parametrize("replacing", [False, True], ids=["first", "replacing"])
@pytest.mark.parametrize(
    ("refusal", "says", "retryable"),
    [
        ((400, "ExpiredToken"), r"credentials are refused; set AWS_ACCESS_KEY_ID .*AWS_SESSION_TOKEN", False),
        ((503, "SlowDown"), r"SlowDown", True),
    ],
    ids=["credentials expire", "too many requests"],
)
def test_a_service_that_refuses_from_any_request_on_loses_nothing(
    meddler: Meddler,
    meddled: ObjectStore,
    direct: ObjectStore,
    replacing: bool,
    refusal: Refusal,
    says: str,
    retryable: bool,
) -> None:
    for number in range(50):
        for name in direct.sizes(""):
            direct.delete(name)
        if replacing:
            write(OLD, direct)
        meddler.from_request(number, refusal)
        try:
            write(NEW, meddled)
        except ArchiveError as error:
            assert re.search(says, str(error))  # noqa: PT017 (the last number of requests suffices)
            assert error.retryable is retryable  # noqa: PT017
        else:
            assert read(direct).equals(NEW)
            assert number > 5
            return
        if replacing:
            assert read(direct).equals(OLD) or read(direct).equals(NEW)
        write(NEW, direct)
        assert read(direct).equals(NEW)
        assert len(parquet_names(direct)) == 1
    pytest.fail("the writer never ended")


def test_a_bucket_that_may_only_be_read_names_the_right_that_is_missing(
    meddler: Meddler, meddled: ObjectStore, direct: ObjectStore
) -> None:
    write(OLD, direct)
    meddler.refuses = lambda method, _path: (403, "AccessDenied") if method in ("PUT", "DELETE") else None
    with pytest.raises(ArchiveError, match=r"cannot write .*smart_meter-.*S3_ARCHIVE_BUCKET: .*s3:PutObject") as caught:
        write(NEW, meddled)
    assert not caught.value.retryable
    assert read(meddled).equals(OLD)
    write(OLD, meddled)


def test_an_upload_that_is_cut_off_is_noticed_and_never_named(
    meddler: Meddler, meddled: ObjectStore, direct: ObjectStore
) -> None:
    write(OLD, direct)
    meddler.cuts_upload = of_object("PUT")
    with pytest.raises(ArchiveError, match=r"does not give back .*smart_meter-.*AWS_ENDPOINT_URL_S3") as caught:
        write(NEW, meddled)
    assert caught.value.retryable
    assert read(direct).equals(OLD)
    assert len(parquet_names(direct)) == 2

    meddler.cuts_upload = lambda _method, _path: False
    write(NEW, meddled)
    assert read(direct).equals(NEW)
    assert len(parquet_names(direct)) == 1


@pytest.mark.parametrize("path", [of_object("PUT"), of_manifest("PUT")], ids=["object", "manifest"])
@pytest.mark.parametrize("replacing", [False, True], ids=["first", "replacing"])
def test_an_upload_of_which_nothing_is_kept_is_no_success(
    meddler: Meddler, meddled: ObjectStore, direct: ObjectStore, path: Callable[[str, str], bool], replacing: bool
) -> None:
    if replacing:
        write(OLD, direct)
    meddler.swallows = path
    with pytest.raises(ArchiveError, match=r"does not give back .* as it was written") as caught:
        write(NEW, meddled)
    assert caught.value.retryable
    if replacing:
        assert read(direct).equals(OLD)
    meddler.swallows = lambda _method, _path: False
    write(NEW, meddled)
    assert read(direct).equals(NEW)


def test_a_download_that_is_cut_off_is_told_and_worth_another_try(
    meddler: Meddler, meddled: ObjectStore, direct: ObjectStore
) -> None:
    write(OLD, direct)
    meddler.cuts_answer = of_object("GET")
    for call in (lambda: read(meddled), lambda: write(NEW, meddled)):
        with pytest.raises(ArchiveError, match=r"cannot read .*AWS_ENDPOINT_URL_S3") as caught:
            call()
        assert caught.value.retryable
    assert read(direct).equals(OLD)


def test_a_200_without_a_byte_is_never_taken_for_rows_or_for_none(
    meddler: Meddler, meddled: ObjectStore, direct: ObjectStore
) -> None:
    write(OLD, direct)
    for what, says in (
        (of_object("GET"), r"is damaged \(0 bytes"),
        (of_manifest("GET"), r"_manifest\.json is damaged"),
    ):
        meddler.swallows = what
        with pytest.raises(ArchiveError, match=says):
            read(meddled)
    meddler.swallows = lambda method, path: method == "GET" and "list-type=2" in path
    with pytest.raises(ArchiveError, match=r"cannot list .*not as S3 does") as caught:
        meddled.sizes("")
    assert caught.value.retryable
    assert read(direct).equals(OLD)
