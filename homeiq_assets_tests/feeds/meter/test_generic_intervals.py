"""Readings of any length: whatever they are cut into, no energy is lost or made."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeiq_assets.errors import ProviderError
from homeiq_assets.feeds.meter.intervals import STEP, Reading, runs, tidy
from homeiq_assets.window import HOUR, Window

START = datetime(2026, 11, 20, tzinfo=UTC)
SECOND = timedelta(seconds=1)

lengths = st.integers(1, 900)
powers = st.floats(-5000, 5000)
rows = st.lists(st.tuples(lengths, powers, st.booleans()), min_size=1, max_size=60)


def readings_of(given_rows: list[tuple[int, float, bool]], series: str = "") -> list[Reading]:
    """Readings one after another, those that are not there left out."""
    found, at = [], START
    for seconds, watts, there in given_rows:
        end = at + seconds * SECOND
        if there:
            found.append(Reading(at, end, series, watts, end - at))
        at = end
    return found


@given(rows)
def test_tidying_keeps_all_energy_of_the_five_minutes_that_are_over(given_rows: list[tuple[int, float, bool]]) -> None:
    readings = [reading for reading in readings_of(given_rows) if reading.length < STEP]
    tidied = tidy("test", readings)

    newest = max((reading.end for reading in readings), default=START)
    over = START + (newest - START) // STEP * STEP
    joules = sum(
        reading.watts * (min(reading.end, over) - reading.start).total_seconds()
        for reading in readings
        if reading.start < over
    )
    assert sum(reading.watts * reading.known.total_seconds() for reading in tidied) == pytest.approx(joules, abs=1e-3)
    assert all(reading.length == STEP and (reading.start - START) % STEP == timedelta(0) for reading in tidied)


@given(rows)
def test_what_runs_cover_holds_every_reading_once_and_no_long_hole(given_rows: list[tuple[int, float, bool]]) -> None:
    coarse = [(seconds // 300 * 300 or 300, watts, there) for seconds, watts, there in given_rows]
    readings = tidy("test", readings_of(coarse))
    covered = list(runs("test", readings, Window(START, START + 24 * HOUR)))

    assert all(one.end <= following.start for (one, _), (following, _) in pairwise(covered))
    for reading in readings:
        (step,) = [step for window, step in covered if reading.start in window]
        assert step == reading.length
    for window, step in covered:
        inside = [reading.start for reading in readings if reading.start in window]
        assert (inside[0], inside[-1] + step) == (window.start, window.end)


def test_a_reading_of_more_than_a_day_is_refused() -> None:
    with pytest.raises(ProviderError, match="is of more than a day"):
        tidy("test", [Reading(START, START + 26 * HOUR, "", 1.0, 26 * HOUR)])


def test_a_long_interval_at_the_windows_end_is_covered_to_that_end_only() -> None:
    window = Window(START, START + 90 * 60 * SECOND)
    hours = [Reading(START + n * HOUR, START + (n + 1) * HOUR, "", 1.0, HOUR) for n in range(3)]

    assert list(runs("test", hours, window)) == [(window, HOUR)]
