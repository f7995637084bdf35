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
from homeiq_assets.stores.local import explained
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
    """The file that a run holds locked while its process lives. Raises HomeiqError that names HOMEIQ_HOME."""
    folder = home.settings.homeiq_home / "locks" / "runs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explained(error, folder) from error
    return folder / f"{run_id}.lock"


def abandoned(home: Home) -> list[str]:
    """The ids of runs whose process is gone: they took their lock, and nobody holds it any more.

    Raises HomeiqError that names HOMEIQ_HOME where a lock cannot be tried.
    """
    return [path.stem for path in sorted(run_lock(home, "any").parent.glob("*.lock")) if _is_free(path)]


def _is_free(path: Path) -> bool:
    try:
        with FileLock(path, timeout=0):
            return True
    except Timeout:
        return False
    except OSError as error:
        raise explained(error, path) from error


@contextmanager
def _alive(home: Home, run_id: str) -> Iterator[None]:
    path = run_lock(home, run_id)
    lock = FileLock(path)
    try:
        lock.acquire()
    except OSError as error:
        raise explained(error, path) from error
    try:
        yield
        # While it is still held: a file that nobody holds means a process that died.
        _remove(path)
    finally:
        lock.release()


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise explained(error, path) from error
