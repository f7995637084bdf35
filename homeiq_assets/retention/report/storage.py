"""What is stored: rows and bytes of each measurement and tier, in store and archive, counted and never estimated.

What a store or an archive cannot tell is left out, and a warning says why.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from urllib.parse import unquote

from homeiq_assets.archive.manifest import MANIFEST
from homeiq_assets.archive.objects import ObjectStore
from homeiq_assets.errors import HomeiqError
from homeiq_assets.events.opening import events_place
from homeiq_assets.feeds.catalog import EVENTS
from homeiq_assets.feeds.registry import OFF, choice
from homeiq_assets.home import Home
from homeiq_assets.ledger.removed_days import Ledger
from homeiq_assets.retention.ages import Level
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.measurements import ALL, HOME_ASSISTANT_EVENTS, HOME_ASSISTANT_HISTORY, TIERED_MEASUREMENTS
from homeiq_assets.stores.base import Store
from homeiq_assets.window import Window

T = TypeVar("T")
Place = tuple[str, str]
"""a raw measurement's name, and where: raw, hourly, daily; of the archive raw_archive, daily_archive"""


@dataclass
class Kept:
    """Objects of the archive: how many Parquet files, and the bytes of them and of their manifests."""

    objects: int = 0
    bytes: int = 0
    billed: int = 0
    """the bytes that are paid for: no object counts as fewer than its storage class bills"""


@dataclass(frozen=True)
class Found:
    """What is stored. None, or absent, is what could not be told, of which `warnings` say why."""

    rows: Mapping[Place, int]
    removed: Mapping[Place, int]
    """rows that were removed after their proof"""
    sizes: Mapping[str, int] | None
    """bytes of the store's parts: buckets of InfluxDB, measurements of the embedded store"""
    in_files: Mapping[Place, int]
    """the bytes of each place, where the store's parts are measurements"""
    archive: Mapping[Place, Kept] | None
    whole: bool
    """whether all of the store could be told"""
    warnings: tuple[str, ...]


def look(home: Home, store: Store, archive: ObjectStore, least_billed: int) -> Found:
    """Everything that is stored, as far as it can be told; `least_billed`: the bytes an object is billed for at least.

    Raises StoreError where not even the ledger can be read.
    """
    gone = Ledger(store, home.zone).removed_rows()
    looking = _Looking()
    names = {level.of(measurement).name: (measurement.name, level.value) for measurement, level in _all()}
    removed = {names[name]: rows for name, rows in gone.items() if name in names}
    rows = {}
    for name, place in names.items():
        if name != HOME_ASSISTANT_EVENTS.name and (count := looking.tell(partial(store.rows, ALL[name]))) is not None:
            rows[place] = count
    sizes = looking.tell(store.sizes)
    if choice(EVENTS, home.settings) != OFF:
        events = looking.tell(partial(raw_rows, HOME_ASSISTANT_EVENTS, home, store))
        if events is not None:
            rows[HOME_ASSISTANT_EVENTS.name, Level.RAW.value] = events
        further = looking.tell(partial(_sizes_of_events, home, store))
        sizes = {**sizes, **further} if sizes is not None and further is not None else None
    in_files = {} if store.live else _in_files(sizes or {})
    whole = not looking.warnings
    kept = looking.tell(partial(_archived, archive, least_billed))
    return Found(rows, removed, sizes, in_files, kept, whole, tuple(looking.warnings))


def raw_rows(measurement: Measurement, home: Home, store: Store, window: Window | None = None) -> int:
    """The raw rows of a window (of all times); of events wherever they are, in as many measurements as they are.

    Raises StoreError, and SettingError where there are no events.
    """
    if measurement is not HOME_ASSISTANT_EVENTS:
        return store.rows(measurement, window)
    with events_place(home, store) as at:
        names = at.names() if at.measurement is None else [at.measurement.name]
        return sum(at.store.rows(Measurement(name, (), ()), window) for name in names)


class _Looking:
    """Looks at one thing after another; what one cannot tell costs no other."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def tell(self, look: Callable[[], T]) -> T | None:
        try:
            return look()
        except HomeiqError as error:
            if str(error) not in self.warnings:
                self.warnings.append(str(error))
            return None


def _all() -> list[tuple[Measurement, Level]]:
    return [(measurement, level) for measurement in TIERED_MEASUREMENTS for level in Level]


def _sizes_of_events(home: Home, store: Store) -> Mapping[str, int]:
    with events_place(home, store) as at:
        return {} if at.store is store else at.store.sizes()


def _in_files(sizes: Mapping[str, int]) -> dict[Place, int]:
    stored = {level.of(measurement).name: (measurement.name, level.value) for measurement, level in _all()}
    stored[HOME_ASSISTANT_HISTORY.name] = stored.pop(HOME_ASSISTANT_EVENTS.name)
    return {stored[name]: size for name, size in sizes.items() if name in stored}


def _archived(archive: ObjectStore, least_billed: int) -> dict[Place, Kept]:
    """What is in the archive, of each raw measurement; one listing."""
    known = {measurement.name for measurement in TIERED_MEASUREMENTS}
    kept: dict[Place, Kept] = {}
    for name, size in archive.sizes("").items():
        folder, _, path = name.partition("/")
        measurement = unquote(folder.removeprefix("measurement="))
        place = "raw_archive" if "/day=" in f"/{path}" else "daily_archive"
        if place == "daily_archive":
            measurement = measurement.removesuffix("_daily")
        if measurement in known:
            one = kept.setdefault((measurement, place), Kept())
            manifest = name.endswith(MANIFEST)
            one.objects += not manifest
            one.bytes += size
            one.billed += size if manifest else max(size, least_billed)
    return kept
