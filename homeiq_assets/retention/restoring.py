"""Days and months brought back from the archive, into the place they were removed from or into another bucket.

What is stored stays: an archived value comes back where the store has none of the same series, time and field.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from homeiq_assets.archive.manifest import Period
from homeiq_assets.archive.merging import clashes, lacking
from homeiq_assets.archive.months import is_simulated
from homeiq_assets.archive.objects import ObjectStore
from homeiq_assets.archive.periods import read_period, revised_tags
from homeiq_assets.errors import DamagedFile, FieldTypeConflict, PeriodError, SettingError, StoreError
from homeiq_assets.events.opening import EventsPlace, events_bucket, events_place
from homeiq_assets.events.stored_columns import found_in, is_combined, separated
from homeiq_assets.feeds.catalog import EVENTS
from homeiq_assets.feeds.registry import observed
from homeiq_assets.home import Home
from homeiq_assets.ledger.locks import alone
from homeiq_assets.ledger.removed_days import Ledger, State
from homeiq_assets.ledger.seals import lasting
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS, tier_of
from homeiq_assets.settings.variables import home_folder
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets.stores.influxdb.line_protocol import tags_as_stored
from homeiq_assets.stores.opening import opened_bucket
from homeiq_assets.window import Window

OWN_FOLDER = "store"
"""what the embedded store is called where a bucket is named"""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Restored:
    """What came back of a day, or of a month that begins on it, or why it could not.

    Rows archived, how many of them the store lacked or lacked fields of, and where.
    """

    day: date
    rows: int
    put: int
    place: str
    left: str | None = None


@dataclass(frozen=True)
class _Place:
    """Where rows come back to. `own`: the place they were removed from."""

    store: Store
    name: str
    own: bool
    events: EventsPlace | None = None

    def parts(self, measurement: Measurement, rows: pa.Table) -> Iterator[tuple[Measurement, pa.Table]]:
        """Archived rows as the measurements that they are stored as."""
        if measurement is HOME_ASSISTANT_EVENTS and is_combined(rows):
            yield from separated(rows)
            return
        name = measurement.name
        if self.events is not None and self.events.measurement is not None:
            name = self.events.measurement.name
        yield found_in(rows, name, tier=self.own and measurement.tier), rows


def restore_days(
    measurement: Measurement,
    days: Sequence[date],
    home: Home,
    store: Store,
    archive: ObjectStore,
    bucket: str | None = None,
) -> Iterator[Restored]:
    """Bring back raw days, in their order; a second time nothing changes.

    `bucket` names where to (an InfluxDB's bucket, or a folder below HOMEIQ_HOME); None is where they were, but for
    events, which are somebody else's: these come into `<their bucket>_restored`. A day of which nothing is archived,
    whose archive or file is damaged, or whose stored values are of another type is left and says why.

    Raises SettingError where the bucket would not keep it, StoreError, and ArchiveError where the archive is away.
    """
    return _restore(measurement, [Period.day(day, home.zone) for day in sorted(days)], home, store, archive, bucket)


def restore_months(
    measurement: Measurement,
    months: Sequence[date],
    home: Home,
    store: Store,
    archive: ObjectStore,
    bucket: str | None = None,
) -> Iterator[Restored]:
    """Bring back months (their first days) of the daily tier of a raw measurement; see `restore_days`."""
    tier = tier_of(measurement, "daily")
    return _restore(tier, [Period.month(first, home.zone) for first in sorted(months)], home, store, archive, bucket)


def _restore(
    measurement: Measurement,
    periods: Sequence[Period],
    home: Home,
    store: Store,
    archive: ObjectStore,
    bucket: str | None,
) -> Iterator[Restored]:
    with _opened(measurement, bucket, home, store) as place:
        for period in periods:
            with alone(home, measurement.name):
                try:
                    restored = _restore_period(place, measurement, period, home, archive)
                    if place.own:
                        Ledger(store, home.zone).reopen(measurement.name, period.days, State.RESTORED, home.now())
                except (PeriodError, FieldTypeConflict, DamagedFile) as error:
                    restored = Restored(period.days[0], 0, 0, place.name, str(error))
            yield restored


def _restore_period(
    place: _Place, measurement: Measurement, period: Period, home: Home, archive: ObjectStore
) -> Restored:
    rows = read_period(measurement, period, archive)
    if not rows.num_rows:
        raise PeriodError(f"nothing is archived of {measurement.name} {period}, so nothing can be restored of it")
    put = _put(place, measurement, rows, period.window, home)
    return Restored(period.days[0], rows.num_rows, put, place.name)


@contextmanager
def _opened(measurement: Measurement, bucket: str | None, home: Home, store: Store) -> Iterator[_Place]:
    settings = home.settings
    events, own = measurement is HOME_ASSISTANT_EVENTS, own_place(measurement, home)
    wanted = bucket or (f"{own}_restored" if events else own)
    with ExitStack() as stack:
        if wanted == own:
            at = stack.enter_context(events_place(home, store)) if events else None
            yield _Place(at.store if at else store, own, own=True, events=at)
        elif settings.live:
            other = opened_bucket(wanted, settings, "the bucket to restore into", makes=True)
            yield _Place(stack.enter_context(closing(other)), wanted, own=False)
        else:
            if not _NAME.fullmatch(wanted):
                raise SettingError("bucket", f"{wanted!r} is no name of a folder: letters, digits, - and _ only")
            folder = home_folder(settings) / "restored" / wanted
            yield _Place(EmbeddedStore(folder), str(folder), own=False)


def own_place(measurement: Measurement, home: Home) -> str:
    """The bucket of a measurement's rows, or what the embedded store is called. Raises SettingError."""
    settings = home.settings
    if not settings.live:
        return OWN_FOLDER
    if measurement is HOME_ASSISTANT_EVENTS and observed(EVENTS, settings):
        return events_bucket(settings)
    bucket = settings.required("INFLUXDB_BUCKET")
    return (settings.influxdb_tier_bucket or f"{bucket}_tiers") if measurement.tier else bucket


def _put(place: _Place, measurement: Measurement, rows: pa.Table, window: Window, home: Home) -> int:
    """Store what the place lacks of the rows, and see that all are there; how many were lacking."""
    put = 0
    for one, part in place.parts(measurement, rows):
        if place.store.live and home.settings.homeiq_allow_simulated != "on" and is_simulated(part, one):
            raise SettingError(
                "HOMEIQ_ALLOW_SIMULATED",
                f"the archive of {measurement.name} holds simulated readings, which never enter a live InfluxDB "
                "(INFLUXDB_URL is set) unless this is set to on",
            )
        _refuse_short_retention(place, one, window, home)
        place.store.recover(one)
        _, stored = place.store.whole(one, window)
        _refuse_other_types(place, one, stored, part)
        missing = lacking(stored, part, revised_tags(measurement))
        if place.store.live:
            # A tag value that cannot be written as it was may have come back under another spelling before.
            missing = lacking(stored, tags_as_stored(missing, one.tag_names), revised_tags(measurement))
        if missing.num_rows:
            place.store.put(one, missing)
            _, stored = place.store.whole(one, window)
            still = lacking(stored, missing, revised_tags(measurement))
            if still.num_rows:
                raise StoreError(
                    f"{still.num_rows} of {part.num_rows} rows of {one.name} are not in {place.name} as a whole after "
                    "they were written; look at its retention, then run it again",
                    retryable=True,
                )
            put += missing.num_rows
    return put


def _refuse_other_types(place: _Place, measurement: Measurement, stored: pa.Table, rows: pa.Table) -> None:
    """Raise FieldTypeConflict before anything is written: a store holds a field of a day under one type only."""
    clashing = clashes(stored, rows)
    if clashing:
        told = ", ".join(f"{name} ({rows[name].type} archived, {stored[name].type} stored)" for name in clashing)
        raise FieldTypeConflict(
            f"{measurement.name} has rows in {place.name} that came later and hold a field as another type than the "
            f"archive: {told}. Nothing was changed. Name another bucket in the run's configuration to restore it there,"
            " or remove those rows, then run it again"
        )


def _refuse_short_retention(place: _Place, measurement: Measurement, window: Window, home: Home) -> None:
    keeps = place.store.keeps(measurement)
    if keeps is not None and window.start < home.now() - keeps:
        raise SettingError(
            "bucket",
            f"{place.name} keeps rows for {lasting(keeps)} only and would drop what is restored of "
            f"{measurement.name} from {window.start:%Y-%m-%d}: set the bucket's retention to 0 (for ever), or name "
            "another bucket in the run's configuration",
        )
