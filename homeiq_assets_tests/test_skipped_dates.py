"""Dates that a zone skipped, to change sides of the date line: they have no time and no rows, all others are done."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.defs.partitions import days_of
from homeiq_assets.feeds.catalog import FEEDS
from homeiq_assets.feeds.feed import poll_window
from homeiq_assets.schema.insights import DAILY_ENERGY_REPORT, INSIGHT_MEASUREMENTS
from homeiq_assets.schema.measurements import SMART_METER, VIEW_MEASUREMENTS, tier_of
from homeiq_assets.window import exists, local_date, local_day, local_days, local_month, next_day
from homeiq_assets_tests.household import Household, failure_of, household

APIA = "Pacific/Apia"
SKIPPED = [
    (APIA, date(2011, 12, 30)),
    ("Pacific/Fakaofo", date(2011, 12, 30)),
    ("Pacific/Kwajalein", date(1993, 8, 21)),
    ("Pacific/Kiritimati", date(1994, 12, 31)),
    ("Pacific/Enderbury", date(1994, 12, 31)),
]
DAY = timedelta(days=1)
RANGE, NOWHERE = ("2011-12-28", "2012-01-01"), "2011-12-30"
THERE = ("2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01")
NOW = datetime(2012, 1, 20, 2, tzinfo=UTC)
FED = [f"feeds/{feed.name}" for feed in FEEDS]
VIEWS = [f"views/{measurement.name}" for measurement in VIEW_MEASUREMENTS]
INSIGHTS = [f"insights/{measurement.name}" for measurement in INSIGHT_MEASUREMENTS]
HOURLY, DAILY = tier_of(SMART_METER, "hourly"), tier_of(SMART_METER, "daily")
TIERS = [f"tiers/{HOURLY.name}", f"tiers/{DAILY.name}"]


@pytest.mark.parametrize(("name", "skipped"), SKIPPED)
def test_the_days_around_a_skipped_date_follow_each_other(name: str, skipped: date) -> None:
    zone, before, after = ZoneInfo(name), skipped - DAY, skipped + DAY

    assert [exists(day, zone) for day in (before, skipped, after)] == [True, False, True]
    assert next_day(before, zone) == after
    assert local_day(before, zone).end == local_day(after, zone).start
    assert local_day(before, zone).length == local_day(after, zone).length == DAY
    assert skipped not in local_days(local_month(skipped.replace(day=1), zone), zone)
    assert local_date(local_day(before, zone).end, zone) == after
    assert days_of([skipped.isoformat(), after.isoformat()], zone) == [after]
    with pytest.raises(ValueError, match="end must be after its start"):
        local_day(skipped, zone)


@pytest.mark.parametrize(("name", "skipped"), SKIPPED)
def test_a_poll_on_the_day_before_reaches_to_the_end_of_the_day_after(name: str, skipped: date) -> None:
    zone = ZoneInfo(name)
    noon = local_day(skipped - DAY, zone).start + DAY / 2

    assert poll_window(FEEDS[0], noon, zone, None).end == local_day(skipped + DAY, zone).end


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Household:
    """A home in Apia whose feeds, views, insights, tiers and archive were backfilled over the skipped date."""
    made = household(tmp_path_factory.mktemp("apia"), NOW, APIA, HOMEIQ_START_DATE="2011-12-20", RETENTION_RAW_DAYS="9")
    for assets in (FED, VIEWS, INSIGHTS, TIERS, ["archive/smart_meter"]):
        run = made.materialise(*assets, days=RANGE)
        assert run.success, failure_of(run)
    return made


def test_a_backfill_over_the_date_does_all_other_days(home: Household) -> None:
    assert [home.stored(SMART_METER, day).num_rows for day in THERE] == [288] * 4
    assert home.stored(SMART_METER).num_rows == 4 * 288
    assert [home.stored(HOURLY, day).num_rows for day in THERE] == [24] * 4
    assert home.stored(DAILY).num_rows == 4
    assert home.stored(DAILY_ENERGY_REPORT)["date"].to_pylist() == list(THERE)
    for asset in (*FED, *VIEWS, *INSIGHTS, *TIERS, "archive/smart_meter"):
        assert set(THERE) <= home.marked(asset), asset


def test_its_month_and_its_days_are_archived_removed_and_restored(home: Household) -> None:
    before = home.stored(SMART_METER)

    assert home.materialise(f"archive/{DAILY.name}", days="2011-12-01").success
    removed = home.materialise("retention/smart_meter", days=("2011-12-28", "2011-12-31"))
    assert removed.success, failure_of(removed)
    assert home.stored(SMART_METER).num_rows == 288
    restored = home.materialise("restore/smart_meter", days=("2011-12-28", "2011-12-31"))
    assert restored.success, failure_of(restored)
    assert home.stored(SMART_METER).equals(before)


def test_the_date_asked_for_alone_is_no_error_and_changes_nothing(home: Household) -> None:
    before = home.files()

    for assets in (FED, VIEWS, INSIGHTS, TIERS):
        run = home.materialise(*assets, days=NOWHERE)
        assert run.success, failure_of(run)

    assert home.files() == before
