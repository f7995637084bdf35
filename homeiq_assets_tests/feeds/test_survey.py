"""How a feed's stored days look: as many intervals as their real length has, and no unbelievable values."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from homeiq_assets.feeds.collect import StoredDay, survey
from homeiq_assets.schema.measurement import Measurement, rows_of
from homeiq_assets.schema.measurements import AIR_QUALITY, CARBON_INTENSITY, ELECTRICITY_PRICING, FX_RATE, SMART_METER
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets.window import Window, ceil_to, local_day

VIENNA, LORD_HOWE = "Europe/Vienna", "Australia/Lord_Howe"
LATER = datetime(2025, 12, 1, tzinfo=UTC)
FIVE, QUARTER, HOUR, DAY = timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> EmbeddedStore:
    return EmbeddedStore(tmp_path / "store")


def fill(store: EmbeddedStore, window: Window, step: timedelta, *, without: tuple[int, ...] = ()) -> None:
    """Prices in every slot that begins in the window, except those numbered in `without`."""
    first = ceil_to(window.start, step)
    slots = [first + n * step for n in range(-((first - window.end) // step))]
    rows = [
        {"time": at, "provider": "test", "currency": "EUR", "current_price": 0.25}
        for n, at in enumerate(slots)
        if n not in without
    ]
    store.replace(ELECTRICITY_PRICING, rows_of(ELECTRICITY_PRICING, rows), window)


def look(
    store: EmbeddedStore,
    day: date,
    zone: str = VIENNA,
    step: timedelta | None = HOUR,
    now: datetime = LATER,
    measurement: Measurement = ELECTRICITY_PRICING,
    field: str = "current_price",
    late: timedelta | None = None,
) -> StoredDay:
    (found,) = survey(measurement, store, [day], field, {day: step} if step else {}, now, ZoneInfo(zone), late)
    return found


def test_what_a_vendor_may_still_publish_is_not_missing_yet(store: EmbeddedStore) -> None:
    day = local_day(date(2025, 7, 1), ZoneInfo(VIENNA))
    noon = day.start + 12 * HOUR
    fill(store, Window(day.start, day.start + 7 * HOUR), FIVE)

    assert look(store, date(2025, 7, 1), step=FIVE, now=noon).short
    patient = look(store, date(2025, 7, 1), step=FIVE, now=noon, late=6 * HOUR)
    assert (patient.intervals, patient.expected) == (72, 72)
    assert look(store, date(2025, 7, 1), step=FIVE, now=day.end + 6 * HOUR, late=6 * HOUR).short


@pytest.mark.parametrize(
    ("zone", "day", "step", "intervals"),
    [
        (VIENNA, date(2025, 3, 30), HOUR, 23),
        (VIENNA, date(2025, 7, 1), HOUR, 24),
        (VIENNA, date(2025, 10, 26), HOUR, 25),
        (VIENNA, date(2025, 3, 30), QUARTER, 92),
        (VIENNA, date(2025, 10, 26), QUARTER, 100),
        (LORD_HOWE, date(2025, 10, 5), QUARTER, 94),
        (LORD_HOWE, date(2025, 10, 5), FIVE, 282),
        (LORD_HOWE, date(2025, 4, 6), QUARTER, 98),
        (LORD_HOWE, date(2025, 4, 6), FIVE, 294),
        # An hour of the market begins on the UTC hour, which in these zones is half past by the clock.
        (LORD_HOWE, date(2025, 10, 5), HOUR, 23),
        (LORD_HOWE, date(2025, 4, 6), HOUR, 25),
        ("Asia/Kolkata", date(2025, 7, 1), HOUR, 24),
        ("Asia/Kathmandu", date(2025, 7, 1), QUARTER, 96),
    ],
)
def test_a_day_is_expected_to_hold_as_many_intervals_as_its_real_length_has(
    zone: str, day: date, step: timedelta, intervals: int, store: EmbeddedStore
) -> None:
    fill(store, local_day(day, ZoneInfo(zone)), step)

    whole = look(store, day, zone, step)

    assert (whole.rows, whole.intervals, whole.expected, whole.short) == (intervals, intervals, intervals, False)


@pytest.mark.parametrize("day", [date(2025, 3, 30), date(2025, 7, 1), date(2025, 10, 26)])
def test_a_day_with_one_interval_missing_is_short(day: date, store: EmbeddedStore) -> None:
    fill(store, local_day(day, ZoneInfo(VIENNA)), HOUR, without=(7,))

    found = look(store, day)

    assert found.expected is not None
    assert found.intervals == found.expected - 1
    assert found.short


def test_a_daily_rate_is_one_a_day_also_when_the_clock_changes(store: EmbeddedStore) -> None:
    for day in (date(2025, 3, 30), date(2025, 7, 1), date(2025, 10, 26)):
        assert look(store, day, step=DAY, measurement=FX_RATE, field="rate").expected == 1


def test_a_day_without_a_reference_rate_is_not_short(store: EmbeddedStore) -> None:
    sunday = look(store, date(2025, 7, 6), step=None, measurement=FX_RATE, field="rate")

    assert (sunday.expected, sunday.short) == (None, False)


@pytest.mark.parametrize(
    ("hour", "minute", "expected"),
    [(0, 0, 0), (0, 20, 2), (0, 29, 3), (12, 0, 142), (23, 59, 285), (24, 0, 286), (24, 9, 287), (24, 10, 288)],
)
def test_slots_that_may_not_be_published_yet_are_not_missed(
    hour: int, minute: int, expected: int, store: EmbeddedStore
) -> None:
    day = local_day(date(2025, 7, 1), ZoneInfo(VIENNA))
    now = day.start + timedelta(hours=hour, minutes=minute)

    found = look(store, date(2025, 7, 1), step=None, now=now, measurement=SMART_METER, field="total_power_w")

    assert found.expected == expected
    assert found.short == (expected > 0)


def test_a_day_that_has_not_begun_misses_nothing_and_its_published_prices_are_no_intervals_yet(
    store: EmbeddedStore,
) -> None:
    tomorrow = date(2025, 11, 5)
    fill(store, local_day(tomorrow, ZoneInfo(VIENNA)), HOUR)

    found = look(store, tomorrow, now=datetime(2025, 11, 4, 14, tzinfo=UTC))

    assert (found.rows, found.intervals, found.expected, found.short) == (24, 0, 0, False)
    assert found.chart.num_rows == 24


def test_without_a_known_step_nothing_is_expected(store: EmbeddedStore) -> None:
    found = look(store, date(2025, 7, 1), step=None)

    assert (found.intervals, found.expected, found.short) == (0, None, False)


def test_the_measurements_own_step_is_used_where_no_answer_told_one(store: EmbeddedStore) -> None:
    found = look(store, date(2025, 7, 1), step=None, measurement=AIR_QUALITY, field="aqi")

    assert (found.expected, found.short) == (24, True)


def test_a_step_told_for_a_day_stands_above_the_measurements_own(store: EmbeddedStore) -> None:
    found = look(store, date(2025, 7, 1), step=HOUR, measurement=SMART_METER, field="total_power_w")

    assert found.expected == 24


def test_several_series_at_one_time_are_one_interval(store: EmbeddedStore) -> None:
    day = date(2025, 7, 1)
    window = local_day(day, ZoneInfo(VIENNA))
    rows = [
        {"time": window.start + n * HOUR, "location": "48,16", "parameter": parameter, "aqi": 40}
        for n in range(24)
        for parameter in ("PM2.5", "Ozone")
    ]
    store.replace(AIR_QUALITY, rows_of(AIR_QUALITY, rows), window)

    found = look(store, day, step=None, measurement=AIR_QUALITY, field="aqi")

    assert (found.rows, found.intervals, found.expected) == (48, 24, 24)


def test_unbelievable_values_are_named_with_day_range_and_unit(store: EmbeddedStore) -> None:
    day = date(2025, 7, 1)
    window = local_day(day, ZoneInfo(VIENNA))
    values = [(-999.0, 40.0), (250.0, 100.0), (None, 101.5)]
    rows = [
        {
            "time": window.start + n * HOUR,
            "region": "AT",
            "carbon_intensity_gco2_kwh": carbon,
            "renewable_percentage": share,
            "fossil_percentage": 50.0,
        }
        for n, (carbon, share) in enumerate(values)
    ]
    store.replace(CARBON_INTENSITY, rows_of(CARBON_INTENSITY, rows), window)

    found = look(store, day, measurement=CARBON_INTENSITY, field="carbon_intensity_gco2_kwh")

    assert found.beyond == [
        "2025-07-01 carbon_intensity_gco2_kwh: -999 .. 250 g/kWh",
        "2025-07-01 renewable_percentage: 40 .. 101.5 %",
    ]
    assert found.chart["carbon_intensity_gco2_kwh"].to_pylist() == [-999.0, 250.0]


def test_days_are_surveyed_in_the_order_asked_each_with_its_own_rows(store: EmbeddedStore) -> None:
    zone = ZoneInfo(VIENNA)
    fill(store, local_day(date(2025, 10, 25), zone), HOUR)
    fill(store, local_day(date(2025, 10, 26), zone), QUARTER)
    asked = [date(2025, 10, 25), date(2025, 10, 26), date(2025, 10, 27)]
    steps = {asked[0]: HOUR, asked[1]: QUARTER, asked[2]: QUARTER}

    found = list(survey(ELECTRICITY_PRICING, store, asked, "current_price", steps, LATER, zone))

    assert [(day.day, day.intervals, day.expected, day.short) for day in found] == [
        (asked[0], 24, 24, False),
        (asked[1], 100, 100, False),
        (asked[2], 0, 96, True),
    ]
    assert all(isinstance(day.chart, pa.Table) for day in found)
