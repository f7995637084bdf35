"""What holds for every simulated provider: the same in every run, a slice of one whole, no more than is known yet."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.feeds.registry import PROVIDERS
from homeiq_assets.schema.bounds import out_of_bounds
from homeiq_assets.schema.measurement import TIME
from homeiq_assets.schema.measurements import FEED_MEASUREMENTS
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import HOUR, Window, floor_to, local_day, local_midnight

FAMILY = {
    "carbon_intensity": "carbon",
    "electricity_pricing": "pricing",
    "electricity_pricing_forecast": "pricing",
    "air_quality": "air_quality",
    "occupancy_prediction": "calendar",
    "smart_meter": "meter",
    "smart_meter_circuit": "meter",
    "fx_rate": "fx",
    "home_assistant_history": "events",
}
AHEAD = ("electricity_pricing", "electricity_pricing_forecast", "occupancy_prediction")
SERIES = {"air_quality": 3, "smart_meter_circuit": 5, "fx_rate": 3}
PER_HOUR = {
    "carbon_intensity": 12,
    "electricity_pricing": 1,
    "electricity_pricing_forecast": 1,
    "air_quality": 1,
    "occupancy_prediction": 4,
    "smart_meter": 12,
    "smart_meter_circuit": 12,
}
LATER = datetime(2025, 12, 1, tzinfo=UTC)
VIENNA = "Europe/Vienna"
ZONES = (VIENNA, "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns")
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

every_provider = pytest.mark.parametrize("name", FAMILY)


def provider(name: str, zone: str = VIENNA) -> Provider:
    return PROVIDERS[FAMILY[name]]["simulated"].build(Settings(_env_file=None), ZoneInfo(zone))[name]


def rows(answers: list[Answer]) -> pa.Table:
    """The rows of answers, in the order of tags and time."""
    table = pa.concat_tables(answer.rows for answer in answers)
    names = [column.name for column in table.schema if column.name == "time" or pa.types.is_string(column.type)]
    return table.sort_by([(name, "ascending") for name in sorted(names)]).combine_chunks()


def fetch(name: str, window: Window, now: datetime = LATER, zone: str = VIENNA) -> list[Answer]:
    return list(provider(name, zone).fetch(window, now))


def local(day: date, zone: str = VIENNA) -> Window:
    return local_day(day, ZoneInfo(zone))


def cut(table: pa.Table, window: Window) -> pa.Table:
    inside = pc.and_(
        pc.greater_equal(table["time"], pa.scalar(window.start, TIME)),
        pc.less(table["time"], pa.scalar(window.end, TIME)),
    )
    return table.filter(inside).combine_chunks()


def instants(table: pa.Table) -> list[datetime]:
    return table["time"].cast(pa.timestamp("us", "UTC")).to_pylist()  # type: ignore[no-any-return]


def test_every_feed_has_one() -> None:
    assert {measurement.name for measurement in FEED_MEASUREMENTS} == set(FAMILY)
    assert all(provider(name).measurement.name == name for name in FAMILY)
    assert all(provider(name).probe(LATER) for name in FAMILY)


@every_provider
@pytest.mark.parametrize("zone", ZONES)
def test_the_same_window_is_the_same_rows_and_they_are_what_the_measurement_says(name: str, zone: str) -> None:
    window = Window(local(date(2025, 10, 4), zone).start, local(date(2025, 10, 6), zone).end)

    answers = fetch(name, window, zone=zone)

    assert rows(answers).equals(rows(fetch(name, window, zone=zone)))
    for answer in answers:
        assert answer.rows.schema.equals(provider(name).measurement.arrow)
        assert answer.covers.start >= window.start
        assert answer.covers.end <= window.end
        assert all(at in answer.covers for at in instants(answer.rows))
        assert (answer.step is None) == (name == "home_assistant_history"), "events come when they come"


@every_provider
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.integers(0, 95 * 60),
    length=st.integers(1, 3 * 24 * 60),
    zone=st.sampled_from(ZONES),
)
def test_any_window_is_a_slice_of_the_whole(name: str, start: int, length: int, zone: str) -> None:
    whole = Window(local(date(2025, 10, 3), zone).start, local(date(2025, 10, 6), zone).end)
    part = Window(whole.start + start * MINUTE, min(whole.start + (start + length) * MINUTE, whole.end))

    expected = cut(rows(fetch(name, whole, zone=zone)), part)
    answers = fetch(name, part, zone=zone)

    if answers:
        assert rows(answers).equals(expected)
    else:
        assert expected.num_rows == 0


@pytest.mark.parametrize("name", PER_HOUR)
@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (VIENNA, date(2025, 3, 30), 23),
        (VIENNA, date(2025, 7, 1), 24),
        (VIENNA, date(2025, 10, 26), 25),
        ("Asia/Kolkata", date(2025, 7, 1), 24),
        ("Asia/Kathmandu", date(2025, 7, 1), 24),
        ("Australia/Lord_Howe", date(2025, 10, 5), 23.5),
        ("Australia/Lord_Howe", date(2025, 4, 6), 24.5),
    ],
)
def test_a_day_has_as_many_rows_as_it_is_long(name: str, zone: str, day: date, hours: float) -> None:
    window = local(day, zone)

    table = rows(fetch(name, window, zone=zone))

    # Where a day begins at half past, an hourly slot may begin in one day more, or less, than its length says.
    assert table.num_rows / SERIES.get(name, 1) == pytest.approx(hours * PER_HOUR[name], abs=0.5)
    assert len(set(instants(table))) * SERIES.get(name, 1) == table.num_rows


def test_there_is_one_rate_a_day_and_currency() -> None:
    window = Window(local(date(2025, 10, 25)).start, local(date(2025, 10, 27)).end)

    table = rows(fetch("fx_rate", window))

    assert sorted(set(instants(table))) == [datetime(2025, 10, day, tzinfo=UTC) for day in (25, 26, 27)]
    assert table.num_rows == 9


@pytest.mark.parametrize("name", [name for name in FAMILY if name not in AHEAD])
def test_nothing_is_known_of_what_has_not_begun(name: str) -> None:
    day = local(date(2025, 7, 1))
    now = day.start + 14 * HOUR + 7 * MINUTE + timedelta(seconds=13)

    answers = fetch(name, Window(day.start - DAY, day.end + DAY), now)

    assert max(instants(rows(answers))) <= now
    assert max(answer.covers.end for answer in answers) <= now
    assert fetch(name, Window(day.end, day.end + DAY), now) == []


def test_a_meter_tells_only_of_intervals_that_are_over() -> None:
    day = local(date(2025, 7, 1))

    for name in ("smart_meter", "smart_meter_circuit"):
        (answer,) = fetch(name, day, day.start + timedelta(minutes=64, seconds=59))
        assert max(instants(answer.rows)) == day.start + timedelta(minutes=55)
        assert answer.covers == Window(day.start, day.start + timedelta(minutes=60))
        assert fetch(name, day, day.start + timedelta(minutes=4)) == []


@pytest.mark.parametrize("name", ["electricity_pricing", "electricity_pricing_forecast"])
@pytest.mark.parametrize("zone", ZONES)
def test_tomorrows_prices_are_published_in_the_afternoon(name: str, zone: str) -> None:
    today, tomorrow = local(date(2025, 7, 1), zone), local(date(2025, 7, 2), zone)
    ask = Window(today.start, tomorrow.end + DAY)
    one = local_midnight(date(2025, 7, 1), ZoneInfo(zone)) + 13 * HOUR

    before, after = (fetch(name, ask, now, zone) for now in (one - MINUTE, one))

    # The last hour of the market begins in the day, also where the day ends at half past.
    assert max(instants(rows(before))) == floor_to(today.end - MINUTE, HOUR)
    assert max(instants(rows(after))) == floor_to(tomorrow.end - MINUTE, HOUR)
    assert fetch(name, tomorrow, one - MINUTE, zone) == []
    assert cut(rows(after), today).equals(rows(before))


def test_the_calendar_knows_tomorrow() -> None:
    day = local(date(2025, 10, 24))
    (answer,) = fetch("occupancy_prediction", Window(day.start, day.end + 5 * DAY), day.start + 9 * HOUR)

    assert answer.covers.end == local(date(2025, 10, 25)).end


@every_provider
def test_values_lie_within_the_believable_bounds_in_every_season(name: str) -> None:
    for month in (1, 4, 7, 10):
        window = Window(local(date(2025, month, 1)).start, local(date(2025, month, 10)).end)
        assert out_of_bounds(rows(fetch(name, window)), provider(name).measurement) == []


@every_provider
@pytest.mark.parametrize(("latitude", "longitude"), [(-31.5, 159.1), (78.2, 15.6), (-90.0, 0.0), (0.0, 180.0)])
def test_any_place_on_earth_is_believable(
    name: str, latitude: float, longitude: float, settings_of: Callable[..., Settings]
) -> None:
    place: dict[str, Any] = {"LATITUDE": latitude, "LONGITUDE": longitude}
    zone = ZoneInfo("Australia/Lord_Howe")
    built = PROVIDERS[FAMILY[name]]["simulated"].build(settings_of(**place), zone)[name]
    for month in (6, 12):
        window = Window(local_midnight(date(2024, month, 1), zone), local_midnight(date(2024, month, 4), zone))
        table = rows(list(built.fetch(window, LATER)))
        assert table.num_rows
        assert out_of_bounds(table, built.measurement) == []
