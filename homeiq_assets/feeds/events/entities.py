"""Which of Home Assistant's entities are pulled, and what is known of them beside their states.

An entity is remembered for as long as Home Assistant keeps its states: while it starts it does not list all of them,
and what is asked for without them would be stored without them.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from pydantic import BaseModel, ConfigDict, RootModel

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors import state_files
from homeiq_assets.vendors.home_assistant.socket import failure
from homeiq_assets.vendors.http import VendorClient

SETTING = "HOME_ASSISTANT_EVENTS"
DEFAULT_CLASSES: Mapping[str, frozenset[str]] = {
    "sensor": frozenset({"power", "energy"}),
    "binary_sensor": frozenset({"motion", "occupancy", "presence", "door"}),
}
KEPT = timedelta(days=10)


class Entity(BaseModel):
    """What is known of an entity; texts are None where Home Assistant does not say them."""

    device_class: str | None = None
    unit: str | None = None
    seen: state_files.Instant


class _Attributes(BaseModel):
    model_config = ConfigDict(strict=True)

    device_class: str | None = None
    unit_of_measurement: str | None = None


class _State(BaseModel):
    model_config = ConfigDict(strict=True)

    entity_id: str
    attributes: _Attributes


class _States(RootModel[list[_State]]):
    pass


class _Known(RootModel[dict[str, Entity]]):
    pass


def globs(settings: Settings) -> list[str]:
    """The patterns of `HOME_ASSISTANT_EVENTS`, none where it is not set. Raises SettingError."""
    settings.sound(SETTING)
    found = [part.strip().lower() for part in (settings.home_assistant_events or "").split(",") if part.strip()]
    for glob in found:
        if "." not in glob and "*" not in glob:
            raise SettingError(SETTING, f"{glob!r} is no entity id such as sensor.grid_power, and no pattern with *")
    if settings.home_assistant_events is not None and not found:
        raise SettingError(SETTING, f"{settings.home_assistant_events!r} names no entity")
    return found


def wanted(entity_id: str, device_class: str | None, patterns: list[str]) -> bool:
    """Whether an entity is pulled: one that a pattern names or, without patterns, one of the default classes."""
    if patterns:
        return any(fnmatchcase(entity_id, pattern) for pattern in patterns)
    return device_class in DEFAULT_CLASSES.get(entity_id.partition(".")[0], ())


def entities(client: VendorClient, settings: Settings, now: datetime) -> dict[str, Entity]:
    """Entity id -> what is known of it, of all that are pulled. Raises ProviderError, also where there are none."""
    patterns = globs(settings)
    states = client.get("/api/states", expect=_States, credentials=["HOME_ASSISTANT_TOKEN"]).root
    file = settings.homeiq_home / "caches" / "home_assistant_entities.json"
    remembered = state_files.read(file, _Known)
    known = {
        name: entity
        for name, entity in (remembered.root if remembered else {}).items()
        if now - entity.seen < KEPT and wanted(name, entity.device_class, patterns)
    }
    for state in states:
        told, before = state.attributes, known.get(state.entity_id)
        device_class = told.device_class or (before.device_class if before else None)
        if wanted(state.entity_id, device_class, patterns):
            unit = told.unit_of_measurement or (before.unit if before else None)
            known[state.entity_id] = Entity(device_class=device_class, unit=unit, seen=now)
    if not known:
        raise _none(patterns, len(states))
    state_files.write(file, _Known(known))
    return dict(sorted(known.items()))


def _none(patterns: list[str], listed: int) -> ProviderError:
    of = ", ".join(patterns) if patterns else "power, energy, motion, occupancy, presence and door sensors"
    return failure(f"{SETTING}: none of the {listed} entities of Home Assistant is among {of}; name some, * is allowed")
