"""Home Assistant as a meter, against a strict simulated one."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.errors import SettingError
from homeiq_assets.feeds.meter.home_assistant import build
from homeiq_assets.feeds.provider import Provider
from homeiq_assets.window import HOUR, Window, local_day
from homeiq_assets_tests.feeds.meter.home_with_meter import (
    BOILER,
    GRID,
    MINUTES,
    NOW,
    OVEN,
    VIENNA,
    SettingsOf,
    answers,
    only,
    times,
)
from homeiq_assets_tests.simulated_vendors.home_assistant import HomeAssistant


def test_a_poll_brings_the_closed_intervals_and_counts_from_local_midnight(meter: Provider) -> None:
    window = Window(NOW - 12.5 * MINUTES, NOW + timedelta(days=1))

    answer = only(answers(meter, window))

    nine55, ten = datetime(2026, 11, 20, 9, 55, tzinfo=UTC), datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert times(answer.rows) == [nine55, ten]
    assert answer.covers == Window(nine55, ten + 5 * MINUTES)  # 10:05 is still open
    assert answer.step == 5 * MINUTES
    assert answer.rows["meter_type"].to_pylist() == ["home_assistant"] * 2
    assert answer.rows["total_power_w"].to_pylist() == [1200.0, 1200.0]  # W, although its user displays kW
    assert answer.rows["daily_kwh"][-1].as_py() == pytest.approx(1.2 * (11 + 5 / 60))  # since 23:00 UTC


def test_an_interval_that_is_not_compiled_yet_is_not_vouched_for(meter: Provider, vendor: HomeAssistant) -> None:
    vendor.now = datetime(2026, 11, 20, 10, 5, 4, tzinfo=UTC)  # 10:00 to 10:05 ended 4 seconds ago

    answer = only(answers(meter, Window(vendor.now - 20 * MINUTES, vendor.now), vendor.now))

    assert answer.covers.end == datetime(2026, 11, 20, 10, tzinfo=UTC)


def test_a_window_that_has_not_begun_asks_nothing(meter: Provider, vendor: HomeAssistant) -> None:
    assert answers(meter, Window(NOW, NOW + HOUR)) == []
    assert vendor.logins == []


def test_a_month_is_hourly_until_five_minute_statistics_begin(meter: Provider, vendor: HomeAssistant) -> None:
    window = Window(NOW - timedelta(days=31), NOW)
    assert meter.longest == timedelta(days=31, hours=1)  # an October

    hourly, fine = answers(meter, window)

    seam = datetime(2026, 11, 10, 11, tzinfo=UTC)  # purged up to 10:07:30, so that hour is taken whole
    assert (hourly.step, fine.step) == (HOUR, 5 * MINUTES)
    assert hourly.covers == Window(datetime(2026, 10, 20, 11, tzinfo=UTC), seam)
    assert fine.covers == Window(seam, datetime(2026, 11, 20, 10, 5, tzinfo=UTC))
    assert hourly.rows.num_rows == 21 * 24
    assert fine.rows.num_rows == (fine.covers.end - seam) / (5 * MINUTES)
    assert len(vendor.logins) == 1
    assert [command["id"] for command in vendor.commands] == [1, 2, 3]
    # The day of the seam is counted over both: 23:00 to 11:00 in hours, then in five minutes.
    assert fine.rows["daily_kwh"][0].as_py() == pytest.approx(1.2 * (12 + 1 / 12))


def test_days_long_gone_are_hourly_only(meter: Provider) -> None:
    day = local_day(date(2026, 3, 29), VIENNA)  # the clocks go forward

    answer = only(answers(meter, day))

    assert answer.covers == day
    assert answer.rows.num_rows == 23
    assert answer.rows["daily_kwh"][-1].as_py() == pytest.approx(1.2 * 23)


def test_an_hour_recorded_in_part_keeps_its_five_minutes(meter: Provider, vendor: HomeAssistant) -> None:
    vendor.began = datetime(2026, 11, 20, 8, 20, tzinfo=UTC)

    answer = only(answers(meter, local_day(date(2026, 11, 20), VIENNA)))

    assert answer.step == 5 * MINUTES
    assert answer.covers.start == vendor.began
    assert answer.rows["daily_kwh"][0].as_py() == pytest.approx(0.1)


def test_an_outage_before_the_window_is_not_taken_for_a_purge(meter: Provider, vendor: HomeAssistant) -> None:
    down = Window(datetime(2026, 11, 19, 23, tzinfo=UTC), datetime(2026, 11, 19, 23, 30, tzinfo=UTC))
    vendor.power[GRID] = lambda at: None if at in down else 1200.0

    answer = only(answers(meter, local_day(date(2026, 11, 20), VIENNA)))

    assert answer.step == 5 * MINUTES
    assert answer.covers.start == down.end


def test_an_outage_stays_a_gap(meter: Provider, vendor: HomeAssistant) -> None:
    down = Window(datetime(2026, 11, 18, 2, tzinfo=UTC), datetime(2026, 11, 18, 12, 20, tzinfo=UTC))
    vendor.power[GRID] = lambda at: None if at in down else 1200.0
    day = local_day(date(2026, 11, 18), VIENNA)

    answer = only(answers(meter, day))

    assert answer.covers == day
    assert not any(time in down for time in times(answer.rows))
    assert answer.rows["daily_kwh"][-1].as_py() == pytest.approx(1.2 * (24 - 10 - 1 / 3))


def test_a_null_mean_is_an_absent_reading(meter: Provider, vendor: HomeAssistant) -> None:
    null = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    vendor.nulls = {null}

    answer = only(answers(meter, Window(null - 15 * MINUTES, null + 15 * MINUTES)))

    assert len(times(answer.rows)) == 5
    assert null not in times(answer.rows)


def test_feeding_in_is_negative_power_and_counts_as_export(meter: Provider, vendor: HomeAssistant) -> None:
    noon = datetime(2026, 11, 19, 11, tzinfo=UTC)
    vendor.power[GRID] = lambda at: -2400.0 if noon <= at < noon + HOUR else 600.0

    rows = only(answers(meter, local_day(date(2026, 11, 19), VIENNA))).rows

    assert min(rows["total_power_w"].to_pylist()) == -2400.0
    assert rows["daily_export_kwh"][-1].as_py() == pytest.approx(2.4)
    assert rows["daily_kwh"][-1].as_py() == pytest.approx(0.6 * 23)


def test_half_hour_zones_lose_nothing_of_their_hourly_past(configured: SettingsOf) -> None:
    kolkata = ZoneInfo("Asia/Kolkata")
    provider = build(configured(), kolkata)["smart_meter"]

    first, second = (only(answers(provider, local_day(date(2026, 5, day), kolkata))) for day in (4, 5))

    assert first.rows.num_rows + second.rows.num_rows == 48
    assert first.covers.end == datetime(2026, 5, 4, 18, 30, tzinfo=UTC)  # its last hour begins at 23:30
    assert times(second.rows)[0] == datetime(2026, 5, 4, 19, tzinfo=UTC)


def test_circuits_are_named_and_shares_of_the_home(configured: SettingsOf, vendor: HomeAssistant) -> None:
    providers = build(configured(HOME_ASSISTANT_CIRCUITS=f" Hot water = {BOILER}, {OVEN} ,"), VIENNA)
    circuits = providers["smart_meter_circuit"]

    hourly, fine = answers(circuits, Window(NOW - timedelta(days=12), NOW))
    polled = only(answers(circuits, Window(NOW - 12 * MINUTES, NOW)))

    assert {row["circuit_name"]: row["percentage"] for row in polled.rows.to_pylist()} == {
        "Hot water": 50.0,
        "oven_power": 25.0,
    }
    assert hourly.rows["percentage"].null_count == fine.rows["percentage"].null_count == 0
    assert len(vendor.asked_for("hour")) == 1  # a poll in the middle of an interval does not ask for hours


def test_without_circuits_there_is_only_the_meter(configured: SettingsOf) -> None:
    assert list(build(configured(), VIENNA)) == ["smart_meter"]


@pytest.mark.parametrize("circuits", [",", "oven", "=sensor.oven", f"a={OVEN},a={BOILER}", f"{OVEN},b={OVEN}"])
def test_circuits_that_make_no_sense_name_their_setting(configured: SettingsOf, circuits: str) -> None:
    with pytest.raises(SettingError, match="HOME_ASSISTANT_CIRCUITS"):
        build(configured(HOME_ASSISTANT_CIRCUITS=circuits), VIENNA)
