"""Asking Energy-Charts for carbon: its countries and what goes wrong; and a home that lives by it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.schema.measurements import CARBON_INTENSITY
from homeiq_assets_tests.feeds.carbon.energy_charts_home import (
    CO2EQ,
    DAY,
    FORECASTS,
    HOUR,
    NEXT_WEEK,
    NOW,
    QUARTER,
    SLOT,
    fetch,
    provider,
    rows,
    running,
)
from homeiq_assets_tests.household import Household, checks_of, failure_of, household
from homeiq_assets_tests.simulated_vendors.energy_charts import NO_CONTENT, EnergyChartsVendor, answer
from homeiq_assets_tests.simulated_vendors.server import Misbehaviour, Reply, html_reply, json_reply

PATHS = ("/public_power", "/co2eq")


@pytest.fixture
def vendor() -> Iterator[EnergyChartsVendor]:
    with running() as energy_charts:
        yield energy_charts


def power(*data: Any, **different: Any) -> Reply:
    arrays = {"production_types": [{"name": "Solar", "data": list(data)}]}
    return answer([DAY.start, DAY.start + QUARTER], **(arrays | different))


def intensity(*data: Any, **different: Any) -> Reply:
    return answer(
        [DAY.start, DAY.start + QUARTER], **({"co2eq": list(data), "co2eq_forecast": [None, None]} | different)
    )


@pytest.mark.parametrize("missing", [None, "", " "])
def test_the_country_has_to_be_named(vendor: EnergyChartsVendor, missing: str | None) -> None:
    with pytest.raises(SettingError, match="GRID_REGION: is not set; Energy-Charts needs the country, such as de"):
        fetch(vendor, DAY, grid_region=missing)
    assert vendor.asked == []


@pytest.mark.parametrize("region", ["CAISO_NORTH", "DE-LU", "gb"])
def test_a_region_that_is_no_country_is_refused_by_its_setting(vendor: EnergyChartsVendor, region: str) -> None:
    with pytest.raises(SettingError, match=rf"GRID_REGION.*no country '{region.lower()}', but de, ch.*uk"):
        fetch(vendor, DAY, grid_region=region)
    assert vendor.asked == []


def test_the_country_may_be_written_in_capitals(vendor: EnergyChartsVendor) -> None:
    (answer, _) = fetch(vendor, DAY, grid_region="DE")
    assert set(answer.rows["region"].to_pylist()) == {"de"}


@pytest.mark.parametrize(
    ("path", "wrong", "problem"),
    [
        ("/public_power", power(1.0), "1 values of Solar for 2 times"),
        ("/public_power", power(1.0, "2.0"), "production_types.0.data.1"),
        ("/public_power", power(1.0, float("inf")), "production_types.0.data.1"),
        ("/public_power", power(production_types={"Solar": [1.0, 2.0]}), "production_types"),
        ("/public_power", power(production_types=[{"data": [1.0, 2.0]}]), "production_types.0.name"),
        ("/public_power", power(1.0, 2.0, unix_seconds=[900, 0]), "unix_seconds goes from 900 to 0"),
        ("/public_power", json_reply({"detail": "Not Found"}, 404), "Look at GRID_REGION."),
        ("/public_power", json_reply({"detail": "Gone"}, 410), "410"),
        ("/co2eq", intensity(1.0), "1 values of co2eq for 2 times"),
        ("/co2eq", intensity(1.0, 2.0, co2eq_forecast=[None]), "1 values of co2eq_forecast for 2 times"),
        ("/co2eq", intensity(1.0, True), "co2eq.1"),
        ("/co2eq", intensity(1.0, 2.0, co2eq=None), "co2eq"),
        *[
            (path, wrong, problem)
            for path in PATHS
            for wrong, problem in (
                (json_reply({"detail": "an error inside a 200"}), "an error inside a 200"),
                (html_reply(), "not (complete) JSON"),
                (Reply(200, b""), "nothing in it"),
                (Misbehaviour(half=True), "not (complete) JSON"),
                (json_reply({"detail": "unknown country"}, 400), 'unknown country"} Look at GRID_REGION.'),
                (json_reply({"detail": []}, 422), "Look at GRID_REGION."),
                (json_reply({"detail": "no"}, 401), "401"),
                (html_reply(403), "403"),
                (json_reply({"detail": "slow down"}, 429, Retry_After="600"), "asks to wait 600 s"),
            )
        ],
    ],
)
def test_whatever_else_comes_back_is_an_error_that_names_the_vendor(
    vendor: EnergyChartsVendor, path: str, wrong: Reply | Misbehaviour, problem: str
) -> None:
    vendor.misbehave(wrong, path=path)
    with pytest.raises(ProviderError) as caught:
        fetch(vendor, DAY)
    assert str(caught.value).startswith("energy_charts: ")
    assert problem in str(caught.value)


@pytest.mark.parametrize("path", PATHS)
def test_a_hiccup_is_waited_out_and_more_than_that_is_an_error(vendor: EnergyChartsVendor, path: str) -> None:
    vendor.now = NEXT_WEEK
    vendor.misbehave(json_reply({}, 503), path=path)
    assert len(rows(fetch(vendor, DAY))) == 96
    vendor.misbehave(*[json_reply({}, 503)] * 2, path=path)
    with pytest.raises(ProviderError, match=f"{path}.*answered 503 Service Unavailable") as caught:
        fetch(vendor, DAY)
    assert caught.value.retryable


def test_an_announced_end_of_the_service_is_logged_and_fails_nothing(
    vendor: EnergyChartsVendor, caplog: pytest.LogCaptureFixture
) -> None:
    vendor.deprecated = True
    assert rows(fetch(vendor, DAY))
    assert "/public_power is announced to end" in caplog.text


def test_the_probe_says_what_is_generated(vendor: EnergyChartsVendor) -> None:
    assert provider(vendor).probe(NOW) == "60 % renewable in de at 2025-11-12 08:30 UTC"
    assert len(vendor.asked) == 1
    vendor.misbehave(NO_CONTENT)
    assert "no generation of de is published" in provider(vendor).probe(NOW)


class TestInAHome:
    @pytest.fixture
    def home(self, tmp_path: Path, vendor: EnergyChartsVendor) -> Household:
        named = {
            "CARBON_PROVIDER": "energy_charts",
            "GRID_REGION": "DE",
            "ENERGY_CHARTS_BASE_URL": vendor.url,
            "CARBON_TTL_MINUTES": "0",
        }
        return household(tmp_path, NOW, zone="Europe/Berlin", **named)

    def test_what_a_poll_forecast_stays_beside_what_is_measured_later(
        self, home: Household, vendor: EnergyChartsVendor
    ) -> None:
        for n in range(4):
            home.clock.now = vendor.now = NOW + n * QUARTER
            assert home.poll("carbon_intensity").success

        stored = {row["time"].to_pydatetime(): row for row in home.stored(CARBON_INTENSITY).to_pylist()}
        assert sorted(stored) == [DAY.start + n * QUARTER for n in range(44)]
        for slot in (SLOT, SLOT + QUARTER):
            assert stored[slot]["carbon_intensity_gco2_kwh"] == CO2EQ[slot]
            assert stored[slot]["forecast_1h"] == FORECASTS[slot + HOUR]
        waiting = stored[SLOT + 3 * QUARTER]
        assert (waiting["carbon_intensity_gco2_kwh"], waiting["renewable_percentage"]) == (None, None)
        assert waiting["forecast_24h"] == FORECASTS[SLOT + 3 * QUARTER + 24 * HOUR]
        assert stored[SLOT - QUARTER]["forecast_1h"] is None

    def test_a_poll_without_news_writes_nothing(self, home: Household) -> None:
        home.poll("carbon_intensity")
        before = home.files()

        assert home.poll("carbon_intensity").success
        assert home.files() == before

    def test_a_backfill_of_a_month_is_whole(self, home: Household, vendor: EnergyChartsVendor) -> None:
        result = home.materialise("feeds/carbon_intensity", days=("2025-10-01", "2025-10-31"))

        assert result.success
        assert [request.path for request in vendor.asked] == list(PATHS)
        assert len(home.times(CARBON_INTENSITY, "2025-10-26")) == 100
        assert home.stored(CARBON_INTENSITY).num_rows == 31 * 96 + 4
        assert checks_of(result, "feeds/carbon_intensity")["gaps"].passed

    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("wrong", [html_reply(), json_reply({"detail": "down"}, 503), json_reply({}, 422)])
    def test_what_was_stored_stays_when_a_bad_answer_comes(
        self, home: Household, vendor: EnergyChartsVendor, path: str, wrong: Reply
    ) -> None:
        home.poll("carbon_intensity")
        before = home.stored(CARBON_INTENSITY).to_pylist()
        home.clock.now = vendor.now = NOW + timedelta(hours=1)
        vendor.misbehave(*[wrong] * 2, path=path)

        result = home.poll("carbon_intensity")

        assert not result.success
        assert "energy_charts: GET" in failure_of(result)
        after = {row["time"]: row for row in home.stored(CARBON_INTENSITY).to_pylist()}
        for row in before:
            assert {name: value for name, value in after[row["time"]].items() if row[name] is not None} == {
                name: value for name, value in row.items() if value is not None
            }
        new = [row for time, row in after.items() if time not in {row["time"] for row in before}]
        # The shares that came are not lost with the intensities that did not.
        assert bool(new) == (path == "/co2eq")
        assert all(row["renewable_percentage"] is not None for row in new)

    @pytest.mark.parametrize("gone", PATHS)
    def test_a_row_that_only_the_call_without_an_answer_knows_of_stays_stored(
        self, home: Household, vendor: EnergyChartsVendor, gone: str
    ) -> None:
        home.clock.now = vendor.now = NEXT_WEEK
        noon = DAY.start + HOUR * 12
        for values in vendor.power.values() if gone == "/co2eq" else [vendor.co2eq or {}]:
            values[noon] = None
        day = f"{noon:%Y-%m-%d}"
        assert home.materialise("feeds/carbon_intensity", days=day).success
        before = home.stored(CARBON_INTENSITY)
        vendor.misbehave(NO_CONTENT, path=gone)

        assert home.materialise("feeds/carbon_intensity", days=day).success
        assert home.stored(CARBON_INTENSITY).equals(before)

    @pytest.mark.parametrize("gone", PATHS)
    def test_what_a_call_that_is_gone_used_to_say_stays_stored(
        self, home: Household, vendor: EnergyChartsVendor, gone: str
    ) -> None:
        home.clock.now = vendor.now = NEXT_WEEK
        day = f"{DAY.start + HOUR * 12:%Y-%m-%d}"
        assert home.materialise("feeds/carbon_intensity", days=day).success
        before = home.stored(CARBON_INTENSITY)
        vendor.misbehave(NO_CONTENT, path=gone)

        assert home.materialise("feeds/carbon_intensity", days=day).success
        assert home.stored(CARBON_INTENSITY).equals(before)
