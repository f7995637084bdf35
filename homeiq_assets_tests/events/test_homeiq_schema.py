"""Events in the `homeiq` schema, read from a real InfluxDB with a token that may only read."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.errors import StoreError
from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS
from homeiq_assets.window import Window
from homeiq_assets_tests.events.foreign_home import DAY, NOON, ForeignHome, Value, events_of, line, told

pytestmark = pytest.mark.influxdb
VIENNA = ZoneInfo("Europe/Vienna")
SECOND = timedelta(seconds=1)
GRID = {"entity_id": "sensor.grid_power", "domain": "sensor", "device_class": "power", "area": "hall"}
MOTION = {"entity_id": "hall_motion", "domain": "binary_sensor", "device_class": "motion", "area": "hall"}


def event(tags: dict[str, str], time: datetime, **fields: Value) -> str:
    return line("home_assistant_events", tags, fields, time)


def test_an_event_comes_in_the_uniform_columns_whatever_else_is_stored(foreign: ForeignHome) -> None:
    foreign.write(
        event(
            GRID | {"integration": "shelly"}, NOON, state="812.4", normalized_value=812.4, energy_consumption=1.5,
            unit_of_measurement="W", context_id="01ABC", old_state="800",
        )
    )  # fmt: skip
    with foreign.open("homeiq") as events:
        (table,) = events.stream(DAY)

    assert table.schema.equals(HOME_ASSISTANT_EVENTS.arrow)
    assert told(table) == [
        {"time": NOON, **GRID, "state": "812.4", "normalized_value": 812.4, "energy_consumption": 1.5,
         "unit_of_measurement": "W"}
    ]  # fmt: skip


def test_an_entity_is_full_whether_it_is_stored_with_its_domain_or_without(foreign: ForeignHome) -> None:
    foreign.write(
        event(MOTION, NOON, state="on"),
        event({"entity_id": "sensor.attic"}, NOON, state="3"),
        event({"domain": "sensor"}, NOON, state="of nobody"),
    )
    with foreign.open("homeiq") as events:
        found = events_of(events)

    assert [(one["entity_id"], one["domain"]) for one in found] == [
        ("binary_sensor.hall_motion", "binary_sensor"),
        ("sensor.attic", "sensor"),
    ]


def test_a_normalized_value_that_is_not_stored_is_what_the_state_says(foreign: ForeignHome) -> None:
    said = {"on": 1.0, "off": 0.0, "21.5": 21.5, " -3 ": -3.0, "unavailable": None, "unknown": None, "nan": None}
    foreign.write(*(event(MOTION, NOON + n * SECOND, state=state) for n, state in enumerate(said)))
    with foreign.open("homeiq") as events:
        found = events_of(events)

    assert {one["state"]: one.get("normalized_value") for one in found} == said


def test_fields_may_have_other_types_in_other_shards(foreign: ForeignHome) -> None:
    week = timedelta(days=7)
    foreign.write(event(GRID, NOON, state="1.5", normalized_value=1.5))
    foreign.write(event(GRID, NOON + week, state=2.5, normalized_value="2.5"))
    foreign.write(event(GRID, NOON + 2 * week, state=True, normalized_value=3))
    with foreign.open("homeiq") as events:
        found = events_of(events, Window(NOON, NOON + 3 * week))

    assert [(one["state"], one["normalized_value"]) for one in found] == [("1.5", 1.5), ("2.5", 2.5), ("true", 3.0)]


def test_odd_names_and_texts_arrive_as_they_are(foreign: ForeignHome) -> None:
    odd = {"entity_id": "sensor.küche_o'brien", "domain": "sensor", "area": 'the "blue", room = 1'}
    foreign.write(event(odd, NOON, state='he said "no", \\ or\nso', unit_of_measurement="µg/m³"))
    with foreign.open("homeiq") as events:
        (found,) = events_of(events, entities=["sensor.küche_o'brien"])

    assert (found["area"], found["unit_of_measurement"]) == (odd["area"], "µg/m³")
    assert found["state"] == 'he said "no", \\ or\nso'


def test_domains_and_entities_narrow_what_is_read(foreign: ForeignHome) -> None:
    foreign.write(event(MOTION, NOON, state="on"), event(GRID, NOON, state="1"), event(GRID, NOON + SECOND, state="2"))
    with foreign.open("homeiq") as events:

        def seen(**chosen: list[str]) -> list[str]:
            return [one["state"] for one in events_of(events, **chosen)]

        assert seen(domains=["sensor"]) == ["1", "2"]
        assert seen(entities=["binary_sensor.hall_motion"]) == ["on"]
        assert seen(entities=["binary_sensor.hall_motion", "sensor.grid_power"]) == ["on", "1", "2"]
        assert seen(domains=["light"]) == seen(domains=[]) == seen(entities=["sensor.hall_motion"]) == []
        assert seen(domains=["light"], entities=["sensor.grid_power"]) == []


def test_events_come_in_order_of_time_a_utc_day_at_a_time(foreign: ForeignHome) -> None:
    times = [NOON + timedelta(hours=hours) for hours in (30, 0, 11, 12, 35)]
    foreign.write(*(event(GRID, time, state=str(n)) for n, time in enumerate(times)))
    with foreign.open("homeiq") as events:
        tables = list(events.stream(Window(NOON, NOON + timedelta(hours=35))))

    assert [[one["state"] for one in told(table)] for table in tables] == [["1", "2"], ["3", "0"]]


def test_the_newest_event_before_an_instant_is_of_each_entity_however_old(foreign: ForeignHome) -> None:
    years_ago = datetime(2021, 3, 1, tzinfo=UTC)
    foreign.write(
        event(MOTION, years_ago, state="off"),
        event(GRID, NOON - 2 * SECOND, state="5", normalized_value=5.0),
        event(GRID | {"area": "cellar"}, NOON - SECOND, state="unavailable"),
        event(GRID, NOON, state="7", normalized_value=7.0),
    )
    with foreign.open("homeiq") as events:
        newest, known = told(events.last_before(NOON)), told(events.last_before(NOON, known=True))

    assert [(one["entity_id"], one["state"], one["time"]) for one in newest] == [
        ("binary_sensor.hall_motion", "off", years_ago),
        ("sensor.grid_power", "unavailable", NOON - SECOND),
    ]
    assert [one["state"] for one in known] == ["off", "5"]


def test_days_are_counted_as_long_as_they_are(foreign: ForeignHome) -> None:
    first, last = datetime(2026, 10, 23, 22, tzinfo=UTC), datetime(2026, 10, 26, 23, tzinfo=UTC)
    hours = int((last - first) / timedelta(hours=1))
    foreign.write(*(event(GRID, first + timedelta(hours=n), state=str(n)) for n in range(hours)))
    with foreign.open("homeiq") as events:
        counts = events.counts(Window(first, last + timedelta(days=1)), VIENNA)

    assert counts == {
        date(2026, 10, 24): 24, date(2026, 10, 25): 25, date(2026, 10, 26): 24, date(2026, 10, 27): 0,
    }  # fmt: skip


def test_the_probe_says_where_the_events_are_and_how_new(foreign: ForeignHome) -> None:
    foreign.write(event(GRID, NOON, state="1"))
    with foreign.open("homeiq") as events:
        assert events.newest() == NOON
        assert events.probe() == (
            f"home_assistant_events in the bucket {foreign.bucket}; the newest event is of 2026-11-20 12:00 UTC"
        )


def test_a_bucket_without_such_events_is_no_quiet_home(foreign: ForeignHome) -> None:
    foreign.write(line("W", GRID, {"value": 1.0}, NOON))
    with foreign.open("homeiq") as events:
        for ask in (events.probe, events.newest, lambda: list(events.stream(DAY)), lambda: events.last_before(NOON)):
            with pytest.raises(StoreError, match=r"EVENTS_INFLUXDB_BUCKET: .*EVENTS_SOURCE"):
                ask()


def test_a_bucket_that_is_not_there_or_may_not_be_read_is_named(foreign: ForeignHome) -> None:
    blind = foreign.influxd.token(read=[foreign.ours])
    for changed in ({"EVENTS_INFLUXDB_BUCKET": "nowhere"}, {"INFLUXDB_TOKEN": blind}):
        with foreign.open("homeiq", **changed) as events, pytest.raises(StoreError) as failure:
            list(events.stream(DAY))
        assert "EVENTS_INFLUXDB_BUCKET" in str(failure.value)
        assert "INFLUXDB_TOKEN" in str(failure.value)
        assert blind not in str(failure.value)


def test_without_a_bucket_of_their_own_the_events_are_in_ours(foreign: ForeignHome) -> None:
    foreign.write(event(GRID, NOON, state="1"))
    settings = foreign.variables("homeiq", INFLUXDB_BUCKET=foreign.bucket)
    with foreign.open("homeiq", **(settings | {"EVENTS_INFLUXDB_BUCKET": ""})) as events:
        assert len(events_of(events)) == 1
