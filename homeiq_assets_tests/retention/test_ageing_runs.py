"""A week of nights by real Dagster runs, and the same week by plain functions: in the end both homes hold the same."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.archive.opening import open_archive
from homeiq_assets.home import Home, open_home
from homeiq_assets.ledger.removed_days import Ledger, State
from homeiq_assets.retention.ages import Level, age, last_due
from homeiq_assets.retention.archiving import archive_days, archive_months
from homeiq_assets.retention.removal import remove_days
from homeiq_assets.retention.restoring import restore_days
from homeiq_assets.retention.targets import DailyTarget, HourlyTarget, RawTarget
from homeiq_assets.schema.measurements import SMART_METER, tier_of
from homeiq_assets.schema.retention import RETENTION_OPERATIONS
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets.tiers.raw import opened_raw
from homeiq_assets.tiers.roll import roll_daily, roll_hourly
from homeiq_assets.window import Window, local_date, local_day
from homeiq_assets_tests.household import Household, failure_of, household, settings_in

pytestmark = pytest.mark.slow

AGES = {"RETENTION_RAW_DAYS": "smart_meter=5", "RETENTION_HOURLY_DAYS": "6", "RETENTION_DAILY_DAYS": "7"}
FIRST, NIGHT = date(2025, 3, 27), timedelta(hours=3)
BEFORE = [FIRST + timedelta(days=number) for number in range(3)]
WEEK = [BEFORE[-1] + timedelta(days=number) for number in range(1, 8)]
"""with the change of the clocks on its first day, and the end of March in it"""
MARCH = date(2025, 3, 1)
METER, VIENNA = SMART_METER.name, ZoneInfo("Europe/Vienna")


def run(home: Household, *assets: str, days: tuple[date, date]) -> None:
    result = home.materialise(*assets, days=(days[0].isoformat(), days[1].isoformat()))
    assert result.success, failure_of(result)


def due(home: Home, level: Level) -> date:
    """The day that goes tonight."""
    days = age(SMART_METER, level, home.settings)
    assert days is not None
    return last_due(days, local_date(home.now(), home.zone))


def by_runs(home: Household, days: list[date]) -> None:
    """A night by the assets: what was said of these days, and what is old enough to go."""
    names = (f"feeds/{METER}", f"tiers/{METER}_hourly", f"tiers/{METER}_daily", f"archive/{METER}")
    run(home, *names, days=(days[0], days[-1]))
    if local_date(home.clock.now, home.zone).day == 1:
        run(home, f"archive/{METER}_daily", days=(MARCH, MARCH))
    for level in Level:
        if (goes := due(home.home, level)) >= FIRST:
            run(home, f"retention/{level.of(SMART_METER).name}", days=(goes, goes))


def by_functions(home: Home, store: EmbeddedStore, days: list[date], said: EmbeddedStore) -> None:
    """The same night by plain functions; the meter's rows are those that the runs stored."""
    archive = open_archive(home.settings)
    for day in days:
        window = local_day(day, home.zone)
        store.replace(SMART_METER, said.read(SMART_METER, window), window)
    with opened_raw(SMART_METER, home, store) as raw:
        list(roll_hourly(raw, days, home, store))
        list(roll_daily(raw, days, home, store))
        list(archive_days(raw, days, home, archive, store))
        if local_date(home.now(), home.zone).day == 1:
            list(archive_months(SMART_METER, [MARCH], home, archive, store))
        targets = (
            RawTarget(raw, home, store, archive),
            HourlyTarget(raw, home, store),
            DailyTarget(SMART_METER, home, store, archive),
        )
        for level, target in zip(Level, targets, strict=True):
            if (goes := due(home, level)) >= FIRST:
                old = age(SMART_METER, level, home.settings)
                list(remove_days(target, [goes], home, store, age=old or 0, red={}))


def files(folder: Path) -> dict[str, bytes]:
    """The files of store and archive, but for locks and the record of what the runs did."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for part in ("store", "archive")
        for path in sorted((folder / part).rglob("*"))
        if path.is_file() and path.name != ".lock" and RETENTION_OPERATIONS.name not in path.parts
    }


def test_a_week_of_runs_leaves_what_a_week_of_plain_functions_leaves(tmp_path: Path) -> None:
    variables = {"METER_TYPE": "simulated", "HOMEIQ_START_DATE": "2025-03-01", **AGES}
    runs = household(tmp_path / "runs", local_day(BEFORE[-1], VIENNA).end + NIGHT, **variables)
    settings = settings_in(tmp_path / "plain", HOMEIQ_TIMEZONE="Europe/Vienna", **variables)
    plain = replace(open_home(settings), now=runs.clock)
    store = EmbeddedStore(tmp_path / "plain" / "store")

    for days in (BEFORE, *([day] for day in WEEK)):
        runs.clock.now = local_day(days[-1], VIENNA).end + NIGHT
        by_runs(runs, days)
        by_functions(plain, store, days, runs.store)

    assert files(tmp_path / "runs") == files(tmp_path / "plain")
    whole = Window(local_day(FIRST, VIENNA).start, runs.clock.now)
    gone = {level: Ledger(store, VIENNA).entries(level.of(SMART_METER).name, whole) for level in Level}
    assert {level.value: len(days) for level, days in gone.items()} == {"raw": 5, "hourly": 4, "daily": 3}
    assert {entry.state for days in gone.values() for entry in days.values()} == {State.REMOVED}
    assert not runs.stored(tier_of(SMART_METER, "daily"), f"{FIRST}").num_rows

    run(runs, f"restore/{METER}", days=(FIRST, WEEK[1]))
    restored = restore_days(SMART_METER, [*BEFORE, *WEEK[:2]], plain, store, open_archive(settings))
    assert sum(one.put for one in restored) == 5 * 288 - 12, "five days, of which one has 23 hours"
    assert files(tmp_path / "runs") == files(tmp_path / "plain")
    runs.instance.dispose()
