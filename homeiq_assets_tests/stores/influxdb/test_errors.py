"""A real InfluxDB that refuses: the error names the setting to look at, and what was stored stays as it was."""

import re
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from homeiq_assets.errors import SettingError
from homeiq_assets.schema.measurements import AIR_QUALITY, SMART_METER, tier_of
from homeiq_assets.stores.base import Store
from homeiq_assets.window import Window
from homeiq_assets_tests.stores.failing import ANSWER, DAY, HOUR, READING, STORED, WRITING, error_of, shown
from homeiq_assets_tests.stores.influxd import Influxd
from homeiq_assets_tests.stores.places import ALWAYS, InfluxPlace, held, put, rows

pytestmark = pytest.mark.influxdb

DAILY = tier_of(SMART_METER, "daily")
DAILY_ROW = {"time": DAY.start, "meter_type": "emporia", "total_power_w_mean": 400.0}
NEW_BUCKET_RULE = {"everySeconds": 0, "shardGroupDurationSeconds": 90 * 86400}


@pytest.fixture
def place(influx_place: Callable[..., InfluxPlace]) -> InfluxPlace:
    return influx_place()


@pytest.fixture
def store(place: InfluxPlace) -> Iterator[Store]:
    """The store as it should be, with rows in it."""
    opened = place.open()
    put(opened, AIR_QUALITY, STORED)
    yield opened
    opened.close()


@pytest.fixture
def wrong(place: InfluxPlace, store: Store, influx_place: Callable[..., InfluxPlace]) -> Iterator[Callable[..., Store]]:
    """The same store opened with something wrong; in the end it holds what it held."""
    opened: list[Store] = []

    def make(**settings: object) -> Store:
        opened.append(influx_place(**({"bucket": place.bucket} | settings)).open())
        return opened[-1]

    yield make
    for one in opened:
        one.close()
    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, *STORED)


@pytest.mark.parametrize("act", [*READING, *WRITING])
def test_a_token_that_influxdb_does_not_know_is_the_tokens_fault(wrong: Callable[..., Store], act: str) -> None:
    error = error_of(wrong(token="a-token-of-yesterday"), (READING | WRITING)[act])

    assert re.match(r"INFLUXDB_TOKEN: http://127.* does not accept the token", str(error))
    assert not error.retryable
    assert "a-token-of-yesterday" not in shown(error)


@pytest.mark.parametrize("act", [*READING, *WRITING])
def test_a_bucket_that_is_not_there_is_named_with_its_setting(
    influxd: Influxd, wrong: Callable[..., Store], act: str
) -> None:
    error = error_of(wrong(bucket="hoem_assistant"), (READING | WRITING)[act])

    assert re.match(f"INFLUXDB_BUCKET: .* has no bucket hoem_assistant in the organization {influxd.org}", str(error))
    assert not error.retryable


@pytest.mark.parametrize("act", WRITING)
def test_an_organization_that_is_not_there_is_named_with_its_setting(wrong: Callable[..., Store], act: str) -> None:
    error = error_of(wrong(org="hoemiq"), WRITING[act])

    assert re.match("INFLUXDB_ORG: .* has no organization hoemiq", str(error))
    assert not error.retryable


@pytest.mark.parametrize("act", WRITING)
def test_a_token_that_may_only_read_is_told_what_it_lacks(
    influxd: Influxd, place: InfluxPlace, wrong: Callable[..., Store], act: str
) -> None:
    token = influxd.token(read=[place.bucket])
    reading = wrong(token=token)
    assert held(reading, AIR_QUALITY) == rows(AIR_QUALITY, *STORED)

    error = error_of(reading, WRITING[act])

    assert re.match(rf"INFLUXDB_TOKEN: the token may not (write to|delete from) the bucket {place.bucket}", str(error))
    assert "give it read and write permission" in str(error)
    assert not error.retryable
    assert token not in shown(error)


@pytest.mark.parametrize("act", [*READING, "replace"])
def test_a_token_that_may_only_write_never_makes_believe_that_there_is_nothing(
    influxd: Influxd, place: InfluxPlace, wrong: Callable[..., Store], act: str
) -> None:
    token = influxd.token(write=[place.bucket])

    error = error_of(wrong(token=token), (READING | WRITING)[act])

    assert str(error).startswith(f"INFLUXDB_TOKEN: the token may not read the bucket {place.bucket} (INFLUXDB_BUCKET)")
    assert not error.retryable
    assert token not in shown(error)


def test_a_token_with_a_line_break_in_it_is_refused_without_showing_it(wrong: Callable[..., Store]) -> None:
    secret = uuid.uuid4().hex

    with pytest.raises(SettingError, match=r"INFLUXDB_TOKEN: .*line break") as refused:
        wrong(token=f"{secret}\n")

    assert secret not in shown(refused.value)


def test_a_row_older_than_the_bucket_keeps_stops_before_anything_is_deleted(
    influxd: Influxd, influx_place: Callable[..., InfluxPlace]
) -> None:
    store = influx_place(bucket=influxd.create_bucket(retention_seconds=7 * 86400)).open()
    now = datetime.now(UTC).replace(microsecond=0)
    recent = [{**row, "time": now - n * HOUR} for n, row in enumerate(STORED)]
    put(store, AIR_QUALITY, recent, Window(now - 24 * HOUR, now + HOUR))

    answer = [recent[0], {**ANSWER[0], "time": now - 24 * 30 * HOUR}]
    error = error_of(store, lambda it: put(it, AIR_QUALITY, answer))

    assert re.match(r"INFLUXDB_BUCKET: the bucket \w+ keeps rows for 168h0m0s only, and some .* older: .*--retention 0",
                    str(error))  # fmt: skip
    assert not error.retryable
    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, *recent)
    store.close()


def test_the_tier_bucket_is_made_for_few_rows_that_are_kept_for_ever(
    influxd: Influxd, place: InfluxPlace, store: Store
) -> None:
    assert held(store, DAILY) == []
    store.recover(DAILY)
    store.delete(DAILY, DAY)
    assert influxd.bucket(place.tier_bucket) is None

    put(store, DAILY, [DAILY_ROW])

    made = influxd.bucket(place.tier_bucket)
    assert made is not None
    assert {name: made["retentionRules"][0].get(name) for name in NEW_BUCKET_RULE} == NEW_BUCKET_RULE
    assert held(store, DAILY) == rows(DAILY, DAILY_ROW)
    assert influxd.influxql(place.bucket, f'SELECT * FROM "{DAILY.name}"') == []


def test_a_token_that_may_not_make_the_tier_bucket_is_told_the_command_that_does(
    influxd: Influxd, place: InfluxPlace, wrong: Callable[..., Store], store: Store
) -> None:
    modest = wrong(token=influxd.token(read=[place.bucket], write=[place.bucket]))

    error = error_of(modest, lambda it: put(it, DAILY, [DAILY_ROW]))

    assert str(error) == (
        f"INFLUXDB_TIER_BUCKET: there is no bucket {place.tier_bucket} for the tiers, and the token (INFLUXDB_TOKEN) "
        f"may not make it. Make it with: influx bucket create --name '{place.tier_bucket}' --org '{influxd.org}' "
        "--retention 0 --shard-group-duration 2160h"
    )
    assert not error.retryable


def test_a_tier_in_the_raw_bucket_is_stored_there(influxd: Influxd, influx_place: Callable[..., InfluxPlace]) -> None:
    bucket = influxd.create_bucket()
    store = influx_place(bucket=bucket, tier_bucket=bucket).open()

    put(store, DAILY, [DAILY_ROW])

    assert held(store, DAILY) == rows(DAILY, DAILY_ROW)
    store.close()


def test_a_lock_folder_that_cannot_be_made_is_named(wrong: Callable[..., Store], tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    error = error_of(wrong(locks=tmp_path / "file" / "locks"), WRITING["replace"])

    assert re.match(r"HOMEIQ_HOME: .*/file.* cannot be used \(Not a directory\): name a folder", str(error))


def test_the_doctor_hears_what_works(influxd: Influxd, place: InfluxPlace, store: Store) -> None:
    probes = {probe.what: (probe.ok, probe.detail) for probe in store.probe()}

    assert probes["reachable"][0] is True
    assert probes["authorised"] == (True, f"the token is accepted; the bucket {place.bucket} keeps rows for ever")
    assert probes[f"write to {place.bucket}"][0] is True
    assert probes[f"read {place.bucket}"][0] is True
    assert probes[f"tiers in {place.tier_bucket}"][0] is None
    put(store, DAILY, [DAILY_ROW])
    assert store.probe()[-1].ok is True
    influxd.keep(place.tier_bucket, days=30)
    assert (store.probe()[-1].ok, "keeps rows for 30 days only" in store.probe()[-1].detail) == (False, True)


def test_the_doctor_hears_that_a_bucket_with_tiers_in_it_forgets(
    influxd: Influxd, influx_place: Callable[..., InfluxPlace]
) -> None:
    bucket = influxd.create_bucket(retention_seconds=2 * 86400)
    store = influx_place(bucket=bucket, tier_bucket=bucket).open()

    failed = [probe for probe in store.probe() if probe.ok is False]

    assert [probe.what for probe in failed] == [f"tiers in {bucket}"]
    assert re.match("INFLUXDB_TIER_BUCKET: it keeps rows for 2 days only.*retention to 0", failed[0].detail)
    store.close()


@pytest.mark.parametrize("what", ["token", "org", "bucket", "read only", "write only"])
def test_the_doctor_hears_which_setting_is_wrong(
    influxd: Influxd, place: InfluxPlace, wrong: Callable[..., Store], what: str
) -> None:
    settings: dict[str, str] = {
        "token": {"token": "a-token-of-yesterday"},
        "org": {"org": "hoemiq"},
        "bucket": {"bucket": "hoem_assistant"},
        "read only": {"token": influxd.token(read=[place.bucket])},
        "write only": {"token": influxd.token(write=[place.bucket])},
    }[what]
    names = {"token": "INFLUXDB_TOKEN", "org": "INFLUXDB_ORG", "bucket": "INFLUXDB_BUCKET"}

    failed = [probe for probe in wrong(**settings).probe() if probe.ok is False]

    assert failed
    assert names.get(what, "INFLUXDB_TOKEN") in failed[0].detail
    assert not any(settings.get("token", "no token") in probe.detail for probe in failed)


def test_nothing_is_left_behind_by_the_doctor(influxd: Influxd, place: InfluxPlace, store: Store) -> None:
    put(store, AIR_QUALITY, STORED, ALWAYS)
    store.probe()

    found = influxd.influxql(place.bucket, "SHOW MEASUREMENTS")
    assert [row for series in found for row in series["values"]] == [["air_quality"]]


def test_an_unchanged_answer_asks_for_no_permission_to_write(
    influxd: Influxd, place: InfluxPlace, wrong: Callable[..., Store]
) -> None:
    reading = wrong(token=influxd.token(read=[place.bucket]))

    put(reading, AIR_QUALITY, STORED, DAY)
