"""Events pulled from Home Assistant's history, against a strict simulated one."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from homeiq_assets.errors import NoHistory, ProviderError, SettingError
from homeiq_assets.schema.measurements import HOME_ASSISTANT_HISTORY
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.feeds.events.pulled_home import (
    DAY,
    GRID,
    LAMP,
    MINUTE,
    MOTION,
    NOW,
    VIENNA,
    SettingsOf,
    answers,
    history,
    quiet,
    seen,
    served,
    variables,
)
from homeiq_assets_tests.household import checks_of, failure_of, household
from homeiq_assets_tests.simulated_vendors.home_assistant import HTML, TOKEN
from homeiq_assets_tests.simulated_vendors.home_assistant_history import HomeAssistantHistory
from homeiq_assets_tests.simulated_vendors.server import no_waiting

HOUR = Window(NOW - 60 * MINUTE, NOW + DAY)
POLL = Window(NOW - 30 * MINUTE, local_day(NOW.date() + DAY, VIENNA).end)


@pytest.fixture
def vendor() -> Iterator[HomeAssistantHistory]:
    with served() as running:
        yield running


def test_a_poll_brings_each_change_with_what_is_known_of_its_entity(
    vendor: HomeAssistantHistory, settings_of: SettingsOf
) -> None:
    at = NOW - 10 * MINUTE
    vendor.recorded[GRID] = [(at, "812.4"), (at + MINUTE, "unavailable")]
    vendor.recorded[MOTION] = [(at + 2 * MINUTE, "on")]
    vendor.recorded[LAMP] = [(at, "on")]

    (answer,) = answers(history(settings_of, vendor), POLL)

    assert answer.rows.schema.equals(HOME_ASSISTANT_HISTORY.arrow)
    assert [{name: value for name, value in row.items() if name != "time"} for row in answer.rows.to_pylist()] == [
        {
            "entity_id": MOTION, "domain": "binary_sensor", "device_class": "motion", "area": "hall", "state": "on",
            "normalized_value": 1.0, "energy_consumption": None, "unit_of_measurement": None, "state_class": None,
            "last_reset": None,
        },
        {
            "entity_id": GRID, "domain": "sensor", "device_class": "power", "area": "unknown", "state": "812.4",
            "normalized_value": 812.4, "energy_consumption": None, "unit_of_measurement": "W",
            "state_class": "measurement", "last_reset": None,
        },
        {
            "entity_id": GRID, "domain": "sensor", "device_class": "power", "area": "unknown", "state": "unavailable",
            "normalized_value": None, "energy_consumption": None, "unit_of_measurement": "W",
            "state_class": "measurement", "last_reset": None,
        },
    ]  # fmt: skip
    assert answer.covers.start == at
    assert at + 2 * MINUTE in answer.covers
    assert answer.covers.end < at + 3 * MINUTE, "behind the last change the recorder may not have written"


def test_what_held_when_the_window_began_is_no_event_and_what_changed_then_is(
    vendor: HomeAssistantHistory, settings_of: SettingsOf
) -> None:
    vendor.recorded[GRID] = [(HOUR.start - MINUTE, "1"), (HOUR.start + MINUTE, "2")]
    vendor.recorded[MOTION] = [(HOUR.start, "on")]

    (answer,) = answers(history(settings_of, vendor), HOUR)

    assert seen(answer.rows) == [(MOTION, HOUR.start, "on"), (GRID, HOUR.start + MINUTE, "2")]


def test_a_change_of_attributes_only_is_no_event(vendor: HomeAssistantHistory, settings_of: SettingsOf) -> None:
    vendor.recorded[GRID] = [(HOUR.start - MINUTE, "1"), (HOUR.start + MINUTE, "1"), (HOUR.start + 2 * MINUTE, "2")]

    (answer,) = answers(history(settings_of, vendor), HOUR)

    assert seen(answer.rows) == [(GRID, HOUR.start + 2 * MINUTE, "2")]


def test_a_state_that_is_none_is_left_out(vendor: HomeAssistantHistory, settings_of: SettingsOf) -> None:
    vendor.recorded[GRID] = [(NOW - 3 * MINUTE, ""), (NOW - 2 * MINUTE, None), (NOW - MINUTE, "2")]

    (answer,) = answers(history(settings_of, vendor), HOUR)

    assert seen(answer.rows) == [(GRID, NOW - MINUTE, "2")]


def test_a_window_that_has_not_begun_asks_nothing(vendor: HomeAssistantHistory, settings_of: SettingsOf) -> None:
    assert answers(history(settings_of, vendor), Window(NOW, NOW + DAY)) == []
    assert vendor.asked == []


def test_globs_choose_the_entities_and_a_slip_is_told(vendor: HomeAssistantHistory, settings_of: SettingsOf) -> None:
    for name in vendor.recorded:
        vendor.recorded[name] = [(NOW - MINUTE, "on")]

    def chosen(globs: str) -> set[str]:
        provider = history(settings_of, vendor, HOME_ASSISTANT_EVENTS=globs)
        return {entity for answer in answers(provider, HOUR) for entity, _, _ in seen(answer.rows)}

    assert chosen("light.*, Binary_Sensor.*motion*") == {LAMP, MOTION}
    assert chosen(LAMP) == {LAMP}
    with pytest.raises(ProviderError, match=r"HOME_ASSISTANT_EVENTS: none of the 3 entities .* sensor\.nothing"):
        chosen("sensor.nothing")
    for wrong in ("grid_power", " , "):
        with pytest.raises(SettingError, match="HOME_ASSISTANT_EVENTS"):
            chosen(wrong)


def test_an_entity_that_a_starting_home_assistant_does_not_list_yet_is_asked_for(
    vendor: HomeAssistantHistory, settings_of: SettingsOf
) -> None:
    provider = history(settings_of, vendor)
    provider.probe(NOW)
    vendor.recorded = {GRID: [(NOW - MINUTE, "1")], MOTION: [(NOW - MINUTE, "off")]}
    vendor.states = {MOTION: {}}

    (answer,) = answers(provider, HOUR)

    assert {entity for entity, _, _ in seen(answer.rows)} == {GRID, MOTION}
    assert set(answer.rows["device_class"].to_pylist()) == {"power", "motion"}


def test_many_entities_are_asked_for_in_addresses_of_a_legal_length(
    vendor: HomeAssistantHistory, settings_of: SettingsOf
) -> None:
    names = [f"sensor.a_rather_long_name_of_a_plug_{n:04}_power" for n in range(400)]
    vendor.states = {name: {"device_class": "power", "unit_of_measurement": "W"} for name in names}
    vendor.recorded = {name: [(NOW - MINUTE, "1")] for name in names}

    (answer,) = answers(history(settings_of, vendor), HOUR)

    assert answer.rows.num_rows == 400
    assert len(vendor.asked) == 5


def test_a_busy_homes_history_is_asked_for_in_parts_that_can_be_read(
    vendor: HomeAssistantHistory, settings_of: SettingsOf
) -> None:
    """3,000 changes of 4 kB each are more than is read of one answer."""
    vendor.recorded[GRID] = [(NOW - timedelta(seconds=n), f"{n} {'x' * 4000}") for n in range(3000, 0, -1)]

    (answer,) = answers(history(settings_of, vendor), Window(NOW - 60 * MINUTE, NOW))

    assert answer.rows.num_rows == 3000
    assert len(vendor.asked) == 3


def test_days_that_are_purged_are_no_history_and_a_quiet_day_is_none(
    vendor: HomeAssistantHistory, settings_of: SettingsOf
) -> None:
    vendor.recorded[GRID] = [(NOW - 30 * DAY, "1"), (NOW - 6 * DAY, "2"), (NOW, "3")]
    provider = history(settings_of, vendor)

    assert answers(provider, Window(NOW - 3 * DAY, NOW - 2 * DAY)) == [], "quiet: what held then is known"
    with pytest.raises(NoHistory, match=r"purge_keep_days.*home_assistant_history_hourly"):
        answers(provider, Window(NOW - 12 * DAY, NOW - 11 * DAY))
    vendor.purge_keep_days = 2
    with pytest.raises(NoHistory, match="purge_keep_days"):
        answers(provider, Window(NOW - 5 * DAY, NOW - 4 * DAY))


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (HTML, "not (complete) JSON"),
        ("", "nothing in it"),
        ('[{"entity_id": "sensor.grid_power"', "not (complete) JSON"),
        ('{"message": "Unauthorised"}', "not what the API promises"),
        ('[[{"entity_id": "sensor.grid_power", "state": 5, "last_changed": "2026-11-20T10:00:00+00:00"}]]', "promises"),
        ('[[{"entity_id": "sensor.grid_power", "state": "5", "last_changed": "yesterday"}]]', "promises"),
        ("null", "promises"),
    ],
)
def test_what_is_no_history_is_told_with_its_beginning(
    answer: str, told: str, vendor: HomeAssistantHistory, settings_of: SettingsOf
) -> None:
    vendor.answer = answer
    with no_waiting(), pytest.raises(ProviderError) as failure:
        answers(history(settings_of, vendor), HOUR)

    assert "home_assistant: " in str(failure.value)
    assert told in str(failure.value)
    assert TOKEN not in str(failure.value)


def test_a_history_of_what_was_not_asked_for_is_refused(vendor: HomeAssistantHistory, settings_of: SettingsOf) -> None:
    vendor.answer = json.dumps([[{"entity_id": "sensor.x", "state": "5", "last_changed": NOW.isoformat()}]])
    with pytest.raises(ProviderError, match=r"'sensor\.x', which was not asked for"):
        answers(history(settings_of, vendor), HOUR)


@pytest.mark.parametrize(
    "listing", [HTML, "[]", '[{"entity_id": 5, "attributes": {}}]', '[{"entity_id": "a.b"}]', "{}"]
)
def test_a_list_of_states_that_is_none_asks_for_no_history(
    listing: str, vendor: HomeAssistantHistory, settings_of: SettingsOf
) -> None:
    vendor.listing = listing
    with no_waiting(), pytest.raises(ProviderError, match="home_assistant: "):
        answers(history(settings_of, vendor), HOUR)
    assert vendor.asked == []


def test_a_refused_token_names_its_setting_and_is_never_shown(
    vendor: HomeAssistantHistory, settings_of: SettingsOf
) -> None:
    wrong = "eyJhbGciOiJIUzI1NiJ9.another-token"
    with pytest.raises(ProviderError, match="HOME_ASSISTANT_TOKEN") as failure:
        history(settings_of, vendor, HOME_ASSISTANT_TOKEN=wrong).probe(NOW)
    assert wrong not in str(failure.value)


def test_without_a_url_the_setting_is_named(vendor: HomeAssistantHistory, settings_of: SettingsOf) -> None:
    with pytest.raises(SettingError, match="HOME_ASSISTANT_URL: is not set"):
        history(settings_of, vendor, HOME_ASSISTANT_URL="").probe(NOW)


class TestInARun:
    def test_a_backfill_over_the_long_day_and_then_a_bad_answer(
        self, tmp_path: Path, vendor: HomeAssistantHistory
    ) -> None:
        now = datetime(2026, 10, 27, 10, tzinfo=UTC)
        vendor.now = now
        days = [local_day(datetime(2026, 10, day, tzinfo=UTC).date(), VIENNA) for day in (24, 25, 26)]
        hours = [days[0].start + 60 * n * MINUTE for n in range(73)]
        vendor.recorded[GRID] = [(hour, str(n)) for n, hour in enumerate(hours)]
        home = household(tmp_path, now, **variables(vendor), **quiet())

        result = home.materialise("feeds/home_assistant_events", days=("2026-10-24", "2026-10-26"))

        assert result.success, failure_of(result)
        counted = [home.stored(HOME_ASSISTANT_HISTORY, f"2026-10-{day}").num_rows for day in (24, 25, 26)]
        assert counted == [24, 25, 24]
        assert len(vendor.asked) == 3, "a request a day"
        before = home.stored(HOME_ASSISTANT_HISTORY)
        vendor.answer = HTML
        with no_waiting():
            failed = home.materialise("feeds/home_assistant_events", days="2026-10-25")
        assert not failed.success
        assert "not (complete) JSON" in failure_of(failed)
        assert home.stored(HOME_ASSISTANT_HISTORY).equals(before)

    def test_a_poll_goes_on_where_the_last_one_ended(self, tmp_path: Path, vendor: HomeAssistantHistory) -> None:
        vendor.recorded[GRID] = [(NOW - 40 * MINUTE + n * MINUTE, str(n)) for n in range(120)]
        home = household(tmp_path, NOW, **variables(vendor), **quiet())
        assert home.poll("home_assistant_events").success
        vendor.now = home.clock.now = NOW + 15 * MINUTE

        result = home.poll("home_assistant_events")

        assert result.success
        assert checks_of(result, "feeds/home_assistant_events")["gaps"].passed
        assert [int(state) for _, _, state in seen(home.stored(HOME_ASSISTANT_HISTORY))] == list(range(55))


def test_where_a_proxy_lets_no_socket_through_events_come_without_their_areas(
    vendor: HomeAssistantHistory, settings_of: SettingsOf, caplog: pytest.LogCaptureFixture
) -> None:
    vendor.socket = False
    vendor.recorded[MOTION] = [(NOW - 10 * MINUTE, "on")]
    (answer,) = answers(history(settings_of, vendor), POLL)
    assert answer.rows["area"].to_pylist() == ["unknown"]
    assert "HOME_ASSISTANT_URL" in caplog.text
