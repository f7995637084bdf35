"""The views as assets: take the days, call the plain function that reads, computes and writes, report."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from homeiq_assets.defs.automation.checks import bounds_check, bounds_spec
from homeiq_assets.defs.common.day_reports import days_told
from homeiq_assets.defs.common.options import common, follows, store_kind
from homeiq_assets.defs.partitions import FROM_THE_DAY_BEFORE, Grid, days_of
from homeiq_assets.defs.tiers import lookback
from homeiq_assets.feeds.catalog import CARBON, EVENTS
from homeiq_assets.feeds.registry import OFF, choice
from homeiq_assets.home import Home
from homeiq_assets.ledger.seals import left_days, reaches
from homeiq_assets.retention.wanted import lacks_input, wants_rows
from homeiq_assets.schema.bounds import believed, out_of_bounds
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.measurements import (
    CARBON_INTENSITY,
    ELECTRICITY_PRICING,
    FX_RATE,
    HOME_ASSISTANT_EVENTS,
    MV_DAILY_CARBON_SUMMARY,
    MV_DAILY_ENERGY_BY_DEVICE,
    MV_HOURLY_ROOM_ACTIVITY,
)
from homeiq_assets.stores.base import Store
from homeiq_assets.views.carbon_summary import carbon_summary
from homeiq_assets.views.events import Written, activity_days, energy_days
from homeiq_assets.window import local_day


def view_assets(home: Home, grid: Grid) -> list[dg.AssetsDefinition]:
    """All views."""
    return [
        mv_daily_carbon_summary(home, grid),
        mv_daily_energy_by_device(home, grid),
        mv_hourly_room_activity(home, grid),
    ]


def mv_daily_carbon_summary(home: Home, grid: Grid) -> dg.AssetsDefinition:
    """The asset of the daily carbon summary."""

    @dg.asset(**_options(MV_DAILY_CARBON_SUMMARY, [CARBON_INTENSITY], home, grid))
    def mv_daily_carbon_summary(
        context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], store: dg.ResourceParam[Store]
    ) -> dg.MaterializeResult:
        """Carbon intensity of each local day: time-weighted mean, lowest, highest, mean renewable share."""
        return _report(
            context,
            home.zone,
            lambda days: _summaries(days, home, store),
            lambda day: wants_rows(CARBON, day, home),
        )

    return mv_daily_carbon_summary


def mv_daily_energy_by_device(home: Home, grid: Grid) -> dg.AssetsDefinition:
    """The asset of the energy of devices."""
    inputs = [HOME_ASSISTANT_EVENTS, ELECTRICITY_PRICING, FX_RATE]

    @dg.asset(**_options(MV_DAILY_ENERGY_BY_DEVICE, inputs, home, grid))
    def mv_daily_energy_by_device(
        context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], store: dg.ResourceParam[Store]
    ) -> dg.MaterializeResult:
        """Energy, mean and peak power and cost of each meter and power sensor, for each local day."""
        return _report(
            context,
            home.zone,
            lambda days: energy_days(days, home, store),
            lambda day: _unheard(day, home, store),
        )

    return mv_daily_energy_by_device


def mv_hourly_room_activity(home: Home, grid: Grid) -> dg.AssetsDefinition:
    """The asset of the activity of rooms."""

    @dg.asset(**_options(MV_HOURLY_ROOM_ACTIVITY, [HOME_ASSISTANT_EVENTS], home, grid))
    def mv_hourly_room_activity(
        context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], store: dg.ResourceParam[Store]
    ) -> dg.MaterializeResult:
        """Motion and occupancy of each room, for each hour of the local day."""
        return _report(
            context,
            home.zone,
            lambda days: activity_days(days, home, store),
            lambda day: _unheard(day, home, store),
        )

    return mv_hourly_room_activity


def _options(measurement: Measurement, inputs: Sequence[Measurement], home: Home, grid: Grid) -> dict[str, Any]:
    switched_off = HOME_ASSISTANT_EVENTS in inputs and choice(EVENTS, home.settings) == OFF
    return common(
        "views",
        measurement,
        home,
        kinds={store_kind(home), "view"},
        fresh=None if switched_off else timedelta(hours=6),
        pool=measurement.name,
    ) | {
        "partitions_def": grid.views,
        "check_specs": [bounds_spec(["views", measurement.name])],
        "deps": [dg.AssetDep(["feeds", one.name], partition_mapping=FROM_THE_DAY_BEFORE) for one in inputs],
        "automation_condition": follows(
            # Raw rows of an input that go by age are not there for longer.
            min(lookback(one, home.settings) for one in inputs),
            home.zone.key,
            every="10 * * * *",
        ),
    }


def _report(
    context: dg.AssetExecutionContext,
    zone: ZoneInfo,
    write: Callable[[Sequence[date]], Iterator[Written]],
    lacking: Callable[[date], str | None],
) -> dg.MaterializeResult:
    """Write the days; `lacking` says why one without rows is none, None where it may have none."""
    with days_told(context) as told:
        for day in write(days_of(context.partition_keys, zone)):
            left = day.left or (None if day.rows.num_rows else lacking(day.date))
            if left:
                told.stays(day.date.isoformat(), left)
            else:
                told.done(day.date.isoformat(), day.rows.num_rows, **day.told)
                told.doubts(day.date.isoformat(), day.beyond)
    return dg.MaterializeResult(metadata={"rows": told.rows}, check_results=[bounds_check(told.beyond)])


def _summaries(days: Sequence[date], home: Home, store: Store) -> Iterator[Written]:
    store.recover(CARBON_INTENSITY)
    hold, inputs = home.settings.hold, {CARBON_INTENSITY.name: store.keeps(CARBON_INTENSITY)}
    for on, reach in reaches(days, home).items():
        day = local_day(on, home.zone)
        beyond = list[str]()
        readings = believed(store.read(CARBON_INTENSITY, reach), CARBON_INTENSITY, beyond)
        summary = carbon_summary(readings, day, on, hold)
        beyond += out_of_bounds(summary, MV_DAILY_CARBON_SUMMARY)
        left = left_days(MV_DAILY_CARBON_SUMMARY, {on: reach}, inputs, home, store)
        if not left:
            store.replace(MV_DAILY_CARBON_SUMMARY, summary, day)
        yield Written(on, summary, left=left.get(on), beyond=beyond)


def _unheard(day: date, home: Home, store: Store) -> str | None:
    return lacks_input(EVENTS, day, home, store, reach=home.settings.hold)
