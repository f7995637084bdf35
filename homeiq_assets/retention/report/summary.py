"""What is stored, added up: reduction against keeping all raw rows, and cost; as rows of `retention_metrics`.

Reduction = 1 - bytes of the store now / (bytes of a raw row x (raw rows there + raw rows removed)). All that the store
holds counts as its bytes, so tiers, views and what others write into a bucket make it smaller, never larger.

- InfluxDB: the bytes of a raw row are those of the raw buckets over the raw rows in them, at most `DEAREST` (a bucket
  may hold other things), and `INFLUXDB_ROW` where fewer than `ENOUGH` rows are left or tiers share the bucket.
- Embedded: of each measurement the bytes of its files over the rows in them, `PARQUET_ROW` where fewer than a thousand
  are left.

Both defaults were measured with events (InfluxDB: 29 to 39 bytes, of a year of 3.65 million rows).
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from homeiq_assets.archive.objects import ObjectStore
from homeiq_assets.errors import SettingError
from homeiq_assets.home import Home
from homeiq_assets.retention.ages import Level
from homeiq_assets.retention.report.storage import Found, look
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import TIERED_MEASUREMENTS
from homeiq_assets.schema.retention import RETENTION_METRICS
from homeiq_assets.settings.variables import Settings
from homeiq_assets.stores.base import Store
from homeiq_assets.window import local_date, local_day

INFLUXDB_ROW, PARQUET_ROW = 35.0, 17.0
DEAREST = 40.0
ENOUGH = 100_000
ENOUGH_IN_FILES = 1_000
GB = 2**30
"""as S3 bills it: 1 GB = 1,073,741,824 bytes, https://aws.amazon.com/s3/faqs/"""
LEAST_BILLED = dict.fromkeys(("GLACIER_IR", "STANDARD_IA", "ONEZONE_IA"), 128 * 1024)
"""bytes that an object is billed for at least, https://aws.amazon.com/s3/pricing/"""
TOTAL = "total"


@dataclass(frozen=True)
class Line:
    """A row of `retention_metrics`; None is what is not known or makes no sense there."""

    measurement: str
    place: str
    rows: int | None = None
    bytes: int | None = None
    objects: int | None = None
    rows_removed: int | None = None
    reduction: float | None = None
    yearly_cost: float | None = None


@dataclass(frozen=True)
class Report:
    """What is stored, line by line, the totals last; `bytes_a_row` of a raw row, None where there never was one."""

    lines: tuple[Line, ...]
    bytes_a_row: float | None
    warnings: tuple[str, ...]

    def of(self, measurement: str, place: str) -> Line:
        """A line, empty where there is none."""
        lines = [line for line in self.lines if (line.measurement, line.place) == (measurement, place)]
        return lines[0] if lines else Line(measurement, place)


def made_report(home: Home, store: Store, archive: ObjectStore) -> Report:
    """Look at store and archive, and add up. Raises StoreError where the store cannot be read at all."""
    settings = home.settings
    on_s3 = settings.s3_archive_bucket is not None
    found = look(home, store, archive, LEAST_BILLED.get(settings.s3_storage_class, 0) if on_s3 else 0)
    warnings = list(found.warnings)
    disk = _price(settings, "DISK_PRICE_GB_MONTH", warnings)
    objects = _price(settings, "S3_PRICE_GB_MONTH", warnings) if on_s3 else disk
    bytes_a_row, reduction = _reduction(found, settings, live=store.live)
    buckets = [Line(TOTAL, f"bucket {name}", bytes=size) for name, size in (found.sizes or {}).items() if store.live]
    lines = [*_store_lines(found), *_archive_lines(found, objects), *buckets]
    lines += _totals(found, reduction, disk, objects)
    return Report(tuple(lines), bytes_a_row, tuple(warnings))


def keep_report(report: Report, home: Home, store: Store) -> int:
    """Store a report as that of today, in place of an earlier one; how many rows. Raises StoreError."""
    today = local_day(local_date(home.now(), home.zone), home.zone)
    rows = rows_of(RETENTION_METRICS, [{"time": today.start, **asdict(line)} for line in report.lines])
    store.replace(RETENTION_METRICS, rows, today)
    return len(report.lines)


def _store_lines(found: Found) -> Iterator[Line]:
    for measurement in TIERED_MEASUREMENTS:
        for level in Level:
            place = (measurement.name, level.value)
            rows, removed = found.rows.get(place), found.removed.get(place, 0)
            if rows or removed:
                yield Line(*place, rows, found.in_files.get(place), rows_removed=removed)


def _archive_lines(found: Found, price: float | None) -> Iterator[Line]:
    for place, kept in sorted((found.archive or {}).items()):
        yield Line(*place, bytes=kept.bytes, objects=kept.objects, yearly_cost=_yearly(kept.billed, price))


def _totals(found: Found, reduction: float | None, disk: float | None, objects: float | None) -> Iterator[Line]:
    removed = sum(rows for (_, place), rows in found.removed.items() if place == Level.RAW.value)
    size = None if found.sizes is None else sum(found.sizes.values())
    store = Line(TOTAL, "store", sum(found.rows.values()), size, None, removed, reduction, _yearly(size, disk))
    yield store
    if found.archive is None:
        return
    kept = found.archive.values()
    stored, billed = sum(one.bytes for one in kept), sum(one.billed for one in kept)
    archive = Line(
        TOTAL, "archive", None, stored, sum(one.objects for one in kept), yearly_cost=_yearly(billed, objects)
    )
    yield archive
    if size is not None:
        known = store.yearly_cost is not None and archive.yearly_cost is not None
        cost = (store.yearly_cost or 0) + (archive.yearly_cost or 0)
        yield Line(TOTAL, "all", bytes=size + stored, yearly_cost=cost if known else None)


def _reduction(found: Found, settings: Settings, *, live: bool) -> tuple[float | None, float | None]:
    """Bytes of a raw row, and the reduction; None where either cannot be told."""
    removed = {name: rows for (name, place), rows in found.removed.items() if place == Level.RAW.value}
    there = {name: rows for (name, place), rows in found.rows.items() if place == Level.RAW.value}
    ever = sum(there.values()) + sum(removed.values())
    if not ever or found.sizes is None:
        return None, None
    if live:
        had = _influxdb_row(found, sum(there.values()), settings) * ever
    else:
        had = sum(
            _parquet_row(found.in_files.get((name, Level.RAW.value), 0), there.get(name, 0))
            * (there.get(name, 0) + removed.get(name, 0))
            for name in there.keys() | removed.keys()
        )
    size = sum(found.sizes.values())
    # What was written in the last minutes is not on disk yet.
    return had / ever, 1 - size / had if size and found.whole else None


def _influxdb_row(found: Found, rows: int, settings: Settings) -> float:
    bucket = settings.influxdb_bucket or ""
    tiers = settings.influxdb_tier_bucket or f"{bucket}_tiers"
    shared = tiers in (bucket, settings.events_influxdb_bucket)
    size = sum(size for name, size in (found.sizes or {}).items() if name != tiers)
    return min(size / rows, DEAREST) if rows >= ENOUGH and size and not shared else INFLUXDB_ROW


def _parquet_row(size: int, rows: int) -> float:
    return size / rows if rows >= ENOUGH_IN_FILES and size else PARQUET_ROW


def _price(settings: Settings, name: str, warnings: list[str]) -> float | None:
    try:
        settings.sound(name)
    except SettingError as error:
        warnings.append(str(error))
        return None
    return float(getattr(settings, name.lower()))


def _yearly(size: int | None, price: float | None) -> float | None:
    return None if size is None or price is None else size / GB * price * 12
