"""Energy by device: the rules as stories; bills; and real Dagster runs of a simulated home."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import FX_RATE, MV_DAILY_ENERGY_BY_DEVICE
from homeiq_assets.series.holds import nanoseconds
from homeiq_assets.settings.types import units_of
from homeiq_assets.views.bill import Bill, dollars_for_one
from homeiq_assets.views.energy_by_device import Devices, energy_by_device
from homeiq_assets.views.readings import readings_of
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.household import failure_of, household, metadata_by_day
from homeiq_assets_tests.views.brute_force import event
from homeiq_assets_tests.views.listed_events import plain, table_of

JUNE = date(2025, 6, 1)
DAY = local_day(JUNE, ZoneInfo("UTC"))
HOLD = timedelta(hours=24)
METER, PLUG = "sensor.meter", "sensor.plug"


def at(hour: float) -> datetime:
    """Some hours after the midnight that begins 2025-06-01."""
    return DAY.start + timedelta(hours=hour)


def meter(hour: float, value: Any, unit: str | None = "kWh") -> dict[str, Any]:
    return event(METER, at(hour), value, unit, kind="energy")


def plug(hour: float, value: Any, unit: str | None = "W") -> dict[str, Any]:
    return event(PLUG, at(hour), value, unit, kind="power")


def priced(*prices: float | None, feed_in: float | None = None, dollars: float | None = None) -> Bill:
    """The day in as many equal slots as there are prices."""
    edges = np.linspace(nanoseconds(DAY.start), nanoseconds(DAY.end), len(prices) + 1).astype(np.int64)
    return Bill(edges, np.array([np.nan if price is None else price for price in prices]), "EUR", feed_in, dollars)


def devices(
    *events: dict[str, Any],
    bill: Bill | None = None,
    hold: timedelta = HOLD,
    window: Window = DAY,
    units: dict[str, str] | None = None,
) -> Devices:
    edges = np.array([nanoseconds(window.start), nanoseconds(window.end)])
    bill = bill or Bill(edges, np.array([np.nan]))
    readings = readings_of(table_of([one for one in events if one["time"] < window.end]))
    return energy_by_device(readings, window, JUNE, hold, bill, units or {})


def row(*events: dict[str, Any], **how: Any) -> dict[str, Any]:
    """What the one row says, without its time, entity and date."""
    (found,) = plain(devices(*events, **how).rows)
    assert (found.pop("time"), found.pop("date")) == (DAY.start, "2025-06-01")
    found.pop("entity_id")
    return found


def test_a_meter_counts_its_increases_and_its_mean_power_is_that_over_the_day() -> None:
    assert row(meter(-3, 100.0), meter(6, 101.5), meter(20, 102.4)) == pytest.approx(
        {"total_kwh": 2.4, "avg_power": 100.0}
    )


def test_a_meter_is_compared_with_its_last_value_however_old() -> None:
    assert row(meter(-900, 100.0), meter(6, 112.0))["total_kwh"] == pytest.approx(12)


def test_a_fall_below_nine_tenths_begins_a_new_cycle_and_a_smaller_one_is_a_dip() -> None:
    assert row(meter(1, 1000), meter(2, 899), meter(3, 900))["total_kwh"] == pytest.approx(900)
    assert row(meter(1, 1000), meter(2, 900), meter(3, 1002))["total_kwh"] == pytest.approx(2)


def test_a_dip_is_not_fed_in_but_costs_what_it_takes_back() -> None:
    found = row(meter(1, 1000), meter(2, 999), bill=priced(0.3, feed_in=0.1))
    assert (found["total_kwh"], found["cost"]) == pytest.approx((-1, -0.3))


def test_unavailable_is_no_reset() -> None:
    found = row(meter(1, 500), meter(2, "unavailable"), meter(3, "unknown"), meter(4, 503))
    assert found["total_kwh"] == pytest.approx(3)


@pytest.mark.parametrize(("unit", "kwh"), [("Wh", 0.5), ("kWh", 500), ("MWh", 500_000)])
def test_meters_count_in_their_unit(unit: str, kwh: float) -> None:
    assert row(meter(1, 1000, unit), meter(2, 1500, unit))["total_kwh"] == pytest.approx(kwh)


def test_a_unit_may_change_in_the_middle() -> None:
    assert row(meter(1, 2000, "Wh"), meter(2, 2.5), meter(3, 0.003, "MWh"))["total_kwh"] == pytest.approx(1)
    assert row(plug(0, 1.0, "kW"), plug(12, 500))["total_kwh"] == pytest.approx(18)


def test_a_silent_meter_has_a_zero_while_its_value_holds_and_then_no_row() -> None:
    assert row(meter(-1, 100.0)) == {"total_kwh": 0, "avg_power": 0}
    assert devices(meter(-25, 100.0)).rows.num_rows == 0


def test_the_first_value_ever_counts_nothing() -> None:
    assert row(meter(9, 4711))["total_kwh"] == 0


def test_power_is_integrated_while_it_holds_and_its_mean_is_over_that_time() -> None:
    found = row(plug(0, 100), plug(6, 400), hold=timedelta(hours=3))
    assert found == pytest.approx({"total_kwh": 1.5, "avg_power": 250, "peak_power": 400})


def test_the_power_that_holds_at_midnight_counts_but_is_no_peak_of_the_day() -> None:
    assert row(plug(-6, 900), plug(6, 300)) == pytest.approx({"total_kwh": 10.8, "avg_power": 450, "peak_power": 300})
    assert row(plug(-6, 900)) == pytest.approx({"total_kwh": 16.2, "avg_power": 900})


def test_unavailable_ends_a_hold() -> None:
    found = row(plug(0, 240), plug(5, "unavailable"), plug(10, 240), plug(11, "unknown"))
    assert found == pytest.approx({"total_kwh": 1.44, "avg_power": 240, "peak_power": 240})


def test_a_reading_at_midnight_belongs_to_the_day_that_begins() -> None:
    assert row(plug(0, 50), plug(24, 7000))["peak_power"] == 50
    assert row(meter(-24, 1), meter(0, 3), meter(24, 9))["total_kwh"] == 2


def test_today_is_counted_up_to_now() -> None:
    so_far = Window(DAY.start, at(6))
    assert row(plug(3, 1000), plug(7, 9), window=so_far) == pytest.approx(
        {"total_kwh": 3, "avg_power": 1000, "peak_power": 1000}
    )
    assert row(meter(1, 10), meter(2, 13), window=so_far) == pytest.approx({"total_kwh": 3, "avg_power": 500})


def test_energy_costs_the_price_of_its_slot() -> None:
    found = row(plug(0, 1000), plug(6, 2000), bill=priced(0.1, 0.2, 0.3, -0.1, dollars=1.25))
    assert found["cost"] == pytest.approx(0.6 + 2.4 + 3.6 - 1.2)
    assert found["cost_usd"] == pytest.approx(1.25 * found["cost"])
    assert found["currency"] == "EUR"


def test_a_meters_increase_is_in_the_slot_of_the_reading_that_shows_it() -> None:
    assert row(meter(1, 5), meter(12, 8), bill=priced(0.1, 0.2))["cost"] == pytest.approx(0.6)


def test_a_slot_without_a_price_matters_only_where_energy_is_used_in_it() -> None:
    quiet, busy = (plug(0, 1000), plug(12, 0)), (plug(0, 1000), plug(13, 0))
    assert row(*quiet, bill=priced(0.1, None))["cost"] == pytest.approx(1.2)
    found = row(*busy, bill=priced(0.1, None, dollars=1.0))
    assert found["total_kwh"] == pytest.approx(13)
    assert not {"cost", "cost_usd", "currency"} & found.keys()


def test_without_any_price_there_is_no_cost_not_even_of_nothing() -> None:
    assert "cost" not in row(plug(0, 0))


def test_what_is_fed_in_earns_the_feed_in_price_if_there_is_one() -> None:
    day = (plug(0, -1000), plug(6, 500), plug(12, 0))
    assert row(*day, bill=priced(0.4, feed_in=0.08))["cost"] == pytest.approx(3 * 0.4 - 6 * 0.08)
    assert row(*day, bill=priced(0.4))["cost"] == pytest.approx(3 * 0.4)
    assert row(*day)["total_kwh"] == pytest.approx(-3)
    assert row(plug(0, -1000), plug(6, 0), plug(23, 0), bill=priced(None, 0.1, feed_in=0.1))["cost"] == pytest.approx(
        -0.6
    )


def test_a_cost_without_a_rate_has_no_dollars() -> None:
    assert "cost_usd" not in row(plug(0, 10), bill=priced(0.1))


def test_an_entity_without_a_unit_needs_one_or_is_reported() -> None:
    events = (meter(1, 5, None), meter(2, 7, None))
    found = devices(*events)
    assert found.rows.num_rows == 0
    assert found.skipped == {METER: "has no unit; say it in EVENTS_UNITS"}
    assert row(*events, units={METER: "kWh"})["total_kwh"] == 2


def test_a_unit_that_is_none_of_energy_is_reported_where_energy_is_meant() -> None:
    warmth = event("sensor.warmth", at(1), 21, "°C", kind="temperature")
    assert devices(meter(1, 5, "MJ"), warmth).skipped == {METER: "is in MJ, which is none of W, kW, Wh, kWh, MWh"}
    assert "kwh" in devices(meter(1, 5, None), units={METER: "kwh"}).skipped[METER]


def test_a_unit_that_only_some_events_tell_is_that_of_all() -> None:
    assert row(meter(1, 1000, "Wh"), meter(2, 1500, None), meter(3, 2500, None))["total_kwh"] == pytest.approx(1.5)
    assert row(meter(1, 1000, None), meter(2, 1500, "Wh"))["total_kwh"] == pytest.approx(0.5)


def test_what_a_battery_holds_is_no_meter() -> None:
    battery = [event("sensor.battery", at(hour), 10 - hour, "kWh", kind="energy_storage") for hour in range(5)]
    assert devices(*battery) == Devices(MV_DAILY_ENERGY_BY_DEVICE.empty(), {})


def test_an_entity_that_measures_something_else_by_now_is_that() -> None:
    assert row(plug(1, 100), plug(2, 5, "kWh"), plug(3, 7, "kWh"))["total_kwh"] == 2


@pytest.mark.parametrize(
    ("currency", "day", "dollars"),
    [
        ("USD", date(2025, 5, 1), 1.0),
        ("EUR", date(2025, 5, 30), 1.10),
        ("EUR", date(2025, 6, 1), 1.10),
        ("EUR", date(2025, 6, 2), 1.20),
        ("GBP", date(2025, 6, 2), 1.20 / 0.8),
        ("EUR", date(2025, 5, 29), None),
        ("NOK", date(2025, 6, 2), None),
        ("unknown", date(2025, 6, 2), None),
    ],
)
def test_dollars_are_those_of_the_last_rate_at_or_before_the_day(
    currency: str, day: date, dollars: float | None
) -> None:
    rates = [(30, "USD", 1.10), (33, "USD", 1.20), (30, "GBP", 0.9), (33, "GBP", 0.8)]
    rows = [
        {"time": datetime(2025, 5, 1, tzinfo=UTC) + timedelta(days=n - 1), "base": "EUR", "currency": one, "rate": rate}
        for n, one, rate in rates
    ]
    assert dollars_for_one(rows_of(FX_RATE, rows), currency, day) == (dollars and pytest.approx(dollars))


NOW = datetime(2026, 11, 24, 10, 7, tzinfo=UTC)
VIEW = "views/mv_daily_energy_by_device"
FEEDS = ("feeds/home_assistant_events", "feeds/electricity_pricing", "feeds/fx_rate")


def test_a_simulated_home_is_billed_by_day_and_again_the_same(tmp_path: Path) -> None:
    home = household(tmp_path, NOW)
    assert home.materialise(*FEEDS, days=("2026-10-23", "2026-10-26")).success

    run = home.materialise(VIEW, days=("2026-10-24", "2026-10-26"))

    assert run.success, failure_of(run)
    assert home.marked(VIEW) == {"2026-10-24", "2026-10-25", "2026-10-26"}
    rows = {one["entity_id"]: one for one in plain(home.stored(MV_DAILY_ENERGY_BY_DEVICE, "2026-10-25"))}
    assert len(rows) == 9
    used = rows["sensor.grid_energy"]
    assert used["avg_power"] == pytest.approx(used["total_kwh"] * 1000 / 25), "a day of 25 hours"
    assert "peak_power" not in used
    assert rows["sensor.grid_power"]["peak_power"] > rows["sensor.grid_power"]["avg_power"]
    assert all(one["cost_usd"] > one["cost"] > 0 and one["currency"] == "EUR" for one in rows.values())
    assert metadata_by_day(run, VIEW)["2026-10-25"]["dagster/partition_row_count"] == 9
    everything = home.files()
    assert home.materialise(VIEW, days="2026-10-25").success
    assert home.files() == everything, "a day alone is the same as in a range"


def test_today_is_up_to_now_and_tomorrows_prices_change_nothing(tmp_path: Path) -> None:
    home = household(tmp_path, NOW)
    assert home.materialise(*FEEDS, days=("2026-11-23", "2026-11-24")).success

    assert home.materialise(VIEW, days="2026-11-24").success

    rows = {one["entity_id"]: one for one in plain(home.stored(MV_DAILY_ENERGY_BY_DEVICE, "2026-11-24"))}
    hours = (NOW - local_day(date(2026, 11, 24), home.zone).start) / timedelta(hours=1)
    for name in ("sensor.grid_power", "sensor.grid_energy"):
        assert rows[name]["total_kwh"] == pytest.approx(rows[name]["avg_power"] * hours / 1000)


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    home = household(tmp_path, NOW, EVENTS_UNITS="sensor.meter kWh")
    run = home.materialise(VIEW, days="2026-11-20")
    assert not run.success
    assert "EVENTS_UNITS: 'sensor.meter kWh' is no entity with its unit, such as sensor.boiler=kWh" in failure_of(run)


def test_units_of_entities_are_a_list() -> None:
    assert units_of(" sensor.a=kWh , sensor.b = W,") == {"sensor.a": "kWh", "sensor.b": "W"}
    for wrong in ("sensor.a", "sensor.a=", "boiler=kWh", "=kWh"):
        with pytest.raises(ValueError, match="is no entity with its unit"):
            units_of(wrong)


def test_without_a_source_of_events_the_setting_is_named(tmp_path: Path) -> None:
    home = household(tmp_path, NOW, EVENTS_SOURCE="off")
    assert "EVENTS_SOURCE: is not set" in failure_of(home.materialise(VIEW, days="2026-11-20"))
