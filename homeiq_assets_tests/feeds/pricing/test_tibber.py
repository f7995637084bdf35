"""Tibber, asked over HTTP: today, tomorrow and a paged past become quarter-hours, and nothing else does."""

import base64
import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.vendors.skipped import noting
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.feeds.pricing.tibber_home import (
    DAY,
    FORECAST,
    HOUR,
    NEXT_WEEK,
    NOON,
    OSLO,
    PRICES,
    PRICING,
    QUARTER,
    TOMORROW,
    answers,
    page,
    price,
    provider,
    rows,
    running,
    subscription,
    today,
)
from homeiq_assets_tests.simulated_vendors.server import Reply
from homeiq_assets_tests.simulated_vendors.tibber import TibberVendor

POLL = Window(NOON - 2 * HOUR, TOMORROW.end)


@pytest.fixture
def vendor() -> Iterator[TibberVendor]:
    with running() as tibber:
        yield tibber


def test_a_poll_brings_the_prices_from_two_hours_ago_to_the_end_of_today(vendor: TibberVendor) -> None:
    (answer,) = answers(vendor, POLL)
    assert (answer.covers, answer.step) == (Window(POLL.start, DAY.end), QUARTER)
    assert answer.rows.num_rows == 14 * 4
    first = rows([answer])[0]
    assert first["peak_period"] in (True, False)
    assert first | {"peak_period": None} == {
        "time": POLL.start,
        "provider": "tibber",
        "currency": "NOK",
        "current_price": PRICES[POLL.start],
        "peak_period": None,
    }
    assert len(vendor.asked) == 1


def test_once_tomorrow_is_published_it_is_covered_too(vendor: TibberVendor) -> None:
    vendor.now = DAY.start + 13 * HOUR
    (answer,) = answers(vendor, POLL, FORECAST)
    assert answer.covers == POLL
    found = rows([answer])
    assert [row["hour_offset"] for row in found] == [n // 4 % 24 for n in range(40, 192)]
    assert {row["provider"] for row in found} == {"tibber"}
    assert [row["price"] for row in found] == [PRICES[row["time"]] for row in found]


def test_what_is_not_published_yet_is_no_error_and_covers_nothing(vendor: TibberVendor) -> None:
    assert answers(vendor, TOMORROW) == []
    assert answers(vendor, local_day(date(2026, 3, 20), OSLO)) == []


def test_a_poll_after_midnight_knows_the_whole_of_yesterday(vendor: TibberVendor) -> None:
    vendor.now = DAY.start + QUARTER
    window = Window(DAY.start - 2 * HOUR, TOMORROW.end)
    (answer,) = answers(vendor, window)
    assert answer.covers == Window(window.start, DAY.end)
    assert answer.rows["peak_period"].null_count == 0
    assert len(vendor.asked) == 2


@pytest.mark.parametrize("inclusive", [False, True])
def test_a_month_of_quarter_hours_is_five_questions_whatever_a_cursor_means(
    vendor: TibberVendor, inclusive: bool
) -> None:
    vendor.inclusive = inclusive
    month = Window(local_day(date(2026, 1, 1), OSLO).start, local_day(date(2026, 1, 31), OSLO).end)
    (answer,) = answers(vendor, month)
    assert (answer.covers, answer.step) == (month, QUARTER)
    found = rows([answer])
    assert len(found) == 31 * 96
    assert [row["current_price"] for row in found] == [PRICES[row["time"]] for row in found]
    assert len(vendor.asked) == 5
    asked = vendor.asked_with()
    assert [each["first"] for each in asked[:4]] == [672] * 4
    assert datetime.fromisoformat(base64.b64decode(asked[0]["after"]).decode()) == month.start - QUARTER


def test_a_month_with_a_clock_change_is_still_five_questions(vendor: TibberVendor) -> None:
    month = Window(local_day(date(2025, 10, 1), OSLO).start, local_day(date(2025, 10, 31), OSLO).end)
    assert month.length == provider(vendor).longest
    (answer,) = answers(vendor, month)
    assert answer.covers == month
    assert answer.rows.num_rows == 31 * 96 + 4
    assert len(vendor.asked) == 5


@pytest.mark.parametrize(("day", "quarters"), [(date(2025, 10, 26), 100), (date(2026, 3, 29), 92)])
def test_a_past_day_of_a_clock_change_has_the_quarters_it_has(vendor: TibberVendor, day: date, quarters: int) -> None:
    vendor.now = local_day(day, OSLO).end + timedelta(days=3)
    (answer,) = answers(vendor, local_day(day, OSLO))
    assert answer.covers == local_day(day, OSLO)
    assert answer.rows.num_rows == quarters
    assert sum(answer.rows["peak_period"].to_pylist()) == quarters // 4
    assert len(vendor.asked) == 1


@pytest.mark.parametrize(("day", "quarters"), [(date(2025, 10, 26), 100), (date(2026, 3, 29), 92)])
def test_today_may_be_a_day_of_a_clock_change(vendor: TibberVendor, day: date, quarters: int) -> None:
    vendor.now = local_day(day, OSLO).start + 5 * HOUR
    (answer,) = answers(vendor, local_day(day, OSLO))
    assert answer.covers == local_day(day, OSLO)
    assert answer.rows.num_rows == quarters


def test_a_range_up_to_tomorrow_joins_history_and_publication(vendor: TibberVendor) -> None:
    vendor.now = DAY.start + 14 * HOUR
    window = Window(DAY.start - 3 * 24 * HOUR, TOMORROW.end)
    (answer,) = answers(vendor, window)
    assert answer.covers == window
    assert answer.rows.num_rows == 5 * 96
    assert len(vendor.asked) == 2


def test_days_before_there_were_quarter_hours_come_by_the_hour(vendor: TibberVendor) -> None:
    september = Window(local_day(date(2025, 9, 1), OSLO).start, local_day(date(2025, 9, 30), OSLO).end)
    (answer,) = answers(vendor, september)
    assert (answer.covers, answer.step) == (september, HOUR)
    assert answer.rows.num_rows == 30 * 24
    assert [asked["resolution"] for asked in vendor.asked_with()] == ["HOURLY"]


def test_a_range_over_the_first_quarter_hour_has_both_steps(vendor: TibberVendor) -> None:
    window = Window(local_day(date(2025, 9, 30), OSLO).start, local_day(date(2025, 10, 1), OSLO).end)
    hours, quarters = answers(vendor, window)
    assert (hours.step, hours.rows.num_rows) == (HOUR, 24)
    assert (quarters.step, quarters.rows.num_rows) == (QUARTER, 96)
    assert hours.covers.end == quarters.covers.start == local_day(date(2025, 10, 1), OSLO).start


def test_hours_in_answer_to_a_question_about_quarters_are_taken_as_hours(vendor: TibberVendor) -> None:
    vendor.misbehave(today(*(price(DAY.start + n * HOUR) for n in range(24))))
    (answer,) = answers(vendor, DAY)
    assert (answer.covers, answer.step, answer.rows.num_rows) == (DAY, HOUR, 24)


def test_a_cut_answer_is_followed_to_its_end(vendor: TibberVendor) -> None:
    vendor.now = NEXT_WEEK
    vendor.cap = 40
    (answer,) = answers(vendor, DAY)
    assert answer.covers == DAY
    assert answer.rows.num_rows == 96
    assert len(vendor.asked) == 3


def test_a_short_answer_covers_what_it_holds_and_leaves_the_peak_open(vendor: TibberVendor) -> None:
    vendor.now = NEXT_WEEK
    vendor.misbehave(page(*(price(DAY.start + n * QUARTER) for n in range(30))))
    (answer,) = answers(vendor, DAY)
    assert answer.covers == Window(DAY.start, DAY.start + 30 * QUARTER)
    assert answer.rows["peak_period"].null_count == 30
    assert len(vendor.asked) == 1


def test_pages_that_lead_nowhere_end(vendor: TibberVendor) -> None:
    vendor.now = NEXT_WEEK
    again = page(*(price(DAY.start + n * QUARTER) for n in range(3)), more=True, end="MjAyNi0wMy0xMQ==")
    vendor.misbehave(*[again] * 9)
    (answer,) = answers(vendor, DAY)
    assert answer.rows.num_rows == 3
    assert len(vendor.asked) == 2


@pytest.mark.parametrize("nothing", [page(), subscription({"priceInfoRange": None})], ids=["no prices", "null"])
def test_an_empty_day_covers_nothing(vendor: TibberVendor, nothing: Reply) -> None:
    vendor.now = NEXT_WEEK
    vendor.misbehave(nothing, nothing)
    with noting(NEXT_WEEK) as skipped:
        assert answers(vendor, DAY) == []
    assert skipped.listed == [f"no quarter-hours of {DAY}, nor hours"]


@pytest.mark.parametrize(
    "silent", [today(), today(None), today(price(DAY.start, None), price(DAY.start + QUARTER, -999.0))],
    ids=["an empty list", "null", "without usable prices"],
)  # fmt: skip
def test_where_today_has_no_quarter_hours_its_hours_are_taken_and_that_is_named(
    vendor: TibberVendor, silent: Reply
) -> None:
    vendor.misbehave(silent)
    with noting(NOON) as skipped:
        (answer,) = answers(vendor, DAY)
    assert (answer.covers, answer.step, answer.rows.num_rows) == (DAY, HOUR, 24)
    assert sum(answer.rows["peak_period"].to_pylist()) == 6
    assert f"no quarter-hours of {DAY}, so 24 hourly prices are taken" in skipped.listed
    assert "resolution: HOURLY" in json.loads(vendor.asked[-1].body)["query"]


def test_where_only_tomorrow_has_no_quarter_hours_though_it_should_its_hours_are_taken(vendor: TibberVendor) -> None:
    vendor.now = DAY.start + 16 * HOUR
    vendor.misbehave(today(*(price(DAY.start + n * QUARTER) for n in range(96))))
    quarters, hours = answers(vendor, Window(DAY.start, TOMORROW.end))
    assert (quarters.covers, quarters.step) == (DAY, QUARTER)
    assert (hours.covers, hours.step, hours.rows.num_rows) == (TOMORROW, HOUR, 24)


def test_days_of_the_past_without_quarter_hours_have_hours_and_the_others_keep_their_quarters(
    vendor: TibberVendor,
) -> None:
    vendor.now = NEXT_WEEK
    vendor.misbehave(page(*(price(DAY.start + n * QUARTER) for n in range(96, 192))))
    with noting(NEXT_WEEK) as skipped:
        hours, quarters = answers(vendor, Window(DAY.start, TOMORROW.end))
    assert (hours.covers, hours.step, hours.rows.num_rows) == (DAY, HOUR, 24)
    assert (quarters.covers, quarters.step, quarters.rows.num_rows) == (TOMORROW, QUARTER, 96)
    assert skipped.listed == [f"no quarter-hours of {DAY}, so 24 hourly prices are taken"]


@pytest.mark.parametrize("step", [QUARTER, HOUR])
@pytest.mark.parametrize(
    "odd", [price(DAY.start + timedelta(minutes=7)), price(DAY.start, "0.25"), price(DAY.start, startsAt="today"), 7]
)
def test_one_odd_price_is_left_out_and_named_and_all_others_are_taken(
    vendor: TibberVendor, odd: Any, step: timedelta
) -> None:
    vendor.misbehave(today(*(price(DAY.start + n * step) for n in range(1, 24 * HOUR // step)), odd))
    with noting(NOON) as skipped:
        (answer,) = answers(vendor, DAY)
    assert (answer.covers, answer.step) == (Window(DAY.start + step, DAY.end), step)
    assert len(skipped.listed) == 1


@pytest.mark.parametrize("nothing", [None, -999.0], ids=["null", "a sentinel"])
def test_a_quarter_without_a_price_is_a_hole_and_never_0(vendor: TibberVendor, nothing: float | None) -> None:
    vendor.prices[DAY.start + QUARTER] = nothing
    first, rest = answers(vendor, DAY)
    assert first.covers == Window(DAY.start, DAY.start + QUARTER)
    assert rest.covers == Window(DAY.start + 2 * QUARTER, DAY.end)
    assert first.rows.num_rows + rest.rows.num_rows == 95


def test_a_quarter_that_is_missing_does_not_make_the_one_before_it_longer(vendor: TibberVendor) -> None:
    vendor.now = NEXT_WEEK
    del vendor.prices[DAY.start + QUARTER]
    first, rest = answers(vendor, DAY)
    assert (first.covers, first.step) == (Window(DAY.start, DAY.start + QUARTER), QUARTER)
    assert rest.covers == Window(DAY.start + 2 * QUARTER, DAY.end)


def test_null_entries_are_skipped(vendor: TibberVendor) -> None:
    vendor.misbehave(today(None, price(DAY.start, startsAt=None), price(DAY.start + QUARTER)))
    (row,) = rows(answers(vendor, DAY))
    assert row["time"] == DAY.start + QUARTER


def test_prices_outside_what_was_asked_for_or_in_disorder_are_put_right(vendor: TibberVendor) -> None:
    vendor.now = NEXT_WEEK
    vendor.misbehave(page(*(price(DAY.start + n * QUARTER) for n in (2, 1, 0, 1, -5, 96))))
    (answer,) = answers(vendor, DAY)
    assert [row["time"] for row in rows([answer])] == [DAY.start + n * QUARTER for n in range(3)]


def test_a_price_made_final_is_what_the_next_fetch_says(vendor: TibberVendor) -> None:
    before = rows(answers(vendor, DAY))
    vendor.prices[DAY.start] = 9.5
    after = rows(answers(vendor, DAY))
    assert after[0]["current_price"] == 9.5
    assert [row["current_price"] for row in after[1:]] == [row["current_price"] for row in before[1:]]


def test_the_owners_additions_come_on_top_in_both_feeds(vendor: TibberVendor) -> None:
    added: dict[str, Any] = {"pricing_surcharge": 0.4, "pricing_vat_percent": 25}
    for feed, field in ((PRICING, "current_price"), (FORECAST, "price")):
        row = rows(answers(vendor, DAY, feed, **added))[0]
        assert row[field] == pytest.approx(((PRICES[DAY.start] or 0) + 0.4) * 1.25)


def test_the_currency_is_the_one_that_tibber_says(vendor: TibberVendor) -> None:
    vendor.currency = "EUR"
    assert {row["currency"] for row in rows(answers(vendor, DAY))} == {"EUR"}
    vendor.misbehave(today(price(DAY.start, currency=None)))
    assert [row["currency"] for row in rows(answers(vendor, DAY))] == ["unknown"]


@pytest.mark.parametrize("zone", [ZoneInfo("UTC"), ZoneInfo("Asia/Kolkata")], ids=str)
def test_a_home_whose_day_is_not_tibbers_still_has_whole_days(vendor: TibberVendor, zone: ZoneInfo) -> None:
    vendor.now = local_day(date(2026, 3, 12), zone).start + 2 * HOUR
    yesterday = local_day(date(2026, 3, 11), zone)
    (answer,) = answers(vendor, yesterday, zone=zone)
    assert answer.covers == yesterday
    assert answer.rows.num_rows == 96
    assert sum(answer.rows["peak_period"].to_pylist()) == 24


def test_where_the_local_day_begins_within_a_market_hour_the_day_is_still_complete(vendor: TibberVendor) -> None:
    day = local_day(date(2025, 9, 10), ZoneInfo("Asia/Kolkata"))
    (answer,) = answers(vendor, day, zone=ZoneInfo("Asia/Kolkata"))
    assert answer.covers == day
    assert sum(answer.rows["peak_period"].to_pylist()) == 6


def test_the_probe_says_what_today_costs(vendor: TibberVendor) -> None:
    assert provider(vendor).probe(NOON) == f"96 prices of today, now {PRICES[NOON]:.4f} NOK/kWh"
    assert len(vendor.asked) == 1
