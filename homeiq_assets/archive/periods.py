"""Writing and reading the one Parquet object of a measurement and period (docs/archive.md).

Objects are never changed: their names hold the sha256 of their bytes. A writer puts the object,
downloads and compares it, swaps the manifest, and only then deletes what the manifest no longer
names. Two writers at once are one after the other in the order of their swaps.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa

from homeiq_assets.archive.encoding import checked, decoded, encoded
from homeiq_assets.archive.manifest import MANIFEST, Manifest, Period, describe, from_json, to_json
from homeiq_assets.archive.merging import lacking, merged
from homeiq_assets.archive.objects import ObjectStore
from homeiq_assets.errors import ArchiveError, PeriodError
from homeiq_assets.schema.measurement import Measurement, conform
from homeiq_assets.stores.tables import days_of

ATTEMPTS = 5


def manifest_of(measurement: Measurement, period: Period, objects: ObjectStore) -> Manifest | None:
    """What is archived of a period, None for nothing. Raises ArchiveError."""
    name = f"{period.folder(measurement.name)}/{MANIFEST}"
    data = objects.get(name)
    return None if data is None else from_json(data, name)


def write_period(
    rows: pa.Table, measurement: Measurement, period: Period, objects: ObjectStore, *, withdraws: Manifest | None = None
) -> Manifest:
    """Archive the rows of a period, typed as the store has them, with all that is archived of it and that they lack.

    Values are told apart by series, time and field: those of the rows stand, archived ones that the rows have none of
    stay. The same rows again change nothing; without any, and where nothing is archived, nothing is written, and the
    manifest that comes back says so.

    `withdraws`: what was archived before the rows were read, where the store certainly holds all that is left of it.
    Its object's values that the rows lack were withdrawn by their feed and leave the archive too, unless the rows have
    none at all of a UTC day that it has: no feed withdraws a day.

    Raises PeriodError where rows and archived ones cannot be merged, or where what is archived is damaged and the rows
    are fewer; ArchiveError where rows lie outside the period, and where what was written is not what comes back;
    ValueError where the rows are not typed as a store's (`encoding.checked`).
    """
    rows = checked(rows, measurement)
    name = f"{period.folder(measurement.name)}/{MANIFEST}"
    unkept = ""
    for _ in range(ATTEMPTS):
        stored = manifest_of(measurement, period, objects)
        _refuse_another_zone(stored, measurement, period)
        found = _found(measurement, period, objects, stored)
        named = found.get(stored.object) if stored is not None else None
        withdrawn = stored.withdrawn if stored is not None else ""
        if stored is not None and named is not None and stored == withdraws and days_of(named) <= days_of(rows):
            withdrawn = stored.object
            del found[withdrawn]
        table = _merged(rows, found, measurement, period)
        if not table.num_rows and stored is None:
            return replace(describe(table, measurement, period, b""), object="", sha256="")
        data = encoded(table)
        wanted = describe(table, measurement, period, data, withdrawn)
        if stored is not None and named is None:
            _refuse_less(wanted, stored, period)
        goal = wanted
        if stored is not None and named is not None and encoded(named) == data:
            goal = stored  # the same rows, perhaps packed by another version of pyarrow
        elif objects.get(wanted.object) != data:
            objects.put(wanted.object, data)
            there = objects.get(wanted.object)
            if there is None:
                unkept = wanted.object  # or another writer deleted it as superseded before the manifest named it
                continue
            if there != data or encoded(decoded(there)) != data:
                raise _not_what_was_written(wanted.object)
        faster = manifest_of(measurement, period, objects) != stored
        if not faster and stored != goal:
            objects.put(name, to_json(goal))
        overtaken = _delete_superseded(measurement, period, objects)
        current = manifest_of(measurement, period, objects)
        unkept = name if current == stored != goal else ""
        kept = current is not None and current.object in _object_names(measurement, period, objects)
        if kept and not (faster or overtaken or unkept):
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

    Raises PeriodError where the object is missing or not what its manifest says.
    """
    manifest = manifest_of(measurement, period, objects)
    while manifest is not None:
        data = objects.get(manifest.object)
        if data is not None:
            return _verified(data, measurement, manifest, period)
        latest = manifest_of(measurement, period, objects)
        if latest == manifest:
            raise PeriodError(f"the archive's object {manifest.object} is missing; {_advice(measurement, period)}")
        manifest = latest  # it was superseded between the two reads
    if _object_names(measurement, period, objects):
        raise PeriodError(
            f"the archive holds {measurement.name} of {period}, but no {MANIFEST} of it; {_advice(measurement, period)}"
        )
    return measurement.empty()


def _verified(data: bytes, measurement: Measurement, manifest: Manifest, period: Period) -> pa.Table:
    if hashlib.sha256(data).hexdigest() != manifest.sha256:
        raise PeriodError(
            f"the archive's object {manifest.object} is damaged ({len(data)} bytes, its manifest says {manifest.bytes} "
            f"and another sha256); {_advice(measurement, period)}"
        )
    return _typed(data, measurement, manifest.object)


def _typed(data: bytes, measurement: Measurement, name: str) -> pa.Table:
    """The rows of an object, those of a tier as its schema says."""
    table = decoded(data)
    if not measurement.tier or table.schema.equals(measurement.arrow):
        return table
    later = set(table.column_names) - set(measurement.arrow.names)
    if later:
        raise PeriodError(
            f"{name} has columns that {measurement.name} does not know ({', '.join(sorted(later))}); "
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


def _found(
    measurement: Measurement, period: Period, objects: ObjectStore, stored: Manifest | None
) -> dict[str, pa.Table]:
    """The rows of the period's objects that are what their names say: first of the one that the manifest names.

    Others are what a killed writer left, or what another one has just archived; not the one that the manifest withdrew.
    """
    names = _object_names(measurement, period, objects)
    if stored is not None:
        names = [stored.object, *(name for name in names if name not in (stored.object, stored.withdrawn))]
    found = ((name, objects.get(name)) for name in names)
    return {name: _typed(data, measurement, name) for name, data in found if data is not None and _is_whole(data, name)}


def _merged(rows: pa.Table, found: Mapping[str, pa.Table], measurement: Measurement, period: Period) -> pa.Table:
    """The rows with the values of each table that they and those before it lack."""
    table = rows
    for name, archived in found.items():
        try:
            table = merged(table, archived, revised_tags(measurement))
        except ValueError as error:
            raise PeriodError(
                f"{measurement.name} {period}: {name} holds values that the store has not any more, and both cannot be "
                f"in one object ({error}); it is unchanged. Restore it into another bucket, and remove the rows of the "
                "store that differ in that, then archive it again"
            ) from error
    return checked(table, measurement)


def _is_whole(data: bytes, name: str) -> bool:
    return name.endswith(f"-{hashlib.sha256(data).hexdigest()[:16]}.parquet")


def _refuse_another_zone(stored: Manifest | None, measurement: Measurement, period: Period) -> None:
    if stored is not None and stored.zone != period.zone.key:
        raise PeriodError(
            f"HOMEIQ_TIMEZONE: {measurement.name} {period} is archived by the days of {stored.zone}, "
            f"not of {period.zone.key}; set it back"
        )


def _refuse_less(wanted: Manifest, stored: Manifest, period: Period) -> None:
    """Raise PeriodError where rows are fewer than a manifest tells of its object, which is damaged or missing."""
    what = f"{wanted.measurement} {period}: the archive's object {stored.object} is damaged or missing, and held"
    advice = "put it back from a backup or the bucket's versioning. The archive is unchanged"
    lost = sorted(set(stored.days) - set(wanted.days))
    if lost:
        raise PeriodError(f"{what} days of which the store has no rows any more ({', '.join(lost)}); {advice}")
    if wanted.rows < stored.rows:
        raise PeriodError(f"{what} {stored.rows} rows, the store only {wanted.rows}; {advice}")
    for name, count in sorted(stored.values.items()):
        if wanted.values.get(name, 0) < count:
            raise PeriodError(f"{what} {count} values of {name}, the store only {wanted.values.get(name, 0)}; {advice}")


def _delete_superseded(measurement: Measurement, period: Period, objects: ObjectStore) -> bool:
    """Delete the period's objects that the manifest does not name; True where one of them is needed.

    That is one with values that the named one lacks, which another writer archived meanwhile.
    """
    for name in _object_names(measurement, period, objects):
        current = manifest_of(measurement, period, objects)
        if current is None or current.object == name:
            continue
        data = objects.get(name)
        if data is None:
            continue
        if name != current.withdrawn and _is_whole(data, name):
            named = objects.get(current.object)
            if named is None or not _is_whole(named, current.object):
                return True
            tables = [_typed(one, measurement, name) for one in (named, data)]
            if lacking(tables[0], tables[1], revised_tags(measurement)).num_rows:
                return True
        objects.delete(name)
        # Another writer may have swapped to it in between; then it is not superseded.
        current = manifest_of(measurement, period, objects)
        if current is not None and current.object == name:
            objects.put(name, data)
    return False


def revised_tags(measurement: Measurement) -> tuple[str, ...]:
    """The tags that tell no series apart in the archive.

    Only we write tiers, one row for each series and interval, whose further tags say what was known last. Of raw rows
    every tag counts.
    """
    return tuple(tag.name for tag in measurement.tags if not tag.identity) if measurement.tier else ()


def _object_names(measurement: Measurement, period: Period, objects: ObjectStore) -> list[str]:
    """The period's own objects (those of a month's days are further below)."""
    folder = f"{period.folder(measurement.name)}/"
    return [n for n in objects.sizes(folder) if n.endswith(".parquet") and "/" not in n.removeprefix(folder)]
