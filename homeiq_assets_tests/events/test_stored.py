"""Events in our own store: pulled or simulated, with the same columns and order as anybody's; and which is chosen."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.defs.build import build_defs
from homeiq_assets.errors import HomeiqError, SettingError
from homeiq_assets.events.opening import opened_events
from homeiq_assets.events.stored import StoredEvents
from homeiq_assets.feeds.catalog import EVENTS
from homeiq_assets.feeds.registry import choice, observed, serves
from homeiq_assets.home import open_home
from homeiq_assets.reading import measurement_of
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS, HOME_ASSISTANT_HISTORY, tier_of
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.events.foreign_home import DAY, NOON, events_of, told
from homeiq_assets_tests.household import asset_key, household

VIENNA = ZoneInfo("Europe/Vienna")
SECOND = timedelta(seconds=1)
GRID, LAMP = "sensor.grid_power", "light.hall"
SettingsOf = Callable[..., Any]


@pytest.fixture
def store(tmp_path: Path) -> EmbeddedStore:
    return EmbeddedStore(tmp_path / "store")


@pytest.fixture
def put(store: EmbeddedStore) -> Callable[..., None]:
    def put(*events: tuple[str, datetime, str]) -> None:
        rows = [
            {
                "time": at, "entity_id": entity, "domain": entity.partition(".")[0], "state": state,
                "normalized_value": float(state) if state.isdigit() else None,
                "unit_of_measurement": "W" if entity == GRID else None,
            }
            for entity, at, state in events
        ]  # fmt: skip
        whole = Window(min(at for _, at, _ in events), max(at for _, at, _ in events) + SECOND)
        store.replace(HOME_ASSISTANT_HISTORY, rows_of(HOME_ASSISTANT_HISTORY, rows), whole)

    return put


def test_they_come_in_the_uniform_columns_in_order_of_time(store: EmbeddedStore, put: Callable[..., None]) -> None:
    put((GRID, NOON, "1"), (LAMP, NOON - SECOND, "on"), (LAMP, NOON, "off"), (GRID, NOON + timedelta(hours=13), "2"))
    events = StoredEvents(store)

    tables = list(events.stream(Window(DAY.start, DAY.end + timedelta(days=1))))

    assert all(table.schema.equals(HOME_ASSISTANT_EVENTS.arrow) for table in tables)
    found = [[(one["entity_id"], one["state"]) for one in told(table)] for table in tables]
    assert found == [[(LAMP, "on"), (LAMP, "off"), (GRID, "1")], [(GRID, "2")]]
    assert [one["state"] for one in events_of(events, domains=["light"])] == ["on", "off"]
    assert [one["state"] for one in events_of(events, entities=[GRID])] == ["1"]
    assert events.newest() == NOON + timedelta(hours=13)
    assert events.counts(Window(NOON, NOON + timedelta(hours=14)), VIENNA) == {
        date(2026, 11, 20): 2,
        date(2026, 11, 21): 1,
    }


def test_the_newest_before_an_instant_is_whole_and_may_look_behind_a_spell(
    store: EmbeddedStore, put: Callable[..., None]
) -> None:
    week = timedelta(days=7)
    put(
        (LAMP, NOON - 60 * week, "on"),
        (GRID, NOON - 3 * week, "7"),
        (GRID, NOON - week, "unavailable"),
        (GRID, NOON, "8"),
    )
    events = StoredEvents(store)

    newest, known = told(events.last_before(NOON)), told(events.last_before(NOON, known=True))

    assert [(one["entity_id"], one["state"]) for one in newest] == [(LAMP, "on"), (GRID, "unavailable")]
    assert "normalized_value" not in newest[1], "of the same event, not of an older one"
    assert [(one["state"], one.get("normalized_value")) for one in known] == [("on", None), ("7", 7.0)]
    assert known[1]["unit_of_measurement"] == "W"
    assert told(events.last_before(NOON - 61 * week)) == []


def test_without_any_event_there_is_nothing_and_no_error(store: EmbeddedStore) -> None:
    events = StoredEvents(store)
    assert list(events.stream(DAY)) == told(events.last_before(NOON, known=True)) == []
    assert events.newest() is None
    assert "no event yet" in events.probe()


@pytest.mark.parametrize(
    ("variables", "chosen"),
    [
        ({}, "simulated"),
        ({"EVENTS_SOURCE": "off"}, "off"),
        ({"EVENTS_SOURCE": "home_assistant"}, "home_assistant"),
        ({"HOME_ASSISTANT_URL": "http://10.0.0.2:8123", "HOME_ASSISTANT_TOKEN": "a-long-token"}, "simulated"),
        ({"INFLUXDB_URL": "http://127.0.0.1:9"}, "off"),
        ({"INFLUXDB_URL": "http://127.0.0.1:9", "EVENTS_SOURCE": "homeiq"}, "homeiq"),
        ({"EVENTS_SOURCE": "somebody"}, "unknown"),
    ],
)
def test_the_source_is_the_one_that_is_set(variables: dict[str, str], chosen: str, settings_of: SettingsOf) -> None:
    settings = settings_of(**variables)

    assert choice(EVENTS, settings) == chosen
    assert observed(EVENTS, settings) == (chosen == "homeiq")
    assert serves(EVENTS, settings) == (chosen in ("simulated", "home_assistant", "unknown"))
    assert build_defs(open_home(settings)).resolve_asset_graph().has(asset_key("feeds/home_assistant_events"))


@pytest.mark.parametrize("variables", [{"EVENTS_SOURCE": "off"}, {"EVENTS_SOURCE": "somebody"}])
def test_without_a_source_the_setting_is_named(
    variables: dict[str, str], settings_of: SettingsOf, store: EmbeddedStore
) -> None:
    with (
        pytest.raises(SettingError, match="EVENTS_SOURCE"),
        opened_events(open_home(settings_of(**variables)), store) as _,
    ):
        pass


def test_a_foreign_source_needs_a_database(settings_of: SettingsOf, store: EmbeddedStore) -> None:
    with (
        pytest.raises(SettingError, match="INFLUXDB_URL: is not set"),
        opened_events(open_home(settings_of(EVENTS_SOURCE="homeiq")), store) as _,
    ):
        pass


def test_a_simulated_home_has_events_without_any_setting(tmp_path: Path) -> None:
    home = household(tmp_path, datetime(2026, 11, 24, 10, 7, tzinfo=UTC))

    assert home.materialise("feeds/home_assistant_events", days="2026-11-20").success

    with opened_events(home.home, home.store) as events:
        found = events_of(events, local_day(date(2026, 11, 20), VIENNA))
    assert 500 < len(found) < 5000
    assert len({one["entity_id"] for one in found}) > 30
    assert {"W", "kWh", "°C"} < {one.get("unit_of_measurement") for one in found}
    assert {"kitchen", "hall", "bathroom"} < {one["area"] for one in found}
    again = home.files()
    home.materialise("feeds/home_assistant_events", days="2026-11-20")
    assert home.files() == again


def test_they_and_their_statistics_are_read_like_other_measurements() -> None:
    assert measurement_of("home_assistant_history", "raw") == HOME_ASSISTANT_HISTORY
    assert measurement_of("home_assistant_history", "hour") == tier_of(HOME_ASSISTANT_HISTORY, "hourly")
    with pytest.raises(HomeiqError, match="no daily tier"):
        measurement_of("home_assistant_history", "day")


def test_a_row_of_the_tier_may_hold_the_statistics_of_any_kind_of_entity() -> None:
    assert tier_of(HOME_ASSISTANT_HISTORY, "hourly").field_names == (
        "state_last", "state_changes", "state_count", "state_on_seconds", "state_seconds",
        "normalized_value_mean", "normalized_value_seconds", "normalized_value_min", "normalized_value_max",
        "normalized_value_count", "normalized_value_last", "normalized_value_increase",
        "unit_of_measurement_last", "last_reset_last",
    )  # fmt: skip
