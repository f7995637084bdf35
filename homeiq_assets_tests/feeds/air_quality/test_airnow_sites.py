"""Which site speaks for the home, for how long, and what is asked to know it."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.feeds.air_quality.airnow.sites import around, distance_km
from homeiq_assets.feeds.air_quality.readings import Place
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.feeds.air_quality.airnow_home import (
    BAY_VIEW,
    DAY,
    FARAWAY,
    HILLTOP,
    HOUR,
    HOURS,
    MAIN_ST,
    NOW,
    PACIFIC,
    POLLED,
    fetch,
    poll,
    provider,
    rows,
    running,
    site_numbers,
)
from homeiq_assets_tests.simulated_vendors.airnow import AirNowVendor, Station


@pytest.fixture
def vendor() -> Iterator[AirNowVendor]:
    with running() as airnow:
        yield airnow


NEAREST = {"PM2.5": {MAIN_ST}, "PM10": {HILLTOP}, "Ozone": {BAY_VIEW}}


def boxes(vendor: AirNowVendor) -> list[float]:
    """The heights of the boxes that were asked for, in degrees."""
    edges = [[float(edge) for edge in request.params["BBOX"].split(",")] for request in vendor.asked]
    return [round(north - south, 2) for _, south, _, north in edges]


def test_each_parameter_is_read_at_the_nearest_site_that_measures_it(vendor: AirNowVendor) -> None:
    assert site_numbers(fetch(vendor)) == NEAREST


def test_the_search_ends_with_the_first_box_that_has_all(vendor: AirNowVendor) -> None:
    fetch(vendor, POLLED)
    assert boxes(vendor) == [0.5, 0.27]


def test_the_search_grows_for_what_is_not_found_and_no_further_than_a_degree(vendor: AirNowVendor) -> None:
    del vendor.stations[HILLTOP]
    assert site_numbers(fetch(vendor, POLLED))["PM10"] == {FARAWAY}
    assert boxes(vendor)[:3] == [0.5, 1.0, 2.0]
    assert len(vendor.asked) == 4


def test_a_site_in_the_corner_of_a_box_does_not_hide_a_nearer_one_just_outside(vendor: AirNowVendor) -> None:
    ozone = vendor.stations[BAY_VIEW].hours["OZONE"]
    corner = Station(
        "Corner", 37.77 + 0.24, -122.42 + 0.30, "060000008", {"OZONE": ozone, "PM25": ozone, "PM10": ozone}
    )
    outside = Station("Outside", 37.77 + 0.27, -122.42, "060000009", {"OZONE": dict.fromkeys(ozone, (70.0, 60))})
    vendor.stations = [corner, outside]
    assert {row["ozone"] for row in rows(fetch(vendor), "Ozone")} == {70.0}


def test_a_site_that_mostly_fails_does_not_speak_for_the_home(vendor: AirNowVendor) -> None:
    hours = vendor.stations[MAIN_ST].hours["PM25"]
    vendor.stations[MAIN_ST].hours["PM25"] = {at: value for n, (at, value) in enumerate(hours.items()) if n % 3 == 0}
    assert site_numbers(fetch(vendor))["PM2.5"] == {BAY_VIEW}


def test_polls_keep_to_their_site_while_it_is_silent_for_less_than_a_day(vendor: AirNowVendor) -> None:
    vendor.now = NOW - timedelta(hours=30)
    assert site_numbers(poll(vendor, vendor.now)) == NEAREST
    hours = vendor.stations[MAIN_ST].hours["PM25"]
    for at in [at for at in hours if at >= vendor.now - 3 * HOUR]:
        del hours[at]
    vendor.asked.clear()
    later = poll(vendor, vendor.now + 23 * HOUR)
    assert site_numbers(later) == {"PM10": {HILLTOP}, "Ozone": {BAY_VIEW}}
    assert len(vendor.asked) == 1


def test_silence_is_counted_from_the_last_time_a_poll_heard_the_site(vendor: AirNowVendor) -> None:
    start = NOW - timedelta(days=4)
    for hours in range(0, 72, 6):
        poll(vendor, start + hours * HOUR)
    vendor.stations[MAIN_ST].hours.clear()
    vendor.asked.clear()
    assert set(site_numbers(poll(vendor, start + 80 * HOUR))) == {"PM10", "Ozone"}
    assert len(vendor.asked) == 1


def test_a_site_found_again_is_not_asked_twice(vendor: AirNowVendor) -> None:
    poll(vendor, NOW - timedelta(days=2))
    hours = vendor.stations[MAIN_ST].hours["PM25"]
    for at in [at for at in hours if at >= NOW - 4 * HOUR]:
        del hours[at]
    vendor.asked.clear()
    assert set(site_numbers(poll(vendor, NOW))) == {"PM10", "Ozone"}
    assert boxes(vendor) == [0.27, 0.5]


def test_a_site_silent_for_a_day_is_replaced_by_the_nearest_that_reports_and_that_is_kept(
    vendor: AirNowVendor, caplog: pytest.LogCaptureFixture
) -> None:
    start = NOW - timedelta(hours=30)
    poll(vendor, start)
    hours = vendor.stations[MAIN_ST].hours.pop("PM25")
    assert site_numbers(poll(vendor, start + 24 * HOUR))["PM2.5"] == {BAY_VIEW}
    assert "PM2.5 is from Bay View now, no more from Main St" in caplog.text
    vendor.stations[MAIN_ST].hours["PM25"] = hours
    vendor.asked.clear()
    assert site_numbers(poll(vendor, start + 25 * HOUR))["PM2.5"] == {BAY_VIEW}
    assert len(vendor.asked) == 1


def test_a_site_that_reports_again_after_missed_polls_is_not_replaced(vendor: AirNowVendor) -> None:
    start = NOW - timedelta(days=3)
    poll(vendor, start)
    vendor.asked.clear()
    assert site_numbers(poll(vendor, NOW)) == NEAREST
    assert len(vendor.asked) == 1


def test_where_no_other_site_reports_the_silent_one_stays_and_is_sought_once_a_day(vendor: AirNowVendor) -> None:
    start = NOW - timedelta(hours=30)
    poll(vendor, start)
    for station in vendor.stations:
        station.hours.pop("PM25", None)
    poll(vendor, start + 24 * HOUR)
    vendor.asked.clear()
    poll(vendor, start + 25 * HOUR)
    assert len(vendor.asked) == 1
    vendor.stations[MAIN_ST].hours["PM25"] = dict.fromkeys(HOURS, (10.0, 40))
    assert site_numbers(poll(vendor, start + 26 * HOUR)) == NEAREST


def test_a_nearer_site_that_appears_is_taken_after_30_days_and_not_before(vendor: AirNowVendor) -> None:
    start = NOW - timedelta(days=31)
    poll(vendor, start)
    new = Station("New", 37.775, -122.42, "060000007", {"PM25": dict.fromkeys(HOURS, (70.0, 157))})
    vendor.stations.append(new)
    assert {row["pm25"] // 10 for row in rows(poll(vendor, start + timedelta(days=29)), "PM2.5")} == {1}
    assert {row["pm25"] // 10 for row in rows(poll(vendor, start + timedelta(days=30)), "PM2.5")} == {7}


def test_another_place_or_site_in_the_settings_is_another_choice(vendor: AirNowVendor) -> None:
    fetch(vendor)
    assert site_numbers(fetch(vendor, latitude=38.61, longitude=-122.2))["PM2.5"] == {FARAWAY}
    assert site_numbers(fetch(vendor, airnow_site="Bay View"))["PM2.5"] == {BAY_VIEW}
    assert site_numbers(fetch(vendor)) == NEAREST


@pytest.mark.parametrize("named", ["Hilltop", "hilltop", "060000003", "840060000003"])
def test_a_site_named_by_the_owner_speaks_for_what_it_measures_and_no_other_does(
    vendor: AirNowVendor, named: str
) -> None:
    assert site_numbers(fetch(vendor, airnow_site=named)) == {"PM10": {HILLTOP}, "PM2.5": {HILLTOP}}
    assert len(vendor.asked) == 2
    vendor.asked.clear()
    fetch(vendor, airnow_site=named)
    assert len(vendor.asked) == 1


def test_a_mobile_monitor_is_taken_only_where_it_is_named(vendor: AirNowVendor) -> None:
    vendor.stations[MAIN_ST].mobile = True
    assert site_numbers(fetch(vendor))["PM2.5"] == {BAY_VIEW}
    assert site_numbers(fetch(vendor, airnow_site="Main St")) == {"PM2.5": {MAIN_ST}}


def test_a_named_site_that_nobody_knows_is_an_error_with_those_there_are(vendor: AirNowVendor) -> None:
    with pytest.raises(SettingError, match=r"AIRNOW_SITE: no site 'Main Street' .* Main St, Bay View, Hilltop"):
        fetch(vendor, POLLED, airnow_site="Main Street")


def test_a_past_in_which_todays_site_did_not_exist_is_told_by_the_one_of_then(vendor: AirNowVendor) -> None:
    fetch(vendor, POLLED)
    hours = vendor.stations[MAIN_ST].hours["PM25"]
    vendor.stations[MAIN_ST].hours["PM25"] = {at: value for at, value in hours.items() if at >= DAY.end}
    vendor.asked.clear()
    assert site_numbers(fetch(vendor))["PM2.5"] == {BAY_VIEW}
    assert len(vendor.asked) == 3
    assert site_numbers(fetch(vendor, POLLED)) == NEAREST


def test_a_parameter_that_nobody_measures_costs_a_past_window_one_request(vendor: AirNowVendor) -> None:
    for station in vendor.stations:
        station.hours.pop("PM10", None)
    fetch(vendor, POLLED)
    vendor.asked.clear()
    month = Window(DAY.start - timedelta(days=15), DAY.start + timedelta(days=16))
    assert set(site_numbers(fetch(vendor, month))) == {"PM2.5", "Ozone"}
    asked = [(request.params["parameters"], request.params["startDate"]) for request in vendor.asked]
    assert asked == [("PM25,OZONE", "2026-10-05T07"), ("PM10", "2026-10-20T07")]
    assert vendor.asked[1].params["endDate"] == "2026-10-21T07"
    vendor.asked.clear()
    fetch(vendor, POLLED)
    assert len(vendor.asked) == 1


def test_a_home_without_any_site_is_told_so(vendor: AirNowVendor) -> None:
    with pytest.raises(ProviderError, match=r"no site within 111 km .* AIR_QUALITY_PROVIDER to open_meteo"):
        fetch(vendor, POLLED, latitude=48.2, longitude=16.4)
    assert len(vendor.asked) == 3


def test_a_day_of_the_past_is_found_even_where_nobody_reports_today(vendor: AirNowVendor) -> None:
    vendor.now = local_day(date(2026, 11, 20), PACIFIC).end
    assert site_numbers(fetch(vendor)) == NEAREST


@pytest.mark.parametrize("setting", ["AIRNOW_API_KEY", "LATITUDE", "LONGITUDE"])
def test_without_a_key_or_a_place_the_setting_is_named(vendor: AirNowVendor, setting: str) -> None:
    lacking = provider(vendor, **{setting.lower(): None})
    with pytest.raises(SettingError, match=f"{setting}: is not set"):
        list(lacking.fetch(DAY, NOW))
    with pytest.raises(SettingError, match=f"{setting}: is not set"):
        lacking.probe(NOW)
    assert vendor.asked == []


def test_distances_are_great_circles() -> None:
    assert distance_km(Place(37.77, -122.42), Place(40.71, -74.01)) == pytest.approx(4130, abs=3)
    assert distance_km(Place(60.0, 179.9), Place(60.0, -179.9)) == pytest.approx(11.1, abs=0.1)


def test_boxes_are_as_wide_as_high_and_stay_on_the_map() -> None:
    box = around(Place(60.0, -150.0), 1.0)
    assert (box.south, box.north) == (59.0, 61.0)
    assert box.east - box.west == pytest.approx(4.0)
    assert around(Place(89.9, 179.9), 1.0).north == 90
    assert around(Place(51.9, 179.9), 1.0).east == 180
