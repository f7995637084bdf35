"""Meters and forecasts in both schemas that others write: state_class and last_reset as they are read and decide."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from homeiq_assets.events.source import EventSource
from homeiq_assets.series.holds import nanoseconds
from homeiq_assets.views.bill import Bill
from homeiq_assets.views.energy_by_device import Devices, energy_by_device
from homeiq_assets.views.readings import days_of
from homeiq_assets.window import HOUR
from homeiq_assets_tests.events.foreign_home import DAY, NOW, ForeignHome, events_of, line

pytestmark = pytest.mark.influxdb
FORECAST, TOTAL, PLUG = "energy_production_today", "daily", "plug"
FORECASTS = (20.0, 15.2, 22.1, 10.4, 21.0, 24.5)
DAILY = ((-6, 8.2, "2026-11-19"), (-2, 9.1, "2026-11-19"), (20, 9.4, "2026-11-20"))


def homeiq(name: str, value: float, time: datetime, more: Mapping[str, str] | None = None) -> str:
    tags = {"entity_id": f"sensor.{name}", "domain": "sensor", "device_class": "energy"}
    fields = {"state": str(value), "normalized_value": value, "unit_of_measurement": "kWh", **(more or {})}
    return line("home_assistant_events", tags, fields, time)


def integration(name: str, value: float, time: datetime, more: Mapping[str, str] | None = None) -> str:
    """Attributes are fields, texts `<name>_str`."""
    said = {f"{attribute}_str": text for attribute, text in (more or {}).items()}
    tags = {"domain": "sensor", "entity_id": name}
    return line("kWh", tags, {"value": value, "device_class_str": "energy", **said}, time)


SCHEMAS = {"homeiq": homeiq, "home_assistant_influxdb": integration}


def counted(events: EventSource) -> tuple[dict[str, float], Devices]:
    zone, day = ZoneInfo("UTC"), date(2026, 11, 20)
    (found,) = days_of(events, [day], zone, timedelta(hours=24), NOW)
    edges = np.array([nanoseconds(found.window.start), nanoseconds(found.window.end)])
    devices = energy_by_device(found.readings, found.window, day, timedelta(hours=24), Bill(edges, np.array([0.3])), {})
    rows: list[dict[str, Any]] = devices.rows.to_pylist()
    return {row["entity_id"]: round(row["total_kwh"], 9) for row in rows}, devices


@pytest.mark.parametrize("source", SCHEMAS)
@pytest.mark.parametrize("state_class", [None, "measurement"])
def test_a_forecast_is_no_energy_and_a_daily_total_begins_with_its_reset(
    foreign: ForeignHome, source: str, state_class: str | None
) -> None:
    write, said = SCHEMAS[source], {} if state_class is None else {"state_class": state_class}
    foreign.write(*(write(FORECAST, value, DAY.start + n * HOUR, said) for n, value in enumerate(FORECASTS)))
    foreign.write(
        *(
            write(TOTAL, value, DAY.start + n * HOUR, {"state_class": "total", "last_reset": f"{reset}T01:00:00+01:00"})
            for n, value, reset in DAILY
        )
    )

    with foreign.open(source) as events:
        energy, devices = counted(events)
        (first, *_) = (row for row in events_of(events) if row["entity_id"] == f"sensor.{TOTAL}")

    assert energy == {f"sensor.{TOTAL}": 9.4}
    assert devices.assumed.keys() == {f"sensor.{FORECAST}"}
    assert (first["state_class"], first["last_reset"]) == ("total", "2026-11-20T00:00:00+00:00")


@pytest.mark.parametrize(("source", "energy"), [("homeiq", 5.0), ("home_assistant_influxdb", None)])
def test_where_home_assistant_itself_writes_what_has_no_class_beside_others_that_have_one_is_no_meter(
    foreign: ForeignHome, source: str, energy: float | None
) -> None:
    write = SCHEMAS[source]
    foreign.write(*(write(FORECAST, 20.0 + n, DAY.start + n * HOUR) for n in range(6)))
    foreign.write(*(write(PLUG, n / 2, DAY.start + n * HOUR, {"state_class": "total_increasing"}) for n in range(3)))

    with foreign.open(source) as events:
        found, devices = counted(events)

    assert found == {f"sensor.{PLUG}": 1.0} | ({} if energy is None else {f"sensor.{FORECAST}": energy})
    assert devices.assumed.keys() == {f"sensor.{FORECAST}"}


@pytest.mark.parametrize("source", SCHEMAS)
def test_where_no_class_is_written_at_all_what_rises_is_a_meter_and_said_to_be_assumed(
    foreign: ForeignHome, source: str
) -> None:
    foreign.write(*(SCHEMAS[source](PLUG, 3.0 + n / 2, DAY.start + n * HOUR) for n in range(3)))

    with foreign.open(source) as events:
        found, devices = counted(events)

    assert found == {f"sensor.{PLUG}": 1.0}
    assert "name it with ! in EVENTS_METERS" in devices.assumed[f"sensor.{PLUG}"]
