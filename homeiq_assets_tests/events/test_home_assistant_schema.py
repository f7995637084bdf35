"""Events as Home Assistant's own integration writes them, read from a real InfluxDB."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.errors import StoreError
from homeiq_assets.events.home_assistant_schema import is_unit
from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.events.foreign_home import DAY, NOON, ForeignHome, Value, events_of, line, told
from homeiq_assets_tests.simulated_vendors.home_assistant import TOKEN, HomeAssistant

pytestmark = pytest.mark.influxdb
SOURCE = "home_assistant_influxdb"
SECOND = timedelta(seconds=1)


def of(entity: str, **more: str) -> dict[str, str]:
    domain, _, name = entity.partition(".")
    return {"domain": domain, "entity_id": name} | more


def power(time: datetime, watts: float) -> str:
    texts: dict[str, Value] = {
        "device_class_str": "power",
        "friendly_name_str": "Grid",
        "state_class_str": "measurement",
    }
    return line("W", of("sensor.grid_power"), {"value": watts} | texts, time)


def test_the_line_of_the_integrations_own_documentation_is_an_event(foreign: ForeignHome) -> None:
    foreign.write(
        'W,domain=sensor,entity_id=grid_power value=812.4,device_class_str="power",friendly_name_str="Grid power",'
        'state_class_str="measurement" 1763640000123456000'
    )
    day = Window(datetime(2025, 11, 20, tzinfo=UTC), datetime(2025, 11, 21, tzinfo=UTC))
    with foreign.open(SOURCE) as events:
        (table,) = events.stream(day)

    assert table.schema.equals(HOME_ASSISTANT_EVENTS.arrow)
    assert told(table) == [
        {
            "time": datetime(2025, 11, 20, 12, 0, 0, 123456, tzinfo=UTC),
            "entity_id": "sensor.grid_power",
            "domain": "sensor",
            "device_class": "power",
            "state": "812.4",
            "normalized_value": 812.4,
            "unit_of_measurement": "W",
            "state_class": "measurement",
        }
    ]


def test_measurements_of_every_name_are_read_and_units_among_them_are_units(foreign: ForeignHome) -> None:
    units = ["kWh", "°C", "%", "EUR/kWh", "µg/m³", "m³/h", "USD", 'in "odd", = units/h', "it's 5%"]
    others = ["units", "state", "home assistant", "sensor.no_unit"]
    names = {f"sensor.n{n}": name for n, name in enumerate([*units, *others])}
    foreign.write(*(line(name, of(entity), {"value": 1.5}, NOON) for entity, name in names.items()))
    with foreign.open(SOURCE) as events:
        found = {one["entity_id"]: one.get("unit_of_measurement") for one in events_of(events)}

    assert found == {entity: name if name in units else None for entity, name in names.items()}


def test_what_an_event_says_of_its_unit_and_class_wins_over_the_measurement(foreign: ForeignHome) -> None:
    foreign.write(
        line("energy", of("sensor.a"), {"value": 1.0, "unit_of_measurement_str": "kWh"}, NOON),
        line("sensor__power", of("sensor.b"), {"value": 1.0, "unit_of_measurement_str": "W"}, NOON),
        line("binary_sensor__door", of("binary_sensor.c"), {"state": "on", "value": 1.0}, NOON),
        line("binary_sensor", of("binary_sensor.d"), {"state": "on", "value": 1.0}, NOON),
        line("W", of("sensor.e", device_class="power", unit_of_measurement="kW"), {"value": 1.0}, NOON),
        line("sensor.odd__name", of("sensor.odd__name"), {"value": 1.0}, NOON),
    )
    with foreign.open(SOURCE) as events:
        found = {
            one["entity_id"]: (one.get("device_class"), one.get("unit_of_measurement")) for one in events_of(events)
        }

    assert found == {
        "sensor.a": (None, "kWh"),
        "sensor.b": ("power", "W"),
        "binary_sensor.c": ("door", None),
        "binary_sensor.d": (None, None),
        "sensor.e": ("power", "kW"),
        "sensor.odd__name": (None, None),
    }


def test_a_state_is_its_text_or_else_its_value(foreign: ForeignHome) -> None:
    door = of("binary_sensor.door")
    foreign.write(
        line("binary_sensor.door", door, {"state": "on", "value": 1.0, "device_class_str": "door"}, NOON),
        line("binary_sensor.door", door, {"state": "off", "value": 0.0, "device_class_str": "door"}, NOON + SECOND),
        line("media_player.tv", of("media_player.tv"), {"state": "playing", "volume_level": 0.4}, NOON + 2 * SECOND),
        line("W", of("sensor.p"), {"value": 21.0}, NOON + 3 * SECOND),
        # An integer where the integration writes floats only: somebody else's, in a measurement of its own.
        line("ppm", of("sensor.co2"), {"value": 415}, NOON + 4 * SECOND),
    )
    with foreign.open(SOURCE) as events:
        found = events_of(events)

    assert [(one["state"], one.get("normalized_value")) for one in found] == [
        ("on", 1.0),
        ("off", 0.0),
        ("playing", None),
        ("21", 21.0),
        ("415", 415.0),
    ]


def test_entities_of_one_name_in_two_domains_stay_apart(foreign: ForeignHome) -> None:
    foreign.write(line("W", of("sensor.x"), {"value": 1.0}, NOON), line("W", of("number.x"), {"value": 2.0}, NOON))
    with foreign.open(SOURCE) as events:
        assert [one["state"] for one in events_of(events, entities=["number.x"])] == ["2"]
        assert [one["state"] for one in events_of(events, domains=["sensor"])] == ["1"]
        assert [one["entity_id"] for one in told(events.last_before(NOON + SECOND))] == ["number.x", "sensor.x"]


def test_what_is_not_home_assistants_in_the_bucket_is_no_event(foreign: ForeignHome) -> None:
    ours = of("sensor.grid_power", area="hall", device_class="power")
    foreign.write(
        power(NOON, 5.0),
        line("cpu", {"host": "nas"}, {"value": 99.0}, NOON),
        line("plug", {"entity_id": "without_domain"}, {"value": 98.0}, NOON),
        line("home_assistant_history", ours, {"state": "6", "normalized_value": 6.0}, NOON),
        line("home_assistant_events", ours, {"state": "7", "normalized_value": 7.0}, NOON),
        line("homeiq_pending_smart_meter", ours, {"value": 8.0}, NOON),
        line("smart_meter", {"meter_type": "emporia"}, {"total_power_w": 9.0}, NOON),
    )
    with foreign.open(SOURCE) as events:
        assert [one["state"] for one in events_of(events)] == ["5"]
        assert [one["state"] for one in told(events.last_before(NOON + SECOND))] == ["5"]


def test_an_entity_whose_unit_changed_has_one_newest_event(foreign: ForeignHome) -> None:
    foreign.write(
        line("W", of("sensor.p"), {"value": 900.0}, NOON - 9 * SECOND),
        line("kW", of("sensor.p"), {"value": 0.8}, NOON - 5 * SECOND),
    )
    with foreign.open(SOURCE) as events:
        for known in (False, True):
            (found,) = told(events.last_before(NOON, known=known))
            assert (found["state"], found["unit_of_measurement"]) == ("0.8", "kW")


def test_the_long_day_in_autumn_is_counted_whole(foreign: ForeignHome) -> None:
    day = local_day(datetime(2026, 10, 25, tzinfo=UTC).date(), ZoneInfo("Europe/Vienna"))
    hours = [day.start + timedelta(hours=n) for n in range(-1, 26)]
    foreign.write(*(power(hour, float(n)) for n, hour in enumerate(hours)))
    with foreign.open(SOURCE) as events:
        assert list(events.counts(day, ZoneInfo("Europe/Vienna")).values()) == [25]
        assert [one["state"] for one in events_of(events, day)] == [str(n) for n in range(1, 26)]


def test_an_empty_bucket_is_no_quiet_home(foreign: ForeignHome) -> None:
    with foreign.open(SOURCE) as events, pytest.raises(StoreError, match=r"EVENTS_INFLUXDB_BUCKET: .*EVENTS_SOURCE"):
        list(events.stream(DAY))


def test_reading_leaves_the_bucket_as_it_was(foreign: ForeignHome) -> None:
    foreign.write(*(power(NOON + n * SECOND, float(n)) for n in range(50)))
    before = foreign.points()
    with foreign.open(SOURCE) as events:
        list(events.stream(DAY))
        events.last_before(NOON + 20 * SECOND, known=True)
        events.newest()
        assert events.probe().startswith(f"W in the bucket {foreign.bucket}; the newest event")

    assert foreign.points() == before


def test_areas_come_from_home_assistants_registries(foreign: ForeignHome) -> None:
    tagged = line("W", of("sensor.tagged", area="attic"), {"value": 1.0}, NOON)
    foreign.write(power(NOON, 5.0), line("W", of("sensor.b"), {"value": 1.0}, NOON), tagged)
    with HomeAssistant(NOON, {}) as vendor:
        vendor.registries = {
            "device": [{"id": "d1", "area_id": "hall"}],
            "entity": [
                {"entity_id": "sensor.grid_power", "area_id": None, "device_id": "d1"},
                {"entity_id": "sensor.tagged", "area_id": "cellar", "device_id": "d1"},
            ],
        }
        with foreign.open(SOURCE, HOME_ASSISTANT_URL=vendor.url, HOME_ASSISTANT_TOKEN=TOKEN) as events:
            found = {one["entity_id"]: one.get("area") for one in events_of(events)}
            events_of(events)

    assert found == {"sensor.grid_power": "hall", "sensor.b": None, "sensor.tagged": "attic"}
    assert len(vendor.logins) == 1, "kept for a day"


@pytest.mark.parametrize("name", ["sensor.power", "units", "state", "my_home", "home assistant", "Energy", "events-2"])
def test_a_name_that_is_a_word_is_no_unit(name: str) -> None:
    assert not is_unit(name)
