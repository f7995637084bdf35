"""What the tiers of days are computed from: readings, what held before them, and the last known values before that."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.home import Home
from homeiq_assets.ledger.last_known import SPANS, in_archive, merged, remembered_fields
from homeiq_assets.schema.measurement import TIME, Measurement
from homeiq_assets.schema.measurements import statistics
from homeiq_assets.series.holds import is_value
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.tables import inside
from homeiq_assets.tiers.raw import Raw
from homeiq_assets.window import Window, local_day

AHEAD = timedelta(days=8)
"""How much is read at once."""


class Inputs:
    """What tiers of days are computed from; what one day leaves behind is carried to the next."""

    def __init__(self, raw: Raw, home: Home, store: Store, hold: timedelta, days: Sequence[date] = ()) -> None:
        """`days`, ascending, are those that will be asked for: their rows are read a few days at a time."""
        self._raw, self._home, self._store, self._hold, self._days = raw, home, store, hold, days
        self._fields = [raw.measurement.field(name) for name in remembered_fields(raw.measurement)]
        self._compared = [one for one in self._fields if {"increase", "changes"} & set(statistics(one))]
        self._values: dict[str, pa.Table] = {}
        self._asked = False
        self._end: datetime | None = None
        self._readings = raw.measurement.empty()
        self._read: tuple[Window, pa.Table] | None = None

    def of(self, window: Window) -> tuple[pa.Table, pa.Table]:
        """Readings of a local day with the hold before it, and the last known values before that."""
        start = window.start - self._hold
        if self._end == window.start:
            held = self._readings.filter(pc.greater_equal(self._readings["time"], pa.scalar(start, TIME)))
            readings = pa.concat_tables([held, self._rows(window)])
        else:
            # What was carried is of another time.
            self._values, self._asked = {}, False
            readings = self._rows(Window(start, window.end))
        before = self._before(readings, window.start)
        self._readings, self._end = readings, window.end
        self._values = merged(self._values, self._raw.known(readings), self._raw.measurement)
        return readings, before

    def forget(self) -> None:
        """Carry nothing to the next day: rows of this one are gone, and the tiers know newer values than were read."""
        self._end = None

    def _rows(self, window: Window) -> pa.Table:
        """Raw rows of a window, with those of the days that follow it without a gap."""
        if self._read is None or not (self._read[0].start <= window.start and window.end <= self._read[0].end):
            end = window.end
            for day in self._days:
                following = local_day(day, self._home.zone)
                if following.start == end and following.end <= window.start + AHEAD:
                    end = following.end
            whole = Window(window.start, end)
            self._read = whole, self._raw.readings(whole)
        rows = self._read[1]
        return rows.filter(inside(rows, window))

    def _before(self, readings: pa.Table, start: datetime) -> pa.Table:
        """The identity tags and the last known values that the readings are compared with.

        Looked up only where they decide something, and told only there: what else happens to be known is of no
        consequence, so that a day is the same whichever days were asked for before it.
        """
        first = {field.name: self._first(readings, field.name, start) for field in self._compared}
        spans = iter(SPANS)
        while not self._asked and self._missing(first):
            span = next(spans)
            since = None if span is None else start - span
            self._values = merged(self._values, self._raw.older(start, since), self._raw.measurement)
            if span is None:
                if self._missing(first):
                    names = [field.name for field in self._fields]
                    archived = in_archive(self._raw.measurement, names, start, self._home, self._store)
                    self._values = merged(archived, self._values, self._raw.measurement)
                self._asked = True
        if not first:
            return _rows_of({}, self._raw.measurement)
        # A unit is that of the field that is compared.
        every, identity = pa.concat_tables(list(first.values())), list(self._raw.measurement.identity)
        values = {
            name: rows.join(first.get(name, every), identity, join_type="left semi")
            for name, rows in self._values.items()
        }
        return _rows_of(values, self._raw.measurement)

    def _missing(self, first: Mapping[str, pa.Table]) -> bool:
        """Whether there is a series of which no value is known to compare its first one with."""
        identity = list(self._raw.measurement.identity)
        return any(
            series.num_rows
            and (name not in self._values or series.join(self._values[name], identity, join_type="left anti").num_rows)
            for name, series in first.items()
        )

    def _first(self, readings: pa.Table, field: str, start: datetime) -> pa.Table:
        """The series that have values of a field from `start` on, and none before to compare the first one with."""
        identity = list(self._raw.measurement.identity)
        valued = self._raw.compared(readings, field)
        valued = valued.filter(pc.is_valid(valued[field])).combine_chunks()
        valued = valued.filter(pa.array(is_value(valued[field].combine_chunks())))
        early = pc.less(valued["time"], pa.scalar(start, TIME))
        late = valued.filter(pc.invert(early)).select(identity).group_by(identity).aggregate([])
        return late.join(valued.filter(early).select(identity), identity, join_type="left anti")


def _rows_of(values: Mapping[str, pa.Table], measurement: Measurement) -> pa.Table:
    """The values as rows that say one each, with its time: of a field in order of time, what says a unit first."""
    identity = list(measurement.identity)
    tables = [
        rows.sort_by("time").rename_columns([f"{name}.time" if one == "time" else one for one in rows.column_names])
        for name, rows in sorted(values.items(), key=lambda one: "increase" in statistics(measurement.field(one[0])))
    ]
    none = pa.table({name: pa.array([], measurement.arrow.field(name).type) for name in identity})
    return pa.concat_tables([none, *tables], promote_options="permissive")
