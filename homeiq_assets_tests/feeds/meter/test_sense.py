"""Sense as a meter, asked over HTTP: hours of the monitor's days become rows, and nothing else does."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.errors import ProviderError
from homeiq_assets.feeds.collect import collect
from homeiq_assets.schema.measurements import SMART_METER, SMART_METER_CIRCUIT
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.feeds.meter.sense_home import (
    CIRCUITS,
    DAY,
    HOUR,
    METER,
    MINUTE,
    NOW,
    PASSWORD,
    USER,
    VIENNA,
    YESTERDAY,
    constant,
    fetch,
    poll,
    provider,
    rows,
    running,
)
from homeiq_assets_tests.household import Household, checks_of, failure_of, household, metadata_by_day
from homeiq_assets_tests.simulated_vendors.sense import BELOW, SenseVendor
from homeiq_assets_tests.simulated_vendors.server import Misbehaviour, Reply, html_reply, json_reply

HISTORY = f"{BELOW}app/monitors/901/history/usage"
NEXT_WEEK = DAY.end + timedelta(days=7)


@pytest.fixture
def vendor() -> Iterator[SenseVendor]:
    with running() as sense:
        yield sense


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def home(vendor: SenseVendor, folder: Path) -> Household:
    account = {"METER_USERNAME": USER, "METER_PASSWORD": PASSWORD, "SENSE_BASE_URL": vendor.url}
    return household(folder, NOW, METER_TYPE="sense", **account)


def history(*kwh: Any, start: Any = "2026-03-16T23:00:00.000Z", devices: Any = ()) -> Reply:
    used = {"usage_total_kwh": 1.0, "usage_breakdown_kwh": list(kwh)}
    return json_reply({"start": start, "consumption": used, "device_breakdown": list(devices)})


def test_a_poll_brings_the_hours_that_are_over_and_counts_from_local_midnight(
    vendor: SenseVendor, folder: Path
) -> None:
    (answer,) = fetch(vendor, folder, poll())

    ten = DAY.start + 10 * HOUR
    assert answer.covers == Window(ten - HOUR, ten)  # 10:00 to 11:00 is not over at 10:20
    assert answer.step == HOUR
    assert rows([answer]) == [
        {
            "time": ten - HOUR,
            "meter_type": "sense",
            "total_power_w": pytest.approx(1200),
            "daily_kwh": pytest.approx(12),
            "daily_export_kwh": 0.0,
        }
    ]
    (asked,) = vendor.asked_below("app/monitors/901/history/usage")
    assert asked.params == {"scale": "DAY", "start": "2026-03-17T23:00:00"}


def test_an_hour_that_has_just_ended_waits_for_what_is_still_on_its_way(vendor: SenseVendor, folder: Path) -> None:
    vendor.now = DAY.start + 10 * HOUR + 9 * MINUTE
    (answer,) = fetch(vendor, folder, poll(vendor.now, 3 * HOUR))
    assert answer.covers.end == DAY.start + 9 * HOUR


def test_a_window_that_has_not_begun_asks_nothing(vendor: SenseVendor, folder: Path) -> None:
    assert fetch(vendor, folder, Window(DAY.end, DAY.end + 24 * HOUR)) == []
    assert vendor.asked == []


@pytest.mark.parametrize("feed", [METER, CIRCUITS])
def test_a_month_takes_a_request_per_day(vendor: SenseVendor, folder: Path, tmp_path: Path, feed: str) -> None:
    store = EmbeddedStore(tmp_path / "store")
    month = Window(local_day(date(2026, 1, 1), VIENNA).start, local_day(date(2026, 1, 31), VIENNA).end)

    parts = list(collect(provider(vendor, folder, feed), store, month, NOW, VIENNA))

    assert sum(part.received.total() for part in parts) == 31 * 24 * (1 if feed == METER else 2)
    assert len(vendor.asked_for(HISTORY)) == 31
    assert vendor.logins == ["authenticate"]
    assert len(vendor.asked_below("app/monitors/901/overview")) == 1


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2025, 10, 26), 25)])
def test_a_day_of_a_clock_change_has_the_hours_it_has(vendor: SenseVendor, folder: Path, day: date, hours: int) -> None:
    window = local_day(day, VIENNA)
    vendor.now = window.end + timedelta(days=2)
    (answer,) = fetch(vendor, folder, window)
    assert answer.covers == window
    assert answer.rows.num_rows == hours
    assert rows([answer])[-1]["daily_kwh"] == pytest.approx(1.2 * hours)


def test_the_homes_day_is_cut_out_of_the_monitors_days(vendor: SenseVendor, folder: Path) -> None:
    vendor.zone = "America/Los_Angeles"
    vendor.now = NEXT_WEEK
    vendor.used = lambda at: 600.0 if at < YESTERDAY.start else 1200.0
    (answer,) = fetch(vendor, folder, YESTERDAY)
    assert answer.covers == YESTERDAY
    assert [row["total_power_w"] for row in rows([answer])] == pytest.approx([1200] * 24)
    assert rows([answer])[-1]["daily_kwh"] == pytest.approx(1.2 * 24)
    starts = [one.params["start"] for one in vendor.asked_for(HISTORY)]
    assert starts == ["2026-03-16T07:00:00", "2026-03-17T07:00:00"]


def test_what_is_counted_since_the_homes_midnight_began_on_the_monitors_day_before(
    vendor: SenseVendor, folder: Path
) -> None:
    vendor.zone = "America/Los_Angeles"
    (answer,) = fetch(vendor, folder, poll())  # 02:20 there
    assert rows([answer])[-1]["daily_kwh"] == pytest.approx(12)


def test_days_of_a_half_hour_zone_lose_no_hour_between_them(vendor: SenseVendor, folder: Path) -> None:
    kolkata = ZoneInfo("Asia/Kolkata")
    vendor.now = NEXT_WEEK
    found = [
        row["time"]
        for day in (16, 17)
        for row in rows(fetch(vendor, folder, local_day(date(2026, 3, day), kolkata), zone=kolkata))
    ]
    assert found == [found[0] + n * HOUR for n in range(48)]


@pytest.mark.parametrize(("net", "plain"), [(1, False), (-1, True)])
def test_what_the_panels_leave_over_is_fed_in(vendor: SenseVendor, folder: Path, net: int, plain: bool) -> None:
    vendor.net, vendor.plain, noon = net, plain, YESTERDAY.start + 12 * HOUR
    vendor.solar = lambda at: 3600.0 if noon <= at < noon + 2 * HOUR else 0.0
    found = rows(fetch(vendor, folder, YESTERDAY))
    assert [row["total_power_w"] for row in found] == pytest.approx([1200] * 12 + [-2400] * 2 + [1200] * 10)
    assert found[-1]["daily_export_kwh"] == pytest.approx(4.8)
    assert found[-1]["daily_kwh"] == pytest.approx(1.2 * 22)
    assert len(vendor.asked_for(f"{HISTORY}/solar")) == 1


def test_devices_are_circuits_with_their_share_of_what_the_home_draws(vendor: SenseVendor, folder: Path) -> None:
    (answer,) = fetch(vendor, folder, poll(), CIRCUITS)
    found = {row["circuit_name"]: (row["power_w"], row["percentage"]) for row in rows([answer])}
    assert found == {
        "Fridge": (pytest.approx(120), pytest.approx(10)),
        "Always On": (pytest.approx(240), pytest.approx(20)),
    }


def test_a_device_within_another_is_no_circuit_and_one_found_anew_goes_on(vendor: SenseVendor, folder: Path) -> None:
    seam = YESTERDAY.start + 5 * HOUR
    vendor.devices = {
        ("old", "Fridge"): lambda at: 100.0 if at < seam else 0.0,
        ("new", "Fridge"): lambda at: 150.0 if at >= seam else 0.0,
        ("plug", "Plug"): constant(40),
        ("part", "Leg"): constant(40),
    }
    vendor.tags = {"plug": {"DeviceListAllowed": "false"}, "part": {"DeviceListAllowed": "true", "MergeId": "new"}}
    found = rows(fetch(vendor, folder, YESTERDAY, CIRCUITS))
    assert {row["circuit_name"] for row in found} == {"Fridge"}
    assert [row["power_w"] for row in found] == pytest.approx([100] * 5 + [150] * 19)


def test_hours_that_were_not_measured_are_not_covered_and_never_0(vendor: SenseVendor, folder: Path) -> None:
    off = Window(YESTERDAY.start + 3 * HOUR, YESTERDAY.start + 5 * HOUR)
    null = YESTERDAY.start + 20 * HOUR
    vendor.used = lambda at: None if at == null else 0.0 if at in off else 1200.0
    wanted = [
        Window(YESTERDAY.start, off.start),
        Window(off.end, null),
        Window(null + HOUR, YESTERDAY.end),
    ]
    for feed in (METER, CIRCUITS):
        answers = fetch(vendor, folder, YESTERDAY, feed)
        assert [answer.covers for answer in answers] == wanted
        assert not [row for row in rows(answers) if row["time"] in off or row["time"] == null]


def test_a_device_that_is_off_is_0_and_one_of_which_nothing_is_known_is_absent(
    vendor: SenseVendor, folder: Path
) -> None:
    nine = DAY.start + 9 * HOUR
    vendor.devices = {("a", "Oven"): constant(0.0), ("b", "Car"): lambda at: None if at == nine else 10.0}
    found = rows(fetch(vendor, folder, poll(), CIRCUITS))
    assert {row["circuit_name"]: row["power_w"] for row in found} == {"Oven": 0.0}


def test_an_empty_day_covers_nothing(vendor: SenseVendor, folder: Path) -> None:
    vendor.began = NOW
    assert fetch(vendor, folder, YESTERDAY) == fetch(vendor, folder, YESTERDAY, CIRCUITS) == []
    vendor.misbehave(history(), path=HISTORY)
    assert fetch(vendor, folder, YESTERDAY) == []
    vendor.misbehave(json_reply({"start": "2026-03-16T23:00:00Z", "consumption": {}}), path=HISTORY)
    assert fetch(vendor, folder, YESTERDAY) == []


def test_a_short_answer_covers_what_it_holds(vendor: SenseVendor, folder: Path) -> None:
    vendor.misbehave(history(*[0.5] * 9), path=HISTORY)
    (answer,) = fetch(vendor, folder, YESTERDAY)
    assert answer.covers == Window(YESTERDAY.start, YESTERDAY.start + 9 * HOUR)


def test_a_revised_hour_is_what_the_next_fetch_says(vendor: SenseVendor, folder: Path) -> None:
    before = rows(fetch(vendor, folder, YESTERDAY))
    vendor.used = lambda at: 2000.0 if at == YESTERDAY.start else 1200.0
    after = rows(fetch(vendor, folder, YESTERDAY))
    assert after[0]["total_power_w"] == pytest.approx(2000)
    assert [row["total_power_w"] for row in after[1:]] == [row["total_power_w"] for row in before[1:]]


def test_a_sentinel_is_no_value(vendor: SenseVendor, folder: Path) -> None:
    vendor.misbehave(history(0.5, -999.0, 0.5), path=HISTORY)
    assert [row["total_power_w"] for row in rows(fetch(vendor, folder, YESTERDAY))] == pytest.approx([500, 500])


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (history("0.5"), "usage_breakdown_kwh.0"),
        (history(True), "usage_breakdown_kwh.0"),
        (
            Reply(200, b'{"start":"2026-03-16T23:00:00Z","consumption":{"usage_breakdown_kwh":[NaN]}}'),
            "breakdown_kwh.0",
        ),
        (history(*[0.5] * 25), "25 hourly values of 2026-03-17, which has 24 hours"),
        (history(0.5, start="2026-03-10T23:00:00.000Z"), "it answered from"),
        (history(0.5, start="2026-03-16T23:00:00"), "start"),
        (history(0.5, start="0001-01-01T00:00:00+14:00"), "start"),
        (history(0.5, start=None), "start"),
        (history(0.5, devices=[{"name": "without an id"}]), "device_breakdown.0.id"),
        (json_reply({"status": "error", "error_reason": "an error inside a 200"}), "an error inside a 200"),
        (json_reply([]), "the answer"),
        (json_reply({"status": "error", "error_reason": "no such monitor"}, 404), "METER_DEVICE_ID"),
        (json_reply({"status": "error", "error_reason": "bad start"}, 400), "bad start"),
        (html_reply(), "Bad gateway"),
        (html_reply(410), "410"),
        (Reply(200, b""), "nothing in it"),
        (Misbehaviour(half=True), "not (complete) JSON"),
        (json_reply({}, 429, Retry_After="300"), "300 s"),
    ],
)
def test_whatever_else_comes_back_is_an_error_that_names_the_vendor(
    vendor: SenseVendor, folder: Path, wrong: Reply | Misbehaviour, problem: str
) -> None:
    vendor.misbehave(wrong, path=HISTORY)
    with pytest.raises(ProviderError) as caught:
        fetch(vendor, folder, YESTERDAY)
    assert str(caught.value).startswith("sense: ")
    assert problem in str(caught.value)


def test_hiccups_are_waited_out(vendor: SenseVendor, folder: Path) -> None:
    vendor.misbehave(json_reply({}, 503), path=f"{BELOW}authenticate")
    vendor.misbehave(json_reply({}, 500), Misbehaviour(reset=True), Misbehaviour(truncate=True), path=HISTORY)
    assert len(rows(fetch(vendor, folder, YESTERDAY))) == 24


def test_a_poll_and_a_backfill_in_a_real_run_and_a_bad_answer_after_them(home: Household, vendor: SenseVendor) -> None:
    feeds = ("feeds/smart_meter", "feeds/smart_meter_circuit")
    backfilled = home.materialise(*feeds, days=("2026-03-16", "2026-03-17"))
    assert backfilled.success
    assert home.stored(SMART_METER, "2026-03-17").num_rows == 24
    assert home.stored(SMART_METER_CIRCUIT, "2026-03-17").num_rows == 48
    assert checks_of(backfilled, feeds[0])["gaps"].passed

    polled = home.poll("smart_meter", "smart_meter_circuit")
    assert polled.success
    assert home.stored(SMART_METER, "2026-03-18").num_rows == 10
    today = metadata_by_day(polled, feeds[0])["2026-03-18"]
    assert today["intervals"] == today["intervals_expected"]
    # Both feeds share a day's answer.
    assert [one.params["start"] for one in vendor.asked_for(HISTORY)][-1:] == ["2026-03-17T23:00:00"]
    assert len(vendor.asked_for(HISTORY)) == 2 + 2 + 1

    stored = home.files()
    vendor.misbehave(*[html_reply()] * 20, path=HISTORY)
    failed = home.materialise(feeds[0], days="2026-03-17")
    assert not failed.success
    assert "sense: GET" in failure_of(failed)
    assert home.files() == stored
