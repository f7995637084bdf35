"""The views over events follow what they are made of: any of the last days, and the day after it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from homeiq_assets_tests.household import Household, asset_key, household

ENERGY, ROOMS = "views/mv_daily_energy_by_device", "views/mv_hourly_room_activity"
EVENTS, PRICES, RATES = "feeds/home_assistant_events", "feeds/electricity_pricing", "feeds/fx_rate"
DAYS = [f"2026-11-{day}" for day in range(10, 25)]


class Follower:
    """The sensor that follows, on an instance that is told what was materialised."""

    def __init__(self, home: Household) -> None:
        self.home = home
        self.cursor: object | None = None

    def updated(self, asset: str, *days: str) -> None:
        for day in days:
            event = dg.AssetMaterialization(asset_key(asset), partition=day)
            self.home.instance.report_runless_asset_event(event)

    def look(self, hour: int, minute: int) -> dict[str, list[str]]:
        """What of the two is asked for at an instant of 2026-11-24."""
        found = dg.evaluate_automation_conditions(
            defs=self.home.defs,
            instance=self.home.instance,
            asset_selection=dg.AssetSelection.assets(asset_key(ENERGY), asset_key(ROOMS)),
            evaluation_time=datetime(2026, 11, 24, hour, minute, tzinfo=UTC),
            cursor=self.cursor,  # type: ignore[arg-type]
        )
        self.cursor = found.cursor
        asked = {view: sorted(found.get_requested_partitions(asset_key(view))) for view in (ENERGY, ROOMS)}
        return {view: [str(day) for day in days] for view, days in asked.items() if days}


def test_a_late_day_is_viewed_again_with_the_day_after_it_once_an_hour(tmp_path: Path) -> None:
    now = datetime(2026, 11, 24, 9, tzinfo=UTC)
    follower = Follower(household(tmp_path, now, "UTC", HOMEIQ_START_DATE="2026-11-10"))
    for asset in (EVENTS, PRICES, RATES, ENERGY, ROOMS):
        follower.updated(asset, *DAYS)
    follower.look(9, 5)
    follower.look(9, 11)
    follower.updated(EVENTS, "2026-11-20")
    follower.updated(RATES, "2026-11-22")

    assert follower.look(9, 31) == {
        ENERGY: ["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23"],
        ROOMS: ["2026-11-20", "2026-11-21"],
    }
    follower.updated(EVENTS, "2026-11-20")
    assert follower.look(9, 46) == {}, "not again before ten past"
    assert follower.look(10, 11) == {view: ["2026-11-20", "2026-11-21"] for view in (ENERGY, ROOMS)}


def test_what_is_older_than_the_look_back_stays(tmp_path: Path) -> None:
    now = datetime(2026, 11, 24, 9, tzinfo=UTC)
    follower = Follower(household(tmp_path, now, "UTC", HOMEIQ_START_DATE="2026-11-10"))
    for asset in (EVENTS, PRICES, RATES, ENERGY, ROOMS):
        follower.updated(asset, *DAYS)
    follower.look(9, 5)
    follower.look(9, 11)
    long_ago = datetime(2026, 11, 24) - timedelta(days=12)
    follower.updated(EVENTS, f"{long_ago:%Y-%m-%d}")

    assert follower.look(10, 11) == {}
