"""Open-Meteo where it fails or refuses, and what a home keeps then."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.schema.measurements import AIR_QUALITY
from homeiq_assets_tests.feeds.air_quality.open_meteo_home import (
    AIR,
    DAY,
    HOURS,
    NOW,
    SLOT,
    fetch,
    provider,
    rows,
    running,
)
from homeiq_assets_tests.household import checks_of, failure_of, household
from homeiq_assets_tests.simulated_vendors.open_meteo import VARIABLES, OpenMeteoVendor, error, series
from homeiq_assets_tests.simulated_vendors.server import Misbehaviour, Reply, html_reply, json_reply


@pytest.fixture
def vendor() -> Iterator[OpenMeteoVendor]:
    with running() as open_meteo:
        yield open_meteo


@pytest.mark.parametrize("setting", ["LATITUDE", "LONGITUDE"])
def test_without_a_place_the_setting_is_named(vendor: OpenMeteoVendor, setting: str) -> None:
    with pytest.raises(SettingError, match=f"{setting}: is not set"):
        list(provider(vendor, **{setting.lower(): None}).fetch(DAY, NOW))
    assert vendor.asked == []


def hourly(**different: Any) -> Reply:
    usual = {"time": ["2025-11-12T00:00"], "pm2_5": [1.0], "pm10": [1.0], "ozone": [1.0]}
    return series({}, [], hourly=usual | different)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (error("No data is available for this location"), "No data is available for this location"),
        (error("No data is available for this location"), "Look at LATITUDE and LONGITUDE."),
        (error("Minutely API request limit exceeded. Please try again in one minute.", 200), "Minutely API request"),
        (error("Not Found", 404), "404 Not Found"),
        (hourly(pm2_5=["7.4"]), "hourly.pm2_5.0"),
        (hourly(pm2_5=[True]), "hourly.pm2_5.0"),
        (hourly(pm2_5=None), "hourly.pm2_5"),
        (hourly(ozone=[1.0, 2.0]), "2 values of Ozone for 1 hours"),
        (hourly(time=["2025-11-12T00:30"]), "no start of an hour"),
        (hourly(time=["2025-11-12T00:00Z"]), "hourly.time.0"),
        (hourly(time=[1762905600]), "hourly.time.0"),
        (series({}, [], utc_offset_seconds=3600), "utc_offset_seconds"),
        (series({}, [], hourly_units={"time": "iso8601", "pm2_5": "mg", "pm10": "mg", "ozone": "ppb"}), "hourly_units"),
        (Reply(200, b'{"utc_offset_seconds":0,"hourly":{"time":[],"pm2_5":[NaN]}}'), "hourly"),
        (json_reply([]), "the answer"),
        (json_reply({"hourly": None}), "hourly"),
        (html_reply(), "Bad gateway"),
        (html_reply(403), "403"),
        (Reply(200, b""), "nothing in it"),
        (Misbehaviour(half=True), "not (complete) JSON"),
    ],
)
def test_whatever_else_comes_back_is_an_error_that_names_the_vendor(
    vendor: OpenMeteoVendor, wrong: Reply | Misbehaviour, problem: str
) -> None:
    vendor.misbehave(wrong)
    with pytest.raises(ProviderError) as caught:
        fetch(vendor)
    assert str(caught.value).startswith("open_meteo: ")
    assert problem in str(caught.value)


@pytest.mark.parametrize(("limits", "word"), [({"minutely": 0}, "Minutely"), ({"calls": 0}, "Daily")])
def test_a_limit_is_an_error_that_only_a_later_run_tries_again(
    vendor: OpenMeteoVendor, limits: dict[str, int], word: str
) -> None:
    for name, value in limits.items():
        setattr(vendor, name, value)
    with pytest.raises(ProviderError, match=f"{word} API request limit exceeded") as caught:
        fetch(vendor)
    assert not caught.value.retryable


def test_hiccups_are_waited_out(vendor: OpenMeteoVendor) -> None:
    vendor.misbehave(error("The service is overloaded", 503), error("Something went wrong.", 500), error("slow", 429))
    assert len(rows(fetch(vendor))) == 72


def test_the_probe_says_what_the_air_is_now(vendor: OpenMeteoVendor) -> None:
    assert provider(vendor).probe(NOW) == f"now {AIR['pm2_5'][SLOT]:g} µg/m³ PM2.5 at the home"
    assert len(vendor.asked) == 1
    vendor.values["pm2_5"] = {}
    assert "nothing of this hour" in provider(vendor).probe(NOW)


def test_a_home_keeps_what_it_has_when_a_later_answer_is_bad(tmp_path: Path, vendor: OpenMeteoVendor) -> None:
    home = household(
        tmp_path,
        NOW,
        AIR_QUALITY_PROVIDER="open_meteo",
        OPEN_METEO_BASE_URL=vendor.url,
        LATITUDE="48.2",
        LONGITUDE="16.4",
    )
    done = home.materialise("feeds/air_quality", days=("2025-10-20", "2025-11-19"))
    assert done.success
    assert len(vendor.asked) == 1
    assert home.told("feeds/air_quality", "2025-10-26")["rows_received"] == 3 * 25
    assert checks_of(done, "feeds/air_quality")["gaps"].passed
    before = home.stored(AIR_QUALITY)

    vendor.misbehave(series({name: [None] * 35 for name in VARIABLES}, HOURS[:35]))
    assert home.materialise("feeds/air_quality", days="2025-11-12").success
    vendor.misbehave(error("Parameter 'latitude' is wrong"))
    failed = home.materialise("feeds/air_quality", days="2025-11-13")
    assert not failed.success
    assert failure_of(failed).startswith("open_meteo: GET ")
    assert home.stored(AIR_QUALITY).equals(before)

    assert home.poll("air_quality").success
    assert home.times(AIR_QUALITY, "2025-11-20")[-1] == SLOT
