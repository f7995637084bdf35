"""Events that we pulled (or simulated) ourselves, from the store's `home_assistant_history`."""

from collections.abc import Collection, Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.events.source import NO_VALUE, daily_counts
from homeiq_assets.events.values import chosen, in_order, newest_each
from homeiq_assets.measurements import HOME_ASSISTANT_HISTORY
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.tables import FIRST
from homeiq_assets.window import Window

LOOK_BACK = timedelta(days=31)
"""how far back a value is looked for behind a spell of `unavailable`"""


class StoredEvents:
    """An `EventSource`. `last_before` looks behind a spell without a value for `LOOK_BACK` only."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def stream(
        self, window: Window, *, domains: Collection[str] | None = None, entities: Collection[str] | None = None
    ) -> Iterator[pa.Table]:
        """See `EventSource.stream`."""
        for rows in self._store.stream(HOME_ASSISTANT_HISTORY, window):
            events = chosen(rows, domains, entities)
            if events.num_rows:
                yield in_order(events)

    def last_before(self, instant: datetime, *, known: bool = False, since: datetime | None = None) -> pa.Table:
        """See `EventSource.last_before`."""
        keys = ["time", *HOME_ASSISTANT_HISTORY.tag_names]
        rows = self._store.last(HOME_ASSISTANT_HISTORY, "state", instant, since=since)
        for field in ("normalized_value", "unit_of_measurement", "last_reset"):
            last = self._store.last(HOME_ASSISTANT_HISTORY, field, instant, since=since)
            rows = rows.join(last, keys, join_type="left outer")
        for field in ("energy_consumption", "state_class"):
            rows = rows.append_column(field, pa.nulls(rows.num_rows, HOME_ASSISTANT_HISTORY.field(field).type.arrow))
        found = newest_each(in_order(rows))
        earliest = max(instant - LOOK_BACK, since or FIRST)
        return self._behind_spells(found, Window(earliest, instant)) if known else found

    def _behind_spells(self, newest: pa.Table, window: Window) -> pa.Table:
        """The entities that say a value, and for the others what they said before."""
        silent = pc.is_in(newest["state"], value_set=pa.array(NO_VALUE))
        found, missing = [newest.filter(pc.invert(silent))], newest.filter(silent)["entity_id"]
        for day in reversed(list(window.utc_days())):
            if not len(missing):
                break
            rows = self._store.read(HOME_ASSISTANT_HISTORY, day)
            spoken = pc.and_(
                pc.is_in(rows["entity_id"], value_set=missing.combine_chunks()),
                pc.invert(pc.is_in(rows["state"], value_set=pa.array(NO_VALUE))),
            )
            found.append(newest_each(in_order(rows.filter(spoken))))
            missing = missing.filter(pc.invert(pc.is_in(missing, value_set=found[-1]["entity_id"].combine_chunks())))
        return pa.concat_tables(found).sort_by("entity_id").combine_chunks()

    def keeps(self) -> timedelta | None:
        """See `EventSource.keeps`."""
        return self._store.keeps(HOME_ASSISTANT_HISTORY)

    def newest(self) -> datetime | None:
        """See `EventSource.newest`."""
        return self._store.newest(HOME_ASSISTANT_HISTORY)

    def counts(self, window: Window, zone: ZoneInfo) -> dict[date, int]:
        """See `EventSource.counts`."""
        return daily_counts(self._store.stream(HOME_ASSISTANT_HISTORY, window, columns=["state"]), window, zone)

    def probe(self) -> str:
        """See `EventSource.probe`."""
        newest = self.newest()
        return f"{HOME_ASSISTANT_HISTORY.name} in the store; " + (
            f"the newest event is of {newest:%Y-%m-%d %H:%M} UTC" if newest else "no event yet"
        )
