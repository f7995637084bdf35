"""Views, tiers and archive follow their inputs: late days roll again, today's polls roll no tier, then all rests."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from homeiq_assets_tests.household import Household, asset_key, household

FOLLOWERS = VIEW, HOURLY, DAILY, ARCHIVE = (
    "views/mv_daily_carbon_summary",
    "tiers/smart_meter_hourly",
    "tiers/smart_meter_daily",
    "archive/smart_meter_daily",
)
METER, CARBON = "feeds/smart_meter", "feeds/carbon_intensity"
Asked = dict[str, list[str]]


def days(first: str, count: int) -> list[str]:
    start = datetime.fromisoformat(first)
    return [(start + timedelta(days=n)).date().isoformat() for n in range(count)]


class Automation:
    """The sensor that follows, evaluated at the instants a test names, on an instance told what was materialised."""

    def __init__(self, home: Household) -> None:
        self.home = home
        self.cursor: object | None = None
        self.first: Asked = {}

    def look(self, local: str, *, run: bool = True) -> Asked:
        """What is asked for at a local time; `run`: and what was asked for is done at once."""
        evaluated = dg.evaluate_automation_conditions(
            defs=self.home.defs,
            instance=self.home.instance,
            asset_selection=dg.AssetSelection.assets(*(asset_key(asset) for asset in FOLLOWERS)),
            evaluation_time=datetime.fromisoformat(local).replace(tzinfo=self.home.zone).astimezone(UTC),
            cursor=self.cursor,  # type: ignore[arg-type]
        )
        self.cursor = evaluated.cursor
        asked = {
            asset: sorted(partitions)
            for asset in FOLLOWERS
            if (partitions := evaluated.get_requested_partitions(asset_key(asset)))
        }
        if run:
            for asset, partitions in asked.items():
                self.updated(asset, *partitions)
        return asked

    def updated(self, asset: str, *partitions: str) -> None:
        for partition in partitions:
            self.home.instance.report_runless_asset_event(
                dg.AssetMaterialization(asset_key(asset), partition=partition)
            )
        if asset == DAILY:
            # As its runs do; the archive waits for it.
            passed = dg.AssetCheckEvaluation(asset_key(asset), "agrees_with_raw", passed=True, metadata={})
            self.home.instance.report_runless_asset_event(passed)


def automation(folder: Path, zone: str = "Europe/Vienna") -> Automation:
    """A home on the 5th of November at noon whose feeds have two weeks, all of them followed up."""
    home = household(folder, datetime(2025, 11, 5, 11, tzinfo=UTC), zone=zone, HOMEIQ_START_DATE="2025-10-20")
    following = Automation(home)
    following.look("2025-11-05T11:50")
    for feed in (METER, CARBON):
        following.updated(feed, *days("2025-10-24", 13))
    following.first = following.look("2025-11-05T12:00")
    following.look("2025-11-05T12:11")
    assert following.look("2025-11-05T12:12") == {}
    return following


@pytest.fixture
def following(tmp_path: Path) -> Iterator[Automation]:
    made = automation(tmp_path)
    yield made
    made.home.instance.dispose()


def test_days_filled_for_the_first_time_are_rolled_within_the_look_back(following: Automation) -> None:
    assert following.first == {HOURLY: days("2025-10-31", 5), DAILY: days("2025-10-31", 5)}


def test_a_revised_day_rolls_again_with_the_day_after_it_and_then_rests(following: Automation) -> None:
    following.updated(METER, "2025-11-02")
    following.updated(CARBON, "2025-11-02")

    assert following.look("2025-11-05T12:20") == {HOURLY: days("2025-11-02", 2), DAILY: days("2025-11-02", 2)}
    assert following.look("2025-11-05T12:21") == {}
    assert following.look("2025-11-05T13:10") == {VIEW: days("2025-11-02", 2)}
    assert following.look("2025-11-05T13:11") == {}


def test_yesterday_revised_rolls_yesterday_alone_because_todays_tier_is_not_due(following: Automation) -> None:
    following.updated(METER, "2025-11-04")

    assert following.look("2025-11-05T12:20") == {HOURLY: ["2025-11-04"], DAILY: ["2025-11-04"]}


def test_a_day_before_the_look_back_stays_until_it_is_asked_for(following: Automation) -> None:
    following.updated(METER, "2025-10-28")
    following.updated(CARBON, "2025-10-20")

    assert following.look("2025-11-05T12:20") == {}
    assert following.look("2025-11-05T13:10") == {}


def test_what_was_asked_for_is_not_asked_for_again_while_it_waits_to_run(following: Automation) -> None:
    following.updated(METER, "2025-11-03")
    asked = following.look("2025-11-05T12:20", run=False)

    assert asked == {HOURLY: days("2025-11-03", 2), DAILY: days("2025-11-03", 2)}
    assert following.look("2025-11-05T12:21", run=False) == {}
    assert following.look("2025-11-05T12:22", run=False) == {}


def test_an_update_that_comes_while_a_day_is_rolled_is_rolled_once_more(following: Automation) -> None:
    following.updated(METER, "2025-11-03")
    asked = following.look("2025-11-05T12:20", run=False)
    following.updated(METER, "2025-11-03")
    for asset, partitions in asked.items():
        following.updated(asset, *partitions)

    again: set[str] = set()
    for minute in range(21, 25):
        again.update(*following.look(f"2025-11-05T12:{minute}").values())

    assert again == {"2025-11-03", "2025-11-04"}
    assert following.look("2025-11-05T12:25") == {}


def test_what_failed_is_asked_for_again_each_night_until_it_is_done(following: Automation) -> None:
    assert following.home.materialise(METER, days="2025-11-03").success
    following.look("2025-11-05T12:20", run=False)
    in_the_way = following.home.settings.homeiq_home / "store"
    in_the_way.rename(in_the_way.with_name("moved"))
    in_the_way.write_text("a file where the store's folder should be")
    assert not following.home.materialise(HOURLY, DAILY, days=("2025-11-03", "2025-11-04")).success
    in_the_way.unlink()
    in_the_way.with_name("moved").rename(in_the_way)
    failed = {HOURLY: days("2025-11-03", 2), DAILY: days("2025-11-03", 2)}

    assert following.look("2025-11-05T12:21") == following.look("2025-11-05T23:00") == {}
    following.look("2025-11-06T00:10")
    assert following.look("2025-11-06T04:31", run=False) == failed
    assert following.home.materialise(HOURLY, DAILY, days=("2025-11-03", "2025-11-04")).success
    assert following.look("2025-11-06T04:33") == {}
    assert following.look("2025-11-07T04:31") == {}


def test_todays_polls_roll_no_tier_and_refresh_the_view_once_an_hour(following: Automation) -> None:
    asked = []
    for minutes in range(0, 150, 5):
        local = (datetime(2025, 11, 5, 13) + timedelta(minutes=minutes)).isoformat()
        following.updated(METER, "2025-11-05")
        if minutes % 15 == 0:
            following.updated(CARBON, "2025-11-05")
        if found := following.look(local):
            asked.append((local[11:16], found))

    assert [found for _, found in asked] == [{VIEW: ["2025-11-05"]}] * 3
    assert [at for at, _ in asked] == ["13:10", "14:10", "15:10"]


def test_a_new_day_rolls_at_midnight_and_the_last_poll_of_the_old_one_rolls_it_again(following: Automation) -> None:
    assert following.look("2025-11-05T23:59") == {}
    assert following.look("2025-11-06T00:00") == {HOURLY: ["2025-11-05"], DAILY: ["2025-11-05"]}
    assert following.look("2025-11-06T00:01") == {}

    for feed in (METER, CARBON):
        following.updated(feed, "2025-11-05", "2025-11-06")
    assert following.look("2025-11-06T00:06") == {
        HOURLY: ["2025-11-05"],
        DAILY: ["2025-11-05"],
        VIEW: ["2025-11-05"],
    }
    assert following.look("2025-11-06T00:07") == {}
    assert following.look("2025-11-06T00:10") == {VIEW: ["2025-11-06"]}


def test_a_new_day_waits_for_its_input_where_nothing_was_polled(following: Automation) -> None:
    assert following.look("2025-11-06T00:00") == {HOURLY: ["2025-11-05"], DAILY: ["2025-11-05"]}
    assert following.look("2025-11-07T00:00") == {}, "of the 6th nothing is known"

    following.updated(METER, "2025-11-06")

    assert following.look("2025-11-07T02:30") == {HOURLY: ["2025-11-06"], DAILY: ["2025-11-06"]}


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns"])
def test_a_day_is_over_at_the_homes_own_midnight(zone: str, tmp_path: Path) -> None:
    following = automation(tmp_path, zone)

    assert following.look("2025-11-05T23:58") == {}
    assert following.look("2025-11-06T00:00") == {HOURLY: ["2025-11-05"], DAILY: ["2025-11-05"]}


def test_the_archive_follows_a_month_that_is_over_and_not_the_running_one(following: Automation) -> None:
    following.updated(METER, "2025-10-31")
    assert set(following.look("2025-11-05T12:20")) == {HOURLY, DAILY}

    assert following.look("2025-11-05T12:21") == {ARCHIVE: ["2025-10-01"]}
    assert following.look("2025-11-05T12:22") == {}

    following.updated(METER, "2025-11-04")
    following.look("2025-11-05T12:30")
    assert following.look("2025-11-05T12:31") == {}


def test_a_backfilled_old_day_of_the_tier_reaches_the_archive_too(following: Automation) -> None:
    following.updated(DAILY, "2025-10-25")

    assert following.look("2025-11-05T12:20") == {ARCHIVE: ["2025-10-01"]}


def test_a_month_is_archived_once_its_last_day_is_rolled(following: Automation) -> None:
    following.updated(METER, *days("2025-11-06", 25))
    following.updated(HOURLY, *days("2025-11-05", 25))
    following.updated(DAILY, *days("2025-11-05", 25))
    for minute in (57, 58):
        following.look(f"2025-11-30T23:{minute}")
    assert following.look("2025-11-30T23:59") == {}

    assert following.look("2025-12-01T00:00") == {HOURLY: ["2025-11-30"], DAILY: ["2025-11-30"]}
    assert following.look("2025-12-01T00:01") == {ARCHIVE: ["2025-11-01"]}
    assert following.look("2025-12-01T00:02") == {}


def test_a_long_backfill_of_an_input_asks_for_no_more_than_the_look_back(following: Automation) -> None:
    following.updated(CARBON, *days("2025-10-15", 22))

    assert following.look("2025-11-05T13:10") == {VIEW: days("2025-10-27", 10)}


def test_what_is_followed_is_materialised_by_real_runs_and_rests(tmp_path: Path) -> None:
    following = automation(tmp_path)
    home = following.home
    home.materialise(METER, days=("2025-11-02", "2025-11-03"))

    asked = following.look("2025-11-05T12:20", run=False)
    assert asked == {HOURLY: days("2025-11-02", 3), DAILY: days("2025-11-02", 3)}
    home.clock.now = datetime(2025, 11, 5, 11, 20, tzinfo=UTC)
    assert home.materialise(HOURLY, DAILY, days=("2025-11-02", "2025-11-04")).success

    assert following.look("2025-11-05T12:21", run=False) == {}
    assert following.look("2025-11-05T12:22", run=False) == {}
