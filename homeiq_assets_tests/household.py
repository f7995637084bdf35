"""A whole home for tests that run Dagster: its settings, a clock that tests set, its store, archive and runs.

Everything in it is real but the time: the embedded store, Dagster's jobs and, where a test names one, a
vendor over HTTP.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

import dagster as dg
import pyarrow as pa
import pytest

from homeiq_assets.archive.opening import open_archive
from homeiq_assets.defs.build import build_defs
from homeiq_assets.defs.feeds import POLL_TAG
from homeiq_assets.home import Home, open_home
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.retention import RETENTION_OPERATIONS
from homeiq_assets.settings.variables import Settings, load
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets.window import Window, local_date, local_day

RANGE = "dagster/asset_partition_range_"
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def settings_in(folder: Path, **variables: str) -> Settings:
    """Settings from these variables alone, whatever else the environment says; HOMEIQ_HOME is `folder`."""
    with pytest.MonkeyPatch.context() as environment:
        for name in (*Settings.model_fields, "INFLUX_TOKEN", "INFLUX_ORG", "INFLUX_BUCKET"):
            environment.delenv(name.upper(), raising=False)
        for name, value in {"HOMEIQ_HOME": str(folder), **variables}.items():
            environment.setenv(name, value)
        return load(Path(os.devnull))


@dataclass
class Clock:
    """The home's clock; it stands still until a test sets it."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Household:
    """A home at an instant, with the definitions, and the instance that remembers its runs."""

    settings: Settings
    clock: Clock
    instance: dg.DagsterInstance
    home: Home = field(init=False)
    zone: ZoneInfo = field(init=False)
    defs: dg.Definitions = field(init=False)
    store: EmbeddedStore = field(init=False)

    def __post_init__(self) -> None:
        self.home = replace(open_home(self.settings), now=self.clock)
        self.zone = self.home.zone
        self.defs = build_defs(self.home)
        self.store = EmbeddedStore(self.settings.homeiq_home / "store")

    def materialise(
        self, *assets: str, days: tuple[str, str] | str, tags: dict[str, str] | None = None
    ) -> dg.ExecuteInProcessResult:
        """Run these assets (`feeds/smart_meter`) for a day, or a range of days, both ends included."""
        first, last = (days, days) if isinstance(days, str) else days
        keys = [asset_key(name) for name in assets]
        with retried_at_once():
            return self.defs.resolve_implicit_global_asset_job_def().execute_in_process(
                instance=self.instance,
                asset_selection=keys,
                tags={f"{RANGE}start": first, f"{RANGE}end": last, **(tags or {})},
                run_config=QUIET,
                raise_on_error=False,
            )

    def poll(self, *feeds: str) -> dg.ExecuteInProcessResult:
        """Poll these feeds now, as the schedule does."""
        return self.defs.resolve_job_def("poll_feeds").execute_in_process(
            instance=self.instance,
            asset_selection=[asset_key(f"feeds/{name}") for name in feeds],
            partition_key=local_date(self.clock.now, self.zone).isoformat(),
            tags={POLL_TAG: ",".join(feeds)},
            run_config=QUIET,
            raise_on_error=False,
        )

    def stored(self, measurement: Measurement, day: str | None = None) -> pa.Table:
        """The stored rows, all or of a local day."""
        everything = Window(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
        window = everything if day is None else local_day(date.fromisoformat(day), self.zone)
        return self.store.read(measurement, window)

    def times(self, measurement: Measurement, day: str | None = None) -> list[datetime]:
        """The times of the stored rows, all or of a local day."""
        return self.stored(measurement, day)["time"].cast(pa.timestamp("us", "UTC")).to_pylist()  # type: ignore[no-any-return]

    def marked(self, asset: str) -> set[str]:
        """The days (or months) of an asset that Dagster shows as materialised."""
        return self.instance.get_materialized_partitions(asset_key(asset))

    def told(self, asset: str, day: str) -> dict[str, Any]:
        """What the instance knows of the last materialisation of a day: its metadata."""
        filters = dg.AssetRecordsFilter(asset_key=asset_key(asset), asset_partitions=[day])
        (record,) = self.instance.fetch_materializations(filters, limit=1).records
        assert record.asset_materialization is not None
        return plain(record.asset_materialization)

    def files(self) -> dict[str, bytes]:
        """Every file of store and archive but the log of operations, by its path below HOMEIQ_HOME, with its bytes."""
        root = self.settings.homeiq_home
        return {
            path.relative_to(root).as_posix(): path.read_bytes()
            for part in ("store", "archive")
            for path in sorted((root / part).rglob("*"))
            if path.is_file() and path.parent.name != RETENTION_OPERATIONS.name
        }

    def archive_names(self) -> list[str]:
        """The objects of the archive."""
        return list(open_archive(self.settings).sizes(""))


@contextlib.contextmanager
def retried_at_once() -> Iterator[None]:
    """Dagster's pauses before it tries a step again pass at once."""
    waited: list[float] = []
    clock = mock.Mock(time=lambda: time.time() + sum(waited), sleep=waited.append)
    with mock.patch("dagster._core.execution.plan.active.time", clock):
        yield


def household(
    folder: Path,
    now: datetime,
    zone: str = "Europe/Vienna",
    instance: dg.DagsterInstance | None = None,
    **variables: str,
) -> Household:
    """A home in `zone` at `now`, kept in `folder`; on an instance in memory unless one is given."""
    settings = settings_in(folder, HOMEIQ_TIMEZONE=zone, **variables)
    return Household(settings, Clock(now), instance or dg.DagsterInstance.ephemeral())


def asset_key(name: str) -> dg.AssetKey:
    return dg.AssetKey(name.split("/"))


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    """What the owner is told of why a run failed: by its failed steps, or by what it could not even open."""
    told = []
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            told.append(data.user_failure_data.description if data.user_failure_data else str(data.error))
        elif event.is_resource_init_failure:
            told.append(str(event.event_specific_data.error.to_string()))  # type: ignore[union-attr]
    return "\n".join(str(text) for text in told)


def plain(materialization: dg.AssetMaterialization) -> dict[str, Any]:
    """The metadata of a materialisation as plain values."""
    return {name: getattr(value, "md_str", None) or value.value for name, value in materialization.metadata.items()}


def metadata_by_day(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, dict[str, Any]]:
    """The metadata of the last materialisation of each day in a run."""
    return {
        str(event.partition): plain(event.materialization)
        for event in result.get_asset_materialization_events()
        if event.asset_key == asset_key(asset)
    }


def checks_of(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, dg.AssetCheckEvaluation]:
    """The check results of an asset in a run, by the check's name."""
    return {
        evaluation.check_name: evaluation
        for evaluation in result.get_asset_check_evaluations()
        if evaluation.asset_key == asset_key(asset)
    }
