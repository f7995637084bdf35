"""Price ranks: their rules as stories, then random days against slow plain Python."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeiq_assets.insights.price_rank import price_rank
from homeiq_assets.schema.insights import ELECTRICITY_PRICE_RANK
from homeiq_assets.window import HOUR, Window, local_date, local_day
from homeiq_assets_tests.insights.at_home import DAY, DAYS, MINUTE, VIENNA, at, every, plain, prices_of


def ranks(prices: dict[datetime, float], day: Window = DAY, zone: ZoneInfo = VIENNA) -> list[dict[str, Any]]:
    rows = price_rank(prices_of(prices), day, zone)
    assert rows.schema.equals(ELECTRICITY_PRICE_RANK.arrow)
    return plain(rows)


def test_the_cheapest_slot_of_the_day_is_first_and_a_quarter_is_cheap_and_a_quarter_dear() -> None:
    found = ranks({time: float((n * 7) % 24) for n, time in enumerate(every(HOUR, DAY))})

    assert [row["rank"] for row in found] == [(n * 7) % 24 + 1 for n in range(24)]
    assert {row["rank"] for row in found if row["cheap"]} == set(range(1, 7))
    assert {row["rank"] for row in found if row["dear"]} == set(range(19, 25))


def test_of_equal_prices_the_earlier_slot_is_the_cheaper_and_the_dearer_one() -> None:
    found = ranks(dict.fromkeys(every(HOUR, DAY), 0.3))

    assert [row["rank"] for row in found] == list(range(1, 25))
    assert [row["cheap"] for row in found] == [row["dear"] for row in found] == [True] * 6 + [False] * 18


def test_until_the_day_is_complete_there_are_ranks_and_nothing_is_cheap_or_dear() -> None:
    instants = every(HOUR, DAY)
    for known in (instants[:-1], instants[1:], instants[:9] + instants[10:]):
        found = ranks({time: float(n) for n, time in enumerate(known)})
        assert [row["rank"] for row in found] == list(range(1, 24))
        assert not any("cheap" in row or "dear" in row for row in found)


def test_negative_prices_are_cheaper_than_none() -> None:
    found = ranks({at(0): 0.1, at(1): -0.2, at(2): 0.0})

    assert [row["rank"] for row in found] == [3, 1, 2]


def test_providers_are_ranked_apart_and_neighbouring_days_do_not_count() -> None:
    import pyarrow as pa  # noqa: PLC0415

    around = {at(hour): float(hour) for hour in range(-24, 48)}
    both = pa.concat_tables([prices_of(around), prices_of({at(3): 9.0}, provider="tibber")])

    found = plain(price_rank(both, DAY, VIENNA))

    assert [(row["provider"], row["rank"]) for row in found] == [("awattar", n) for n in range(1, 25)] + [("tibber", 1)]


@pytest.mark.parametrize(("day", "zone"), DAYS)
def test_the_hour_that_begins_before_midnight_at_half_past_completes_the_day(day: date, zone: ZoneInfo) -> None:
    window = local_day(day, zone)
    first = window.start.replace(minute=0)
    hours = {first + n * HOUR: float(n) for n in range(26) if first + n * HOUR < window.end}

    found = ranks(hours, window, zone)

    assert len(found) == sum(time >= window.start for time in hours)
    assert all("cheap" in row for row in found)
    assert sum(row["cheap"] for row in found) == len(found) // 4


@given(
    st.sampled_from(DAYS),
    st.sampled_from([15 * MINUTE, 30 * MINUTE, HOUR]),
    st.lists(st.integers(-3, 5), min_size=1, max_size=9),
    st.sets(st.integers(0, 99), max_size=1),
)
def test_random_days_agree_with_a_sort(
    on: tuple[date, ZoneInfo], step: timedelta, prices: list[int], missing: set[int]
) -> None:
    day, zone = on
    window = local_day(day, zone)
    first = datetime(2000, 1, 1, tzinfo=UTC)
    grid = Window(first + (window.start - first) // step * step, window.end)
    slots = {time: prices[n * n % len(prices)] / 10 for n, time in enumerate(every(step, grid)) if n not in missing}
    found = ranks(slots, window, zone)

    ours = [time for time in slots if local_date(time, zone) == day]
    order = sorted(ours, key=lambda time: (slots[time], time))
    covered = {time + n * MINUTE for time in slots for n in range(int(step / MINUTE))}
    complete = all(minute in covered for minute in every(MINUTE, window))
    dearest = sorted(ours, key=lambda time: (-slots[time], time))[: len(ours) // 4]
    for row in found:
        assert row["rank"] == order.index(row["time"]) + 1
        assert row.get("cheap") == ((row["rank"] <= len(ours) // 4) if complete else None)
        assert row.get("dear") == ((row["time"] in dearest) if complete else None)
    assert len(found) == len(ours)
