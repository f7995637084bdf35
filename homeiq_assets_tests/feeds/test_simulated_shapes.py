"""Whether the simulated home and grid look like ones: panels at noon, dear evenings, summer ozone, office days."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from statistics import mean
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from homeiq_assets.feeds.air_quality.aqi import category_of, index_of
from homeiq_assets.feeds.registry import PROVIDERS
from homeiq_assets.feeds.simulation import sun
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import HOUR, Window, local_day, local_midnight

VIENNA = ZoneInfo("Europe/Vienna")
LATER = datetime(2025, 12, 1, tzinfo=UTC)
MONDAY = date(2025, 7, 7)


@cache
def simulated(family: str, name: str, first: date, count: int, **settings: Any) -> list[dict[str, Any]]:
    """Rows of `count` local days, with the local time of each."""
    window = Window(local_midnight(first, VIENNA), local_midnight(first + timedelta(days=count), VIENNA))
    provider = PROVIDERS[family]["simulated"].build(Settings(_env_file=None, **settings), VIENNA)[name]
    rows = [row for answer in provider.fetch(window, LATER) for row in answer.rows.to_pylist()]
    return [row | {"local": row["time"].to_pydatetime().astimezone(VIENNA)} for row in rows]


def average(rows: list[dict[str, Any]], field: str, *hours: int) -> float:
    """The mean of a field over these wall hours."""
    return mean(row[field] for row in rows if row["local"].hour in hours and row[field] is not None)


class TestMeter:
    def test_the_panels_feed_in_at_sunny_noons_and_never_at_night(self) -> None:
        july = simulated("meter", "smart_meter", MONDAY, 7)

        assert min(row["total_power_w"] for row in july if row["local"].hour == 12) < -2000
        assert min(row["total_power_w"] for row in july if row["local"].hour in (23, 0, 1, 2)) > 100

    def test_winter_draws_more_and_feeds_in_less_than_summer(self) -> None:
        july, january = (simulated("meter", "smart_meter", first, 7) for first in (MONDAY, date(2025, 1, 6)))

        assert average(january, "total_power_w", *range(24)) > 2 * average(july, "total_power_w", *range(24))
        exported = {name: max(row["daily_export_kwh"] for row in rows) for name, rows in (("7", july), ("1", january))}
        assert 5 < exported["7"] < 60
        assert exported["1"] < exported["7"] / 2

    def test_energy_counts_from_each_local_midnight_and_never_backwards(self) -> None:
        rows = simulated("meter", "smart_meter", date(2025, 10, 25), 3)
        by_day: dict[date, list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            by_day[row["local"].date()].append(row)

        assert [len(day) for day in by_day.values()] == [288, 300, 288]
        for day in by_day.values():
            for field, sign in (("daily_kwh", 1), ("daily_export_kwh", -1)):
                expected = np.cumsum([max(sign * row["total_power_w"], 0) / 12 / 1000 for row in day])
                assert [row[field] for row in day] == pytest.approx(expected.tolist())
            assert 3 < day[-1]["daily_kwh"] < 80

    def test_circuits_add_up_to_what_is_drawn_while_the_sun_is_down(self) -> None:
        total = {row["time"]: row["total_power_w"] for row in simulated("meter", "smart_meter", MONDAY, 1)}
        night: dict[Any, float] = defaultdict(float)
        for row in simulated("meter", "smart_meter_circuit", MONDAY, 1):
            if row["local"].hour in (23, 0, 1, 2):
                night[row["time"]] += row["power_w"]
                assert row["percentage"] == pytest.approx(100 * row["power_w"] / total[row["time"]])

        assert len(night) == 48
        assert all(power == pytest.approx(total[at]) for at, power in night.items())

    def test_the_circuits_live_by_the_wall_clock(self) -> None:
        for monday in (MONDAY, date(2025, 11, 10)):
            rows = simulated("meter", "smart_meter_circuit", monday, 5)
            circuit = {
                name: [row for row in rows if row["circuit_name"] == name] for name in ("kitchen", "water_heater")
            }
            assert average(circuit["kitchen"], "power_w", 18, 19) > 3 * average(circuit["kitchen"], "power_w", 2, 3)
            assert average(circuit["water_heater"], "power_w", 13) > 1000
            assert average(circuit["water_heater"], "power_w", 3, 21) == 0


class TestPrices:
    def test_noon_is_cheaper_than_the_evening(self) -> None:
        for first in (MONDAY, date(2025, 10, 6), date(2025, 4, 7)):
            rows = simulated("pricing", "electricity_pricing", first, 28)
            assert average(rows, "current_price", 12, 13) < average(rows, "current_price", 19, 20) - 0.03

    def test_prices_are_believable_and_sometimes_negative(self) -> None:
        prices = [row["current_price"] for row in simulated("pricing", "electricity_pricing", date(2025, 5, 1), 92)]

        assert 0.02 < mean(prices) < 0.2
        assert 0.1 < max(prices) < 0.5
        assert -0.1 < min(prices) < 0
        assert sum(price < 0 for price in prices) < len(prices) / 10

    @pytest.mark.parametrize("zone", ["Europe/Vienna", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe"])
    def test_every_slot_of_the_year_has_a_price_and_a_quarter_of_each_day_is_dear(self, zone: str) -> None:
        where = ZoneInfo(zone)
        provider = PROVIDERS["pricing"]["simulated"].build(Settings(_env_file=None), where)["electricity_pricing"]
        year = Window(local_midnight(date(2025, 1, 1), where), local_midnight(date(2025, 12, 1), where))
        (answer,) = provider.fetch(year, LATER)

        assert answer.rows["current_price"].null_count == 0
        assert answer.rows["peak_period"].null_count == 0
        peaks: dict[date, list[bool]] = defaultdict(list)
        for at, peak in zip(answer.rows["time"].to_pylist(), answer.rows["peak_period"].to_pylist(), strict=True):
            peaks[at.to_pydatetime().astimezone(where).date()].append(peak)
        lengths = {len(day) for day in peaks.values()}
        assert lengths == ({24} if zone.startswith("Asia/") else {23, 24, 25})
        assert all(sum(day) == len(day) // 4 for day in peaks.values())

    def test_the_owners_tariff_is_added(self) -> None:
        plain = simulated("pricing", "electricity_pricing", MONDAY, 1)
        taxed = simulated("pricing", "electricity_pricing", MONDAY, 1, pricing_surcharge=0.1, pricing_vat_percent=20)

        assert [row["current_price"] for row in taxed] == pytest.approx(
            [(row["current_price"] + 0.1) * 1.2 for row in plain]
        )

    def test_the_forecast_is_the_price_with_its_wall_hour(self) -> None:
        long_day = date(2025, 10, 26)
        prices = simulated("pricing", "electricity_pricing", long_day, 1)
        forecast = simulated("pricing", "electricity_pricing_forecast", long_day, 1)

        assert [row["price"] for row in forecast] == [row["current_price"] for row in prices]
        assert [row["hour_offset"] for row in forecast] == [0, 1, 2, 2, *range(3, 24)]


class TestGrid:
    def test_carbon_falls_when_the_sun_shines_and_rises_in_the_evening(self) -> None:
        rows = simulated("carbon", "carbon_intensity", MONDAY, 14)

        field = "carbon_intensity_gco2_kwh"
        assert average(rows, field, 12, 13) < average(rows, field, 19, 20) - 50
        assert average(rows, "renewable_percentage", 12, 13) > average(rows, "renewable_percentage", 0, 1) + 10
        assert 50 < average(rows, field, *range(24)) < 600

    def test_the_shares_are_of_one_whole_and_carbon_follows_the_fossil_one(self) -> None:
        rows = simulated("carbon", "carbon_intensity", date(2025, 1, 6), 7)

        assert all(row["renewable_percentage"] + row["fossil_percentage"] <= 100 for row in rows)
        by_fossil = sorted(rows, key=lambda row: row["fossil_percentage"])
        carbon = [row["carbon_intensity_gco2_kwh"] for row in by_fossil]
        assert carbon == sorted(carbon)
        assert carbon[-1] > carbon[0] + 100

    def test_forecasts_are_near_what_comes_true_the_nearer_the_better(self) -> None:
        rows = simulated("carbon", "carbon_intensity", MONDAY, 4)
        truth = {row["time"]: row["carbon_intensity_gco2_kwh"] for row in rows}
        errors = {
            field: mean(
                abs(row[field] - truth[row["time"] + ahead]) / truth[row["time"] + ahead]
                for row in rows
                if row["time"] + ahead in truth
            )
            for field, ahead in (("forecast_1h", HOUR), ("forecast_24h", 24 * HOUR))
        }

        assert 0 < errors["forecast_1h"] < 0.02
        assert errors["forecast_1h"] < errors["forecast_24h"] < 0.1

    def test_the_sun_is_where_it_is(self) -> None:
        def height(moment: datetime, latitude: float, longitude: float) -> float:
            return float(sun(np.array([moment.timestamp()]), latitude, longitude)[0])

        june, december = datetime(2025, 6, 21, tzinfo=UTC), datetime(2025, 12, 21, tzinfo=UTC)
        vienna, sydney = (48.2, 16.4), (-33.9, 151.2)
        assert height(june + 11 * HOUR, *vienna) == pytest.approx(np.sin(np.radians(90 - 48.2 + 23.4)), abs=0.01)
        assert height(december + 11 * HOUR, *vienna) == pytest.approx(np.sin(np.radians(90 - 48.2 - 23.4)), abs=0.01)
        assert height(december + 2 * HOUR, *sydney) > 0.95 > height(june + 2 * HOUR, *sydney) > 0.5
        assert height(june + 23 * HOUR, *vienna) == height(december + 14 * HOUR, *sydney) == 0


class TestAir:
    def test_index_and_category_are_those_of_the_concentration(self) -> None:
        rows = simulated("air_quality", "air_quality", MONDAY, 3)
        fields = {"PM2.5": "pm25", "PM10": "pm10", "Ozone": "ozone"}

        assert {row["location"] for row in rows} == {"48.2,16.4"}
        for row in rows:
            value = row[fields[row["parameter"]]]
            assert row["aqi"] == index_of(row["parameter"], value)
            assert row["category"] == category_of(row["aqi"])
            assert [name for name in fields.values() if row[name] is not None] == [fields[row["parameter"]]]

    def test_ozone_is_of_summer_afternoons(self) -> None:
        july, january = (simulated("air_quality", "air_quality", first, 14) for first in (MONDAY, date(2025, 1, 6)))

        assert average(july, "ozone", 14, 15, 16) > average(july, "ozone", 3, 4, 5) + 10
        assert average(july, "ozone", 14, 15, 16) > average(january, "ozone", 14, 15, 16) + 5

    def test_the_air_is_mostly_good_and_not_always(self) -> None:
        categories = [row["category"] for row in simulated("air_quality", "air_quality", date(2025, 1, 1), 60)]

        assert categories.count("Good") > len(categories) / 2
        assert set(categories) >= {"Good", "Moderate"}


class TestCalendar:
    def test_office_days_are_empty_and_nights_and_weekends_are_not(self) -> None:
        rows = simulated("calendar", "occupancy_prediction", MONDAY, 7)
        home = {
            weekday: [row["currently_home"] for row in rows if row["local"].weekday() == weekday]
            for weekday in range(7)
        }

        assert [min(home[day]) for day in range(7)] == [False, True, False, False, True, True, True]
        assert all(row["currently_home"] for row in rows if row["local"].hour in (22, 23, 0, 1, 2, 3, 4, 5, 6))
        assert [any(row["wfh_today"] for row in rows if row["local"].weekday() == day) for day in range(7)] == [
            False, True, False, False, True, False, False
        ]  # fmt: skip

    def test_the_return_is_counted_down(self) -> None:
        rows = simulated("calendar", "occupancy_prediction", MONDAY, 1)
        away = [row for row in rows if not row["currently_home"]]

        assert (away[0]["local"].strftime("%H:%M"), away[-1]["local"].strftime("%H:%M")) == ("08:15", "17:15")
        assert [row["hours_until_arrival"] for row in away] == [9.25 - n / 4 for n in range(37)]
        assert {row["hours_until_arrival"] for row in rows if row["currently_home"]} == {0.0}

    def test_the_wall_clock_rules_on_the_days_of_a_clock_change(self) -> None:
        for sunday in (date(2025, 3, 30), date(2025, 10, 26)):
            for weekday in (sunday - timedelta(days=2), sunday + timedelta(days=1)):
                rows = simulated("calendar", "occupancy_prediction", weekday, 1)
                away = [f"{row['local']:%H:%M}" for row in rows if not row["currently_home"]]
                assert away[:1] in ([], ["08:15"])
            assert len(simulated("calendar", "occupancy_prediction", sunday, 1)) == (
                local_day(sunday, VIENNA).length // timedelta(minutes=15)
            )


def test_exchange_rates_drift_slowly_around_the_usual() -> None:
    rows = simulated("fx", "fx_rate", date(2025, 1, 1), 300)

    for currency, usual in (("USD", 1.08), ("GBP", 0.85), ("CHF", 0.95)):
        rates = [row["rate"] for row in rows if row["currency"] == currency]
        assert len(rates) == 300
        assert all(0.9 * usual < rate < 1.1 * usual for rate in rates)
        assert max(abs(after / before - 1) for before, after in pairwise(rates)) < 0.02
        assert len(set(rates)) > 290
