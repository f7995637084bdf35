"""Which days of what is made of a feed should have rows, so that one without any is not materialised."""

from datetime import date, timedelta

from homeiq_assets.events.opening import opened_events
from homeiq_assets.feeds.catalog import EVENTS
from homeiq_assets.feeds.feed import Feed
from homeiq_assets.feeds.registry import observed, paced, serves
from homeiq_assets.home import Home
from homeiq_assets.stores.base import Store
from homeiq_assets.window import Window, local_day


def wants_rows(feed: Feed, day: date, home: Home) -> str | None:
    """Why a local day made of the feed's rows cannot be without any by now; None where it can.

    It can where the feed is off, where a feed has days without rows of its own (exchange rates at weekends), and as
    long as the day has only just begun.
    """
    window = local_day(day, home.zone)
    on = serves(feed, home.settings) or observed(feed, home.settings)
    if not on or feed.sparse or home.now() < min(window.end, window.start + paced(feed, home.settings).late):
        return None
    return (
        f"there are no rows of {feed.name} to make it of; once there are (where the vendor still has them, materialise "
        f"feeds/{feed.name} of {day}) it is made"
    )


def lacks_input(feed: Feed, day: date, home: Home, store: Store, *, reach: timedelta) -> str | None:
    """As `wants_rows`, of what has no rows on many a day, such as that of motion sensors in a home without any.

    None where rows of the feed are there, on the day or within `reach` before it. Raises StoreError and SettingError.
    """
    why = wants_rows(feed, day, home)
    if why is None:
        return None
    window = local_day(day, home.zone)
    reaching = Window(window.start - reach, window.end)
    if feed is not EVENTS:
        return None if store.rows(feed.measurement, reaching) else why
    with opened_events(home, store) as events:
        return None if any(table.num_rows for table in events.stream(reaching)) else why
