"""Writing and reading the one Parquet object of a measurement and period (docs/archive.md).

Objects are never changed: their names hold the sha256 of their bytes. A writer puts the object,
downloads and compares it, swaps the manifest, and only then deletes what the manifest no longer
names. Two writers at once are one after the other in the order of their swaps.
"""

import hashlib
import io
import math
import re
from datetime import date
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from homeiq_assets.archive.manifest import MANIFEST, Manifest, Period, from_json, to_json
from homeiq_assets.archive.objects import ObjectStore
from homeiq_assets.errors import ArchiveError
from homeiq_assets.schema import TIME, Measurement, Type, conform
from homeiq_assets.window import local_midnight

ATTEMPTS = 5
_HIVE_KEY = re.compile(r"(?:measurement|year|month|day)_*")


def manifest_of(measurement: Measurement, period: Period, objects: ObjectStore) -> Manifest | None:
    """What is archived of a period, None for nothing. Raises ArchiveError."""
    name = f"{period.folder(measurement.name)}/{MANIFEST}"
    data = objects.get(name)
    return None if data is None else from_json(data, name)


def write_period(rows: pa.Table, measurement: Measurement, period: Period, objects: ObjectStore) -> Manifest:
    """Archive the rows of a period, in place of what is archived of it. The same rows again change nothing.

    Without rows nothing is written. Raises ArchiveError where rows lie outside the period, where a day
    that is archived has no row any more, and where what was written is not what comes back.
    """
    table = conform(rows, measurement)
    days = _days(table, measurement, period)
    data = _encoded(table)
    wanted = _manifest(table, measurement, period, days, data)
    name = f"{period.folder(measurement.name)}/{MANIFEST}"
    for _ in range(ATTEMPTS):
        stored = manifest_of(measurement, period, objects)
        archived = _archived_days(stored, measurement, period, objects)
        _refuse_lost_days(stored, wanted, archived, period)
        if not table.num_rows:
            return wanted
        if objects.get(wanted.object) != data:
            objects.put(wanted.object, data)
            found = objects.get(wanted.object)
            if found is None:
                continue  # another writer has deleted it as superseded, before the manifest named it
            if found != data or not _verified(found, measurement, wanted, period).equals(table):
                raise ArchiveError(
                    f"{wanted.object} is not what was written; what was archived before is unchanged, run it again",
                    retryable=True,
                )
        faster = manifest_of(measurement, period, objects) != stored
        if not faster and stored != wanted:
            objects.put(name, to_json(wanted))
        overtaken = _delete_superseded(measurement, period, objects)
        current = manifest_of(measurement, period, objects)
        if not (faster or overtaken) and current is not None and objects.exists(current.object):
            return wanted
        # Another writer is at work: what it archived counts as well, so all is looked at again.
    raise ArchiveError(
        f"{measurement.name} {period}: other processes keep writing this archive; let one finish, then run again",
        retryable=True,
    )


def read_period(measurement: Measurement, period: Period, objects: ObjectStore) -> pa.Table:
    """The archived rows of a period, typed by the schema; no rows where nothing is archived.

    Raises ArchiveError where the object is missing or not what its manifest says.
    """
    manifest = manifest_of(measurement, period, objects)
    while manifest is not None:
        data = objects.get(manifest.object)
        if data is not None:
            return _verified(data, measurement, manifest, period)
        latest = manifest_of(measurement, period, objects)
        if latest == manifest:
            raise ArchiveError(f"the archive's object {manifest.object} is missing; {_advice(measurement, period)}")
        manifest = latest  # it was superseded between the two reads
    if _object_names(measurement, period, objects):
        raise ArchiveError(
            f"the archive holds {measurement.name} of {period}, but no {MANIFEST} of it; {_advice(measurement, period)}"
        )
    return measurement.empty()


def _days(table: pa.Table, measurement: Measurement, period: Period) -> list[date]:
    """The local dates that have rows."""
    midnights = [local_midnight(day, period.zone) for day in period.days]
    edges = pa.array([*midnights, period.window.end], TIME).cast(pa.int64()).to_numpy()
    found = np.unique(np.searchsorted(edges, table["time"].cast(pa.int64()).to_numpy(), "right")) - 1
    if len(found) and (found[0] < 0 or found[-1] >= len(midnights)):
        raise ArchiveError(f"{measurement.name}: rows from outside {period} ({period.zone.key}) are not archived in it")
    return [period.days[number] for number in found]


def _manifest(table: pa.Table, measurement: Measurement, period: Period, days: list[date], data: bytes) -> Manifest:
    sha256 = hashlib.sha256(data).hexdigest()
    span = pc.min_max(table["time"].cast(pa.int64())).as_py()
    file = f"{quote(measurement.name, safe='')}-{sha256[:16]}.parquet"
    return Manifest(
        measurement=measurement.name,
        zone=period.zone.key,
        start=period.window.start.isoformat(),
        end=period.window.end.isoformat(),
        rows=int(table.num_rows),
        days=tuple(day.isoformat() for day in days),
        first=_text(span["min"]),
        last=_text(span["max"]),
        fields={field.name: field.type.value for field in measurement.fields},
        sums={f.name: _sum(table[f.name]) for f in measurement.fields if f.type is not Type.STRING},
        object=f"{period.folder(measurement.name)}/{file}" if table.num_rows else "",
        sha256=sha256 if table.num_rows else "",
        bytes=len(data) if table.num_rows else 0,
    )


def _text(instant: int | None) -> str:
    return "" if instant is None else f"{np.datetime64(instant, 'ns')}Z"


def _sum(column: pa.ChunkedArray) -> float | int:
    if pa.types.is_floating(column.type):
        return math.fsum(column.drop_null().to_pylist())
    return int(pc.sum(column).as_py() or 0)


def _encoded(table: pa.Table) -> bytes:
    """The rows as Parquet; the same rows give the same bytes. Names of hive keys are not taken twice."""
    buffer = io.BytesIO()
    renamed = table.rename_columns([f"{n}_" if _HIVE_KEY.fullmatch(n) else n for n in table.column_names])
    pq.write_table(renamed.combine_chunks(), buffer, compression="zstd", version="2.6")
    return buffer.getvalue()


def _decoded(data: bytes) -> pa.Table:
    table = pq.ParquetFile(io.BytesIO(data)).read()
    return table.rename_columns([n[:-1] if _HIVE_KEY.fullmatch(n) else n for n in table.column_names])


def _verified(data: bytes, measurement: Measurement, manifest: Manifest, period: Period) -> pa.Table:
    if hashlib.sha256(data).hexdigest() != manifest.sha256:
        raise ArchiveError(
            f"the archive's object {manifest.object} is damaged ({len(data)} bytes, its manifest says {manifest.bytes} "
            f"and another sha256); {_advice(measurement, period)}"
        )
    table = _decoded(data)
    later = set(table.column_names) - set(measurement.arrow.names)
    if later:
        raise ArchiveError(
            f"{manifest.object} has columns that {measurement.name} does not know ({', '.join(sorted(later))}); "
            "it was written by a later version of homeiq_assets: update this one"
        )
    return conform(table, measurement)


def _advice(measurement: Measurement, period: Period) -> str:
    return (
        "put it back from a backup or the bucket's versioning, or, if the rows are still in the store, "
        f"materialise the archive of {measurement.name} for {period} again"
    )


def _archived_days(stored: Manifest | None, measurement: Measurement, period: Period, objects: ObjectStore) -> set[str]:
    """The local dates that the archive has rows of; where the manifest is lost, its objects say so."""
    if stored is not None:
        return set(stored.days)
    names = _object_names(measurement, period, objects)
    return {day for name in names for day in _days_in(objects.get(name), name, measurement, period)}


def _days_in(data: bytes | None, name: str, measurement: Measurement, period: Period) -> set[str]:
    """The local dates of an object's rows; none where it is gone or not what its name says."""
    if data is None or hashlib.sha256(data).hexdigest()[:16] not in name:
        return set()
    return {day.isoformat() for day in _days(_decoded(data), measurement, period)}


def _refuse_lost_days(stored: Manifest | None, wanted: Manifest, archived: set[str], period: Period) -> None:
    what = f"{wanted.measurement} {period}"
    if stored is not None and stored.zone != wanted.zone:
        raise ArchiveError(
            f"HOMEIQ_TIMEZONE: {what} is archived by the days of {stored.zone}, not of {wanted.zone}; set it back"
        )
    lost = sorted(archived - set(wanted.days))
    if lost:
        raise ArchiveError(
            f"{what}: the archive holds days of which the store has no rows any more ({', '.join(lost)}); "
            "restore first, so that they are not lost. The archive is unchanged"
        )


def _delete_superseded(measurement: Measurement, period: Period, objects: ObjectStore) -> bool:
    """Delete the period's objects that the manifest does not name.

    One with more days was archived by another writer at the very moment of the swap: it is named
    again instead, and True comes back.
    """
    for name in _object_names(measurement, period, objects):
        current = manifest_of(measurement, period, objects)
        if current is None or current.object == name:
            continue
        data = objects.get(name)
        if data is None:
            continue
        if _days_in(data, name, measurement, period) - set(current.days):
            table = conform(_decoded(data), measurement)
            again = _manifest(table, measurement, period, _days(table, measurement, period), data)
            objects.put(f"{period.folder(measurement.name)}/{MANIFEST}", to_json(again))
            return True
        objects.delete(name)
        # Another writer may have swapped to it in between; then it is not superseded.
        current = manifest_of(measurement, period, objects)
        if current is not None and current.object == name:
            objects.put(name, data)
    return False


def _object_names(measurement: Measurement, period: Period, objects: ObjectStore) -> list[str]:
    """The period's own objects (those of a month's days are further below)."""
    folder = f"{period.folder(measurement.name)}/"
    return [n for n in objects.names(folder) if n.endswith(".parquet") and "/" not in n.removeprefix(folder)]
