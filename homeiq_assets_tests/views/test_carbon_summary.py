"""The daily carbon summary: its rules as stories, then random days against slow plain Python."""

import math
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import CARBON_INTENSITY, MV_DAILY_CARBON_SUMMARY
from homeiq_assets.views.carbon_summary import carbon_summary
from homeiq_assets.window import local_day

JUNE = date(2025, 6, 1)
DAY = local_day(JUNE, ZoneInfo("UTC"))
HOLD = timedelta(hours=24)


def reading(hour: float, carbon: float | None, renewable: float | None = None, region: str = "DE") -> dict[str, Any]:
    """A reading some hours after the midnight that begins 2025-06-01."""
    return {
        "time": DAY.start + timedelta(hours=hour),
        "region": region,
        "carbon_intensity_gco2_kwh": carbon,
        "renewable_percentage": renewable,
    }


def summary(*readings: dict[str, Any], hold: timedelta = HOLD) -> dict[str, Any] | None:
    """The one row without its time, or None where there is none."""
    rows = carbon_summary(rows_of(CARBON_INTENSITY, readings), DAY, JUNE, hold)
    assert rows.schema.equals(MV_DAILY_CARBON_SUMMARY.arrow)
    if not rows.num_rows:
        return None
    assert rows["time"].cast(pa.timestamp("us", "UTC")).to_pylist() == [DAY.start]
    return {name: value for name, value in rows.drop_columns("time").to_pylist()[0].items() if value is not None}


def test_the_mean_is_over_time_not_over_readings() -> None:
    assert summary(reading(0, 100.0), reading(18, 200.0), reading(20, 200.0)) == {
        "date": "2025-06-01", "avg_carbon": 125.0, "min_carbon": 100.0, "max_carbon": 200.0
    }  # fmt: skip


def test_the_value_held_at_midnight_counts_for_the_mean_but_is_no_reading_of_the_day() -> None:
    assert summary(reading(-6, 400.0), reading(12, 200.0)) == {
        "date": "2025-06-01", "avg_carbon": 300.0, "min_carbon": 200.0, "max_carbon": 200.0
    }  # fmt: skip


def test_a_day_that_only_holds_the_evenings_value_has_a_mean_alone() -> None:
    assert summary(reading(-6, 400.0)) == {"date": "2025-06-01", "avg_carbon": 400.0}


def test_time_after_the_hold_does_not_dilute_the_mean() -> None:
    found = summary(reading(0, 100.0), reading(6, 300.0), hold=timedelta(hours=2))
    assert found is not None
    assert found["avg_carbon"] == 200.0


def test_renewables_are_weighted_by_the_time_they_are_known() -> None:
    found = summary(reading(0, 100.0, 80.0), reading(6, 100.0, 20.0), reading(18, 100.0))
    assert found is not None
    assert found["avg_renewable"] == 35.0


def test_what_a_vendor_does_not_say_stays_absent() -> None:
    found = summary(reading(0, 100.0))
    assert found is not None
    assert "avg_renewable" not in found
    assert summary(reading(0, None, 50.0)) == {"date": "2025-06-01", "avg_renewable": 50.0}


def test_regions_are_weighted_by_their_seconds() -> None:
    assert summary(reading(0, 100.0, region="DE"), reading(12, 400.0, region="AT")) == {
        "date": "2025-06-01", "avg_carbon": 200.0, "min_carbon": 100.0, "max_carbon": 400.0
    }  # fmt: skip


def test_nothing_in_force_and_nothing_read_is_no_row() -> None:
    assert summary() is None
    assert summary(reading(-5, 100.0), hold=timedelta(hours=4)) is None
    only_fossil = {"time": DAY.start, "region": "DE", "fossil_percentage": 3.0}
    assert summary(only_fossil) is None


def test_a_short_day_is_weighted_by_its_own_hours() -> None:
    on = date(2025, 3, 30)
    day = local_day(on, ZoneInfo("Europe/Vienna"))
    noon = datetime(2025, 3, 30, 12, tzinfo=ZoneInfo("Europe/Vienna"))
    rows = [
        {"time": day.start, "region": "AT", "carbon_intensity_gco2_kwh": 0.0},
        {"time": noon.astimezone(UTC), "region": "AT", "carbon_intensity_gco2_kwh": 230.0},
    ]
    (row,) = carbon_summary(rows_of(CARBON_INTENSITY, rows), day, on, HOLD).drop_columns("time").to_pylist()
    assert math.isclose(row["avg_carbon"], 230 * 12 / 23)


def _minute_by_minute(readings: list[dict[str, Any]], field: str, hold: timedelta) -> float | None:
    """The mean over every minute of the day of what each region's value is in it."""
    values = []
    for region in {row["region"] for row in readings}:
        ours = sorted((r for r in readings if r["region"] == region and r[field] is not None), key=lambda r: r["time"])
        for minute in range(int(DAY.length.total_seconds() // 60)):
            now = DAY.start + timedelta(minutes=minute)
            latest = next((row for row in reversed(ours) if row["time"] <= now), None)
            if latest is not None and now < latest["time"] + hold:
                values.append(latest[field])
    return sum(values) / len(values) if values else None


_VALUES = st.one_of(st.none(), st.floats(0, 1000))


@given(
    st.lists(
        st.tuples(st.integers(-24 * 60, 24 * 60 - 1), _VALUES, _VALUES, st.sampled_from(["AT", "DE"])),
        max_size=10,
        unique_by=lambda row: (row[0], row[3]),
    ),
    st.sampled_from([timedelta(minutes=30), timedelta(hours=3), timedelta(hours=24)]),
)
def test_random_days_agree_with_a_count_of_every_minute(
    moments: list[tuple[int, float | None, float | None, str]], hold: timedelta
) -> None:
    readings = [
        reading(minute / 60, carbon, share, region) | {"time": DAY.start + timedelta(minutes=minute)}
        for minute, carbon, share, region in moments
    ]
    found = summary(*readings, hold=hold) or {}
    for name, field in (("avg_carbon", "carbon_intensity_gco2_kwh"), ("avg_renewable", "renewable_percentage")):
        wanted = _minute_by_minute(readings, field, hold)
        if wanted is None:
            assert name not in found
        else:
            assert math.isclose(found[name], wanted, rel_tol=1e-9, abs_tol=1e-9)
    of_the_day = [
        row["carbon_intensity_gco2_kwh"]
        for row in readings
        if row["time"] in DAY and row["carbon_intensity_gco2_kwh"] is not None
    ]
    assert found.get("min_carbon") == min(of_the_day, default=None)
    assert found.get("max_carbon") == max(of_the_day, default=None)
