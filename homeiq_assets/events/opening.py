"""Which events the settings mean: the feed, and its source opened."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from homeiq_assets.errors import SettingError
from homeiq_assets.events.areas import areas_of
from homeiq_assets.events.home_assistant_schema import HomeAssistantEvents
from homeiq_assets.events.homeiq_schema import HomeiqEvents
from homeiq_assets.events.source import EventSource
from homeiq_assets.events.stored import StoredEvents
from homeiq_assets.feeds.feed import Feed
from homeiq_assets.feeds.registry import OFF, choice, observed
from homeiq_assets.home import Home
from homeiq_assets.measurements import HOME_ASSISTANT_EVENTS, HOME_ASSISTANT_HISTORY
from homeiq_assets.settings import Settings
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.influxdb_foreign import ForeignBucket

FEED = Feed(
    HOME_ASSISTANT_HISTORY,
    "events",
    "EVENTS_SOURCE",
    timedelta(minutes=15),
    chart=None,
    late=timedelta(hours=1),
    asset=HOME_ASSISTANT_EVENTS.name,
)


@contextmanager
def opened_events(home: Home, store: Store) -> Iterator[EventSource]:
    """The home's events, read only. Raises SettingError where there are none, or a setting is wrong.

    Those that we pulled or simulated are in `store`, which is first put right where a writer was killed.
    """
    settings = home.settings
    settings.sound(FEED.setting)
    if not observed(FEED, settings):
        if choice(FEED, settings) == OFF:
            raise SettingError(FEED.setting, "is not set, and without it nobody says where Home Assistant's events are")
        store.recover(HOME_ASSISTANT_HISTORY)
        yield StoredEvents(store)
        return
    bucket = _bucket(settings)
    try:
        if choice(FEED, settings) == "homeiq":
            yield HomeiqEvents(bucket)
        else:
            yield HomeAssistantEvents(bucket, lambda: areas_of(settings, home.now()))
    finally:
        bucket.close()


def _bucket(settings: Settings) -> ForeignBucket:
    settings.sound("EVENTS_INFLUXDB_BUCKET")
    return ForeignBucket(
        settings.required("INFLUXDB_URL"),
        settings.required("INFLUXDB_TOKEN"),
        settings.required("INFLUXDB_ORG"),
        settings.events_influxdb_bucket or settings.required("INFLUXDB_BUCKET"),
    )
