"""What the archive says about one of its objects: the manifest beside it, and which period it is of.

A manifest is JSON, swapped last: an object is archived once its manifest names it, and only then.
"""

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, Self
from urllib.parse import quote
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import TypeAdapter, ValidationError

from homeiq_assets.archive.encoding import TYPES
from homeiq_assets.errors import ArchiveError, PeriodError
from homeiq_assets.schema.measurement import TIME, Measurement
from homeiq_assets.window import Window, local_date, local_day, local_days, local_midnight, local_month

SCHEMA_VERSION = 1
MANIFEST = "_manifest.json"
"""readers of hive paths leave out names that begin with an underscore"""


@dataclass(frozen=True)
class Period:
    """A local month or day, of which a measurement has one object."""

    window: Window
    zone: ZoneInfo
    path: str
    """hive path of the period below that of its measurement"""

    @classmethod
    def month(cls, first_day: date, zone: ZoneInfo) -> Self:
        """The local month that begins on `first_day`."""
        return cls(local_month(first_day, zone), zone, f"year={first_day:%Y}/month={first_day:%m}")

    @classmethod
    def day(cls, day: date, zone: ZoneInfo) -> Self:
        """The local day."""
        return cls(local_day(day, zone), zone, f"year={day:%Y}/month={day:%m}/day={day:%d}")

    @property
    def days(self) -> list[date]:
        """Its local dates."""
        return local_days(self.window, self.zone)

    def folder(self, measurement: str) -> str:
        """Where the period's object of a measurement is; names hold no `/` (a unit like km/h may)."""
        return f"measurement={quote(measurement, safe='')}/{self.path}"

    def __str__(self) -> str:
        return local_date(self.window.start, self.zone).strftime("%Y-%m-%d" if "/day=" in self.path else "%Y-%m")


@dataclass(frozen=True)
class Manifest:
    """The archived rows of one measurement and period; where nothing is archived `object` is empty."""

    measurement: str
    zone: str
    start: str
    """start of the period, UTC, ISO 8601; `end` is where the next begins"""
    end: str
    rows: int
    days: tuple[str, ...]
    """local dates that have rows"""
    first: str
    """time of the earliest row, UTC, to the nanosecond; `last` of the latest"""
    last: str
    fields: dict[str, str]
    """name -> type of every field that the rows have"""
    sums: dict[str, float | int]
    """of every field that can be added up (values that are not finite left out); flags: how many are on"""
    object: str
    """name from the archive's root"""
    sha256: str
    bytes: int
    values: dict[str, int] = field(default_factory=dict)
    """how many values each field has"""
    withdrawn: str = ""
    """name of the object before, where it held values that a feed withdrew since: it is not to be taken up again"""
    schema_version: int = SCHEMA_VERSION


def describe(table: pa.Table, measurement: Measurement, period: Period, data: bytes, withdrawn: str = "") -> Manifest:
    """The manifest of rows whose object is `data`. Raises ArchiveError where rows lie outside the period."""
    sha256 = hashlib.sha256(data).hexdigest()
    span = pc.min_max(table["time"].cast(pa.int64())).as_py()
    fields = [column.name for column in table.schema if column.nullable]
    sums = {name: _sum(table[name]) for name in fields if not pa.types.is_string(table[name].type)}
    return Manifest(
        measurement=measurement.name,
        zone=period.zone.key,
        start=period.window.start.isoformat(),
        end=period.window.end.isoformat(),
        rows=int(table.num_rows),
        days=tuple(day.isoformat() for day in _days(table, measurement, period)),
        first=_text(span["min"]),
        last=_text(span["max"]),
        fields={name: TYPES[table[name].type].value for name in fields},
        sums={name: total for name, total in sums.items() if total is not None},
        object=f"{period.folder(measurement.name)}/{quote(measurement.name, safe='')}-{sha256[:16]}.parquet",
        sha256=sha256,
        bytes=len(data),
        values={name: int(table.num_rows - table[name].null_count) for name in fields},
        withdrawn=withdrawn,
    )


def to_json(manifest: Manifest) -> bytes:
    """A manifest as it is stored: the same one gives the same bytes."""
    return (json.dumps(asdict(manifest), indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def from_json(data: bytes, name: str) -> Manifest:
    """The manifest stored under `name`. Raises PeriodError where it is damaged or of a later version."""
    try:
        content: dict[str, Any] = json.loads(data)
        version = int(content["schema_version"])
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(name) from error
    if version > SCHEMA_VERSION:
        raise PeriodError(f"{name} was written by a later version of homeiq_assets ({version}); update this one")
    try:
        return TypeAdapter(Manifest).validate_python(content)
    except ValidationError as error:
        raise _damaged(name) from error


def _days(table: pa.Table, measurement: Measurement, period: Period) -> list[date]:
    """The local dates that have rows."""
    midnights = [local_midnight(day, period.zone) for day in period.days]
    edges = pa.array([*midnights, period.window.end], TIME).cast(pa.int64()).to_numpy()
    found = np.unique(np.searchsorted(edges, table["time"].cast(pa.int64()).to_numpy(), "right")) - 1
    if len(found) and (found[0] < 0 or found[-1] >= len(midnights)):
        raise ArchiveError(f"{measurement.name}: rows from outside {period} ({period.zone.key}) are not archived in it")
    return [period.days[number] for number in found]


def _text(instant: int | None) -> str:
    return "" if instant is None else f"{np.datetime64(instant, 'ns')}Z"


def _sum(column: pa.ChunkedArray) -> float | int | None:
    """None where it is too large for a float."""
    values: list[float] = column.drop_null().to_pylist()
    if not pa.types.is_floating(column.type):
        return sum(values)
    try:
        return math.fsum(value for value in values if math.isfinite(value))
    except OverflowError:
        return None


def _damaged(name: str) -> PeriodError:
    return PeriodError(
        f"the archive's manifest {name} is damaged; put back an earlier version of it (a backup, or the bucket's "
        "versioning). If every row of its period is still in the store, delete it and materialise the period again"
    )
