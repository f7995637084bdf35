"""Emporia as a meter, asked over HTTP: which chart is asked for what, and what becomes of its buckets."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from homeiq_assets.errors import ProviderError
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.feeds.meter.emporia_home import (
    CIRCUITS,
    DAY,
    HOUR,
    MINUTE,
    NOW,
    STEP,
    VIENNA,
    VUE,
    fetch,
    poll,
    provider,
    rows,
    running,
)
from homeiq_assets_tests.simulated_vendors.emporia import EmporiaVendor
from homeiq_assets_tests.simulated_vendors.server import Misbehaviour, Reply, html_reply, json_reply

QUARTER = 15 * MINUTE
MAINS = (VUE, "1,2,3")
YESTERDAY = Window(DAY.start - 24 * HOUR, DAY.start)
LAST_MONTH = local_day(date(2026, 2, 10), VIENNA)


@pytest.fixture
def vendor() -> Iterator[EmporiaVendor]:
    with running() as emporia:
        yield emporia


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def chart(*usage: Any, first: datetime | None = None) -> Reply:
    at = first or YESTERDAY.start
    return json_reply({"firstUsageInstant": f"{at:%Y-%m-%dT%H:%M:%SZ}", "usageList": list(usage)})


def test_a_poll_brings_the_five_minutes_that_are_over_and_counts_from_local_midnight(
    vendor: EmporiaVendor, home: Path
) -> None:
    (answer,) = fetch(vendor, home, poll())

    ten = DAY.start + 10 * HOUR
    assert answer.covers == Window(ten - STEP, ten + STEP)  # 10:05 to 10:10 is not over at 10:07:30
    assert answer.step == STEP
    first, last = rows([answer])
    assert first["time"] == ten - STEP
    assert last == {
        "time": ten,
        "meter_type": "emporia",
        "total_power_w": pytest.approx(1200),
        "daily_kwh": pytest.approx(1.2 * (10 + 5 / 60)),
        "daily_export_kwh": 0.0,
    }
    (asked,) = vendor.charts
    assert (asked["scale"], asked["start"], asked["end"]) == ("1MIN", "2026-03-17T23:00:00Z", "2026-03-18T09:07:00Z")


def test_five_minutes_that_the_device_has_not_reported_in_full_are_left_to_the_next_poll(
    vendor: EmporiaVendor, home: Path
) -> None:
    vendor.lag = 3 * MINUTE
    (answer,) = fetch(vendor, home, poll())
    assert answer.covers.end == DAY.start + 10 * HOUR


def test_minutes_that_the_device_left_out_are_not_drawn_energy(vendor: EmporiaVendor, home: Path) -> None:
    silent = DAY.start + 9 * HOUR
    vendor.power[MAINS] = lambda at: None if silent <= at < silent + 2 * MINUTE else 1200.0
    found = {row["time"]: row for row in rows(fetch(vendor, home, Window(DAY.start, NOW)))}
    before, partly = found[silent - STEP], found[silent]
    assert partly["total_power_w"] == pytest.approx(1200)
    assert partly["daily_kwh"] - before["daily_kwh"] == pytest.approx(1.2 * 3 / 60)


def test_a_window_that_has_not_begun_asks_nothing(vendor: EmporiaVendor, home: Path) -> None:
    assert fetch(vendor, home, Window(DAY.end, DAY.end + 24 * HOUR)) == []
    assert fetch(vendor, home, Window(NOW, DAY.end)) == []
    assert vendor.asked == []


def test_a_month_takes_the_requests_that_the_ranges_force(vendor: EmporiaVendor, home: Path) -> None:
    # The clocks go back in it.
    month = Window(local_day(date(2025, 10, 1), VIENNA).start, local_day(date(2025, 10, 31), VIENNA).end)
    assert provider(vendor, home).longest >= month.length

    (answer,) = fetch(vendor, home, month)
    assert answer.covers == month
    assert (answer.step, answer.rows.num_rows) == (QUARTER, 31 * 96 + 4)
    assert Counter(one["scale"] for one in vendor.charts) == {"15MIN": 5}

    (circuits,) = fetch(vendor, home, month, CIRCUITS)
    assert circuits.rows.num_rows == 2 * (31 * 96 + 4)
    assert len(vendor.charts) == 5 + 3 * 5
    assert len(vendor.asked_for("/customers/devices")) == 1
    assert vendor.logins == ["InitiateAuth", "RespondToAuthChallenge"]


def test_the_last_days_are_fine_and_what_is_before_is_coarse_with_the_seam_at_a_midnight(
    vendor: EmporiaVendor, home: Path
) -> None:
    coarse, fine = fetch(vendor, home, Window(DAY.end - timedelta(days=31), DAY.end))
    seam = local_day(date(2026, 3, 12), VIENNA).start
    assert (coarse.step, fine.step) == (QUARTER, STEP)
    assert coarse.covers == Window(DAY.end - timedelta(days=31), seam)
    assert fine.covers == Window(seam, DAY.start + 10 * HOUR + STEP)
    assert Counter(one["scale"] for one in vendor.charts) == {"15MIN": 4, "1MIN": 13}


def test_each_of_the_last_six_nights_days_can_still_be_settled_in_its_own_step(
    vendor: EmporiaVendor, home: Path
) -> None:
    vendor.now = DAY.start + 3 * HOUR
    answers = fetch(vendor, home, Window(local_day(date(2026, 3, 12), VIENNA).start, DAY.start))
    assert [answer.step for answer in answers] == [STEP]


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2025, 10, 26), 25)])
@pytest.mark.parametrize(("later", "step"), [(timedelta(days=2), STEP), (timedelta(days=40), QUARTER)])
def test_a_day_of_a_clock_change_has_the_hours_it_has(
    vendor: EmporiaVendor, home: Path, day: date, hours: int, later: timedelta, step: timedelta
) -> None:
    window = local_day(day, VIENNA)
    vendor.now = window.end + later
    (answer,) = fetch(vendor, home, window)
    assert answer.covers == window
    assert answer.rows.num_rows == hours * HOUR / step
    assert rows([answer])[-1]["daily_kwh"] == pytest.approx(1.2 * hours)


def test_negative_net_mains_are_fed_in(vendor: EmporiaVendor, home: Path) -> None:
    noon = YESTERDAY.start + 12 * HOUR
    vendor.power[MAINS] = lambda at: -2400.0 if noon <= at < noon + HOUR else 600.0
    found = rows(fetch(vendor, home, YESTERDAY))
    assert min(row["total_power_w"] for row in found) == pytest.approx(-2400)
    assert found[-1]["daily_export_kwh"] == pytest.approx(2.4)
    assert found[-1]["daily_kwh"] == pytest.approx(0.6 * 23)


def test_an_empty_day_covers_nothing(vendor: EmporiaVendor, home: Path) -> None:
    vendor.began = NOW
    assert fetch(vendor, home, YESTERDAY) == []
    assert fetch(vendor, home, LAST_MONTH) == []
    vendor.misbehave(json_reply({"firstUsageInstant": None, "usageList": []}), path="/AppAPI")
    assert fetch(vendor, home, LAST_MONTH) == []


def test_a_monitor_that_began_in_the_middle_of_a_day_vouches_from_there(vendor: EmporiaVendor, home: Path) -> None:
    vendor.began = YESTERDAY.start + 9 * HOUR
    (answer,) = fetch(vendor, home, YESTERDAY)
    assert answer.covers == Window(vendor.began, YESTERDAY.end)


def test_a_short_silence_is_covered_and_a_long_one_is_not(vendor: EmporiaVendor, home: Path) -> None:
    short = Window(YESTERDAY.start + 3 * HOUR, YESTERDAY.start + 3 * HOUR + 4 * STEP)
    long = Window(YESTERDAY.start + 8 * HOUR, YESTERDAY.start + 10 * HOUR)
    vendor.power[MAINS] = lambda at: None if at in short or at in long else 1200.0
    answers = fetch(vendor, home, YESTERDAY)
    assert [one.covers for one in answers] == [
        Window(YESTERDAY.start, long.start),
        Window(long.end, YESTERDAY.end),
    ]
    assert not [row for row in rows(answers) if row["time"] in short]


def test_a_gap_that_fills_later_is_what_the_next_fetch_says(vendor: EmporiaVendor, home: Path) -> None:
    before = rows(fetch(vendor, home, YESTERDAY))
    vendor.power[MAINS] = lambda at: 2000.0 if at < YESTERDAY.start + STEP else 1200.0
    after = rows(fetch(vendor, home, YESTERDAY))
    assert after[0]["total_power_w"] == pytest.approx(2000)
    assert [row["total_power_w"] for row in after[1:]] == [row["total_power_w"] for row in before[1:]]


def test_time_counts_from_where_the_chart_says_it_begins(vendor: EmporiaVendor, home: Path) -> None:
    vendor.misbehave(chart(*[0.02] * 10, first=YESTERDAY.start + HOUR), path="/AppAPI")
    vendor.misbehave(chart(), path="/AppAPI")
    (answer,) = fetch(vendor, home, YESTERDAY)
    assert answer.covers == Window(YESTERDAY.start + HOUR, YESTERDAY.start + HOUR + 2 * STEP)


def test_buckets_outside_what_was_asked_are_not_taken(vendor: EmporiaVendor, home: Path) -> None:
    vendor.misbehave(chart(*[0.3] * 200, first=LAST_MONTH.start - 20 * QUARTER), path="/AppAPI")
    (answer,) = fetch(vendor, home, LAST_MONTH)
    assert answer.covers == LAST_MONTH


def test_a_sentinel_is_no_value(vendor: EmporiaVendor, home: Path) -> None:
    vendor.misbehave(chart(0.3, -999.0, 0.3, first=LAST_MONTH.start), path="/AppAPI")
    assert [row["total_power_w"] for row in rows(fetch(vendor, home, LAST_MONTH))] == pytest.approx([1200, 1200])


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (chart("0.3"), "usageList.0"),
        (chart(True), "usageList.0"),
        (json_reply({"firstUsageInstant": "9999-12-31T23:59:00Z", "usageList": [0.3] * 5}), "firstUsageInstant"),
        (json_reply({"firstUsageInstant": None, "usageList": [0.3]}), "no start of a bucket"),
        (json_reply({"firstUsageInstant": "2026-03-16T23:00:17Z", "usageList": [0.3]}), "no start of a bucket"),
        (json_reply({"firstUsageInstant": "2026-03-16T23:00:00", "usageList": [0.3]}), "firstUsageInstant"),
        (json_reply({"firstUsageInstant": 1773702000, "usageList": [0.3]}), "firstUsageInstant"),
        (Reply(200, b'{"firstUsageInstant":"2026-03-16T23:00:00Z","usageList":[NaN]}'), "usageList.0"),
        (json_reply({"usageList": None}), "usageList"),
        (json_reply({"message": "an error inside a 200"}), "an error inside a 200"),
        (json_reply({"message": "Bad Request: time range too large"}, 400), "time range too large"),
        (json_reply({"message": "Forbidden"}, 403), "METER_DEVICE_ID"),
        (json_reply({"message": "no such device"}, 404), "METER_DEVICE_ID"),
        (json_reply([]), "the answer"),
        (html_reply(), "Bad gateway"),
        (Reply(200, b""), "nothing in it"),
        (Misbehaviour(half=True), "not (complete) JSON"),
        (json_reply({"message": "slow down"}, 429, Retry_After="7200"), "7200 s"),
    ],
)
def test_whatever_else_comes_back_is_an_error_that_names_the_vendor(
    vendor: EmporiaVendor, home: Path, wrong: Reply | Misbehaviour, problem: str
) -> None:
    vendor.misbehave(wrong, path="/AppAPI")
    with pytest.raises(ProviderError) as caught:
        fetch(vendor, home, YESTERDAY)
    assert str(caught.value).startswith("emporia: ")
    assert problem in str(caught.value)


def test_hiccups_are_waited_out(vendor: EmporiaVendor, home: Path) -> None:
    vendor.misbehave(json_reply({}, 503), path="/")
    vendor.misbehave(json_reply({}, 500), path="/customers/devices")
    vendor.misbehave(json_reply({}, 429), Misbehaviour(reset=True), Misbehaviour(truncate=True), path="/AppAPI")
    assert len(rows(fetch(vendor, home, YESTERDAY))) == 288
