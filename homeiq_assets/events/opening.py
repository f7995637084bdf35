"""Which events the settings mean: the feed, its source opened, and the place where the rows are."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta

import pyarrow as pa

from homeiq_assets.errors import SettingError
from homeiq_assets.events import home_assistant_schema, homeiq_schema
from homeiq_assets.events.foreign import ForeignEvents
from homeiq_assets.events.home_assistant_schema import HomeAssistantEvents
from homeiq_assets.events.homeiq_schema import HomeiqEvents
from homeiq_assets.events.last_known import RememberingEvents
from homeiq_assets.events.source import EventSource
from homeiq_assets.events.stored import StoredEvents
from homeiq_assets.events.stored_columns import by_kind, is_combined
from homeiq_assets.feeds.catalog import EVENTS
from homeiq_assets.feeds.events.areas import areas_of
from homeiq_assets.feeds.registry import OFF, choice, observed
from homeiq_assets.home import Home
from homeiq_assets.ledger.removed_days import Ledger
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS, HOME_ASSISTANT_HISTORY
from homeiq_assets.settings.variables import Settings
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.influxdb.foreign import SETTING, ForeignBucket
from homeiq_assets.stores.influxdb.line_protocol import tags_as_stored
from homeiq_assets.stores.opening import opened_bucket
from homeiq_assets.stores.tables import FIRST, LAST
from homeiq_assets.window import Window


@dataclass(frozen=True)
class EventsPlace:
    """Where the events' rows are, exactly as they are stored.

    `measurement` is theirs, None where others write them as several measurements, whose names `names` asks for.
    """

    store: Store
    measurement: Measurement | None
    names: Callable[[], Sequence[str]]


@contextmanager
def opened_events(home: Home, store: Store) -> Iterator[EventSource]:
    """The home's events, read only. Raises SettingError where there are none, or a setting is wrong.

    Those that we pulled or simulated are in `store`, which is first put right where a writer was killed. Where events
    do not stay for ever, what entities said longer ago comes from the tiers.
    """
    settings = home.settings
    settings.sound(EVENTS.setting, "RETENTION_RAW_DAYS")
    if not observed(EVENTS, settings):
        if choice(EVENTS, settings) == OFF:
            raise SettingError(
                EVENTS.setting, "is not set, and without it nobody says where Home Assistant's events are"
            )
        store.recover(HOME_ASSISTANT_HISTORY)
        yield _remembering(StoredEvents(store), home, store)
        return
    with _foreign(home) as foreign:
        yield _remembering(foreign, home, store)


@contextmanager
def events_place(home: Home, store: Store) -> Iterator[EventsPlace]:
    """Where the home's events are stored; call it beside `opened_events`, which refuses what cannot be."""
    settings = home.settings
    if not observed(EVENTS, settings):
        yield EventsPlace(store, HOME_ASSISTANT_HISTORY, lambda: [HOME_ASSISTANT_HISTORY.name])
        return
    with _foreign(home) as foreign, closing(opened_bucket(events_bucket(settings), settings, SETTING)) as place:
        single = choice(EVENTS, settings) == "homeiq"
        yield EventsPlace(place, HOME_ASSISTANT_EVENTS if single else None, foreign.measurements)


def archived_events(rows: pa.Table, home: Home) -> pa.Table:
    """Archived rows of events, in whichever schema they were stored, in the columns of HOME_ASSISTANT_EVENTS."""
    if is_combined(rows):
        kinds = by_kind(rows, "", HomeAssistantEvents.TAGS)
        events = home_assistant_schema.uniform_events(kinds, lambda: areas_of(home.settings, home.now()))
    else:
        events = homeiq_schema.uniform_events(by_kind(rows, HOME_ASSISTANT_EVENTS.name, HomeiqEvents.TAGS))
    return tags_as_stored(events, HOME_ASSISTANT_EVENTS.tag_names) if observed(EVENTS, home.settings) else events


def events_kept(home: Home, store: Store) -> timedelta | None:
    """How long the bucket of the events keeps rows by itself; None: for ever, or it may not be known."""
    if not observed(EVENTS, home.settings):
        return store.keeps(HOME_ASSISTANT_HISTORY)
    with _foreign(home) as foreign:
        return foreign.keeps()


def events_bucket(settings: Settings) -> str:
    """The bucket of the events that others write. Raises SettingError."""
    settings.sound(SETTING)
    return settings.events_influxdb_bucket or settings.required("INFLUXDB_BUCKET")


def _remembering(source: EventSource, home: Home, store: Store) -> EventSource:
    name = HOME_ASSISTANT_EVENTS.name
    # Days that were removed stay so, also where the owner has put an end to it.
    removed = home.settings.raw_ages.get(name) or Ledger(store, home.zone).sealed(name, Window(FIRST, LAST))
    return RememberingEvents(source, home, store) if removed or source.keeps() else source


@contextmanager
def _foreign(home: Home) -> Iterator[ForeignEvents]:
    settings = home.settings
    url, token, org = (settings.required(name) for name in ("INFLUXDB_URL", "INFLUXDB_TOKEN", "INFLUXDB_ORG"))
    with closing(ForeignBucket(url, token, org, events_bucket(settings))) as bucket:
        if choice(EVENTS, settings) == "homeiq":
            yield HomeiqEvents(bucket)
        else:
            yield HomeAssistantEvents(bucket, lambda: areas_of(settings, home.now()))
