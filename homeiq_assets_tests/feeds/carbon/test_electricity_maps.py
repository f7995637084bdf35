"""Electricity Maps, asked over HTTP: hours as they stand, estimates included; forecasts as they stand at the poll."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.errors import ProviderError
from homeiq_assets.schema.measurements import CARBON_INTENSITY
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.feeds.carbon.maps_home import (
    BERLIN,
    DAY,
    FORECAST,
    FORECASTS,
    HISTORY,
    HOUR,
    MIX,
    MIX_RANGE,
    NEXT_WEEK,
    NOW,
    POLL,
    RANGE,
    SLOT,
    START,
    TOKEN,
    VALUES,
    fetch,
    history,
    mixes,
    paths,
    provider,
    rows,
)
from homeiq_assets_tests.household import failure_of, household
from homeiq_assets_tests.simulated_vendors.electricity_maps import ElectricityMapsVendor
from homeiq_assets_tests.simulated_vendors.server import Misbehaviour, Reply, html_reply, json_reply


def test_a_poll_brings_the_last_hours_and_the_current_one_with_its_forecasts(
    maps: ElectricityMapsVendor, home: Path
) -> None:
    past, current = fetch(maps, home, POLL)
    assert past.covers == Window(SLOT - 5 * HOUR, SLOT)
    assert all(row["carbon_intensity_gco2_kwh"] == VALUES[row["time"]] for row in rows([past]))
    assert {row["forecast_1h"] for row in rows([past])} == {None}
    assert (current.covers, current.step) == (Window(SLOT, SLOT + HOUR), HOUR)
    assert rows([current]) == [
        {
            "time": SLOT,
            "region": "DE",
            "grid_operator": "unknown",
            "carbon_intensity_gco2_kwh": VALUES[SLOT],
            "renewable_percentage": 63.0,
            "fossil_percentage": 34.0,
            "forecast_1h": FORECASTS[SLOT + HOUR],
            "forecast_24h": FORECASTS[SLOT + 24 * HOUR],
        }
    ]
    assert paths(maps) == [HISTORY, MIX, FORECAST]
    assert {request.params["shouldUseFallbackCallerLookup"] for request in maps.asked} == {"false"}


def test_until_the_current_hour_is_told_its_forecast_stands_for_it(maps: ElectricityMapsVendor, home: Path) -> None:
    maps.lag = 2
    past, current = fetch(maps, home, POLL)
    assert past.covers.end == SLOT - HOUR
    (row,) = rows([current])
    assert (row["time"], row["carbon_intensity_gco2_kwh"]) == (SLOT, FORECASTS[SLOT])
    assert row["renewable_percentage"] is None


def test_a_past_day_is_one_range_of_each_kind_without_any_forecast(maps: ElectricityMapsVendor, home: Path) -> None:
    maps.now = NEXT_WEEK
    (answer,) = fetch(maps, home, DAY)
    assert (answer.covers, answer.step) == (DAY, HOUR)
    assert [row["carbon_intensity_gco2_kwh"] for row in rows([answer])] == [
        VALUES[DAY.start + n * HOUR] for n in range(24)
    ]
    assert answer.rows["forecast_1h"].null_count == answer.rows["forecast_24h"].null_count == 24
    assert paths(maps) == [RANGE, MIX_RANGE]


def test_a_month_is_four_ranges_of_each_kind(maps: ElectricityMapsVendor, home: Path) -> None:
    maps.now = NEXT_WEEK
    month = Window(local_day(date(2025, 10, 1), BERLIN).start, local_day(date(2025, 10, 31), BERLIN).end)
    assert month.length == timedelta(days=31, hours=1)
    assert provider(maps, home).longest >= month.length
    (answer,) = fetch(maps, home, month)
    assert answer.covers == month
    assert answer.rows.num_rows == 31 * 24 + 1
    assert answer.rows["renewable_percentage"].null_count == 0
    assert sorted(paths(maps)) == [RANGE] * 4 + [MIX_RANGE] * 4


@pytest.mark.parametrize(("day", "hours"), [(date(2025, 10, 26), 25), (date(2026, 3, 29), 23)])
def test_a_day_of_a_clock_change_has_the_hours_it_has(
    maps: ElectricityMapsVendor, home: Path, day: date, hours: int
) -> None:
    window = local_day(day, BERLIN)
    maps.now = window.end + timedelta(days=2)
    (answer,) = fetch(maps, home, window)
    assert answer.covers == window
    assert answer.rows.num_rows == hours


def test_a_day_that_begins_within_an_hour_has_the_hours_that_begin_in_it(
    maps: ElectricityMapsVendor, home: Path
) -> None:
    maps.now = NEXT_WEEK
    window = local_day(date(2025, 11, 20), ZoneInfo("Asia/Kolkata"))
    (answer,) = fetch(maps, home, window)
    assert answer.covers == Window(window.start + HOUR / 2, window.end)
    assert answer.rows.num_rows == 24


def test_what_a_range_brings_from_outside_the_window_is_not_taken(maps: ElectricityMapsVendor, home: Path) -> None:
    maps.now = NEXT_WEEK
    maps.misbehave(history(*((DAY.start + n * HOUR, 300) for n in range(-1, 26))), path=RANGE)
    (answer,) = fetch(maps, home, DAY)
    assert answer.covers == DAY
    assert answer.rows.num_rows == 24


def test_a_day_that_has_not_begun_is_not_asked_for(maps: ElectricityMapsVendor, home: Path) -> None:
    assert fetch(maps, home, Window(DAY.end, DAY.end + 24 * HOUR)) == []
    assert maps.asked == []


def test_an_empty_day_covers_nothing(maps: ElectricityMapsVendor, home: Path) -> None:
    maps.now = NEXT_WEEK
    maps.values = maps.mix = {}
    assert fetch(maps, home, DAY) == []


def test_a_short_answer_covers_what_it_holds(maps: ElectricityMapsVendor, home: Path) -> None:
    maps.now = NEXT_WEEK
    maps.values = {DAY.start + n * HOUR: 300 for n in (4, 5, 6)}
    (answer,) = fetch(maps, home, DAY)
    assert answer.covers == Window(DAY.start + 4 * HOUR, DAY.start + 7 * HOUR)
    assert answer.rows.num_rows == 3


def test_an_hour_without_a_value_has_its_shares_alone_and_hours_of_them_are_not_covered(
    maps: ElectricityMapsVendor, home: Path
) -> None:
    maps.now = NEXT_WEEK
    maps.values.update({DAY.start + n * HOUR: None for n in (3, 10, 11, 12)})
    first, second = fetch(maps, home, DAY)
    assert first.covers == Window(DAY.start, DAY.start + 10 * HOUR)
    assert second.covers == Window(DAY.start + 13 * HOUR, DAY.end)
    row = rows([first])[3]
    assert (row["carbon_intensity_gco2_kwh"], row["renewable_percentage"]) == (None, 63.0)


@pytest.mark.parametrize(
    ("mix", "expected"),
    [((None, 66), (None, 34.0)), ((63, None), (63.0, None)), ((None, None), (None, None)), ((-1, 101), (None, None))],
)
def test_a_share_that_is_not_told_is_absent(
    maps: ElectricityMapsVendor, home: Path, mix: Any, expected: tuple[float | None, float | None]
) -> None:
    maps.now = NEXT_WEEK
    maps.mix[DAY.start] = mix
    row = rows(fetch(maps, home, DAY))[0]
    assert (row["renewable_percentage"], row["fossil_percentage"]) == expected
    assert row["carbon_intensity_gco2_kwh"] == VALUES[DAY.start]


def test_a_sentinel_is_no_value(maps: ElectricityMapsVendor, home: Path) -> None:
    maps.now = NEXT_WEEK
    maps.values[DAY.start + HOUR] = -999
    (answer,) = fetch(maps, home, DAY)
    assert answer.rows["carbon_intensity_gco2_kwh"].null_count == 1


def test_an_estimate_that_is_replaced_is_what_the_next_fetch_says(maps: ElectricityMapsVendor, home: Path) -> None:
    maps.now = NEXT_WEEK
    before = rows(fetch(maps, home, DAY))
    maps.values[DAY.start] = 999
    after = rows(fetch(maps, home, DAY))
    assert after[0]["carbon_intensity_gco2_kwh"] == 999
    assert after[1:] == before[1:]


def test_the_step_is_the_one_of_the_data(maps: ElectricityMapsVendor, home: Path) -> None:
    quarter = timedelta(minutes=15)
    maps.values = maps.forecasts = {START + n * quarter: 250 + n % 7 for n in range(120 * 96)}
    maps.mix, maps.step = {}, quarter
    past, current = fetch(maps, home, POLL)
    assert past.step == quarter
    assert current.covers == Window(SLOT, SLOT + quarter)


@pytest.mark.parametrize("hours", [(0,), (0, 3)])
def test_hours_that_stand_alone_are_hours(maps: ElectricityMapsVendor, home: Path, hours: tuple[int, ...]) -> None:
    maps.now = NEXT_WEEK
    maps.values = {DAY.start + n * HOUR: 300 for n in hours}
    found = [answer.covers for answer in fetch(maps, home, DAY)]
    assert found == [Window(DAY.start + n * HOUR, DAY.start + (n + 1) * HOUR) for n in hours]


def test_an_hour_that_has_not_begun_is_not_taken(maps: ElectricityMapsVendor, home: Path) -> None:
    maps.misbehave(history(*((SLOT + n * HOUR, 300) for n in range(-2, 3))), path=HISTORY)
    assert [row["time"] for row in rows(fetch(maps, home, POLL))] == [SLOT - 2 * HOUR, SLOT - HOUR, SLOT]


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (history((SLOT, "312")), "carbonIntensity"),
        (history((SLOT, True)), "carbonIntensity"),
        (history((SLOT + timedelta(minutes=7), 312)), "no start of a slot of 1:00:00"),
        (history((SLOT, 312), (SLOT + timedelta(minutes=1), 312)), "no start of a slot"),
        (history((datetime(2025, 11, 20), 312)), "datetime"),
        (history((SLOT, 312), zone="FR"), "answered for FR, not for DE. Look at GRID_REGION"),
        (json_reply({"zone": "DE"}), "history"),
        (json_reply({"zone": None, "history": []}), "zone"),
        (json_reply({"error": "maintenance", "status": "inside a 200"}), "inside a 200"),
        (json_reply({"status": "error", "message": "bad zone"}, 400), "Look at GRID_REGION"),
        (json_reply({"error": "No data"}, 404), "Look at GRID_REGION"),
        (json_reply({"error": "Forbidden"}, 403), "Look at ELECTRICITYMAPS_API_KEY"),
        (html_reply(403), "Bad gateway"),
        (html_reply(), "not (complete) JSON"),
        (Reply(200, b""), "nothing in it"),
        (Misbehaviour(half=True), "not (complete) JSON"),
        (json_reply({"error": "slow down"}, 429, Retry_After="300"), "asks to wait 300 s"),
    ],
)
def test_whatever_else_comes_back_is_an_error_that_names_the_vendor(
    maps: ElectricityMapsVendor, home: Path, wrong: Reply | Misbehaviour, problem: str
) -> None:
    maps.misbehave(wrong, path=HISTORY)
    with pytest.raises(ProviderError) as caught:
        fetch(maps, home, POLL)
    assert str(caught.value).startswith("electricity_maps: ")
    assert problem in str(caught.value)


@pytest.mark.parametrize("wrong", [mixes((SLOT, "63", 66)), mixes((SLOT, 63, 66), zone="FR"), html_reply(403)])
def test_a_wrong_mix_is_an_error_before_anything_is_given(
    maps: ElectricityMapsVendor, home: Path, wrong: Reply
) -> None:
    maps.misbehave(wrong, path=MIX)
    with pytest.raises(ProviderError, match="power-breakdown"):
        next(iter(provider(maps, home).fetch(POLL, NOW)))


def test_hiccups_are_waited_out(maps: ElectricityMapsVendor, home: Path) -> None:
    maps.misbehave(json_reply({}, 503), Misbehaviour(reset=True), path=HISTORY)
    assert len(rows(fetch(maps, home, POLL))) == 6


def test_a_home_keeps_its_days_when_the_vendor_fails_and_its_forecasts_when_hours_are_revised(
    maps: ElectricityMapsVendor, tmp_path: Path
) -> None:
    home = household(
        tmp_path,
        NOW,
        zone="Europe/Berlin",
        ELECTRICITYMAPS_API_KEY=TOKEN,
        GRID_REGION="DE",
        ELECTRICITYMAPS_BASE_URL=maps.url,
        CARBON_TTL_MINUTES="0",
    )
    assert home.materialise("feeds/carbon_intensity", days=("2025-11-17", "2025-11-19")).success
    stored = home.stored(CARBON_INTENSITY)
    assert stored.num_rows == 72

    maps.misbehave(*[html_reply(200)] * 3, path=RANGE)
    failed = home.materialise("feeds/carbon_intensity", days="2025-11-18")
    assert not failed.success
    assert "electricity_maps: GET" in failure_of(failed)
    assert TOKEN not in failure_of(failed)
    assert home.stored(CARBON_INTENSITY) == stored

    maps.behave()
    assert home.poll("carbon_intensity").success
    maps.now = home.clock.now = NOW + HOUR
    maps.values[SLOT] = 777
    assert home.poll("carbon_intensity").success
    (row,) = [row for row in home.stored(CARBON_INTENSITY).to_pylist() if row["time"].to_pydatetime() == SLOT]
    assert row["carbon_intensity_gco2_kwh"] == 777
    assert (row["forecast_1h"], row["forecast_24h"]) == (FORECASTS[SLOT + HOUR], FORECASTS[SLOT + 24 * HOUR])
    assert (
        home.stored(CARBON_INTENSITY, "2025-11-20")["time"][-1].as_py().to_pydatetime().astimezone(UTC) == SLOT + HOUR
    )
