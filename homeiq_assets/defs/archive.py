"""The archive as assets: raw days and months of the daily tier, each one Parquet object."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import dagster as dg

from homeiq_assets.archive.objects import ObjectStore
from homeiq_assets.defs.common.day_reports import DaysTold, days_told, recorded
from homeiq_assets.defs.common.options import common, follows
from homeiq_assets.defs.partitions import Grid, days_of
from homeiq_assets.defs.tiers import FRESH, lookback, red_days
from homeiq_assets.errors import SettingError
from homeiq_assets.feeds.feed import Feed
from homeiq_assets.feeds.registry import OFF, SIMULATED, choice
from homeiq_assets.home import Home
from homeiq_assets.retention.archiving import Archived, archive_days, archive_months
from homeiq_assets.retention.wanted import wants_rows
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.measurements import tier_of
from homeiq_assets.stores.base import Store
from homeiq_assets.tiers.raw import opened_raw
from homeiq_assets.window import local_days, local_month

LOOKBACK = timedelta(days=62)


def archive_assets(measurement: Measurement, feed: Feed, home: Home, grid: Grid) -> list[dg.AssetsDefinition]:
    """The archive of a raw measurement: its days, which follow by themselves where RAW_ARCHIVE names it, and months."""
    return [_days(measurement, feed, home, grid), _months(measurement, feed, home, grid)]


def _days(measurement: Measurement, feed: Feed, home: Home, grid: Grid) -> dg.AssetsDefinition:
    follow = measurement.name in home.settings.archived_raw
    condition = follows(lookback(measurement, home.settings), home.zone.key) if follow else None

    @dg.asset(
        **_options(measurement, home, FRESH if follow and choice(feed, home.settings) != OFF else None),
        partitions_def=grid.tiers,
        deps=[["feeds", measurement.name]],
        automation_condition=condition,
        description=f"Each day of {measurement.name} as one Parquet object, every row exactly as it is stored.",
    )
    def archived_day(
        context: dg.AssetExecutionContext,
        home: dg.ResourceParam[Home],
        store: dg.ResourceParam[Store],
        archive: dg.ResourceParam[ObjectStore],
    ) -> dg.MaterializeResult:
        with (
            days_told(context) as told,
            recorded("archive", measurement.name, told, home.now(), store),
            opened_raw(measurement, home, store) as raw,
        ):
            _refuse_simulated(feed, home)
            _tell(told, feed, home, archive_days(raw, days_of(context.partition_keys, home.zone), home, archive, store))
        return dg.MaterializeResult(metadata={"rows": told.rows})

    return archived_day


def _months(measurement: Measurement, feed: Feed, home: Home, grid: Grid) -> dg.AssetsDefinition:
    tier = tier_of(measurement, "daily")

    @dg.asset(
        **_options(tier, home, None if choice(feed, home.settings) == OFF else timedelta(days=35)),
        partitions_def=grid.months,
        deps=[["tiers", tier.name]],
        automation_condition=follows(LOOKBACK, home.zone.key),
        description=f"Each month of {tier.name} as one Parquet object: zstd, hive paths, checked after upload.",
    )
    def archived_month(
        context: dg.AssetExecutionContext,
        home: dg.ResourceParam[Home],
        store: dg.ResourceParam[Store],
        archive: dg.ResourceParam[ObjectStore],
    ) -> dg.MaterializeResult:
        with days_told(context) as told, recorded("archive", tier.name, told, home.now(), store):
            _refuse_simulated(feed, home)
            months = days_of(context.partition_keys, home.zone)
            days = [day for first in months for day in local_days(local_month(first, home.zone), home.zone)]
            red = red_days(context.instance, tier.name, days)
            _tell(told, feed, home, archive_months(measurement, months, home, archive, store, red=red))
        return dg.MaterializeResult(metadata={"rows": told.rows})

    return archived_month


def _refuse_simulated(feed: Feed, home: Home) -> None:
    """Raise SettingError where a simulated feed would enter the owner's S3 bucket without being allowed by name.

    Not all simulated rows say so themselves, as `refuse_simulated` has it.
    """
    settings = home.settings
    if settings.s3_archive_bucket and settings.homeiq_allow_simulated != "on" and choice(feed, settings) == SIMULATED:
        raise SettingError(
            "HOMEIQ_ALLOW_SIMULATED",
            f"{feed.name} is simulated, and simulated readings never enter your bucket (S3_ARCHIVE_BUCKET is set) "
            "unless this is set to on",
        )


def _options(measurement: Measurement, home: Home, fresh: timedelta | None) -> dict[str, Any]:
    kinds = {"parquet", "s3" if home.settings.s3_archive_bucket else "file"}
    return common("archive", measurement, home, kinds=kinds, fresh=fresh, pool=f"archive_{measurement.name}")


def _tell(told: DaysTold, feed: Feed, home: Home, archived: Iterator[Archived]) -> None:
    for one in archived:
        wanted = None if one.manifest is None or one.manifest.rows else wants_rows(feed, one.day, home)
        if one.manifest is None or wanted:
            told.stays(one.day.isoformat(), one.left or wanted or "")
        else:
            told.done(one.day.isoformat(), one.manifest.rows, object=one.manifest.object, bytes=one.manifest.bytes)
