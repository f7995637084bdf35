"""Open-Meteo, asked over HTTP: the models' hours become rows, with EPA's index of the hours before them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.errors import NoHistory
from homeiq_assets.feeds.air_quality.aqi import index_of, nowcast, ozone_index
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.feeds.air_quality.open_meteo_home import (
    AIR,
    DAY,
    FIRST,
    HOUR,
    NOW,
    SLOT,
    VIENNA,
    fetch,
    provider,
    rows,
    running,
)
from homeiq_assets_tests.simulated_vendors.open_meteo import VARIABLES, OpenMeteoVendor, series


@pytest.fixture
def vendor() -> Iterator[OpenMeteoVendor]:
    with running() as open_meteo:
        yield open_meteo


def test_a_poll_brings_the_hours_until_now_and_no_forecast(vendor: OpenMeteoVendor) -> None:
    window = Window(SLOT - 2 * HOUR, local_day(date(2025, 11, 21), VIENNA).end)
    (answer,) = fetch(vendor, window)
    assert answer.covers == Window(SLOT - 2 * HOUR, SLOT + HOUR)
    assert answer.step == HOUR
    assert [row["time"] for row in rows([answer], "Ozone")] == [SLOT - 2 * HOUR, SLOT - HOUR, SLOT]
    assert len(vendor.asked) == 1


def test_a_row_has_the_hours_concentration_and_the_index_of_the_hours_up_to_it(vendor: OpenMeteoVendor) -> None:
    answered = fetch(vendor, Window(SLOT, SLOT + HOUR))
    past = [SLOT - n * HOUR for n in range(11, -1, -1)]
    fine = [AIR["pm2_5"][at] for at in past]
    (row,) = rows(answered, "PM2.5")
    assert row == {
        "time": SLOT,
        "location": "48.2,16.4",
        "category": "Good" if row["aqi"] <= 50 else "Moderate",
        "parameter": "PM2.5",
        "aqi": index_of("PM2.5", nowcast(fine) or 0),
        "pm25": fine[-1],
        "pm10": None,
        "ozone": None,
    }
    (coarse,) = rows(answered, "PM10")
    assert coarse["pm10"] == AIR["pm10"][SLOT]
    assert coarse["aqi"] == index_of("PM10", nowcast([AIR["pm10"][at] for at in past]) or 0)
    (ozone,) = rows(answered, "Ozone")
    assert ozone["ozone"] == pytest.approx(AIR["ozone"][SLOT] / 1.96)
    eight = [AIR["ozone"][at] / 1.96 for at in past[-8:]]
    assert ozone["aqi"] == ozone_index(sum(eight) / 8, eight[-1])


def test_what_the_index_needs_before_the_window_comes_with_the_same_request(vendor: OpenMeteoVendor) -> None:
    fetch(vendor)
    (asked,) = vendor.asked
    assert asked.params == {
        "latitude": "48.2",
        "longitude": "16.4",
        "hourly": "pm2_5,pm10,ozone",
        "timezone": "GMT",
        "start_hour": "2025-11-11T12:00",
        "end_hour": "2025-11-12T22:00",
    }


def test_a_poll_and_a_backfill_of_the_same_hour_give_the_same_row(vendor: OpenMeteoVendor) -> None:
    hour = DAY.start + 5 * HOUR
    polled = rows(fetch(vendor, Window(hour, DAY.end), now=hour + timedelta(minutes=7)))
    assert len(polled) == 3
    assert [row for row in rows(fetch(vendor)) if row["time"] == hour] == polled


def test_a_month_with_the_hour_that_autumn_adds_is_one_request_of_the_weight_of_one(vendor: OpenMeteoVendor) -> None:
    month = Window(local_day(date(2025, 10, 1), VIENNA).start, local_day(date(2025, 10, 31), VIENNA).end)
    air = provider(vendor)
    assert month.length == timedelta(days=31, hours=1) <= air.longest
    (answer,) = air.fetch(month, NOW)
    assert answer.covers == month
    assert answer.rows.num_rows == 3 * (31 * 24 + 1)
    assert answer.rows["aqi"].null_count == 0
    assert (len(vendor.asked), vendor.weight) == (1, 1.0)


def test_the_longest_window_still_weighs_one_request(vendor: OpenMeteoVendor) -> None:
    list(provider(vendor).fetch(Window(FIRST, FIRST + provider(vendor).longest), NOW))
    assert vendor.weight == 1.0


@pytest.mark.parametrize(("day", "hours"), [(date(2025, 10, 26), 25), (date(2026, 3, 29), 23)])
def test_a_day_of_a_clock_change_has_the_hours_it_has(vendor: OpenMeteoVendor, day: date, hours: int) -> None:
    window = local_day(day, VIENNA)
    vendor.now = window.end + timedelta(days=1)
    vendor.values["pm10"] = {window.start + n * HOUR: 20.0 for n in range(-11, 30)}
    (answer,) = fetch(vendor, window, vendor.now)
    assert answer.covers == window
    assert len(rows([answer], "PM10")) == hours


def test_where_the_local_day_begins_within_an_hour_only_hours_that_begin_in_it_are_its_own(
    vendor: OpenMeteoVendor,
) -> None:
    day = local_day(date(2025, 11, 12), ZoneInfo("Asia/Kolkata"))
    (answer,) = fetch(vendor, day)
    assert answer.rows.num_rows == 3 * 24
    assert answer.covers == Window(day.start + HOUR / 2, day.end)


def test_a_day_that_has_not_begun_is_not_asked_for(vendor: OpenMeteoVendor) -> None:
    assert fetch(vendor, local_day(date(2025, 11, 21), VIENNA)) == []
    assert vendor.asked == []


def test_before_2013_there_is_no_history(vendor: OpenMeteoVendor) -> None:
    with pytest.raises(NoHistory, match="history begins on 2013-01-01"):
        fetch(vendor, local_day(date(2012, 12, 31), VIENNA))
    assert vendor.asked == []


def test_the_first_hours_of_history_are_asked_for_without_those_before_them(vendor: OpenMeteoVendor) -> None:
    start = datetime(2013, 1, 1, tzinfo=UTC)
    vendor.values["pm10"] = {start + n * HOUR: 20.0 for n in range(48)}
    answered = fetch(vendor, local_day(date(2013, 1, 1), VIENNA))
    assert vendor.asked[0].params["start_hour"] == "2013-01-01T00:00"
    first, second, *_ = rows(answered, "PM10")
    assert (first["time"], first["pm10"], first["aqi"], first["category"]) == (start, 20.0, None, "unknown")
    assert second["aqi"] == 19


def test_outside_europe_nothing_before_august_2022_says_so(vendor: OpenMeteoVendor) -> None:
    with pytest.raises(NoHistory, match="in August 2022 elsewhere"):
        fetch(vendor, local_day(date(2020, 5, 1), VIENNA), latitude=40.7, longitude=-74.0)


def test_an_empty_day_covers_nothing(vendor: OpenMeteoVendor) -> None:
    vendor.values = {name: {} for name in VARIABLES}
    assert fetch(vendor) == []


def test_nulls_are_absent_and_never_0(vendor: OpenMeteoVendor) -> None:
    vendor.values["pm10"] = {}
    vendor.values["ozone"][DAY.start] = None
    answered = fetch(vendor)
    assert rows(answered, "PM10") == []
    assert [row["time"] for row in rows(answered, "Ozone")] == [DAY.start + n * HOUR for n in range(1, 24)]
    assert answered[0].covers == DAY
    assert rows(answered, "Ozone")[0]["aqi"] is not None


def test_a_gap_of_hours_is_withdrawn_and_a_longer_one_is_not_covered(vendor: OpenMeteoVendor) -> None:
    for values in vendor.values.values():
        values.update({DAY.start + n * HOUR: None for n in (2, 3, 4, 10, 11, 12, 13)})
    assert [answer.covers for answer in fetch(vendor)] == [
        Window(DAY.start, DAY.start + 10 * HOUR),
        Window(DAY.start + 14 * HOUR, DAY.end),
    ]


def test_a_short_answer_covers_what_it_holds(vendor: OpenMeteoVendor) -> None:
    hours = [DAY.start + n * HOUR for n in range(-11, 6)]
    vendor.misbehave(series({name: [12.0] * 17 for name in VARIABLES}, hours))
    (answer,) = fetch(vendor)
    assert answer.covers == Window(DAY.start, DAY.start + 6 * HOUR)


def test_hours_nobody_asked_for_are_not_taken(vendor: OpenMeteoVendor) -> None:
    hours = [DAY.start + n * HOUR for n in range(-48, 24 * 60)]
    vendor.misbehave(series({name: [12.0] * len(hours) for name in VARIABLES}, hours))
    (answer,) = fetch(vendor)
    assert answer.covers == DAY


def test_a_revised_hour_changes_its_row_and_the_index_of_those_after_it(vendor: OpenMeteoVendor) -> None:
    before = rows(fetch(vendor), "PM2.5")
    vendor.values["pm2_5"][DAY.start + 3 * HOUR] = 300.0
    after = rows(fetch(vendor), "PM2.5")
    assert after[:3] == before[:3]
    assert (after[3]["pm25"], after[3]["category"]) == (300.0, "Very Unhealthy")
    assert after[4]["pm25"] == before[4]["pm25"]
    assert after[4]["aqi"] > before[4]["aqi"]


def test_ozone_of_an_hour_counts_where_it_is_worse_than_the_8_hours(vendor: OpenMeteoVendor) -> None:
    vendor.values["ozone"] = {DAY.start + n * HOUR: 20.0 * 1.96 for n in range(-11, 24)}
    vendor.values["ozone"][DAY.start + 3 * HOUR] = 150.0 * 1.96
    assert [row["aqi"] for row in rows(fetch(vendor), "Ozone")][2:4] == [19, 132]


def test_what_no_air_holds_is_no_value(vendor: OpenMeteoVendor, caplog: pytest.LogCaptureFixture) -> None:
    vendor.values["pm2_5"][DAY.start] = -999.0
    assert len(rows(fetch(vendor), "PM2.5")) == 23
    assert "no usable PM2.5 for 2025-11-11T23:00:00+00:00: -999" in caplog.text
