"""An API that the owner describes, asked over HTTP: how it is asked, and what its rows' times are taken for."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from homeiq_assets.errors import NoHistory, ProviderError
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.described import DescribedApi
from homeiq_assets.vendors.described_rows import Interval
from homeiq_assets.window import HOUR, Window, local_day
from homeiq_assets_tests.simulated_vendors.described import DescribedVendor
from homeiq_assets_tests.simulated_vendors.server import Reply, json_reply, no_waiting
from homeiq_assets_tests.vendors.described_api import AUTUMN, DAY, NAMES, RANGE, SPRING, VIENNA, Value, ask


@pytest.fixture
def vendor() -> Iterator[DescribedVendor]:
    with DescribedVendor({DAY.start + n * HOUR: [{"v": n}] for n in range(48)}, zone=VIENNA) as running, no_waiting():
        yield running


def starts(rows: list[Interval[Value]]) -> list[datetime]:
    return [row.start for row in rows]


def local(at: datetime) -> str:
    return at.astimezone(VIENNA).replace(tzinfo=None).isoformat()


@pytest.mark.parametrize(
    "path",
    [
        RANGE,
        "/v1/seconds?from={start_s}&to={end_s}",
        "/v1/millis?from={start_ms}&to={end_ms}",
        "/v1/dates?first={start_date}&last={end_date}",
        "/v1/days/{start_date:%Y/%m-%d}",
    ],
)
def test_a_window_is_asked_for_in_the_apis_own_way(vendor: DescribedVendor, path: str) -> None:
    rows = ask(vendor, path=path)

    assert starts(rows) == [DAY.start + n * HOUR for n in range(24)]
    assert {row.end - row.start for row in rows} == {HOUR}
    assert len(vendor.asked) == 1


@pytest.mark.parametrize(
    "told",
    [
        lambda at: at.astimezone(VIENNA).isoformat(),
        lambda at: at.isoformat(),
        lambda at: int(at.timestamp()),
        lambda at: at.timestamp() + 0.0001,
        lambda at: int(at.timestamp() * 1000),
    ],
    ids=["local time with its offset", "UTC", "seconds", "seconds as a float", "milliseconds"],
)
def test_a_time_may_be_told_in_any_exact_way(vendor: DescribedVendor, told: Any) -> None:
    vendor.told = told

    assert starts(ask(vendor)) == [DAY.start + n * HOUR for n in range(24)]


def test_a_time_without_its_offset_is_refused_with_what_to_write(vendor: DescribedVendor) -> None:
    vendor.told = local

    with pytest.raises(ProviderError, match=r"2026-11-20T00:00:00 does not say its offset from UTC; .*join\('', .*'Z'"):
        ask(vendor)


def test_one_in_utc_is_completed_by_the_jmespath(vendor: DescribedVendor) -> None:
    vendor.told = lambda at: at.replace(tzinfo=None).isoformat()

    assert starts(ask(vendor, jmespath="data[].{start: join('', [t, 'Z']), value: v}"))[0] == DAY.start


@pytest.mark.parametrize(("day", "hours"), [(AUTUMN, 25), (SPRING, 23), (DAY, 24)])
def test_local_times_are_exact_once_their_zone_is_named(vendor: DescribedVendor, day: Window, hours: int) -> None:
    vendor.told = local
    vendor.rows = {day.start + n * HOUR: [{"v": n}] for n in range(hours)}

    rows = ask(vendor, day, jmespath="data[].{start: t, zone: 'Europe/Vienna', value: v}")

    assert [(row.start, row.row.value) for row in rows] == [(day.start + n * HOUR, n) for n in range(hours)]
    assert rows[-1].end == day.end


def test_the_ends_of_local_times_are_exact_too(vendor: DescribedVendor) -> None:
    vendor.told = local
    vendor.rows = {AUTUMN.start + n * HOUR: [{"v": n, "e": local(AUTUMN.start + (n + 1) * HOUR)}] for n in range(25)}

    rows = ask(vendor, AUTUMN, jmespath="data[].{start: t, end: e, zone: 'Europe/Vienna', value: v}")

    assert {row.end - row.start for row in rows} == {HOUR}


def test_a_repeated_hour_that_is_told_once_is_left_out(
    vendor: DescribedVendor, caplog: pytest.LogCaptureFixture
) -> None:
    vendor.told = local
    vendor.rows = {AUTUMN.start + n * HOUR: [{"v": n}] for n in range(25) if n != 3}  # 2:00 comes at 2 and at 3

    rows = ask(vendor, AUTUMN, jmespath="data[].{start: t, zone: 'Europe/Vienna', value: v}")

    assert [row.row.value for row in rows] == [n for n in range(25) if n not in (2, 3)]
    assert "is not one instant in Europe/Vienna" in caplog.text


def test_a_local_time_that_never_was_is_left_out(vendor: DescribedVendor) -> None:
    vendor.misbehave(json_reply({"data": [{"t": f"2026-03-29T0{n}:30:00", "v": n} for n in range(5)]}))

    rows = ask(vendor, SPRING, jmespath="data[].{start: t, zone: 'Europe/Vienna', value: v}")

    assert [row.row.value for row in rows] == [0, 1, 3, 4]


def test_without_ends_rows_are_as_long_as_the_least_distance_and_a_hole_is_a_hole(vendor: DescribedVendor) -> None:
    del vendor.rows[DAY.start + 3 * HOUR]

    rows = ask(vendor)

    assert {row.end - row.start for row in rows} == {HOUR}
    assert DAY.start + 3 * HOUR not in starts(rows)


def test_without_ends_uneven_rows_are_refused(vendor: DescribedVendor) -> None:
    vendor.rows = {DAY.start + timedelta(minutes=m): [{"v": 1}] for m in (0, 60, 150)}

    with pytest.raises(ProviderError, match="has no `end` and is one of several that are not evenly apart"):
        ask(vendor)


def test_a_null_row_and_a_null_start_are_left_out(vendor: DescribedVendor) -> None:
    row = {"start": "2026-11-20T00:00Z", "end": "2026-11-20T01:00Z", "value": 2}
    vendor.misbehave(json_reply({"data": [None, row | {"start": None}, row]}))

    assert [one.row.value for one in ask(vendor, jmespath="data")] == [2]


@pytest.mark.parametrize("not_yet", [json_reply({"error": "no such page"}, 404), json_reply({"data": None})])
def test_of_a_day_to_come_not_found_and_null_mean_not_published(vendor: DescribedVendor, not_yet: Reply) -> None:
    tomorrow = local_day(date(2026, 11, 21), VIENNA)
    vendor.misbehave(not_yet)

    assert ask(vendor, tomorrow) == []


def test_an_api_that_cannot_be_asked_for_the_past_says_what_it_has(vendor: DescribedVendor) -> None:
    assert len(ask(vendor, path="/v1/today")) == 48
    assert len(ask(vendor, Window(DAY.start - 72 * HOUR, DAY.start), path="/v1/today")) == 48  # the nightly look back

    with pytest.raises(NoHistory, match=r"PRICING_URL has no \{start\}.*nothing before 2026-11-19T23:00Z"):
        ask(vendor, Window(DAY.start - 72 * HOUR, DAY.start - 24 * HOUR), path="/v1/today")


def test_a_url_with_a_start_only_is_asked_for_a_day_at_a_time(vendor: DescribedVendor) -> None:
    lengths = {
        path: DescribedApi(NAMES, Settings(pricing_url=vendor.url + path), VIENNA).longest
        for path in (RANGE, "/v1/today", "/v1/days/{start_date}")
    }

    assert lengths == {
        RANGE: timedelta(days=31),
        "/v1/today": timedelta(days=31),
        "/v1/days/{start_date}": timedelta(hours=25),
    }


def test_naming_utc_for_local_times_is_not_needed_where_the_offset_is_there(vendor: DescribedVendor) -> None:
    rows = ask(vendor, jmespath="data[].{start: t, zone: 'Europe/Vienna', value: v}")

    assert rows[0].start == DAY.start.astimezone(UTC)
