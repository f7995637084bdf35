"""A store or an archive that may not be read, may not be written, or is not there: nothing goes, and why is told."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from homeiq_assets.archive.s3 import S3Bucket
from homeiq_assets.errors import ArchiveError, StoreError
from homeiq_assets.ledger.removed_days import State
from homeiq_assets.retention.ages import Level
from homeiq_assets.retention.removal import Outcome
from homeiq_assets_tests.archive.conftest import BUCKET
from homeiq_assets_tests.archive.meddling import Meddler, meddling
from homeiq_assets_tests.retention.crash_moments import AGES, NEXT, D, home_of, prepare, remove
from homeiq_assets_tests.retention.old_days import OldDays
from homeiq_assets_tests.stores.influxd import Influxd
from homeiq_assets_tests.stores.places import EmbeddedPlace, InfluxPlace

RAW_BUCKET, TIER_BUCKET = "INFLUXDB_BUCKET", "INFLUXDB_TIER_BUCKET"


@pytest.fixture
def place(influx_place: Callable[..., InfluxPlace], influxd: Influxd) -> InfluxPlace:
    place = influx_place()
    influxd.create_bucket(place.tier_bucket)
    return place


@pytest.fixture
def home(place: InfluxPlace, tmp_path: Path) -> OldDays:
    return prepare(place, tmp_path, Level.RAW)


def at(place: InfluxPlace, setting: str) -> str:
    return place.bucket if setting == RAW_BUCKET else place.tier_bucket


@pytest.mark.influxdb
@pytest.mark.parametrize(
    ("read", "write", "may_not", "which"),
    [
        ([], [RAW_BUCKET, TIER_BUCKET], "read", RAW_BUCKET),
        ([RAW_BUCKET], [RAW_BUCKET, TIER_BUCKET], "read", TIER_BUCKET),
        ([TIER_BUCKET], [RAW_BUCKET, TIER_BUCKET], "read", RAW_BUCKET),
        ([RAW_BUCKET, TIER_BUCKET], [], "write to", TIER_BUCKET),
        ([RAW_BUCKET, TIER_BUCKET], [RAW_BUCKET], "write to", TIER_BUCKET),
        ([RAW_BUCKET, TIER_BUCKET], [TIER_BUCKET], "delete from", RAW_BUCKET),
    ],
)
def test_a_token_that_lacks_a_permission_removes_nothing_and_says_which(
    influxd: Influxd, home: OldDays, place: InfluxPlace, tmp_path: Path, read: list[str], write: list[str],
    may_not: str, which: str,
) -> None:  # fmt: skip
    rows = home.raw(D)
    token = influxd.token(read=[at(place, name) for name in read], write=[at(place, name) for name in write])
    modest = home_of(replace(place, token=token), tmp_path)

    with pytest.raises(StoreError) as caught:
        remove(modest, Level.RAW)

    assert str(caught.value) == (
        f"INFLUXDB_TOKEN: the token may not {may_not} the bucket {at(place, which)} ({which}); "
        "give it read and write permission on that bucket"
    )
    assert not caught.value.retryable
    assert home.raw(D).equals(rows)
    entry = home.ledger(D)
    assert (entry and entry.state) == (State.REMOVING if may_not == "delete from" else None)
    assert remove(home, Level.RAW) == [Outcome.REMOVED], "with a token that may"


@pytest.mark.influxdb
def test_a_bucket_that_does_not_exist_is_named_and_nothing_goes(
    home: OldDays, place: InfluxPlace, tmp_path: Path, influxd: Influxd
) -> None:
    elsewhere = home_of(replace(place, bucket="nowhere"), tmp_path)

    with pytest.raises(StoreError, match=r"^INFLUXDB_BUCKET: InfluxDB at .* has no bucket nowhere "):
        remove(elsewhere, Level.RAW)

    assert home.raw(D).num_rows == 49


@pytest.mark.influxdb
@pytest.mark.parametrize("level", Level)
def test_where_the_tiers_bucket_does_not_exist_nothing_is_proven_and_nothing_goes(
    home: OldDays, place: InfluxPlace, tmp_path: Path, influxd: Influxd, level: Level
) -> None:
    elsewhere = home_of(replace(place, tier_bucket="nowhere"), tmp_path)

    (removal,) = elsewhere.remove(D, level=level, age=AGES[level])

    assert removal.outcome is (Outcome.KEPT if level is Level.RAW else Outcome.NOTHING)
    assert home.raw(D).num_rows == 49
    assert home.tier("hourly", D).num_rows == 24
    assert influxd.bucket("nowhere") is None


@pytest.fixture
def embedded(tmp_path: Path) -> OldDays:
    return prepare(EmbeddedPlace(tmp_path / "store"), tmp_path, Level.RAW)


@pytest.fixture
def meddler(s3_url: str) -> Iterator[Meddler]:
    with meddling(s3_url) as running:
        yield running


def archived_in(home: OldDays, client: Any, bucket: str = BUCKET) -> OldDays:
    return replace(home, archive=S3Bucket(client, bucket, "homeiq"))


def why_it_stays(home: OldDays) -> str:
    """What the owner is told of D: the run fails where waiting helps, else this day stays and says why."""
    try:
        (removal,) = home.remove(D)
    except ArchiveError as error:
        return str(error) if error.retryable else "raised, though waiting does not help"
    assert removal.outcome is Outcome.KEPT
    return str(removal.reason)


@pytest.mark.parametrize(
    ("refusal", "says"),
    [
        ((403, "AccessDenied"), "S3_ARCHIVE_BUCKET: the AWS credentials may not do that"),
        ((400, "ExpiredToken"), "the AWS credentials are refused; set AWS_ACCESS_KEY_ID"),
        ((503, "SlowDown"), "look at S3_ARCHIVE_BUCKET and the service"),
    ],
)
def test_an_archive_that_cannot_be_read_at_any_request_keeps_the_day(
    embedded: OldDays, s3_client: Callable[..., Any], s3_bucket: Any, meddler: Meddler,
    refusal: tuple[int, str], says: str,
) -> None:  # fmt: skip
    home = archived_in(embedded, s3_client(meddler.url))
    home.archive_raw(D, NEXT)
    rows = home.raw(D)
    for number in range(3):
        meddler.from_request(number, refusal)
        assert says in why_it_stays(home)
        assert home.raw(D).equals(rows)
        assert home.ledger(D) is None

    meddler.from_request(3, refusal)
    assert remove(home, Level.RAW) == [Outcome.REMOVED], "which asks three times"


def test_an_archive_bucket_that_does_not_exist_keeps_the_day(embedded: OldDays, s3_client: Callable[..., Any]) -> None:
    home = archived_in(embedded, s3_client(), "no-such-bucket")

    assert "in s3://no-such-bucket/homeiq/: S3_ARCHIVE_BUCKET: there is no such bucket" in why_it_stays(home)

    assert home.raw(D).num_rows == 49
    assert home.ledger(D) is None
