"""Removal and restore as assets: which days are gone and why, and what brings them back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
from pydantic import Field

from homeiq_assets.archive.objects import ObjectStore
from homeiq_assets.defs.automation.ageing import Ageing
from homeiq_assets.defs.common.day_reports import DaysTold, days_told, recorded
from homeiq_assets.defs.common.options import common, day_metadata, store_kind
from homeiq_assets.defs.partitions import Grid, days_of
from homeiq_assets.defs.tiers import red_days
from homeiq_assets.errors import SettingError
from homeiq_assets.feeds.feed import Feed
from homeiq_assets.feeds.registry import settles
from homeiq_assets.home import Home
from homeiq_assets.retention.ages import Level, age, checked_age
from homeiq_assets.retention.removal import Outcome, Removal, remove_days
from homeiq_assets.retention.report.summary import INFLUXDB_ROW, PARQUET_ROW
from homeiq_assets.retention.restoring import Restored, restore_days, restore_months
from homeiq_assets.retention.targets import DailyTarget, HourlyTarget, RawTarget, Target
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.measurements import tier_of
from homeiq_assets.stores.base import Store
from homeiq_assets.tiers.raw import opened_raw

GROUP = "retention"


class RemovalConfig(dg.Config):
    """Of a run of a removal."""

    dry_run: bool = Field(False, description="Look at everything and say what would go, but remove nothing.")


class RestoreConfig(dg.Config):
    """Of a run of a restore."""

    bucket: str = Field(
        "",
        description="The bucket to restore into (on the embedded store a folder); empty: where the rows were, but for "
        "events the bucket <theirs>_restored, so name theirs to have them back in it.",
    )


def removed_levels(measurement: Measurement, home: Home) -> list[Level]:
    """What days of a measurement are removed from by age."""
    return [level for level in Level if age(measurement, level, home.settings) is not None]


def removal_assets(measurement: Measurement, feed: Feed, home: Home, grid: Grid) -> list[dg.AssetsDefinition]:
    """What removes days of a measurement and of its tiers, where an age is set."""
    return [_removal(measurement, feed, level, home, grid) for level in removed_levels(measurement, home)]


def ageings(measurement: Measurement, feed: Feed, home: Home) -> list[Ageing]:
    """What the nightly run removes of a measurement and its tiers."""
    daily = dg.AssetKey(["tiers", tier_of(measurement, "daily").name])
    found: list[Ageing] = []
    for level in removed_levels(measurement, home):
        key = dg.AssetKey([GROUP, level.of(measurement).name])
        days = age(measurement, level, home.settings, settles(feed, home.settings))
        after = found[-1].key if found else None
        found.append(Ageing(key, daily, days or 0, held=level is Level.RAW, after=after))
    return found


def _removal(measurement: Measurement, feed: Feed, level: Level, home: Home, grid: Grid) -> dg.AssetsDefinition:
    gone, days = level.of(measurement), age(measurement, level, home.settings, settles(feed, home.settings))
    daily = tier_of(measurement, "daily").name
    deps = [["archive", daily]] if level is Level.DAILY else [["tiers", daily]]
    if level is Level.RAW and measurement.name in home.settings.archived_raw:
        deps.append(["archive", measurement.name])
    # Days that stay are not materialised, so that they show as missing.
    options = _options(GROUP, gone, home, {store_kind(home), "removal"}) | {"output_required": False}

    @dg.asset(
        **options,
        partitions_def=grid.tiers,
        deps=deps,
        description=f"Removes each day of {gone.name} that is older than {days} days ({level.setting}), once what "
        "takes its place is proven. The metadata of a day is the proof.",
    )
    def removed_day(
        context: dg.AssetExecutionContext,
        config: RemovalConfig,
        home: dg.ResourceParam[Home],
        store: dg.ResourceParam[Store],
        archive: dg.ResourceParam[ObjectStore],
    ) -> Iterator[dg.MaterializeResult]:
        with days_told(context) as told:
            limit = checked_age(measurement, level, settles(feed, home.settings), home.settings)
            if limit is None:
                raise SettingError(level.setting, f"{gone.name} is kept, so none of its days are removed")
            bytes_a_row = INFLUXDB_ROW if store.live else PARQUET_ROW
            red = red_days(context.instance, daily)
            with (
                recorded("dry run" if config.dry_run else "remove", gone.name, told, home.now(), store),
                _opened(measurement, level, home, store, archive) as target,
            ):
                partitions = days_of(context.partition_keys, home.zone)
                for removal in remove_days(target, partitions, home, store, age=limit, red=red, dry=config.dry_run):
                    _tell(context, told, removal, bytes_a_row, dry=config.dry_run)
        if told.metadata and not config.dry_run:
            yield dg.MaterializeResult(metadata={"rows": told.rows})

    return removed_day


def restore_assets(measurement: Measurement, home: Home, grid: Grid) -> list[dg.AssetsDefinition]:
    """What brings back raw days, and months of the daily tier."""
    tier = tier_of(measurement, "daily")
    return [
        _restore(measurement, measurement, "days", restore_days, grid.tiers, home),
        _restore(tier, measurement, "months", restore_months, grid.months, home),
    ]


def _restore(
    archived: Measurement,
    measurement: Measurement,
    periods: str,
    restore: Callable[..., Iterator[Restored]],
    partitions: dg.PartitionsDefinition[str],
    home: Home,
) -> dg.AssetsDefinition:
    @dg.asset(
        **_options("restore", archived, home, {store_kind(home), "restore"}),
        partitions_def=partitions,
        deps=[["archive", archived.name]],
        description=f"Brings archived {periods} of {archived.name} back, every row as it was.",
    )
    def restored(
        context: dg.AssetExecutionContext,
        config: RestoreConfig,
        home: dg.ResourceParam[Home],
        store: dg.ResourceParam[Store],
        archive: dg.ResourceParam[ObjectStore],
    ) -> dg.MaterializeResult:
        with days_told(context) as told, recorded("restore", archived.name, told, home.now(), store):
            firsts = days_of(context.partition_keys, home.zone)
            for one in restore(measurement, firsts, home, store, archive, config.bucket or None):
                if one.left:
                    told.stays(one.day.isoformat(), one.left)
                else:
                    told.done(one.day.isoformat(), one.rows, rows_that_were_lacking=one.put, into=one.place)
        return dg.MaterializeResult(metadata={"rows": told.rows})

    return restored


@contextmanager
def _opened(measurement: Measurement, level: Level, home: Home, store: Store, archive: ObjectStore) -> Iterator[Target]:
    if level is Level.DAILY:
        yield DailyTarget(measurement, home, store, archive)
        return
    with opened_raw(measurement, home, store) as raw:
        yield RawTarget(raw, home, store, archive) if level is Level.RAW else HourlyTarget(raw, home, store)


def _options(group: str, measurement: Measurement, home: Home, kinds: set[str]) -> dict[str, Any]:
    # One pool for what removes and what restores: the one waits for the other.
    return common(group, measurement, home, kinds=kinds, fresh=None, pool=f"retention_{measurement.name}")


def _tell(
    context: dg.AssetExecutionContext, told: DaysTold, removal: Removal, bytes_a_row: float, *, dry: bool
) -> None:
    key, proof = removal.day.isoformat(), removal.proof
    if removal.outcome in (Outcome.KEPT, Outcome.LATE):
        told.stays(key, removal.reason or "")
        return
    shown: dict[str, Any] = {"outcome": removal.outcome.value}
    if proof is not None:
        shown |= {
            "rows_before": proof.rows,
            "successor": proof.successor,
            "rows_in_successor": proof.successor_rows,
            "compared": dg.MetadataValue.json(dict(proof.sums)),
            "archived_object": proof.object or None,
            # The storage report has real bytes.
            "bytes_estimate": round(proof.rows * bytes_a_row),
        }
    if dry:
        observation = dg.AssetObservation(context.asset_key, partition=key, metadata=day_metadata(0, **shown))
        context.log_event(observation)
        told.would(key, proof.rows if proof and removal.outcome is Outcome.WOULD_GO else 0)
    else:
        told.done(key, removal.rows, **shown)
