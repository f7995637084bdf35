"""The schemas of what retention says of itself, a part of `measurements.py`. All live in the tier bucket."""

from homeiq_assets.schema.measurement import Field, Kind, Measurement, Tag, Type

FLOAT, INTEGER, BOOLEAN, STRING = Type
_TEXT = Kind.TEXT

RETENTION_DAYS = Measurement(
    "retention_days",
    (Tag("measurement", "the measurement that the day was removed from, a raw one or a tier"),),
    (
        Field("date", STRING, kind=_TEXT, description="local date, YYYY-MM-DD"),
        Field("state", STRING, kind=_TEXT, description="removing, removed, restored or refilled"),
        Field("rows", INTEGER, low=0, description="rows before the removal"),
        Field("successor", STRING, kind=_TEXT, description="what holds the day now"),
        Field("successor_rows", INTEGER, low=0, description="rows of the successor that were compared"),
        Field("counts", STRING, kind=_TEXT, description="values of each field before the removal, JSON"),
        Field("sums", STRING, kind=_TEXT, description="what was compared, and sums of it, JSON"),
        Field("object", STRING, kind=_TEXT, description="the archived object that was compared, if any"),
        Field("step_seconds", FLOAT, "s", low=0, description="the usual time between two rows of a series"),
        Field("changed_at", STRING, kind=_TEXT, description="when the state last changed, UTC, ISO 8601"),
    ),
    "What became of each day that was removed; time is the start of the local day",
    tier=True,
)  # fmt: skip
RETENTION_OPERATIONS = Measurement(
    "retention_operations",
    (
        Tag("operation", "roll, archive, remove, dry run, restore or report"),
        Tag("measurement", "what it was done to"),
    ),
    (
        Field("days", STRING, kind=_TEXT, description="the local date, or the first and the last"),
        Field("rows", INTEGER, low=0, description="rows rolled, archived, removed or restored"),
        Field("seconds", FLOAT, "s", low=0, description="how long it took"),
        Field("errors", INTEGER, low=0, description="days that it could not be done to"),
        Field("message", STRING, kind=_TEXT, description="the first error, if any"),
    ),
    "Every operation of retention; time is when it began",
    tier=True,
)
RETENTION_METRICS = Measurement(
    "retention_metrics",
    (
        Tag("measurement", "the measurement, or total"),
        Tag("place", "raw, hourly, daily, raw_archive, daily_archive; of the total store, archive, all, or a bucket"),
    ),
    (
        Field("rows", INTEGER, low=0, description="rows kept there"),
        Field("bytes", INTEGER, "B", low=0, description="bytes there, where they are known by measurement"),
        Field("objects", INTEGER, low=0, description="objects of the archive"),
        Field("rows_removed", INTEGER, low=0, description="rows removed after their proof; of the total the raw ones"),
        Field("reduction", FLOAT, low=-1_000_000, high=1, description="1 - bytes now / bytes had all raw been kept"),
        Field("yearly_cost", FLOAT, "currency", low=0, description="what keeping it costs in a year"),
    ),
    "Storage used by each measurement and tier; time is the start of the local day of the report",
    tier=True,
)  # fmt: skip
RETENTION_MEASUREMENTS = (RETENTION_DAYS, RETENTION_OPERATIONS, RETENTION_METRICS)
