"""AirNow, asked over HTTP: what the home's sites reported becomes rows, and nothing else does."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.feeds.air_quality.airnow_home import (
    BAY_VIEW,
    DAY,
    HILLTOP,
    HOUR,
    KEY,
    MAIN_ST,
    NEWEST,
    NOW,
    PACIFIC,
    POLLED,
    fetch,
    provider,
    rows,
    running,
)
from homeiq_assets_tests.simulated_vendors.airnow import AirNowVendor


@pytest.fixture
def vendor() -> Iterator[AirNowVendor]:
    with running() as airnow:
        yield airnow


def test_a_poll_brings_the_hours_that_are_published(vendor: AirNowVendor) -> None:
    (answer,) = fetch(vendor, POLLED)
    assert answer.covers == Window(POLLED.start, NEWEST + HOUR)
    assert answer.step == HOUR
    assert [row["time"] for row in rows([answer], "Ozone")] == [POLLED.start, NEWEST]


def test_a_row_has_the_nowcast_the_vendors_index_and_the_homes_place(vendor: AirNowVendor) -> None:
    vendor.stations[MAIN_ST].hours["PM25"][NEWEST] = (12.4, 57)
    vendor.stations[BAY_VIEW].hours["OZONE"][NEWEST] = (31.0, 29)
    answered = fetch(vendor, Window(NEWEST, POLLED.end))
    assert rows(answered, "PM2.5") == [
        {
            "time": NEWEST,
            "location": "37.77,-122.42",
            "category": "Moderate",
            "parameter": "PM2.5",
            "aqi": 57,
            "pm25": 12.4,
            "pm10": None,
            "ozone": None,
        }
    ]
    (ozone,) = rows(answered, "Ozone")
    assert (ozone["ozone"], ozone["aqi"], ozone["category"], ozone["pm25"]) == (31.0, 29, "Good", None)


def test_polls_after_the_first_are_one_request_of_a_few_hours(vendor: AirNowVendor) -> None:
    fetch(vendor, POLLED)
    vendor.asked.clear()
    assert len(rows(fetch(vendor, POLLED))) == 6
    (asked,) = vendor.asked
    assert asked.path == "/aq/data/"
    assert asked.params == {
        "startDate": "2026-11-05T15",
        "endDate": "2026-11-05T18",
        "parameters": "PM25,PM10,OZONE",
        "BBOX": "-122.5100,37.6900,-122.3400,37.9600",
        "dataType": "B",
        "format": "application/json",
        "verbose": "1",
        "monitorType": "0",
        "includerawconcentrations": "1",
        "API_KEY": KEY,
    }


def test_a_month_with_the_hour_that_autumn_adds_is_one_request_once_the_sites_are_known(vendor: AirNowVendor) -> None:
    fetch(vendor, POLLED)
    vendor.asked.clear()
    month = Window(local_day(date(2026, 10, 3), PACIFIC).start, local_day(date(2026, 11, 2), PACIFIC).end)
    assert month.length == timedelta(days=31, hours=1) <= provider(vendor).longest
    (answer,) = fetch(vendor, month)
    assert answer.covers == month
    assert answer.rows.num_rows == 3 * (31 * 24 + 1)
    assert len(vendor.asked) == 1


def test_a_month_before_any_poll_takes_one_request_more_to_find_the_sites(vendor: AirNowVendor) -> None:
    (answer,) = fetch(vendor, Window(DAY.start - timedelta(days=16), DAY.start + timedelta(days=15)))
    assert answer.rows.num_rows == 3 * 31 * 24
    assert [request.params["startDate"] for request in vendor.asked] == ["2026-11-04T17", "2026-10-04T07"]


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 11, 1), 25), (date(2026, 3, 8), 23)])
def test_a_day_of_a_clock_change_has_the_hours_it_has(vendor: AirNowVendor, day: date, hours: int) -> None:
    window = local_day(day, PACIFIC)
    for n in range(-1, 26):
        vendor.stations[MAIN_ST].hours["PM25"][window.start + n * HOUR] = (7.0, 39)
    (answer,) = fetch(vendor, window)
    assert answer.covers == window
    assert len(rows([answer], "PM2.5")) == hours


def test_hours_are_stamped_with_their_start_in_utc(vendor: AirNowVendor) -> None:
    midnight = datetime(2026, 10, 20, 7, tzinfo=UTC)
    vendor.stations[MAIN_ST].hours["PM25"][midnight] = (99.0, 173)
    first, second, *_ = rows(fetch(vendor), "PM2.5")
    assert (first["time"], first["pm25"], first["category"]) == (midnight, 99.0, "Unhealthy")
    assert second["pm25"] < 11


def test_a_day_that_has_not_begun_is_not_asked_for(vendor: AirNowVendor) -> None:
    assert fetch(vendor, local_day(date(2026, 11, 6), PACIFIC)) == []
    assert vendor.asked == []


def test_an_empty_day_covers_nothing_and_is_no_error(vendor: AirNowVendor) -> None:
    fetch(vendor, POLLED)
    for station in vendor.stations:
        station.hours.clear()
    assert fetch(vendor) == []


@pytest.mark.parametrize("missing", ["sentinel", "no row"])
def test_a_missing_hour_is_absent_and_never_0(
    vendor: AirNowVendor, missing: str, caplog: pytest.LogCaptureFixture
) -> None:
    hours = vendor.stations[BAY_VIEW].hours["OZONE"]
    gone = DAY.start + 3 * HOUR
    if missing == "sentinel":
        hours[gone] = (None, None)
    else:
        del hours[gone]
    (answer,) = fetch(vendor)
    assert answer.covers == DAY
    assert gone not in [row["time"] for row in rows([answer], "Ozone")]
    assert len(rows([answer], "Ozone")) == 23
    assert len(rows([answer], "PM2.5")) == 24
    assert "no usable" not in caplog.text


def test_an_hour_may_have_a_concentration_without_an_index_and_the_reverse(vendor: AirNowVendor) -> None:
    vendor.stations[MAIN_ST].hours["PM25"] |= {DAY.start: (8.0, None), DAY.start + HOUR: (None, 44)}
    first, second, *_ = rows(fetch(vendor), "PM2.5")
    assert (first["pm25"], first["aqi"], first["category"]) == (8.0, None, "unknown")
    assert (second["pm25"], second["aqi"], second["category"]) == (None, 44, "Good")


def test_what_an_instrument_shows_below_zero_is_no_concentration_but_keeps_its_index(
    vendor: AirNowVendor, caplog: pytest.LogCaptureFixture
) -> None:
    vendor.stations[MAIN_ST].hours["PM25"][DAY.start] = (-1.2, 0)
    first = rows(fetch(vendor), "PM2.5")[0]
    assert (first["pm25"], first["aqi"]) == (None, 0)
    assert "no usable PM2.5" in caplog.text


def test_an_index_beyond_the_scale_is_its_end_with_the_concentration_as_it_is(vendor: AirNowVendor) -> None:
    vendor.stations[MAIN_ST].hours["PM25"][DAY.start] = (512.3, 874)
    first = rows(fetch(vendor), "PM2.5")[0]
    assert (first["pm25"], first["aqi"], first["category"]) == (512.3, 500, "Hazardous")


def test_a_withdrawn_hour_is_covered_and_an_outage_is_not(vendor: AirNowVendor) -> None:
    for station in vendor.stations:
        for hours in station.hours.values():
            for n in (2, 3, 4, 10, 11, 12, 13):
                del hours[DAY.start + n * HOUR]
    assert [answer.covers for answer in fetch(vendor)] == [
        Window(DAY.start, DAY.start + 10 * HOUR),
        Window(DAY.start + 14 * HOUR, DAY.end),
    ]


def test_a_short_answer_covers_what_it_holds(vendor: AirNowVendor) -> None:
    vendor.now = DAY.start + 9 * HOUR
    (answer,) = fetch(vendor)
    assert answer.covers == Window(DAY.start, DAY.start + 9 * HOUR)


def test_a_revised_hour_is_what_the_next_fetch_says(vendor: AirNowVendor) -> None:
    before = rows(fetch(vendor))
    vendor.stations[HILLTOP].hours["PM10"][DAY.start] = (88.0, 67)
    after = rows(fetch(vendor))
    changed = [row for row in after if row not in before]
    assert [(row["time"], row["pm10"], row["category"]) for row in changed] == [(DAY.start, 88.0, "Moderate")]
    assert len(after) == len(before)


def test_the_probe_names_the_sites_near_the_home_in_one_request(vendor: AirNowVendor) -> None:
    assert provider(vendor).probe(NOW) == (
        "the key is accepted; 3 sites within 56 km; PM2.5 at Main St (4 km), PM10 at Hilltop (21 km), "
        "Ozone at Bay View (10 km)"
    )
    assert len(vendor.asked) == 1
    vendor.stations = []
    assert provider(vendor).probe(NOW) == "the key is accepted; 0 sites within 56 km"
