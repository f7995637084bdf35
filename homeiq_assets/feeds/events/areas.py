"""Which area each entity is in, and was in before, from Home Assistant's registries; asked for once a day.

The registries say where an entity is now. What they said earlier is kept, so that an event stays in the area that its
entity had at its own time.
"""

import logging
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AwareDatetime, BaseModel

from homeiq_assets.errors import ProviderError
from homeiq_assets.schema.measurement import TIME
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors import state_files
from homeiq_assets.vendors.home_assistant.socket import HomeAssistantSocket, UnknownCommandError, failure

logger = logging.getLogger(__name__)
LIFE = timedelta(days=1)
_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
"""since when an entity is in the area in which it was first seen"""


class Change(BaseModel):
    """An entity is in an area (in none) since an instant."""

    since: AwareDatetime
    area: str | None


class _Kept(BaseModel):
    at: state_files.Instant
    url: str
    changes: dict[str, list[Change]]


@dataclass(frozen=True)
class Areas:
    """The areas of entities over time: of each entity its changes, in their order."""

    changes: Mapping[str, Sequence[Change]] = field(default_factory=dict)

    def of(self, entity_id: str, at: datetime) -> str | None:
        """The area in which an entity was at an instant, None for none."""
        changes = self.changes.get(entity_id, ())
        place = bisect_right([change.since for change in changes], at)
        return changes[place - 1].area if place else None

    def at(self, instant: datetime) -> dict[str, str]:
        """Entity id -> the id of its area at an instant; entities without are left out."""
        found = {entity: self.of(entity, instant) for entity in self.changes}
        return {entity: area for entity, area in found.items() if area is not None}

    def column(self, entities: pa.ChunkedArray, times: pa.ChunkedArray) -> pa.ChunkedArray:
        """As `of`, for each of many entities and times."""
        found = pa.chunked_array([pa.nulls(len(entities), pa.string())])
        for number in range(max(map(len, self.changes.values()), default=0)):
            known = {entity: one[number] for entity, one in self.changes.items() if number < len(one)}
            place = pc.index_in(entities, value_set=pa.array(list(known), pa.string()))
            since = pa.array([change.since for change in known.values()], TIME).take(place)
            area = pa.array([change.area for change in known.values()], pa.string()).take(place)
            found = pc.if_else(pc.fill_null(pc.greater_equal(times, since), False), area, found)
        return found


def areas_of(settings: Settings, now: datetime) -> Areas:
    """The areas of entities, their own or else their device's; before it was first asked, those of that time.

    Empty without `HOME_ASSISTANT_URL` and `HOME_ASSISTANT_TOKEN`, and where it has no registries. Where Home
    Assistant is away, what was kept longer ago stands. Raises SettingError, and ProviderError where nothing was kept.
    """
    settings.sound("HOME_ASSISTANT_URL", "HOME_ASSISTANT_TOKEN")
    if settings.home_assistant_url is None or settings.home_assistant_token is None:
        return Areas()
    file, url = settings.homeiq_home / "home_assistant_areas.json", settings.home_assistant_url
    known = state_files.read(file, _Kept)
    if known is not None and known.url != url:
        known = None
    if known is not None and known.at <= now < known.at + LIFE:
        return Areas(known.changes)
    try:
        found = _asked(url, settings.required("HOME_ASSISTANT_TOKEN"), settings.vendor_patience)
    except ProviderError as error:
        if known is not None:
            logger.warning("areas as of %s are used: %s", known.at, error)
            return Areas(known.changes)
        if isinstance(error, UnknownCommandError):
            logger.warning("no area is known: %s", error)
            return Areas()
        raise
    changes = _changed({} if known is None else known.changes, found, _ALWAYS if known is None else now)
    state_files.write(file, _Kept(at=now, url=url, changes=changes))
    return Areas(changes)


def _changed(before: Mapping[str, list[Change]], found: Mapping[str, str], now: datetime) -> dict[str, list[Change]]:
    changes = {entity: list(one) for entity, one in before.items()}
    for entity in sorted({*before, *found}):
        past, area = changes.setdefault(entity, []), found.get(entity)
        if area != (past[-1].area if past else None):
            # A clock that was set back does not put them out of order.
            past.append(Change(since=max([now, *(change.since for change in past)]), area=area))
    return changes


def _asked(url: str, token: str, patience: float) -> dict[str, str]:
    with HomeAssistantSocket(url, token, patience) as socket:
        devices, entities = socket.registry("device"), socket.registry("entity")
    try:
        of_device = {device["id"]: device.get("area_id") for device in devices}
        found = {one["entity_id"]: one.get("area_id") or of_device.get(one.get("device_id")) for one in entities}
    except (KeyError, TypeError):
        raise failure(f"the registries of {url} are not what its API promises; is HOME_ASSISTANT_URL right?") from None
    return {str(entity): str(area) for entity, area in found.items() if area}
