"""Corrected tariffs and new slot lengths take the place of stored prices, and of nothing before their date."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.feeds.collect import collect
from homeiq_assets.feeds.pricing import generic
from homeiq_assets.feeds.provider import Provider
from homeiq_assets.ledger.removed_days import Ledger, State
from homeiq_assets.schema.insights import DAILY_ENERGY_REPORT
from homeiq_assets.schema.measurement import Measurement, rows_of
from homeiq_assets.schema.measurements import (
    ELECTRICITY_PRICING,
    ELECTRICITY_PRICING_FORECAST,
    MV_DAILY_ENERGY_BY_DEVICE,
    SMART_METER,
    tier_of,
)
from homeiq_assets.settings.variables import Settings
from homeiq_assets.stores.base import Store
from homeiq_assets.window import HOUR, Window, local_day
from homeiq_assets_tests.feeds.pricing import tibber_home
from homeiq_assets_tests.household import Household, checks_of, failure_of, household
from homeiq_assets_tests.simulated_vendors.described import DescribedVendor
from homeiq_assets_tests.simulated_vendors.server import no_waiting

VIENNA = ZoneInfo("Europe/Vienna")
STORED, CORRECTED = "0:30-5:30=0.07; 0.27", "0-5=0.09; 0.28"
FRIDAY, SATURDAY = date(2026, 11, 20), date(2026, 11, 21)
DAY = local_day(FRIDAY, VIENNA)
LATER = datetime(2026, 11, 24, 12, tzinfo=UTC)
QUARTER, HALF_HOUR = timedelta(minutes=15), timedelta(minutes=30)


def tariff(text: str, measurement: Measurement = ELECTRICITY_PRICING, **given: Any) -> Provider:
    return generic.build(Settings(pricing_tariff=text, **given), VIENNA)[measurement.name]


def stored(store: Store, day: date = FRIDAY, measurement: Measurement = ELECTRICITY_PRICING) -> Counter[float]:
    """How many stored rows of a day have which price."""
    field = "current_price" if measurement is ELECTRICITY_PRICING else "price"
    return Counter(store.read(measurement, local_day(day, VIENNA))[field].to_pylist())


def filled(provider: Provider, store: Store, window: Window = DAY) -> int:
    """Materialise a window; how many rows were refused."""
    return sum(part.replaced.refused for part in collect(provider, store, window, LATER, VIENNA))


@pytest.mark.parametrize("measurement", [ELECTRICITY_PRICING, ELECTRICITY_PRICING_FORECAST])
def test_a_corrected_tariff_of_longer_slots_takes_the_place_of_the_stored_prices(
    store: Store, measurement: Measurement
) -> None:
    filled(tariff(STORED, measurement), store)
    assert stored(store, measurement=measurement) == {0.07: 10, 0.27: 38}

    assert filled(tariff(CORRECTED, measurement), store) == 0

    assert stored(store, measurement=measurement) == {0.09: 5, 0.28: 19}
    filled(tariff(STORED, measurement), store)
    assert stored(store, measurement=measurement) == {0.07: 10, 0.27: 38}, "and back"


@pytest.mark.parametrize("appended", ["; 2026-11-21: 0.31", " | 2026-11-21: 0.31"])
def test_a_change_with_its_date_prices_no_earlier_day_anew(store: Store, appended: str) -> None:
    both = Window(DAY.start, local_day(SATURDAY, VIENNA).end)
    filled(tariff(STORED), store, both)

    filled(tariff(STORED + appended), store, both)

    assert stored(store, FRIDAY) == {0.07: 10, 0.27: 38}
    assert stored(store, SATURDAY) == {0.31: 24}


def test_a_tariff_that_only_says_from_when_it_is_leaves_earlier_prices_alone(store: Store) -> None:
    both = Window(DAY.start, local_day(SATURDAY, VIENNA).end)
    filled(tariff(STORED), store, both)

    filled(tariff("2026-11-21: 0.31"), store, both)

    assert stored(store, FRIDAY) == {0.07: 10, 0.27: 38}
    assert stored(store, SATURDAY) == {0.31: 24}


@pytest.fixture
def market() -> Iterator[DescribedVendor]:
    with DescribedVendor({}, zone=VIENNA, published=DAY.end) as running, no_waiting():
        yield running


def test_a_markets_new_slot_length_takes_the_place_of_the_old_in_both_directions(
    store: Store, market: DescribedVendor
) -> None:
    settings = Settings(
        pricing_url=f"{market.url}/v1/rows?from={{start}}&to={{end}}", pricing_jmespath="data[].{start: t, price: p}"
    )
    provider = generic.build(settings, VIENNA)["electricity_pricing"]

    for step, price in ((QUARTER, 0.15), (HOUR, 0.6), (HALF_HOUR, 0.3), (HOUR, 0.61), (QUARTER, 0.16)):
        market.rows = {DAY.start + n * step: [{"p": price}] for n in range(DAY.length // step)}
        assert filled(provider, store) == 0
        assert stored(store) == {price: DAY.length // step}


def test_hours_of_tibber_are_means_and_leave_its_stored_quarter_hours(store: Store) -> None:
    with tibber_home.running() as vendor:
        vendor.now = tibber_home.NEXT_WEEK
        provider, day = tibber_home.provider(vendor), tibber_home.DAY
        collected = list(collect(provider, store, day, vendor.now, tibber_home.OSLO))
        assert collected[0].received.total() == 96
        before = store.read(ELECTRICITY_PRICING, day)

        vendor.misbehave(tibber_home.page(*(tibber_home.price(day.start + n * HOUR) for n in range(24))))
        (again,) = collect(provider, store, day, vendor.now, tibber_home.OSLO)

    assert again.replaced.refused == 24
    assert store.read(ELECTRICITY_PRICING, day).equals(before)


def at_home(folder: Path, text: str, earlier: Household | None = None, **more: str) -> Household:
    """A home with this tariff; `earlier`: the same one before its owner changed the settings."""
    return household(
        folder,
        LATER,
        instance=earlier.instance if earlier else None,
        PRICING_PROVIDER="generic",
        PRICING_TARIFF=text,
        HOMEIQ_START_DATE="2026-11-01",
        **more,
    )


def done(home: Household, *assets: str, days: tuple[str, str] | str = FRIDAY.isoformat()) -> None:
    result = home.materialise(*assets, days=days)
    assert result.success, failure_of(result)


def test_costs_in_view_and_report_follow_a_correction(tmp_path: Path) -> None:
    made = "views/mv_daily_energy_by_device", "insights/daily_energy_report"
    home = at_home(tmp_path, "0.25")
    around = (FRIDAY - timedelta(days=1)).isoformat(), SATURDAY.isoformat()
    done(home, "feeds/electricity_pricing", "feeds/home_assistant_events", "feeds/carbon_intensity", days=around)
    # A kilowatt all day, in a meter that has counters.
    rows = [
        {"time": DAY.start + n * HOUR, "meter_type": "sense", "total_power_w": 1000.0, "daily_kwh": n + 1.0}
        for n in range(24)
    ]
    home.store.replace(SMART_METER, rows_of(SMART_METER, rows), DAY)
    done(home, *made)

    def costs(home: Household) -> tuple[dict[str, float | None], float]:
        devices = home.stored(MV_DAILY_ENERGY_BY_DEVICE, FRIDAY.isoformat())
        (report,) = home.stored(DAILY_ENERGY_REPORT, FRIDAY.isoformat()).to_pylist()
        by_device = dict(zip(devices["entity_id"].to_pylist(), devices["cost"].to_pylist(), strict=True))
        return by_device, report["cost"]

    before, reported = costs(home)
    assert reported == pytest.approx(6.0)
    assert any(before.values())

    corrected = at_home(tmp_path, "0.5", home)
    done(corrected, "feeds/electricity_pricing")
    done(corrected, *made)

    after, reported = costs(corrected)
    assert reported == pytest.approx(12.0)
    assert after == {name: pytest.approx(2 * cost) for name, cost in before.items() if cost is not None}


def test_a_day_whose_prices_were_removed_is_not_priced_anew(tmp_path: Path) -> None:
    ages = {"RETENTION_RAW_DAYS": "electricity_pricing=7"}
    days, gone = ("2026-11-09", "2026-11-11"), "2026-11-10"
    home = at_home(tmp_path, STORED, **ages)
    done(home, "feeds/electricity_pricing", days=("2026-11-08", "2026-11-13"))
    done(home, "tiers/electricity_pricing_hourly", "tiers/electricity_pricing_daily", days=days)
    done(home, "archive/electricity_pricing", days=days)
    done(home, "retention/electricity_pricing", days=gone)
    tier = tier_of(ELECTRICITY_PRICING, "daily")
    before = home.stored(tier)

    # No coarser than what was removed: an answer of a vendor would open the day.
    corrected = at_home(tmp_path, "0:30-5:30=0.09; 0.28", home, **ages)
    result = corrected.materialise("feeds/electricity_pricing", days=days)

    found = Ledger(home.store, VIENNA).of("electricity_pricing", date.fromisoformat(gone))
    assert found is not None
    assert found.state is State.REMOVED
    assert corrected.stored(ELECTRICITY_PRICING, gone).num_rows == 0
    assert corrected.stored(tier).equals(before)
    for day in days:
        assert set(corrected.stored(ELECTRICITY_PRICING, day)["current_price"].to_pylist()) == {0.09, 0.28}
    check = checks_of(result, "feeds/electricity_pricing")["removed_days"]
    assert not check.passed
    assert check.description == (
        "electricity_pricing of 2026-11-10 was removed, so what the settings say of it today was not stored; to store "
        "it, restore first (materialise restore/electricity_pricing of 2026-11-10)"
    )
    done(corrected, "restore/electricity_pricing", days=gone)
    assert set(corrected.stored(ELECTRICITY_PRICING, gone)["current_price"].to_pylist()) == {0.07, 0.27}
    done(corrected, "feeds/electricity_pricing", days=gone)
    assert set(corrected.stored(ELECTRICITY_PRICING, gone)["current_price"].to_pylist()) == {0.09, 0.28}
