"""Days, rows and whole homes that the tests of insights share."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import (
    CARBON_INTENSITY,
    ELECTRICITY_PRICING,
    HOME_ASSISTANT_EVENTS,
    OCCUPANCY_PREDICTION,
    SMART_METER,
    SMART_METER_CIRCUIT,
)
from homeiq_assets.window import HOUR, Window, local_day

VIENNA = ZoneInfo("Europe/Vienna")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
MINUTE = timedelta(minutes=1)
DAYS = (
    (date(2025, 6, 1), VIENNA),
    (date(2025, 3, 30), VIENNA),
    (date(2025, 10, 26), VIENNA),
    (date(2025, 10, 5), LORD_HOWE),
    (date(2025, 4, 6), LORD_HOWE),
    (date(2025, 6, 1), ZoneInfo("Asia/Kolkata")),
)
JUNE = date(2025, 6, 1)
DAY = local_day(JUNE, VIENNA)


def at(hour: float, day: Window = DAY) -> datetime:
    """Elapsed hours from the beginning of a day."""
    return day.start + hour * HOUR


def every(step: timedelta, window: Window) -> list[datetime]:
    """The instants of a grid from the window's start."""
    instants: list[datetime] = []
    while not instants or instants[-1] + step < window.end:
        instants.append(instants[-1] + step if instants else window.start)
    return instants


def prices_of(values: Mapping[datetime, float], provider: str = "awattar", currency: str = "EUR") -> pa.Table:
    rows = [
        {"time": time, "provider": provider, "currency": currency, "current_price": price}
        for time, price in values.items()
    ]
    return rows_of(ELECTRICITY_PRICING, rows)


def meter_of(values: Mapping[datetime, float | None], counters: bool = False, step: timedelta = 5 * MINUTE) -> pa.Table:
    """Rows of the home's meter of one day from mean powers, with what its counters say of them."""
    rows: list[dict[str, Any]] = []
    drawn, fed_in = 0.0, 0.0
    for time, power in values.items():
        row: dict[str, Any] = {"time": time, "meter_type": "emporia", "total_power_w": power}
        if counters and power is not None:
            drawn += max(power, 0) * (step / HOUR) / 1000
            fed_in += max(-power, 0) * (step / HOUR) / 1000
            row |= {"daily_kwh": drawn, "daily_export_kwh": fed_in}
        rows.append(row)
    return rows_of(SMART_METER, rows)


def circuits_of(circuits: Mapping[str, Mapping[datetime, float]]) -> pa.Table:
    rows = [
        {"time": time, "circuit_name": name, "power_w": power}
        for name, values in circuits.items()
        for time, power in values.items()
    ]
    return rows_of(SMART_METER_CIRCUIT, rows)


def carbon_of(
    values: Mapping[datetime, float],
    soon: Mapping[datetime, float] | None = None,
    later: Mapping[datetime, float] | None = None,
) -> pa.Table:
    times = sorted({*values, *(soon or {}), *(later or {})})
    rows = [
        {
            "time": time,
            "region": "AT",
            "carbon_intensity_gco2_kwh": values.get(time),
            "forecast_1h": (soon or {}).get(time),
            "forecast_24h": (later or {}).get(time),
        }
        for time in times
    ]
    return rows_of(CARBON_INTENSITY, rows)


def predictions_of(home: Mapping[datetime, bool | None], user: str = "owner") -> pa.Table:
    rows = [{"time": t, "source": "google", "user": user, "currently_home": flag} for t, flag in home.items()]
    return rows_of(OCCUPANCY_PREDICTION, rows)


def events_of(*events: tuple[datetime, str, str]) -> pa.Table:
    """Events of motion sensors: time, name, state."""
    rows = [
        {
            "time": time,
            "entity_id": f"binary_sensor.{name}",
            "domain": "binary_sensor",
            "device_class": "motion",
            "area": "hall",
            "state": state,
        }
        for time, name, state in events
    ]
    return rows_of(HOME_ASSISTANT_EVENTS, rows)


def plain(rows: pa.Table) -> list[dict[str, Any]]:
    """Rows with their times as datetimes, without what is absent."""
    times = rows["time"].cast(pa.timestamp("us", "UTC"))
    listed: Sequence[dict[str, Any]] = rows.set_column(0, "time", times).to_pylist()
    return [
        {name: value.astimezone(UTC) if name == "time" else value for name, value in row.items() if value is not None}
        for row in listed
    ]
