"""Taking numbers out: which place each local day comes from, and its rows in identical columns."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.archive.days import read_day
from homeiq_assets.archive.manifest import Period
from homeiq_assets.archive.months import read_month
from homeiq_assets.archive.objects import ObjectStore
from homeiq_assets.archive.opening import open_archive
from homeiq_assets.errors import HomeiqError
from homeiq_assets.home import Home, resolve_home
from homeiq_assets.ledger.seals import removed_days
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.measurements import ALL, TIERED_MEASUREMENTS, tier_of
from homeiq_assets.settings.variables import load
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.opening import open_store
from homeiq_assets.stores.tables import inside
from homeiq_assets.tiers.raw import Raw, opened_raw
from homeiq_assets.window import Window, local_date, local_day, local_days, local_midnight, local_month

if TYPE_CHECKING:
    import pandas

Resolution = Literal["raw", "hour", "day"]
_TIER = {"hour": "hourly", "day": "daily"}
_NAMED_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}


@dataclass(frozen=True)
class Part:
    """Rows of consecutive local days that come from one place (`store` or `archive`)."""

    days: tuple[date, ...]
    source: str
    rows: pa.Table


def measurement_of(name: str, resolution: Resolution) -> Measurement:
    """The measurement that holds `name` at a resolution. Raises HomeiqError that lists what there is."""
    if name not in ALL:
        raise HomeiqError(f"there is no measurement {name}; there are: {', '.join(sorted(ALL))}")
    if resolution == "raw":
        return ALL[name]
    tiered = {one.name: one for one in ALL.values() if f"{one.name}_{_TIER[resolution]}" in ALL}
    if name not in tiered:
        raise HomeiqError(f"{name} has no {_TIER[resolution]} tier; these have: {', '.join(sorted(tiered))}")
    return tier_of(tiered[name], _TIER[resolution])


def parts(measurement: Measurement, window: Window, home: Home, store: Store, archive: ObjectStore) -> Iterator[Part]:
    """The rows of `window` in order of time, each local day from exactly one place.

    The store answers. Raw days that were removed come from the archive, and so do those that the store has no rows of;
    days of a daily tier likewise, where their month is over. Memory holds a month at most. Raises StoreError,
    SettingError and ArchiveError.
    """
    for month in _months(window, home.zone):
        if measurement in TIERED_MEASUREMENTS:
            yield from _raw_days(measurement, month, home, store, archive)
        elif measurement.tier and measurement.name.endswith("_daily"):
            yield from _daily_days(measurement, month, home, store, archive)
        else:
            for rows in store.stream(measurement, month):
                yield Part(_days_of(rows, home.zone), "store", _in_time(rows, measurement))


def _raw_days(
    measurement: Measurement, month: Window, home: Home, store: Store, archive: ObjectStore
) -> Iterator[Part]:
    removed = set(removed_days(measurement.name, month, home, store))
    folder = Period.month(local_date(month.start, home.zone), home.zone).folder(measurement.name)
    archived = {name.removeprefix(folder).split("/")[1] for name in archive.sizes(folder) if "/day=" in name}
    with opened_raw(measurement, home, store) as raw:
        for day, stored in _stored_days(raw, month, home):
            source, rows = "store", stored
            if f"day={day:%d}" in archived and (day in removed or not stored.num_rows):
                source, rows = "archive", raw.declared(read_day(measurement, day, home.zone, archive))
                rows = rows.filter(inside(rows, month))
            if rows.num_rows:
                yield Part((day,), source, _in_time(rows, measurement))


def _stored_days(raw: Raw, month: Window, home: Home) -> Iterator[tuple[date, pa.Table]]:
    """Each local day with the rows that the store has of it, a week asked at a time."""
    days = local_days(month, home.zone)
    for week in (days[n : n + 7] for n in range(0, len(days), 7)):
        windows = {day: local_day(day, home.zone) for day in week}
        asked = Window(windows[week[0]].start, windows[week[-1]].end).intersect(month)
        rows = raw.measurement.empty() if asked is None else raw.readings(asked)
        for day, window in windows.items():
            yield day, rows.filter(inside(rows, window))


def _daily_days(
    measurement: Measurement, month: Window, home: Home, store: Store, archive: ObjectStore
) -> Iterator[Part]:
    found = {"store": _in_time(store.read(measurement, month), measurement)}
    place = dict.fromkeys(_days_of(found["store"], home.zone), "store")
    days = local_days(month, home.zone)
    whole = local_month(days[0], home.zone)
    if len(place) < len(days) and whole.end <= home.now():
        archived = read_month(measurement, whole, home.zone, archive)
        found["archive"] = _in_time(archived.filter(inside(archived, month)), measurement)
        place = dict.fromkeys(_days_of(found["archive"], home.zone), "archive") | place
    for source, run in groupby((day for day in days if day in place), key=place.__getitem__):
        together = tuple(run)
        yield Part(together, source, _of_days(found[source], set(together), home.zone))


def _in_time(rows: pa.Table, measurement: Measurement) -> pa.Table:
    return rows.sort_by([(name, "ascending") for name in ("time", *measurement.tag_names)])


def span(start: str | None, end: str | None, now: datetime, zone: ZoneInfo) -> Window:
    """The window of two texts; `end` is exclusive.

    A text is a local date (its midnight), an ISO 8601 instant (local without an offset), or a local day counted from
    that of `now` (its midnight): `yesterday`, `today`, `tomorrow`, `-7d`, `+1d`. Without `start` the local day of
    `now`, without `end` up to `now`. Raises HomeiqError.
    """
    try:
        window = Window(_instant(start or "today", now, zone), _instant(end, now, zone) if end else now)
        # The local months at its ends begin and end within the calendar too.
        _ = window.start - timedelta(days=40), window.end + timedelta(days=40)
    except ValueError as error:
        raise HomeiqError(f"the window is not one: {error}") from None
    except OverflowError:
        raise HomeiqError("the window is not one: it reaches beyond the years 1 to 9999") from None
    return window


def read(
    measurement: str, start: str | None = None, end: str | None = None, resolution: Resolution = "raw"
) -> "pandas.DataFrame":
    """Rows of a measurement as a pandas DataFrame, for notebooks: the same rows as `homeiq read`.

    `start` and `end` (exclusive) are local dates, ISO 8601 instants or days counted from today (`-7d`, `yesterday`,
    `today`, `tomorrow`); without them the local day up to now. Columns: `time` (datetime64[ns, UTC], start of the
    interval), tags, fields. Raises HomeiqError.
    """
    schema = measurement_of(measurement, resolution)
    home = resolve_home(load())
    window = span(start, end, home.now(), home.zone)
    store = open_store(home.settings)
    try:
        found = parts(schema, window, home, store, open_archive(home.settings))
        rows: pandas.DataFrame = pa.concat_tables([schema.empty(), *(part.rows for part in found)]).to_pandas()
        return rows
    finally:
        store.close()


def _instant(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    word = text.strip().lower()
    counted = re.fullmatch(r"([+-][0-9]{1,7})d", word)
    if counted or word in _NAMED_DAYS:
        days = int(counted[1]) if counted else _NAMED_DAYS[word]
        return local_midnight(local_date(now, zone) + timedelta(days=days), zone)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(
            f"{text!r} is no date (2025-10-26), instant (2025-10-26T14:00) or day counted from today "
            f"(-7d, yesterday, today, tomorrow): {error}"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _months(window: Window, zone: ZoneInfo) -> Iterator[Window]:
    start = window.start
    while start < window.end:
        month = local_month(local_date(start, zone), zone)
        yield Window(start, min(month.end, window.end))
        start = month.end


def _days_of(rows: pa.Table, zone: ZoneInfo) -> tuple[date, ...]:
    return tuple(
        sorted(
            {
                local_date(instant, zone)
                for instant in pc.unique(rows["time"]).cast(pa.timestamp("us", "UTC")).to_pylist()
            }
        )
    )


def _of_days(rows: pa.Table, days: set[date], zone: ZoneInfo) -> pa.Table:
    dates = [local_date(instant, zone) for instant in rows["time"].cast(pa.timestamp("us", "UTC")).to_pylist()]
    return rows.filter(pa.array([day in days for day in dates], pa.bool_()))
