"""AirNow where it fails, refuses or sends nonsense, and what a home keeps then."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from homeiq_assets.errors import ProviderError
from homeiq_assets.schema.measurements import AIR_QUALITY
from homeiq_assets_tests.feeds.air_quality.airnow_home import (
    BAY_VIEW,
    DAY,
    HOUR,
    KEY,
    MAIN_ST,
    NEWEST,
    NOW,
    POLLED,
    fetch,
    provider,
    rows,
    running,
)
from homeiq_assets_tests.household import Household, checks_of, failure_of, household
from homeiq_assets_tests.simulated_vendors.airnow import AirNowVendor, refusal
from homeiq_assets_tests.simulated_vendors.server import Misbehaviour, Reply, html_reply, json_reply


@pytest.fixture
def vendor() -> Iterator[AirNowVendor]:
    with running() as airnow:
        fetch(airnow, POLLED)
        airnow.asked.clear()
        yield airnow


def row(hour: int = 0, **different: Any) -> dict[str, Any]:
    usual = {
        "Latitude": 37.80,
        "Longitude": -122.40,
        "UTC": f"{DAY.start + hour * HOUR:%Y-%m-%dT%H:%M}",
        "Parameter": "PM2.5",
        "Unit": "UG/M3",
        "Value": 7.4,
        "RawConcentration": 8.0,
        "AQI": 41,
        "Category": 1,
        "SiteName": "Main St",
        "AgencyName": "Example AQMD ",
        "FullAQSCode": "060000001",
        "IntlAQSCode": "840060000001",
    }
    return usual | different


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in row().items() if key != name}


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (refusal("Invalid API key", 401), "Look at AIRNOW_API_KEY."),
        (refusal("Request not authenticated."), "Request not authenticated. Look at AIRNOW_API_KEY."),
        (Reply(401, b"<WebServiceError><Message>Invalid API key</Message></WebServiceError>"), "AIRNOW_API_KEY"),
        (html_reply(403), "403 Forbidden"),
        (refusal("This web service has been retired.", 410), "410 Gone"),
        (html_reply(404), "404 Not Found"),
        (refusal("Invalid or missing parameter: BBOX", 400), "Invalid or missing parameter: BBOX"),
        (refusal("The BBOX is too large."), "answered 200 with an error: The BBOX is too large."),
        (json_reply({"WebServiceError": []}), "WebServiceError"),
        (json_reply({"message": "maintenance"}), "maintenance"),
        (json_reply("maintenance"), "maintenance"),
        (json_reply([row(Value="7.4")]), "observations.0.Value"),
        (json_reply([row(Value=True)]), "observations.0.Value"),
        (json_reply([row(AQI=41.5)]), "observations.0.AQI"),
        (json_reply([row(UTC="2026-10-20T07:00Z")]), "observations.0.UTC"),
        (json_reply([row(UTC=1792479600)]), "observations.0.UTC"),
        (json_reply([row(UTC="2026-10-20T07:30")]), "no start of an hour"),
        (json_reply([row(Unit="PPM")]), "PM2.5 in 'PPM', not in UG/M3"),
        (json_reply([row(Parameter=None)]), "observations.0.Parameter"),
        (json_reply([row(SiteName=7)]), "observations.0.SiteName"),
        (json_reply([without("Value")]), "observations.0.Value"),
        (json_reply([None]), "observations.0"),
        (Reply(200, b'[{"Value":NaN}]'), "observations.0"),
        (Reply(200, b"<ArrayOfAirNowAQData/>"), "not (complete) JSON"),
        (Reply(200, b"Latitude,Longitude,UTC\n"), "not (complete) JSON"),
        (html_reply(), "Bad gateway"),
        (Reply(200, b""), "nothing in it"),
        (Misbehaviour(half=True), "not (complete) JSON"),
    ],
)
def test_whatever_else_comes_back_is_an_error_that_names_the_vendor(
    vendor: AirNowVendor, wrong: Reply | Misbehaviour, problem: str
) -> None:
    vendor.misbehave(wrong)
    with pytest.raises(ProviderError) as caught:
        fetch(vendor)
    assert str(caught.value).startswith("airnow: ")
    assert problem in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "nothing",
    [
        json_reply([]),
        refusal("There are no observations available for the requested criteria."),
        refusal("No data available"),
        json_reply([row(Value=None, AQI=None), row(1, Value=-999, AQI=-999), row(2, Value=-999.0, AQI=-999)]),
        json_reply([row(SiteName="Elsewhere", FullAQSCode="060000099", IntlAQSCode="840060000099")]),
        json_reply([row(Parameter="CO", Unit="PPM")]),
        json_reply([row(-1), row(24)]),
    ],
    ids=["an empty list", "no observations", "no data", "missing values", "another site", "CO", "other hours"],
)
def test_no_data_is_no_rows_and_covers_nothing(vendor: AirNowVendor, nothing: Reply) -> None:
    vendor.stations = []
    vendor.misbehave(nothing)
    assert fetch(vendor) == []


def test_of_an_hour_that_comes_twice_the_later_row_is_the_correction(vendor: AirNowVendor) -> None:
    vendor.stations = []
    rows_sent = [row(), row(1), row(Value=40.0, AQI=112), row(1, Value=-999, AQI=-999), row(2)]
    vendor.misbehave(json_reply(rows_sent))
    first, second = rows(fetch(vendor))
    assert (first["pm25"], first["aqi"], first["category"]) == (40.0, 112, "Unhealthy for Sensitive Groups")
    assert second["time"] == DAY.start + 2 * HOUR


@pytest.mark.parametrize("limit", [refusal("Web service request limit exceeded.", 429), refusal("Limit exceeded.")])
def test_a_used_up_quota_is_an_error(vendor: AirNowVendor, limit: Reply) -> None:
    vendor.misbehave(*[limit] * 4)
    with pytest.raises(ProviderError, match=r"(?i)limit exceeded") as caught:
        fetch(vendor)
    assert caught.value.provider == "airnow"


def test_hiccups_are_waited_out(vendor: AirNowVendor) -> None:
    vendor.misbehave(html_reply(504), Misbehaviour(reset=True), Misbehaviour(truncate=True))
    assert len(rows(fetch(vendor))) == 72


def test_a_wrong_key_fails_the_probe_by_its_setting(vendor: AirNowVendor) -> None:
    vendor.key = "another"
    with pytest.raises(ProviderError, match=r"401 Unauthorized.*Look at AIRNOW_API_KEY"):
        provider(vendor).probe(NOW)


def test_the_key_reaches_no_log_line_no_message_and_no_file(
    vendor: AirNowVendor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fetch(vendor)
    vendor.misbehave(json_reply({"WebServiceError": [{"Message": f"the key {KEY} is not valid"}]}))
    with pytest.raises(ProviderError) as caught:
        fetch(vendor)
    told = caplog.text + str([vars(record) for record in caplog.records]) + str(caught.value)
    assert "/aq/data/" in told
    assert KEY not in told
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert "airnow_sites.json" in {path.name for path in kept}
    assert not [path for path in kept if KEY.encode() in path.read_bytes()]


class TestInAHome:
    """A real run of the asset: AirNow is chosen by its key alone."""

    @pytest.fixture
    def home(self, tmp_path: Path, vendor: AirNowVendor) -> Household:
        return household(
            tmp_path,
            NOW,
            zone="America/Los_Angeles",
            AIRNOW_API_KEY=KEY,
            AIRNOW_BASE_URL=vendor.url,
            LATITUDE="37.77",
            LONGITUDE="-122.42",
        )

    def test_a_poll_brings_the_newest_hours_and_the_next_one_what_came_since(
        self, home: Household, vendor: AirNowVendor
    ) -> None:
        assert home.poll("air_quality").success
        assert home.times(AIR_QUALITY)[-1] == NEWEST
        home.clock.now = vendor.now = NOW + HOUR
        vendor.stations[MAIN_ST].hours["PM25"] |= {NEWEST: (36.0, 102), NEWEST + HOUR: (12.0, 56)}
        assert home.poll("air_quality").success
        stored = [row for row in home.stored(AIR_QUALITY).to_pylist() if row["parameter"] == "PM2.5"]
        newest = sorted((row["time"].to_pydatetime(), row["category"], row["pm25"]) for row in stored)[-2:]
        assert newest == [
            (NEWEST, "Unhealthy for Sensitive Groups", 36.0),
            (NEWEST + HOUR, "Moderate", 12.0),
        ]

    def test_a_backfill_keeps_what_it_stored_when_a_later_answer_is_bad(
        self, home: Household, vendor: AirNowVendor
    ) -> None:
        done = home.materialise("feeds/air_quality", days=("2026-10-04", "2026-11-03"))
        assert done.success
        assert len(vendor.asked) == 2
        assert home.told("feeds/air_quality", "2026-11-01")["rows_received"] == 3 * 25
        assert checks_of(done, "feeds/air_quality")["gaps"].passed
        before = home.stored(AIR_QUALITY)

        for station in vendor.stations:
            station.hours.clear()
        assert home.materialise("feeds/air_quality", days="2026-10-20").success
        vendor.misbehave(refusal("Invalid API key", 401))
        failed = home.materialise("feeds/air_quality", days="2026-10-21")
        assert not failed.success
        assert failure_of(failed).startswith("airnow: GET ")
        assert "AIRNOW_API_KEY" in failure_of(failed)
        assert home.stored(AIR_QUALITY).equals(before)

    def test_a_parameter_that_fell_silent_keeps_its_hours_while_others_report(
        self, home: Household, vendor: AirNowVendor
    ) -> None:
        home.materialise("feeds/air_quality", days="2026-10-20")
        before = home.stored(AIR_QUALITY)
        for station in vendor.stations:
            hours = station.hours.get("OZONE", {})
            for hour in [hour for hour in hours if hour >= DAY.start + 12 * HOUR]:
                del hours[hour]
        assert home.materialise("feeds/air_quality", days="2026-10-20").success
        assert home.stored(AIR_QUALITY).equals(before)

    def test_a_day_that_lost_hours_keeps_them_only_where_the_vendor_said_nothing(
        self, home: Household, vendor: AirNowVendor
    ) -> None:
        home.materialise("feeds/air_quality", days="2026-10-20")
        gone = DAY.start + 5 * HOUR
        for station in vendor.stations:
            for hours in station.hours.values():
                for at in [at for at in hours if at == gone or at >= DAY.end - timedelta(hours=2)]:
                    del hours[at]
        vendor.stations[BAY_VIEW].hours["OZONE"][DAY.start] = (60.0, 67)
        assert home.materialise("feeds/air_quality", days="2026-10-20").success
        assert set(home.times(AIR_QUALITY, "2026-10-20")) == {DAY.start + n * HOUR for n in range(24) if n != 5}
