"""Events that we pulled (or simulated) ourselves, from the store's `home_assistant_history`."""

from collections.abc import Collection, Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa

from homeiq_assets.events.source import daily_counts
from homeiq_assets.feeds.events.values import NUMBERS, chosen, in_order, newest_each, newest_known
from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS, HOME_ASSISTANT_HISTORY
from homeiq_assets.series.holds import NO_VALUE
from homeiq_assets.stores.base import Store
from homeiq_assets.window import Window


class StoredEvents:
    """An `EventSource`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def stream(
        self, window: Window, *, domains: Collection[str] | None = None, entities: Collection[str] | None = None
    ) -> Iterator[pa.Table]:
        for rows in self._store.stream(HOME_ASSISTANT_HISTORY, window):
            events = chosen(rows, domains, entities)
            if events.num_rows:
                yield in_order(events)

    def last_before(self, instant: datetime, *, known: bool = False, since: datetime | None = None) -> pa.Table:
        """See `EventSource.last_before`."""

        def newest(field: str, without: Collection[str] = (), count: int = 1) -> pa.Table:
            beside = [name for name in HOME_ASSISTANT_EVENTS.field_names if name != field]
            rows = self._store.last(
                HOME_ASSISTANT_HISTORY, field, instant, since=since, beside=beside, without=without, count=count
            )
            return in_order(rows)

        if not known:
            return newest_each(newest("state"))
        return newest_known(pa.concat_tables([newest("state", NO_VALUE), newest("normalized_value", count=NUMBERS)]))

    def keeps(self) -> timedelta | None:
        return self._store.keeps(HOME_ASSISTANT_HISTORY)

    def newest(self) -> datetime | None:
        return self._store.newest(HOME_ASSISTANT_HISTORY)

    def counts(self, window: Window, zone: ZoneInfo) -> dict[date, int]:
        return daily_counts(self._store.stream(HOME_ASSISTANT_HISTORY, window, columns=["state"]), window, zone)

    def probe(self) -> str:
        newest = self.newest()
        return f"{HOME_ASSISTANT_HISTORY.name} in the store; " + (
            f"the newest event is of {newest:%Y-%m-%d %H:%M} UTC" if newest else "no event yet"
        )
