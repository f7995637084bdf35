"""Twelve recorded days of a real house, grid and market, backfilled in one run, against sums made by hand.

The vendors' answers are real recordings in the vendors' wire formats, over HTTP; the sums are plain Python
over the recorded files.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.measurements import (
    ALL,
    CARBON_INTENSITY,
    ELECTRICITY_PRICING,
    ELECTRICITY_PRICING_FORECAST,
    MV_DAILY_CARBON_SUMMARY,
    SMART_METER,
    SMART_METER_CIRCUIT,
)
from homeiq_assets.stores.opening import open_store
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.household import Household, checks_of, failure_of, household, metadata_by_day
from homeiq_assets_tests.recordings import CIRCUITS, Served, emissions, mean_of_5_minutes, minutes, prices, served
from homeiq_assets_tests.stores.influxd import Influxd

NOW = datetime(2023, 6, 20, 12, tzinfo=UTC)
DAYS = ("2023-06-08", "2023-06-19")
DAY = "2023-06-15"
FEEDS = (
    "feeds/carbon_intensity",
    "feeds/electricity_pricing",
    "feeds/electricity_pricing_forecast",
    "feeds/smart_meter",
    "feeds/smart_meter_circuit",
)
FOLLOWING = ("views/mv_daily_carbon_summary", "tiers/smart_meter_hourly", "tiers/smart_meter_daily")
FIVE_MINUTES = timedelta(minutes=5)


@dataclass
class Backfilled:
    """A home after one run over the twelve days."""

    home: Household
    vendors: Served
    run: dg.ExecuteInProcessResult

    def rows(self, measurement: Measurement, day: str) -> list[dict[str, Any]]:
        """The stored rows of a local day in order of time."""
        store = open_store(self.home.settings)
        rows = store.read(measurement, self.window(day)).sort_by("time")
        store.close()
        times = rows["time"].cast(pa.timestamp("us", "UTC"))
        return [dict(row) for row in rows.set_column(0, "time", times).to_pylist()]

    def window(self, day: str) -> Window:
        return local_day(date.fromisoformat(day), self.home.zone)


@pytest.fixture(scope="module", params=["embedded", pytest.param("influxdb", marks=pytest.mark.influxdb)])
def backfilled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backfilled]:
    store: dict[str, str] = {}
    if request.param == "influxdb":
        server: Influxd = request.getfixturevalue("influxd")
        store = {
            "INFLUXDB_URL": server.url,
            "INFLUXDB_TOKEN": server.token_all,
            "INFLUXDB_ORG": server.org,
            "INFLUXDB_BUCKET": server.create_bucket(),
        }
    folder = tmp_path_factory.mktemp("home")
    with served(NOW) as vendors:
        home = household(folder, NOW, "Europe/Berlin", **vendors.settings, **store)
        yield Backfilled(home, vendors, home.materialise(*FEEDS, *FOLLOWING, days=DAYS))


def test_twelve_days_of_every_vendor_with_view_and_tiers_are_one_run(backfilled: Backfilled) -> None:
    assert backfilled.run.success, failure_of(backfilled.run)
    for asset in (*FEEDS, *FOLLOWING):
        assert len(backfilled.home.marked(asset)) == 12, asset


def test_prices_are_the_recorded_ones_in_euros_per_kwh(backfilled: Backfilled) -> None:
    recorded = {at: price for at, price in prices().items() if at in backfilled.window(DAY)}
    dearest = sorted(recorded, key=lambda at: -recorded[at])[:6]

    rows = backfilled.rows(ELECTRICITY_PRICING, DAY)

    assert [row["time"] for row in rows] == sorted(recorded)
    assert [row["current_price"] for row in rows] == pytest.approx(
        [recorded[at] / 1000 for at in sorted(recorded)], 1e-12
    )
    assert [row["time"] for row in rows if row["peak_period"]] == sorted(dearest)
    assert {(row["provider"], row["currency"]) for row in rows} == {("awattar", "EUR")}


def test_emissions_come_back_from_pounds_per_mwh(backfilled: Backfilled) -> None:
    recorded = {at: grams for at, grams in emissions().items() if at in backfilled.window(DAY)}

    rows = backfilled.rows(CARBON_INTENSITY, DAY)

    assert [row["time"] for row in rows] == sorted(recorded)
    assert [row["carbon_intensity_gco2_kwh"] for row in rows] == pytest.approx(
        [recorded[at] for at in sorted(recorded)], 1e-12
    )
    assert all(row["renewable_percentage"] is None and row["forecast_1h"] is None for row in rows)


def test_the_carbon_summary_is_the_mean_of_the_day(backfilled: Backfilled) -> None:
    recorded = [grams for at, grams in emissions().items() if at in backfilled.window(DAY)]

    (summary,) = backfilled.rows(MV_DAILY_CARBON_SUMMARY, DAY)

    assert summary["date"] == DAY
    assert summary["avg_carbon"] == pytest.approx(math.fsum(recorded) / len(recorded), 1e-9)
    assert (summary["min_carbon"], summary["max_carbon"]) == pytest.approx((min(recorded), max(recorded)), 1e-12)


def five_minute_means(column: str, window: Window) -> dict[datetime, float]:
    watts, at, means = minutes(column), window.start, {}
    while at < window.end:
        mean = mean_of_5_minutes(watts, at)
        if mean is not None:
            means[at] = mean
        at += FIVE_MINUTES
    return means


def test_the_meter_is_the_house_every_five_minutes_and_its_energy_since_midnight(backfilled: Backfilled) -> None:
    means = five_minute_means("total_power_w", backfilled.window(DAY))

    rows = backfilled.rows(SMART_METER, DAY)

    assert [row["time"] for row in rows] == sorted(means)
    assert [row["total_power_w"] for row in rows] == pytest.approx([means[at] for at in sorted(means)], 1e-12)
    assert rows[-1]["daily_kwh"] == pytest.approx(math.fsum(means.values()) * 300 / 3.6e6, 1e-9)
    assert rows[-1]["daily_export_kwh"] == 0


def test_circuits_keep_their_names_and_their_share_of_the_house(backfilled: Backfilled) -> None:
    house = five_minute_means("total_power_w", backfilled.window(DAY))

    rows = backfilled.rows(SMART_METER_CIRCUIT, DAY)

    for name, column in CIRCUITS.items():
        means = five_minute_means(column, backfilled.window(DAY))
        found = {row["time"]: row for row in rows if row["circuit_name"] == name}
        assert set(found) == set(means)
        for at, row in found.items():
            assert row["power_w"] == pytest.approx(means[at], 1e-12)
            assert row["percentage"] == pytest.approx(100 * means[at] / house[at], 1e-9)


def test_days_that_home_assistant_has_purged_come_by_the_hour(backfilled: Backfilled) -> None:
    assert len(backfilled.rows(SMART_METER, "2023-06-08")) == 24
    told = metadata_by_day(backfilled.run, "feeds/smart_meter")
    assert told["2023-06-08"]["intervals"] == 24
    assert told[DAY]["intervals"] == told[DAY]["intervals_expected"] == 288


def test_the_daily_tier_is_the_mean_and_the_energy_of_the_recorded_day(backfilled: Backfilled) -> None:
    means = five_minute_means("total_power_w", backfilled.window(DAY))

    (row,) = backfilled.rows(ALL["smart_meter_daily"], DAY)

    assert row["total_power_w_mean"] == pytest.approx(math.fsum(means.values()) / len(means), 1e-9)
    assert row["total_power_w_max"] == pytest.approx(max(means.values()), 1e-12)
    assert row["total_power_w_count"] == len(means) == 288
    assert row["total_power_w_seconds"] == 86_400
    # The counter is back at zero after midnight; what it shows then is the whole of the new day.
    assert row["daily_kwh_increase"] == pytest.approx(math.fsum(means.values()) * 300 / 3.6e6, 1e-9)
    assert checks_of(backfilled.run, "tiers/smart_meter_daily")["agrees_with_raw"].passed


def test_the_day_that_the_recording_begins_in_is_said_to_be_short(backfilled: Backfilled) -> None:
    gaps = checks_of(backfilled.run, "feeds/carbon_intensity")["gaps"]

    assert not gaps.passed
    assert gaps.metadata["short_days"].value == ["2023-06-08: 264 of 288"]


def test_twelve_days_take_one_request_a_price_feed_and_one_for_carbon(backfilled: Backfilled) -> None:
    assert len(backfilled.vendors.awattar.asked) == 2
    assert len(backfilled.vendors.watttime.asked_for("/v3/historical")) == 1
    assert len(backfilled.vendors.watttime.asked_for("/login")) == 1


def test_the_same_days_again_change_nothing(backfilled: Backfilled) -> None:
    everything = {name: backfilled.rows(ALL[name.split("/")[1]], DAY) for name in (*FEEDS, *FOLLOWING)}

    again = backfilled.home.materialise(*FEEDS, *FOLLOWING, days=DAYS)

    assert again.success, failure_of(again)
    assert {name: backfilled.rows(ALL[name.split("/")[1]], DAY) for name in everything} == everything
    for name in FEEDS:
        told = next(
            event.materialization.metadata
            for event in again.get_asset_materialization_events()
            if event.asset_key.to_user_string() == name
        )
        assert told["rows written"].value == told["rows removed"].value == 0, name


@pytest.mark.parametrize(("day", "hours"), [("2023-10-29", 25), ("2024-03-31", 23)])
def test_a_clock_change_day_has_as_many_prices_as_hours(tmp_path: Path, day: str, hours: int) -> None:
    now = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=3)
    with served(now) as vendors:
        home = household(tmp_path, now, "Europe/Berlin", **vendors.settings)

        run = home.materialise("feeds/electricity_pricing", "feeds/electricity_pricing_forecast", days=day)

    assert run.success, failure_of(run)
    recorded = {at: price for at, price in prices().items() if at in local_day(date.fromisoformat(day), home.zone)}
    rows = home.stored(ELECTRICITY_PRICING, day).sort_by("time")
    assert home.times(ELECTRICITY_PRICING, day) == sorted(recorded)
    assert rows["current_price"].to_pylist() == pytest.approx([recorded[at] / 1000 for at in sorted(recorded)], 1e-12)
    assert rows["peak_period"].to_pylist().count(True) == hours // 4
    told = metadata_by_day(run, "feeds/electricity_pricing")[day]
    assert told["intervals"] == told["intervals_expected"] == hours
    wall = home.stored(ELECTRICITY_PRICING_FORECAST, day).sort_by("time")["hour_offset"].to_pylist()
    assert wall == sorted(wall)
    assert wall.count(2) == (2 if hours == 25 else 0)
