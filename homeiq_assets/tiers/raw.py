"""Raw measurements as tiers, archive and removal see them: feeds in the store, events wherever they are.

Their readings in declared columns, for statistics; and their rows exactly as they are stored, for archive and removal.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.errors import SettingError
from homeiq_assets.events.opening import EventsPlace, archived_events, events_place, opened_events
from homeiq_assets.events.source import EventSource
from homeiq_assets.events.stored_columns import combined
from homeiq_assets.feeds.events.meters import owners_meters
from homeiq_assets.feeds.events.values import newest_known
from homeiq_assets.home import Home
from homeiq_assets.ledger.last_known import how_many, in_tiers, merged, newest, remembered_fields
from homeiq_assets.schema.bounds import believed, bounded
from homeiq_assets.schema.measurement import Measurement, conform
from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS
from homeiq_assets.series.holds import NO_VALUE
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.tables import inside
from homeiq_assets.tiers import event_kinds, statistics
from homeiq_assets.window import Window


class Raw(Protocol):
    """A raw measurement. Every method raises StoreError or SettingError that names the setting to look at."""

    @property
    def measurement(self) -> Measurement:
        """Whose tiers these are."""
        ...

    def readings(self, window: Window) -> pa.Table:
        """Rows of the window in the measurement's columns."""
        ...

    def older(self, before: datetime, since: datetime | None) -> dict[str, pa.Table]:
        """Of each field that tiers remember, the newest known value of each series before an instant.

        Raw rows say it, or the tiers where they are gone. Columns: time, the identity tags, the field.
        """
        ...

    def known(self, readings: pa.Table) -> dict[str, pa.Table]:
        """Of each field that tiers remember, the newest value that readings say of each series; columns as `older`."""
        ...

    def compared(self, readings: pa.Table, field: str) -> pa.Table:
        """Those of the readings whose values of a field are compared with older ones, or say what it is a value of."""
        ...

    def hourly(
        self, readings: pa.Table, before: pa.Table, day: Window, hold: timedelta, left_out: list[str] | None = None
    ) -> pa.Table:
        """See `statistics.hourly`; `left_out` is told of readings that no home can have."""
        ...

    def daily(self, readings: pa.Table, before: pa.Table, day: Window, hold: timedelta) -> pa.Table: ...

    def whole(self, window: Window) -> tuple[Measurement, pa.Table]:
        """Every row of the window as it is stored. See `Store.whole`."""
        ...

    def declared(self, archived: pa.Table) -> pa.Table:
        """Archived rows in the measurement's columns."""
        ...

    def keeps(self) -> timedelta | None:
        """How long the bucket itself keeps rows, None for ever."""
        ...

    def place(self) -> tuple[Store, Measurement]:
        """Where the rows are, to be removed or restored. Raises SettingError where they are not ours to remove."""
        ...


@dataclass(frozen=True)
class StoredRaw:
    """A feed's measurement in the store."""

    measurement: Measurement
    store: Store
    max_kw: float

    def readings(self, window: Window) -> pa.Table:
        return self.store.read(self.measurement, window)

    def older(self, before: datetime, since: datetime | None) -> dict[str, pa.Table]:
        fields = remembered_fields(self.measurement)
        raw = {}
        for field in fields:
            count = how_many(self.measurement, field)
            rows = self._believed(self.store.last(self.measurement, field, before, since=since, count=count))
            raw[field] = newest(rows, self.measurement, field, count)
        return merged(raw, in_tiers(self.measurement, fields, before, self.store, since=since), self.measurement)

    def known(self, readings: pa.Table) -> dict[str, pa.Table]:
        rows = self._believed(readings)
        fields = remembered_fields(self.measurement)
        return {name: newest(rows, self.measurement, name, how_many(self.measurement, name)) for name in fields}

    def compared(self, readings: pa.Table, field: str) -> pa.Table:
        return self._believed(readings)

    def hourly(
        self, readings: pa.Table, before: pa.Table, day: Window, hold: timedelta, left_out: list[str] | None = None
    ) -> pa.Table:
        told = [] if left_out is None else left_out
        self._believed(readings.filter(inside(readings, day)), told)
        limits = statistics.Limits(self.max_kw, told.append)
        return statistics.hourly(self._believed(readings), before, self.measurement, day, hold, limits)

    def daily(self, readings: pa.Table, before: pa.Table, day: Window, hold: timedelta) -> pa.Table:
        rows, limits = self._believed(readings), statistics.Limits(self.max_kw, lambda _: None)
        return statistics.daily_from_raw(rows, before, self.measurement, day, hold, limits)

    def _believed(self, rows: pa.Table, left_out: list[str] | None = None) -> pa.Table:
        return believed(rows, bounded(self.measurement, self.max_kw), left_out)

    def whole(self, window: Window) -> tuple[Measurement, pa.Table]:
        return self.store.whole(self.measurement, window)

    def declared(self, archived: pa.Table) -> pa.Table:
        known = [name for name in self.measurement.arrow.names if name in archived.column_names]
        return conform(archived.select(known), self.measurement)

    def keeps(self) -> timedelta | None:
        return self.store.keeps(self.measurement)

    def place(self) -> tuple[Store, Measurement]:
        return self.store, self.measurement


@dataclass(frozen=True)
class EventRaw:
    """Home Assistant's events, read by `source`; `at` is where their rows are, exactly."""

    source: EventSource
    at: EventsPlace
    home: Home
    measurement = HOME_ASSISTANT_EVENTS

    def readings(self, window: Window) -> pa.Table:
        return pa.concat_tables([self.measurement.empty(), *self.source.stream(window)])

    def older(self, before: datetime, since: datetime | None) -> dict[str, pa.Table]:
        return self.known(self.source.last_before(before, known=True, since=since))

    def known(self, readings: pa.Table) -> dict[str, pa.Table]:
        events = newest_known(readings)
        numbers = events.filter(pc.is_valid(events["normalized_value"]))
        said = {"state": events, "normalized_value": numbers, "unit_of_measurement": numbers}
        return {
            field: newest(rows, self.measurement, field, how_many(self.measurement, field))
            for field, rows in said.items()
        }

    def compared(self, readings: pa.Table, field: str) -> pa.Table:
        silent = pc.fill_null(pc.is_in(readings["state"], value_set=pa.array(NO_VALUE)), False)
        return event_kinds.compared(readings.filter(pc.invert(silent)), field)

    def hourly(
        self, readings: pa.Table, before: pa.Table, day: Window, hold: timedelta, left_out: list[str] | None = None
    ) -> pa.Table:
        told = [] if left_out is None else left_out
        limits = statistics.Limits(self.home.settings.homeiq_max_power_kw, told.append)
        return event_kinds.hourly(readings, before, day, hold, owners_meters(self.home.settings), limits)

    def daily(self, readings: pa.Table, before: pa.Table, day: Window, hold: timedelta) -> pa.Table:
        limits = statistics.Limits(self.home.settings.homeiq_max_power_kw, lambda _: None)
        return event_kinds.daily_from_raw(readings, before, day, hold, owners_meters(self.home.settings), limits)

    def whole(self, window: Window) -> tuple[Measurement, pa.Table]:
        """See `Raw.whole`. Rows of several measurements get one more tag, the name of theirs."""
        if self.at.measurement is not None:
            return self.at.store.whole(self.at.measurement, window)
        tables = {name: self.at.store.whole(Measurement(name, (), ()), window) for name in self.at.names()}
        return combined(tables, self.measurement.name)

    def declared(self, archived: pa.Table) -> pa.Table:
        return archived_events(archived, self.home)

    def keeps(self) -> timedelta | None:
        return self.source.keeps()

    def place(self) -> tuple[Store, Measurement]:
        if self.at.measurement is None:
            raise SettingError(
                "RETENTION_RAW_DAYS",
                "Home Assistant's own integration writes these events: they are never removed from here; set the "
                "retention of their bucket (EVENTS_INFLUXDB_BUCKET) instead",
            )
        return self.at.store, self.at.measurement


@contextmanager
def opened_raw(measurement: Measurement, home: Home, store: Store) -> Iterator[Raw]:
    """A raw measurement, put right where a writer was killed. Raises SettingError and StoreError."""
    home.settings.sound("HOMEIQ_MAX_POWER_KW")
    if measurement is not HOME_ASSISTANT_EVENTS:
        store.recover(measurement)
        yield StoredRaw(measurement, store, home.settings.homeiq_max_power_kw)
        return
    with opened_events(home, store) as source, events_place(home, store) as at:
        yield EventRaw(source, at, home)
