"""The demonstration by real Dagster runs in this process, which the UI shows afterwards: a month, then a poll."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, timedelta

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

from homeiq_assets.defs.build import build_defs
from homeiq_assets.defs.feeds import POLL_TAG
from homeiq_assets.errors import HomeiqError
from homeiq_assets.home import Home
from homeiq_assets.settings.types import WORKSPACE, project_folder
from homeiq_assets.settings.variables import Settings, home_folder
from homeiq_assets.window import local_date

RANGE = "dagster/asset_partition_range_"
INTERRUPTED = ("DagsterExecutionInterruptedError", "KeyboardInterrupt")
"""Names of the errors of a run that Ctrl-C ended: Dagster marks it as failed and raises nothing."""
OURS = "homeiq_assets.errors."


class Interrupted(Exception):
    """Ctrl-C ended a run."""


@dataclass(frozen=True)
class Done:
    """What the run of one asset did."""

    asset: str
    days: int
    rows: int
    seconds: float


@dataclass(frozen=True)
class Run:
    """A run of the demonstration: assets, from a first partition to a last one."""

    title: str
    keys: Sequence[dg.AssetKey]
    first: date
    last: date
    days: int
    tags: Mapping[str, str] = field(default_factory=dict)


def runs(defs: dg.Definitions, month: date, today: date) -> list[Run]:
    """The runs of the demonstration, in order: the month of each asset, then the poll of all feeds."""
    graph = defs.resolve_asset_graph()
    last = (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    keys = [
        key
        for level in graph.toposorted_asset_keys_by_level
        for key in sorted(level)
        if key in graph.materializable_asset_keys and (key.path[0] == "feeds" or graph.get(key).automation_condition)
    ]
    found = []
    for key in keys:
        monthly = isinstance(graph.get(key).partitions_def, dg.MonthlyPartitionsDefinition)
        found.append(Run(key.to_user_string(), [key], month, month if monthly else last, last.day))
    feeds = [key for key in keys if key.path[0] == "feeds"]
    tags = {POLL_TAG: ",".join(key.path[-1] for key in feeds)}
    return [*found, Run("all feeds, today so far", feeds, today, today, 1, tags)]


def materialise(home: Home, month: date, shown: Callable[[str], AbstractContextManager[None]]) -> Iterator[Done]:
    """Materialise the days of a month of all that runs by itself, inputs first; then poll the feeds.

    `shown` is entered with a run's title while it lasts. Raises HomeiqError where a run fails, and Interrupted where
    Ctrl-C ended it.
    """
    everything = build_defs(home)
    # Without the checks that stand alone: a month that is over has no new readings whose age could be checked.
    defs = dg.Definitions(everything.assets, resources=everything.resources, executor=everything.executor)
    job = defs.resolve_implicit_global_asset_job_def()
    with _instance(home.settings) as instance:
        for run in runs(defs, month, local_date(home.now(), home.zone)):
            with shown(run.title):
                began = time.monotonic()
                result = job.execute_in_process(
                    instance=instance,
                    asset_selection=run.keys,
                    tags={
                        f"{RANGE}start": run.first.isoformat(),
                        f"{RANGE}end": run.last.isoformat(),
                        "homeiq/demo": "true",
                        **run.tags,
                    },
                    run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                    raise_on_error=False,
                )
            if _interrupted(result):
                raise Interrupted
            if not result.success:
                raise HomeiqError(f"{run.title}: {_reason(result)}")
            rows = sum(
                int(str(event.materialization.metadata["dagster/partition_row_count"].value))
                for event in result.get_asset_materialization_events()
            )
            yield Done(run.title, run.days, rows, time.monotonic() - began)


def _instance(settings: Settings) -> dg.DagsterInstance:
    """Where `dagster dev` will look for the runs: DAGSTER_HOME, the project's `dagster.yaml`, else HOMEIQ_HOME."""
    if os.environ.get("DAGSTER_HOME"):
        return dg.DagsterInstance.get()
    project = project_folder()
    return dg.DagsterInstance.from_config(str(project if (project / WORKSPACE).is_file() else home_folder(settings)))


def _interrupted(result: dg.ExecuteInProcessResult) -> bool:
    """Whether Ctrl-C came in the run: its step failed, or was tried again, as a retry policy has it."""
    errors: list[SerializableErrorInfo | None] = [
        event.step_retry_data.error for event in result.all_events if event.is_step_up_for_retry
    ]
    errors += [event.job_failure_data.error for event in result.all_events if event.is_job_failure]
    return any(error.cls_name in INTERRUPTED for first in errors for error in _chain(first))


def _reason(result: dg.ExecuteInProcessResult) -> str:
    """The owner's words for why a run failed."""
    for event in result.all_events:
        if event.is_resource_init_failure:
            for error in _chain(event.engine_event_data.error):
                if error.message.startswith(OURS):
                    return error.message.strip().partition(": ")[2]
        if event.is_step_failure:
            data = event.step_failure_data
            told = data.user_failure_data.description if data.user_failure_data else None
            fault = data.error.cause or data.error if data.error else None
            return told or (fault.message.strip() if fault else "")
    return "the run failed; its log is in the UI"


def _chain(error: SerializableErrorInfo | None) -> Iterator[SerializableErrorInfo]:
    """The error, and what it came of."""
    while error is not None:
        yield error
        error = error.cause
