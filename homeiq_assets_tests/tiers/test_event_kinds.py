"""The tiers of Home Assistant's events: each rule as a story, then random homes against brute force."""

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given

from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS, tier_of
from homeiq_assets.tiers.event_kinds import daily_from_raw, hourly
from homeiq_assets.tiers.statistics import daily
from homeiq_assets.window import Window, hour_edges, local_day
from homeiq_assets_tests.tiers.brute_force import Case, differences
from homeiq_assets_tests.tiers.brute_force_events import Row, event, event_cases, expected
from homeiq_assets_tests.tiers.test_statistics import DAY, HOLD, at, plain, table

METER, WARMTH, DOOR, MODE = "sensor.meter", "sensor.warmth", "binary_sensor.door", "sensor.mode"


def events_of(rows: list[Row]) -> pa.Table:
    return table(rows, HOME_ASSISTANT_EVENTS)


def known(rows: list[Row]) -> pa.Table:
    """Last known values, with the columns that any of the rows has."""
    names = [
        n for n in ("state", "normalized_value", "unit_of_measurement", "last_reset") if any(n in row for row in rows)
    ]
    types = {name: HOME_ASSISTANT_EVENTS.arrow.field(name).type for name in ("entity_id", *names)}
    return pa.table({name: pa.array([row.get(name) for row in rows], kind) for name, kind in types.items()})


def hours(
    rows: list[Row], before: list[Row] | None = None, *, hold: timedelta = HOLD, day: Window = DAY
) -> dict[int, Row]:
    """What is said of a single entity in each hour of the day, without the tags."""
    tags = ("time", *HOME_ASSISTANT_EVENTS.tag_names)
    found = plain(hourly(events_of(rows), known(before or []), day, hold))
    return {
        int((row["time"] - day.start) / timedelta(hours=1)): {n: v for n, v in row.items() if n not in tags}
        for row in found
    }


def columns(rows: list[Row], before: list[Row] | None = None) -> set[str]:
    """Which columns are set in the hours from 22:00 on."""
    return {name for hour, row in hours(rows, before).items() if hour >= 22 for name in row}


def increases(*readings: tuple[str, Any, str | None], before: Row | None = None) -> dict[int, float]:
    """The increase by hour of a meter's readings: when, what, in which unit."""
    rows = [event(METER, at(when), value, unit) for when, value, unit in readings]
    found = hours(rows, [] if before is None else [{"entity_id": METER, **before}])
    return {hour: row["normalized_value_increase"] for hour, row in found.items() if row["normalized_value_count"]}


class TestKinds:
    @pytest.mark.parametrize("domain", ["binary_sensor", "switch", "light", "fan", "input_boolean"])
    def test_what_is_on_or_off_is_a_flag_on_its_state(self, domain: str) -> None:
        rows = [event(f"{domain}.one", at("22:00"), "on"), event(f"{domain}.one", at("22:15"), "off")]

        assert hours(rows)[22] == {
            "state_on_seconds": 900, "state_seconds": 3600, "state_last": "off", "state_changes": 1, "state_count": 2
        }  # fmt: skip
        assert hours(rows)[23] == {"state_on_seconds": 0, "state_seconds": 3600, "state_changes": 0, "state_count": 0}

    @pytest.mark.parametrize("unit", ["Wh", "kWh", "MWh"])
    def test_energy_is_a_counter_on_its_value(self, unit: str) -> None:
        rows = [event(METER, at("22:00"), 10.0, unit), event(METER, at("22:30"), 12.5, unit)]

        assert hours(rows)[22] == {
            "normalized_value_increase": 2.5, "normalized_value_last": 12.5, "normalized_value_count": 2,
            "unit_of_measurement_last": unit,
        }  # fmt: skip
        assert hours(rows)[23] == {"normalized_value_increase": 0, "normalized_value_count": 0}

    @pytest.mark.parametrize("unit", ["W", "°C", "GJ"])
    def test_any_other_number_is_a_gauge_on_its_value(self, unit: str) -> None:
        rows = [event(WARMTH, at("22:00"), 10.0, unit), event(WARMTH, at("22:30"), 20.0, unit)]

        assert hours(rows)[22] == {
            "normalized_value_mean": 15, "normalized_value_seconds": 3600, "normalized_value_min": 10,
            "normalized_value_max": 20, "normalized_value_count": 2, "normalized_value_last": 20,
            "unit_of_measurement_last": unit,
        }  # fmt: skip
        assert hours(rows)[23] == {
            "normalized_value_mean": 20, "normalized_value_seconds": 3600, "normalized_value_count": 0
        }  # fmt: skip

    def test_a_number_without_a_unit_is_a_gauge(self) -> None:
        found = hours([event("sensor.index", at("23:00"), 3.0)])[23]
        assert found["normalized_value_mean"] == 3
        assert "unit_of_measurement_last" not in found

    def test_the_rest_is_text_on_its_state(self) -> None:
        rows = [event(MODE, at("22:00"), "eco", "kWh"), event(MODE, at("22:30"), "boost", "kWh")]

        assert hours(rows)[22] == {"state_last": "boost", "state_changes": 1, "state_count": 2}
        assert hours(rows)[23] == {"state_changes": 0, "state_count": 0}

    def test_no_row_has_more_than_seven_statistics(self) -> None:
        rows = [event(METER, at("23:00"), 1.0, "kWh"), event(WARMTH, at("23:00"), 1.0, "°C")]
        rows += [event(DOOR, at("23:00"), "on", "W"), event(MODE, at("23:00"), "eco", "°C")]

        found = plain(hourly(events_of(rows), known([]), DAY, HOLD))
        assert {row["entity_id"]: len(row) - 5 for row in found} == {METER: 4, WARMTH: 7, DOOR: 5, MODE: 3}

    def test_what_an_entity_said_before_the_day_decides_its_kind(self) -> None:
        silent = [event(METER, at("23:00", 0), "starting"), event(METER, at("23:00"), "stopped")]
        assert "state_last" in columns(silent)
        assert columns(silent, [{"entity_id": METER, "normalized_value": 4.0}]) == set()

        unsaid = [event(METER, at("23:00"), 5.0)]
        assert "normalized_value_mean" in columns(unsaid)
        assert "normalized_value_increase" in columns(unsaid, [{"entity_id": METER, "unit_of_measurement": "kWh"}])

    def test_an_entity_is_what_the_last_unit_known_makes_it_in_every_hour(self) -> None:
        watts, kilowatt_hours = (METER, at("22:00"), 5.0, "W"), (METER, at("23:00"), 7.0, "kWh")
        assert "normalized_value_mean" not in columns([event(*watts), event(*kilowatt_hours)])

        energy_first = [event(METER, at("22:00"), 7.0, "kWh"), event(METER, at("23:00"), 5.0, "W")]
        assert "normalized_value_increase" not in columns(energy_first)

    def test_events_after_the_day_decide_nothing(self) -> None:
        rows = [event(METER, at("23:00"), 5.0, "W"), event(METER, at("00:00", 2), 7.0, "kWh")]
        assert hours(rows)[23]["normalized_value_mean"] == 5


class TestNoValue:
    @pytest.mark.parametrize("state", ["unavailable", "unknown"])
    def test_it_ends_the_hold_of_every_kind(self, state: str) -> None:
        for entity, value, unit in [(DOOR, "on", None), (MODE, "eco", None), (METER, 1.0, "kWh"), (WARMTH, 1.0, "°C")]:
            rows = [event(entity, at("20:00"), value, unit), event(entity, at("21:30"), state, unit)]
            assert sorted(hours(rows)) == [20, 21], entity
            assert "unit_of_measurement_last" not in hours(rows)[21]

        gauge = hours([event(WARMTH, at("22:00"), 4.0), event(WARMTH, at("22:15"), state)])
        assert gauge[22]["normalized_value_seconds"] == 900
        assert gauge[22]["normalized_value_count"] == 1

    def test_it_ends_a_hold_over_midnight(self) -> None:
        assert hours([event(WARMTH, at("22:00", 0), 4.0), event(WARMTH, at("23:00", 0), "unavailable")]) == {}

    def test_it_is_no_change_and_no_reset(self) -> None:
        door = [event(DOOR, at("23:00"), "on"), event(DOOR, at("23:10"), "unavailable"), event(DOOR, at("23:20"), "on")]
        assert hours(door, [{"entity_id": DOOR, "state": "on"}])[23]["state_changes"] == 0
        assert increases(("23:00", 100.0, "kWh"), ("23:10", "unavailable", "kWh"), ("23:20", 101.0, "kWh")) == {23: 1}

    def test_a_number_beside_it_is_none(self) -> None:
        stale = event(WARMTH, at("23:30"), "unavailable") | {"normalized_value": 4.0}
        assert hours([event(WARMTH, at("23:00"), 4.0), stale])[23]["normalized_value_count"] == 1

    def test_a_word_of_a_gauge_is_no_reading_and_its_hold_goes_on(self) -> None:
        found = hours([event(WARMTH, at("22:00"), 4.0, "°C"), event(WARMTH, at("22:15"), "low", "°F")])
        assert found[22]["normalized_value_seconds"] == 3600
        assert found[22]["normalized_value_count"] == 1
        assert found[22]["unit_of_measurement_last"] == "°C"
        assert "state_last" not in found[22]


class TestUnits:
    def test_the_first_reading_in_another_unit_is_a_first_value_each_time(self) -> None:
        readings = [("20:00", 1.0, "kWh"), ("20:30", 3.0, "kWh"), ("21:00", 3000.0, "Wh"), ("21:30", 3500.0, "Wh")]
        readings += [("22:00", 3.5, "kWh"), ("23:00", 4.0, "kWh")]
        assert increases(*readings) == {20: 2, 21: 500, 22: 0, 23: 0.5}

    def test_across_midnight_too(self) -> None:
        reading = ("23:00", 3500.0, "Wh")
        assert increases(reading, before={"normalized_value": 3.0, "unit_of_measurement": "kWh"}) == {23: 0}
        assert increases(reading, before={"normalized_value": 3000.0, "unit_of_measurement": "Wh"}) == {23: 500}

    def test_a_silence_does_not_hide_that_the_unit_is_another(self) -> None:
        assert increases(("22:00", 3.0, "kWh"), ("22:30", "unavailable", "Wh"), ("23:00", 3500.0, "Wh"))[23] == 0

    def test_an_event_without_a_unit_has_that_of_its_entity_before_it(self) -> None:
        assert increases(("22:00", 3.0, "kWh"), ("22:30", 4.0, None), ("23:00", 4500.0, "Wh")) == {22: 1, 23: 0}
        assert increases(("23:00", 4.0, None), before={"normalized_value": 3.0, "unit_of_measurement": "kWh"}) == {
            23: 1
        }

    def test_or_else_after_it(self) -> None:
        assert increases(("22:00", 3.0, None), ("23:00", 4.0, "kWh")) == {22: 0, 23: 1}
        assert increases(("23:00", 4.0, "kWh"), before={"normalized_value": 3.0}) == {23: 1}

    def test_a_unit_is_not_taken_from_another_entity(self) -> None:
        others = [event("sensor.aaa", at("23:00"), 1.0, "kWh"), event("sensor.zzz", at("23:00"), 1.0, "kWh")]
        found = plain(hourly(events_of([*others, event(METER, at("23:00"), 1.0)]), known([]), DAY, HOLD))
        assert {row["entity_id"] for row in found if "normalized_value_increase" in row} == {"sensor.aaa", "sensor.zzz"}

    def test_what_a_counter_said_while_it_was_a_gauge_is_no_energy(self) -> None:
        assert increases(("21:00", 5.0, "W"), ("22:00", 900.0, "W"), ("23:00", 901.0, "kWh")) == {21: 0, 22: 0, 23: 0}

    def test_a_unit_does_not_change_the_count_of_a_flags_changes(self) -> None:
        rows = [event("light.lamp", at("23:00"), "on", "lx"), event("light.lamp", at("23:10"), "off", None)]
        assert hours(rows)[23]["state_changes"] == 1


class TestLastKnownValues:
    def test_a_change_and_an_increase_compare_with_them_however_old(self) -> None:
        assert hours([event(DOOR, at("23:00"), "on")], [{"entity_id": DOOR, "state": "off"}])[23]["state_changes"] == 1
        assert hours([event(DOOR, at("23:00"), "on")])[23]["state_changes"] == 0
        assert increases(("23:00", 89.0, "kWh"), before={"normalized_value": 100.0}) == {23: 89}
        assert increases(("23:00", 90.0, "kWh"), before={"normalized_value": 100.0}) == {23: -10}
        assert increases(("23:00", 90.0, "kWh")) == {23: 0}

    def test_they_are_not_in_force(self) -> None:
        before = [{"entity_id": WARMTH, "normalized_value": 3.0, "unit_of_measurement": "°C"}]
        assert hours([], before) == {}

    def test_none_at_all_is_a_table_without_columns(self) -> None:
        rows = hourly(events_of([event(DOOR, at("23:00"), "on")]), pa.table({}), DAY, HOLD)
        assert rows["state_changes"].to_pylist() == [0]


class TestRows:
    def test_every_hour_in_force_has_one_also_without_a_reading(self) -> None:
        found = hours([event(WARMTH, at("23:30", 0), 4.0)], hold=timedelta(hours=3))
        assert {hour: row["normalized_value_seconds"] for hour, row in found.items()} == {0: 3600, 1: 3600, 2: 1800}

    @pytest.mark.parametrize(
        ("day", "zone", "last"),
        [(date(2025, 3, 30), "Europe/Vienna", 3600), (date(2025, 10, 5), "Australia/Lord_Howe", 1800)],
    )
    def test_hours_are_elapsed_hours_of_the_local_day(self, day: date, zone: str, last: float) -> None:
        window = local_day(day, ZoneInfo(zone))
        found = hours([event(WARMTH, window.start, 4.0)], hold=timedelta(hours=48), day=window)
        assert [row["normalized_value_seconds"] for row in found.values()][-2:] == [3600, last]

    def test_tags_carry_their_last_value_and_an_unknown_one_is_none(self) -> None:
        rows = [event(DOOR, at("21:00"), "on", area="unknown"), event(DOOR, at("22:00"), "off", area="hall")]
        rows += [event(DOOR, at("22:30"), "on", area="porch"), event(DOOR, at("23:00"), "off", area="unknown")]
        result = hourly(events_of(rows), known([]), DAY, HOLD)
        assert {row["time"].hour: row["area"] for row in plain(result)} == {21: "hall", 22: "porch", 23: "porch"}
        assert set(result["domain"].to_pylist()) == {"binary_sensor"}
        assert set(result["device_class"].to_pylist()) == {"unknown"}

    def test_nothing_said_is_no_rows_of_the_tiers_schema(self) -> None:
        rows = hourly(events_of([]), known([]), DAY, HOLD)
        assert rows.equals(tier_of(HOME_ASSISTANT_EVENTS, "hourly").empty())
        assert daily_from_raw(events_of([]), known([]), DAY, HOLD).equals(
            tier_of(HOME_ASSISTANT_EVENTS, "daily").empty()
        )


@given(event_cases())
def test_random_homes_agree_with_brute_force_and_daily_with_raw(case: Case) -> None:
    events, before = events_of(case.rows), known(case.before)
    rows = hourly(events, before, case.day, case.hold)
    assert rows.schema.equals(tier_of(HOME_ASSISTANT_EVENTS, "hourly").arrow)
    assert differences(plain(rows), expected(case, hour_edges(case.day))) == []

    whole_day = expected(case, [case.day.start, case.day.end])
    by_day = daily(rows, HOME_ASSISTANT_EVENTS, case.day)
    assert by_day.schema.equals(tier_of(HOME_ASSISTANT_EVENTS, "daily").arrow)
    assert differences(plain(by_day), whole_day) == []
    assert differences(plain(daily_from_raw(events, before, case.day, case.hold)), whole_day) == []
