"""`homeiq demo`: which month it shows, and that it mixes with nothing of the owner's."""

import os
import signal
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from filelock import FileLock

from homeiq_assets.cli.demo import last_whole_month
from homeiq_assets.defs.demonstration import runs
from homeiq_assets.errors import SettingError
from homeiq_assets.feeds.catalog import FEEDS
from homeiq_assets.settings.variables import Settings
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets_tests.cli.conftest import Outcome
from homeiq_assets_tests.household import household

Run = Callable[..., Outcome]


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """HOMEIQ_HOME; Dagster keeps its history beside it. The demonstration changes the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOMEIQ_HOME", str(tmp_path / "homeiq"))
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    (tmp_path / "homeiq").mkdir()
    return tmp_path / "homeiq"


@pytest.mark.parametrize(
    ("today", "month"),
    [
        (date(2025, 11, 24), date(2025, 10, 1)),
        (date(2025, 11, 1), date(2025, 10, 1)),
        (date(2025, 3, 31), date(2025, 2, 1)),
        (date(2026, 1, 1), date(2025, 12, 1)),
    ],
)
def test_it_shows_the_last_month_that_is_over(today: date, month: date, settings_of: Callable[..., Settings]) -> None:
    assert last_whole_month(today, settings_of()) == month


def test_a_first_day_after_that_month_is_told(settings_of: Callable[..., Settings]) -> None:
    with pytest.raises(SettingError, match="HOMEIQ_START_DATE: the demonstration needs all of October 2025"):
        last_whole_month(date(2025, 11, 24), settings_of(HOMEIQ_START_DATE="2025-10-02"))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"INFLUXDB_URL": "http://127.0.0.1:9"}, "homeiq: INFLUXDB_URL: is set; the demonstration is for"),
        ({"INFLUXDB_URL": "no url"}, "homeiq: INFLUXDB_URL: is set; the demonstration is for"),
        ({"S3_ARCHIVE_BUCKET": "years-of-home"}, "homeiq: S3_ARCHIVE_BUCKET: is set; the demonstration would"),
        ({"DAGSTER_HOME": "dagster"}, "homeiq: DAGSTER_HOME: dagster is not the whole path of a folder that exists"),
        ({"DAGSTER_HOME": "/no/such/folder"}, "homeiq: DAGSTER_HOME: /no/such/folder is not the whole path"),
        ({"PRICING_PROVIDER": "awattar"}, "homeiq: PRICING_PROVIDER: awattar serves electricity_pricing; "),
        ({"CARBON_PROVIDER": "off"}, "homeiq: CARBON_PROVIDER: off serves carbon_intensity; "),
        ({"HOMEIQ_TIMEZONE": "Mars/Olympus"}, "homeiq: HOMEIQ_TIMEZONE: "),
    ],
)
def test_it_refuses_a_home_with_settings_of_its_own_and_stores_nothing(
    settings: dict[str, str], told: str, home: Path, homeiq: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    found = homeiq("demo")

    assert (found.status, found.out) == (1, "")
    assert found.err.startswith(told)
    assert found.err.count("\n") == 1
    assert not (home / "store").exists()


def test_it_ends_with_a_poll_after_which_the_best_hours_are_known(
    home: Path, homeiq: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOMEIQ_TIMEZONE", "UTC")
    now = datetime.now(UTC)
    made = household(home, now, zone="UTC")
    *month, poll = runs(made.defs, date(2025, 10, 1), now.date())
    result = made.materialise(
        *(key.to_user_string() for key in poll.keys), days=poll.first.isoformat(), tags=dict(poll.tags)
    )

    best = homeiq("best", "--hours", "0.1")

    assert {(run.first, run.last) for run in month} == {
        (date(2025, 10, 1), date(2025, 10, 31)),
        (date(2025, 10, 1), date(2025, 10, 1)),
    }
    assert result.success
    assert {key.to_user_string() for key in poll.keys} == {f"feeds/{feed.name}" for feed in FEEDS}
    assert (best.status, best.err) == (0, "")
    assert "Carbon: forecast to " in best.out


def test_a_second_one_at_once_is_refused(home: Path, homeiq: Run) -> None:
    with FileLock(home / "demo.lock"):
        found = homeiq("demo")

    assert (found.status, found.out) == (1, "")
    assert found.err == "homeiq: another `homeiq demo` is running; wait for it\n"


def test_what_fails_is_named_with_its_reason_and_its_run_is_kept(home: Path, homeiq: Run) -> None:
    (home / "store").write_text("a file where the folder should be")

    found = homeiq("demo")

    assert found.status == 1
    month = last_whole_month(datetime.now(UTC).date(), Settings(_env_file=None))
    assert found.lines[0].startswith(f"Materialising {month:%B %Y} on the embedded store")
    assert found.err.startswith("homeiq: feeds/air_quality: HOMEIQ_HOME: ")
    assert found.err.count("\n") == 1
    with dg.DagsterInstance.get() as instance:
        (run,) = instance.get_runs()
        assert run.status == dg.DagsterRunStatus.FAILURE
        assert run.tags["dagster/asset_partition_range_start"] == month.isoformat()
        assert run.tags["homeiq/demo"] == "true"


@pytest.mark.parametrize("times", [1, 10])
def test_interrupted_within_a_run_it_says_how_to_go_on(
    times: int, home: Path, homeiq: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, left = EmbeddedStore.replace, [times]

    def interrupted(*given: Any) -> Any:
        left[0] -= 1
        if left[0] >= 0:
            os.kill(os.getpid(), signal.SIGINT)
        return replace(*given)

    monkeypatch.setattr(EmbeddedStore, "replace", interrupted)

    found = homeiq("demo")

    assert found.status == 1
    assert found.err == "homeiq: stopped; run the same command again, it goes on where it was\n"


def test_a_folder_that_takes_no_locks_is_named(home: Path, homeiq: Run) -> None:
    (home / "demo.lock").mkdir()
    own = homeiq("demo")
    (home / "demo.lock").rmdir()
    (home / "locks").write_text("a file where the folder should be")
    runs = homeiq("demo")

    assert (own.status, own.err.count("\n")) == (1, 1)
    assert own.err.startswith(f"homeiq: HOMEIQ_HOME: {home / 'demo.lock'} cannot be used")
    assert (runs.status, runs.err.count("\n")) == (1, 1)
    assert runs.err.startswith(f"homeiq: feeds/air_quality: HOMEIQ_HOME: {home / 'locks'}")


def test_a_damaged_history_of_dagster_is_named_with_what_to_do_and_what_is_lost(home: Path, homeiq: Run) -> None:
    with dg.DagsterInstance.get() as instance:
        instance.get_runs()
    database = home.parent / "dagster" / "history" / "runs" / "index.db"
    database.write_bytes(b"no database" * 1000)

    found = homeiq("demo")

    assert (found.status, found.out, found.err.count("\n")) == (1, "", 1)
    assert f"Dagster's own database {database} is damaged (file is not a database)" in found.err
    assert f"move the folder {home.parent / 'dagster' / 'history'} away" in found.err
    assert "Readings, tiers and archive are elsewhere: nothing of them is lost." in found.err
