"""Answers of a feed for days whose rows were removed: a whole one opens the day, a part of it stays beside."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.ledger.refilling import refill
from homeiq_assets.ledger.removed_days import Ledger, State
from homeiq_assets.retention.row_sets import shortest_step
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import SMART_METER, tier_of
from homeiq_assets.window import HOUR, Window, local_day
from homeiq_assets_tests.household import Household, checks_of, failure_of, household

NOW = datetime(2025, 11, 20, 10, 7, tzinfo=UTC)
VIENNA = ZoneInfo("Europe/Vienna")
DAYS = ("2025-10-25", "2025-10-28")
LONG = date(2025, 10, 26)
TIERS = ("tiers/smart_meter_hourly", "tiers/smart_meter_daily")


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    """Four days of which the first three were removed; the second has 25 hours."""
    made = household(tmp_path_factory.mktemp("home"), NOW)
    for assets in (("feeds/smart_meter",), TIERS, ("archive/smart_meter",)):
        assert made.materialise(*assets, days=DAYS).success
    assert made.materialise("retention/smart_meter", days=(DAYS[0], "2025-10-27")).success
    yield made
    made.instance.dispose()


def states(home: Household) -> dict[date, State]:
    window = Window(local_day(date(2025, 10, 25), VIENNA).start, local_day(date(2025, 10, 28), VIENNA).end)
    return {day: entry.state for day, entry in Ledger(home.store, VIENNA).entries("smart_meter", window).items()}


def answered(home: Household, covers: Window, step: timedelta = timedelta(minutes=5)) -> tuple[list[date], list[date]]:
    found = refill("smart_meter", covers, [covers], {LONG: 288}, {LONG: step}, home.home, home.store)
    return list(found.whole), list(found.short)


def test_a_feed_that_answers_the_whole_day_again_opens_it(home: Household) -> None:
    before = home.stored(tier_of(SMART_METER, "hourly"))

    result = home.materialise("feeds/smart_meter", days=("2025-10-25", "2025-10-27"))

    assert result.success
    assert checks_of(result, "feeds/smart_meter")["removed_days"].passed
    assert set(states(home).values()) == {State.REFILLED}
    assert home.materialise(*TIERS, days=DAYS).success, "and its tiers are made again"
    assert home.stored(tier_of(SMART_METER, "hourly")).num_rows == before.num_rows
    assert home.materialise("retention/smart_meter", days=("2025-10-25", "2025-10-27")).success, "and it may go again"


@pytest.mark.parametrize("missing", [timedelta(hours=1), timedelta(microseconds=1)])
def test_an_answer_for_a_part_of_the_day_leaves_it_removed(home: Household, missing: timedelta) -> None:
    day = local_day(LONG, VIENNA)

    assert answered(home, Window(day.start, day.end - missing)) == ([], [LONG])
    assert answered(home, Window(day.start + missing, day.end)) == ([], [LONG])
    assert states(home)[LONG] is State.REMOVED


def test_an_answer_of_a_coarser_step_leaves_it_removed(home: Household) -> None:
    assert answered(home, local_day(LONG, VIENNA), HOUR) == ([], [LONG])
    assert answered(home, local_day(LONG, VIENNA), timedelta(minutes=5)) == ([LONG], [])


def test_a_day_of_which_most_readings_were_missing_had_the_step_of_the_others_all_the_same() -> None:
    start = local_day(LONG, VIENNA).start
    minutes = (0, 5, 65, 125, 185, 190)
    rows = [{"time": start + timedelta(minutes=n), "meter_type": "sense", "total_power_w": 1.0} for n in minutes]

    assert shortest_step(rows_of(SMART_METER, rows), SMART_METER.identity) == timedelta(minutes=5)
    assert shortest_step(rows_of(SMART_METER, rows[:1]), SMART_METER.identity) == timedelta()


def test_answers_that_join_cover_the_day_in_any_order(home: Household) -> None:
    day = local_day(LONG, VIENNA)
    noon = day.start + 12 * HOUR
    parts = [Window(noon, day.end), Window(day.start, noon)]

    found = refill("smart_meter", day, parts, {LONG: 9}, {}, home.home, home.store)

    assert (list(found.whole), list(found.short)) == ([LONG], [])


def test_rows_that_came_for_a_part_are_told_with_what_to_do_and_stay(home: Household) -> None:
    day = local_day(LONG, VIENNA)
    told = refill("smart_meter", day, [Window(day.start, day.end - HOUR)], {LONG: 9}, {}, home.home, home.store)

    text = told.told("smart_meter")

    assert text is not None
    assert "2025-10-26" in text
    assert "restore first (materialise restore/smart_meter of 2025-10-26)" in text
    tiers = home.materialise(*TIERS, days="2025-10-26")
    assert "restore first" in failure_of(tiers)


def test_polls_do_not_look_for_removed_days(home: Household) -> None:
    class Unasked:
        def __getattr__(self, name: str) -> None:
            raise AssertionError("a poll asked the ledger")

    recent = Window(NOW - HOUR, NOW)

    found = refill("smart_meter", recent, [recent], {NOW.date(): 1}, {}, home.home, Unasked())  # type: ignore[arg-type]

    assert not found.whole
    assert not found.short
