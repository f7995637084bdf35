"""Mean power becomes daily energy by the home's own days."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeiq_assets.feeds.meter.readings import circuit_rows, meter_rows, powers
from homeiq_assets.schema.measurement import TIME
from homeiq_assets.window import Window, local_day

VIENNA = ZoneInfo("Europe/Vienna")
KOLKATA = ZoneInfo("Asia/Kolkata")


def series(window: Window, minutes: int, power_w: float) -> pa.Table:
    """Constant power in equal intervals."""
    step = timedelta(minutes=minutes)
    times = [window.start + n * step for n in range(int(window.length / step))]
    return powers(pa.array(times, TIME), pa.array([power_w] * len(times)), pa.array([60.0 * minutes] * len(times)))


def readings(*rows: tuple[datetime, float | None, float]) -> pa.Table:
    times, watts, seconds = zip(*rows, strict=True)
    return powers(pa.array(times, TIME), pa.array(watts, pa.float64()), pa.array(seconds, pa.float64()))


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 7, 1), 24), (date(2026, 10, 25), 25)])
def test_a_constant_kilowatt_is_as_many_kwh_as_the_local_day_has_hours(day: date, hours: int) -> None:
    rows = meter_rows(series(local_day(day, VIENNA), 5, 1000.0), VIENNA, "test")

    assert rows.num_rows == hours * 12
    assert rows["daily_kwh"][-1].as_py() == pytest.approx(hours)
    assert rows["daily_kwh"][0].as_py() == pytest.approx(1 / 12)  # the first interval's end, not its start
    assert rows["daily_export_kwh"].to_pylist() == [0.0] * rows.num_rows


def test_the_count_begins_anew_at_the_homes_midnight() -> None:
    two_days = Window(
        local_day(date(2026, 10, 24), VIENNA).start, local_day(date(2026, 10, 25), VIENNA).start + timedelta(hours=1)
    )
    rows = meter_rows(series(two_days, 30, 2000.0), VIENNA, "test")

    times = rows["time"].cast(pa.timestamp("us", tz="UTC")).to_pylist()
    counts = dict(zip(times, rows["daily_kwh"].to_pylist(), strict=True))
    midnight = datetime(2026, 10, 24, 22, tzinfo=UTC)
    assert counts[midnight - timedelta(minutes=30)] == pytest.approx(48)
    assert counts[midnight] == pytest.approx(1)


def test_what_is_fed_in_counts_as_export_only() -> None:
    noon = datetime(2026, 7, 1, 10, tzinfo=UTC)
    quarter = timedelta(minutes=15)
    rows = meter_rows(
        readings((noon, 400.0, 900), (noon + quarter, -2000.0, 900), (noon + 2 * quarter, 800.0, 900)), VIENNA, "test"
    )

    assert rows["total_power_w"].to_pylist() == [400.0, -2000.0, 800.0]
    assert rows["daily_kwh"].to_pylist() == pytest.approx([0.1, 0.1, 0.3])
    assert rows["daily_export_kwh"].to_pylist() == pytest.approx([0.0, 0.5, 0.5])


def test_a_gap_and_a_reading_without_power_contribute_nothing() -> None:
    start = datetime(2026, 7, 1, 6, tzinfo=UTC)
    hour = timedelta(hours=1)
    rows = meter_rows(
        readings((start, 1000.0, 3600), (start + hour, None, 3600), (start + 5 * hour, 1000.0, 3600)), VIENNA, "test"
    )

    assert rows["daily_kwh"].to_pylist() == pytest.approx([1.0, 2.0])


def test_hours_and_five_minutes_add_up_to_one_day() -> None:
    day = local_day(date(2026, 7, 1), VIENNA)
    noon = day.start + timedelta(hours=12)
    mixed = pa.concat_tables([series(Window(noon, day.end), 5, 600.0), series(Window(day.start, noon), 60, 600.0)])

    rows = meter_rows(mixed, VIENNA, "test")

    assert rows.num_rows == 12 + 144
    assert rows["daily_kwh"][-1].as_py() == pytest.approx(14.4)


def test_an_hour_that_straddles_a_midnight_at_half_past_belongs_to_the_day_it_begins_in() -> None:
    last_hour = datetime(2026, 7, 1, 18, tzinfo=UTC)  # 23:30 in Kolkata
    rows = meter_rows(
        readings((last_hour, 1000.0, 3600), (last_hour + timedelta(hours=1), 500.0, 3600)), KOLKATA, "test"
    )

    assert rows["daily_kwh"].to_pylist() == pytest.approx([1.0, 0.5])


@given(st.integers(0, 287), st.lists(st.floats(-5000, 5000), min_size=288, max_size=288))
def test_a_shorter_series_from_the_same_midnight_gives_the_same_digits(length: int, watts: list[float]) -> None:
    start = local_day(date(2026, 7, 1), VIENNA).start
    rows = [(start + n * timedelta(minutes=5), power, 300.0) for n, power in enumerate(watts)]

    assert meter_rows(readings(*rows[: length + 1]), VIENNA, "t") == meter_rows(readings(*rows), VIENNA, "t").slice(
        0, length + 1
    )


def test_no_readings_are_no_rows() -> None:
    assert meter_rows(powers(pa.array([], TIME), pa.array([]), pa.array([])), VIENNA, "test").num_rows == 0


def test_a_circuit_is_a_share_of_what_the_home_draws() -> None:
    at = datetime(2026, 7, 1, 6, tzinfo=UTC)
    hours = [at + timedelta(hours=n) for n in range(4)]
    home = powers(pa.array(hours[:3], TIME), pa.array([800.0, 0.0, 0.01]), pa.array([3600.0] * 3))
    circuits = pa.table(
        {
            "time": pa.array([*hours, hours[0]], TIME),
            "circuit_name": ["kitchen"] * 4 + ["heating"],
            "power_w": [200.0, 200.0, 200.0, 200.0, 600.0],
        }
    )

    rows = circuit_rows(circuits, home).to_pylist()

    assert [(r["circuit_name"], r["power_w"], r["percentage"]) for r in rows] == [
        ("heating", 600.0, 75.0),
        ("kitchen", 200.0, 25.0),
        ("kitchen", 200.0, None),  # the home draws nothing
        ("kitchen", 200.0, None),  # next to nothing: a share of 2,000,000 % says nothing
        ("kitchen", 200.0, None),  # the home's power is not known
    ]
