"""Removal by real runs: dry ones, days that stay among those that go, wrong ages, and what is recorded of each run."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from homeiq_assets.defs.common.day_reports import DaysTold
from homeiq_assets.defs.common.day_reports import recorded as recorded_as
from homeiq_assets.schema.measurements import SMART_METER
from homeiq_assets.schema.retention import RETENTION_OPERATIONS
from homeiq_assets_tests.household import Household, asset_key, failure_of, household

NOW = datetime(2025, 11, 20, 10, 7, tzinfo=UTC)
DAYS = ("2025-11-08", "2025-11-12")
FIRST, THIRD, LAST = "2025-11-08", "2025-11-10", "2025-11-12"
REMOVAL = "retention/smart_meter"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Household]:
    """Four days of a meter, rolled and archived, of which the first three are old enough to go."""
    made = household(tmp_path, NOW, HOMEIQ_START_DATE="2025-11-01", RETENTION_RAW_DAYS="9")
    tiers = ("tiers/smart_meter_hourly", "tiers/smart_meter_daily")
    run = made.materialise("feeds/smart_meter", *tiers, "archive/smart_meter", days=("2025-11-09", LAST))
    assert run.success, failure_of(run)
    yield made
    made.instance.dispose()


def removal(home: Household, *, dry: bool = False) -> dg.ExecuteInProcessResult:
    """A run of the removal over all days."""
    return home.defs.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=home.instance,
        asset_selection=[asset_key(REMOVAL)],
        tags={"dagster/asset_partition_range_start": DAYS[0], "dagster/asset_partition_range_end": DAYS[1]},
        run_config={
            "ops": {"retention__smart_meter": {"config": {"dry_run": dry}}},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
        raise_on_error=False,
    )


def kept_files(home: Household) -> dict[str, bytes]:
    """All of store and archive but the record of what was tried."""
    return {name: data for name, data in home.files().items() if f"store/{RETENTION_OPERATIONS.name}/" not in name}


def recorded(home: Household, kind: str) -> list[dict[str, Any]]:
    """What is recorded of a kind of operation."""
    return [row for row in home.stored(RETENTION_OPERATIONS).to_pylist() if row["operation"] == kind]


def test_a_dry_run_says_of_each_day_what_would_become_of_it_and_changes_nothing(home: Household) -> None:
    before = kept_files(home)

    run = removal(home, dry=True)

    assert kept_files(home) == before
    assert home.marked(REMOVAL) == set(), "not even the days without rows count as done"
    said = failure_of(run)
    assert f"{LAST}: it goes once it is older than 9 days" in said
    seen = home.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_OBSERVATION)
    told = {
        event.dagster_event.partition: event.dagster_event.asset_observation_data.asset_observation.metadata
        for event in seen
    }
    assert {day: data["outcome"].value for day, data in told.items()} == {
        FIRST: "no rows",
        "2025-11-09": "would be removed",
        THIRD: "would be removed",
    }
    assert told[THIRD]["rows_before"].value == 288
    (row,) = recorded(home, "dry run")
    assert (row["measurement"], row["days"], row["rows"], row["errors"]) == (
        "smart_meter",
        f"{FIRST} to {LAST}",
        576,
        2,
    )


def test_days_that_go_are_recorded_though_others_of_the_run_stay(home: Household) -> None:
    run = removal(home)

    assert not run.success
    assert failure_of(run) == (
        "2 days stay as they are stored; 3 others are done.\n"
        "2025-11-11: it goes once it is older than 9 days\n"
        "2025-11-12: it goes once it is older than 9 days"
    )
    assert home.marked(REMOVAL) == {FIRST, "2025-11-09", THIRD}
    assert home.told(REMOVAL, THIRD)["outcome"] == "removed"
    assert home.stored(SMART_METER, THIRD).num_rows == 0
    assert home.stored(SMART_METER, LAST).num_rows == 288


def test_every_operation_is_recorded_with_its_rows_days_time_and_first_error(home: Household) -> None:
    home.clock.now = NOW.replace(hour=11)
    removal(home)
    home.clock.now = NOW.replace(hour=12)
    restored = home.materialise("restore/smart_meter", days=("2025-11-09", THIRD))
    assert restored.success, failure_of(restored)
    home.clock.now = NOW.replace(hour=13)
    failed = home.materialise("restore/smart_meter", days=FIRST)
    assert not failed.success

    home.clock.now = NOW.replace(hour=14)
    home.materialise(REMOVAL, days=("2025-11-09", "2025-11-09"))
    home.clock.now = NOW.replace(hour=15)
    again = home.materialise(REMOVAL, days=("2025-11-09", "2025-11-09"))
    assert again.success, failure_of(again)

    removed, _, nothing = recorded(home, "remove")
    back, missing = recorded(home, "restore")

    assert removed["time"].to_pydatetime() == NOW.replace(hour=11)
    assert {name: removed[name] for name in ("measurement", "days", "rows", "errors", "message")} == {
        "measurement": "smart_meter",
        "days": f"{FIRST} to {LAST}",
        "rows": 576,
        "errors": 2,
        "message": "it goes once it is older than 9 days",
    }
    assert removed["seconds"] > 0
    assert (nothing["rows"], nothing["errors"]) == (0, 0), "what was gone before is not counted again"
    assert (back["days"], back["rows"], back["errors"], back["message"]) == (f"2025-11-09 to {THIRD}", 576, 0, "")
    assert (missing["days"], missing["rows"], missing["errors"]) == (FIRST, 0, 1)
    assert missing["message"].startswith("nothing is archived of smart_meter 2025-11-08")
    kinds = {row["operation"]: row for row in home.stored(RETENTION_OPERATIONS).to_pylist()}
    assert (kinds["archive"]["rows"], kinds["archive"]["errors"]) == (4 * 288, 0)
    rolled = {row["measurement"]: row["rows"] for row in recorded(home, "roll")}
    assert rolled == {"smart_meter_hourly": 96, "smart_meter_daily": 4}


def test_what_fails_of_itself_is_recorded_too(tmp_path: Path) -> None:
    home = household(tmp_path, NOW, HOMEIQ_START_DATE="2025-11-01", RETENTION_RAW_DAYS="9")
    file = tmp_path / "store" / "smart_meter" / f"{FIRST}.parquet"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"no such thing as parquet")

    run = home.materialise("tiers/smart_meter_hourly", days=FIRST)

    assert not run.success
    (row, *_) = recorded(home, "roll")
    assert row["errors"] == 1
    assert "is damaged and cannot be read" in row["message"]
    home.instance.dispose()


def test_what_nobody_foresaw_is_recorded_as_an_error_too(tmp_path: Path) -> None:
    home = household(tmp_path, NOW)
    told = DaysTold()
    told.done(FIRST, 24)

    with pytest.raises(ZeroDivisionError), recorded_as("roll", "smart_meter_hourly", told, NOW, home.store):
        raise ZeroDivisionError

    (row,) = recorded(home, "roll")
    assert (row["days"], row["rows"], row["errors"], row["message"]) == (FIRST, 24, 1, "ZeroDivisionError")
    home.instance.dispose()


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"RETENTION_RAW_DAYS": "4"}, "RETENTION_RAW_DAYS: smart_meter=4 is too short"),
        ({"RAW_ARCHIVE": "smart_metre"}, "RAW_ARCHIVE: there is no measurement smart_metre"),
        ({"RETENTION_RAW_DAYS": "smart_metre=9"}, "RETENTION_RAW_DAYS: there is no measurement smart_metre"),
    ],
)
def test_a_wrong_age_removes_nothing_and_names_its_setting(
    tmp_path: Path, variables: dict[str, str], said: str
) -> None:
    home = household(tmp_path, NOW, HOMEIQ_START_DATE="2025-11-01", **variables)

    run = home.materialise(REMOVAL, days=FIRST)

    assert said in failure_of(run)
    assert home.marked(REMOVAL) == set()
    home.instance.dispose()


def test_what_is_kept_has_nothing_that_removes_it(tmp_path: Path) -> None:
    kept = household(tmp_path / "kept", NOW, RETENTION_RAW_DAYS="smart_meter=keep", RETENTION_HOURLY_DAYS="keep")
    names = {key.to_user_string() for key in kept.defs.resolve_all_asset_keys()}

    assert {"retention/smart_meter_circuit", "retention/smart_meter_daily"} <= names
    assert not {"retention/smart_meter", "retention/smart_meter_hourly", "retention/home_assistant_events"} & names
    kept.instance.dispose()
