"""Access to Electricity Maps: what a free key has, what a refusal means, the home's zone, and no secret told."""

import logging
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from homeiq_assets.errors import NoHistory, ProviderError, SettingError
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.feeds.carbon.maps_home import (
    BERLIN,
    DAY,
    FORECAST,
    HISTORY,
    HOUR,
    LATEST,
    MIX,
    MIX_RANGE,
    NEXT_WEEK,
    NOW,
    POLL,
    RANGE,
    SLOT,
    TOKEN,
    VALUES,
    fetch,
    paths,
    provider,
    rows,
    running,
)
from homeiq_assets_tests.household import failure_of, household
from homeiq_assets_tests.simulated_vendors.electricity_maps import FREE, ElectricityMapsVendor
from homeiq_assets_tests.simulated_vendors.server import json_reply


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_free_key_polls_without_forecasts_and_asks_for_them_once_an_hour(
    maps: ElectricityMapsVendor, home: Path, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    maps.plan, maps.refusal = FREE, status
    for minutes in (0, 15, 30, 45, 60):
        maps.now = NOW + timedelta(minutes=minutes)
        answers = fetch(maps, home, POLL)
        slot = SLOT + HOUR * (maps.now >= SLOT + HOUR)
        assert rows(answers)[-1]["time"] == slot
        assert rows(answers)[-1]["carbon_intensity_gco2_kwh"] == VALUES[slot]
        assert {row["forecast_1h"] for row in rows(answers)} == {None}
        if minutes == 45:
            assert len(maps.asked) == 10, "a third of what a free key may ask in an hour"
    assert len(maps.asked_for(FORECAST)) == len(maps.asked_for(LATEST)) == 2
    assert caplog.text.count("taken not to be in the plan") == 2


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_free_key_has_no_past_and_the_error_says_how_far_it_reaches(
    maps: ElectricityMapsVendor, home: Path, status: int
) -> None:
    maps.plan, maps.refusal = FREE, status
    for maps.now in (NEXT_WEEK, DAY.end + timedelta(days=2)):
        with pytest.raises(NoHistory, match=r"ELECTRICITYMAPS_API_KEY has no history.*free key reaches back 24 hours"):
            fetch(maps, home, DAY)


def test_a_free_key_fills_what_lies_in_the_last_day(maps: ElectricityMapsVendor, home: Path) -> None:
    maps.plan = FREE
    (answer,) = fetch(maps, home, Window(NOW - 20 * HOUR, NOW - 10 * HOUR))
    assert answer.covers == Window(SLOT - 19 * HOUR, NOW - 10 * HOUR)
    assert paths(maps) == [HISTORY, MIX]


def test_nightly_settling_with_a_free_key_gives_the_last_day_and_is_no_error(
    maps: ElectricityMapsVendor, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    maps.plan, maps.now = FREE, DAY.end + timedelta(hours=2, minutes=20)
    (answer,) = fetch(maps, home, Window(local_day(date(2025, 11, 16), BERLIN).start, DAY.end))
    assert answer.covers == Window(DAY.start + 3 * HOUR, DAY.end)
    assert "no history of" in caplog.text
    assert paths(maps) == [RANGE, LATEST, HISTORY, MIX]


def test_a_month_with_a_free_key_gives_its_last_day_and_then_says_why_there_is_no_more(
    maps: ElectricityMapsVendor, home: Path
) -> None:
    maps.plan, maps.now = FREE, DAY.end + HOUR
    answers = iter(provider(maps, home).fetch(Window(DAY.end - timedelta(days=31), DAY.end), maps.now))
    assert next(answers).covers == Window(DAY.start + 2 * HOUR, DAY.end)
    with pytest.raises(NoHistory):
        next(answers)


def test_a_poll_late_on_the_longest_day_stays_within_the_free_history(maps: ElectricityMapsVendor, home: Path) -> None:
    today = local_day(date(2025, 10, 26), BERLIN)
    maps.plan, maps.now = FREE, today.end - timedelta(minutes=5)
    past, current = fetch(maps, home, Window(today.start, today.end + timedelta(days=1)))
    assert past.covers == Window(today.start + HOUR, today.end - HOUR)
    assert current.covers == Window(today.end - HOUR, today.end)
    assert RANGE not in paths(maps)


def test_a_plan_without_the_mix_still_brings_the_intensity(
    maps: ElectricityMapsVendor, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    maps.plan = ("/carbon-intensity/latest", "/carbon-intensity/history", "/carbon-intensity/past-range")
    maps.now = NEXT_WEEK
    (answer,) = fetch(maps, home, Window(DAY.end - timedelta(days=20), DAY.end))
    assert answer.rows.num_rows == 480
    assert answer.rows["renewable_percentage"].null_count == 480
    assert answer.unsaid == {"renewable_percentage", "fossil_percentage"}
    assert paths(maps) == [RANGE, MIX_RANGE, LATEST, RANGE]
    assert "power-breakdown" in caplog.text


def test_a_refusal_is_forgotten_when_the_home_asks_for_another_zone(maps: ElectricityMapsVendor, home: Path) -> None:
    maps.plan = FREE
    fetch(maps, home, POLL)
    maps.zone = "AT"
    fetch(maps, home, POLL, grid_region="AT")
    assert len(maps.asked_for(FORECAST)) == 2


@pytest.mark.parametrize("window", [POLL, Window(DAY.start - timedelta(days=9), DAY.start - timedelta(days=8))])
def test_a_wrong_key_names_its_setting_and_says_that_waiting_may_help(
    maps: ElectricityMapsVendor, home: Path, window: Window
) -> None:
    with pytest.raises(ProviderError, match=r"401.*ELECTRICITYMAPS_API_KEY.*rate limit is passed") as caught:
        fetch(maps, home, window, electricitymaps_api_key=SecretStr("wrong-donkey-key-2"))
    assert caught.value.retryable
    assert not isinstance(caught.value, NoHistory)


def test_a_passed_limit_is_not_taken_for_the_plan(maps: ElectricityMapsVendor, home: Path) -> None:
    maps.limit = 1
    with pytest.raises(ProviderError, match="rate limit is passed") as caught:
        next(iter(provider(maps, home).fetch(POLL, NOW)))
    assert caught.value.retryable
    maps.limit = None
    assert rows(fetch(maps, home, POLL))[0]["renewable_percentage"] == 63.0


def test_a_limit_passed_at_the_forecast_costs_the_forecast_of_this_poll_alone(
    maps: ElectricityMapsVendor, home: Path
) -> None:
    maps.limit = 2
    assert rows(fetch(maps, home, POLL))[-1]["carbon_intensity_gco2_kwh"] == VALUES[SLOT]
    maps.limit = None
    assert rows(fetch(maps, home, POLL))[-1]["forecast_1h"] is not None


def test_a_failing_forecast_is_an_error_after_history_was_given(maps: ElectricityMapsVendor, home: Path) -> None:
    maps.misbehave(*[json_reply({}, 500)] * 4, path=FORECAST)
    answers = iter(provider(maps, home).fetch(POLL, NOW))
    assert next(answers).rows.num_rows == 5
    with pytest.raises(ProviderError, match="500"):
        next(answers)


def test_the_homes_place_finds_its_zone(maps: ElectricityMapsVendor, home: Path) -> None:
    maps.places = {(52.5, 13.4): "DE"}
    answers = fetch(maps, home, POLL, grid_region=None, latitude=52.5, longitude=13.4)
    assert {row["region"] for row in rows(answers)} == {"DE"}
    asked = [(request.params["lat"], request.params["lon"]) for request in maps.asked]
    assert asked == [("52.5", "13.4")] * 3


def test_a_place_in_no_zone_is_not_answered_for_the_callers(maps: ElectricityMapsVendor, home: Path) -> None:
    with pytest.raises(ProviderError, match=r"No zone was found.*LATITUDE and LONGITUDE"):
        fetch(maps, home, POLL, grid_region=None, latitude=0.0, longitude=0.0)


def test_a_place_that_is_answered_for_two_zones_is_an_error(maps: ElectricityMapsVendor, home: Path) -> None:
    maps.places = {(52.5, 13.4): "DE"}
    maps.misbehave(json_reply({"zone": "FR", "history": []}), path=MIX)
    with pytest.raises(ProviderError, match="answered for FR, not for DE"):
        fetch(maps, home, POLL, grid_region=None, latitude=52.5, longitude=13.4)


def test_a_zone_may_be_written_in_small_letters(maps: ElectricityMapsVendor, home: Path) -> None:
    assert {row["region"] for row in rows(fetch(maps, home, POLL, grid_region=" de "))} == {"DE"}


def test_a_zone_outside_the_plan_names_the_setting(maps: ElectricityMapsVendor, home: Path) -> None:
    with pytest.raises(ProviderError, match="GRID_REGION"):
        fetch(maps, home, POLL, grid_region="IT-NO")


@pytest.mark.parametrize(
    ("given", "named"),
    [({"electricitymaps_api_key": None}, "ELECTRICITYMAPS_API_KEY"), ({"grid_region": None}, "GRID_REGION")],
)
def test_what_is_not_set_is_named_before_anything_is_asked(
    maps: ElectricityMapsVendor, home: Path, given: dict[str, Any], named: str
) -> None:
    with pytest.raises(SettingError, match=f"{named}: is not set"):
        fetch(maps, home, POLL, **given)
    assert maps.asked == []


def test_the_probe_says_what_the_newest_hour_is(maps: ElectricityMapsVendor, home: Path) -> None:
    assert provider(maps, home).probe(NOW) == f"zone DE: {VALUES[SLOT]} g/kWh at 2025-11-20 09:00 UTC"
    maps.values[SLOT] = None
    assert provider(maps, home).probe(NOW) == "zone DE: no intensity at 2025-11-20 09:00 UTC"
    with pytest.raises(ProviderError, match="ELECTRICITYMAPS_API_KEY"):
        provider(maps, home, electricitymaps_api_key=SecretStr("wrong-donkey-key-2")).probe(NOW)


def test_no_secret_is_in_any_message_log_line_or_file(
    maps: ElectricityMapsVendor, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The simulated refusal repeats the key that was sent."""
    for name in ("", "httpx", "httpcore", "httpx_retries"):
        caplog.set_level(logging.DEBUG, logger=name)
    wrong, texts = "wrong-donkey-key-2", []
    for given in ({"electricitymaps_api_key": SecretStr(wrong)}, {"grid_region": "IT-NO"}):
        with pytest.raises(ProviderError) as caught:
            fetch(maps, home, POLL, **given)
        error: BaseException | None = caught.value
        while error is not None:
            texts.extend((str(error), repr(error)))
            error = error.__cause__ or error.__context__
    maps.plan = FREE
    fetch(maps, home, POLL)
    texts += [caplog.text, *(str(vars(record)) for record in caplog.records)]
    texts += [file.read_bytes().decode(errors="replace") for file in home.rglob("*") if file.is_file()]
    assert not [text for text in texts if wrong in text or TOKEN in text]
    assert any("***" in text for text in texts)


def test_a_home_with_a_free_key_is_told_why_an_old_day_cannot_be_filled(tmp_path: Path) -> None:
    with running() as maps:
        maps.plan = FREE
        home = household(
            tmp_path,
            NOW,
            zone="Europe/Berlin",
            ELECTRICITYMAPS_API_KEY=TOKEN,
            GRID_REGION="DE",
            ELECTRICITYMAPS_BASE_URL=maps.url,
        )
        assert home.poll("carbon_intensity").success
        failed = home.materialise("feeds/carbon_intensity", days="2025-11-01")
    assert not failed.success
    assert "free key reaches back 24 hours" in failure_of(failed)
