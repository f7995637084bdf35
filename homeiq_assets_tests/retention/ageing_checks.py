"""What is left of a home that grew old, beside the raw rows that were kept aside: nothing may be lost, nothing doubled.

Each check raises AssertionError that says what is wrong, and tells how much it compared.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.archive.days import read_day
from homeiq_assets.archive.months import read_month
from homeiq_assets.events.opening import events_bucket, events_place
from homeiq_assets.ledger.last_known import remembered_fields
from homeiq_assets.ledger.removed_days import Ledger, State
from homeiq_assets.retention.ages import Level, last_due
from homeiq_assets.retention.restoring import restore_days
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS, tier_of
from homeiq_assets.series.holds import NO_VALUE
from homeiq_assets.settings.variables import home_folder
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets.stores.opening import opened_bucket
from homeiq_assets.tiers import event_kinds, statistics
from homeiq_assets.tiers.comparison import difference
from homeiq_assets.window import Window, local_date, local_day, local_month
from homeiq_assets_tests.retention.ageing import Ageing


def check(ageing: Ageing) -> Mapping[str, int]:
    """Everything but the restore, which changes the home; how many of each thing were compared."""
    found = _Found(ageing)
    for measurement in ageing.invented.measurements:
        _check_tiers(found, measurement)
        _check_raw(found, measurement)
    _check_increases(found)
    return found.compared


@dataclass
class _Found:
    ageing: Ageing
    compared: dict[str, int] = field(default_factory=dict)
    increases: dict[str, float] = field(default_factory=dict)
    """of each energy meter the sum of what its stored daily rows say"""

    def count(self, what: str, number: int = 1) -> None:
        self.compared[what] = self.compared.get(what, 0) + number

    def gone(self, measurement: Measurement, level: Level, day: date) -> bool:
        """Whether a day is old enough to be gone."""
        days = self.ageing.age(measurement, level)
        return days is not None and day <= last_due(days, local_date(self.ageing.now, self.ageing.home.zone))


def one_pass(ageing: Ageing, measurement: Measurement) -> Iterator[tuple[date, pa.Table, pa.Table]]:
    """Of each day its hourly and daily rows, computed from all raw rows that ever were, one day after the other."""
    events = measurement is HOME_ASSISTANT_EVENTS
    hold = ageing.home.settings.hold
    known: dict[tuple[str, ...], dict[str, Any]] = {}
    held = measurement.empty()
    for day in ageing.invented.all_days:
        window = local_day(day, ageing.home.zone)
        begins = pa.scalar(window.start - hold, held["time"].type)
        readings = pa.concat_tables(
            [held.filter(pc.greater_equal(held["time"], begins)), ageing.readings(measurement, day)]
        )
        before = _table(known, measurement)
        if events:
            yield (
                day,
                event_kinds.hourly(readings, before, window, hold),
                event_kinds.daily_from_raw(readings, before, window, hold),
            )
        else:
            yield (
                day,
                statistics.hourly(readings, before, measurement, window, hold),
                statistics.daily_from_raw(readings, before, measurement, window, hold),
            )
        held = readings
        for name in remembered_fields(measurement):
            said = readings.filter(pc.is_valid(readings[name])).sort_by("time")
            if pa.types.is_string(said[name].type):
                said = said.filter(pc.invert(pc.is_in(said[name], value_set=pa.array(NO_VALUE))))
            newest = said.group_by(list(measurement.identity), use_threads=False).aggregate([(name, "last")])
            for row in newest.to_pylist():
                series = tuple(row[tag] for tag in measurement.identity)
                known.setdefault(series, {})[name] = row[f"{name}_last"]


def _table(known: Mapping[tuple[str, ...], Mapping[str, Any]], measurement: Measurement) -> pa.Table:
    columns = {tag: [series[place] for series in known] for place, tag in enumerate(measurement.identity)}
    columns |= {name: [values.get(name) for values in known.values()] for name in remembered_fields(measurement)}
    return pa.table({name: pa.array(column, measurement.arrow.field(name).type) for name, column in columns.items()})


def _check_tiers(found: _Found, measurement: Measurement) -> None:
    """Tiers, wherever their rows are by now, are those of one pass, and the ledger says what is gone."""
    ageing, zone = found.ageing, found.ageing.home.zone
    hourly, daily = (tier_of(measurement, resolution) for resolution in ("hourly", "daily"))
    whole = Window(local_day(ageing.invented.first, zone).start, ageing.now)
    entries = {one.name: Ledger(ageing.store, zone).entries(one.name, whole) for one in (hourly, daily)}
    month = cache(lambda first: read_month(daily, local_month(first, zone), zone, ageing.archive))
    for day, hours, days in one_pass(ageing, measurement):
        window = local_day(day, zone)
        _same(statistics.daily(hours, measurement, window), days, daily, f"daily from hourly and from raw, {day}")
        for tier, level, expected in ((hourly, Level.HOURLY, hours), (daily, Level.DAILY, days)):
            stored, entry = ageing.store.read(tier, window), entries[tier.name].pop(day, None)
            if found.gone(measurement, level, day):
                assert not stored.num_rows, f"{tier.name} of {day} is still there"
                assert (entry is not None) == bool(expected.num_rows), f"the ledger says {entry} of {tier.name} {day}"
                if entry is not None:
                    assert (entry.state, entry.proof.rows) == (State.REMOVED, expected.num_rows), f"{tier.name} {entry}"
                found.count("tier days removed and in the ledger", entry is not None)
                stored = (
                    ageing.hours.read(measurement, day)
                    if tier is hourly
                    else _inside(month(day.replace(day=1)), window)
                )
            else:
                assert entry is None, f"{tier.name} of {day} is too young for the ledger's {entry}"
            _same(stored, expected, tier, f"{tier.name} of {day}")
            found.count(f"{level} rows equal to those of one pass", expected.num_rows)
            if tier is daily and day.replace(day=1) in ageing.months():
                _same(_inside(month(day.replace(day=1)), window), expected, tier, f"archived month, {day}")
                found.count("days of archived months equal")
            if tier is daily and measurement is HOME_ASSISTANT_EVENTS:
                for row in stored.filter(pc.is_valid(stored["normalized_value_increase"])).to_pylist():
                    name = row["entity_id"]
                    found.increases[name] = found.increases.get(name, 0.0) + row["normalized_value_increase"]
    assert not any(entries.values()), f"the ledger says of days that never were: {entries}"


def _check_raw(found: _Found, measurement: Measurement) -> None:
    """Raw days are there or gone by their age, the ledger has their rows, and the archive has all of them."""
    ageing, zone = found.ageing, found.ageing.home.zone
    whole = Window(local_day(ageing.invented.first, zone).start, ageing.now)
    entries = Ledger(ageing.store, zone).entries(measurement.name, whole)
    with _place(ageing, measurement) as (store, stored_as):
        for day in ageing.invented.all_days:
            copy, (_, rows) = ageing.raw.read(measurement, day), store.whole(stored_as, local_day(day, zone))
            entry, number = entries.pop(day, None), 0 if copy is None else copy.num_rows
            if found.gone(measurement, Level.RAW, day):
                assert not rows.num_rows, f"{measurement.name} of {day} is still there"
                assert (entry is not None) == bool(number), f"the ledger says {entry} of {measurement.name} {day}"
                if entry is not None:
                    assert (entry.state, entry.proof.rows) == (State.REMOVED, number), f"{measurement.name} {entry}"
                    assert bool(entry.proof.object) == _is_archived(ageing, measurement)
                found.count("raw days removed and in the ledger", entry is not None)
            else:
                assert entry is None, f"{measurement.name} of {day} is too young for the ledger's {entry}"
                exact(rows, copy, f"{measurement.name} of {day} in the store")
                found.count("raw rows younger than their age, there", number)
            if _is_archived(ageing, measurement):
                exact(read_day(measurement, day, zone, ageing.archive), copy, f"archive of {measurement.name} {day}")
                found.count("archived raw rows equal, bit by bit", number)
    assert not entries, f"the ledger says of days that never were: {entries}"


def _check_increases(found: _Found) -> None:
    """All energy of each meter is in its days, also what it counted while it said nothing for months."""
    ageing = found.ageing
    last: dict[str, tuple[float, str]] = {}
    total: dict[str, float] = {}
    for day in ageing.invented.all_days:
        rows = ageing.readings(HOME_ASSISTANT_EVENTS, day)
        meters = rows.filter(pc.and_(pc.equal(rows["device_class"], "energy"), pc.is_valid(rows["normalized_value"])))
        columns = [
            meters.sort_by("time")[name].to_pylist()
            for name in ("entity_id", "normalized_value", "unit_of_measurement")
        ]
        for name, value, unit in zip(*columns, strict=True):
            before, said = last.get(name, (value, unit))
            if said == unit:
                total[name] = total.get(name, 0.0) + (value if 10 * value < 9 * before else value - before)
            last[name] = value, unit
    for name, energy in total.items():
        counted = found.increases.get(name, 0.0)
        assert abs(counted - energy) <= 1e-9 * max(1.0, abs(energy)), f"{name}: {counted} kWh in its days, not {energy}"
    found.count("energy meters with every kWh in their days", len(total))


def check_restored(ageing: Ageing) -> Mapping[str, int]:
    """Restore every archived raw day: meters where they were, events elsewhere. All rows are as they arrived."""
    found = _Found(ageing)
    for measurement in ageing.invented.measurements:
        if not _is_archived(ageing, measurement):
            continue
        days = [day for day in ageing.invented.all_days if ageing.raw.read(measurement, day) is not None]
        for restored in restore_days(measurement, days, ageing.home, ageing.store, ageing.archive):
            found.count("raw rows restored", restored.put)
        with _place(ageing, measurement, restored=True) as (store, stored_as):
            for day in days:
                _, rows = store.whole(stored_as, local_day(day, ageing.home.zone))
                exact(rows, ageing.raw.read(measurement, day), f"{measurement.name} of {day}, restored")
                found.count("raw rows after the restore equal, bit by bit", rows.num_rows)
    return found.compared


def exact(found: pa.Table, expected: pa.Table | None, what: str) -> None:
    """Raise AssertionError unless two tables hold the same rows: values, types, nulls and nanoseconds.

    A column without any value may be absent.
    """
    if expected is None:
        assert not found.num_rows, f"{what}: {found.num_rows} rows that never arrived"
        return
    empty = [
        column.name
        for column in expected.schema
        if column.name not in found.column_names
        and (
            pc.all(pc.equal(expected[column.name], "")).as_py()
            if not column.nullable
            else expected[column.name].null_count == expected.num_rows
        )
    ]
    wanted = expected.drop_columns(empty)
    assert set(found.column_names) >= set(wanted.column_names), f"{what}: lacks columns, {found.column_names}"
    order = [(column.name, "ascending") for column in wanted.schema if not column.nullable]
    left, right = (rows.select(wanted.column_names).sort_by(order).combine_chunks() for rows in (found, wanted))
    assert left.schema.equals(right.schema), f"{what}: {left.schema} and not {right.schema}"
    assert left.equals(right), f"{what}: {left.num_rows} rows differ from the {right.num_rows} that arrived"


def _same(found: pa.Table | None, expected: pa.Table, tier: Measurement, what: str) -> None:
    """The same rows of a tier, to 1e-9."""
    order = [(name, "ascending") for name in (*tier.identity, "time")]
    assert found is not None, f"{what}: nothing was kept"
    differs = difference(found.sort_by(order), expected.sort_by(order), ("time", *tier.tag_names, *tier.field_names))
    assert differs is None, f"{what}: {differs}"


def _inside(rows: pa.Table, window: Window) -> pa.Table:
    start, end = (pa.scalar(instant, rows["time"].type) for instant in (window.start, window.end))
    return rows.filter(pc.and_(pc.greater_equal(rows["time"], start), pc.less(rows["time"], end)))


def _is_archived(ageing: Ageing, measurement: Measurement) -> bool:
    return measurement.name in ageing.settings.archived_raw


@contextmanager
def _place(ageing: Ageing, measurement: Measurement, *, restored: bool = False) -> Iterator[tuple[Store, Measurement]]:
    """Where raw rows are, or come back to."""
    if measurement is not HOME_ASSISTANT_EVENTS:
        yield ageing.store, measurement
    elif not restored:
        with events_place(ageing.home, ageing.store) as place:
            yield place.store, ageing.events
    elif ageing.settings.live:
        with closing(opened_bucket(f"{events_bucket(ageing.settings)}_restored", ageing.settings)) as store:
            yield store, HOME_ASSISTANT_EVENTS
    else:
        yield EmbeddedStore(home_folder(ageing.settings) / "restored" / "store_restored"), HOME_ASSISTANT_EVENTS
