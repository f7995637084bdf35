"""The queries of docs/grafana.md, run as Grafana sends them, over what our store holds in a real InfluxDB."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from homeiq_assets.home import Home
from homeiq_assets.schema.measurements import (
    ALL,
    CARBON_INTENSITY,
    ELECTRICITY_PRICING,
    MV_DAILY_CARBON_SUMMARY,
    MV_DAILY_ENERGY_BY_DEVICE,
    MV_HOURLY_ROOM_ACTIVITY,
    SMART_METER,
    tier_of,
)
from homeiq_assets.tiers.raw import StoredRaw
from homeiq_assets.tiers.roll import roll_daily, roll_hourly
from homeiq_assets.window import Window, local_day, local_days, local_midnight
from homeiq_assets_tests.household import settings_in
from homeiq_assets_tests.stores.places import ALWAYS, InfluxPlace, Row, put

pytestmark = pytest.mark.influxdb

PAGE = Path(__file__).parents[3] / "docs" / "grafana.md"
VIENNA = ZoneInfo("Europe/Vienna")
FIVE_MINUTES, HOUR = timedelta(minutes=5), timedelta(hours=1)
# Clocks go back on the 26th, which has 25 hours. Five days are rolled, the sixth is today.
START, TODAY = local_midnight(date(2025, 10, 24), VIENNA), local_midnight(date(2025, 10, 29), VIENNA)
NOW = TODAY + 10 * HOUR
ROLLED = local_days(Window(START, TODAY), VIENNA)
HOURLY, DAILY = tier_of(SMART_METER, "hourly"), tier_of(SMART_METER, "daily")
Points = list[tuple[datetime, Any]]


def queries() -> dict[str, list[str]]:
    """The code blocks of each section."""
    sections = re.split(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {
        title: re.findall(r"^```flux\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        for title, text in zip(sections[::2], sections[1::2], strict=True)
    }


def power_at(time: datetime) -> float:
    """Watts of the five minutes: different in each, negative at times."""
    return float((time - START) / FIVE_MINUTES) - 100


def mean_power(start: datetime, end: datetime) -> float:
    return (power_at(start) + power_at(end - FIVE_MINUTES)) / 2


def times(start: datetime, end: datetime, step: timedelta) -> list[datetime]:
    return [start + number * step for number in range(-((start - end) // step))]


class Panels:
    """A place and the panels over it."""

    def __init__(self, place: InfluxPlace) -> None:
        self.place = place
        self.store = place.open()

    def ask(
        self, title: str, start: datetime, stop: datetime, period: str = "5m", block: int = 0
    ) -> list[dict[str, str]]:
        """The rows of a panel that shows [start, stop) in points of `period`, each with what it has."""
        query = queries()[title][block]
        for name, value in {
            "v.timeRangeStart": f"{start.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "v.timeRangeStop": f"{stop.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "v.windowPeriod": period,
            '"homeiq_tiers"': f'"{self.place.tier_bucket}"',
            '"homeiq"': f'"{self.place.bucket}"',
        }.items():
            query = query.replace(name, value)
        answer = httpx.post(
            f"{self.place.url}/api/v2/query",
            params={"org": self.place.org},
            headers={"Authorization": f"Token {self.place.token}"},
            json={"query": query},
            timeout=60,
            trust_env=False,
        )
        assert answer.is_success, answer.text
        rows = []
        for table in answer.text.replace("\r\n", "\n").strip().split("\n\n"):
            for row in csv.DictReader(io.StringIO(table)):
                assert "error" not in row, row
                rows.append({key: value for key, value in row.items() if key not in ("", "result", "table") and value})
        return rows

    def power(self, start: datetime, stop: datetime, period: str = "5m") -> Points:
        found = self.ask("Power of the home", start, stop, period)
        assert all(set(row) == {"_time", "_value", "meter_type"} for row in found)
        return [(datetime.fromisoformat(row["_time"]), pytest.approx(float(row["_value"]))) for row in found]


@pytest.fixture
def panels(influx_place: Callable[..., InfluxPlace]) -> Iterator[Panels]:
    made = Panels(influx_place())
    yield made
    made.store.close()


@pytest.fixture
def home(panels: Panels, tmp_path: Path) -> Panels:
    """Raw readings of a meter to now, and the tiers of the days that are over."""
    readings: list[Row] = []
    for time in times(START, NOW, FIVE_MINUTES):
        elapsed = (time - local_midnight(time.astimezone(VIENNA).date(), VIENNA)) / HOUR
        counters = {"daily_kwh": elapsed / 2 + 1 / 24, "daily_export_kwh": elapsed / 8}
        readings.append({"time": time, "meter_type": "emporia", "total_power_w": power_at(time)} | counters)
    put(panels.store, SMART_METER, readings)
    home, raw = Home(settings_in(tmp_path), VIENNA, now=lambda: NOW), StoredRaw(SMART_METER, panels.store, 100)
    rolled = [*roll_hourly(raw, ROLLED, home, panels.store), *roll_daily(raw, ROLLED, home, panels.store)]
    assert not any(day.left or day.differs for day in rolled)
    return panels


def raw_points(start: datetime, end: datetime) -> Points:
    return [(time, power_at(time)) for time in times(start, end, FIVE_MINUTES)]


def hour_points(start: datetime, end: datetime) -> Points:
    return [(time, mean_power(time, time + HOUR)) for time in times(start, end, HOUR)]


def day_points(*days: date) -> Points:
    windows = [local_day(day, VIENNA) for day in days]
    return [(window.start, mean_power(window.start, window.end)) for window in windows]


def forget(home: Panels, raw_before: datetime, hours_before: datetime = START) -> None:
    home.store.delete(SMART_METER, Window(ALWAYS.start, raw_before))
    home.store.delete(HOURLY, Window(ALWAYS.start, hours_before))


def test_power_is_raw_as_long_as_it_is_there(home: Panels) -> None:
    assert home.power(START - HOUR, NOW) == raw_points(START, NOW)


@pytest.mark.parametrize(
    "minutes", [pytest.param(0, id="at a full hour"), pytest.param(20, id="in the middle of an hour")]
)
def test_power_before_the_first_raw_reading_is_hourly(home: Panels, minutes: int) -> None:
    first = TODAY - 14 * HOUR + timedelta(minutes=minutes)
    seam = TODAY - (13 if minutes else 14) * HOUR
    forget(home, first)

    assert home.power(START, NOW) == hour_points(START, seam) + raw_points(seam, NOW)


@pytest.mark.parametrize("hours", [pytest.param(0, id="at midnight"), pytest.param(12, id="in the middle of a day")])
def test_power_before_the_first_hour_is_daily_also_on_a_day_of_25_hours(home: Panels, hours: int) -> None:
    seam = local_day(date(2025, 10, 26), VIENNA).end
    forget(home, TODAY, seam - hours * HOUR)

    days = [day for day in ROLLED if local_midnight(day, VIENNA) < seam]
    assert home.power(START, NOW) == day_points(*days) + hour_points(seam, TODAY) + raw_points(TODAY, NOW)


def test_power_is_daily_up_to_raw_where_no_hours_are_left(home: Panels) -> None:
    forget(home, TODAY - 14 * HOUR, TODAY)

    assert home.power(START, NOW) == day_points(*ROLLED) + raw_points(TODAY, NOW)


def test_power_of_a_range_without_raw_readings_is_hourly_to_its_end(home: Panels) -> None:
    forget(home, NOW + HOUR)

    assert home.power(START, TODAY) == hour_points(START, TODAY)
    assert home.power(START - 9 * HOUR, START - HOUR) == []


def test_power_of_a_range_that_begins_at_the_seam_has_nothing_from_before(home: Panels) -> None:
    forget(home, TODAY - 14 * HOUR)

    assert home.power(TODAY - 14 * HOUR, NOW) == raw_points(TODAY - 14 * HOUR, NOW)


def test_coarser_points_of_power_are_means_of_each_side_of_the_seam(home: Panels) -> None:
    seam = TODAY - 10 * HOUR  # 13:00 UTC, within the window from 12:00
    forget(home, seam)

    def means(edges: list[datetime]) -> Points:
        return [(start, mean_power(start, end)) for start, end in pairwise(edges)]

    assert home.power(TODAY - 15 * HOUR, TODAY, "3h") == means(
        [TODAY - hours * HOUR for hours in (15, 14, 11, 10, 8, 5, 2, 0)]
    )


def test_energy_of_each_day_outlives_the_raw_readings(home: Panels) -> None:
    forget(home, NOW + HOUR)

    found = home.ask("Energy of each day", START, NOW)

    energy = {(row["_field"], datetime.fromisoformat(row["_time"])): float(row["_value"]) for row in found}
    assert len(found) == 2 * len(ROLLED)
    # The first reading ever adds nothing; the others have the counter of the day's last five minutes.
    for day in map(local_day, ROLLED[1:], [VIENNA] * 4):
        last = day.length / HOUR - 1 / 12
        assert energy["daily_kwh_increase", day.start] == pytest.approx(last / 2 + 1 / 24)
        assert energy["daily_export_kwh_increase", day.start] == pytest.approx(last / 8)


def test_energy_and_cost_of_devices_are_a_row_each_day(panels: Panels) -> None:
    washer = {"time": START, "entity_id": "sensor.washer", "total_kwh": 1.5, "cost": 0.3, "currency": "EUR"}
    fridge = {"time": START, "entity_id": "sensor.fridge", "total_kwh": 0.5, "currency": "EUR"}
    put(panels.store, MV_DAILY_ENERGY_BY_DEVICE, [washer, fridge])

    found = panels.ask("Energy and cost of each device and day", START, NOW)

    assert [(row["entity_id"], row["total_kwh"], row.get("cost")) for row in found] == [
        ("sensor.fridge", "0.5", None),
        ("sensor.washer", "1.5", "0.3"),
    ]


@pytest.mark.parametrize("ranked", [True, False])
def test_each_price_is_in_one_series(panels: Panels, ranked: bool) -> None:
    slots = [
        {"time": START + n * HOUR, "provider": "awattar", "currency": "EUR", "current_price": n / 10} for n in range(4)
    ]
    put(panels.store, ELECTRICITY_PRICING, slots)
    if ranked:  # of the last slot's day not all is known
        ranks = [
            {"time": START + n * HOUR, "provider": "awattar", "rank": n + 1, "cheap": n == 0, "dear": n == 2}
            for n in range(3)
        ] + [{"time": START + 3 * HOUR, "provider": "awattar", "rank": 4}]
        put(panels.store, ALL["electricity_price_rank"], ranks)

    found = sorted(panels.ask("Price, cheap and dear", START, NOW), key=lambda row: row["_time"])

    levels = ["cheap", "between", "dear", "between"] if ranked else ["between"] * 4
    assert [(row["level"], float(row["_value"])) for row in found] == list(
        zip(levels, [0.0, 0.1, 0.2, 0.3], strict=True)
    )


def test_rooms_have_a_point_each_hour(panels: Panels) -> None:
    hour = {"time": START, "hour": 0, "day_of_week": 4, "motion_count": 3}
    rooms = [hour | {"area": "bath", "occupancy_rate": 0.25}, hour | {"area": "kitchen", "occupancy_rate": 0.0}]
    put(panels.store, MV_HOURLY_ROOM_ACTIVITY, rooms)

    found = panels.ask("Activity of rooms", START, NOW)

    assert [(row["area"], row["_value"]) for row in found] == [("bath", "0.25"), ("kitchen", "0")]


def test_carbon_is_one_series_of_a_region_whoever_operates_it_and_its_days(panels: Panels) -> None:
    readings = [
        {"time": START + n * HOUR, "region": "AT", "grid_operator": operator, "carbon_intensity_gco2_kwh": 100.0 * n}
        for n, operator in enumerate(["APG", "VKW", "APG"])
    ]
    put(panels.store, CARBON_INTENSITY, readings)
    day = {"time": START, "date": "2025-10-24", "avg_carbon": 100.0, "min_carbon": 0.0, "max_carbon": 200.0}
    put(panels.store, MV_DAILY_CARBON_SUMMARY, [day])

    found = panels.ask("Carbon", START, NOW, "1h")
    days = panels.ask("Carbon", START, NOW, block=1)

    assert [(row["region"], row["_value"]) for row in found] == [("AT", "0"), ("AT", "100"), ("AT", "200")]
    # From 21:00 UTC, cut to the range, in which the operator changes, and from midnight.
    assert [row["_value"] for row in panels.ask("Carbon", START, NOW, "3h")] == ["50", "200"]
    assert {row["_field"]: float(row["_value"]) for row in days} == {
        "avg_carbon": 100.0,
        "min_carbon": 0.0,
        "max_carbon": 200.0,
    }
