"""Events whose older rows are gone: what their entities last said, from the tiers and the archive."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.events.source import EventSource
from homeiq_assets.feeds.events.values import newest_each, newest_known
from homeiq_assets.home import Home
from homeiq_assets.ledger.last_known import Values, in_archive, in_tiers, merged
from homeiq_assets.ledger.seals import expired_days, removed_days
from homeiq_assets.schema.measurement import conform
from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS
from homeiq_assets.stores.base import Store
from homeiq_assets.window import Window

FIELDS = ("state", "normalized_value", "unit_of_measurement", "last_reset")


@dataclass(frozen=True)
class RememberingEvents:
    """An `EventSource` over another; `last_before` knows what was said in days whose events are gone."""

    source: EventSource
    home: Home
    store: Store

    def stream(
        self, window: Window, *, domains: Collection[str] | None = None, entities: Collection[str] | None = None
    ) -> Iterator[pa.Table]:
        return self.source.stream(window, domains=domains, entities=entities)

    def last_before(self, instant: datetime, *, known: bool = False, since: datetime | None = None) -> pa.Table:
        """See `EventSource.last_before`. An event of a tier has the time of its interval."""
        there = self.source.last_before(instant, known=known, since=since)
        if since is not None and not self._gone(Window(since, instant)):
            return there
        values = in_tiers(HOME_ASSISTANT_EVENTS, FIELDS, instant, self.store, since=since)
        if since is None:
            archived = in_archive(HOME_ASSISTANT_EVENTS, FIELDS, instant, self.home, self.store)
            values = merged(archived, values, HOME_ASSISTANT_EVENTS)
        newest = newest_known if known else newest_each
        return newest(pa.concat_tables([_events(values), there]))

    def _gone(self, window: Window) -> bool:
        """Whether events of the window are known to be gone; without a beginning, the tiers may always know more."""
        name = HOME_ASSISTANT_EVENTS.name
        expired = expired_days(window, self.source.keeps(), self.home)
        return bool(expired or removed_days(name, window, self.home, self.store))

    def keeps(self) -> timedelta | None:
        return self.source.keeps()

    def newest(self) -> datetime | None:
        return self.source.newest()

    def counts(self, window: Window, zone: ZoneInfo) -> dict[date, int]:
        return self.source.counts(window, zone)

    def probe(self) -> str:
        return self.source.probe()


def _events(values: Values) -> pa.Table:
    """The events that say these values: of each entity one with its state, one with its number and the unit of that."""
    numbers = values["normalized_value"].join(values["unit_of_measurement"].drop_columns("time"), "entity_id")
    tables = [HOME_ASSISTANT_EVENTS.empty()]
    for rows in (values["state"], numbers):
        domain = pc.list_element(pc.split_pattern(rows["entity_id"], ".", max_splits=1), 0)
        tables.append(conform(rows.append_column("domain", domain), HOME_ASSISTANT_EVENTS))
    return pa.concat_tables(tables)
