"""Any JSON API as a meter: rows of whatever length become mean power, and energy since midnight."""

import logging
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.feeds.meter import generic
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.skipped import noting
from homeiq_assets.window import HOUR, Window, local_day, local_midnight
from homeiq_assets_tests.feeds.meter.described_meter import (
    DAY,
    ENERGY,
    MINUTE,
    NOW,
    VIENNA,
    answers,
    every,
    meter,
    times,
    watts,
)
from homeiq_assets_tests.simulated_vendors.described import DescribedVendor
from homeiq_assets_tests.simulated_vendors.server import json_reply, no_waiting

FIVE, QUARTER = 5 * MINUTE, 15 * MINUTE
AFTER = DAY.end + timedelta(days=7)


@pytest.fixture
def vendor() -> Iterator[DescribedVendor]:
    """An API with a row a minute."""
    with DescribedVendor(every(MINUTE, DAY, watts(1200.0)), zone=VIENNA, published=NOW) as running, no_waiting():
        yield running


def test_a_poll_of_minutes_brings_five_minute_means_and_counts_from_local_midnight(vendor: DescribedVendor) -> None:
    ten = DAY.start + 10 * HOUR
    vendor.rows |= {ten + n * MINUTE: [{"w": 1000.0 + 100 * n}] for n in range(8)}

    (answer,) = answers(vendor, Window(NOW - 12.5 * MINUTE, DAY.end))

    assert times(answer.rows) == [ten - FIVE, ten]
    assert answer.covers == Window(ten - FIVE, ten + FIVE)  # the five minutes from 10:05 on are not over
    assert answer.step == FIVE
    assert answer.rows["meter_type"].to_pylist() == ["generic"] * 2
    assert answer.rows["total_power_w"].to_pylist() == [1200.0, 1200.0]
    assert answer.rows["daily_kwh"].to_pylist() == pytest.approx([12.0, 12.1])
    assert len(vendor.asked) == 1


def test_means_are_weighted_by_time_where_intervals_cross_the_five_minutes(vendor: DescribedVendor) -> None:
    step = timedelta(seconds=200)
    vendor.rows = {DAY.start + n * step: [{"w": 300.0 * n}] for n in range(3)}

    (answer,) = answers(vendor)

    assert times(answer.rows) == [DAY.start, DAY.start + FIVE]
    assert answer.rows["total_power_w"].to_pylist() == pytest.approx([100.0, 500.0])
    assert answer.rows["daily_kwh"].to_pylist() == pytest.approx([30_000 / 3.6e6, 180_000 / 3.6e6])


def test_a_missing_minute_adds_no_energy(vendor: DescribedVendor) -> None:
    for n in (1, 2, 3):
        del vendor.rows[DAY.start + n * MINUTE]

    (answer,) = answers(vendor)

    assert answer.rows["total_power_w"][0].as_py() == 1200.0
    assert answer.rows["daily_kwh"][0].as_py() == pytest.approx(1.2 * 2 / 60)


def test_energies_of_quarter_hours_become_mean_power_once_they_are_over(vendor: DescribedVendor) -> None:
    vendor.rows = every(QUARTER, DAY, lambda _: {"kwh": 0.25})

    (answer,) = answers(vendor, Window(NOW - HOUR, DAY.end), jmespath=ENERGY)

    assert answer.step == QUARTER
    assert answer.covers == Window(DAY.start + 9.25 * HOUR, DAY.start + 10 * HOUR)
    assert answer.rows["total_power_w"].to_pylist() == [1000.0] * 3
    assert answer.rows["daily_kwh"][-1].as_py() == pytest.approx(10.0)


def test_an_end_of_its_own_says_how_long_a_row_is(vendor: DescribedVendor) -> None:
    vendor.misbehave(json_reply({"data": [{"t": "2026-11-20T07:00Z", "e": "2026-11-20T09:00Z", "kwh": 3}]}))

    (answer,) = answers(vendor, jmespath="data[].{start: t, end: e, energy_kwh: kwh}")

    assert (answer.step, answer.covers.length) == (2 * HOUR, 2 * HOUR)
    assert answer.rows["total_power_w"].to_pylist() == [1500.0]


def test_a_month_is_filled_by_one_request(vendor: DescribedVendor) -> None:
    month = Window(local_midnight(date(2026, 10, 1), VIENNA), local_midnight(date(2026, 11, 1), VIENNA))
    month = Window(month.start, month.start + timedelta(days=31))
    vendor.rows, vendor.published = every(QUARTER, month, watts(400.0)), None

    (answer,) = answers(vendor, month)

    assert meter(vendor).longest == month.length
    assert len(vendor.asked) == 1
    assert answer.covers == month
    assert answer.rows.num_rows == 31 * 96


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 10, 25), 25), (date(2026, 3, 29), 23)])
def test_a_day_of_a_clock_change_has_the_hours_it_has(vendor: DescribedVendor, day: date, hours: int) -> None:
    window = local_day(day, VIENNA)
    around = Window(window.start - 24 * HOUR, window.end + 24 * HOUR)
    vendor.rows, vendor.published = every(MINUTE, around, watts(1000.0)), None

    (answer,) = answers(vendor, window, AFTER)

    assert answer.covers == window
    assert answer.rows.num_rows == hours * 12
    assert answer.rows["daily_kwh"][-1].as_py() == pytest.approx(hours)


def test_feeding_in_is_negative_and_a_negative_factor_turns_the_sign(vendor: DescribedVendor) -> None:
    vendor.rows = every(QUARTER, DAY, watts(2.4))

    (answer,) = answers(vendor, meter_unit_factor=-1000.0)

    assert set(answer.rows["total_power_w"].to_pylist()) == {-2400.0}
    assert answer.rows["daily_export_kwh"][3].as_py() == pytest.approx(2.4)
    assert answer.rows["daily_kwh"][3].as_py() == 0.0


def test_single_missing_rows_are_covered_and_a_long_outage_is_not(vendor: DescribedVendor) -> None:
    vendor.rows, vendor.published = every(FIVE, DAY, watts(600.0)), None
    gone = [DAY.start + 2 * HOUR + n * FIVE for n in range(3)]
    down = [DAY.start + 6 * HOUR + n * FIVE for n in range(20)]
    for at in gone + down:
        del vendor.rows[at]

    before, after = answers(vendor, now=AFTER)

    assert before.covers == Window(DAY.start, down[0])
    assert after.covers == Window(down[-1] + FIVE, DAY.end)
    assert not set(gone) & set(times(before.rows))
    assert after.rows["daily_kwh"][-1].as_py() == pytest.approx(0.6 * (24 - 23 / 12))


@pytest.mark.parametrize("nothing", [None, float("nan"), 1e7, float("-inf")])
def test_a_row_without_a_believable_number_is_no_reading(
    vendor: DescribedVendor, nothing: float | None, caplog: pytest.LogCaptureFixture
) -> None:
    vendor.rows = every(FIVE, DAY, watts(600.0))
    vendor.rows[DAY.start + HOUR] = [{"w": nothing}]

    (answer,) = answers(vendor)

    assert DAY.start + HOUR not in times(answer.rows)
    assert answer.rows["total_power_w"].null_count == 0
    assert "no usable reading for 2026-11-20T00:00:00" in caplog.text


def test_a_revised_reading_is_what_the_next_fetch_says(vendor: DescribedVendor) -> None:
    vendor.rows = every(FIVE, DAY, watts(600.0))
    before = answers(vendor)[0].rows
    vendor.rows[DAY.start] = [{"w": 1800.0}]
    after = answers(vendor)[0].rows

    assert after["total_power_w"].to_pylist() == [1800.0, *before["total_power_w"].to_pylist()[1:]]
    assert after["daily_kwh"][-1].as_py() == pytest.approx(before["daily_kwh"][-1].as_py() + 0.1)


def test_an_empty_day_covers_nothing_and_a_short_one_what_it_holds(vendor: DescribedVendor) -> None:
    vendor.published = DAY.start + 3 * HOUR
    (answer,) = answers(vendor, now=AFTER)
    assert answer.covers == Window(DAY.start, vendor.published)

    vendor.rows = {}
    assert answers(vendor, now=AFTER) == []


def test_a_window_that_has_not_begun_asks_nothing(vendor: DescribedVendor) -> None:
    assert answers(vendor, Window(NOW, NOW + HOUR)) == []
    assert answers(vendor, DAY, DAY.start + 2 * MINUTE) == []
    assert vendor.asked == []


def test_one_row_just_after_midnight_is_waited_for(vendor: DescribedVendor, caplog: pytest.LogCaptureFixture) -> None:
    vendor.misbehave(json_reply({"data": [{"t": "2026-11-19T23:00Z", "w": 1}]}))

    with caplog.at_level(logging.WARNING):
        assert answers(vendor, DAY, DAY.start + 6 * MINUTE) == []
    assert "how long the only row, of 2026-11-19T23:00:00+00:00, lasts is not known" in caplog.text


@pytest.mark.parametrize(("begins", "known"), [(0, True), (3, False)])
def test_of_an_api_that_tells_the_last_hours_only_energy_since_midnight_is_not_known(
    vendor: DescribedVendor, begins: int, known: bool
) -> None:
    vendor.rows = every(FIVE, Window(DAY.start + begins * HOUR, DAY.end), watts(600.0))

    (answer,) = answers(vendor, Window(NOW - HOUR, DAY.end), path="/v1/today")

    assert answer.rows["total_power_w"].null_count == 0
    assert (answer.rows["daily_kwh"].null_count == 0) is known
    assert (answer.rows["daily_export_kwh"].null_count == 0) is known


@pytest.mark.parametrize(
    ("jmespath", "problem"),
    [
        ("data[].{start: t, watts: w}", "0 is not what the API promises (Value error, has neither power_w nor energy"),
        ("data[].{start: t, power_w: w, energy_kwh: w}", "has both power_w and energy_kwh"),
        ("data[].{start: t, power_w: to_string(w)}", "0.power_w"),
        ("data[].{start: t, power_w: w, circuit: w}", "0.circuit"),
    ],
)
def test_rows_that_are_no_readings_are_an_error_that_shows_what_came(
    vendor: DescribedVendor, jmespath: str, problem: str
) -> None:
    with pytest.raises(ProviderError) as caught:
        answers(vendor, jmespath=jmespath)

    told = str(caught.value)
    assert told.startswith(f"generic: GET {vendor.url}/v1/rows?")
    assert problem in told
    assert '{"data": [{"t": "2026-11-19T23:00:00Z", "w": 1200.0}' in told
    assert told.endswith("Look at METER_JMESPATH.")


def test_readings_that_share_time_are_left_out_and_repeated_ones_are_not(vendor: DescribedVendor) -> None:
    vendor.rows[DAY.start] *= 2
    assert answers(vendor)[0].rows.num_rows == 121

    vendor.rows[DAY.start] = [{"w": 1.0}, {"w": 2.0}]
    with noting(AFTER) as skipped:
        first = answers(vendor)[0].rows.to_pylist()[0]
    assert first["daily_kwh"] == pytest.approx(first["total_power_w"] * 4 / 60 / 1000)
    assert "two different readings for the time from 2026-11-19T23:00:00Z" in skipped.summary()


def test_settings_that_do_not_suffice_say_what_to_set() -> None:
    for given, problem in (
        ({}, "METER_URL: is not set"),
        ({"meter_url": "https://a.example/{start}"}, "METER_JMESPATH: is not set"),
        ({"meter_unit_factor": 0.0}, "METER_UNIT_FACTOR: is 0, which makes every reading 0"),
    ):
        for provider in generic.build(Settings(**given), VIENNA).values():  # type: ignore[arg-type]
            with pytest.raises(SettingError, match=problem):
                list(provider.fetch(DAY, NOW))


def test_the_probe_tells_the_newest_reading_or_why_there_is_none(vendor: DescribedVendor) -> None:
    assert meter(vendor).probe(NOW) == "605 rows of today, newest 1200 W at 09:00 UTC, no circuits"
    with pytest.raises(
        ProviderError, match=r"none of 605 rows is a reading.*look at METER_JMESPATH and METER_UNIT_FACT"
    ):
        meter(vendor, "data[].{start: t, power_w: watt}").probe(NOW)
    vendor.rows = {}
    assert meter(vendor).probe(NOW) == "reachable, but it has no reading of today"
