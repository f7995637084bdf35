"""What the doctor says of retention: wrong ages, buckets that forget too soon, days that expire and are not archived,
and removal that is behind.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

from homeiq_assets.archive.manifest import Period
from homeiq_assets.archive.objects import ObjectStore
from homeiq_assets.archive.periods import manifest_of
from homeiq_assets.errors import HomeiqError, SettingError
from homeiq_assets.events.opening import events_kept, events_place
from homeiq_assets.feeds.feed import Feed
from homeiq_assets.feeds.registry import OFF, SIMULATED, choice, observed, settles
from homeiq_assets.home import Home
from homeiq_assets.ledger.seals import spelt
from homeiq_assets.retention.ages import SPARE, Level, age, checked_age, last_due, least_age
from homeiq_assets.retention.report.storage import raw_rows
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.measurements import ALL, HOME_ASSISTANT_EVENTS
from homeiq_assets.settings.variables import Settings
from homeiq_assets.stores.base import Probe, Store
from homeiq_assets.stores.influxdb.foreign import SETTING as EVENTS_BUCKET
from homeiq_assets.stores.tables import FIRST
from homeiq_assets.tiers.raw import opened_raw
from homeiq_assets.window import DAY, Window, existing, local_date, local_day, local_days, local_midnight

SOON = timedelta(days=3)
"""how long before a day expires the owner is told, so that there is time to do something"""
SHARD = timedelta(days=7)
"""how long InfluxDB may still hold rows that have expired: it drops a shard at a time"""
GRACE = 1
"""days for which removal may be behind: it runs at night, and what failed is tried again the next"""
COUNTED = 60
"""how many days that removal left are counted at most"""

Pairs = Sequence[tuple[Measurement, Feed]]
"""each raw measurement, with its feed"""


def of_settings(pairs: Pairs, settings: Settings) -> Iterator[Probe]:
    """Ages and names that are wrong; without any, what goes when."""
    wrong: dict[str, str] = {}
    for measurement, feed in pairs:
        for level in Level:
            try:
                checked_age(measurement, level, settles(feed, settings), settings)
            except SettingError as error:
                if error.setting not in settings.problems:
                    wrong[str(error).removeprefix(f"{error.setting}: ")] = error.setting
    for text, setting in wrong.items():
        yield Probe(setting, False, text)
    if not wrong and not settings.problems.keys() & {level.setting for level in Level}:
        raw = ", ".join(f"{name}={days}" for name, days in settings.raw_ages.items() if days is not None)
        hourly, daily = settings.retention_hourly_days, settings.retention_daily_days
        yield Probe(
            "retention",
            True,
            f"days go after: raw {raw or 'never'}; hourly {hourly or 'never'}; daily {daily or 'never'}",
        )


def of_store(pairs: Pairs, home: Home, store: Store, archive: ObjectStore | None) -> Iterator[Probe]:
    """What store and archive have to say of it; `archive` None: it does not work. Raises StoreError, ArchiveError.

    Of events that cannot be reached nothing is said: their feed's line does.
    """
    there = [(measurement, feed) for measurement, feed in pairs if choice(feed, home.settings) != OFF]
    keeps = dict(_keeps(there, home, store))
    yield from _forgetting([pair for pair in there if pair[0].name in keeps], keeps, home)
    yield from _never_proven(pairs, home, store, archive)
    if archive is not None:
        for measurement, feed in there:
            if measurement.name in home.settings.archived_raw and (kept := keeps.get(measurement.name)):
                yield from _expiring(measurement, feed, kept, home, store, archive)
    for measurement, feed in pairs:
        # Simulated days may stay: a demonstration is no worse for them.
        simulated = choice(feed, home.settings) == SIMULATED
        if not simulated and (measurement is not HOME_ASSISTANT_EVENTS or measurement.name in keeps):
            yield from _behind(measurement, feed, home, store)


def _keeps(pairs: Pairs, home: Home, store: Store) -> Iterator[tuple[str, timedelta | None]]:
    """How long the bucket of each measurement that can be read keeps rows."""
    for measurement, _ in pairs:
        if measurement is not HOME_ASSISTANT_EVENTS:
            yield measurement.name, store.keeps(measurement)
            continue
        try:
            with events_place(home, store) as at:
                at.names()
            yield measurement.name, events_kept(home, store)
        except HomeiqError:
            continue


def _forgetting(pairs: Pairs, keeps: Mapping[str, timedelta | None], home: Home) -> Iterator[Probe]:
    """Buckets that drop rows before everything is done that needs them: of each the measurement that needs most."""
    needs: dict[str, list[tuple[timedelta, str]]] = {}
    for measurement, feed in pairs:
        kept, needed = keeps[measurement.name], _needed(measurement, feed, home.settings)
        if kept is not None and kept < needed:
            needs.setdefault(_bucket(feed, home.settings), []).append((needed, measurement.name))
    for setting, short in needs.items():
        needed, name = max(short)
        goes = home.settings.raw_ages.get(name)
        why = (
            f"its days go once they are older than {goes} days and proven (RETENTION_RAW_DAYS)"
            if goes is not None
            else "its days are asked for and rolled again for as long"
        )
        yield Probe(
            f"retention of {setting}",
            False,
            f"{setting}: the bucket keeps rows for {_days(keeps[name])} only, and {name} has to stay {_days(needed)}: "
            f"{why}. Set the bucket's retention to {_days(needed)} or more, or to 0 (for ever)",
        )


def _needed(measurement: Measurement, feed: Feed, settings: Settings) -> timedelta:
    goes = age(measurement, Level.RAW, settings, settles(feed, settings))
    if goes is not None:
        return (goes + 1 + SPARE) * DAY
    revised = 0 if observed(feed, settings) else settles(feed, settings)
    return least_age(revised, settings) * DAY


def _never_proven(pairs: Pairs, home: Home, store: Store, archive: ObjectStore | None) -> Iterator[Probe]:
    """Removal that is set and can never happen."""
    going = [measurement for measurement, _ in pairs if age(measurement, Level.RAW, home.settings) is not None]
    waiting = sorted(measurement.name for measurement in going if measurement.name in home.settings.archived_raw)
    if archive is None and waiting:
        yield Probe(
            "removal",
            False,
            f"RAW_ARCHIVE: raw days of {', '.join(waiting)} stay until the archive works, which has to hold them first",
        )
    if HOME_ASSISTANT_EVENTS in going and (why := _events_stay(home, store)):
        yield Probe("removal of events", False, f"RETENTION_RAW_DAYS says when events go, but {why}")


def _events_stay(home: Home, store: Store) -> str | None:
    """Why events are never removed from here, None where they can be."""
    try:
        with opened_raw(HOME_ASSISTANT_EVENTS, home, store) as raw:
            raw.place()
    except SettingError as error:
        return str(error)
    except HomeiqError:
        pass  # that they cannot be reached is what their feed's line tells
    return None


def _expiring(
    measurement: Measurement, feed: Feed, keeps: timedelta, home: Home, store: Store, archive: ObjectStore
) -> Iterator[Probe]:
    """Days that the bucket drops soon, and that are in no archive."""
    oldest = home.now() - keeps
    days = [
        day
        for day in local_days(Window(oldest - SHARD, oldest + SOON), home.zone)
        if local_day(day, home.zone).end <= home.now()
        and manifest_of(measurement, Period.day(day, home.zone), archive) is None
        and raw_rows(measurement, home, store, local_day(day, home.zone))
    ]
    if days:
        setting = _bucket(feed, home.settings)
        yield Probe(
            f"archive of {measurement.name}",
            False,
            f"{setting}: the bucket keeps rows for {_days(keeps)}, so {', '.join(map(str, days))} of "
            f"{measurement.name} will be gone in {SOON.days} days or sooner, and no archive holds them: materialise "
            f"archive/{measurement.name} of {spelt(days)} now. HOMEIQ_AUTOMATION=on does so each day; a longer "
            "retention of the bucket gives it more time",
        )


def _behind(measurement: Measurement, feed: Feed, home: Home, store: Store) -> Iterator[Probe]:
    """Days older than their age that are still there."""
    for level in Level:
        try:
            limit = checked_age(measurement, level, settles(feed, home.settings), home.settings)
        except SettingError:
            continue
        stays = measurement is HOME_ASSISTANT_EVENTS and level is Level.RAW and _events_stay(home, store)
        if limit is None or stays:
            continue
        name, last = level.of(measurement).name, last_due(limit, local_date(home.now(), home.zone)) - GRACE * DAY
        days, rows, all_counted = _still_there(measurement, level, last, home, store)
        if rows:
            least = len(days) if all_counted else len(days) + 1
            number = f"{'' if all_counted else 'at least '}{least} day{'s' if least > 1 else ''}"
            yield Probe(
                f"removal of {name}",
                True,
                f"{number}{f' ({spelt(days)})' if days else ''} with {rows} rows, older than {limit} days "
                f"({level.setting}), still there: the last run of retention/{name} says why; it runs each night "
                "with HOMEIQ_AUTOMATION=on, and when you materialise it",
                warning=True,
            )


def _still_there(
    measurement: Measurement, level: Level, last: date, home: Home, store: Store
) -> tuple[list[date], int, bool]:
    """Days up to `last` that have rows, the newest `COUNTED` looked at; all rows up to then; whether these are all."""

    def counted(window: Window) -> int:
        if level is Level.RAW:
            return raw_rows(measurement, home, store, window)
        return store.rows(ALL[level.of(measurement).name], window)

    rows = counted(Window(FIRST, local_midnight(last + DAY, home.zone)))
    days, left = [], rows
    for day in existing((last - back * DAY for back in range(COUNTED)), home.zone):
        if left <= 0:
            break
        found = counted(local_day(day, home.zone))
        left -= found
        if found:
            days.append(day)
    return days, rows, left <= 0


def _bucket(feed: Feed, settings: Settings) -> str:
    """The setting that names the bucket of a feed's rows."""
    return EVENTS_BUCKET if observed(feed, settings) and settings.events_influxdb_bucket else "INFLUXDB_BUCKET"


def _days(length: timedelta | None) -> str:
    return "for ever" if length is None else f"{length / DAY:g} days"
