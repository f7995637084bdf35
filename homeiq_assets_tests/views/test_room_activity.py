"""Activity of rooms: the rules as stories, and real Dagster runs of a simulated home."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.schema.measurements import MV_HOURLY_ROOM_ACTIVITY
from homeiq_assets.views.readings import readings_of
from homeiq_assets.views.room_activity import room_activity
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.household import failure_of, household, metadata_by_day
from homeiq_assets_tests.views.brute_force import event
from homeiq_assets_tests.views.listed_events import plain, table_of

JUNE = date(2025, 6, 1)
UTC_ZONE = ZoneInfo("UTC")
HOLD = timedelta(hours=24)
MOTION, STAY = "binary_sensor.motion", "binary_sensor.stay"


def at(hour: float) -> datetime:
    """Some hours after the midnight that begins 2025-06-01, a Sunday."""
    return local_day(JUNE, UTC_ZONE).start + timedelta(hours=hour)


def motion(hour: float, state: str, entity: str = MOTION, area: str = "hall") -> dict[str, Any]:
    return event(entity, at(hour), state, kind="motion", area=area)


def stay(hour: float, state: str, entity: str = STAY, area: str = "hall", kind: str = "occupancy") -> dict[str, Any]:
    return event(entity, at(hour), state, kind=kind, area=area)


def hours(*events: dict[str, Any], until: float = 24, hold: timedelta = HOLD) -> dict[tuple[str, int], dict[str, Any]]:
    """The rows by area and hour; `until`: how much of the day has elapsed."""
    window = Window(at(0), at(until))
    readings = readings_of(table_of([one for one in events if one["time"] < window.end]))
    return {(row["area"], row["hour"]): row for row in plain(room_activity(readings, window, JUNE, hold, UTC_ZONE))}


def rates(*events: dict[str, Any], area: str = "hall", **how: Any) -> dict[int, float]:
    """The occupancy rates of an area by hour, those of 0 left out."""
    found = {hour: row["occupancy_rate"] for (its, hour), row in hours(*events, **how).items() if its == area}
    return {hour: rate for hour, rate in found.items() if rate}


def counts(*events: dict[str, Any], **how: Any) -> dict[int, int]:
    """The motion counts of the hall by hour, those of 0 left out."""
    return {hour: row["motion_count"] for (_, hour), row in hours(*events, **how).items() if row["motion_count"]}


def test_motion_is_counted_where_it_begins() -> None:
    events = [motion(8, "off"), motion(8.1, "on"), motion(8.9, "off"), motion(9.5, "on"), motion(9.6, "off")]
    assert counts(*events, motion(9.7, "on")) == {8: 1, 9: 2}


def test_on_again_and_a_first_on_ever_are_no_change() -> None:
    assert counts(motion(8, "on"), motion(9, "on")) == {}
    assert counts(motion(8, "off"), motion(8.1, "on"), motion(8.2, "on")) == {8: 1}


def test_a_spell_without_a_value_is_no_change() -> None:
    assert counts(motion(7, "off"), motion(8, "on"), motion(8.2, "unavailable"), motion(8.4, "on")) == {8: 1}
    assert counts(motion(7, "off"), motion(8.2, "unknown"), motion(8.4, "on")) == {8: 1}


def test_on_is_compared_with_the_last_known_value_however_old() -> None:
    assert counts(motion(-999, "off"), motion(8, "on")) == {8: 1}
    assert counts(motion(-999, "on"), motion(8, "on")) == {}


def test_occupancy_sensors_do_not_count_as_motion() -> None:
    assert counts(stay(8, "off"), stay(8.5, "on")) == {}
    assert rates(stay(8, "off"), stay(8.5, "on"), stay(8.75, "off")) == {8: 0.25}


def test_presence_counts_and_a_door_does_not() -> None:
    assert rates(stay(8, "on", kind="presence"), stay(9, "off", kind="presence")) == {8: 1.0}
    assert hours(stay(8, "on", kind="door")) == {}


def test_the_rate_is_of_the_time_in_which_at_least_one_is_on() -> None:
    events = [motion(8, "on"), motion(8.5, "off"), stay(8.25, "on"), stay(8.75, "off")]
    assert rates(*events) == {8: 0.75}
    assert rates(*events, stay(8.75, "on", "binary_sensor.third"), stay(9.5, "off", "binary_sensor.third")) == {
        8: 1.0, 9: 0.5
    }  # fmt: skip


def test_what_was_on_when_the_day_began_is_on_but_no_longer_than_it_holds() -> None:
    assert rates(stay(-1, "on"), stay(0.5, "off")) == {0: 0.5}
    assert rates(stay(-1, "on"), hold=timedelta(hours=2.25)) == {0: 1.0, 1: 0.25}


def test_unavailable_ends_what_was_on() -> None:
    assert rates(stay(8, "on"), stay(8.25, "unavailable"), stay(8.75, "on"), stay(9, "off")) == {8: 0.5}


def test_a_room_with_all_its_sensors_off_has_a_zero_and_one_of_which_nothing_is_known_no_row() -> None:
    found = hours(motion(7, "off"), stay(9.5, "off", area="bath"), hold=timedelta(hours=2))
    assert sorted(found) == [("bath", 9), ("bath", 10), ("bath", 11), ("hall", 7), ("hall", 8)]
    assert all((row["occupancy_rate"], row["motion_count"]) == (0, 0) for row in found.values())


def test_the_current_hour_is_of_what_has_elapsed_and_those_to_come_have_no_row() -> None:
    found = hours(stay(8, "on"), stay(9.125, "off"), until=9.25)
    assert sorted(found) == [("hall", 8), ("hall", 9)]
    assert found["hall", 9]["occupancy_rate"] == 0.5


def test_a_reading_at_the_full_hour_belongs_to_the_hour_that_begins() -> None:
    assert counts(motion(8, "off"), motion(9, "on"), motion(10, "off")) == {9: 1}
    assert rates(motion(9, "on"), motion(10, "off")) == {9: 1.0}


def test_a_sensor_that_moves_is_in_each_room_while_it_says_so() -> None:
    moved = [motion(8, "on"), motion(8.5, "off"), motion(9, "on", area="bath"), motion(9.5, "off", area="bath")]
    assert rates(*moved) == {8: 0.5}
    assert rates(*moved, area="bath") == {9: 0.5}


@pytest.mark.parametrize(
    ("day", "zone", "walls", "last"),
    [
        (date(2025, 10, 26), "Europe/Vienna", [0, 1, 2, 2, 3], 1.0),
        (date(2025, 3, 30), "Europe/Vienna", [0, 1, 3, 4, 5], 1.0),
        (date(2025, 4, 6), "Australia/Lord_Howe", [0, 1, 1, 2, 3], 0.5),
        (date(2025, 10, 5), "Australia/Lord_Howe", [0, 1, 2, 3, 4], 0.5),
    ],
)
def test_hours_are_elapsed_ones_on_the_days_of_a_clock_change(
    day: date, zone: str, walls: list[int], last: float
) -> None:
    window = local_day(day, ZoneInfo(zone))
    events = [event(STAY, window.end - timedelta(minutes=15), "on", kind="occupancy")]
    events.insert(0, event(STAY, window.start, "off", kind="occupancy"))

    rows = plain(room_activity(readings_of(table_of(events)), window, day, HOLD, ZoneInfo(zone)))

    assert len(rows) == -(-window.length // timedelta(hours=1))
    assert [row["time"] for row in rows] == [window.start + n * timedelta(hours=1) for n in range(len(rows))]
    assert [row["hour"] for row in rows[:5]] == walls
    assert {row["day_of_week"] for row in rows} == {6}
    assert rows[-1]["occupancy_rate"] == 0.25 / last


NOW = datetime(2026, 11, 24, 10, 7, tzinfo=UTC)
VIEW, EVENTS = "views/mv_hourly_room_activity", "feeds/home_assistant_events"


def test_a_simulated_home_has_its_rooms_by_the_hour_and_a_day_alone_is_the_same_as_in_a_range(tmp_path: Path) -> None:
    home = household(tmp_path, NOW)
    assert home.materialise(EVENTS, days=("2026-10-23", "2026-10-26")).success

    run = home.materialise(VIEW, days=("2026-10-24", "2026-10-26"))

    assert run.success, failure_of(run)
    rows = plain(home.stored(MV_HOURLY_ROOM_ACTIVITY, "2026-10-25"))
    assert len(rows) == 25 * 6
    assert max(row["motion_count"] for row in rows) > 1
    assert {row["day_of_week"] for row in rows} == {6}
    told = metadata_by_day(run, VIEW)["2026-10-25"]
    assert (told["dagster/partition_row_count"], told["areas"], told["without_area"]) == (150, 6, False)
    everything = home.files()
    assert home.materialise(VIEW, days="2026-10-25").success
    assert home.files() == everything


def test_the_hours_of_today_end_now(tmp_path: Path) -> None:
    home = household(tmp_path, NOW)
    assert home.materialise(EVENTS, days=("2026-11-23", "2026-11-24")).success
    assert home.materialise(VIEW, days="2026-11-24").success
    assert max(home.times(MV_HOURLY_ROOM_ACTIVITY)) == NOW.replace(minute=0)


def test_a_day_whose_events_are_gone_keeps_what_is_stored(tmp_path: Path) -> None:
    home = household(tmp_path, NOW)
    assert home.materialise(EVENTS, days=("2026-11-20", "2026-11-21")).success
    assert home.materialise(VIEW, days=("2026-11-20", "2026-11-21")).success
    before = home.stored(MV_HOURLY_ROOM_ACTIVITY)
    for file in (home.settings.homeiq_home / "store" / "home_assistant_history").iterdir():
        file.unlink()

    run = home.materialise(VIEW, days=("2026-11-20", "2026-11-21"))

    assert not run.success
    assert "2026-11-20: there are no rows of home_assistant_events to make it of" in failure_of(run)
    assert home.stored(MV_HOURLY_ROOM_ACTIVITY).equals(before)
