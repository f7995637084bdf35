"""Writing and reading the one Parquet object of a measurement and period (docs/archive.md).

Objects are never changed: their names hold the sha256 of their bytes. A writer puts the object,
downloads and compares it, swaps the manifest, and only then deletes what the manifest no longer
names. Two writers at once are one after the other in the order of their swaps.
"""

import hashlib
from dataclasses import replace

import pyarrow as pa

from homeiq_assets.archive.encoding import checked, decoded, earliest, encoded, lacking
from homeiq_assets.archive.manifest import MANIFEST, Manifest, Period, describe, from_json, to_json
from homeiq_assets.archive.objects import ObjectStore
from homeiq_assets.errors import ArchiveError
from homeiq_assets.schema import Measurement, conform

ATTEMPTS = 5


def manifest_of(measurement: Measurement, period: Period, objects: ObjectStore) -> Manifest | None:
    """What is archived of a period, None for nothing. Raises ArchiveError."""
    name = f"{period.folder(measurement.name)}/{MANIFEST}"
    data = objects.get(name)
    return None if data is None else from_json(data, name)


def write_period(
    rows: pa.Table, measurement: Measurement, period: Period, objects: ObjectStore, *, complete: bool = False
) -> Manifest:
    """Archive the rows of a period, typed as the store has them, in place of what is archived of it.

    The same rows again change nothing; without rows of a period that is not archived nothing is written, and the
    manifest that comes back says so. `complete`: the store certainly holds the whole period, none of it was
    removed or has expired, so that archived rows which it lacks were withdrawn, and the archive follows.
    Otherwise rows that lack a series and time of the archived ones are refused, and the archive stays.

    Raises ArchiveError for that, where rows lie outside the period, and where what was written is not what
    comes back; ValueError where the rows are not typed as a store's (`encoding.checked`).
    """
    table = checked(rows, measurement)
    data = encoded(table)
    wanted = describe(table, measurement, period, data)
    name = f"{period.folder(measurement.name)}/{MANIFEST}"
    unkept = ""
    for _ in range(ATTEMPTS):
        stored = manifest_of(measurement, period, objects)
        names = [stored.object] if stored is not None else _object_names(measurement, period, objects)
        archived = _readable(names, objects)
        _refuse_another_zone(stored, wanted, period)
        if not complete:
            _refuse_less(table, wanted, stored, archived, period)
        if not table.num_rows and not names:
            return replace(wanted, object="", sha256="", bytes=0)
        goal = wanted
        if stored is not None and any(encoded(one) == data for one in archived):
            goal = stored  # the same rows, perhaps packed by another version of pyarrow
        elif objects.get(wanted.object) != data:
            objects.put(wanted.object, data)
            found = objects.get(wanted.object)
            if found is None:
                unkept = wanted.object  # or another writer deleted it as superseded before the manifest named it
                continue
            if found != data or encoded(decoded(found)) != data:
                raise _not_what_was_written(wanted.object)
        faster = manifest_of(measurement, period, objects) != stored
        if not faster and stored != goal:
            objects.put(name, to_json(goal))
        overtaken = _delete_superseded(measurement, period, objects, complete)
        current = manifest_of(measurement, period, objects)
        unkept = name if current == stored != goal else ""
        there = current is not None and current.object in _object_names(measurement, period, objects)
        if there and not (faster or overtaken or unkept):
            return goal
        # Another writer is at work: what it archived counts as well, so all is looked at again.
    if unkept:
        raise _not_what_was_written(unkept)
    raise ArchiveError(
        f"{measurement.name} {period}: other processes keep writing this archive; let one finish, then run again",
        retryable=True,
    )


def read_period(measurement: Measurement, period: Period, objects: ObjectStore) -> pa.Table:
    """The archived rows of a period; none where nothing is archived.

    Those of a tier are typed by its schema. Raw ones come exactly as they were archived, so they may have tags
    (columns that may not be null) and fields beyond the schema, and fields of another type.

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


def _verified(data: bytes, measurement: Measurement, manifest: Manifest, period: Period) -> pa.Table:
    if hashlib.sha256(data).hexdigest() != manifest.sha256:
        raise ArchiveError(
            f"the archive's object {manifest.object} is damaged ({len(data)} bytes, its manifest says {manifest.bytes} "
            f"and another sha256); {_advice(measurement, period)}"
        )
    table = decoded(data)
    if not measurement.tier or table.schema.equals(measurement.arrow):
        return table
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


def _not_what_was_written(name: str) -> ArchiveError:
    return ArchiveError(
        f"the archive does not give back {name} as it was written; what was archived before is unchanged. Look at its "
        "service (S3_ARCHIVE_BUCKET, AWS_ENDPOINT_URL_S3) or disk (HOMEIQ_HOME), then run it again",
        retryable=True,
    )


def _readable(names: list[str], objects: ObjectStore) -> list[pa.Table]:
    """The rows of those objects that are there and are what their names say."""
    found = ((name, objects.get(name)) for name in names)
    return [decoded(data) for name, data in found if data is not None and _is_whole(data, name)]


def _is_whole(data: bytes, name: str) -> bool:
    return name.endswith(f"-{hashlib.sha256(data).hexdigest()[:16]}.parquet")


def _refuse_another_zone(stored: Manifest | None, wanted: Manifest, period: Period) -> None:
    if stored is not None and stored.zone != wanted.zone:
        raise ArchiveError(
            f"HOMEIQ_TIMEZONE: {wanted.measurement} {period} is archived by the days of {stored.zone}, "
            f"not of {wanted.zone}; set it back"
        )


def _refuse_less(
    table: pa.Table, wanted: Manifest, stored: Manifest | None, archived: list[pa.Table], period: Period
) -> None:
    """Raise ArchiveError where archived rows have no counterpart; of a damaged object its manifest tells."""
    what = f"{wanted.measurement} {period}: the archive holds"
    advice = "restore first, so that they are not lost. The archive is unchanged"
    lost = sorted(set(stored.days if stored is not None else ()) - set(wanted.days))
    if lost:
        raise ArchiveError(f"{what} days of which the store has no rows any more ({', '.join(lost)}); {advice}")
    for one in archived:
        missing = lacking(table, one)
        if missing.num_rows:
            raise ArchiveError(
                f"{what} {missing.num_rows} of its {one.num_rows} rows that the store has not any more "
                f"(the first of {earliest(missing)}); {advice}"
            )
    if stored is not None and not archived and wanted.rows < stored.rows:
        raise ArchiveError(f"{what} {stored.rows} rows, the store only {wanted.rows}; {advice}")


def _delete_superseded(measurement: Measurement, period: Period, objects: ObjectStore, complete: bool) -> bool:
    """Delete the period's objects that the manifest does not name.

    Unless the writer's rows are `complete`, one that has more was archived by another writer at the very moment
    of the swap: it is named again instead, and True comes back.
    """
    for name in _object_names(measurement, period, objects):
        current = manifest_of(measurement, period, objects)
        if current is None or current.object == name:
            continue
        data = objects.get(name)
        if data is None:
            continue
        if not complete and _is_whole(data, name):
            table, named = decoded(data), _readable([current.object], objects)
            if not named or lacking(named[0], table).num_rows:
                again = describe(table, measurement, period, data)
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
    return [n for n in objects.sizes(folder) if n.endswith(".parquet") and "/" not in n.removeprefix(folder)]
