"""`homeiq demo`: a demonstration month of every asset, by real Dagster runs that the UI shows afterwards."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

import click
from filelock import FileLock, Timeout
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from homeiq_assets.cli.dagster_files import damages
from homeiq_assets.errors import HomeiqError, SettingError
from homeiq_assets.feeds.catalog import FEEDS
from homeiq_assets.feeds.registry import SIMULATED, choice
from homeiq_assets.home import resolve_home
from homeiq_assets.settings.types import WORKSPACE, project_folder
from homeiq_assets.settings.variables import Settings, home_folder, load
from homeiq_assets.stores.local import explained
from homeiq_assets.window import local_date


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
    project = project_folder()
    # dagster.yaml names its folders relative to the project.
    os.chdir(project)
    month = last_whole_month(local_date(home.now(), home.zone), home.settings)
    console = Console()
    from homeiq_assets.defs.demonstration import Interrupted, materialise  # noqa: PLC0415 (Dagster costs a second of import)

    with _alone(home.settings):
        console.print(f"Materialising {month:%B %Y} on the embedded store in {home.settings.homeiq_home}")
        try:
            done = list(materialise(home, month, lambda title: _shown(title, console)))
        except Interrupted:
            raise click.Abort from None
        except sqlalchemy.exc.DatabaseError as error:
            raise HomeiqError(f"Dagster's own database cannot be used: {error.orig}; run `homeiq doctor`") from None
    shown = Table("asset", "days", "rows", "seconds", box=None, pad_edge=False)
    for row in done:
        shown.add_row(row.asset, str(row.days), f"{row.rows:,}", f"{row.seconds:.1f}")
    console.print(shown)
    command = "dagster" if os.environ.get("VIRTUAL_ENV") else f"{os.path.relpath(sys.prefix, project)}/bin/dagster"
    start = f"{command} dev"
    if not (project / WORKSPACE).is_file():
        start = f"DAGSTER_HOME={home.settings.homeiq_home} {start} -m homeiq_assets.definitions"
    console.print(f"\nNext, in {project}:\n\n  {start}\n\nand open http://localhost:3000/asset-groups", soft_wrap=True)


def last_whole_month(today: date, settings: Settings) -> date:
    """The first day of the last month that is over. Raises SettingError where partitions begin later."""
    first = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    if first < settings.homeiq_start_date:
        raise SettingError("HOMEIQ_START_DATE", f"the demonstration needs all of {first:%B %Y}; set an earlier date")
    return first


def _only_simulated(settings: Settings) -> None:
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


@contextmanager
def _shown(title: str, console: Console) -> Iterator[None]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        progress.add_task(title)
        yield
