"""Dagster resources: the home (with the lock that tells a living run from a dead one), store and archive.

They are plain objects made from the settings when a run begins, so that no secret ever stands in a
resource's configuration.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import dagster as dg
from filelock import FileLock, Timeout

from homeiq_assets.archive.objects import ObjectStore
from homeiq_assets.archive.opening import open_archive
from homeiq_assets.home import Home
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.opening import open_store


def resources(home: Home) -> dict[str, dg.ResourceDefinition]:
    """`home`, `store` and `archive`; opening one raises the error that names its setting."""
    settings = home.settings

    def living_home(context: dg.InitResourceContext) -> Iterator[Home]:
        home.keep_zone()
        with _alive(home, context.run.run_id) if context.run else nullcontext():
            yield home

    def store(_: dg.InitResourceContext) -> Iterator[Store]:
        opened = open_store(settings)
        try:
            yield opened
        finally:
            opened.close()

    def archive(_: dg.InitResourceContext) -> ObjectStore:
        return open_archive(settings)

    where = settings.influxdb_url or f"the embedded store in {settings.homeiq_home}"
    return {
        "home": dg.ResourceDefinition(living_home, description=f"The home, in {home.zone.key}"),
        "store": dg.ResourceDefinition(store, description=f"Measurements are kept in {where}"),
        "archive": dg.ResourceDefinition(archive, description="Where Parquet objects are kept"),
    }


def run_lock(home: Home, run_id: str) -> Path:
    """The file that a run holds locked while its process lives."""
    folder = home.settings.homeiq_home / "locks" / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{run_id}.lock"


def is_dead(home: Home, run_id: str) -> bool:
    """Whether a started run's process is gone: it took its lock, and nobody holds it any more."""
    path = run_lock(home, run_id)
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            return True
    except Timeout:
        return False


@contextmanager
def _alive(home: Home, run_id: str) -> Iterator[None]:
    path = run_lock(home, run_id)
    with FileLock(path):
        yield
        # While it is still held: a file that nobody holds means a process that died.
        path.unlink(missing_ok=True)
