"""The archive of a raw measurement: one Parquet object per local day, the rows exactly as the store has them."""

from datetime import date
from zoneinfo import ZoneInfo

import pyarrow as pa

from homeiq_assets.archive.manifest import Manifest, Period
from homeiq_assets.archive.objects import ObjectStore
from homeiq_assets.archive.periods import read_period, write_period
from homeiq_assets.schema.measurement import Measurement


def write_day(
    rows: pa.Table,
    measurement: Measurement,
    day: date,
    zone: ZoneInfo,
    objects: ObjectStore,
    *,
    withdraws: Manifest | None = None,
) -> Manifest:
    """Archive the rows of a local day; as `write_period`."""
    return write_period(rows, measurement, Period.day(day, zone), objects, withdraws=withdraws)


def read_day(measurement: Measurement, day: date, zone: ZoneInfo, objects: ObjectStore) -> pa.Table:
    """The archived rows of a local day, as `read_period`; `widened` of them is the measurement to restore."""
    return read_period(measurement, Period.day(day, zone), objects)
