"""The archive of a daily tier: one Parquet object per measurement and local month."""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

import pyarrow as pa

from homeiq_assets.archive.manifest import Manifest, Period
from homeiq_assets.archive.objects import ObjectStore
from homeiq_assets.archive.periods import read_period, write_period
from homeiq_assets.errors import SettingError
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import Window, local_date

SIMULATED = "simulated"
"""the value of the tag by which a simulated provider's rows are known"""


def write_month(
    rows: pa.Table | Iterable[pa.Table],
    measurement: Measurement,
    month: Window,
    zone: ZoneInfo,
    objects: ObjectStore,
    *,
    withdraws: Manifest | None = None,
) -> Manifest:
    """Archive the rows (a table, or several such as one per day) of a local month; as `write_period`."""
    tables = [rows] if isinstance(rows, pa.Table) else list(rows)
    together = pa.concat_tables([measurement.empty(), *tables], promote_options="default")
    return write_period(together, measurement, _period(month, zone), objects, withdraws=withdraws)


def read_month(measurement: Measurement, month: Window, zone: ZoneInfo, objects: ObjectStore) -> pa.Table:
    """The archived rows of a local month, none where nothing is archived. Raises ArchiveError."""
    return read_period(measurement, _period(month, zone), objects)


def refuse_simulated(rows: pa.Table, measurement: Measurement, settings: Settings) -> None:
    """Raise SettingError where simulated rows would enter the owner's S3 bucket without being allowed by name."""
    if settings.s3_archive_bucket is None or settings.homeiq_allow_simulated == "on":
        return
    if is_simulated(rows, measurement):
        raise SettingError(
            "HOMEIQ_ALLOW_SIMULATED",
            f"{measurement.name} holds simulated readings, which never enter your bucket (S3_ARCHIVE_BUCKET is set) "
            "unless this is set to on",
        )


def is_simulated(rows: pa.Table, measurement: Measurement) -> bool:
    """Whether a simulated provider wrote any of the rows, as far as their tags say who did."""
    return any(SIMULATED in rows[tag].unique().to_pylist() for tag in measurement.tag_names)


def _period(month: Window, zone: ZoneInfo) -> Period:
    period = Period.month(local_date(month.start, zone), zone)
    if period.window != month:
        raise ValueError(f"not a local month of {zone.key}: {month}")
    return period
