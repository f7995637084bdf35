"""The storage report as an asset: looked at each night, stored as `retention_metrics`, shown as a table."""

from datetime import timedelta
from typing import Any

import dagster as dg

from homeiq_assets.archive.objects import ObjectStore
from homeiq_assets.defs.common.day_reports import days_told, recorded
from homeiq_assets.defs.common.options import common, store_kind
from homeiq_assets.defs.partitions import Grid
from homeiq_assets.home import Home
from homeiq_assets.retention.report.summary import TOTAL, Report, keep_report, made_report
from homeiq_assets.retention.report.table import table
from homeiq_assets.schema.retention import RETENTION_METRICS
from homeiq_assets.stores.base import Store
from homeiq_assets.window import local_date

FRESH = timedelta(hours=60)


def storage_report(home: Home, grid: Grid) -> dg.AssetsDefinition:
    """What storage is used, saved and paid for, a report a day. It is of the moment it runs, so only today has one."""
    kinds = {store_kind(home), "report"}
    options = common("retention", RETENTION_METRICS, home, kinds=kinds, fresh=FRESH, pool="storage_report")

    @dg.asset(
        **options | {"key": ["retention", "storage_report"]},
        partitions_def=grid.views,
        description="Rows and bytes of each measurement and tier in store and archive, what removal saved, and what "
        "keeping the rest costs in a year.",
    )
    def storage_reported(
        context: dg.AssetExecutionContext,
        home: dg.ResourceParam[Home],
        store: dg.ResourceParam[Store],
        archive: dg.ResourceParam[ObjectStore],
    ) -> dg.MaterializeResult:
        today = local_date(home.now(), home.zone).isoformat()
        with days_told(context) as told, recorded("report", TOTAL, told, home.now(), store):
            for key in context.partition_keys:
                if key != today:
                    told.stays(key, "what storage was used on another day cannot be looked at any more")
                    continue
                report = made_report(home, store, archive)
                rows = keep_report(report, home, store)
                told.done(key, rows, storage=dg.MetadataValue.md(table(report)), **_numbers(report))
        return dg.MaterializeResult()

    return storage_reported


def _numbers(report: Report) -> dict[str, Any]:
    store, archive, everything = (report.of(TOTAL, place) for place in ("store", "archive", "all"))
    shown = {
        "store_rows": store.rows,
        "store_bytes": store.bytes,
        "archive_bytes": archive.bytes,
        "archive_objects": archive.objects,
        "raw_rows_removed": store.rows_removed,
        "bytes_a_raw_row": report.bytes_a_row,
        "reduction": store.reduction,
        "yearly_cost": everything.yearly_cost,
        "warnings": list(report.warnings) or None,
    }
    return {name: value for name, value in shown.items() if value is not None}
