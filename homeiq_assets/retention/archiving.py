"""Raw days and months of daily tiers into the archive, unless rows of them were removed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType

from homeiq_assets.archive.days import write_day
from homeiq_assets.archive.manifest import Manifest, Period
from homeiq_assets.archive.months import refuse_simulated, write_month
from homeiq_assets.archive.objects import ObjectStore
from homeiq_assets.archive.periods import manifest_of
from homeiq_assets.errors import DamagedFile, FieldTypeConflict, PeriodError
from homeiq_assets.feeds.catalog import EVENTS
from homeiq_assets.feeds.registry import observed
from homeiq_assets.home import Home
from homeiq_assets.ledger.locks import alone
from homeiq_assets.ledger.removed_days import Ledger
from homeiq_assets.ledger.seals import expired_days, removed_days, restore_first, spelt
from homeiq_assets.retention.ages import Level, age
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS, tier_of
from homeiq_assets.stores.base import Store
from homeiq_assets.tiers.raw import Raw
from homeiq_assets.window import Window

YOUNG = timedelta(days=12)
"""How long a feed may take back values, which then leave the archive too. Later the archive only grows."""


@dataclass(frozen=True)
class Archived:
    """What is archived of a day, or of a month that begins on it; or why the archive stays as it is."""

    day: date
    manifest: Manifest | None
    left: str | None = None


def archive_days(raw: Raw, days: Sequence[date], home: Home, archive: ObjectStore, store: Store) -> Iterator[Archived]:
    """Archive raw days, in their order; one that cannot be is left and says why.

    Raises StoreError, SettingError, and ArchiveError where the archive is away.
    """
    keeps = raw.keeps()
    for day in sorted(days):
        # Rows that were read longer ago must not come in place of those that a removal has just compared.
        with alone(home, raw.measurement.name):
            try:
                archived = _archive_day(raw, day, keeps, home, archive, store)
            except (PeriodError, FieldTypeConflict, DamagedFile) as error:
                archived = Archived(day, None, str(error))
        yield archived


def _archive_day(
    raw: Raw, day: date, keeps: timedelta | None, home: Home, archive: ObjectStore, store: Store
) -> Archived:
    period = Period.day(day, home.zone)
    ours = raw.measurement is not HOME_ASSISTANT_EVENTS or not observed(EVENTS, home.settings)
    revised = ours and _is_young(raw.measurement, period.window, home) and not expired_days(period.window, keeps, home)
    # Looked up first, so that what another process archives meanwhile is never taken for withdrawn.
    before = manifest_of(raw.measurement, period, archive) if revised else None
    wide, rows = raw.whole(period.window)
    refuse_simulated(rows, wide, home.settings)
    if removed_days(raw.measurement.name, period.window, home, store):
        return Archived(day, None, restore_first(raw.measurement.name, [day]))
    if not rows.num_rows and manifest_of(raw.measurement, period, archive) is not None:
        return Archived(day, None, _nothing_stored(raw.measurement, period))
    if Ledger(store, home.zone).of(raw.measurement.name, day) is not None:
        before = None  # what came again may be less than what was removed
    return Archived(day, write_day(rows, raw.measurement, day, home.zone, archive, withdraws=before))


def archive_months(
    measurement: Measurement,
    months: Sequence[date],
    home: Home,
    archive: ObjectStore,
    store: Store,
    *,
    red: Mapping[date, str] = MappingProxyType({}),
) -> Iterator[Archived]:
    """Archive months (their first days) of the daily tier of a raw measurement; see `archive_days`.

    `red` are days whose checks say that something is wrong: the archive of their months stays as it is.
    """
    tier = tier_of(measurement, "daily")
    store.recover(tier)
    for first in sorted(months):
        wrong = [day for day in sorted(red) if (day.year, day.month) == (first.year, first.month)]
        if wrong:
            yield Archived(first, None, _red(tier, first, wrong, red))
            continue
        with alone(home, tier.name):
            try:
                archived = _archive_month(measurement, tier, first, home, archive, store)
            except (PeriodError, FieldTypeConflict, DamagedFile) as error:
                archived = Archived(first, None, str(error))
        yield archived


def _archive_month(
    measurement: Measurement, tier: Measurement, first: date, home: Home, archive: ObjectStore, store: Store
) -> Archived:
    period = Period.month(first, home.zone)
    before = manifest_of(tier, period, archive) if _is_young(measurement, period.window, home) else None
    rows = store.read(tier, period.window)
    refuse_simulated(rows, tier, home.settings)
    gone = removed_days(tier.name, period.window, home, store)
    if gone:
        return Archived(
            first,
            None,
            f"{tier.name} of {spelt(gone)} was removed, so the archive of {first:%Y-%m} stays as it is; to make it "
            f"again, restore first (materialise restore/{tier.name} of {first:%Y-%m})",
        )
    if not rows.num_rows and manifest_of(tier, period, archive) is not None:
        return Archived(first, None, _nothing_stored(tier, period))
    ledger = Ledger(store, home.zone)
    if any(ledger.entries(level.of(measurement).name, period.window) for level in Level):
        before = None  # what was made again may be less than what was removed
    return Archived(first, write_month(rows, tier, period.window, home.zone, archive, withdraws=before))


def _is_young(measurement: Measurement, window: Window, home: Home) -> bool:
    """Whether a feed may take back values of a window, and none of it is old enough to be removed."""
    now, goes = home.now(), age(measurement, Level.RAW, home.settings)
    return window.end > now - YOUNG and (goes is None or window.start > now - timedelta(days=goes))


def _nothing_stored(measurement: Measurement, period: Period) -> str:
    return (
        f"the store has no rows of {measurement.name} {period}, which is archived: the archive stays as it is; to have "
        f"them back, materialise restore/{measurement.name} of {period}"
    )


def _red(tier: Measurement, first: date, wrong: Sequence[date], red: Mapping[date, str]) -> str:
    return (
        f"a check of {tier.name} of {spelt(wrong)} is red ({red[wrong[0]]}), so the archive of {first:%Y-%m} stays as "
        f"it is; materialise the hourly and the daily tier of {spelt(wrong)} again, then this month"
    )
