"""A home whose entities said a few things, in whichever place events are; and what its tiers and views say of a day."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS, HOME_ASSISTANT_HISTORY
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets.views.events import activity_days, energy_days
from homeiq_assets.window import HOUR
from homeiq_assets_tests.events.foreign_home import line
from homeiq_assets_tests.retention.old_days import DAY, OldDays, in_influxdb, old_days, three_at_night
from homeiq_assets_tests.stores.influxd import Influxd

D = date(2026, 3, 10)
METER, MODE, MOTION = "sensor.meter", "sensor.mode", "binary_sensor.hall"
CLASSES = {METER: "energy", MOTION: "motion"}
Said = tuple[float, str, Any]
"""How many days before D (at noon; negative: hours of D), the entity, the state; a float is a number in kWh."""


def fields_of(entity: str, state: Any) -> dict[str, Any]:
    if isinstance(state, float):
        return {"state": str(state), "normalized_value": state, "unit_of_measurement": "kWh"}
    return {"state": state} | ({"normalized_value": float(state == "on")} if state in ("on", "off") else {})


def home_in(place: str, folder: Path, influxd: Callable[[], Influxd], said: list[Said], **changed: Any) -> OldDays:
    """A home in which the entities said that; `changed` are settings, and fields of every row that are other ones."""
    variables = {"EVENTS_SOURCE": "home_assistant", "HOME_ASSISTANT_URL": "http://127.0.0.1:1"}
    variables |= {"HOME_ASSISTANT_TOKEN": "never-asked"}
    variables |= {name: changed.pop(name) for name in list(changed) if name.isupper()}
    if place != "embedded":
        server = influxd()
        bucket = server.create_bucket()
        variables |= in_influxdb(server, bucket)
    foreign = place in ("homeiq", "home_assistant_influxdb")
    if foreign:
        variables |= {"EVENTS_SOURCE": place, "EVENTS_INFLUXDB_BUCKET": server.create_bucket()}
    store = EmbeddedStore(folder / "store") if place == "embedded" else None
    home = old_days(
        folder / "home", store, three_at_night(D + DAY), zone="UTC", measurement=HOME_ASSISTANT_EVENTS,
        stored_as=HOME_ASSISTANT_EVENTS if foreign else HOME_ASSISTANT_HISTORY, **variables,
    )  # fmt: skip
    lines = []
    for ago, entity, state in said:
        time = home.window(D).start + (12 * HOUR - ago * DAY if ago > 0 else -ago * HOUR)
        domain, _, name = entity.partition(".")
        fields = {key: one for key, one in (fields_of(entity, state) | changed).items() if one is not None}
        tags = {"device_class": CLASSES.get(entity, "unknown"), "area": "hall"}
        if place == "home_assistant_influxdb":
            number = {"value": fields["normalized_value"]} if isinstance(state, float) else {"state": state}
            unit = "kWh" if entity == METER else entity
            more = {"device_class_str": tags["device_class"]}
            lines.append(line(unit, {"entity_id": name, "domain": domain, "area": "hall"}, number | more, time))
        elif foreign:
            lines.append(line("home_assistant_events", {"entity_id": entity, "domain": domain, **tags}, fields, time))
        else:
            home.put([{"time": time, "entity_id": entity, "domain": domain, **tags, **fields}])
    if foreign:
        server.write(variables["EVENTS_INFLUXDB_BUCKET"], "\n".join(lines))
    return home


def told(home: OldDays) -> dict[str, Any]:
    """Of D: the meter's energy in its tier and in the view, changes of the others, and how often motion was seen."""
    rolled = home.roll(D)
    assert [(one.left, one.differs) for one in rolled] == [(None, None)] * 2
    tier = {row["entity_id"]: row for row in home.tier("daily", D).to_pylist()}
    (energy,) = energy_days([D], home.home, home.store)
    (rooms,) = activity_days([D], home.home, home.store)
    found = {
        "tier": tier.get(METER, {}).get("normalized_value_increase"),
        "view": next(iter(energy.rows["total_kwh"].to_pylist()), None),
        "changes": {name: row["state_changes"] for name, row in tier.items() if name != METER},
        "motion": sum(rooms.rows["motion_count"].to_pylist()),
    }
    return {name: value for name, value in found.items() if value not in (None, {}, 0)}


OURS = ["embedded", pytest.param("influxdb", marks=pytest.mark.influxdb)]
THEIRS = [pytest.param(one, marks=pytest.mark.influxdb) for one in ("homeiq", "home_assistant_influxdb")]
