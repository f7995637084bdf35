"""What an owner describes by settings in real runs: polls and backfills, and what stays when the API goes wrong."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from homeiq_assets.schema.measurements import (
    ELECTRICITY_PRICING,
    ELECTRICITY_PRICING_FORECAST,
    SMART_METER,
    SMART_METER_CIRCUIT,
)
from homeiq_assets_tests.feeds.meter.described_meter import CIRCUITS, DAY, MINUTE, VIENNA
from homeiq_assets_tests.household import Household, checks_of, failure_of, household
from homeiq_assets_tests.simulated_vendors.described import DescribedVendor
from homeiq_assets_tests.simulated_vendors.server import html_reply, json_reply, no_waiting

HOUR = timedelta(hours=1)
NOON = DAY.start + 12 * HOUR
LATER = datetime(2026, 11, 24, 12, tzinfo=UTC)
KEY = "k3y/with+signs="


@pytest.fixture
def prices() -> Iterator[DescribedVendor]:
    rows = {DAY.start + n * HOUR: [{"p": float(n % 24)}] for n in range(-72, 72)}
    with DescribedVendor(rows, zone=VIENNA, published=DAY.end, key=KEY) as running, no_waiting():
        yield running


@pytest.fixture
def meter() -> Iterator[DescribedVendor]:
    rows = {
        DAY.start + n * MINUTE: [{"w": 1200.0, "c": None}, {"w": 300.0, "c": "oven"}] for n in range(-1440, 2 * 1440)
    }
    with DescribedVendor(rows, zone=VIENNA, published=NOON) as running, no_waiting():
        yield running


def priced(folder: Path, vendor: DescribedVendor, now: datetime = NOON) -> Household:
    return household(
        folder,
        now,
        PRICING_PROVIDER="generic",
        PRICING_URL=f"{vendor.url}/v1/rows?from={{start}}&to={{end}}",
        PRICING_JMESPATH="data[].{start: t, price: p}",
        PRICING_UNIT_FACTOR="0.01",
        PRICING_API_KEY=KEY,
    )


def metered(folder: Path, vendor: DescribedVendor, now: datetime = NOON) -> Household:
    return household(
        folder,
        now,
        METER_TYPE="generic",
        METER_URL=f"{vendor.url}/v1/rows?from={{start}}&to={{end}}",
        METER_JMESPATH=CIRCUITS,
    )


def test_a_poll_of_both_price_feeds_asks_once(tmp_path: Path, prices: DescribedVendor) -> None:
    home = priced(tmp_path, prices)

    result = home.poll("electricity_pricing", "electricity_pricing_forecast")

    assert result.success
    assert len(prices.asked) == 1
    assert home.times(ELECTRICITY_PRICING) == home.times(ELECTRICITY_PRICING_FORECAST)
    assert home.times(ELECTRICITY_PRICING)[-1] == DAY.end - HOUR
    assert all(check.passed for check in checks_of(result, "feeds/electricity_pricing").values())


def test_a_bad_answer_leaves_stored_prices_alone_and_tells_the_owner(tmp_path: Path, prices: DescribedVendor) -> None:
    home = priced(tmp_path, prices, LATER)
    assert home.materialise("feeds/electricity_pricing", days=("2026-11-18", "2026-11-20")).success
    before = home.files()
    assert len(prices.asked) == 1

    for wrong, problem in (
        (json_reply({"error": f"bad key {KEY}"}, 401), "Look at PRICING_API_KEY"),
        (json_reply({"error": "maintenance"}), "PRICING_JMESPATH finds None in it"),
        (json_reply({"data": [{"t": "2026-11-20T00:00", "p": 1}] * 2}), "does not say its offset from UTC"),
    ):
        prices.misbehave(wrong)
        result = home.materialise("feeds/electricity_pricing", days="2026-11-20")
        assert not result.success
        assert problem in failure_of(result)
        assert KEY not in failure_of(result)
        assert home.files() == before

    prices.misbehave(json_reply({"data": []}))
    assert home.materialise("feeds/electricity_pricing", days="2026-11-20").success
    assert home.files() == before


def test_a_tariff_fills_past_and_coming_days(tmp_path: Path) -> None:
    home = household(
        tmp_path, NOON, PRICING_PROVIDER="generic", PRICING_TARIFF="2026-11-18: 0.30 | 2026-11-19: 22-6=0.2; 0.3"
    )

    assert home.poll("electricity_pricing", "electricity_pricing_forecast").success
    past = home.materialise("feeds/electricity_pricing", days=("2026-11-18", "2026-11-19"))

    assert past.success
    assert home.stored(ELECTRICITY_PRICING, "2026-11-18")["current_price"].to_pylist() == [0.3] * 24
    assert home.stored(ELECTRICITY_PRICING, "2026-11-19")["current_price"].to_pylist().count(0.2) == 8
    assert len(home.times(ELECTRICITY_PRICING)) == 4 * 24
    result = home.materialise("feeds/electricity_pricing", days="2026-11-17")
    assert not result.success
    assert "PRICING_TARIFF begins on 2026-11-18" in failure_of(result)


def test_a_wrong_tariff_is_told_by_the_run(tmp_path: Path) -> None:
    home = household(tmp_path, NOON, PRICING_PROVIDER="generic", PRICING_TARIFF="22-6=0.2")

    result = home.poll("electricity_pricing")

    assert not result.success
    assert "PRICING_TARIFF: ends with '22-6=0.2'; add the price of all other time" in failure_of(result)


def test_a_poll_of_meter_and_circuits_asks_once_and_a_bad_answer_leaves_them_alone(
    tmp_path: Path, meter: DescribedVendor
) -> None:
    home = metered(tmp_path, meter)

    result = home.poll("smart_meter", "smart_meter_circuit")

    assert result.success
    assert len(meter.asked) == 1
    assert (
        home.times(SMART_METER) == home.times(SMART_METER_CIRCUIT) == [DAY.start + n * 5 * MINUTE for n in range(144)]
    )
    assert checks_of(result, "feeds/smart_meter")["gaps"].passed
    before = home.files()

    home.clock.now = NOON + 5 * MINUTE
    meter.misbehave(*[html_reply(502)] * 8)
    result = home.poll("smart_meter", "smart_meter_circuit")
    assert not result.success
    assert "answered 502 Bad Gateway" in failure_of(result)
    assert home.files() == before

    meter.behave()
    meter.published = home.clock.now = NOON + 20 * MINUTE
    assert home.poll("smart_meter", "smart_meter_circuit").success
    assert home.times(SMART_METER)[-1] == NOON + 15 * MINUTE


def test_a_backfill_of_the_meter_replaces_what_was_revised(tmp_path: Path, meter: DescribedVendor) -> None:
    home = metered(tmp_path, meter, LATER)
    meter.published = None
    assert home.materialise("feeds/smart_meter", days=("2026-11-19", "2026-11-20")).success
    assert len(meter.asked) == 1

    for n in range(5):
        meter.rows[DAY.start + n * MINUTE][0]["w"] = 2400.0
    result = home.materialise("feeds/smart_meter", days="2026-11-20")

    assert result.success
    stored = home.stored(SMART_METER, "2026-11-20")
    assert stored.num_rows == 288
    assert stored["total_power_w"].to_pylist()[:2] == [2400.0, 1200.0]
    assert stored["daily_kwh"][-1].as_py() == pytest.approx(1.2 * 24 + 0.1)
