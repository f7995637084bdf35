"""A raw day, clocks going back in it, with all that a store's rows may have beyond their schema."""

from datetime import date
from zoneinfo import ZoneInfo

import pyarrow as pa

from homeiq_assets.archive.days import read_day, write_day
from homeiq_assets.archive.manifest import Manifest, Period
from homeiq_assets.archive.objects import ObjectStore
from homeiq_assets.archive.periods import manifest_of
from homeiq_assets.schema.measurement import TIME
from homeiq_assets.schema.measurements import SMART_METER
from homeiq_assets.window import local_day

VIENNA = ZoneInfo("Europe/Vienna")
DAY = date(2025, 10, 26)
WINDOW = local_day(DAY, VIENNA)
FOLDER = "measurement=smart_meter/year=2025/month=10/day=26"
_START = int(WINDOW.start.timestamp()) * 10**9
_HOUR = 3_600 * 10**9


def tag(name: str) -> pa.Field:
    return pa.field(name, pa.string(), nullable=False)


def raw_day(rows: int = 25, power: float = 100.0, meter: str = "emporia") -> pa.Table:
    """A row an hour from the first, each 1 ns after it: undeclared tags and fields, nothing where nothing was said."""
    numbers = range(rows)
    columns = {
        pa.field("time", TIME, nullable=False): [_START + number * _HOUR + 1 for number in numbers],
        tag("meter_type"): [meter] * rows,
        tag("month"): ["" if number % 2 else "unknown" for number in numbers],
        tag("day_"): ['Büro, "2"\\n'] * rows,
        tag("measurement"): [""] * rows,
        pa.field("total_power_w", pa.float64()): [None if number == 3 else power + number for number in numbers],
        # Declared as a float.
        pa.field("daily_kwh", pa.string()): [None if number % 3 else "" for number in numbers],
        pa.field("pulses", pa.int64()): [2**63 - 1 - number for number in numbers],
        pa.field("Year", pa.bool_()): [None if number == 0 else number % 2 == 0 for number in numbers],
        pa.field("odd", pa.float64()): [(float("inf"), -0.0, 5e-324, 1e308, None)[number % 5] for number in numbers],
    }
    table = pa.table(
        [pa.array(values, field.type) if field.name != "time" else pa.array(values, pa.int64()).cast(TIME)
         for field, values in columns.items()],
        schema=pa.schema(list(columns)),
    )  # fmt: skip
    return table.sort_by([(name, "ascending") for name in ("meter_type", "month", "time")]).combine_chunks()


def write(table: pa.Table, objects: ObjectStore, complete: bool = False) -> Manifest:
    """Archive the rows; `complete`: they are all that is left of what is archived."""
    before = manifest_of(SMART_METER, Period.day(DAY, VIENNA), objects) if complete else None
    return write_day(table, SMART_METER, DAY, VIENNA, objects, withdraws=before)


def read(objects: ObjectStore) -> pa.Table:
    return read_day(SMART_METER, DAY, VIENNA, objects)
