"""What runs work with, as typed Dagster resources: the home, the database, the archive, each vendor in use.

Their configuration is what the Resources page shows: what each points at, and a secret only by its variable's name. The
settings stay where they are read; definitions load whatever is set wrongly, and opening a resource raises the error
that names its setting.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import dagster as dg
from filelock import FileLock, Timeout
from pydantic import SecretStr

from homeiq_assets.archive.objects import ObjectStore
from homeiq_assets.archive.opening import open_archive
from homeiq_assets.feeds.catalog import FEEDS
from homeiq_assets.feeds.feed import Feed
from homeiq_assets.feeds.provider import Provider
from homeiq_assets.feeds.registry import PROVIDERS, choice, provider_of, serves
from homeiq_assets.home import Home
from homeiq_assets.settings.variables import AWS_CREDENTIALS, Settings
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.local import explained
from homeiq_assets.stores.opening import open_store

NOT_SET = "not set"


def resources(home: Home, replaced: Mapping[str, Any]) -> dict[str, Any]:
    """The resources of a home by name. `replaced` stands in place of those of the same names, also below others."""
    database, objects = database_name(home.settings), objects_name(home.settings)
    lowest = {"home": _home(home), database: _database(home), objects: _objects(home), **_vendors(home), **replaced}
    return {
        "store": Measurements(database=lowest[database]),
        "archive": Archive(objects=lowest[objects]),
        **lowest,
    }


def database_name(settings: Settings) -> str:
    """The resource in which measurements are kept."""
    return "influxdb" if settings.live else "embedded_store"


def objects_name(settings: Settings) -> str:
    """The resource in which the archive's objects are kept."""
    return "s3" if settings.s3_archive_bucket else "archive_folder"


class Measurements(dg.ConfigurableResource[Store]):
    """Where assets read and write measurements: the database below it."""

    database: dg.ResourceDependency[Store]

    def create_resource(self, context: dg.InitResourceContext) -> Store:
        return self.database


class Archive(dg.ConfigurableResource[ObjectStore]):
    """Where assets put and fetch Parquet objects: the bucket or folder below it."""

    objects: dg.ResourceDependency[ObjectStore]

    def create_resource(self, context: dg.InitResourceContext) -> ObjectStore:
        return self.objects


def _home(home: Home) -> dg.ConfigurableResource[Home]:
    class HomeResource(dg.ConfigurableResource[Home]):
        """The home: its time zone and its settings. A run holds a lock on it, so that a dead run is found."""

        time_zone: str
        first_day: str
        folder: str

        @contextmanager
        def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Home]:
            home.keep_zone()
            with _alive(home, context.run.run_id) if context.run else nullcontext():
                yield home

    settings = home.settings
    return HomeResource(
        time_zone=home.zone.key, first_day=settings.homeiq_start_date.isoformat(), folder=str(settings.homeiq_home)
    )


def _database(home: Home) -> dg.ConfigurableResource[Store]:
    settings = home.settings

    class Database(dg.ConfigurableResource[Store]):
        @contextmanager
        def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Store]:
            opened = open_store(settings)
            try:
                yield opened
            finally:
                opened.close()

    class InfluxDB(Database):
        """The owner's InfluxDB: raw measurements in its bucket, tiers and ledger in the tier bucket."""

        address: str
        organisation: str
        bucket: str
        tier_bucket: str
        credentials: list[str]

    class EmbeddedStoreFolder(Database):
        """Measurements as Parquet files in a folder, for a home without an InfluxDB."""

        folder: str

    if not settings.live:
        return EmbeddedStoreFolder(folder=str(settings.homeiq_home / "store"))
    bucket = settings.influxdb_bucket or NOT_SET
    return InfluxDB(
        address=settings.influxdb_url or NOT_SET,
        organisation=settings.influxdb_org or NOT_SET,
        bucket=bucket,
        tier_bucket=settings.influxdb_tier_bucket or f"{bucket}_tiers",
        credentials=["INFLUXDB_TOKEN"],
    )


def _objects(home: Home) -> dg.ConfigurableResource[ObjectStore]:
    settings = home.settings

    class Objects(dg.ConfigurableResource[ObjectStore]):
        def create_resource(self, context: dg.InitResourceContext) -> ObjectStore:
            return open_archive(settings)

    class S3(Objects):
        """A bucket on S3. Its client is made, and dagster-aws imported, when a run first uses it."""

        bucket: str
        prefix: str
        storage_class: str
        encryption: str
        credentials: list[str]

    class ArchiveFolder(Objects):
        """A folder of Parquet objects, for a home without S3."""

        folder: str

    if settings.s3_archive_bucket is None:
        return ArchiveFolder(folder=str(settings.homeiq_home / "archive"))
    return S3(
        bucket=settings.s3_archive_bucket,
        prefix=settings.s3_archive_prefix,
        storage_class=settings.s3_storage_class,
        encryption=settings.s3_sse or NOT_SET,
        credentials=list(AWS_CREDENTIALS),
    )


class Vendor:
    """A vendor's client: the providers that its feeds are filled by."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def provider(self, feed: Feed) -> Provider:
        """What fills a feed. Raises SettingError."""
        return provider_of(feed, self._home.settings, self._home.zone)


def _vendors(home: Home) -> dict[str, dg.ConfigurableResource[Vendor]]:
    class VendorClient(dg.ConfigurableResource[Vendor]):
        """A vendor that feeds are asked from: whom and what the settings point at, and which hold its credentials."""

        feeds: list[str]
        points_at: dict[str, str]
        credentials: list[str]

        def create_resource(self, context: dg.InitResourceContext) -> Vendor:
            return Vendor(home)

    settings = home.settings
    served: dict[str, list[Feed]] = {}
    for feed in FEEDS:
        if serves(feed, settings):
            served.setdefault(choice(feed, settings), []).append(feed)
    return {
        name: VendorClient(
            feeds=[feed.name for feed in feeds],
            points_at=_shown(name, feeds, settings),
            credentials=_credentials(name, feeds, settings),
        )
        for name, feeds in served.items()
    }


def _shown(name: str, feeds: Sequence[Feed], settings: Settings) -> dict[str, str]:
    entries = [PROVIDERS[feed.family][name] for feed in feeds if name in PROVIDERS[feed.family]]
    said = {setting: getattr(settings, setting.lower()) for entry in entries for setting in entry.points_at}
    return {setting: str(value) for setting, value in said.items() if value is not None}


def _credentials(name: str, feeds: Sequence[Feed], settings: Settings) -> list[str]:
    """The variables that hold credentials of a vendor and are set; their values are nobody's business."""
    entries = [PROVIDERS[feed.family][name] for feed in feeds if name in PROVIDERS[feed.family]]
    named = {setting for entry in entries for choice in entry.credentials for setting in choice}
    return sorted(setting for setting in named if isinstance(getattr(settings, setting.lower()), SecretStr))


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
