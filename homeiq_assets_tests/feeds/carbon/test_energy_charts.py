"""Energy-Charts' carbon, asked over HTTP: shares as generated, intensities as measured, forecasts of the poll."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.feeds.carbon.energy_charts_home import (
    BERLIN,
    CO2EQ,
    DAY,
    FORECASTS,
    HOUR,
    NEXT_WEEK,
    NOW,
    POWER,
    QUARTER,
    SLOT,
    TIMES,
    by_hour,
    constant,
    fetch,
    provider,
    rows,
    running,
)
from homeiq_assets_tests.simulated_vendors.energy_charts import NO_CONTENT, EnergyChartsVendor
from homeiq_assets_tests.simulated_vendors.server import Reply, json_reply

SHARES = {"renewable_percentage": pytest.approx(60.0), "fossil_percentage": pytest.approx(30.0)}


@pytest.fixture
def vendor() -> Iterator[EnergyChartsVendor]:
    with running() as energy_charts:
        yield energy_charts


def test_a_poll_brings_what_is_published_and_the_current_slot_with_its_forecasts(vendor: EnergyChartsVendor) -> None:
    history, current = fetch(vendor, Window(NOW - HOUR, DAY.end))
    published = [SLOT - 3 * QUARTER, SLOT - 2 * QUARTER]
    assert [row["time"] for row in rows([history])] == published
    assert (history.covers, history.step) == (Window(published[0], published[-1] + QUARTER), QUARTER)
    assert rows([history])[0] == {
        "time": published[0],
        "region": "de",
        "grid_operator": "unknown",
        "carbon_intensity_gco2_kwh": CO2EQ[published[0]],
        **SHARES,
        "forecast_1h": None,
        "forecast_24h": None,
    }
    assert (current.covers, current.step) == (Window(SLOT, SLOT + QUARTER), QUARTER)
    assert rows([current]) == [
        {
            "time": SLOT,
            "region": "de",
            "grid_operator": "unknown",
            "carbon_intensity_gco2_kwh": None,
            "renewable_percentage": None,
            "fossil_percentage": None,
            "forecast_1h": FORECASTS[SLOT + HOUR],
            "forecast_24h": FORECASTS[SLOT + 24 * HOUR],
        }
    ]


def test_what_is_measured_of_the_current_slot_already_stands_beside_its_forecasts(vendor: EnergyChartsVendor) -> None:
    vendor.lag = timedelta()
    history, current = fetch(vendor, Window(NOW - HOUR, DAY.end))
    assert history.covers.end == SLOT
    (row,) = rows([current])
    assert row["carbon_intensity_gco2_kwh"] == CO2EQ[SLOT]
    assert row["renewable_percentage"] == SHARES["renewable_percentage"]
    assert row["forecast_1h"] == FORECASTS[SLOT + HOUR]


def test_a_forecast_that_is_not_made_yet_is_absent(vendor: EnergyChartsVendor) -> None:
    vendor.forecasts = {at: grams for at, grams in FORECASTS.items() if at < DAY.end}
    (row,) = rows(fetch(vendor, Window(NOW - HOUR, DAY.end))[1:])
    assert (row["forecast_1h"], row["forecast_24h"]) == (FORECASTS[SLOT + HOUR], None)
    vendor.forecasts = {}
    assert len(fetch(vendor, Window(NOW - HOUR, DAY.end))) == 1


def test_a_past_day_has_no_forecasts(vendor: EnergyChartsVendor) -> None:
    vendor.now = NEXT_WEEK
    (answer,) = fetch(vendor, DAY)
    assert (answer.covers, answer.step, answer.rows.num_rows) == (DAY, QUARTER, 96)
    found = rows([answer])
    assert [row["carbon_intensity_gco2_kwh"] for row in found] == [CO2EQ[row["time"]] for row in found]
    assert {row["forecast_1h"] for row in found} == {row["forecast_24h"] for row in found} == {None}
    assert {row["renewable_percentage"] for row in found} == {60.0}


def test_a_month_is_filled_by_a_request_for_each_of_the_two(vendor: EnergyChartsVendor) -> None:
    vendor.now = NEXT_WEEK
    october = Window(local_day(date(2025, 10, 1), BERLIN).start, local_day(date(2025, 10, 31), BERLIN).end)
    (answer,) = fetch(vendor, october)
    assert (answer.covers, answer.rows.num_rows) == (october, 31 * 96 + 4)
    assert [(request.path, request.params) for request in vendor.asked] == [
        ("/public_power", {"country": "de", "start": "2025-09-29T22:00Z", "end": "2025-10-31T23:00Z"}),
        ("/co2eq", {"country": "de", "start": "2025-09-30T22:00Z", "end": "2025-10-31T23:00Z"}),
    ]
    assert provider(vendor).longest >= october.length


@pytest.mark.parametrize(("day", "hours"), [(date(2025, 10, 26), 25), (date(2026, 3, 29), 23)])
def test_a_day_of_a_clock_change_has_the_hours_it_has(vendor: EnergyChartsVendor, day: date, hours: int) -> None:
    window = local_day(day, BERLIN)
    vendor.now = window.end + timedelta(days=2)
    times = [window.start + n * QUARTER for n in range(-96, 200)]
    vendor.power = {"Solar": dict.fromkeys(times, 50.0)}
    vendor.co2eq = dict.fromkeys(times, 400.0)
    (answer,) = fetch(vendor, window)
    assert (answer.covers, answer.rows.num_rows) == (window, hours * 4)


def test_a_day_that_has_not_begun_is_not_asked_for(vendor: EnergyChartsVendor) -> None:
    assert fetch(vendor, Window(DAY.end, DAY.end + 24 * HOUR)) == []
    assert vendor.asked == []


def test_a_day_of_which_nothing_is_known_covers_nothing(vendor: EnergyChartsVendor) -> None:
    vendor.now = NEXT_WEEK
    vendor.misbehave(NO_CONTENT, NO_CONTENT)
    assert fetch(vendor, DAY) == []


def test_a_short_answer_covers_from_its_first_to_its_last_row(vendor: EnergyChartsVendor) -> None:
    vendor.now = NEXT_WEEK
    part = Window(DAY.start + HOUR, DAY.start + 2 * HOUR)
    vendor.power = {name: {at: mw for at, mw in values.items() if at in part} for name, values in POWER.items()}
    vendor.co2eq = {at: grams for at, grams in CO2EQ.items() if at in part}
    (answer,) = fetch(vendor, DAY)
    assert answer.covers == part


def test_a_withdrawn_slot_is_covered_and_an_outage_of_hours_is_not(vendor: EnergyChartsVendor) -> None:
    vendor.now = NEXT_WEEK
    gone = [DAY.start + n * QUARTER for n in (8, *range(24, 48))]
    vendor.power = {name: values | dict.fromkeys(gone) for name, values in POWER.items()}
    vendor.co2eq = CO2EQ | dict.fromkeys(gone)
    before, after = fetch(vendor, DAY)
    assert before.covers == Window(DAY.start, DAY.start + 6 * HOUR)
    assert after.covers == Window(DAY.start + 12 * HOUR, DAY.end)
    assert [row["time"] for row in rows([before])] == [DAY.start + n * QUARTER for n in range(24) if n != 8]


def test_a_revised_value_is_what_the_next_fetch_says(vendor: EnergyChartsVendor) -> None:
    vendor.now = NEXT_WEEK
    fetch(vendor, DAY)
    vendor.power["Solar"] = vendor.power["Solar"] | {DAY.start: 240.0}
    vendor.co2eq = CO2EQ | {DAY.start: 123.0}
    first, second = rows(fetch(vendor, DAY))[:2]
    assert first["carbon_intensity_gco2_kwh"] == 123.0
    assert first["renewable_percentage"] == 80.0
    assert second["renewable_percentage"] == 60.0


@pytest.mark.parametrize("gone", [NO_CONTENT, json_reply({"detail": "Not Found"}, 404), json_reply({}, 410)])
def test_without_intensities_rows_are_the_shares_alone(vendor: EnergyChartsVendor, gone: Reply) -> None:
    for now, count in ((NEXT_WEEK, 96), (NOW, 39)):
        vendor.now = now
        vendor.misbehave(gone, path="/co2eq")
        (answer,) = fetch(vendor, DAY)
        assert (answer.step, answer.rows.num_rows) == (QUARTER, count)
        assert {row["carbon_intensity_gco2_kwh"] for row in rows([answer])} == {None}
        assert {row["renewable_percentage"] for row in rows([answer])} == {60.0}


def test_a_service_of_intensities_that_is_gone_is_logged(
    vendor: EnergyChartsVendor, caplog: pytest.LogCaptureFixture
) -> None:
    vendor.co2eq = None
    assert fetch(vendor, DAY)
    assert "carbon_intensity comes without the intensity itself" in caplog.text


def test_without_generation_rows_are_the_intensities_alone(vendor: EnergyChartsVendor) -> None:
    vendor.now = NEXT_WEEK
    vendor.misbehave(NO_CONTENT, path="/public_power")
    found = rows(fetch(vendor, DAY))
    assert [row["carbon_intensity_gco2_kwh"] for row in found] == [CO2EQ[at] for at in TIMES if at in DAY]
    assert {row["renewable_percentage"] for row in found} == {None}


@pytest.mark.parametrize(("country", "minutes"), [("it", 60), ("uk", 30), ("fr", 15)])
def test_a_country_has_the_step_it_has(vendor: EnergyChartsVendor, country: str, minutes: int) -> None:
    vendor.now, vendor.country = NEXT_WEEK, country
    vendor.power = {name: by_hour(values, minutes) for name, values in POWER.items()}
    vendor.misbehave(NO_CONTENT, path="/co2eq")
    (answer,) = fetch(vendor, DAY, grid_region=country)
    assert (answer.covers, answer.step) == (DAY, timedelta(minutes=minutes))
    assert answer.rows.num_rows == 24 * 60 // minutes
    assert set(answer.rows["region"].to_pylist()) == {country}


def test_hourly_shares_stand_at_the_start_of_their_hour_among_quarter_hourly_intensities(
    vendor: EnergyChartsVendor,
) -> None:
    vendor.now = NEXT_WEEK
    vendor.power = {name: by_hour(values) for name, values in POWER.items()}
    (answer,) = fetch(vendor, DAY)
    assert (answer.covers, answer.step, answer.rows.num_rows) == (DAY, QUARTER, 96)
    assert [row["time"].minute for row in rows([answer]) if row["renewable_percentage"] is not None] == [0] * 24


def test_intensities_that_are_all_null_promise_no_rows(vendor: EnergyChartsVendor) -> None:
    vendor.now = NEXT_WEEK
    vendor.power = {name: by_hour(values) for name, values in POWER.items()}
    vendor.co2eq, vendor.forecasts = constant(None), {}
    (answer,) = fetch(vendor, DAY)
    assert (answer.step, answer.rows.num_rows) == (HOUR, 24)


def test_an_intensity_that_cannot_be_one_is_absent(vendor: EnergyChartsVendor) -> None:
    vendor.now = NEXT_WEEK
    vendor.co2eq = CO2EQ | {DAY.start: -999.0}
    first = rows(fetch(vendor, DAY))[0]
    assert first["carbon_intensity_gco2_kwh"] is None
    assert first["renewable_percentage"] == 60.0
