"""Events pulled from Home Assistant's history over its REST API, for as far back as its recorder keeps states.

Some hours are asked for at a time, as states come with all their attributes, and of some entities at a time, as far as
the length of an address allows. Unit, classes and area of an event are those that its entity had then, not today's.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
from pydantic import AwareDatetime, BaseModel, ConfigDict, RootModel

from homeiq_assets.errors import NoHistory, ProviderError
from homeiq_assets.feeds.events.areas import Areas, areas_of
from homeiq_assets.feeds.events.entities import Entity, entities
from homeiq_assets.feeds.events.meters import NO_STATE_CLASS, instant
from homeiq_assets.feeds.events.values import normalized
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import HOME_ASSISTANT_HISTORY, HOME_ASSISTANT_HISTORY_HOURLY
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.answers import TooLarge
from homeiq_assets.vendors.home_assistant.socket import NAME, failure
from homeiq_assets.vendors.http import VendorClient
from homeiq_assets.window import Window

CONNECTION = ("HOME_ASSISTANT_URL", "HOME_ASSISTANT_TOKEN")
LONGEST_IDS = 4000
"""Characters of entity ids in one address; Home Assistant takes a line of 8,190."""
MICROSECOND = timedelta(microseconds=1)
SHORTEST = timedelta(minutes=5)

logger = logging.getLogger(__name__)


class _Row(BaseModel):
    # Rows after an entity's first may lack what did not change.
    model_config = ConfigDict(strict=True)

    entity_id: str | None = None
    state: str | None
    last_changed: AwareDatetime
    attributes: dict[str, Any] | None = None


class _History(RootModel[list[list[_Row]]]):
    pass


@dataclass(frozen=True)
class _Event:
    """A change of a state; `attributes` are those that its entity had then, empty where they are not said."""

    entity_id: str
    at: datetime
    state: str
    attributes: Mapping[str, Any]


class History:
    """Rows of `home_assistant_history`: an event for each change of a state."""

    name = NAME
    measurement = HOME_ASSISTANT_HISTORY
    longest = timedelta(hours=25)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def fetch(self, window: Window, now: datetime) -> Iterable[Answer]:
        """The changes of the window, vouched for from the first to the last: before it states may have been purged,
        after it the recorder may not have written yet.

        Raises ProviderError; NoHistory for a past window of which nothing is kept.
        """
        if now <= window.start:
            return
        known = Window(window.start, min(window.end, now))
        with self._client() as client:
            pulled = entities(client, self._settings, now)
            events = [event for group in _groups(pulled) for event in self._divided(client, group, known)]
            gone = not events and window.end <= now and not self._reaches(client, list(pulled), known)
        if events:
            times = [event.at for event in events]
            covers = Window(min(times), max(times) + MICROSECOND)
            # Entities that were not asked for stay as they are stored. One that was renamed is asked for under both
            # names, and has its past under the new one.
            absent = frozenset(pulled) - {event.entity_id for event in events}
            yield Answer(_rows(events, pulled, self._areas(now)), covers, apart="entity_id", absent=absent)
        elif gone:
            raise NoHistory(
                NAME,
                f"it has no states of {window} any more: its recorder keeps them for purge_keep_days, 10 days "
                f"unless set otherwise; the hours before that are in {HOME_ASSISTANT_HISTORY_HOURLY.name}",
            )

    def probe(self, now: datetime) -> str:
        """List the states, and what is chosen of them."""
        with self._client() as client:
            return f"the history of {len(entities(client, self._settings, now))} entities"

    def _client(self) -> VendorClient:
        self._settings.require(*CONNECTION)
        headers = {"Authorization": f"Bearer {self._settings.required('HOME_ASSISTANT_TOKEN')}"}
        url = self._settings.required("HOME_ASSISTANT_URL")
        return VendorClient(NAME, url, self._settings, headers=headers, timeout=30, budget=90)

    def _areas(self, now: datetime) -> Areas:
        """Entities' areas; none where a proxy, say, lets no WebSocket through, for events are worth more than areas."""
        try:
            return areas_of(self._settings, now)
        except ProviderError as error:
            if error.retryable:
                raise
            logger.warning("no area is known: %s", error)
            return Areas()

    def _divided(self, client: VendorClient, ids: list[str], window: Window) -> Iterator[_Event]:
        """As `_changes`; where a busy home's answer is larger than is read, it is asked for in halves."""
        try:
            yield from list(self._changes(client, ids, window))
        except TooLarge:
            if window.length <= SHORTEST:
                raise
            for half in window.chunks(window.length / 2):
                yield from self._divided(client, ids, half)

    def _changes(self, client: VendorClient, ids: list[str], window: Window) -> Iterator[_Event]:
        """Each change in the window.

        The history begins behind the instant asked for, so a microsecond earlier is asked; the state that held then is
        no event.
        """
        parameters = {
            "filter_entity_id": ",".join(ids),
            "end_time": _stamp(window.end),
            "significant_changes_only": "0",
            "skip_initial_state": "",
        }
        for series in self._history(client, window.start - MICROSECOND, parameters):
            name = series[0].entity_id if series else None
            if series and name not in ids:
                raise failure(f"its history is of {name!r}, which was not asked for")
            attributes: Mapping[str, Any] = {}
            changed = None
            for row in series:
                attributes = row.attributes or attributes
                # A change of attributes only has the time at which its state began.
                if row.state and row.last_changed in window and row.last_changed != changed:
                    yield _Event(str(name), row.last_changed, row.state, attributes)
                changed = row.last_changed

    def _reaches(self, client: VendorClient, ids: list[str], window: Window) -> bool:
        """Whether a window without changes was a quiet one: what held when it began is kept."""
        for group in _groups(ids):
            parameters = {"filter_entity_id": ",".join(group), "end_time": _stamp(window.end), "no_attributes": ""}
            if self._history(client, window.start, parameters):
                return True
        return False

    def _history(self, client: VendorClient, start: datetime, parameters: Mapping[str, str]) -> list[list[_Row]]:
        path = f"/api/history/period/{_stamp(start)}"
        return client.get(path, parameters, expect=_History, credentials=["HOME_ASSISTANT_TOKEN"]).root


def build(settings: Settings, zone: ZoneInfo) -> dict[str, Provider]:
    """The provider of `home_assistant_history`."""
    return {HOME_ASSISTANT_HISTORY.name: History(settings)}


def _stamp(instant: datetime) -> str:
    # An instant with Z needs no + in the address.
    return f"{instant:%Y-%m-%dT%H:%M:%S.%fZ}"


def _groups(ids: Iterable[str]) -> Iterator[list[str]]:
    group: list[str] = []
    for name in ids:
        if group and sum(len(one) + 3 for one in group) + len(name) > LONGEST_IDS:
            yield group
            group = []
        group.append(name)
    if group:
        yield group


def _rows(events: list[_Event], known: Mapping[str, Entity], areas: Areas) -> pa.Table:
    values = normalized(pa.chunked_array([[event.state for event in events]], pa.string())).to_pylist()
    return rows_of(
        HOME_ASSISTANT_HISTORY,
        [
            {
                "time": event.at,
                "entity_id": event.entity_id,
                "domain": event.entity_id.partition(".")[0],
                "area": areas.of(event.entity_id, event.at),
                "state": event.state,
                "normalized_value": value,
                **_described(event.attributes, known[event.entity_id]),
            }
            for event, value in zip(events, values, strict=True)
        ],
    )


def _described(attributes: Mapping[str, Any], known: Entity) -> dict[str, str | None]:
    """What attributes say of an event; without any, what is known of its entity today."""
    if not attributes:
        return {"device_class": known.device_class, "unit_of_measurement": known.unit}
    names = ("device_class", "unit_of_measurement", "state_class", "last_reset")
    texts = {name: text if isinstance(text := attributes.get(name), str) and text else None for name in names}
    if texts["unit_of_measurement"] and not texts["state_class"]:
        texts["state_class"] = NO_STATE_CLASS
    return texts | {"last_reset": instant(texts["last_reset"])}
