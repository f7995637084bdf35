"""Fields that come late to stamps and series of removed days: they stay, and all that was archived stays known too."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from homeiq_assets.archive.days import read_day
from homeiq_assets.archive.months import read_month
from homeiq_assets.ledger.removed_days import Ledger, State
from homeiq_assets.retention.ages import Level
from homeiq_assets.retention.removal import Outcome
from homeiq_assets.schema.measurement import Field, Tag, Type
from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS
from homeiq_assets.settings.variables import home_folder
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets.stores.opening import opened_bucket
from homeiq_assets.window import local_month
from homeiq_assets_tests.retention.old_days import (
    DAILY,
    DAY,
    METER,
    OldDays,
    in_influxdb,
    old_days,
    table_of,
    three_at_night,
)
from homeiq_assets_tests.stores.influxd import Influxd

D = date(2025, 10, 26)
NEXT, MONTH = D + DAY, date(2025, 10, 1)
NOW = three_at_night(D + 8 * DAY)
EVENTS = replace(HOME_ASSISTANT_EVENTS, tags=(), fields=())
"""whatever is stored of the events"""


@pytest.fixture
def home(tmp_path: Path, store: Store) -> OldDays:
    """A day and the one after it, rolled and archived."""
    made = old_days(tmp_path / "home", store, NOW)
    made.meter(D, NEXT)
    made.ready(D, NEXT)
    return made


@pytest.fixture(params=["embedded", pytest.param("influxdb", marks=pytest.mark.influxdb)])
def settled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OldDays]:
    """As `home`, where the settings say."""
    variables = {}
    if request.param == "influxdb":
        influxd: Influxd = request.getfixturevalue("influxd")
        variables = in_influxdb(influxd, influxd.create_bucket())
    made = old_days(tmp_path / "home", None, NOW, **variables)
    made.meter(D, NEXT)
    made.ready(D, NEXT)
    with closing(made.store):
        yield made


@contextmanager
def elsewhere(home: OldDays, name: str) -> Iterator[Store]:
    """The bucket or folder `name`, which a restore may name."""
    settings = home.home.settings
    if not settings.live:
        yield EmbeddedStore(home_folder(settings) / "restored" / name)
        return
    with closing(opened_bucket(name, settings, "the bucket to restore into", makes=True)) as store:
        yield store


def removed(home: OldDays, *days: date, level: Level = Level.RAW) -> None:
    assert {one.outcome for one in home.remove(*days, level=level)} == {Outcome.REMOVED}


def archived(home: OldDays, day: date) -> pa.Table:
    return read_day(home.measurement, day, home.home.zone, home.archive)


def values(rows: pa.Table) -> dict[Any, Any]:
    """Each value, by its series, time and field."""
    tags = [column.name for column in rows.schema if not column.nullable]
    timed = rows.set_column(0, "time", rows["time"].cast(pa.int64()))
    return {
        (*((tag, row[tag]) for tag in sorted(tags) if row[tag] != ""), name): row[name]
        for row in timed.to_pylist()
        for name in rows.column_names
        if name not in tags and row[name] is not None
    }


def state(home: OldDays, day: date, level: Level = Level.RAW) -> State:
    entry = home.ledger(day, level)
    assert entry is not None
    return entry.state


@pytest.mark.influxdb
def test_a_field_written_late_to_an_event_that_was_removed_costs_none_of_its_archived_values(
    tmp_path: Path, influxd: Influxd
) -> None:
    bucket = influxd.create_bucket()
    home = old_days(
        tmp_path / "home",
        None,
        NOW,
        measurement=HOME_ASSISTANT_EVENTS,
        stored_as=EVENTS,
        EVENTS_SOURCE="homeiq",
        EVENTS_INFLUXDB_BUCKET=bucket,
        RETENTION_RAW_DAYS="home_assistant_events=7",
        **in_influxdb(influxd, influxd.create_bucket()),
    )
    series = "home_assistant_events,area=cellar,device_class=energy,domain=sensor,entity_id=meter"
    stamps = [int(home.window(day).start.timestamp()) * 10**9 + 3_600 * 10**9 for day in (D, NEXT)]
    readings = zip((110, 120), stamps, strict=True)
    influxd.write(bucket, "\n".join(f'{series} state="{said}",normalized_value={said} {at}' for said, at in readings))

    def there() -> list[tuple[Any, ...]]:
        with closing(opened_bucket(bucket, home.home.settings)) as store:
            rows = store.whole(EVENTS, home.window(D))[1]
        return [(row["state"], row["normalized_value"], row.get("energy_consumption")) for row in rows.to_pylist()]

    with closing(home.store):
        home.ready(D, NEXT)
        removed(home, D)
        influxd.write(bucket, f"{series} energy_consumption=0.5 {stamps[0]}")
        (late,) = home.remove(D)
        assert late.outcome is Outcome.LATE
        assert late.reason == (
            "1 rows of home_assistant_events came after it was removed; they stay, and are not in what was made of it. "
            f"Restore first (restore/home_assistant_events of {D}, with `bucket: {bucket}` in its config), then "
            "materialise what follows"
        )

        (restored,) = home.restore(D, bucket=bucket)
        home.ready(D)

        assert (restored.rows, restored.put) == (1, 1)
        assert there() == [("110", 110.0, 0.5)]
        (row,) = archived(home, D).to_pylist()
        assert (row["state"], row["normalized_value"], row["energy_consumption"]) == ("110", 110.0, 0.5)
        removed(home, D)
        home.restore(D, bucket=bucket)
        assert there() == [("110", 110.0, 0.5)]


@pytest.mark.parametrize(
    "late",
    [
        {"total_power_w": 1.5},
        {"daily_kwh": 77.0, "note": "late"},
        {"note": ""},
        {"pulses": 2**53 + 7},
        {"total_power_w": 1.5, "daily_kwh": 2.5, "pulses": 3, "note": "all"},
    ],
    ids=", ".join,
)
def test_a_late_row_wins_field_by_field_and_the_archived_ones_come_back(home: OldDays, late: dict[str, Any]) -> None:
    before = values(home.raw(D))
    removed(home, D)
    at = {"time": home.window(D).start, "meter_type": "emporia", "phase": "L1"}
    home.put([at | late])
    expected = before | values(home.raw(D))

    (restored,) = home.restore(D)
    home.ready(D, NEXT)

    assert restored.put in (50, 51)
    assert values(home.raw(D)) == expected
    assert values(archived(home, D)) == expected
    assert home.restore(D)[0].put == 0
    removed(home, D)
    home.restore(D)
    assert values(home.raw(D)) == expected


def test_a_late_row_under_another_area_is_a_series_of_its_own(home: OldDays) -> None:
    before = values(home.raw(D))
    removed(home, D)
    moved = replace(METER, tags=(*METER.tags, Tag("area", identity=False)))
    row = {"time": home.window(D).start, "meter_type": "emporia", "phase": "L1", "area": "cellar", "total_power_w": 1.0}
    home.put([row], moved)
    expected = before | values(home.raw(D))

    home.restore(D)
    home.ready(D, NEXT)

    assert home.raw(D).num_rows == 52
    assert values(home.raw(D)) == expected
    assert values(archived(home, D)) == expected


def test_what_is_restored_elsewhere_is_merged_there_field_by_field(settled: OldDays) -> None:
    before = values(settled.raw(D))
    note = [{"time": settled.window(D).start, "meter_type": "emporia", "phase": "L1", "note": "mine"}]
    with elsewhere(settled, "look") as store:
        store.put(METER, table_of(METER, note))

        settled.restore(D, bucket="look")

        assert values(store.whole(METER, settled.window(D))[1]) == before | values(table_of(METER, note))


def test_a_day_is_not_restored_beside_values_of_another_type_and_the_others_of_the_range_are(settled: OldDays) -> None:
    rows = settled.raw(D)
    texts = replace(METER, fields=(Field("total_power_w", Type.STRING),))
    late = {"time": settled.window(D).start, "meter_type": "emporia", "phase": "L1", "total_power_w": "much"}
    with elsewhere(settled, "other") as store:
        store.put(texts, table_of(texts, [late]))

        left, beside = settled.restore(D, NEXT + 7 * DAY, bucket="other")

        assert "total_power_w (double archived, string stored)" in str(left.left)
        assert "Nothing was changed. Name another bucket in the run's configuration" in str(left.left)
        assert "nothing is archived of smart_meter" in str(beside.left)
        assert values(store.whole(texts, settled.window(D))[1]) == values(table_of(texts, [late]))
    with elsewhere(settled, "another") as store:
        assert settled.restore(D, bucket="another")[0].put == 51
        assert values(store.whole(METER, settled.window(D))[1]) == values(rows)


def test_a_month_of_the_daily_tier_is_merged_field_by_field(home: OldDays) -> None:
    before = values(home.tier("daily", D))
    for level in (Level.RAW, Level.HOURLY):
        removed(home, D, level=level)
    home.archive_months(MONTH)
    removed(home, D, level=Level.DAILY)
    late = table_of(DAILY, [{"time": home.window(D).start, "meter_type": "emporia", "total_power_w_max": 9000.0}])
    home.store.put(DAILY, late)
    assert home.archive_months(MONTH)[0].left is not None
    assert home.remove(D, level=Level.DAILY)[0].outcome is Outcome.LATE

    (restored,) = home.restore_months(MONTH)
    (again,) = home.archive_months(MONTH)

    expected = before | values(late)
    assert (restored.rows, restored.put, again.left) == (2, 1, None)
    assert values(home.tier("daily", D)) == expected
    month = read_month(DAILY, local_month(MONTH, home.home.zone), home.home.zone, home.archive)
    assert values(month) == expected | values(home.tier("daily", NEXT))
    removed(home, D, level=Level.DAILY)
    home.restore_months(MONTH)
    assert values(home.tier("daily", D)) == expected


def test_a_day_that_a_feed_filled_again_with_fewer_fields_takes_none_from_its_archive(home: OldDays) -> None:
    before = values(home.raw(D))
    removed(home, D)
    home.store.replace(METER, table_of(METER, [
        {"time": home.window(D).start + n * timedelta(minutes=30), "meter_type": "emporia", "total_power_w": 1.0 + n}
        for n in range(50)
    ]), home.window(D))  # fmt: skip
    again = values(home.raw(D))

    home.archive_raw(D)  # sealed
    home.restore(D)
    home.archive_raw(D)

    assert values(archived(home, D)) == before | again


def test_a_field_that_a_young_restored_day_lacks_again_stays_in_the_archive(home: OldDays) -> None:
    before = values(home.raw(D))
    removed(home, D)
    home.restore(D)
    window = home.window(D)
    home.store.delete(METER, window)
    readings = [
        {"time": time, "meter_type": "emporia", "daily_kwh": 9.0} for time in (window.start, window.end - DAY / 24)
    ]
    home.put(readings)

    (kept,) = home.archive_raw(D)

    assert kept.left is None
    assert values(archived(home, D)) == before | values(home.raw(D))


def test_a_removal_that_was_broken_off_takes_no_late_field_along(home: OldDays) -> None:
    before = values(home.raw(D))
    removed(home, D)
    entry = home.ledger(D)
    assert entry is not None
    home.put([{"time": home.window(D).start, "meter_type": "emporia", "phase": "L1", "note": "late"}])
    late = values(home.raw(D))
    Ledger(home.store, home.home.zone).write("smart_meter", replace(entry, state=State.REMOVING), NOW)

    assert home.remove(D)[0].outcome is Outcome.LATE

    assert values(home.raw(D)) == late
    home.restore(D)
    home.ready(D, NEXT)
    assert values(home.raw(D)) == values(archived(home, D)) == before | late
