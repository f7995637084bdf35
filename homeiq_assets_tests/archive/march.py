"""A March of daily rows, written to and read from an archive: what the tests of months share."""

from datetime import date
from zoneinfo import ZoneInfo

import pyarrow as pa

from homeiq_assets.archive.manifest import Manifest, Period
from homeiq_assets.archive.months import read_month, write_month
from homeiq_assets.archive.objects import ObjectStore
from homeiq_assets.archive.periods import manifest_of
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import SMART_METER, tier_of
from homeiq_assets.window import local_day, local_month

DAILY = tier_of(SMART_METER, "daily")
VIENNA = ZoneInfo("Europe/Vienna")
MARCH = local_month(date(2025, 3, 1), VIENNA)
FOLDER = "measurement=smart_meter_daily/year=2025/month=03"


def rows(days: range, power: float = 100.0, meter: str = "emporia") -> pa.Table:
    """A row for each of these days of March 2025, at its local midnight."""
    return rows_of(
        DAILY,
        [
            {
                "time": local_day(date(2025, 3, day), VIENNA).start,
                "meter_type": meter,
                "total_power_w_mean": power + day,
                "total_power_w_count": 288,
            }
            for day in days
        ],
    )


WHOLE = rows(range(1, 32))


def write(table: pa.Table, objects: ObjectStore, complete: bool = False) -> Manifest:
    """Archive the rows; `complete`: they are all that is left of what is archived."""
    before = manifest_of(DAILY, Period.month(date(2025, 3, 1), VIENNA), objects) if complete else None
    return write_month(table, DAILY, MARCH, VIENNA, objects, withdraws=before)


def read(objects: ObjectStore) -> pa.Table:
    return read_month(DAILY, MARCH, VIENNA, objects)


def parquet_names(objects: ObjectStore) -> list[str]:
    return [name for name in objects.sizes("") if name.endswith(".parquet")]


OURS, THEIRS = rows(range(1, 32), power=1000.0), rows(range(1, 32), power=2000.0)
