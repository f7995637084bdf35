"""What every asset of a kind has in common in the UI: names, tags, schema, owners, freshness, conditions."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import dagster as dg

from homeiq_assets.defs.common.failures import RETRY
from homeiq_assets.home import Home
from homeiq_assets.schema.measurement import Measurement

OWNERS = ["team:homeiq"]
AC = dg.AutomationCondition
FOLLOW_TAG = "homeiq/follow"
"""The tag of a run that the sensor asked for."""
FILL_TAG = "homeiq/fill"
"""The tag of a run that asks for days because they lack rows; their views and tiers run however old they are."""
AGAIN = "30 4 * * *"
"""When what failed is tried again: late in the night, after the settling of the feeds."""


def common(
    group: str, measurement: Measurement, home: Home, *, kinds: set[str], fresh: dt.timedelta | None, pool: str
) -> dict[str, Any]:
    """Keyword arguments of `@dg.asset` shared by all. `fresh`: it runs by itself, at least this often."""
    policy = None
    if fresh is not None and home.settings.homeiq_automation == "on":
        policy = dg.FreshnessPolicy.time_window(fail_window=fresh, warn_window=fresh / 2)
    return {
        "key": [group, measurement.name],
        "group_name": group,
        "owners": OWNERS,
        "kinds": kinds,
        "metadata": {"dagster/column_schema": table_schema(measurement), "dagster/table_name": measurement.name},
        "freshness_policy": policy,
        "backfill_policy": dg.BackfillPolicy.single_run(),
        "retry_policy": RETRY,
        "pool": pool,
    }


def store_kind(home: Home) -> str:
    """The kind shown for where measurements are kept."""
    return "influxdb" if home.settings.live else "parquet"


def table_schema(measurement: Measurement) -> dg.TableSchema:
    """The measurement's columns as the UI shows them."""
    time = dg.TableColumn(
        "time", "timestamp[ns, UTC]", "start of the interval", dg.TableColumnConstraints(nullable=False)
    )
    tags = [
        dg.TableColumn(tag.name, "tag", tag.description, dg.TableColumnConstraints(nullable=False))
        for tag in measurement.tags
    ]
    fields = [
        dg.TableColumn(field.name, field.type.value, field.description, tags={"unit": field.unit} if field.unit else {})
        for field in measurement.fields
    ]
    return dg.TableSchema([time, *tags, *fields])


def follows(
    lookback: dt.timedelta, zone: str, every: str | None = None, *, together: bool = False, older: bool = True
) -> dg.AutomationCondition[Any]:
    """A view or tier that follows what it is made of, for every day within `lookback`, not only the newest.

    It runs for a day whose inputs were updated since it was asked for, and for a new day whose inputs are
    all there. What failed, or is still missing, is tried again each night once its inputs are all there. `every` is a
    cron schedule that holds it to one run per tick. `together`: its inputs are made in its own runs, so that what
    these update is no reason to run again. `older`: it runs for days before `lookback` too where what it is made of was
    filled because it lacked rows.
    """
    updated = AC.any_deps_updated()
    due: Any
    # An update that comes between a request and the next look is one that the run may not have read.
    due = updated.since_last_handled() if together else updated.since(AC.newly_requested() & ~updated)
    due |= AC.newly_missing().since_last_handled() & ~AC.any_deps_missing()
    again = AC.cron_tick_passed(AGAIN, zone) & ~AC.any_deps_missing()
    due |= (AC.execution_failed() | AC.missing()) & again
    chosen = AC.in_latest_time_window(lookback) & due
    if older:
        # The sensor asks for days as old as that only where they depend on a filled day.
        follows_filled = AC.any_deps_match(
            (
                (
                    AC.any_new_update_has_run_tags(tag_keys={FILL_TAG})
                    | AC.any_new_update_has_run_tags(tag_keys={FOLLOW_TAG})
                )
                & ~AC.executed_with_root_target()
            )
            | AC.will_be_requested()
        )
        left = AC.execution_failed() & AC.missing() & again
        # Dagster tells `since` conditions apart by the names of their two parts alone. This one says the same as the
        # one above, of other updates, by a negation: otherwise the two would share their state.
        handled = AC.newly_requested() if together else ~(~AC.newly_requested() | follows_filled)
        filled = follows_filled.since(handled)
        chosen |= ~AC.in_latest_time_window(lookback) & (filled | left)
    condition: Any = chosen & ~AC.any_deps_in_progress() & ~AC.in_progress() & AC.all_deps_blocking_checks_passed()
    if every is not None:
        condition &= AC.cron_tick_passed(every, zone).since(AC.newly_requested())
    labelled: dg.AutomationCondition[Any] = condition.with_label(f"follows its inputs, {lookback.days} days back")
    return labelled


def day_metadata(rows: int, **more: Any) -> Mapping[str, Any]:
    """Metadata of one partition: its rows, and what else is known of it."""
    return {"dagster/partition_row_count": rows} | {key: value for key, value in more.items() if value is not None}
