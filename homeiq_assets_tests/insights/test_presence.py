"""Predicted against observed occupancy: its rules, and random days against a count of every minute."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeiq_assets.insights.presence import SLOT, occupancy_accuracy, presence_events
from homeiq_assets.schema.insights import OCCUPANCY_ACCURACY
from homeiq_assets.window import HOUR, Window, local_day
from homeiq_assets_tests.insights.at_home import (
    DAY,
    DAYS,
    JUNE,
    MINUTE,
    VIENNA,
    at,
    events_of,
    every,
    plain,
    predictions_of,
)

SLOTS = every(SLOT, DAY)
AWAKE = [time for time in SLOTS if 7 <= time.astimezone(VIENNA).hour < 22]
HOME = predictions_of(dict.fromkeys(SLOTS, True))
AWAY = predictions_of(dict.fromkeys(SLOTS, False))


def accuracy(
    predictions: pa.Table, events: pa.Table, day: Window = DAY, date: date = JUNE, zone: ZoneInfo = VIENNA
) -> dict[str, Any] | None:
    rows = occupancy_accuracy(predictions, events, day=day, date=date, zone=zone, hold=24 * HOUR)
    assert rows.schema.equals(OCCUPANCY_ACCURACY.arrow)
    return plain(rows)[0] if rows.num_rows else None


def test_a_sensor_that_is_on_all_day_agrees_with_somebody_at_home_all_day() -> None:
    assert accuracy(HOME, events_of((at(-1), "hall", "on"))) == {
        "time": DAY.start, "date": "2025-06-01", "accuracy": 1.0, "slots": 60, "unseen_slots": 0, "unexpected_slots": 0
    }  # fmt: skip


def test_who_was_seen_without_being_expected_and_the_other_way_round_is_told_apart() -> None:
    events = events_of((at(0), "hall", "off"), (at(12), "hall", "on"), (at(13), "hall", "off"))

    home, away = accuracy(HOME, events), accuracy(AWAY, events)

    assert home is not None
    assert away is not None
    assert (home["unseen_slots"], home["unexpected_slots"]) == (56, 0)
    assert (away["unseen_slots"], away["unexpected_slots"]) == (0, 4)
    assert away["accuracy"] == pytest.approx(56 / 60)


def test_one_who_is_home_is_enough_and_a_slot_without_a_prediction_is_not_compared() -> None:
    both = pa.concat_tables([AWAY, predictions_of(dict.fromkeys(AWAKE[:40], True), user="guest")])
    events = events_of((at(-1), "hall", "on"))

    found = accuracy(both, events)
    few = accuracy(predictions_of(dict.fromkeys(AWAKE[:10], True) | {AWAKE[10]: None}), events)

    assert found is not None
    assert few is not None
    assert found["accuracy"] == pytest.approx(40 / 60)
    assert few["slots"] == 10


def test_unavailable_ends_what_a_sensor_says_and_nothing_known_is_no_row() -> None:
    found = accuracy(HOME, events_of((at(-1), "hall", "on"), (at(12), "hall", "unavailable")))

    assert found is not None
    assert (found["slots"], found["accuracy"]) == (20, 1)
    assert accuracy(HOME, events_of()) is None
    assert accuracy(HOME, events_of((at(-1), "hall", "unknown"))) is None
    assert accuracy(HOME, events_of((at(-25), "hall", "on"))) is None
    assert accuracy(predictions_of({}), events_of((at(0), "hall", "on"))) is None


def test_only_sensors_that_see_somebody_count() -> None:
    events = events_of((at(8), "hall", "on"), (at(9), "door", "on"))
    classes = pa.array(["door", "motion"])
    mixed = events.set_column(events.column_names.index("device_class"), "device_class", classes)

    assert presence_events(mixed)["entity_id"].to_pylist() == ["binary_sensor.hall"]


@given(
    st.sampled_from(DAYS),
    st.lists(
        st.tuples(st.integers(-600, 1500), st.sampled_from("ab"), st.sampled_from(["on", "off", "unavailable"])),
        max_size=12,
        unique_by=lambda one: one[:2],
    ),
    st.lists(st.booleans(), min_size=1, max_size=7),
)
def test_random_days_agree_with_a_count_of_every_minute(
    on: tuple[date, ZoneInfo], moments: list[tuple[int, str, str]], home: list[bool]
) -> None:
    day = local_day(*on)
    events = sorted((day.start + minute * MINUTE, name, state) for minute, name, state in moments)
    predicted = {time: home[n % len(home)] for n, time in enumerate(every(SLOT, day))}

    def states(minute: datetime) -> list[str]:
        latest = {name: (time, state) for time, name, state in events if time <= minute}
        return [state for time, state in latest.values() if minute < time + 24 * HOUR]

    compared, right = 0, 0
    for start, expected in predicted.items():
        said = [state for n in range(15) for state in states(start + n * MINUTE) if state != "unavailable"]
        if said and 7 <= start.astimezone(on[1]).hour < 22:
            compared += 1
            right += expected == ("on" in said)

    found = accuracy(predictions_of(predicted), events_of(*events), day, *on)

    if compared:
        assert found is not None
        assert (found["slots"], found["accuracy"]) == (compared, pytest.approx(right / compared))
        assert found["unseen_slots"] + found["unexpected_slots"] == compared - right
    else:
        assert found is None
