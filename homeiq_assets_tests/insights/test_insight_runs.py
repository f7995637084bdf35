"""The insights as an owner has them: real runs on simulated feeds, both stores, checks, and homes that lack a feed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from homeiq_assets.defs.common.charts import LIMIT
from homeiq_assets.feeds.meter.simulated import build as simulated_meter
from homeiq_assets.feeds.pricing.simulated import build as simulated_prices
from homeiq_assets.home import Home
from homeiq_assets.insights.days import phantom_days, rank_days, report_days
from homeiq_assets.schema.insights import (
    DAILY_ENERGY_REPORT,
    ELECTRICITY_PRICE_RANK,
    INSIGHT_MEASUREMENTS,
    OCCUPANCY_ACCURACY,
    PHANTOM_LOAD,
)
from homeiq_assets.schema.measurements import (
    AIR_QUALITY,
    ELECTRICITY_PRICING,
    SMART_METER,
    SMART_METER_CIRCUIT,
    tier_of,
)
from homeiq_assets.stores.base import Store
from homeiq_assets.window import HOUR, Window, local_day
from homeiq_assets_tests.household import QUIET, Household, failure_of, household, settings_in
from homeiq_assets_tests.insights.at_home import VIENNA, plain

NOW = datetime(2025, 10, 28, 14, 7, tzinfo=UTC)
LONG = date(2025, 10, 26)
FED, FOLLOWED = ("2025-10-20", "2025-10-29"), ("2025-10-26", "2025-10-28")
FEEDS = [
    f"feeds/{name}"
    for name in ("electricity_pricing", "smart_meter", "smart_meter_circuit", "carbon_intensity", "air_quality",
                 "occupancy_prediction", "home_assistant_events")
]  # fmt: skip
INSIGHTS = [f"insights/{measurement.name}" for measurement in INSIGHT_MEASUREMENTS]


def materialised(home: Household) -> None:
    for result in (home.materialise(*INSIGHTS, days=FOLLOWED), home.materialise(INSIGHTS[0], days="2025-10-29")):
        assert result.success, failure_of(result)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    made = household(tmp_path_factory.mktemp("home"), NOW)
    assert made.materialise(*FEEDS, days=FED).success
    materialised(made)
    yield made
    made.instance.dispose()


def one(home: Household, measurement: Any, day: str) -> dict[str, Any]:
    (row,) = plain(home.stored(measurement, day))
    return row


def test_the_long_day_has_25_ranks_and_tomorrow_is_ranked_once_its_prices_are_published(home: Household) -> None:
    long = home.stored(ELECTRICITY_PRICE_RANK, LONG.isoformat())
    tomorrow = home.stored(ELECTRICITY_PRICE_RANK, "2025-10-29")

    assert sorted(long["rank"].to_pylist()) == list(range(1, 26))
    assert (long["cheap"].to_pylist().count(True), long["dear"].to_pylist().count(True)) == (6, 6)
    assert long["dear"].to_pylist() == home.stored(ELECTRICITY_PRICING, LONG.isoformat())["peak_period"].to_pylist()
    assert sorted(tomorrow["rank"].to_pylist()) == list(range(1, 25))


def test_the_report_of_the_long_day_agrees_with_the_meters_tier(home: Household) -> None:
    tiers = home.materialise("tiers/smart_meter_hourly", "tiers/smart_meter_daily", days=LONG.isoformat())
    assert tiers.success
    report = one(home, DAILY_ENERGY_REPORT, LONG.isoformat())
    tier = one(home, tier_of(SMART_METER, "daily"), LONG.isoformat())

    assert report["total_kwh"] == pytest.approx(tier["daily_kwh_increase"])
    assert report["export_kwh"] == pytest.approx(tier["daily_export_kwh_increase"])
    assert report["unmetered_kwh"] == pytest.approx(0, abs=1e-9)
    assert report["currency"] == "EUR"
    assert report["time"] == local_day(LONG, VIENNA).start
    assert {"cost", "carbon_kg"} <= report.keys()


def test_every_circuit_and_the_home_have_a_phantom_load_with_its_cost(home: Household) -> None:
    rows = plain(home.stored(PHANTOM_LOAD, "2025-10-28"))

    assert [row["circuit_name"] for row in rows] == ["base", "heat_pump", "home", "kitchen", "laundry", "water_heater"]
    assert all("yearly_cost" in row for row in rows)


def test_the_prediction_is_compared_with_what_sensors_saw(home: Household) -> None:
    row = one(home, OCCUPANCY_ACCURACY, LONG.isoformat())

    assert row["slots"] == 60
    assert row["accuracy"] == pytest.approx(1 - (row["unseen_slots"] + row["unexpected_slots"]) / 60)


def test_what_is_to_be_looked_at_is_short_enough_to_be_drawn_in_place(home: Household) -> None:
    ranks, report = home.told(INSIGHTS[0], "2025-10-28"), home.told(INSIGHTS[2], "2025-10-28")

    for text in (ranks["chart"], ranks["best_hours"], report["chart"], report["shares"]):
        assert len(text) < LIMIT
    assert ranks["best_hours"].splitlines()[0] == "| 3 hours | next 24 h | next 48 h |"
    assert ranks["best_hours"].endswith("Carbon: forecast to Wed 16:05, then the last known value.")
    assert "EUR/kWh, known to Thu 00:00." in ranks["best_hours"]
    assert "best_hours" not in home.told(INSIGHTS[0], LONG.isoformat())


def test_doing_it_again_changes_no_byte(home: Household) -> None:
    before = home.files()
    materialised(home)

    assert home.files() == before


def test_the_hourly_checks_list_what_changed_in_the_last_day(home: Household) -> None:
    window = Window(NOW - 24 * HOUR, NOW)
    rows = home.store.read(SMART_METER, window).slice(10, 1)
    power = rows.set_column(2, rows.schema.field(2), pa.array([12_345.0]))
    at = rows["time"].cast(pa.timestamp("us", "UTC"))[0].as_py()
    air = home.store.read(AIR_QUALITY, window)
    home.store.replace(SMART_METER, power, Window(at, at + timedelta(minutes=1)))
    try:
        result = home.defs.resolve_job_def("check_reading_ages").execute_in_process(
            instance=home.instance, run_config=QUIET
        )
    finally:
        home.store.replace(SMART_METER, rows, Window(at, at + timedelta(minutes=1)))
    found = {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}

    load, category = found["high_load"], found["category_changes"]
    assert (load.passed, load.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert [text.endswith("up to 12.3 kW") for text in load.metadata["found"].value] == [True]  # type: ignore[union-attr]
    assert category.passed == (
        len(set(zip(*(air[n].to_pylist() for n in ("parameter", "category")), strict=True))) == 3
    )


def test_a_home_without_prices_carbon_circuits_and_events_has_what_its_meter_says(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    home = household(tmp_path_factory.mktemp("bare"), NOW, PRICING_PROVIDER="off", CARBON_PROVIDER="off",
                     EVENTS_SOURCE="off", CALENDAR_PROVIDER="off")  # fmt: skip
    assert home.materialise("feeds/smart_meter", days=("2025-10-27", "2025-10-28")).success

    result = home.materialise(*INSIGHTS, days="2025-10-28")

    assert result.success, failure_of(result)
    assert one(home, DAILY_ENERGY_REPORT, "2025-10-28").keys() == {"time", "date", "total_kwh", "export_kwh"}
    (load,) = plain(home.stored(PHANTOM_LOAD))
    assert load.keys() == {"time", "circuit_name", "baseline_w", "yearly_kwh"}
    assert home.stored(ELECTRICITY_PRICE_RANK).num_rows == home.stored(OCCUPANCY_ACCURACY).num_rows == 0
    fresh = {spec.key.path[-1]: spec.freshness_policy for spec in home.defs.resolve_all_asset_specs()}
    assert fresh["electricity_price_rank"] is None
    assert fresh["daily_energy_report"] is not None


def test_a_wrong_setting_is_named(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = household(tmp_path_factory.mktemp("wrong"), NOW, FEED_IN_PRICE="eight cents")

    assert failure_of(home.materialise(INSIGHTS[2], days="2025-10-28")).startswith("FEED_IN_PRICE: ")


def nothing_stays(day: str, why: str) -> None:
    raise AssertionError(f"{day} stays: {why}")


def test_both_stores_give_the_same_insights(store: Store, home: Household, tmp_path: Any) -> None:
    settings = settings_in(tmp_path, HOMEIQ_TIMEZONE="Europe/Vienna")
    ours = Home(settings, VIENNA, now=lambda: NOW)
    feeds = simulated_meter(settings, VIENNA) | simulated_prices(settings, VIENNA)
    window = Window(local_day(date(2025, 10, 20), VIENNA).start, local_day(date(2025, 10, 29), VIENNA).end)
    for measurement in (SMART_METER, SMART_METER_CIRCUIT, ELECTRICITY_PRICING):
        for answer in feeds[measurement.name].fetch(window, NOW):
            store.replace(measurement, answer.rows, answer.covers, answer.step)
    days = [LONG, date(2025, 10, 27)]

    list(rank_days(days, ours, store, nothing_stays))
    list(phantom_days(days, ours, store, nothing_stays))
    list(report_days(days, ours, store, nothing_stays))

    both = Window(local_day(days[0], VIENNA).start, local_day(days[1], VIENNA).end)
    for measurement in (ELECTRICITY_PRICE_RANK, PHANTOM_LOAD):
        assert plain(store.read(measurement, both)) == plain(home.store.read(measurement, both))
    known = {"time", "date", "total_kwh", "export_kwh", "unmetered_kwh", "cost", "currency"}
    wanted = [{k: v for k, v in row.items() if k in known} for row in plain(home.store.read(DAILY_ENERGY_REPORT, both))]
    assert plain(store.read(DAILY_ENERGY_REPORT, both)) == wanted


def test_days_ask_for_a_month_at_a_time_and_the_parts_join(home: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    days = [LONG, date(2025, 10, 27), date(2025, 10, 28)]
    ours = replace(home.home)
    whole = [loads for _, loads in phantom_days(days, ours, home.store, nothing_stays)]
    monkeypatch.setattr("homeiq_assets.insights.days.CHUNK", 2)

    assert [loads for _, loads in phantom_days(days, ours, home.store, nothing_stays)] == whole
