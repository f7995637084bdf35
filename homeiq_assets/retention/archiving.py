"""Raw days and months of daily tiers into the archive, unless rows of them are gone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow as pa

from homeiq_assets.archive.days import write_day
from homeiq_assets.archive.manifest import Manifest
from homeiq_assets.archive.months import read_month, refuse_simulated, write_month
from homeiq_assets.archive.objects import ObjectStore
from homeiq_assets.errors import ArchiveError
from homeiq_assets.home import Home
from homeiq_assets.measurements import tier_of
from homeiq_assets.retention.locks import alone
from homeiq_assets.retention.seals import expired_days, removed_days, restore_first, spelt
from homeiq_assets.schema import Measurement
from homeiq_assets.stores.base import Store
from homeiq_assets.tiers.raw import Raw
from homeiq_assets.window import Window, local_day, local_month

YOUNG = timedelta(days=12)
"""How long a vendor may take back rows, which then leave the archive too. Later the archive only grows."""


@dataclass(frozen=True)
class Archived:
    """What is archived of a day, or of a month that begins on it; or why the archive stays as it is."""

    day: date
    manifest: Manifest | None
    left: str | None = None


def archive_days(raw: Raw, days: Sequence[date], home: Home, archive: ObjectStore, store: Store) -> Iterator[Archived]:
    """Archive raw days, in their order. Raises ArchiveError, StoreError and SettingError."""
    keeps = raw.keeps()
    for day in sorted(days):
        # Rows that were read longer ago must not come in place of those that a removal has just compared.
        with alone(home, raw.measurement.name):
            archived = _archive_day(raw, day, keeps, home, archive, store)
        yield archived


def _archive_day(
    raw: Raw, day: date, keeps: timedelta | None, home: Home, archive: ObjectStore, store: Store
) -> Archived:
    window = local_day(day, home.zone)
    wide, rows = raw.whole(window)
    refuse_simulated(rows, wide, home.settings)
    if removed_days(raw.measurement.name, window, home, store):
        return Archived(day, None, restore_first(raw.measurement.name, [day]))
    whole = bool(rows.num_rows) and not expired_days(window, keeps, home) and window.end > home.now() - YOUNG
    return Archived(day, write_day(rows, raw.measurement, day, home.zone, archive, complete=whole))


def archive_months(
    measurement: Measurement, months: Sequence[date], home: Home, archive: ObjectStore, store: Store
) -> Iterator[Archived]:
    """Archive months (their first days) of the daily tier of a raw measurement. Raises as `archive_days`."""
    tier = tier_of(measurement, "daily")
    store.recover(tier)
    for first in sorted(months):
        with alone(home, tier.name):
            archived = _archive_month(tier, first, home, archive, store)
        yield archived


def _archive_month(tier: Measurement, first: date, home: Home, archive: ObjectStore, store: Store) -> Archived:
    window = local_month(first, home.zone)
    rows = store.read(tier, window)
    refuse_simulated(rows, tier, home.settings)
    gone = removed_days(tier.name, window, home, store)
    if gone:
        return Archived(
            first,
            None,
            f"{tier.name} of {spelt(gone)} was removed, so the archive of {first:%Y-%m} stays as it is; to make it "
            f"again, restore first (materialise restore/{tier.name} of {first:%Y-%m})",
        )
    young = bool(rows.num_rows) and window.end > home.now() - YOUNG
    whole = young or _holds_archived(rows, tier, window, home, archive)
    return Archived(first, write_month(rows, tier, window, home.zone, archive, complete=whole))


def _holds_archived(rows: pa.Table, tier: Measurement, window: Window, home: Home, archive: ObjectStore) -> bool:
    """Whether there is a row for each series and day that is archived; its other tags may have changed."""
    try:
        archived = read_month(tier, window, home.zone, archive)
    except ArchiveError:
        return False  # what is damaged is put right by no fewer rows, or not at all
    keys = ["time", *tier.identity]
    return bool(archived.select(keys).join(rows.select(keys), keys, join_type="left anti").num_rows == 0)
