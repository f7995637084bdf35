"""A home whose carbon feed is a simulated Energy-Charts, for the tests of that provider."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from homeiq_assets.feeds.carbon.energy_charts import provider as energy_charts
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.simulated_vendors.energy_charts import EnergyChartsVendor
from homeiq_assets_tests.simulated_vendors.server import no_waiting, passing_turns

BERLIN = ZoneInfo("Europe/Berlin")
HOUR, QUARTER = timedelta(hours=1), timedelta(minutes=15)
DAY = local_day(date(2025, 11, 12), BERLIN)
NOW = DAY.start + timedelta(hours=10, minutes=7)
SLOT = DAY.start + timedelta(hours=10)
NEXT_WEEK = DAY.end + timedelta(days=7)
START = datetime(2025, 9, 29, 22, tzinfo=UTC)
TIMES = [START + n * QUARTER for n in range(45 * 96)]


def constant(value: float | None) -> dict[datetime, float | None]:
    return dict.fromkeys(TIMES, value)


# Of 200 MW generated 120 are renewable and 60 fossil; what is stored, traded and used is no generation.
POWER = {
    "Hydro pumped storage consumption": constant(-500.0),
    "Cross border electricity trading": constant(-900.0),
    "Nuclear": constant(5.0),
    "Biomass": constant(20.0),
    "Fossil brown coal / lignite": constant(40.0),
    "Fossil gas": constant(20.0),
    "Hydro pumped storage": constant(700.0),
    "Waste": constant(15.0),
    "Wind onshore": constant(60.0),
    "Solar": constant(40.0),
    "Load": constant(1000.0),
    "Residual load": constant(800.0),
    "Renewable share of generation": constant(48.0),
}
CO2EQ: dict[datetime, float | None] = {at: 300.0 + n % 96 for n, at in enumerate(TIMES)}
FORECASTS: dict[datetime, float | None] = {at: 900.0 - (grams or 0) for at, grams in CO2EQ.items()}


@contextmanager
def running() -> Iterator[EnergyChartsVendor]:
    """The vendor at NOW, its client's pauses and turns skipped."""
    with (
        EnergyChartsVendor(power=POWER, co2eq=CO2EQ, forecasts=FORECASTS, now=NOW) as vendor,
        no_waiting(),
        passing_turns(),
    ):
        yield vendor


def provider(vendor: EnergyChartsVendor, **given: Any) -> Provider:
    usual = {"energy_charts_base_url": vendor.url, "grid_region": "de"}
    return energy_charts.build(Settings(**(usual | given)), BERLIN)["carbon_intensity"]


def fetch(vendor: EnergyChartsVendor, window: Window, **given: Any) -> list[Answer]:
    assert vendor.now is not None
    return list(provider(vendor, **given).fetch(window, vendor.now))


def rows(answers: list[Answer]) -> list[dict[str, Any]]:
    found = [row for answer in answers for row in answer.rows.to_pylist()]
    return [row | {"time": row["time"].to_pydatetime()} for row in found]


def by_hour(values: dict[datetime, float | None], minutes: int = 60) -> dict[datetime, float | None]:
    """Those of the values that begin on a multiple of so many minutes."""
    return {at: value for at, value in values.items() if not at.minute % minutes}
