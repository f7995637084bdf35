"""Energy-Charts' prices, asked over HTTP: slots as long as the market made them, and nothing that was not said."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.feeds.pricing import energy_charts
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.simulated_vendors.energy_charts import EnergyChartsVendor
from homeiq_assets_tests.simulated_vendors.server import no_waiting, passing_turns

BERLIN = ZoneInfo("Europe/Berlin")
HOUR, QUARTER = timedelta(hours=1), timedelta(minutes=15)
SWITCH = local_day(date(2025, 10, 1), BERLIN).start
DAY = local_day(date(2025, 11, 12), BERLIN)
TOMORROW = local_day(date(2025, 11, 13), BERLIN)
NOON = DAY.start + 12 * HOUR


def priced(first: date, last: date, *, quarters_from: datetime = SWITCH) -> dict[datetime, float | None]:
    """Prices of every slot from the first to the last local day."""
    at, end = local_day(first, BERLIN).start, local_day(last, BERLIN).end
    prices: dict[datetime, float | None] = {}
    while at < end:
        prices[at] = float(len(prices) * 7 % 190 - 40)
        at += QUARTER if at >= quarters_from else HOUR
    return prices


PRICES = priced(date(2025, 9, 1), date(2026, 3, 31))


@pytest.fixture
def vendor() -> Iterator[EnergyChartsVendor]:
    with EnergyChartsVendor(prices=PRICES) as running, no_waiting(), passing_turns():
        yield running


def provider(vendor: EnergyChartsVendor, feed: str = "electricity_pricing", **given: Any) -> Provider:
    return energy_charts.build(Settings(energy_charts_base_url=vendor.url, **given), BERLIN)[feed]


def fetch(vendor: EnergyChartsVendor, window: Window, feed: str = "electricity_pricing", **given: Any) -> list[Answer]:
    return list(provider(vendor, feed, **given).fetch(window, NOON))


def rows(answers: list[Answer]) -> list[dict[str, Any]]:
    return [row for answer in answers for row in answer.rows.to_pylist()]


def test_a_poll_brings_what_is_published_of_a_wider_window(vendor: EnergyChartsVendor) -> None:
    vendor.now = NOON
    (answer,) = fetch(vendor, Window(NOON - 2 * HOUR, TOMORROW.end))
    assert answer.covers == Window(NOON - 2 * HOUR, DAY.end)
    assert answer.step == QUARTER
    first, *others = rows([answer])
    assert len(others) == 14 * 4 - 1
    assert first["time"].to_pydatetime() == NOON - 2 * HOUR
    assert (first["provider"], first["currency"]) == ("energy_charts", "EUR")
    assert first["current_price"] == (PRICES[NOON - 2 * HOUR] or 0) / 1000


def test_once_tomorrow_is_published_it_is_covered_too(vendor: EnergyChartsVendor) -> None:
    vendor.now = NOON + HOUR
    (answer,) = fetch(vendor, Window(NOON, TOMORROW.end), "electricity_pricing_forecast")
    assert answer.covers == Window(NOON, TOMORROW.end)
    assert [row["hour_offset"] for row in rows([answer])[:6]] == [12, 12, 12, 12, 13, 13]


def test_tomorrow_asked_alone_before_it_is_published_is_no_error_and_covers_nothing(
    vendor: EnergyChartsVendor,
) -> None:
    vendor.now = NOON
    assert fetch(vendor, TOMORROW) == []
    assert len(vendor.asked) == 1


def test_a_month_is_filled_by_one_request_of_instants(vendor: EnergyChartsVendor) -> None:
    december = Window(local_day(date(2025, 12, 1), BERLIN).start, local_day(date(2025, 12, 31), BERLIN).end)
    (answer,) = fetch(vendor, december)
    assert [request.params for request in vendor.asked] == [
        {"bzn": "DE-LU", "start": "2025-11-30T23:00Z", "end": "2025-12-31T23:00Z"}
    ]
    assert answer.covers == december
    assert answer.rows.num_rows == 31 * 96


def test_a_year_is_filled_by_one_request() -> None:
    year = Window(local_day(date(2024, 1, 1), BERLIN).start, local_day(date(2024, 12, 31), BERLIN).end)
    with EnergyChartsVendor(prices=priced(date(2024, 1, 1), date(2025, 1, 1))) as vendor:
        assert provider(vendor).longest >= year.length
        (answer,) = fetch(vendor, year)
        assert len(vendor.asked) == 1
    assert (answer.covers, answer.step, answer.rows.num_rows) == (year, HOUR, 366 * 24)


@pytest.mark.parametrize(
    ("day", "slots", "step"),
    [
        (date(2025, 10, 26), 100, QUARTER),
        (date(2026, 3, 29), 92, QUARTER),
        (date(2024, 10, 27), 25, HOUR),
        (date(2025, 3, 30), 23, HOUR),
    ],
)
def test_a_day_of_a_clock_change_has_the_slots_it_has(
    vendor: EnergyChartsVendor, day: date, slots: int, step: timedelta
) -> None:
    vendor.prices = priced(day - timedelta(days=1), day + timedelta(days=1))
    (answer,) = fetch(vendor, local_day(day, BERLIN))
    assert (answer.covers, answer.step, answer.rows.num_rows) == (local_day(day, BERLIN), step, slots)
    assert sum(answer.rows["peak_period"].to_pylist()) == slots // 4


def test_a_range_over_the_change_to_quarter_hours_is_cut_where_slots_become_shorter(
    vendor: EnergyChartsVendor,
) -> None:
    before, after = fetch(vendor, Window(SWITCH - 30 * HOUR, SWITCH + 2 * HOUR))
    assert (before.covers, before.step) == (Window(SWITCH - 30 * HOUR, SWITCH), HOUR)
    assert (after.covers, after.step) == (Window(SWITCH, SWITCH + 2 * HOUR), QUARTER)
    assert (before.rows.num_rows, after.rows.num_rows) == (30, 8)


@pytest.mark.parametrize(("day", "slots", "step"), [(date(2025, 9, 30), 24, HOUR), (date(2025, 10, 1), 96, QUARTER)])
def test_the_days_beside_that_change_are_whole_when_asked_alone(
    vendor: EnergyChartsVendor, day: date, slots: int, step: timedelta
) -> None:
    (answer,) = fetch(vendor, local_day(day, BERLIN))
    assert (answer.covers, answer.step, answer.rows.num_rows) == (local_day(day, BERLIN), step, slots)


def test_switzerland_is_still_hourly(vendor: EnergyChartsVendor) -> None:
    vendor.bidding_zone = "CH"
    vendor.prices = priced(date(2025, 11, 11), date(2025, 11, 14), quarters_from=TOMORROW.end + 900 * HOUR)
    (answer,) = fetch(vendor, DAY, pricing_area="CH")
    assert (answer.covers, answer.step, answer.rows.num_rows) == (DAY, HOUR, 24)


@pytest.mark.parametrize("missing", [None, -999.0, "absent"])
def test_a_quarter_without_a_price_is_a_hole_that_lengthens_no_other(
    vendor: EnergyChartsVendor, missing: float | str | None
) -> None:
    hole = DAY.start + 5 * QUARTER
    if isinstance(missing, str):
        del vendor.prices[hole]
    else:
        vendor.prices[hole] = missing
    before, after = fetch(vendor, DAY)
    assert (before.covers, after.covers) == (Window(DAY.start, hole), Window(hole + QUARTER, DAY.end))
    assert (before.rows.num_rows, after.rows.num_rows) == (5, 90)
    assert before.rows["peak_period"].null_count == 5


@pytest.mark.parametrize("hole", [DAY.start + QUARTER, DAY.end - QUARTER])
def test_a_missing_quarter_lengthens_no_other_wherever_in_the_day_it_is(
    vendor: EnergyChartsVendor, hole: datetime
) -> None:
    del vendor.prices[hole]
    answers = fetch(vendor, Window(DAY.start, TOMORROW.start + HOUR))
    assert [(answer.covers, answer.step) for answer in answers] == [
        (Window(DAY.start, hole), QUARTER),
        (Window(hole + QUARTER, TOMORROW.start + HOUR), QUARTER),
    ]


def test_no_slot_is_longer_than_an_hour(vendor: EnergyChartsVendor) -> None:
    vendor.prices = {DAY.start: 10.0, NOON: 20.0}
    assert [answer.covers for answer in fetch(vendor, DAY)] == [
        Window(DAY.start, DAY.start + HOUR),
        Window(NOON, NOON + HOUR),
    ]


def test_negative_prices_are_prices_of_a_kwh(vendor: EnergyChartsVendor) -> None:
    prices = [row["current_price"] for row in rows(fetch(vendor, DAY))]
    assert prices == pytest.approx([(PRICES[DAY.start + n * QUARTER] or 0) / 1000 for n in range(96)])
    assert min(prices) < 0


def test_the_owners_tariff_is_in_both_feeds(vendor: EnergyChartsVendor) -> None:
    tariff = {"pricing_surcharge": 0.12, "pricing_vat_percent": 19}
    vendor.prices[DAY.start] = 80.0
    for feed, field in (("electricity_pricing", "current_price"), ("electricity_pricing_forecast", "price")):
        assert rows(fetch(vendor, DAY, feed, **tariff))[0][field] == pytest.approx((0.08 + 0.12) * 1.19)


def test_a_revised_price_is_what_the_next_fetch_says(vendor: EnergyChartsVendor) -> None:
    before = rows(fetch(vendor, DAY))
    vendor.prices[DAY.start] = 77.0
    after = rows(fetch(vendor, DAY))
    assert after[0]["current_price"] == 0.077
    assert [row["current_price"] for row in after[1:]] == [row["current_price"] for row in before[1:]]


def test_a_short_answer_covers_what_it_holds_and_leaves_the_peak_open(vendor: EnergyChartsVendor) -> None:
    vendor.prices = {at: price for at, price in PRICES.items() if at < NOON}
    (answer,) = fetch(vendor, DAY)
    assert answer.covers == Window(DAY.start, NOON)
    assert answer.rows["peak_period"].null_count == 48


def test_a_single_price_whose_slot_has_no_known_length_is_no_answer(vendor: EnergyChartsVendor) -> None:
    vendor.prices = {DAY.start: 80.0}
    assert fetch(vendor, DAY) == []


def test_where_the_local_day_begins_within_a_market_hour_the_day_is_still_complete() -> None:
    kolkata = ZoneInfo("Asia/Kolkata")
    day = local_day(date(2025, 9, 10), kolkata)
    with EnergyChartsVendor(prices=PRICES) as vendor:
        settings = Settings(energy_charts_base_url=vendor.url)
        (answer,) = energy_charts.build(settings, kolkata)["electricity_pricing"].fetch(day, NOON)
    assert (answer.covers, answer.rows.num_rows) == (day, 24)
    assert sum(answer.rows["peak_period"].to_pylist()) == 6
