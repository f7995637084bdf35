"""What entities last said, where the events that said it are gone: from tiers and archive, and the newest of all."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from homeiq_assets.events.last_known import RememberingEvents
from homeiq_assets.events.opening import opened_events
from homeiq_assets.retention.ages import Level
from homeiq_assets.retention.removal import Outcome
from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS, HOME_ASSISTANT_HISTORY
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets.window import HOUR, Window
from homeiq_assets_tests.retention.old_days import DAY, OldDays, old_days, three_at_night

D = date(2025, 10, 26)
LATER = D + 5 * DAY
KWH = {"unit_of_measurement": "kWh", "device_class": "energy", "area": "cellar"}


@pytest.fixture
def home(tmp_path: Path) -> OldDays:
    """Entities of every kind on one day; one of them speaks again, and another for the first time, five days later."""
    made = old_days(
        tmp_path / "home",
        EmbeddedStore(tmp_path / "store"),
        three_at_night(D + 40 * DAY),
        measurement=HOME_ASSISTANT_EVENTS,
        stored_as=HOME_ASSISTANT_HISTORY,
        EVENTS_SOURCE="simulated",
        RETENTION_RAW_DAYS="home_assistant_events=7",
    )
    said: tuple[tuple[date, float, str, str, dict[str, Any]], ...] = (
        (D, 3, "sensor.meter", "17.5", {"normalized_value": 17.5, **KWH}),
        (D, 20.5, "sensor.meter", "unavailable", KWH),
        (D, 4, "binary_sensor.door", "on", {"normalized_value": 1.0}),
        (D, 21, "binary_sensor.door", "off", {"normalized_value": 0.0}),
        (D, 5, "sensor.programme", "washing", {}),
        (D, 6, "sensor.silent", "unavailable", {}),
        (D, 7, "sensor.heat", "21", {"normalized_value": 21.0, "unit_of_measurement": "°C"}),
        (LATER, 1, "sensor.heat", "19", {"normalized_value": 19.0, "unit_of_measurement": "°C"}),
        (LATER, 2, "light.new", "on", {"normalized_value": 1.0}),
    )
    for day, hour, entity, state, more in said:
        time = made.window(day).start + hour * HOUR
        made.put([{"time": time, "entity_id": entity, "domain": entity.split(".")[0], "state": state, **more}])
    made.ready(D, D + DAY, LATER)
    return made


def gone(home: OldDays, *levels: Level) -> None:
    """The first day gone from these levels."""
    for level in levels:
        if level is Level.DAILY:
            home.archive_months(D.replace(day=1))
        (removal,) = home.remove(D, level=level)
        assert removal.outcome is Outcome.REMOVED, removal.reason


def last(home: OldDays, day: date, **how: Any) -> dict[str, tuple[Any, ...]]:
    """What each entity said last before a day: its number, else its state, and the unit."""
    with opened_events(home.home, home.store) as events:
        rows = events.last_before(home.window(day).start, known=True, **how).to_pylist()
    assert [row["entity_id"] for row in rows] == sorted(row["entity_id"] for row in rows)
    return {
        row["entity_id"]: (
            row["state"] if row["domain"] != "sensor" or row["normalized_value"] is None else row["normalized_value"],
            row["unit_of_measurement"],
        )
        for row in rows
    }


@pytest.mark.parametrize("levels", [(), (Level.RAW,), (Level.RAW, Level.HOURLY), tuple(Level)])
def test_every_entity_is_remembered_whatever_keeps_what_it_said(home: OldDays, levels: tuple[Level, ...]) -> None:
    gone(home, *levels)

    assert last(home, LATER) == {
        "binary_sensor.door": ("off", None),
        "sensor.heat": (21.0, "°C"),
        "sensor.meter": (17.5, "kWh"),
        "sensor.programme": ("washing", None),
    }


def test_what_was_said_since_is_newer_than_what_is_remembered(home: OldDays) -> None:
    gone(home, *Level)

    newest = last(home, LATER + DAY)

    assert newest["sensor.heat"] == (19.0, "°C")
    assert newest["light.new"] == ("on", None)
    assert newest["sensor.meter"] == (17.5, "kWh")


def test_nothing_is_remembered_of_later_days_than_asked_for(home: OldDays) -> None:
    gone(home, Level.RAW, Level.HOURLY)

    assert last(home, D) == {}
    assert "light.new" not in last(home, LATER)


def test_no_further_back_is_looked_than_wanted(home: OldDays) -> None:
    gone(home, Level.RAW)
    start = home.window(LATER).start

    assert last(home, LATER, since=start - DAY) == {}
    assert last(home, LATER, since=home.window(D).start + 10 * HOUR).keys() == {"binary_sensor.door"}
    assert "sensor.meter" in last(home, LATER, since=start - timedelta(days=8))


def test_a_remembered_event_is_one_in_every_column(home: OldDays) -> None:
    gone(home, Level.RAW)
    with opened_events(home.home, home.store) as events:
        rows = events.last_before(home.window(LATER).start, known=True)

    assert rows.schema == HOME_ASSISTANT_EVENTS.arrow
    meter = rows.to_pylist()[2]
    assert meter["time"].to_pydatetime() == home.window(D).start + 3 * HOUR, "the hour in which it was said"
    assert (meter["domain"], meter["device_class"], meter["state"]) == ("sensor", "unknown", None)


def test_all_else_is_what_the_source_says(home: OldDays) -> None:
    with opened_events(home.home, home.store) as events:
        assert isinstance(events, RememberingEvents)
        window = Window(home.window(D).start, home.window(LATER).end)
        for source in (events, events.source):
            assert sum(table.num_rows for table in source.stream(window, domains=["sensor"])) == 6
            assert source.counts(home.window(LATER), home.home.zone) == {LATER: 2}
        assert events.newest() == events.source.newest() == home.window(LATER).start + 2 * HOUR
        assert events.probe() == events.source.probe()
        assert events.keeps() is None


def test_events_that_stay_for_ever_need_no_remembering(tmp_path: Path) -> None:
    home = old_days(tmp_path / "home", EmbeddedStore(tmp_path / "store"), three_at_night(D), EVENTS_SOURCE="simulated")

    with opened_events(home.home, home.store) as events:
        assert not isinstance(events, RememberingEvents)
