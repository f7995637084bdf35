"""Real recordings as the simulated vendors take them, and the vendors that serve them (README.md has the sources)."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq

from homeiq_assets_tests.simulated_vendors.awattar import AwattarVendor
from homeiq_assets_tests.simulated_vendors.home_assistant import TOKEN, HomeAssistant, Power
from homeiq_assets_tests.simulated_vendors.watttime import WattTimeVendor

FOLDER = Path(__file__).parent
GRAMS_PER_POUND = 453.59237
CIRCUITS = {"kitchen": "kitchen_w", "laundry": "laundry_w", "water heater": "water_heater_ac_w"}
MINUTE = timedelta(minutes=1)


def prices() -> dict[datetime, float]:
    """EUR/MWh by start of the hour."""
    with (FOLDER / "day_ahead_de_hourly.csv").open(encoding="utf-8", newline="") as file:
        return {datetime.fromisoformat(row["time"]): float(row["eur_per_mwh"]) for row in csv.DictReader(file)}


def emissions() -> dict[datetime, float]:
    """g CO2/kWh by start of the 5 minutes."""
    columns = pq.read_table(FOLDER / "watttime_caiso_north_5min.parquet").to_pydict()
    return dict(zip(columns["time"], columns["moer"], strict=True))


def minutes(column: str) -> dict[datetime, int]:
    """W by start of the minute; minutes without a reading are absent."""
    columns = pq.read_table(FOLDER / "household_minutes.parquet", columns=["time", column]).to_pydict()
    return {at: watts for at, watts in zip(columns["time"], columns[column], strict=True) if watts is not None}


def mean_of_5_minutes(watts: dict[datetime, int], start: datetime) -> float | None:
    """What a power sensor's 5-minute statistic is: the mean of the readings there are."""
    found = [watts[at] for at in (start + n * MINUTE for n in range(5)) if at in watts]
    return sum(found) / len(found) if found else None


@dataclass(frozen=True)
class Served:
    """The three vendors at work, and the settings that lead to them."""

    awattar: AwattarVendor
    watttime: WattTimeVendor
    home_assistant: HomeAssistant
    settings: dict[str, str]


@contextmanager
def served(now: datetime, shift: timedelta = timedelta()) -> Iterator[Served]:
    """The recordings over HTTP as the vendors would answer at `now`, moved forward by `shift`."""

    def power(column: str) -> Power:
        watts = minutes(column)
        return lambda start: mean_of_5_minutes(watts, start - shift)

    pounds = {at + shift: grams * 1000 / GRAMS_PER_POUND for at, grams in emissions().items()}
    euros = {at + shift: price for at, price in prices().items()}
    sensors = {"sensor.house": power("total_power_w")}
    sensors |= {f"sensor.{column}": power(column) for column in CIRCUITS.values()}
    with (
        AwattarVendor(euros, now=now) as awattar,
        WattTimeVendor(pounds, now=now) as watttime,
        HomeAssistant(now, sensors) as home_assistant,
    ):
        home_assistant.began = datetime(2023, 1, 2, tzinfo=UTC) + shift
        settings = {
            "HOMEIQ_START_DATE": "2023-01-01",
            "PRICING_PROVIDER": "awattar",
            "AWATTAR_BASE_URL": awattar.url,
            "WATTTIME_USERNAME": watttime.username,
            "WATTTIME_PASSWORD": watttime.password,
            "WATTTIME_BASE_URL": watttime.url,
            "GRID_REGION": watttime.region,
            "HOME_ASSISTANT_URL": home_assistant.url,
            "HOME_ASSISTANT_TOKEN": TOKEN,
            "HOME_ASSISTANT_POWER_ENTITY": "sensor.house",
            "HOME_ASSISTANT_CIRCUITS": ",".join(f"{name}=sensor.{column}" for name, column in CIRCUITS.items()),
        }
        yield Served(awattar, watttime, home_assistant, settings)
