"""`homeiq demo`: a demonstration month of every asset, by real Dagster runs that the UI shows afterwards."""

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

import click
from filelock import FileLock, Timeout
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from homeiq_assets.cli.dagster_files import damages
from homeiq_assets.errors import HomeiqError, SettingError
from homeiq_assets.feeds.registry import SIMULATED, choice
from homeiq_assets.home import Home, resolve_home
from homeiq_assets.settings.types import PROJECT
from homeiq_assets.settings.variables import Settings, home_folder, load
from homeiq_assets.stores.local import explained
from homeiq_assets.window import local_date

if TYPE_CHECKING:
    import dagster as dg
    from dagster_shared.error import SerializableErrorInfo

RANGE = "dagster/asset_partition_range_"
INTERRUPTED = ("DagsterExecutionInterruptedError", "KeyboardInterrupt")
"""What a run's failure is called where Ctrl-C ended it: Dagster makes a failed run of it, and raises nothing."""
OURS = "homeiq_assets.errors."


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
    keys: Sequence["dg.AssetKey"]
    first: date
    last: date
    days: int
    tags: Mapping[str, str] = field(default_factory=dict)


@click.command()
def demo() -> None:
    """Fill a demonstration month of all that runs by itself: no keys, no database, no Docker.

    At last the feeds are polled, for today so far and the prices ahead. Nothing is removed by age. Re-running
    polls again, and changes nothing of the month but the log of operations.
    """
    import sqlalchemy.exc  # noqa: PLC0415 (Dagster's, whose import is seen to below)

    home = resolve_home(load())
    _only_simulated(home.settings)
    _dagster_home()
    for damage in damages():
        raise HomeiqError(damage)
    # dagster.yaml names its folders relative to the project.
    os.chdir(PROJECT)
    month = last_whole_month(local_date(home.now(), home.zone), home.settings)
    console = Console()
    with _alone(home.settings):
        console.print(f"Materialising {month:%B %Y} on the embedded store in {home.settings.homeiq_home}")
        try:
            done = list(_materialise(home, month, console))
        except sqlalchemy.exc.DatabaseError as error:
            raise HomeiqError(f"Dagster's own database cannot be used: {error.orig}; run `homeiq doctor`") from None
    shown = Table("asset", "days", "rows", "seconds", box=None, pad_edge=False)
    for row in done:
        shown.add_row(row.asset, str(row.days), f"{row.rows:,}", f"{row.seconds:.1f}")
    console.print(shown)
    command = "dagster" if os.environ.get("VIRTUAL_ENV") else f"{os.path.relpath(sys.prefix, PROJECT)}/bin/dagster"
    console.print(f"\nNext, in {PROJECT}:\n\n  {command} dev\n\nand open http://localhost:3000/asset-groups")


def last_whole_month(today: date, settings: Settings) -> date:
    """The first day of the last month that is over. Raises SettingError where partitions begin later."""
    first = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    if first < settings.homeiq_start_date:
        raise SettingError("HOMEIQ_START_DATE", f"the demonstration needs all of {first:%B %Y}; set an earlier date")
    return first


def runs(defs: "dg.Definitions", month: date, today: date) -> list[Run]:
    """The runs of the demonstration, in order: the month of each asset, then the poll of all feeds."""
    import dagster as dg  # noqa: PLC0415

    from homeiq_assets.defs.feeds.run import POLL_TAG  # noqa: PLC0415

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


def _only_simulated(settings: Settings) -> None:
    from homeiq_assets.defs.build import FEEDS  # noqa: PLC0415 (Dagster costs a second of import)

    if settings.live:
        raise SettingError("INFLUXDB_URL", "is set; the demonstration is for the embedded store, without settings")
    if settings.s3_archive_bucket is not None or "S3_ARCHIVE_BUCKET" in settings.problems:
        raise SettingError("S3_ARCHIVE_BUCKET", "is set; the demonstration would archive simulated months in it")
    for feed in FEEDS:
        if choice(feed, settings) != SIMULATED:
            raise SettingError(
                feed.setting,
                f"{choice(feed, settings)} serves {feed.name}; the demonstration would mix its readings with simulated",
            )


def _dagster_home() -> None:
    folder = os.environ.get("DAGSTER_HOME")
    if folder and not (os.path.isabs(folder) and os.path.isdir(folder)):
        raise SettingError(
            "DAGSTER_HOME", f"{folder} is not the whole path of a folder that exists; make it, or unset the variable"
        )


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    lock = FileLock(home_folder(settings) / "demo.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise HomeiqError("another `homeiq demo` is running; wait for it") from None
    except OSError as error:
        raise explained(error, home_folder(settings) / "demo.lock") from error
    try:
        yield
    finally:
        lock.release()


def _materialise(home: Home, month: date, console: Console) -> Iterator[Done]:
    import dagster as dg  # noqa: PLC0415

    from homeiq_assets.defs.build import build_defs  # noqa: PLC0415

    everything = build_defs(home)
    # Without the checks that stand alone: a month that is over has no new readings whose age could be checked.
    defs = dg.Definitions(everything.assets, resources=everything.resources, executor=everything.executor)
    job = defs.resolve_implicit_global_asset_job_def()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with (
        dg.DagsterInstance.get()
        if os.environ.get("DAGSTER_HOME")
        else dg.DagsterInstance.from_config(str(PROJECT)) as instance
    ):
        for run in runs(defs, month, local_date(home.now(), home.zone)):
            with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
                progress.add_task(run.title)
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
                raise click.Abort
            if not result.success:
                raise HomeiqError(f"{run.title}: {_reason(result)}")
            rows = sum(
                int(str(event.materialization.metadata["dagster/partition_row_count"].value))
                for event in result.get_asset_materialization_events()
            )
            yield Done(run.title, run.days, rows, time.monotonic() - began)


def _interrupted(result: "dg.ExecuteInProcessResult") -> bool:
    """Whether Ctrl-C came in the run: its step failed, or was tried again, as a retry policy has it."""
    errors: list[SerializableErrorInfo | None] = [
        event.step_retry_data.error for event in result.all_events if event.is_step_up_for_retry
    ]
    errors += [event.job_failure_data.error for event in result.all_events if event.is_job_failure]
    return any(error.cls_name in INTERRUPTED for first in errors for error in _chain(first))


def _reason(result: "dg.ExecuteInProcessResult") -> str:
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


def _chain(error: "SerializableErrorInfo | None") -> "Iterator[SerializableErrorInfo]":
    """The error, and what it came of."""
    while error is not None:
        yield error
        error = error.cause
