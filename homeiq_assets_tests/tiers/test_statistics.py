"""Raw to hourly to daily: each rule of docs/tiers.md as a story, then random homes against brute force."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given

from homeiq_assets.schema.measurement import TIME, Field, Kind, Measurement, Tag, Type
from homeiq_assets.schema.measurements import MV_DAILY_CARBON_SUMMARY, SMART_METER, tier_of
from homeiq_assets.tiers.statistics import daily, daily_from_raw, hourly
from homeiq_assets.window import Window, hour_edges, local_day
from homeiq_assets_tests.tiers.brute_force import HOME, Case, cases, differences, expected

DAY = local_day(date(2025, 6, 1), ZoneInfo("UTC"))
HOLD = timedelta(hours=24)


def at(text: str, day: int = 1) -> datetime:
    """A time of 2025-06-01 (or another day of that month; 0 is the day before)."""
    hour, minute = text.split(":")
    return datetime(2025, 6, 1, int(hour), int(minute), tzinfo=UTC) + timedelta(days=day - 1)


def table(rows: list[dict[str, Any]], measurement: Measurement) -> pa.Table:
    """Raw rows as given: NaN stays, and nothing is dropped."""
    columns = {"time": pa.array([row["time"] for row in rows], TIME)}
    for tag in measurement.tag_names:
        columns[tag] = pa.array([row.get(tag, "x") for row in rows], pa.string())
    for field in measurement.fields:
        columns[field.name] = pa.array([row.get(field.name) for row in rows], field.type.arrow)
    return pa.table(columns)


def known(rows: list[dict[str, Any]], measurement: Measurement) -> pa.Table:
    names = (*measurement.identity, *measurement.field_names)
    return pa.table({name: pa.array([r.get(name) for r in rows], measurement.arrow.field(name).type) for name in names})


def plain(rows: pa.Table) -> list[dict[str, Any]]:
    """Rows as dictionaries without absent values; times to the microsecond."""
    micro = rows.set_column(0, "time", rows["time"].cast(pa.timestamp("us", "UTC")))
    return [{name: value for name, value in row.items() if value is not None} for row in micro.to_pylist()]


def one(kind: Kind, kind_of_value: Type = Type.FLOAT) -> Measurement:
    return Measurement("one", (Tag("entity"),), (Field("v", kind_of_value, kind=kind),))


def hours(
    measurement: Measurement,
    readings: Mapping[datetime, Any],
    *,
    before: Any = None,
    hold: timedelta = HOLD,
    day: Window = DAY,
) -> dict[int, dict[str, Any]]:
    """The statistics of the field `v` of one series by hour of the day."""
    rows = table([{"time": time, "v": value} for time, value in readings.items()], measurement)
    last = known([] if before is None else [{"entity": "x", "v": before}], measurement)
    result = plain(hourly(rows, last, measurement, day, hold))
    return {
        int((row["time"] - day.start) / timedelta(hours=1)): {
            name.removeprefix("v_"): value for name, value in row.items() if name.startswith("v_")
        }
        for row in result
    }


class TestGauge:
    def test_a_mean_is_over_the_time_each_reading_holds(self) -> None:
        found = hours(one(Kind.GAUGE), {at("10:00"): 10.0, at("10:45"): 50.0}, hold=timedelta(minutes=60))
        assert found == {
            10: {"mean": 20.0, "seconds": 3600, "min": 10, "max": 50, "count": 2, "last": 50},
            11: {"mean": 50.0, "seconds": 2700, "count": 0},
        }

    def test_the_value_held_at_midnight_counts_for_mean_and_seconds_only(self) -> None:
        found = hours(one(Kind.GAUGE), {at("22:00", 0): 7.0, at("00:30"): 9.0}, hold=timedelta(hours=3))
        assert found[0] == {"mean": 8.0, "seconds": 3600, "min": 9, "max": 9, "count": 1, "last": 9}
        assert sorted(found) == [0, 1, 2, 3]

    def test_every_hour_in_force_has_a_row_and_none_after_the_hold(self) -> None:
        found = hours(one(Kind.GAUGE), {at("20:00", 0): 7.0}, hold=timedelta(hours=6, minutes=30))
        assert found == {
            0: {"mean": 7.0, "seconds": 3600, "count": 0},
            1: {"mean": 7.0, "seconds": 3600, "count": 0},
            2: {"mean": 7.0, "seconds": 1800, "count": 0},
        }

    def test_a_hold_that_ends_at_an_edge_leaves_the_next_hour_without_a_row(self) -> None:
        assert sorted(hours(one(Kind.GAUGE), {at("20:00", 0): 7.0}, hold=timedelta(hours=6))) == [0, 1]

    def test_a_reading_at_the_end_of_a_hold_leaves_no_gap(self) -> None:
        found = hours(one(Kind.GAUGE), {at("10:00"): 1.0, at("10:30"): 2.0}, hold=timedelta(minutes=30))
        assert found == {10: {"mean": 1.5, "seconds": 3600, "min": 1, "max": 2, "count": 2, "last": 2}}

    def test_a_reading_at_an_edge_belongs_to_what_begins(self) -> None:
        found = hours(one(Kind.GAUGE), {at("10:00"): 1.0, at("11:00"): 2.0}, hold=timedelta(hours=1))
        assert found[10] == {"mean": 1, "seconds": 3600, "min": 1, "max": 1, "count": 1, "last": 1}
        assert found[11] == {"mean": 2, "seconds": 3600, "min": 2, "max": 2, "count": 1, "last": 2}

    def test_whole_numbers_stay_whole_where_they_are_last(self) -> None:
        found = hours(one(Kind.GAUGE, Type.INTEGER), {at("23:00"): 2**60 + 1})
        assert found[23]["last"] == 2**60 + 1
        assert found[23]["mean"] == pytest.approx(2**60)

    def test_no_value_ends_the_hold(self) -> None:
        found = hours(one(Kind.GAUGE), {at("10:00"): 4.0, at("10:15"): float("nan")})
        assert found == {10: {"mean": 4.0, "seconds": 900, "min": 4, "max": 4, "count": 1, "last": 4}}

    def test_a_row_without_this_field_is_no_reading_of_it(self) -> None:
        found = hours(one(Kind.GAUGE), {at("22:00"): 4.0, at("22:15"): None})
        assert found[22]["seconds"] == 3600
        assert found[22]["count"] == 1

    def test_an_older_last_known_value_is_not_in_force(self) -> None:
        assert hours(one(Kind.GAUGE), {}, before=5.0) == {}


class TestCounter:
    def test_increases_compare_with_the_last_known_value_however_old(self) -> None:
        found = hours(one(Kind.COUNTER), {at("10:00"): 103.0}, before=100.0, hold=timedelta(hours=1))
        assert found == {10: {"increase": 3.0, "last": 103, "count": 1}}

    def test_a_reading_of_the_hold_is_newer_than_the_last_known_value(self) -> None:
        readings = {at("23:00", 0): 101.0, at("00:10"): 103.0}
        assert hours(one(Kind.COUNTER), readings, before=90.0)[0] == {"increase": 2.0, "last": 103, "count": 1}

    def test_a_first_value_ever_is_no_increase(self) -> None:
        assert hours(one(Kind.COUNTER), {at("23:00"): 5000.0})[23] == {"increase": 0, "last": 5000, "count": 1}

    def test_a_fall_below_90_percent_starts_a_new_cycle_which_counts_whole(self) -> None:
        assert hours(one(Kind.COUNTER), {at("23:10"): 89.0}, before=100.0)[23]["increase"] == 89.0

    @pytest.mark.parametrize("dip", [90.0, 99.0])
    def test_a_smaller_dip_counts_as_it_is_and_its_recovery_makes_it_good(self, dip: float) -> None:
        found = hours(one(Kind.COUNTER), {at("22:10"): dip, at("23:10"): 101.0}, before=100.0)
        assert found[22]["increase"] == dip - 100
        assert found[23]["increase"] == 101 - dip

    def test_an_hour_without_a_reading_shows_no_increase(self) -> None:
        found = hours(one(Kind.COUNTER), {at("21:59"): 10.0, at("23:10"): 12.0}, before=9.0)
        assert [found[hour]["increase"] for hour in (21, 22, 23)] == [1, 0, 2]
        assert found[22] == {"increase": 0, "count": 0}

    def test_no_value_is_no_reset(self) -> None:
        readings = {at("23:00"): 100.0, at("23:10"): float("nan"), at("23:20"): 101.0}
        assert hours(one(Kind.COUNTER), readings)[23] == {"increase": 1.0, "last": 101, "count": 2}


class TestDelta:
    def test_energy_per_interval_is_summed(self) -> None:
        found = hours(one(Kind.DELTA), {at("22:00"): 0.25, at("22:15"): 0.5, at("23:00"): 1.0})
        assert found == {22: {"sum": 0.75, "count": 2}, 23: {"sum": 1.0, "count": 1}}

    def test_an_hour_in_force_without_energy_read_has_no_sum(self) -> None:
        assert hours(one(Kind.DELTA), {at("22:00"): 0.25})[23] == {"count": 0}


class TestFlag:
    def test_seconds_on_include_what_was_on_when_the_hour_began(self) -> None:
        readings = {at("23:00", 0): True, at("00:20"): False, at("00:50"): True}
        found = hours(one(Kind.FLAG, Type.BOOLEAN), readings, hold=timedelta(hours=2))
        assert found[0] == {"on_seconds": 1800, "seconds": 3600, "last": True, "changes": 2, "count": 2}
        assert found[1] == {"on_seconds": 3600, "seconds": 3600, "changes": 0, "count": 0}

    def test_a_change_compares_with_the_last_known_value_and_a_first_one_is_none(self) -> None:
        readings = {at("23:10"): True, at("23:20"): True}
        flag = one(Kind.FLAG, Type.BOOLEAN)
        assert hours(flag, readings, before=False)[23]["changes"] == 1
        assert hours(flag, readings, before=True)[23]["changes"] == 0
        assert hours(flag, readings)[23]["changes"] == 0

    def test_on_and_off_as_text_and_unavailable_in_between(self) -> None:
        readings = {at("23:00"): "on", at("23:10"): "unavailable", at("23:20"): "on", at("23:30"): "off"}
        found = hours(one(Kind.FLAG, Type.STRING), readings)
        assert found == {23: {"on_seconds": 1200, "seconds": 3000, "last": "off", "changes": 1, "count": 3}}


class TestText:
    def test_last_changes_and_count(self) -> None:
        readings = {at("23:00"): "home", at("23:10"): "unknown", at("23:20"): "home", at("23:30"): "away"}
        found = hours(one(Kind.TEXT, Type.STRING), readings, before="away")
        assert found == {23: {"last": "away", "changes": 2, "count": 3}}

    def test_no_value_ends_what_is_in_force(self) -> None:
        assert sorted(hours(one(Kind.TEXT, Type.STRING), {at("20:00"): "home", at("21:30"): "unavailable"})) == [20, 21]


class TestDays:
    @pytest.mark.parametrize(
        ("day", "zone", "seconds"),
        [
            (date(2025, 3, 30), "Europe/Vienna", [3600] * 23),
            (date(2025, 10, 26), "Europe/Vienna", [3600] * 25),
            (date(2025, 10, 5), "Australia/Lord_Howe", [3600] * 23 + [1800]),
            (date(2025, 4, 6), "Australia/Lord_Howe", [3600] * 24 + [1800]),
        ],
    )
    def test_hours_are_elapsed_hours_and_the_last_is_cut_at_the_days_end(
        self, day: date, zone: str, seconds: list[float]
    ) -> None:
        window = local_day(day, ZoneInfo(zone))
        found = hours(one(Kind.GAUGE), {window.start: 1.0}, hold=timedelta(hours=48), day=window)
        assert [found[hour]["seconds"] for hour in sorted(found)] == seconds

    def test_readings_of_the_next_day_are_not_looked_at(self) -> None:
        found = hours(one(Kind.GAUGE), {at("23:00"): 1.0, at("00:00", 2): 99.0})
        assert found == {23: {"mean": 1, "seconds": 3600, "min": 1, "max": 1, "count": 1, "last": 1}}


def test_tags_that_may_be_revised_carry_their_last_value() -> None:
    measurement = Measurement("m", (Tag("entity"), Tag("area", identity=False)), (Field("v", Type.FLOAT),))
    rows = table(
        [
            {"time": at("23:00", 0), "area": "attic", "v": 1.0},
            {"time": at("01:30"), "area": "bath", "v": 1.0},
            {"time": at("02:00"), "area": "cellar", "v": 2.0},
        ],
        measurement,
    )
    result = hourly(rows, known([], measurement), measurement, DAY, timedelta(hours=3))
    assert {row["time"].hour: row["area"] for row in plain(result)} == {
        0: "attic", 1: "bath", 2: "cellar", 3: "cellar", 4: "cellar"
    }  # fmt: skip
    assert daily(result, measurement, DAY)["area"].to_pylist() == ["cellar"]


def test_a_field_that_is_not_in_force_is_absent_from_the_rows_of_its_series() -> None:
    rows = table([{"time": at("23:00"), "total_power_w": 5.0}], SMART_METER)
    (row,) = plain(hourly(rows, known([], SMART_METER), SMART_METER, DAY, HOLD))
    assert not [name for name in row if "kwh" in name]


@pytest.mark.parametrize("measurement", [HOME, SMART_METER, MV_DAILY_CARBON_SUMMARY])
def test_nothing_read_is_no_rows_of_the_tiers_schema(measurement: Measurement) -> None:
    nothing, unknown = table([], measurement), known([], measurement).select(measurement.identity)
    rows = hourly(nothing, unknown, measurement, DAY, HOLD)
    assert rows.equals(tier_of(measurement, "hourly").empty())
    assert daily(rows, measurement, DAY).equals(tier_of(measurement, "daily").empty())


def test_a_measurement_without_tags_is_one_series() -> None:
    rows = table([{"time": DAY.start, "date": "2025-06-01", "avg_carbon": 10.0}], MV_DAILY_CARBON_SUMMARY)
    result = hourly(rows, pa.table({}), MV_DAILY_CARBON_SUMMARY, DAY, HOLD)
    assert result.num_rows == 24
    (row,) = plain(daily(result, MV_DAILY_CARBON_SUMMARY, DAY))
    assert (row["time"], row["avg_carbon_mean"], row["avg_carbon_seconds"]) == (DAY.start, 10.0, 86400)


@given(cases())
def test_random_homes_agree_with_brute_force_and_daily_with_raw(case: Case) -> None:
    readings, before = table(case.rows, HOME), known(case.before, HOME)
    rows = hourly(readings, before, HOME, case.day, case.hold)
    assert rows.schema.equals(tier_of(HOME, "hourly").arrow)
    assert differences(plain(rows), expected(case, hour_edges(case.day))) == []

    whole_day = expected(case, [case.day.start, case.day.end])
    by_day = daily(rows, HOME, case.day)
    assert by_day.schema.equals(tier_of(HOME, "daily").arrow)
    assert differences(plain(by_day), whole_day) == []
    assert differences(plain(daily_from_raw(readings, before, HOME, case.day, case.hold)), whole_day) == []


@given(cases())
def test_the_order_in_which_rows_arrive_does_not_matter(case: Case) -> None:
    before = known(case.before, HOME)
    forwards = hourly(table(case.rows, HOME), before, HOME, case.day, case.hold)
    assert forwards.equals(hourly(table(case.rows[::-1], HOME), before, HOME, case.day, case.hold))
