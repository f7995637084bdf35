"""The one place that assembles the project's definitions from settings."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from homeiq_assets.defs.archive import archive_assets
from homeiq_assets.defs.automation.checks import reading_age_checks
from homeiq_assets.defs.automation.overdue import overdue_sensor
from homeiq_assets.defs.automation.schedules import schedules, sensors
from homeiq_assets.defs.events import event_assets
from homeiq_assets.defs.feeds import feed_asset, vendor_key
from homeiq_assets.defs.insights import insight_assets, notable_checks
from homeiq_assets.defs.partitions import Grid, grid
from homeiq_assets.defs.resources import resources
from homeiq_assets.defs.retention import ageings, removal_assets, restore_assets
from homeiq_assets.defs.storage_report import storage_report
from homeiq_assets.defs.tiers import tier_assets
from homeiq_assets.defs.views import view_assets
from homeiq_assets.feeds import registry
from homeiq_assets.feeds.catalog import EVENTS, FEEDS, raw_of
from homeiq_assets.feeds.feed import Feed
from homeiq_assets.home import Home, open_home
from homeiq_assets.settings.variables import load


def aged(feed: Feed, home: Home, days: Grid) -> list[dg.AssetsDefinition]:
    """What becomes of a feed's days as they age: tiers, archive, removal, restore."""
    raw = raw_of(feed)
    return [
        *tier_assets(raw, feed, home, days),
        *archive_assets(raw, feed, home, days),
        *removal_assets(raw, feed, home, days),
        *restore_assets(raw, home, days),
    ]


def build_defs(home: Home | None = None, replaced: Mapping[str, Any] | None = None) -> dg.Definitions:
    """All assets, checks, schedules, sensors and resources of a home; of the environment's where None.

    Never fails for a setting: what needs a wrong one fails when it runs. `replaced` are resources
    by name in place of those that the settings say, such as `influxdb`, `s3` or a vendor.
    """
    home = home or open_home(load())
    days = grid(home)
    polled = [feed for feed in FEEDS if registry.serves(feed, home.settings)]
    watched = [feed for feed in FEEDS if registry.observed(feed, home.settings)]
    assets = [
        *(feed_asset(feed, home, days) for feed in FEEDS if feed is not EVENTS),
        *event_assets(home, days),
        *view_assets(home, days),
        *insight_assets(home, days),
        *(asset for feed in FEEDS for asset in aged(feed, home, days)),
        storage_report(home, days),
    ]
    vendors = sorted({registry.choice(feed, home.settings) for feed in polled})
    return dg.Definitions(
        assets=[
            *dg.with_source_code_references(assets),
            *(
                dg.AssetSpec(vendor_key(name), group_name="vendors", kinds={"api"}, description=f"What {name} says.")
                for name in vendors
            ),
        ],
        asset_checks=[*reading_age_checks([*polled, *watched]), *notable_checks(polled)],
        schedules=schedules(
            polled,
            home,
            watched,
            [one for feed in FEEDS for one in ageings(raw_of(feed), feed, home)],
            dg.AssetKey(["retention", "storage_report"]),
        ),
        sensors=[*sensors(home), *([overdue_sensor(polled, home)] if polled else [])],
        resources=resources(home, replaced or {}),
        executor=dg.in_process_executor,
    )
