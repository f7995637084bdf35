"""Days that are read from the archive because they were removed, in the columns of the store; each from one place."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from homeiq_assets.archive.opening import open_archive
from homeiq_assets.reading import parts
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS, SMART_METER
from homeiq_assets.window import HOUR, Window, local_day
from homeiq_assets_tests.household import Household, household

NOW = datetime(2025, 11, 20, 10, 7, tzinfo=UTC)
VIENNA = ZoneInfo("Europe/Vienna")
DAYS = [date(2025, 10, 25) + timedelta(days=n) for n in range(4)]
"""the second of them has 25 hours"""
WHOLE = Window(local_day(DAYS[0], VIENNA).start, local_day(DAYS[-1], VIENNA).end)
BOTH = (SMART_METER, HOME_ASSISTANT_EVENTS)


def found(home: Household, measurement: Measurement, window: Window = WHOLE) -> tuple[dict[date, str], pa.Table]:
    """The place of each day, and all rows."""
    told = list(parts(measurement, window, home.home, home.store, open_archive(home.settings)))
    places = [(day, part.source) for part in told for day in part.days]
    assert len(dict(places)) == len(places), "each local day comes from one place"
    return dict(places), pa.concat_tables([measurement.empty(), *(part.rows for part in told)])


@pytest.fixture(scope="module")
def before() -> dict[str, pa.Table]:
    """The rows as they were read before anything was removed."""
    return {}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, before: dict[str, pa.Table]) -> Iterator[Household]:
    """Four days, of which the first three were removed after they were archived."""
    made = household(tmp_path_factory.mktemp("home"), NOW, RETENTION_RAW_DAYS="home_assistant_events=7")
    span = (DAYS[0].isoformat(), DAYS[-1].isoformat())
    for measurement in BOTH:
        name = measurement.name
        tiers = (f"tiers/{name}_hourly", f"tiers/{name}_daily")
        for assets in ((f"feeds/{name}",), tiers, (f"archive/{name}",)):
            assert made.materialise(*assets, days=span).success
        before[name] = found(made, measurement)[1]
        assert made.materialise(f"retention/{name}", days=(span[0], DAYS[2].isoformat())).success
    yield made
    made.instance.dispose()


@pytest.mark.parametrize("measurement", BOTH, ids=lambda one: one.name)
def test_removed_days_come_from_the_archive_in_identical_rows(
    home: Household, before: dict[str, pa.Table], measurement: Measurement
) -> None:
    places, rows = found(home, measurement)

    assert places == dict.fromkeys(DAYS[:3], "archive") | {DAYS[3]: "store"}
    assert before[measurement.name].num_rows > 1000
    assert rows.equals(before[measurement.name])


def test_a_part_of_a_removed_day_is_that_part(home: Household, before: dict[str, pa.Table]) -> None:
    long = local_day(DAYS[1], VIENNA)
    part = Window(long.start + 2 * HOUR, long.end - 3 * HOUR)

    places, rows = found(home, SMART_METER, part)

    assert places == {DAYS[1]: "archive"}
    assert rows.num_rows == 20 * 12
    assert set(rows["time"].to_pylist()) <= set(before["smart_meter"]["time"].to_pylist())


def test_rows_that_came_late_into_a_removed_day_do_not_hide_the_archived_ones(
    home: Household, before: dict[str, pa.Table]
) -> None:
    noon = Window(local_day(DAYS[1], VIENNA).start + 12 * HOUR, local_day(DAYS[1], VIENNA).end)
    late = before["smart_meter"].slice(0, 0)
    rows = before["smart_meter"].to_pylist()
    chosen = [row for row in rows if row["time"] in noon][:2]
    late = pa.Table.from_pylist(chosen, schema=SMART_METER.arrow)
    home.store.put(SMART_METER, late)
    try:
        places, read = found(home, SMART_METER)
    finally:
        home.store.delete(SMART_METER, noon)

    assert places[DAYS[1]] == "archive"
    assert read.equals(before["smart_meter"])


def test_a_day_that_neither_place_has_is_not_there(home: Household) -> None:
    empty = Window(WHOLE.end, WHOLE.end + 48 * HOUR)

    assert found(home, SMART_METER, empty) == ({}, SMART_METER.empty())
