"""Backfills by real runs over days whose rows were removed: nothing stored changes, and the owner is told why."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
import pytest

from homeiq_assets.schema.retention import RETENTION_OPERATIONS
from homeiq_assets_tests.household import Household, failure_of, household

NOW = datetime(2025, 11, 20, 10, 7, tzinfo=UTC)
FIRST, BEFORE, D, AFTER, LATER = (f"2025-11-0{day}" for day in (1, 2, 3, 4, 5))
RANGE = (BEFORE, LATER)
FEEDS = (
    "carbon_intensity",
    "electricity_pricing",
    "fx_rate",
    "occupancy_prediction",
    "smart_meter",
    "smart_meter_circuit",
    "home_assistant_events",
)
REMOVED = ("carbon_intensity", "electricity_pricing", "smart_meter", "smart_meter_circuit", "home_assistant_events")
VIEWS = ("mv_daily_carbon_summary", "mv_daily_energy_by_device", "mv_hourly_room_activity")
INSIGHTS = ("electricity_price_rank", "phantom_load", "daily_energy_report", "occupancy_accuracy")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    """Five days with all that is made of them, of which the third's raw rows were removed by the runs that do so."""
    ages = ", ".join(f"{name}=10" for name in REMOVED)
    made = household(
        tmp_path_factory.mktemp("home"),
        NOW,
        HOMEIQ_START_DATE="2025-10-30",
        RETENTION_RAW_DAYS=ages,
        RETENTION_HOURLY_DAYS="12",
        RETENTION_DAILY_DAYS="14",
        RAW_ARCHIVE=", ".join(REMOVED),
    )
    assets = [
        *(f"feeds/{name}" for name in FEEDS),
        *(f"views/{name}" for name in VIEWS),
        *(f"insights/{name}" for name in INSIGHTS),
        *(f"tiers/{name}_{tier}" for name in REMOVED for tier in ("hourly", "daily")),
        *(f"archive/{name}" for name in REMOVED),
    ]
    run = made.materialise(*assets, days=(FIRST, LATER))
    assert run.success, failure_of(run)
    gone = made.materialise(*(f"retention/{name}" for name in REMOVED), days=D)
    assert gone.success, failure_of(gone)
    yield made
    made.instance.dispose()


def kept_files(home: Household) -> dict[str, bytes]:
    """All of store and archive but the record of what was tried."""
    return {name: data for name, data in home.files().items() if f"store/{RETENTION_OPERATIONS.name}/" not in name}


def backfilled(home: Household, asset: str, days: tuple[str, str] | str, done: set[str]) -> str:
    """What a run over sealed days says; it changes nothing, and records exactly the days `done` as made anew."""
    before = kept_files(home)
    run = home.materialise(asset, days=days)
    assert not run.success
    assert kept_files(home) == before
    events = home.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    recorded = {event.dagster_event.partition for event in events if event.dagster_event}
    assert recorded == done
    return failure_of(run)


def test_the_removed_days_are_gone_and_the_runs_say_on_what_proof(home: Household) -> None:
    for name in REMOVED:
        assert home.marked(f"retention/{name}") == {D}
        told = home.told(f"retention/{name}", D)
        assert told["outcome"] == "removed"
        assert told["rows_before"] > 0
        assert told["archived_object"] in home.archive_names()
        assert told["bytes_estimate"] == 17 * told["rows_before"], "of Parquet, which this store is of"
        assert told["successor"] == f"{name}_hourly, {name}_daily"


@pytest.mark.parametrize(
    ("asset", "raw"),
    [
        ("tiers/smart_meter_hourly", "smart_meter"),
        ("tiers/home_assistant_events_hourly", "home_assistant_events"),
        ("views/mv_daily_energy_by_device", "home_assistant_events"),
        ("views/mv_hourly_room_activity", "home_assistant_events"),
        ("views/mv_daily_carbon_summary", "carbon_intensity"),
        ("insights/occupancy_accuracy", "home_assistant_events"),
    ],
)
def test_what_is_made_of_a_removed_day_and_of_the_one_after_it_stays(home: Household, asset: str, raw: str) -> None:
    said = backfilled(home, asset, RANGE, done={BEFORE, LATER})

    why = f"{raw} of {D} was removed, so what is made of it stays as it is stored; to make it again, restore first"
    assert "2 days stay as they are stored; 2 others are done." in said
    for day in (D, AFTER):
        (told,) = [line for line in said.splitlines() if line.startswith(f"{day}: ")]
        assert f"{why} (materialise restore/{raw} of {D})" in told, "among all that has to be restored"


def test_the_energy_report_stays_for_its_meter_and_the_day_after_for_its_carbon(home: Household) -> None:
    said = backfilled(home, "insights/daily_energy_report", RANGE, done={BEFORE, LATER})

    assert f"{D}: smart_meter of {D} was removed" in said
    assert "restore first" in said


def test_price_ranks_stay_with_the_neighbouring_hours_they_were_made_of(home: Household) -> None:
    said = backfilled(home, "insights/electricity_price_rank", RANGE, done={BEFORE, LATER})

    assert f"{D}: electricity_pricing of {D} was removed" in said


def test_a_week_of_nights_stays_with_one_of_them(home: Household) -> None:
    said = backfilled(home, "insights/phantom_load", RANGE, done={BEFORE})

    assert "3 days stay as they are stored; 1 others are done." in said
    assert f"{LATER}: smart_meter of {D} was removed" in said


def test_the_archived_day_stays_and_only_that(home: Household) -> None:
    said = backfilled(home, "archive/smart_meter", RANGE, done={BEFORE, AFTER, LATER})

    assert f"{D}: smart_meter of {D} was removed" in said
    assert "restore first" in said


def test_a_run_of_days_that_all_stay_records_none(home: Household) -> None:
    said = backfilled(home, "tiers/smart_meter_hourly", (D, AFTER), done=set())

    assert said.startswith("2 days stay as they are stored.\n")


def test_the_daily_tier_is_made_anew_from_its_hours_until_these_are_gone(home: Household) -> None:
    before = kept_files(home)
    again = home.materialise("tiers/smart_meter_daily", days=RANGE)
    assert again.success, failure_of(again)
    assert kept_files(home) == before, "the hours of the removed day are there, and say the same"


def test_hours_days_and_their_month_stay_once_they_are_removed_too(home: Household) -> None:
    gone = home.materialise("retention/smart_meter_hourly", days=D)
    assert gone.success, failure_of(gone)
    said = backfilled(home, "tiers/smart_meter_daily", RANGE, done={BEFORE, AFTER, LATER})
    assert (
        f"{D}: smart_meter_hourly of {D} was removed, so the daily tier of {D} stays as it is stored; to make it "
        "again, restore first (materialise restore/smart_meter where its raw rows were removed too), then "
        "tiers/smart_meter_hourly"
    ) in said
    assert "smart_meter of 2025-11-03 was removed" in backfilled(home, "tiers/smart_meter_hourly", D, done=set())

    assert home.materialise("archive/smart_meter_daily", days="2025-11-01").success
    gone = home.materialise("retention/smart_meter_daily", days=D)
    assert gone.success, failure_of(gone)
    said = backfilled(home, "archive/smart_meter_daily", "2025-11-01", done=set())
    assert (
        f"smart_meter_daily of {D} was removed, so the archive of 2025-11 stays as it is; to make it again, restore "
        "first (materialise restore/smart_meter_daily of 2025-11)"
    ) in said
    backfilled(home, "tiers/smart_meter_daily", D, done=set())


def test_restored_it_can_all_be_made_again_and_goes_again(home: Household) -> None:
    for asset, days in (("restore/smart_meter", D), ("restore/smart_meter_daily", "2025-11-01")):
        restored = home.materialise(asset, days=days)
        assert restored.success, failure_of(restored)
    assert home.told("restore/smart_meter", D)["rows_that_were_lacking"] == 288

    again = home.materialise("tiers/smart_meter_hourly", "tiers/smart_meter_daily", "archive/smart_meter", days=RANGE)
    assert again.success, failure_of(again)
    assert home.materialise("archive/smart_meter_daily", days="2025-11-01").success
    for name in ("smart_meter", "smart_meter_hourly", "smart_meter_daily"):
        gone = home.materialise(f"retention/{name}", days=D)
        assert gone.success, failure_of(gone)
    assert "restore first" in backfilled(home, "tiers/smart_meter_hourly", D, done=set())
