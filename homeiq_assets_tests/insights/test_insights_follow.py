"""Insights run by themselves: hourly for what was updated, the phantom loads once in the morning."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from homeiq_assets_tests.household import Household, asset_key, household
from homeiq_assets_tests.insights.test_insight_runs import FEEDS, INSIGHTS

RANK, PHANTOM, REPORT, ACCURACY = INSIGHTS


class Follower:
    """The sensor that follows, at the instants a test names."""

    def __init__(self, home: Household) -> None:
        self.home, self.cursor = home, None

    def look(self, local: str) -> dict[str, list[str]]:
        """What is asked for at a local time; it is done at once."""
        found = dg.evaluate_automation_conditions(
            defs=self.home.defs,
            instance=self.home.instance,
            asset_selection=dg.AssetSelection.groups("insights"),
            evaluation_time=datetime.fromisoformat(local).replace(tzinfo=self.home.zone).astimezone(UTC),
            cursor=self.cursor,
        )
        self.cursor = found.cursor  # type: ignore[assignment]
        asked = {name: sorted(str(day) for day in found.get_requested_partitions(asset_key(name))) for name in INSIGHTS}
        for name, days in asked.items():
            self.updated(name, *days)
        return {name: days for name, days in asked.items() if days}

    def updated(self, asset: str, *days: str) -> None:
        for day in days:
            self.home.instance.report_runless_asset_event(dg.AssetMaterialization(asset_key(asset), partition=day))


def test_insights_follow_what_was_updated_and_phantom_loads_wait_for_the_morning(tmp_path: Path) -> None:
    home = household(tmp_path, datetime(2025, 11, 5, 11, tzinfo=UTC), HOMEIQ_START_DATE="2025-10-20")
    follower = Follower(home)
    follower.look("2025-11-05T11:50")
    for feed in FEEDS:
        follower.updated(feed, *(f"2025-11-0{n}" for n in range(1, 6)))

    assert follower.look("2025-11-05T12:05") == {}
    first = follower.look("2025-11-05T12:11")
    assert first.keys() == {RANK, REPORT, ACCURACY}
    assert first[REPORT] == [f"2025-11-0{n}" for n in range(1, 6)]
    assert follower.look("2025-11-05T12:20") == {}

    follower.updated("feeds/electricity_pricing", "2025-11-06")
    assert follower.look("2025-11-05T13:11") == {RANK: ["2025-11-06"]}

    follower.updated("feeds/smart_meter", "2025-11-06")
    assert PHANTOM not in follower.look("2025-11-06T05:11")
    assert follower.look("2025-11-06T05:21")[PHANTOM] == ["2025-11-06"]
    home.instance.dispose()
