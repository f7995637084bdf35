"""Events become a day's grid: who is away until when, who works at home, and how sure that is."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeiq_assets.feeds.calendar.events import Event, Rules, Says
from homeiq_assets.feeds.calendar.occupancy import answers, slots
from homeiq_assets.window import Window, local_day

VIENNA = ZoneInfo("Europe/Vienna")
RULES = Rules(timedelta(minutes=30), (8, 17))
MONDAY, SATURDAY = date(2026, 3, 2), date(2026, 3, 7)
DAY = timedelta(days=1)


def at(hour: float, day: date = MONDAY) -> datetime:
    """The instant of a local wall hour, of a day without a clock change."""
    return local_day(day, VIENNA).start + timedelta(hours=hour)


def event(start: float, end: float, says: Says, day: date = MONDAY, **more: Any) -> Event:
    return Event(at(start, day), at(end, day), says, **more)


def whole(says: Says, first: date = MONDAY, days: int = 1, **more: Any) -> Event:
    return Event(first, first + days * DAY, says, **more)


def grid(
    events: Iterable[Event], day: date = MONDAY, zone: ZoneInfo = VIENNA, rules: Rules = RULES
) -> list[dict[str, Any]]:
    (answer,) = answers("test", {"owner": events}, local_day(day, zone), zone, rules)
    return [row | {"time": row["time"].to_pydatetime()} for row in answer.rows.to_pylist()]


def slot(events: Iterable[Event], hour: float, day: date = MONDAY) -> dict[str, Any]:
    """The row of a local wall hour."""
    (row,) = (row for row in grid(events, day) if row["time"] == at(hour, day))
    return row


def away_hours(events: Iterable[Event], day: date = MONDAY) -> list[float]:
    """The wall hours at which the day's absences begin and end."""
    rows = grid(events, day)
    flags = [False, *(not row["currently_home"] for row in rows), False]
    return [n / 4 for n in range(len(flags) - 1) if flags[n] != flags[n + 1]]


def wfh(events: Iterable[Event], day: date = MONDAY) -> bool:
    (said,) = {row["wfh_today"] for row in grid(events, day)}
    return bool(said)


def test_a_day_without_events_is_a_full_grid_at_home() -> None:
    rows = grid([])
    assert [row["time"] for row in rows] == [at(n / 4) for n in range(96)]
    assert {(row["currently_home"], row["wfh_today"], row["hours_until_arrival"]) for row in rows} == {
        (True, False, 0.0)
    }
    assert {(row["source"], row["user"]) for row in rows} == {("test", "owner")}


@pytest.mark.parametrize(
    ("zone", "day", "count"),
    [
        ("Europe/Vienna", date(2026, 3, 29), 92),
        ("Europe/Vienna", date(2026, 10, 25), 100),
        ("Australia/Lord_Howe", date(2026, 10, 4), 94),
        ("Australia/Lord_Howe", date(2026, 4, 5), 98),
        ("Asia/Kathmandu", MONDAY, 96),
    ],
)
def test_the_grid_has_the_hours_that_the_day_has(zone: str, day: date, count: int) -> None:
    window = local_day(day, ZoneInfo(zone))
    rows = grid([], day, ZoneInfo(zone))
    assert len(rows) == count
    assert rows[0]["time"] == window.start
    assert rows[-1]["time"] == window.end - timedelta(minutes=15)


def test_where_midnight_is_off_the_grid_the_last_slot_is_cut() -> None:
    monrovia = ZoneInfo("Africa/Monrovia")  # 44 minutes and 30 seconds behind, until 7 January 1972
    day = date(1972, 1, 7)
    found = slots(day, monrovia)
    assert found[-1].end == local_day(day, monrovia).end
    assert found[-1].length < timedelta(minutes=15)
    assert all(before.end == after.start for before, after in pairwise(found))


def test_an_away_event_and_the_way_home_count_down_to_the_arrival() -> None:
    gone = [event(9, 12, Says.AWAY)]
    assert away_hours(gone) == [9, 12.5]
    assert slot(gone, 8.75)["hours_until_arrival"] == 0
    assert slot(gone, 9)["hours_until_arrival"] == 3.5
    assert slot(gone, 12)["hours_until_arrival"] == 0.5
    assert slot(gone, 12.25)["hours_until_arrival"] == 0.25
    assert slot(gone, 12.5) == slot([], 12.5)


@pytest.mark.parametrize("second", [9, 10, 10.25, 10.5])
def test_absences_that_overlap_or_follow_before_the_arrival_are_one(second: float) -> None:
    gone = [event(second, 13, Says.AWAY), event(8, 10, Says.AWAY)]
    assert away_hours(gone) == [8, 13.5]
    assert slot(gone, 8)["hours_until_arrival"] == 5.5


def test_who_arrives_before_leaving_again_was_at_home() -> None:
    assert away_hours([event(8, 10, Says.AWAY), event(10.75, 13, Says.AWAY)]) == [8, 10.5, 10.75, 13.5]


def test_an_absence_over_midnight_counts_to_its_end_on_a_later_day() -> None:
    gone = [event(20, 30, Says.AWAY), event(30, 34, Says.WORKPLACE)]
    assert slot(gone, 20)["hours_until_arrival"] == 14.5
    assert away_hours(gone, MONDAY + DAY) == [0, 10.5]


def test_the_way_home_reaches_into_the_next_day() -> None:
    gone = [event(20, 24, Says.AWAY)]
    assert away_hours(gone, MONDAY + DAY) == [0, 0.5]
    assert grid(gone, MONDAY + DAY)[0]["confidence"] == 0.7


def test_an_all_day_absence_ends_at_the_midnight_of_its_exclusive_end() -> None:
    trip = [whole(Says.AWAY, MONDAY, 3)]
    assert away_hours(trip, MONDAY) == [0, 24]
    assert grid(trip)[0]["hours_until_arrival"] == 72.5
    assert away_hours(trip, MONDAY + 2 * DAY) == [0, 24]
    assert away_hours(trip, MONDAY + 3 * DAY) == [0, 0.5]


def test_absences_that_follow_are_looked_for_over_14_days_however_much_is_asked() -> None:
    gone = [event(0, 24, Says.AWAY, MONDAY + n * DAY) for n in range(40)]
    month = Window(at(0), at(0, MONDAY + 20 * DAY))
    (answer,) = answers("test", {"owner": gone}, month, VIENNA, RULES)
    assert answer.rows["hours_until_arrival"][0].as_py() == 15 * 24 + 0.5
    assert answer.rows.to_pylist()[0]["hours_until_arrival"] == grid(gone)[0]["hours_until_arrival"]


def test_an_absence_longer_than_can_be_told_is_told_as_the_longest() -> None:
    assert grid([whole(Says.AWAY, MONDAY, 900)])[0]["hours_until_arrival"] == 8784
    forever = Event(date(1, 1, 1), date.max, Says.AWAY)
    assert {row["hours_until_arrival"] for row in grid([forever])} == {8784}
    timed = Event(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), Says.AWAY)
    assert {row["hours_until_arrival"] for row in grid([timed])} == {8784}
    assert grid([Event(date.max, date.max, Says.AWAY)]) == grid([])


def test_an_all_day_workplace_keeps_away_in_the_work_hours() -> None:
    assert away_hours([whole(Says.WORKPLACE)]) == [8, 17.5]
    assert away_hours([whole(Says.WORKPLACE)], MONDAY + DAY) == []


def test_work_hours_are_wall_hours_also_when_the_clock_changes() -> None:
    sunday = date(2026, 3, 29)
    rows = grid([whole(Says.WORKPLACE, sunday)], sunday)
    first = next(row["time"] for row in rows if not row["currently_home"])
    assert first.astimezone(VIENNA).hour == 8


def test_a_part_day_working_location_stands_above_the_all_day_one() -> None:
    split = [whole(Says.WORKPLACE, explicit=True), event(12, 17, Says.HOME_OFFICE, explicit=True)]
    assert away_hours(split) == [8, 12.5]
    assert slot(split, 13)["confidence"] == 0.95
    assert wfh(split)
    other = [whole(Says.HOME_OFFICE, explicit=True), event(9, 12, Says.WORKPLACE, explicit=True)]
    assert away_hours(other) == [9, 12.5]
    assert not wfh(other)


def test_of_part_day_working_locations_the_longer_decides_the_day() -> None:
    at_home, elsewhere = event(8, 13, Says.HOME_OFFICE, explicit=True), event(13, 17, Says.WORKPLACE, explicit=True)
    assert wfh([at_home, elsewhere])
    assert not wfh([event(8, 12, Says.HOME_OFFICE, explicit=True), event(12, 17, Says.WORKPLACE, explicit=True)])


def test_work_at_home_is_read_from_a_working_location_or_from_words() -> None:
    assert wfh([whole(Says.HOME_OFFICE, explicit=True)])
    assert wfh([whole(Says.HOME_OFFICE)])
    assert wfh([event(9, 12, Says.HOME_OFFICE)])
    assert not wfh([whole(Says.HOME_OFFICE)], MONDAY + DAY)
    assert not wfh([event(9, 12, Says.BUSY)])


def test_a_working_location_stands_above_words() -> None:
    assert not wfh([whole(Says.WORKPLACE, explicit=True), whole(Says.HOME_OFFICE)])
    assert not wfh([whole(Says.WORKPLACE, explicit=True), whole(Says.HOME_OFFICE, explicit=True)])


@pytest.mark.parametrize("said", [Says.AWAY, Says.WORKPLACE])
def test_a_day_spent_otherwise_is_no_day_of_work_at_home(said: Says) -> None:
    usual = whole(Says.HOME_OFFICE, explicit=True)
    assert not wfh([usual, whole(said)])
    assert not wfh([usual, event(8, 10, said), event(9, 12.5, said)])
    assert wfh([usual, event(8, 10, said), event(9, 12.25, said)])


@pytest.mark.parametrize(
    ("events", "hour", "confidence"),
    [
        ([event(9, 12, Says.WORKPLACE, explicit=True)], 9, 0.95),
        ([event(9, 12, Says.AWAY)], 9, 0.85),
        ([event(9, 12, Says.AWAY, tentative=True)], 9, 0.6),
        ([event(9, 12, Says.AWAY, tentative=True), event(9, 10, Says.AWAY)], 9, 0.85),
        ([event(9, 12, Says.AWAY)], 12, 0.7),
        ([whole(Says.HOME_OFFICE, explicit=True)], 9, 0.95),
        ([whole(Says.HOME_OFFICE, explicit=True)], 19, 0.8),
        ([whole(Says.HOME_OFFICE)], 9, 0.85),
        ([whole(Says.HOME_OFFICE, tentative=True)], 9, 0.6),
        ([event(9, 12, Says.BUSY)], 9, 0.5),
        ([whole(Says.BUSY)], 9, 0.6),
        ([], 9, 0.6),
        ([], 7.75, 0.8),
        ([], 17, 0.8),
    ],
)
def test_confidence_follows_the_table(events: list[Event], hour: float, confidence: float) -> None:
    assert slot(events, hour)["confidence"] == confidence


def test_a_weekend_is_no_time_of_work() -> None:
    assert {row["confidence"] for row in grid([], SATURDAY)} == {0.8}


def test_work_hours_may_wrap_midnight() -> None:
    night = Rules(timedelta(minutes=30), (22, 6))
    rows = grid([whole(Says.WORKPLACE)], MONDAY, rules=night), grid([whole(Says.WORKPLACE)], MONDAY + DAY, rules=night)
    assert [sum(not row["currently_home"] for row in each) for each in rows] == [8, 26]
    assert [row["confidence"] for row in grid([], SATURDAY, rules=night)][:25] == [0.6] * 24 + [0.8]


def test_only_slots_whole_in_the_window_are_answered_and_covered() -> None:
    window = Window(at(9) + timedelta(minutes=1), at(10) + timedelta(minutes=14))
    (answer,) = answers("test", {"owner": []}, window, VIENNA, RULES)
    assert answer.covers == Window(at(9.25), at(10))
    assert answer.rows.num_rows == 3
    assert list(answers("test", {"owner": []}, Window(at(9), at(9) + timedelta(minutes=14)), VIENNA, RULES)) == []


def test_every_user_has_a_series_of_their_own() -> None:
    (answer,) = answers("test", {"anna": [whole(Says.AWAY)], "ben": []}, local_day(MONDAY, VIENNA), VIENNA, RULES)
    homes = {(row["user"], row["currently_home"]) for row in answer.rows.to_pylist()}
    assert homes == {("anna", False), ("ben", True)}


hours = st.integers(-40 * 24, 40 * 24)
random_events = st.builds(
    lambda start, length, says, all_day, explicit: (
        Event((at(start)).date(), at(start).date() + max(1, length // 24) * DAY, says, explicit)
        if all_day
        else Event(at(start), at(start) + timedelta(hours=length), says, explicit)
    ),
    hours,
    st.integers(0, 100),
    st.sampled_from(list(Says)),
    st.booleans(),
    st.booleans(),
)


@given(st.lists(random_events, max_size=8))
def test_a_day_comes_out_the_same_within_any_window(events: list[Event]) -> None:
    """Whether it is asked alone or within a month must not show in its rows."""
    month = Window(at(0, MONDAY - 10 * DAY), at(0, MONDAY + 12 * DAY))
    (answer,) = answers("test", {"owner": events}, month, VIENNA, RULES)
    inside = [row | {"time": row["time"].to_pydatetime()} for row in answer.rows.to_pylist()]
    alone = grid(events)
    assert [row for row in inside if row["time"] in local_day(MONDAY, VIENNA)] == alone
    assert all(row["currently_home"] == (row["hours_until_arrival"] == 0) for row in inside)
