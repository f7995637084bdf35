"""The rules that make rows of price slots, for every price provider."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeiq_assets.errors import ProviderError
from homeiq_assets.feeds.pricing.slots import (
    Slot,
    forecast_answers,
    peak_periods,
    pricing_answers,
    tidy,
    whole_days,
    with_tariff,
)
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.skipped import noting
from homeiq_assets.window import Window, local_day

BERLIN = ZoneInfo("Europe/Berlin")
KOLKATA = ZoneInfo("Asia/Kolkata")
HOUR = timedelta(hours=1)
QUARTER = timedelta(minutes=15)
AUTUMN, SPRING = date(2023, 10, 29), date(2024, 3, 31)


def slots_of(window: Window, step: timedelta = HOUR, prices: list[float] | None = None) -> list[Slot]:
    """Slots of `window`, of rising price where none is given."""
    count = window.length // step
    each = prices or [float(n) for n in range(count)]
    return [Slot(window.start + n * step, window.start + (n + 1) * step, each[n]) for n in range(count)]


def pricing_rows(slots: list[Slot], window: Window, zone: ZoneInfo = BERLIN, **given: str) -> list[dict[str, object]]:
    answers = pricing_answers(
        slots, window, provider="test", currency="EUR", zone=zone, settings=Settings(**given)  # type: ignore[arg-type]
    )  # fmt: skip
    return [row for answer in answers for row in answer.rows.to_pylist()]


@pytest.mark.parametrize(("day", "hours", "dear"), [(AUTUMN, 25, 6), (SPRING, 23, 5), (date(2024, 1, 1), 24, 6)])
def test_the_dearest_quarter_of_a_local_day_is_its_peak_however_long_the_day_is(
    day: date, hours: int, dear: int
) -> None:
    slots = slots_of(local_day(day, BERLIN))
    peaks = peak_periods(slots, BERLIN)
    assert len(peaks) == hours
    assert [slot.start for slot in slots if peaks[slot.start]] == [slot.start for slot in slots[-dear:]]


def test_a_day_of_quarter_hours_has_its_peak_in_quarter_hours() -> None:
    peaks = peak_periods(slots_of(local_day(AUTUMN, BERLIN), QUARTER), BERLIN)
    assert len(peaks) == 100
    assert sum(peaks.values()) == 25


def test_of_equal_prices_the_earlier_slot_is_the_dearer() -> None:
    slots = slots_of(local_day(date(2024, 1, 1), BERLIN), prices=[1.0] * 10 + [2.0] * 2 + [1.0] * 12)
    peaks = peak_periods(slots, BERLIN)
    assert [n for n, slot in enumerate(slots) if peaks[slot.start]] == [0, 1, 2, 3, 10, 11]


@pytest.mark.parametrize("missing", [0, 12, 23], ids=["the first", "one in the middle", "the last"])
def test_without_all_of_its_slots_a_day_has_no_known_peak(missing: int) -> None:
    slots = slots_of(Window(local_day(date(2024, 1, 1), BERLIN).start, local_day(date(2024, 1, 2), BERLIN).end))
    del slots[missing]
    peaks = peak_periods(slots, BERLIN)
    assert {slot.start for slot in slots[23:]} == set(peaks)


def test_where_the_day_begins_within_a_market_hour_its_first_half_hour_is_that_of_the_day_before() -> None:
    day = local_day(date(2024, 1, 1), KOLKATA)
    asked = Window(day.start - timedelta(minutes=30), day.end + timedelta(minutes=30))
    peaks = peak_periods(slots_of(asked), KOLKATA)
    assert len(peaks) == 24
    assert sum(peaks.values()) == 6
    assert min(peaks) == day.start + timedelta(minutes=30)


@pytest.mark.parametrize(
    ("hours", "peak"),
    [
        ("17-21", {17, 18, 19, 20}),
        ("22-6", {22, 23, 0, 1, 2, 3, 4, 5}),
        ("0-24", set(range(24))),
        ("24-2", {0, 1}),
        ("8-8", set()),
    ],
)
@pytest.mark.parametrize("day", [AUTUMN, SPRING])
def test_the_owners_peak_hours_are_wall_hours(hours: str, peak: set[int], day: date) -> None:
    slots = slots_of(local_day(day, BERLIN))
    peaks = peak_periods(slots, BERLIN, hours)
    assert all(peaks[slot.start] == (slot.start.astimezone(BERLIN).hour in peak) for slot in slots)


def test_the_owners_peak_hours_need_no_complete_day() -> None:
    window = Window(datetime(2024, 1, 1, 16, tzinfo=UTC), datetime(2024, 1, 1, 18, tzinfo=UTC))
    rows = pricing_rows(slots_of(window), window, pricing_peak_hours="18-21")
    assert [row["peak_period"] for row in rows] == [False, True]


def test_hour_offset_is_the_wall_hour_which_autumn_repeats_and_spring_skips() -> None:
    def offsets(day: date, zone: ZoneInfo) -> list[int]:
        window = local_day(day, zone)
        (answer,) = forecast_answers(slots_of(window), window, provider="test", zone=zone)
        return list(answer.rows["hour_offset"].to_pylist())

    assert offsets(AUTUMN, BERLIN) == [0, 1, 2, 2, *range(3, 24)]
    assert offsets(SPRING, BERLIN) == [0, 1, *range(3, 24)]
    assert offsets(date(2024, 1, 1), KOLKATA) == list(range(24))


def test_a_hole_is_not_covered() -> None:
    window = local_day(date(2024, 1, 1), BERLIN)
    slots = slots_of(window)
    del slots[5:7]
    answers = list(forecast_answers(slots, window, provider="test", zone=BERLIN))
    assert [answer.covers for answer in answers] == [
        Window(window.start, window.start + 5 * HOUR),
        Window(window.start + 7 * HOUR, window.end),
    ]
    assert [answer.rows.num_rows for answer in answers] == [5, 17]


def test_where_the_market_goes_from_hours_to_quarters_each_part_has_its_own_step() -> None:
    first, second = local_day(date(2025, 9, 30), BERLIN), local_day(date(2025, 10, 1), BERLIN)
    slots = slots_of(first) + slots_of(second, QUARTER)
    answers = list(forecast_answers(slots, Window(first.start, second.end), provider="test", zone=BERLIN))
    assert [(answer.covers, answer.step) for answer in answers] == [(first, HOUR), (second, QUARTER)]


def test_rows_and_cover_are_clipped_to_the_window_while_the_rank_is_that_of_the_whole_day() -> None:
    day = local_day(date(2024, 1, 1), BERLIN)
    window = Window(day.start + 17 * HOUR, day.start + 19.5 * HOUR)
    answers = list(
        pricing_answers(
            slots_of(day), window, provider="test", currency="EUR", zone=BERLIN, settings=Settings()
        )
    )  # fmt: skip
    assert [answer.covers for answer in answers] == [window]
    rows = answers[0].rows.to_pylist()
    assert [row["current_price"] for row in rows] == [17.0, 18.0, 19.0]
    assert [row["peak_period"] for row in rows] == [False, True, True]


def test_a_window_within_one_slot_says_nothing() -> None:
    day = local_day(date(2024, 1, 1), BERLIN)
    window = Window(day.start + QUARTER, day.start + 2 * QUARTER)
    assert list(forecast_answers(slots_of(day), window, provider="test", zone=BERLIN)) == []


def test_whole_days_reach_over_the_local_days_a_window_touches() -> None:
    window = Window(datetime(2024, 3, 30, 23, 30, tzinfo=UTC), datetime(2024, 3, 31, 22, tzinfo=UTC))
    assert whole_days(window, BERLIN) == local_day(SPRING, BERLIN)


def test_the_surcharge_is_net_and_vat_comes_on_both() -> None:
    slot = Slot(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, 1, tzinfo=UTC), -0.05)
    tariff = Settings(pricing_surcharge=0.15, pricing_vat_percent=20)
    assert with_tariff(slot, tariff).price == pytest.approx(0.12)
    assert with_tariff(slot, Settings()).price == -0.05


def test_slots_are_put_in_order_and_repeated_ones_dropped() -> None:
    slots = slots_of(local_day(date(2024, 1, 1), BERLIN))
    assert tidy("test", [*reversed(slots), *slots[3:5]]) == slots


def test_of_contradicting_prices_of_one_slot_neither_is_taken_and_all_others_are() -> None:
    slots = slots_of(local_day(date(2024, 1, 1), BERLIN))
    with noting(slots[-1].end) as skipped:
        known = tidy("test", [*slots, Slot(slots[3].start, slots[3].end, 99.0)])
    assert known == [slot for slot in slots if slot != slots[3]]
    assert skipped.listed == ["two different prices for the time from 2024-01-01T02:00Z"]


def test_a_slot_that_overlaps_others_is_left_out_with_them() -> None:
    slots = slots_of(local_day(date(2024, 1, 1), BERLIN))
    across = Slot(slots[3].start + QUARTER, slots[5].start + 2 * QUARTER, 3.0)
    assert tidy("test", [*slots, across]) == [*slots[:3], *slots[6:]]


def test_prices_that_all_contradict_one_another_are_an_error() -> None:
    slots = slots_of(local_day(date(2024, 1, 1), BERLIN))
    with pytest.raises(ProviderError, match="two different prices"):
        tidy("test", [*slots, Slot(slots[0].start, slots[-1].end, 3.0)])


def test_a_slot_too_short_for_any_market_is_left_out() -> None:
    slots = slots_of(local_day(date(2024, 1, 1), BERLIN))
    assert tidy("test", [*slots[:3], Slot(slots[3].start, slots[3].start + QUARTER / 5, 1.0), *slots[4:]]) == [
        slot for slot in slots if slot != slots[3]
    ]


def test_a_slot_that_ends_before_it_begins_is_an_error() -> None:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    for length in (-HOUR, 0 * HOUR, HOUR / 3600):
        with pytest.raises(ProviderError, match="less time than any market's interval"):
            tidy("test", [Slot(start, start + length, 1.0)])


@given(known=st.sets(st.integers(0, 71)), first=st.integers(0, 70), length=st.integers(1, 40))
def test_covers_hold_exactly_the_slots_that_are_known(known: set[int], first: int, length: int) -> None:
    """Whatever is missing: answers do not overlap, lie in the window, and cover a slot only with its row."""
    origin = local_day(SPRING, BERLIN).start
    slots = [Slot(origin + n * HOUR, origin + (n + 1) * HOUR, float(n)) for n in sorted(known)]
    window = Window(origin + first * HOUR, origin + (first + length) * HOUR)
    answers = list(forecast_answers(slots, window, provider="test", zone=BERLIN))
    rows = [row["time"].to_pydatetime() for answer in answers for row in answer.rows.to_pylist()]
    covered = [answer.covers.start + n * HOUR for answer in answers for n in range(answer.covers.length // HOUR)]
    assert rows == covered == [slot.start for slot in slots if slot.start in window]
