"""A tariff of the owner's own: how it is written, and what a kWh costs when by it."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.errors import NoHistory, SettingError
from homeiq_assets.feeds.pricing import generic, tariff
from homeiq_assets.feeds.provider import Answer
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import HOUR, Window, local_day, local_midnight

VIENNA = ZoneInfo("Europe/Vienna")
NIGHT = "22-6=0.21; sat,sun=0.25; 0.32"
FRIDAY, SATURDAY = date(2026, 11, 20), date(2026, 11, 21)
NOW = local_day(FRIDAY, VIENNA).start + 12 * HOUR


def answers(window: Window, text: str, feed: str = "electricity_pricing", **given: Any) -> list[Answer]:
    return list(generic.build(Settings(pricing_tariff=text, **given), VIENNA)[feed].fetch(window, NOW))


def prices(day: date, text: str, zone: ZoneInfo = VIENNA) -> list[tuple[str, float]]:
    """The local times at which the price changes, each with the price from there on."""
    changes: list[tuple[str, float]] = []
    for slot in tariff.read(text).slots(local_day(day, zone), zone):
        if not changes or slot.price != changes[-1][1]:
            changes.append((f"{slot.start.astimezone(zone):%H:%M}", slot.price))
    return changes


@pytest.mark.parametrize(
    ("text", "day", "expected"),
    [
        ("0.32", FRIDAY, [("00:00", 0.32)]),
        (".3;", FRIDAY, [("00:00", 0.3)]),
        ("-0.05", FRIDAY, [("00:00", -0.05)]),
        (NIGHT, FRIDAY, [("00:00", 0.21), ("06:00", 0.32), ("22:00", 0.21)]),
        (NIGHT, SATURDAY, [("00:00", 0.21), ("06:00", 0.25), ("22:00", 0.21)]),
        ("22:30 - 6 = 0.2; 0.3", FRIDAY, [("00:00", 0.2), ("06:00", 0.3), ("22:30", 0.2)]),
        ("6:15-7:45=0.4; 0.3", FRIDAY, [("00:00", 0.3), ("06:15", 0.4), ("07:45", 0.3)]),
        ("Mon-Fri 7-9,23-24=0.4; 0.3", FRIDAY, [("00:00", 0.3), ("07:00", 0.4), ("09:00", 0.3), ("23:00", 0.4)]),
        ("7-9 mon-fri=0.4; 0.3", SATURDAY, [("00:00", 0.3)]),
        ("sat-mon=0.1; 0.3", date(2026, 11, 23), [("00:00", 0.1)]),
        ("sat-mon=0.1; 0.3", date(2026, 11, 24), [("00:00", 0.3)]),
        ("sat 22-2=0.1; 0.3", SATURDAY, [("00:00", 0.1), ("02:00", 0.3), ("22:00", 0.1)]),
        ("0-24=0.1; 0.3", FRIDAY, [("00:00", 0.1)]),
        ("17-24=0.1; 20-22=0.2; 0.3", FRIDAY, [("00:00", 0.3), ("17:00", 0.1)]),
        ("2026-01-01: 0.30 | 2026-11-21 : 22-6=0.2; 0.35", FRIDAY, [("00:00", 0.30)]),
        ("2026-01-01: 0.30 | 2026-11-21 : 22-6=0.2; 0.35", SATURDAY, [("00:00", 0.2), ("06:00", 0.35), ("22:00", 0.2)]),
        ("0.30 | 2026-11-21: 0.35", date(2001, 1, 1), [("00:00", 0.30)]),
        ("0.27; 2026-11-21: 0.31", FRIDAY, [("00:00", 0.27)]),
        ("0.27; 2026-11-21: 0.31", SATURDAY, [("00:00", 0.31)]),
        ("0-5=0.07; 0.27; 2026-11-21: 0:30-5=0.09; 0.28; 2027-01-01: 0.3", FRIDAY, [("00:00", 0.07), ("05:00", 0.27)]),
        ("0-5=0.07; 0.27; 2026-11-21: 0:30-5=0.09; 0.28; 2027-01-01: 0.3", SATURDAY,
         [("00:00", 0.28), ("00:30", 0.09), ("05:00", 0.28)]),
        ("0-5=0.07; 0.27; 2026-11-21: 0:30-5=0.09; 0.28; 2027-01-01: 0.3", date(2027, 1, 1), [("00:00", 0.3)]),
    ],
)  # fmt: skip
def test_the_first_rule_that_fits_is_the_price(text: str, day: date, expected: list[tuple[str, float]]) -> None:
    assert prices(day, text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("cheap", "'cheap' is no price"),
        ("0,32", "'0,32' is no price; one is written like 0.32"),
        ("nan", "is no price"),
        ("1e3", "is no price"),
        ("22-6=; 0.3", "'' is no price"),
        ("=0.3", "says no hours and no days"),
        ("22-6=0.2", "ends with '22-6=0.2'; add the price of all other time"),
        ("0.3; 22-6=0.2; 0.3", "'0.3' is for all time, so the rules after it never fit"),
        ("; 0.3", "'' is no price"),
        ("night=0.2; 0.3", "'night' is neither hours such as 22-6 nor days"),
        ("son=0.2; 0.3", "'son' is no day; days are mon, tue"),
        ("mon-xyz=0.2; 0.3", "'mon-xyz' is no day"),
        ("22-25=0.2; 0.3", "'22-25' are no hours"),
        ("24-6=0.2; 0.3", "'24-6' are no hours"),
        ("6-6=0.2; 0.3", "'6-6' are no hours"),
        ("6:10-7=0.2; 0.3", "'6:10-7' are no hours; they go from 0 to 24, at full hours or their quarters"),
        ("0.3 | 0.4", "'0.4' follows a | and needs the date it begins on"),
        ("2026-02-30: 0.4", "2026-02-30 is no date"),
        ("2026-02-01: 0.4 | 2026-01-01: 0.3", "2026-01-01 does not come after 2026-02-01"),
        ("0.4 |", "needs the date"),
        ("0.27; 2026-13-01: 0.31", "2026-13-01 is no date"),
        ("0.27; 2026-11-1: 0.31", "2026-11-1 is no date"),
        ("0.27; 2026-11-01: 0.31; 2026-11-01: 0.32", "2026-11-01 does not come after 2026-11-01"),
        (
            "0.27; 2026-11-01:",
            "'' is no price; one is written like 0.32, per kWh, behind a date of validity like "
            "2026-07-01: 0.32; look at '2026-11-01:'",
        ),
        ("0.27; 2026-11-01: 22-6=0.2", "ends with '22-6=0.2'; add the price of all other time"),
        (
            "0.27; 2026-11-01 0.31",
            "the rules after it never fit (2026-11-01 0.31); put it last, or before a new price the date",
        ),
        (
            "0.27; 1.11.2026: 0.31",
            "the rules after it never fit (1.11.2026: 0.31); put it last, or before a new price the date",
        ),
        ("22-6=0.2; 2026-11-01: 0.31", "ends with '22-6=0.2'; add the price of all other time"),
    ],
)
def test_a_tariff_that_makes_no_sense_says_what_is_wrong(text: str, problem: str) -> None:
    with pytest.raises(SettingError) as caught:
        answers(local_day(FRIDAY, VIENNA), text)

    assert str(caught.value).startswith("PRICING_TARIFF: ")
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("day", "hours", "cheap"),
    [(date(2026, 10, 25), 25, 9), (date(2026, 3, 29), 23, 7), (FRIDAY, 24, 8)],
)
def test_a_day_of_a_clock_change_is_exact_by_the_wall_clock(day: date, hours: int, cheap: int) -> None:
    window = local_day(day, VIENNA)

    (answer,) = answers(window, "22-6=0.21; 0.32")

    assert answer.covers == window
    assert answer.step == HOUR
    assert answer.rows.num_rows == hours
    assert answer.rows["current_price"].to_pylist().count(0.21) == cheap


def test_half_hours_make_slots_of_half_an_hour_all_day() -> None:
    (answer,) = answers(local_day(FRIDAY, VIENNA), "22:30-6=0.21; 0.32")

    assert answer.step == timedelta(minutes=30)
    assert answer.rows.num_rows == 48


@pytest.mark.parametrize("name", ["Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe"])
@pytest.mark.parametrize(
    "day", [date(2026, 4, 5), date(2026, 10, 4), FRIDAY]
)  # Lord Howe's clocks change by half an hour
def test_slots_follow_the_wall_clock_of_any_zone(name: str, day: date) -> None:
    zone = ZoneInfo(name)

    assert prices(day, "3-6=0.2; 0.3", zone) == [("00:00", 0.3), ("03:00", 0.2), ("06:00", 0.3)]
    slots = tariff.read("3-6=0.2; 0.3").slots(local_day(day, zone), zone)
    assert (slots[0].start, slots[-1].end) == (local_day(day, zone).start, local_day(day, zone).end)
    assert all(one.end == following.start for one, following in pairwise(slots))


def test_a_poll_reaches_to_the_end_of_tomorrow() -> None:
    window = Window(NOW - 2 * HOUR, local_midnight(date(2026, 11, 22), VIENNA))

    (price,) = answers(window, NIGHT)
    (forecast,) = answers(window, NIGHT, "electricity_pricing_forecast")

    assert price.covers == forecast.covers == window
    first = price.rows.to_pylist()[0]
    assert first["time"].to_pydatetime() == datetime(2026, 11, 20, 9, tzinfo=UTC)
    assert (first["provider"], first["currency"], first["current_price"]) == ("generic", "EUR", 0.32)
    assert forecast.rows["price"].to_pylist() == price.rows["current_price"].to_pylist()
    assert forecast.rows["hour_offset"].to_pylist() == [*range(10, 24), *range(24)]


def test_the_owners_surcharge_and_vat_come_on_top_in_the_owners_currency() -> None:
    (answer,) = answers(
        local_day(FRIDAY, VIENNA), "0.30", pricing_surcharge=0.05, pricing_vat_percent=20, pricing_currency="CHF"
    )

    assert answer.rows["current_price"].to_pylist() == pytest.approx([0.42] * 24)
    assert set(answer.rows["currency"].to_pylist()) == {"CHF"}


@pytest.mark.parametrize(
    ("text", "given", "peak"),
    [
        ("0.32", {}, set()),
        ("22-6=0.21; 0.32", {}, set(range(6, 22))),
        ("22-6=0.21; 17-20=0.40; 0.32", {}, {17, 18, 19}),
        ("0.32", {"pricing_peak_hours": "7-9"}, {7, 8}),
    ],
)
def test_the_peak_is_where_the_tariff_is_highest_and_nowhere_if_it_is_flat(
    text: str, given: dict[str, str], peak: set[int]
) -> None:
    (answer,) = answers(local_day(FRIDAY, VIENNA), text, **given)

    assert answer.rows["peak_period"].null_count == 0
    rows = answer.rows.to_pylist()
    assert {row["time"].astimezone(VIENNA).hour for row in rows if row["peak_period"]} == peak


def test_before_its_first_date_a_tariff_says_nothing() -> None:
    begins = local_midnight(date(2026, 11, 20), VIENNA)
    dated = "2026-11-20: 0.32"

    (answer,) = answers(Window(begins - 48 * HOUR, begins + 24 * HOUR), dated)
    assert answer.covers == local_day(FRIDAY, VIENNA)
    with pytest.raises(NoHistory, match="PRICING_TARIFF begins on 2026-11-20"):
        answers(Window(begins - 48 * HOUR, begins), dated)


def test_a_month_is_one_answer() -> None:
    october = Window(local_midnight(date(2026, 10, 1), VIENNA), local_midnight(date(2026, 11, 1), VIENNA))

    (answer,) = answers(october, NIGHT)

    assert answer.rows.num_rows == 31 * 24 + 1
    assert answer.covers == october


def test_the_probe_tells_the_price_of_now() -> None:
    price = generic.build(Settings(pricing_tariff=NIGHT), VIENNA)["electricity_pricing"]

    assert price.probe(NOW) == "24 prices of today, now 0.3200 EUR/kWh"
