"""The feeds as assets, by one factory: their options in Dagster, and the run of a poll or a backfill."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import dagster as dg

from homeiq_assets.defs.automation.checks import CHECKS, feed_checks
from homeiq_assets.defs.common.charts import day_chart
from homeiq_assets.defs.common.failures import owner_errors
from homeiq_assets.defs.common.options import FILL_TAG, common, day_metadata, store_kind
from homeiq_assets.defs.partitions import Grid, days_of, days_window
from homeiq_assets.defs.resources import Vendor
from homeiq_assets.feeds.collect import Collected, StoredDay, collect, survey
from homeiq_assets.feeds.feed import Feed, poll_window
from homeiq_assets.feeds.provider import Provider
from homeiq_assets.feeds.registry import choice, paced, provider_of, serves
from homeiq_assets.home import Home
from homeiq_assets.ledger import gaps
from homeiq_assets.ledger.refilling import Refilled, closed_days, refill
from homeiq_assets.schema.bounds import bounded
from homeiq_assets.settings.variables import ttl
from homeiq_assets.stores.base import Replaced, Store
from homeiq_assets.vendors import answer_cache, circuit_breaker, skipped
from homeiq_assets.window import local_day

POLL_TAG = "homeiq/poll"
LISTED = 5
"""How many days without rows a failure names."""


def feed_asset(feed: Feed, home: Home, grid: Grid) -> dg.AssetsDefinition:
    """The asset of a feed that a provider fills."""

    @dg.asset(**_options(feed, home, grid))
    def feed_days(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        return _run(context, feed, context.resources.home, context.resources.store)

    return feed_days


def _options(feed: Feed, home: Home, grid: Grid) -> dict[str, Any]:
    """Keyword arguments of a feed's `@dg.asset`."""
    provider = choice(feed, home.settings)
    polled = serves(feed, home.settings)
    options = common(
        "feeds",
        feed.measurement,
        home,
        kinds={store_kind(home), provider},
        fresh=max(4 * feed.interval, timedelta(minutes=30)) if polled else None,
        pool=provider,
    )
    options["key"] = ["feeds", feed.name]
    return options | {
        "description": feed.description,
        "partitions_def": grid.feeds,
        "deps": [vendor_key(provider)] if polled else [],
        "tags": {"homeiq/provider": provider},
        # Which vendor a feed asks is the settings' to say, so its resource has no fixed name to be an argument.
        "required_resource_keys": {"home", "store", *([provider] if polled else [])},
        "check_specs": [
            dg.AssetCheckSpec(name, asset=options["key"], description=text) for name, text in CHECKS.items()
        ],
    }


def vendor_key(provider: str) -> dg.AssetKey:
    """The external asset that stands for a vendor."""
    return dg.AssetKey(["vendors", provider])


@dataclass
class _Came:
    """The answers of a run so far, added up.

    `left` are days that stay removed, `refused` is what the provider said of days that it has no history of.
    """

    received: Counter[date] = field(default_factory=Counter)
    total: Counter[str] = field(default_factory=lambda: Counter(asdict(Replaced())))
    steps: dict[date, timedelta] = field(default_factory=dict)
    finished: list[date] = field(default_factory=list)
    short: list[date] = field(default_factory=list)
    left: list[date] = field(default_factory=list)
    refused: dict[date, str] = field(default_factory=dict)

    def add(self, part: Collected, refilled: Refilled) -> None:
        """A chunk that is stored."""
        self.received.update(part.received)
        self.total.update(asdict(part.replaced))
        self.steps.update({day: max(step, self.steps.get(day, step)) for day, step in part.steps.items()})
        self.finished.extend(part.finished)
        self.short.extend(refilled.short)
        self.left.extend(part.left)
        if part.refused is not None:
            self.refused |= {day: str(part.refused) for day, rows in part.received.items() if not rows}


def _run(context: dg.AssetExecutionContext, feed: Feed, home: Home, store: Store) -> dg.MaterializeResult:
    """Materialise the run's partitions: a poll where the run says so, else the days from the provider's history.

    A day that should have rows by now and has none is not materialised. Raises Failure for it.
    """
    now, began = home.now(), time.monotonic()
    feed = paced(feed, home.settings)
    polling = POLL_TAG in context.run.tags
    own = days_of(context.partition_keys, home.zone)
    came = _Came()
    # A poll's next try is the next poll: the other feeds of its run are waiting.
    with owner_errors(retried=not polling):
        provider = _provider(context, feed, home)
        if polling:
            window = poll_window(feed, now, home.zone, store.newest(feed.measurement))
        else:
            window = days_window(own, home.zone)
        try:
            # A failed poll counts towards leaving the vendor alone; asked for its past, it is always asked.
            with skipped.noting(now) as left_out, _polled(feed, provider, home, now) if polling else nullcontext():
                for part in collect(
                    provider, store, window, now, home.zone, lambda part: closed_days(feed.name, part, home, store)
                ):
                    if polling and part.refused is not None:
                        raise part.refused
                    found = refill(feed.name, part.window, part.covers, part.received, part.steps, home, store)
                    came.add(part, found)
        except Exception:
            if not polling:
                _record_finished(context, came.finished, came.received)
            raise
        skipped.remember(home.settings, feed.name, left_out, polled=polling)
        if not polling:
            circuit_breaker.over(home.settings, feed.family, provider.name)
        touched = _touched(came.received, own) if polling and came.total["written"] + came.total["removed"] else []
        days = sorted({*own, *touched})
        filling = FILL_TAG in context.run.tags
        record = gaps.keep_found(
            feed, days, came.received, came.steps, came.refused, home, store, asked=not polling, filling=filling
        )
        steps = {day: step for day in days if (step := record.step(feed, day))} | came.steps
        measurement = bounded(feed.measurement, home.settings.homeiq_max_power_kw)
        surveyed = list(survey(measurement, store, days, feed.chart, steps, now, home.zone, feed.reach))
    _materialise(context, feed, home, surveyed, came, touched)
    return dg.MaterializeResult(
        metadata={
            "provider": provider.name,
            "window": str(window),
            **{f"rows {name}": count for name, count in came.total.items()},
            "skipped": left_out.summary() or "nothing",
            "seconds": round(time.monotonic() - began, 3),
        },
        check_results=feed_checks(
            surveyed,
            Replaced(**came.total),
            Refilled(short=came.short, left=came.left).told(feed.name),
            left_out,
            record.unfillable,
        ),
    )


def _provider(context: dg.AssetExecutionContext, feed: Feed, home: Home) -> Provider:
    """The provider by the vendor's resource. Raises SettingError, also where no vendor serves the feed."""
    if not serves(feed, home.settings):
        return provider_of(feed, home.settings, home.zone)
    vendor: Vendor = getattr(context.resources, choice(feed, home.settings))
    return vendor.provider(feed)


def _materialise(
    context: dg.AssetExecutionContext,
    feed: Feed,
    home: Home,
    surveyed: Sequence[StoredDay],
    came: _Came,
    touched: Sequence[date],
) -> None:
    """Tell Dagster of the days. Raises Failure where some of them should have rows and have none."""
    # A day that was removed by age has no rows of its own: the check `removed_days` says what came of it.
    removed = {*came.left, *came.short}
    lacking = {one.day for one in surveyed if one.day in came.refused or _lacks_all(feed, home, one)}
    left = lacking - removed
    for day in (day for day in surveyed if day.day not in left):
        metadata = _metadata(feed, home, day, came.received[day.day])
        if left or day.day in touched:
            event = dg.AssetMaterialization(context.asset_key, partition=day.day.isoformat(), metadata=metadata)
            context.log_event(event)
        else:
            context.add_asset_metadata(metadata, asset_key=context.asset_key, partition_key=day.day.isoformat())
    if left:
        name = choice(feed, home.settings)
        raise _without_rows({day: came.refused.get(day, f"{name} has no rows of it") for day in sorted(left)}, surveyed)


@contextmanager
def _polled(feed: Feed, provider: Provider, home: Home, now: datetime) -> Iterator[None]:
    with (
        circuit_breaker.watched(home.settings, feed.family, provider.name, now),
        answer_cache.polled(now, ttl(home.settings, feed.family)),
    ):
        yield


def _metadata(feed: Feed, home: Home, day: StoredDay, received: int) -> Mapping[str, Any]:
    chart = None
    if feed.chart is not None:
        chart = day_chart(day.chart, local_day(day.day, home.zone), feed.measurement.field(feed.chart).unit)
    return day_metadata(
        day.rows,
        rows_received=received,
        intervals=day.intervals,
        intervals_expected=day.expected,
        chart=dg.MetadataValue.md(chart) if chart else None,
    )


def _lacks_all(feed: Feed, home: Home, day: StoredDay) -> bool:
    """Whether nothing is stored of a day that should have rows by now."""
    if day.rows or feed.sparse:
        return False
    return gaps.over(feed, day.day, home.now(), home) if day.expected is None else day.expected > 0


def _without_rows(left: Mapping[date, str], surveyed: Sequence[StoredDay]) -> dg.Failure:
    shown = [f"{day}: {why}" for day, why in list(left.items())[:LISTED]]
    more = f"\n… and {len(left) - LISTED} more" if len(left) > LISTED else ""
    done = len(surveyed) - len(left)
    return dg.Failure(
        f"Without rows, so not materialised{f' ({done} other days are)' if done else ''}:\n" + "\n".join(shown) + more,
        metadata={"days": [day.isoformat() for day in left]},
        allow_retries=False,
    )


def _record_finished(context: dg.AssetExecutionContext, finished: Sequence[date], received: Counter[date]) -> None:
    """Mark the days that were stored before a later chunk failed, so that a failure costs a chunk only."""
    for day in (day for day in finished if received[day]):
        context.log_event(
            dg.AssetMaterialization(
                context.asset_key,
                partition=day.isoformat(),
                metadata={"rows_received": received[day]},
                description="stored before a later part of the range failed",
            )
        )


def _touched(received: Counter[date], own: Sequence[date]) -> list[date]:
    """The days beside the run's own that a poll brought rows for: yesterday's last, tomorrow's first."""
    return [day for day, rows in received.items() if rows and day not in own]
