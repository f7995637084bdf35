"""A daily tier that does not agree with raw rows: nothing removes or archives by it, in its run and in later ones."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from homeiq_assets.schema.measurements import SMART_METER, tier_of
from homeiq_assets.stores.base import Store
from homeiq_assets.window import local_day
from homeiq_assets_tests.household import Household, asset_key, checks_of, failure_of, household

NOW = datetime(2025, 11, 20, 10, 7, tzinfo=UTC)
DECEMBER = datetime(2025, 12, 5, 10, 7, tzinfo=UTC)
DAYS, RED, GREEN = ("2025-10-30", "2025-11-03"), "2025-11-01", "2025-11-02"
HOURLY, DAILY = tier_of(SMART_METER, "hourly"), tier_of(SMART_METER, "daily")
TIER, MONTH, REMOVAL = f"tiers/{DAILY.name}", f"archive/{DAILY.name}", "retention/smart_meter"
OCTOBER, NOVEMBER = "2025-10-01", "2025-11-01"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Household]:
    """Five days of a meter, rolled and archived, old enough to go; one hour of one of them is wrong since."""
    made = household(tmp_path, NOW, HOMEIQ_START_DATE="2025-10-01", RETENTION_RAW_DAYS="9")
    run = made.materialise("feeds/smart_meter", f"tiers/{HOURLY.name}", TIER, "archive/smart_meter", days=DAYS)
    assert run.success, failure_of(run)
    wrong(made.store, made)
    yield made
    made.instance.dispose()


def wrong(store: Store, home: Household) -> None:
    day = local_day(date.fromisoformat(RED), home.zone)
    rows = store.read(HOURLY, day)
    place = rows.column_names.index("total_power_w_mean")
    means = rows["total_power_w_mean"].to_pylist()
    changed = pa.chunked_array([[*means[:-1], means[-1] + 50.0]])
    store.replace(HOURLY, rows.set_column(place, rows.schema.field(place), changed), day)


def rolled_red(home: Household) -> None:
    """The daily tier of the wrong day is made, and then another day's in a run that is green."""
    assert not home.materialise(TIER, days=RED).success
    green = home.materialise(TIER, days=GREEN)
    assert green.success
    assert checks_of(green, TIER)["agrees_with_raw"].passed


def asked_for(home: Household) -> set[str]:
    """The months that the automation asks to archive after the daily tier of that day was made again."""

    def looked(cursor: Any = None) -> dg.EvaluateAutomationConditionsResult:
        return dg.evaluate_automation_conditions(
            defs=home.defs,
            instance=home.instance,
            asset_selection=dg.AssetSelection.assets(asset_key(MONTH)),
            evaluation_time=DECEMBER,
            cursor=cursor,
        )

    before = looked()
    home.materialise(TIER, days=RED)
    return set(looked(before.cursor).get_requested_partitions(asset_key(MONTH)))


def test_what_stands_behind_a_red_tier_in_the_same_run_does_not_begin(home: Household) -> None:
    before = home.stored(SMART_METER)

    run = home.materialise(TIER, REMOVAL, days=DAYS)

    check = checks_of(run, TIER)["agrees_with_raw"]
    assert (run.success, check.passed, check.severity) == (False, False, dg.AssetCheckSeverity.ERROR)
    assert check.metadata["differing"].value == [f"{RED}: total_power_w_mean differs"]
    assert "retention__smart_meter" not in {event.step_key for event in run.all_events if event.is_step_start}
    assert home.stored(SMART_METER).equals(before)
    assert home.marked(REMOVAL) == set()


def test_a_month_with_a_red_day_is_not_archived_whatever_ran_since(home: Household) -> None:
    rolled_red(home)

    run = home.materialise(MONTH, days=(OCTOBER, NOVEMBER))

    assert failure_of(run) == (
        "1 days stay as they are stored; 1 others are done.\n2025-11-01: a check of smart_meter_daily of 2025-11-01 is "
        "red (agrees_with_raw: total_power_w_mean differs), so the archive of 2025-11 stays as it is; materialise the "
        "hourly and the daily tier of 2025-11-01 again, then this month"
    )
    assert home.marked(MONTH) == {OCTOBER}
    assert not any("smart_meter_daily/year=2025/month=11" in name for name in home.archive_names())


def test_an_archived_month_keeps_its_object_while_a_day_of_it_is_red(home: Household) -> None:
    assert home.materialise(MONTH, days=NOVEMBER).success
    before = {name: data for name, data in home.files().items() if name.startswith("archive/")}
    rolled_red(home)

    assert not home.materialise(MONTH, days=NOVEMBER).success

    assert {name: data for name, data in home.files().items() if name.startswith("archive/")} == before


def test_a_red_day_stays_while_the_others_are_removed_whatever_ran_since(home: Household) -> None:
    rolled_red(home)

    run = home.materialise(REMOVAL, days=("2025-10-31", "2025-11-02"))

    assert f"{RED}: a check is red: agrees_with_raw: total_power_w_mean differs" in failure_of(run)
    assert home.marked(REMOVAL) == {GREEN}, "and the day before it, whose readings hold into it, waits for it"
    assert home.stored(SMART_METER, RED).num_rows == 288


def test_automation_asks_for_no_archive_while_the_check_is_red(home: Household) -> None:
    assert home.materialise(MONTH, days=NOVEMBER).success

    assert asked_for(home) == set()
    assert home.materialise(f"tiers/{HOURLY.name}", days=RED).success
    assert asked_for(home) == {NOVEMBER}


def test_a_day_made_right_again_is_archived_and_removed(home: Household) -> None:
    rolled_red(home)

    assert home.materialise(f"tiers/{HOURLY.name}", TIER, days=RED).success

    assert home.materialise(MONTH, days=NOVEMBER).success
    assert home.materialise(REMOVAL, days=RED).success
    assert home.stored(SMART_METER, RED).num_rows == 0


def test_one_check_of_each_daily_tier_blocks_and_no_other(home: Household) -> None:
    graph = home.defs.resolve_asset_graph()

    blocking = {key for key in graph.asset_check_keys if graph.get_check_spec(key).blocking}

    daily = [key for key in graph.get_all_asset_keys() if key.path[0] == "tiers" and key.path[1].endswith("_daily")]
    assert blocking == {dg.AssetCheckKey(key, "agrees_with_raw") for key in daily}
    assert blocking
