"""The last known value of an entity, however old and whatever came after it, wherever the events are."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from homeiq_assets.events.opening import opened_events
from homeiq_assets.window import HOUR
from homeiq_assets_tests.events.foreign_home import line
from homeiq_assets_tests.events.said_home import METER, MODE, MOTION, OURS, THEIRS, D, Said, home_in, told
from homeiq_assets_tests.retention.old_days import DAY
from homeiq_assets_tests.stores.influxd import Influxd


@pytest.mark.influxdb
def test_a_meter_without_states_is_compared_with_what_it_said_four_days_ago(
    tmp_path: Path, server: Callable[[], Influxd]
) -> None:
    said: list[Said] = [(4, METER, 100.0), (-9, METER, 150.0)]
    home = home_in("homeiq", tmp_path, server, said, state=None)
    spoken = {"entity_id": MOTION, "domain": "binary_sensor", "device_class": "motion", "area": "hall"}
    bucket = home.home.settings.required("EVENTS_INFLUXDB_BUCKET")
    server().write(bucket, line("home_assistant_events", spoken, {"state": "off"}, home.window(D).start + HOUR))

    assert told(home) == {"tier": 50.0, "view": 50.0, "changes": {MOTION: 0}}


@pytest.mark.influxdb
def test_states_that_are_stored_as_numbers_count_like_others(tmp_path: Path, server: Callable[[], Influxd]) -> None:
    """Another program writes the state of a meter as a number, and beside it states that are texts."""
    home = home_in("homeiq", tmp_path, server, [(-9, METER, 150.0)], state=None)
    spoken = {"entity_id": METER, "domain": "sensor", "device_class": "energy", "area": "hall"}
    bucket, start = home.home.settings.required("EVENTS_INFLUXDB_BUCKET"), home.window(D - 20 * DAY).start
    server().write(bucket, line("home_assistant_events", spoken, {"state": 100.0, "unit_of_measurement": "kWh"}, start))
    server().write(bucket, line("home_assistant_events", spoken, {"state": "unavailable"}, start + 8 * DAY))

    assert told(home) == {"tier": 50.0, "view": 50.0}


@pytest.mark.parametrize("place", [*OURS, *THEIRS])
def test_a_text_without_a_number_hides_no_number(place: str, tmp_path: Path, server: Callable[[], Influxd]) -> None:
    said: list[Said] = [(4, METER, 100.0), (3, METER, "starting"), (-9, METER, 150.0)]

    assert told(home_in(place, tmp_path, server, said)) == {"tier": 50.0, "view": 50.0}


@pytest.mark.parametrize("place", [*OURS, *THEIRS])
def test_a_number_hides_no_text(place: str, tmp_path: Path, server: Callable[[], Influxd]) -> None:
    """A text that once was a number is compared with the text before that number."""
    said: list[Said] = [(9, MODE, "eco"), (-9, MODE, "boost"), (-10, MODE, "boost")]

    assert told(home_in(place, tmp_path, server, said)) == {"changes": {MODE: 1}}


@pytest.mark.parametrize("place", [*OURS, THEIRS[0]])
@pytest.mark.parametrize("days", [4, 40, 400])
def test_a_spell_without_a_value_may_be_as_long_as_it_likes(
    place: str, days: int, tmp_path: Path, server: Callable[[], Influxd]
) -> None:
    said: list[Said] = [(days, METER, 100.0), (days, MODE, "eco"), (days, MOTION, "off")]
    said += [(ago, entity, "unavailable") for ago in (days - 1, 2) for entity in (METER, MODE, MOTION)]
    said += [(-9, METER, 150.0), (-9, MODE, "boost"), (-9, MOTION, "on")]

    assert told(home_in(place, tmp_path, server, said)) == {
        "tier": 50.0, "view": 50.0, "changes": {MODE: 1, MOTION: 1}, "motion": 1,
    }  # fmt: skip


@pytest.mark.parametrize("place", [*OURS, THEIRS[0]])
def test_motion_that_was_on_before_it_was_unavailable_has_not_begun_again(
    place: str, tmp_path: Path, server: Callable[[], Influxd]
) -> None:
    said: list[Said] = [(40, MOTION, "on"), (39, MOTION, "unavailable"), (-9, MOTION, "on")]

    assert told(home_in(place, tmp_path, server, said)) == {"changes": {MOTION: 0}}


@pytest.mark.influxdb
def test_the_unit_of_a_number_is_found_with_it(tmp_path: Path, server: Callable[[], Influxd]) -> None:
    home = home_in("homeiq", tmp_path, server, [(5, METER, 100.0), (-9, METER, 150.0)])
    spoken = {"entity_id": METER, "domain": "sensor", "device_class": "energy", "area": "hall"}
    bucket, start = home.home.settings.required("EVENTS_INFLUXDB_BUCKET"), home.window(D - 3 * DAY).start
    server().write(bucket, line("home_assistant_events", spoken, {"normalized_value": 120.0}, start))
    server().write(
        bucket,
        line("home_assistant_events", spoken, {"state": "low", "unit_of_measurement": "%"}, start + HOUR),
    )

    assert told(home) == {"tier": 30.0, "view": 30.0}
    with opened_events(home.home, home.store) as events:
        known = events.last_before(home.window(D).start, known=True).to_pylist()
    assert [(row["state"], row["normalized_value"], row["unit_of_measurement"]) for row in known] == [
        ("100.0", 100.0, "kWh"),
        (None, 120.0, "kWh"),
        ("low", None, "%"),
    ]


def test_a_day_is_the_same_whichever_days_were_rolled_before_it(tmp_path: Path) -> None:
    """What an entity said long ago decides nothing of a day, unless it is compared with it."""
    said: list[Said] = [(12, MODE, 7.0), (2, MODE, "eco"), (1, MODE, "boost"), (-9, MODE, "eco")]
    home = home_in("embedded", tmp_path, lambda: pytest.fail("needs no server"), said)

    home.roll(*(D - n * DAY for n in range(13)))
    at_once = home.tiers(D)
    home.roll(D)

    assert home.tiers(D) == at_once
    assert at_once[1]["state_changes"].to_pylist() == [1]


def test_days_that_were_removed_are_remembered_after_the_setting_is_gone(tmp_path: Path) -> None:
    said: list[Said] = [(20, METER, 100.0), (-9, METER, 150.0)]
    home = home_in("embedded", tmp_path, lambda: pytest.fail("needs no server"), said)
    old = D - timedelta(days=20)
    home.ready(old, old + DAY, D)
    (removal,) = home.remove(old)
    assert removal.reason is None

    assert told(home) == {"tier": 50.0, "view": 50.0}
