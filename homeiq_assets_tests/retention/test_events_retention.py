"""Events as they grow old, whoever wrote them: ours in the store, others' in either schema of a real InfluxDB."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from homeiq_assets.archive.days import read_day
from homeiq_assets.errors import SettingError
from homeiq_assets.events.opening import opened_events
from homeiq_assets.ledger.removed_days import State
from homeiq_assets.retention.removal import Outcome
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS, HOME_ASSISTANT_HISTORY
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets.stores.opening import opened_bucket
from homeiq_assets.window import HOUR, local_day
from homeiq_assets_tests.events.foreign_home import line
from homeiq_assets_tests.retention.old_days import DAY, OldDays, in_influxdb, old_days, three_at_night
from homeiq_assets_tests.stores.influxd import Influxd

D = date(2025, 10, 26)
NEXT = D + DAY
NOW = three_at_night(D + 20 * DAY)
NAMED = "home_assistant_events=9"
OPEN = replace(HOME_ASSISTANT_EVENTS, tags=(), fields=())
"""Whatever is stored of the events."""


def instants(zone: Any, *days: date) -> Iterator[tuple[int, datetime]]:
    """Six of each day, the first at midnight."""
    for day in days:
        for number in range(6):
            yield number, local_day(day, zone).start + number * 3.9 * HOUR


def ours(folder: Path, store: Store | None, source: str, **variables: str) -> OldDays:
    """Events that we simulated or pulled, of a day and the one after it."""
    home = old_days(
        folder / "home",
        store,
        NOW,
        measurement=HOME_ASSISTANT_EVENTS,
        stored_as=HOME_ASSISTANT_HISTORY,
        EVENTS_SOURCE=source,
        HOME_ASSISTANT_URL="http://127.0.0.1:1",
        HOME_ASSISTANT_TOKEN="never-asked",
        RETENTION_RAW_DAYS=NAMED,
        **variables,
    )
    for number, time in instants(home.home.zone, D, NEXT):
        motion = {
            "entity_id": "binary_sensor.hall",
            "domain": "binary_sensor",
            "device_class": "motion",
            "area": "hall",
        }
        home.put([{"time": time, **motion, "state": ("on", "off", "unavailable")[number % 3]}])
        meter = {"entity_id": "sensor.meter", "domain": "sensor", "device_class": "energy", "area": "unknown"}
        said = {"state": f"{number}.5", "normalized_value": number + 0.5, "unit_of_measurement": "kWh"}
        home.put([{"time": time, **meter, **said}])
    return home


def theirs(folder: Path, influxd: Influxd, source: str, *lines: str) -> OldDays:
    """Events that somebody else wrote into a bucket of an InfluxDB."""
    bucket = influxd.create_bucket()
    influxd.write(bucket, "\n".join(lines))
    return old_days(
        folder / "home",
        None,
        NOW,
        measurement=HOME_ASSISTANT_EVENTS,
        stored_as=HOME_ASSISTANT_EVENTS,
        EVENTS_SOURCE=source,
        EVENTS_INFLUXDB_BUCKET=bucket,
        RETENTION_RAW_DAYS=NAMED,
        **in_influxdb(influxd, influxd.create_bucket()),
    )


def told(home: OldDays, day: date) -> dict[str, Any]:
    """What the daily tier says of each entity: how often it spoke, and what a meter counted."""
    rows = home.tier("daily", day).to_pylist()
    return {row["entity_id"]: (row["state_count"], row["normalized_value_increase"]) for row in rows}


def archived(home: OldDays, day: date) -> pa.Table:
    return read_day(HOME_ASSISTANT_EVENTS, day, home.home.zone, home.archive)


def rows_in(home: OldDays, bucket: str, measurement: Measurement, day: date) -> pa.Table:
    """Rows of a bucket exactly as they are stored."""
    with closing(opened_bucket(bucket, home.home.settings)) as store:
        return store.whole(measurement, home.window(day))[1]


@pytest.mark.parametrize("source", ["simulated", "home_assistant"])
def test_events_of_ours_go_and_come_back(tmp_path: Path, store: Store, source: str) -> None:
    home = ours(tmp_path, store, source)
    rows = home.raw(D)
    home.ready(D, NEXT)
    assert told(home, NEXT) == {"binary_sensor.hall": (4, None), "sensor.meter": (None, 5.5)}
    assert archived(home, D).equals(rows)

    (removal,) = home.remove(D)

    assert removal.outcome is Outcome.REMOVED, removal.reason
    assert home.raw(D).num_rows == 0
    assert home.roll_hourly(NEXT)[0].left is not None
    (elsewhere,) = home.restore(D)
    folder = tmp_path / "home" / "restored" / "store_restored"
    assert elsewhere.place == str(folder), "unless they are named they are not put among those that are there"
    assert EmbeddedStore(folder).whole(HOME_ASSISTANT_EVENTS, home.window(D))[1].equals(rows)
    assert home.raw(D).num_rows == 0
    home.restore(D, bucket="store")
    assert home.raw(D).equals(rows)
    entry = home.ledger(D)
    assert entry is not None
    assert entry.state is State.RESTORED
    home.ready(D, NEXT)
    assert home.remove(D)[0].outcome is Outcome.REMOVED


def test_events_of_ours_in_an_influxdb_come_back_into_its_bucket_by_its_name(tmp_path: Path, influxd: Influxd) -> None:
    bucket = influxd.create_bucket()
    home = ours(tmp_path, None, "home_assistant", **in_influxdb(influxd, bucket))
    with closing(home.store):
        rows = home.raw(D)
        home.ready(D, NEXT)
        assert home.remove(D)[0].outcome is Outcome.REMOVED

        assert home.restore(D)[0].place == f"{bucket}_restored"
        assert rows_in(home, f"{bucket}_restored", HOME_ASSISTANT_EVENTS, D).equals(rows)
        assert home.raw(D).num_rows == 0
        assert home.restore(D, bucket=bucket)[0].put == rows.num_rows
        assert home.raw(D).equals(rows)


def test_events_of_others_in_our_schema_go_once_they_are_named_and_come_back_with_all_they_had(
    tmp_path: Path, influxd: Influxd
) -> None:
    zone = old_days(tmp_path / "zone", EmbeddedStore(tmp_path), NOW).home.zone
    lines = []
    for number, time in instants(zone, D, NEXT):
        # A tag that has the name by which rows of several measurements are told apart is just a tag here.
        meter = {"entity_id": "sensor.meter", "domain": "sensor", "measurement": "kWh"}
        fields: dict[str, Any] = {
            "state": f"{number}.5",
            "normalized_value": number + 0.5,
            "unit_of_measurement": "kWh",
        }
        fields |= {"battery": 2**53 + number}
        lines.append(line("home_assistant_events", meter, fields, time))
        motion = {"entity_id": "binary_sensor.hall", "domain": "binary_sensor", "area": "hall", "floor": "1"}
        told_of = {"state": ("on", "off", "")[number % 3], "restored": number % 2 == 0}
        lines.append(line("home_assistant_events", motion, told_of, time))
    home = theirs(tmp_path, influxd, "homeiq", *lines)
    bucket = home.home.settings.events_influxdb_bucket
    assert bucket is not None
    with closing(home.store):
        rows = rows_in(home, bucket, OPEN, D)
        assert {"measurement", "floor", "battery", "restored"} <= set(rows.column_names)
        home.ready(D, NEXT)
        assert told(home, NEXT) == {"binary_sensor.hall": (4, None), "sensor.meter": (None, 5.5)}

        (removal,) = home.remove(D)

        assert removal.outcome is Outcome.REMOVED, removal.reason
        assert removal.proof is not None
        assert removal.proof.counts["battery"] == removal.proof.counts["restored"] == 6
        assert rows_in(home, bucket, OPEN, D).num_rows == 0
        assert rows_in(home, bucket, OPEN, NEXT).num_rows == 12
        assert home.restore(D)[0].place == f"{bucket}_restored"
        assert rows_in(home, f"{bucket}_restored", OPEN, D).equals(rows)
        assert rows_in(home, bucket, OPEN, D).num_rows == 0
        assert [one.put for one in (*home.restore(D, bucket=bucket), *home.restore(D, bucket=bucket))] == [12, 0]
        assert rows_in(home, bucket, OPEN, D).equals(rows)
        home.ready(D, NEXT)
        assert home.remove(D)[0].outcome is Outcome.REMOVED


@pytest.fixture
def integration(tmp_path: Path, influxd: Influxd) -> Iterator[OldDays]:
    """Events that Home Assistant's own integration wrote: a measurement for each unit, and for what has none."""
    zone = old_days(tmp_path / "zone", EmbeddedStore(tmp_path), NOW).home.zone
    lines = []
    for number, time in instants(zone, D, NEXT):
        meter = {"entity_id": "meter", "domain": "sensor", "device_class": "energy"}
        lines.append(line("kWh", meter, {"value": number + 0.5, "friendly_name_str": "Meter"}, time))
        hall = {"entity_id": "hall", "domain": "binary_sensor"}
        on = number % 2 == 0
        lines.append(line("binary_sensor.hall", hall, {"value": float(on), "state": "on" if on else "off"}, time))
        speed = {"entity_id": "wind", "domain": "sensor", "station": "roof"}
        lines.append(line("km/h", speed, {"value": 3.5 * number, "gust": number, "note_str": ""}, time))
    home = theirs(tmp_path, influxd, "home_assistant_influxdb", *lines)
    with closing(home.store):
        yield home


def test_events_of_home_assistants_own_integration_are_never_removed_and_say_so(integration: OldDays) -> None:
    integration.ready(D, NEXT)

    with pytest.raises(SettingError) as caught:
        integration.remove(D)

    assert str(caught.value) == (
        "RETENTION_RAW_DAYS: Home Assistant's own integration writes these events: they are never removed from here; "
        "set the retention of their bucket (EVENTS_INFLUXDB_BUCKET) instead"
    )
    bucket = integration.home.settings.events_influxdb_bucket
    assert rows_in(integration, str(bucket), Measurement("kWh", (), ()), D).num_rows == 6
    assert integration.ledger(D) is None


def test_events_of_home_assistants_own_integration_are_archived_and_come_back_as_their_measurements(
    integration: OldDays, influxd: Influxd
) -> None:
    home, bucket = integration, str(integration.home.settings.events_influxdb_bucket)
    home.ready(D, NEXT)
    assert told(home, NEXT) == {
        "binary_sensor.hall": (6, None),
        "sensor.meter": (None, 5.5),
        "sensor.wind": (None, None),
    }
    assert archived(home, D).num_rows == 18
    names = ["binary_sensor.hall", "kWh", "km/h"]
    rows = {name: rows_in(home, bucket, Measurement(name, (), ()), D) for name in names}

    (restored,) = home.restore(D)

    assert (restored.rows, restored.put, restored.place) == (18, 18, f"{bucket}_restored")
    (found,) = influxd.influxql(f"{bucket}_restored", "SHOW MEASUREMENTS")
    assert [name for (name,) in found["values"]] == names
    for name in names:
        assert rows_in(home, f"{bucket}_restored", Measurement(name, (), ()), D).equals(rows[name]), name
    assert home.restore(D)[0].put == 0

    with closing(opened_bucket(bucket, home.home.settings)) as store:
        store.delete(Measurement("kWh", (), ()), home.window(D))
    assert home.restore(D, bucket=bucket)[0].put == 6
    assert rows_in(home, bucket, Measurement("kWh", (), ()), D).equals(rows["kWh"])


def test_a_bucket_that_drops_events_leaves_tiers_and_views_and_the_tiers_remember(
    integration: OldDays, influxd: Influxd
) -> None:
    home, bucket = integration, str(integration.home.settings.events_influxdb_bucket)
    home.ready(D, NEXT)
    tiers = home.tiers(D, NEXT)
    influxd.keep(bucket, 30_000)
    home.clock.now = home.window(D).end - 6 * HOUR + timedelta(days=30_000)
    with closing(opened_bucket(bucket, home.home.settings)) as store:
        for name in ("binary_sensor.hall", "kWh", "km/h"):
            store.delete(Measurement(name, (), ()), home.window(D))

    assert [bool(one.left) for one in home.roll_hourly(D, NEXT)] == [True, True]
    assert "the bucket of home_assistant_events keeps rows for 30000 days only" in str(home.roll_hourly(D)[0].left)
    assert home.tiers(D, NEXT) == tiers
    with opened_events(home.home, home.store) as events:
        newest = events.last_before(home.window(NEXT).start, known=True).to_pylist()
    assert [(row["entity_id"], row["normalized_value"]) for row in newest] == [
        ("binary_sensor.hall", None),
        ("sensor.meter", 5.5),
        ("sensor.wind", 17.5),
    ]
