"""Price slots from rows that say only when they begin."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import ELECTRICITY_PRICING
from homeiq_assets.views.bill import slots_of
from homeiq_assets.window import Window

MIDNIGHT = datetime(2025, 10, 1, tzinfo=UTC)
DAY = Window(MIDNIGHT, MIDNIGHT + timedelta(days=1))
Price = tuple[float, float] | tuple[float, float, str] | tuple[float, float, str, str]


def at(hour: float) -> datetime:
    return MIDNIGHT + timedelta(hours=hour)


def billed(*prices: Price, window: Window = DAY) -> tuple[list[tuple[float, float | None]], str | None]:
    """The bill of the window: (hour it begins, price) of each slot, and the currency."""
    rows = []
    for hour, price, *more in prices:
        provider, currency = (*more, *("us", "EUR")[len(more) :])
        rows.append({"time": at(hour), "provider": provider, "currency": currency, "current_price": price})
    bill = slots_of(rows_of(ELECTRICITY_PRICING, rows)).bill(window)
    hours = (bill.edges - bill.edges[0]) / 3.6e12 + (window.start - MIDNIGHT) / timedelta(hours=1)
    assert hours[-1] == (window.end - MIDNIGHT) / timedelta(hours=1)
    known = [None if np.isnan(price) else price for price in bill.prices.tolist()]
    return list(zip(hours[:-1].tolist(), known, strict=True)), bill.currency


def test_a_slot_reaches_to_the_next_and_the_last_is_as_long_as_the_one_before() -> None:
    assert billed(*((hour, hour / 10) for hour in range(22))) == (
        [*((hour, hour / 10) for hour in range(22)), (22, None)], "EUR"
    )  # fmt: skip


def test_steps_may_change() -> None:
    hours = [(n, 1.0) for n in range(-3, 12)]
    quarters = [(12 + n / 4, 2.0) for n in range(44)]
    again = [(23 + n, 3.0) for n in range(4)]
    slots, _ = billed(*hours, *quarters, *again)
    assert slots == [(n, 1.0) for n in range(12)] + quarters + [(23, 3.0)]


@pytest.mark.parametrize("minutes", [15, 30, 60])
def test_a_slot_that_is_missing_has_no_price(minutes: int) -> None:
    step = minutes / 60
    slots, _ = billed(*((n * step, 1.0) for n in range(-2, int(24 / step) + 2) if n not in (0, 7, 8)))
    assert [hour for hour, price in slots if price is None] == [0, 7 * step]
    assert (9 * step, 1.0) in slots


def test_an_hour_begun_on_the_day_before_is_billed_to_its_end() -> None:
    assert billed((-1.5, 1.0), (-0.5, 2.0), (0.5, 3.0), window=Window(at(0), at(1))) == ([(0, 2.0), (0.5, 3.0)], "EUR")


def test_a_short_slot_among_longer_ones_is_no_hole() -> None:
    prices = [(0.0, 1.0), (1.0, 2.0), (1.5, 3.0), (2.5, 4.0), (3.5, 5.0)]
    assert billed((-1, 0.5), *prices, window=Window(at(0), at(4)))[0] == prices


def test_a_price_alone_is_that_of_an_hour() -> None:
    assert billed((5, 1.0))[0] == [(0, None), (5, 1.0), (6, None)]


def test_without_prices_the_day_is_one_slot_in_no_currency() -> None:
    assert billed() == ([(0, None)], None)
    assert billed((-5, 1.0), (-4, 1.0)) == ([(0, None)], None)


def test_another_provider_in_the_same_currency_goes_on_with_the_bill() -> None:
    slots, currency = billed(*((n, 1.0, "old") for n in range(12)), *((n, 2.0, "new") for n in range(12, 24)))
    assert (len(slots), currency) == (24, "EUR")
    assert [price for _, price in slots] == [1.0] * 12 + [2.0] * 12


def test_where_two_providers_share_an_instant_the_newer_one_is_believed() -> None:
    rows = [(n, 1.0, "b") for n in range(5)] + [(n, 2.0, "a") for n in range(3, 9)]
    assert [price for _, price in billed(*rows, window=Window(at(0), at(8)))[0]] == [1.0] * 3 + [2.0] * 5


def test_a_bill_is_in_one_currency_that_of_the_newest_price() -> None:
    rows = [(n, 1.0, "us", "SEK") for n in range(12)] + [(n, 2.0, "us", "EUR") for n in range(12, 24)]
    slots, currency = billed(*rows)
    assert currency == "EUR"
    assert [price for _, price in slots] == [None] * 12 + [2.0] * 12
    assert billed(*rows, window=Window(at(0), at(6)))[1] == "SEK"


def test_a_window_within_a_slot_is_billed_in_part() -> None:
    assert billed((0, 1.0), (1, 2.0), window=Window(at(0.25), at(0.5))) == ([(0.25, 1.0)], "EUR")
