"""Data checks: what a feed's stored days look like, and how old the newest reading is.

The freshness policy beside them only knows when something was materialised; the age of the newest
reading is what tells a vendor that repeats itself from one that reports.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

import dagster as dg

from homeiq_assets.defs.common.failures import owner_errors
from homeiq_assets.events.opening import opened_events
from homeiq_assets.feeds.collect import StoredDay
from homeiq_assets.feeds.feed import Feed
from homeiq_assets.feeds.registry import observed, paced
from homeiq_assets.home import Home
from homeiq_assets.stores.base import Replaced, Store
from homeiq_assets.vendors.skipped import Skipped

CHECKS = {
    "bounds": "Every value lies within its field's believable bounds.",
    "gaps": "Every day holds as many intervals as its real length (23, 24 or 25 hours) has.",
    "resolution": "No answer was coarser than what is stored already.",
    "removed_days": "No answer brought a part of a day whose rows were removed.",
    "skipped": "All that was asked for came, and all that came could be used.",
    "unfillable_days": "No closed day lacks rows that its vendor did not have when it was asked twice.",
}
BOUNDS_CHECK = "bounds"
"""The check of what is made of readings: that none had to be left out, and no result is beyond belief."""
AGE_CHECK = "newest_reading"
NOTABLE_CHECKS = {
    "air_quality": ("category_changes", "The AQI's category did not change in the last 24 hours."),
    "smart_meter": ("high_load", "The home drew no more than HIGH_LOAD_KW in the last 24 hours."),
}
"""By feed, the name and the meaning of the check that points out what an owner wants to be told."""
LISTED = 20
"""How many days or fields a check lists; more only cost bytes of event log."""


def feed_checks(
    days: Sequence[StoredDay],
    replaced: Replaced,
    removed: str | None,
    skipped: Skipped,
    unfillable: Sequence[date] = (),
) -> list[dg.AssetCheckResult]:
    """The results of `CHECKS` for the days of a run; all of them warn, none blocks.

    Dagster knows of the last run of a check only: one odd value would hold up all days until the next poll, and then
    none. Of the checks `agrees_with_raw` alone blocks, and its days are asked for one by one (`tiers.assets.red_days`).

    `removed` is what there is to say of rows that came for days whose rows were removed, `skipped` what was left out
    of the answers, `unfillable` are the days of the whole feed that lack rows and are left alone.
    """
    warn = dg.AssetCheckSeverity.WARN
    short = [day for day in days if day.short]
    beyond = [text for day in days for text in day.beyond]
    return [
        dg.AssetCheckResult(
            check_name="bounds", passed=not beyond, severity=warn, metadata={"beyond": beyond[:LISTED]}
        ),
        dg.AssetCheckResult(
            check_name="gaps",
            passed=not short,
            severity=warn,
            metadata={
                "short_days": [f"{day.day}: {day.intervals} of {day.expected}" for day in short[:LISTED]],
                "intervals": sum(day.intervals for day in days),
                "expected": sum(day.expected or 0 for day in days),
            },
        ),
        dg.AssetCheckResult(
            check_name="resolution",
            passed=replaced.refused == 0,
            severity=warn,
            metadata={"rows_refused": replaced.refused},
            description="finer readings are stored for that time and stay" if replaced.refused else None,
        ),
        dg.AssetCheckResult(check_name="removed_days", passed=removed is None, severity=warn, description=removed),
        dg.AssetCheckResult(
            check_name="skipped",
            passed=not skipped.count,
            severity=warn,
            metadata={"skipped": skipped.listed, "count": skipped.count},
            description=skipped.summary() or None,
        ),
        dg.AssetCheckResult(
            check_name="unfillable_days",
            passed=not unfillable,
            severity=warn,
            metadata={"days": [str(day) for day in unfillable[-LISTED:]], "count": len(unfillable)},
            description="the vendor did not have them; materialise them to ask again" if unfillable else None,
        ),
    ]


def bounds_spec(key: Sequence[str]) -> dg.AssetCheckSpec:
    """The check `BOUNDS_CHECK` of an asset."""
    return dg.AssetCheckSpec(
        BOUNDS_CHECK,
        asset=list(key),
        description="Every value lies within its field's believable bounds, and no reading was left out as impossible.",
    )


def bounds_check(beyond: Sequence[str]) -> dg.AssetCheckResult:
    """Its result: `beyond` names what was left out, and what lies beyond its bounds."""
    return dg.AssetCheckResult(
        check_name=BOUNDS_CHECK,
        passed=not beyond,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"beyond": list(beyond[:LISTED]), "found": len(beyond)},
        description=beyond[0] if beyond else None,
    )


def reading_age_checks(feeds: Sequence[Feed]) -> list[dg.AssetChecksDefinition]:
    """One check over all polled and observed feeds: how old the newest reading is, against the feed's limit."""
    specs = [
        dg.AssetCheckSpec(
            AGE_CHECK,
            asset=["feeds", feed.name],
            description="The newest reading is not too old, whenever anything was materialised.",
        )
        for feed in feeds
    ]
    by_key = {spec.asset_key: feed for spec, feed in zip(specs, feeds, strict=True)}
    if not specs:
        return []

    @dg.multi_asset_check(specs=specs, can_subset=True, name="newest_readings")
    def newest_readings(
        context: dg.AssetCheckExecutionContext, home: dg.ResourceParam[Home], store: dg.ResourceParam[Store]
    ) -> Iterator[dg.AssetCheckResult]:
        now = home.now()
        for key in sorted(context.selected_asset_check_keys, key=str):
            feed = by_key[key.asset_key]
            with owner_errors():
                newest = _newest(feed, home, store)
            age = max(now - newest, timedelta()) if newest is not None else None
            shown = f"{newest:%Y-%m-%d %H:%M} UTC" if newest is not None else "none"
            limit = paced(feed, home.settings).late
            late = age is None or age > limit
            yield dg.AssetCheckResult(
                asset_key=key.asset_key,
                check_name=key.name,
                passed=not late,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={
                    "newest_reading": shown,
                    "age_minutes": -1.0 if age is None else round(age / timedelta(minutes=1), 1),
                    "limit_minutes": limit / timedelta(minutes=1),
                },
                description=("no reading yet" if age is None else f"stale since {shown}") if late else None,
            )

    return [newest_readings]


def _newest(feed: Feed, home: Home, store: Store) -> datetime | None:
    if not observed(feed, home.settings):
        return store.newest(feed.measurement)
    with opened_events(home, store) as events:
        return events.newest()
