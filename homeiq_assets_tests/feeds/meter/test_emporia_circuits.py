"""Emporia's circuits: which channels are one, how often they are asked for, and the home as a whole in Dagster."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.feeds.meter.emporia.provider import turn
from homeiq_assets.schema.measurements import SMART_METER, SMART_METER_CIRCUIT
from homeiq_assets.vendors.skipped import noting
from homeiq_assets.window import Window
from homeiq_assets_tests.feeds.meter.emporia_home import (
    CIRCUITS,
    DAY,
    DEVICES,
    HOUR,
    MAINS,
    MINUTE,
    NOW,
    PASSWORD,
    PLUG,
    STEP,
    USER,
    VUE,
    constant,
    fetch,
    poll,
    provider,
    rows,
    running,
)
from homeiq_assets_tests.household import Household, checks_of, failure_of, household, metadata_by_day
from homeiq_assets_tests.simulated_vendors.emporia import EmporiaVendor, channel, device
from homeiq_assets_tests.simulated_vendors.server import html_reply

YESTERDAY = Window(DAY.start - 24 * HOUR, DAY.start)
HOUR_OF_YESTERDAY = Window(YESTERDAY.start, YESTERDAY.start + HOUR)


@pytest.fixture
def vendor() -> Iterator[EmporiaVendor]:
    with running() as emporia:
        yield emporia


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def home(vendor: EmporiaVendor, folder: Path) -> Household:
    account = {"METER_USERNAME": USER, "METER_PASSWORD": PASSWORD, "EMPORIA_BASE_URL": vendor.url}
    return household(folder, NOW, METER_TYPE="emporia", METER_TTL_MINUTES="1", **account)


def names(vendor: EmporiaVendor, folder: Path, window: Window | None = None) -> dict[str, float]:
    """Power by circuit, of a poll, or of the last row of a window."""
    return {row["circuit_name"]: row["power_w"] for row in rows(fetch(vendor, folder, window or poll(), CIRCUITS))}


def test_a_circuit_has_its_power_and_its_share_of_what_the_home_draws(vendor: EmporiaVendor, folder: Path) -> None:
    (answer,) = fetch(vendor, folder, poll(), CIRCUITS)

    assert answer.covers == Window(DAY.start + 10 * HOUR - STEP, DAY.start + 10 * HOUR + STEP)
    oven = [row for row in rows([answer]) if row["circuit_name"] == "Oven"]
    assert [row["power_w"] for row in oven] == pytest.approx([300, 300])
    assert [row["percentage"] for row in oven] == pytest.approx([25, 25])


def test_what_emporia_says_has_the_multiplier_in_it_already(vendor: EmporiaVendor, folder: Path) -> None:
    assert DEVICES[0]["channels"][1]["channelMultiplier"] == 2.0
    assert names(vendor, folder)["Oven"] == pytest.approx(300)


def test_solar_panels_are_a_circuit_of_negative_power(vendor: EmporiaVendor, folder: Path) -> None:
    assert names(vendor, folder)["Solar"] == pytest.approx(-500)


def test_what_is_computed_merged_or_never_set_up_is_no_circuit_and_not_asked_for(
    vendor: EmporiaVendor, folder: Path
) -> None:
    computed = [channel(VUE, name, name) for name in ("Balance", "TotalUsage", "MainsFromGrid", "MainsToGrid")]
    vendor.devices = [
        device(
            VUE,
            "Home",
            MAINS,
            *computed,
            channel(VUE, "Mains_A", "Mains_A"),
            channel(VUE, "1", "Oven", channelTypeGid=9),
            channel(VUE, "2", "Pump leg 1", parentChannelNum="97"),
            channel(VUE, "3", "Pump leg 2", parentChannelNum="97"),
            channel(VUE, "97", "Heat pump", type="Merged"),
            channel(VUE, "4"),
            channel(VUE, "5", "Kitchen", parentChannelNum="1,2,3"),
            channel(VUE, "6", channelTypeGid=18),
        )
    ]
    vendor.power |= {(VUE, "97"): constant(900), (VUE, "5"): constant(50), (VUE, "6"): constant(0)}

    found = names(vendor, folder)

    assert found == pytest.approx({"Oven": 300, "Heat pump": 900, "Kitchen": 50, "Channel 6": 0})
    assert {one["channel"] for one in vendor.charts} == {"1,2,3", "1", "97", "5", "6"}


def test_expansion_modules_plugs_and_sub_panels_are_circuits_once(vendor: EmporiaVendor, folder: Path) -> None:
    outlet = {"deviceGid": PLUG, "outletOn": True, "parentDeviceGid": VUE, "parentChannelNum": "1,2,3"}
    plug = device(PLUG, "Fridge", channel(PLUG, "1,2,3", channelTypeGid=23), outlet=outlet)
    module = device(VUE, None, channel(VUE, "9", "Office"), model="WAT001")
    barn = device(222, "Barn", channel(222, "1,2,3"), channel(222, "1", "Saw"), parentDeviceGid=VUE)
    vendor.devices = [device(VUE, "Home", MAINS, devices=[module, plug]), plug, barn]
    vendor.power = {
        (VUE, "1,2,3"): constant(1000),
        (VUE, "9"): constant(10),
        (PLUG, "1,2,3"): constant(80),
        (222, "1,2,3"): constant(400),
    }
    assert names(vendor, folder) == pytest.approx({"Office": 10, "Fridge": 80, "Barn": 400})


def test_circuits_of_one_name_are_told_apart(vendor: EmporiaVendor, folder: Path) -> None:
    lights = [channel(VUE, number, "Lights") for number in "12"]
    vendor.devices = [device(VUE, "Home", MAINS, *lights)]
    assert names(vendor, folder) == pytest.approx({"Lights (1)": 300, "Lights (2)": -500})


def test_of_several_monitors_the_setting_names_one_with_its_own_plugs(vendor: EmporiaVendor, folder: Path) -> None:
    stray = device(PLUG, "Heater", channel(PLUG, "1,2,3"), outlet={"deviceGid": PLUG, "parentDeviceGid": None})
    vendor.devices = [*DEVICES, device(222, "Cabin", channel(222, "1,2,3")), stray]
    with pytest.raises(SettingError, match=r"METER_DEVICE_ID.*several monitors: 111 \(Home\), 222 \(Cabin\)"):
        fetch(vendor, folder, poll())
    with pytest.raises(SettingError, match=r"METER_DEVICE_ID: '999' is no energy monitor of this account"):
        fetch(vendor, folder, poll(), meter_device_id="999")

    vendor.power[222, "1,2,3"] = constant(70)
    cabin = fetch(vendor, folder, poll(), meter_device_id=" 222 ")
    assert [row["total_power_w"] for row in rows(cabin)] == pytest.approx([70, 70])
    assert fetch(vendor, folder, poll(), CIRCUITS, meter_device_id="222") == []


def test_an_account_without_a_monitor_is_told_so(vendor: EmporiaVendor, folder: Path) -> None:
    vendor.devices = [device(PLUG, "Heater", channel(PLUG, "1,2,3"), outlet={"deviceGid": PLUG})]
    with pytest.raises(ProviderError, match="no energy monitor"):
        fetch(vendor, folder, poll())


def test_a_plug_that_is_behind_holds_the_present_back_and_one_that_is_off_does_not(
    vendor: EmporiaVendor, folder: Path
) -> None:
    behind, off = DAY.start + 10 * HOUR, DAY.start + 9 * HOUR
    vendor.power[VUE, "1"] = lambda at: 300.0 if at < behind else None
    (answer,) = fetch(vendor, folder, poll(back=HOUR), CIRCUITS)
    assert answer.covers.end == behind

    vendor.power[VUE, "1"] = lambda at: 300.0 if at < off else None
    (answer,) = fetch(vendor, folder, poll(back=2 * HOUR), CIRCUITS)
    assert answer.covers.end == behind + STEP
    assert max(row["time"] for row in rows([answer]) if row["circuit_name"] == "Oven") == off - STEP


def test_of_a_day_that_is_over_nothing_is_held_back(vendor: EmporiaVendor, folder: Path) -> None:
    vendor.power[VUE, "1"] = lambda at: 300.0 if at < YESTERDAY.end - 2 * STEP else None
    (answer,) = fetch(vendor, folder, YESTERDAY, CIRCUITS)
    assert answer.covers == YESTERDAY


class TestNested:
    """What hangs on a circuit is in that circuit's chart too; the circuits and the rest are the mains."""

    def test_a_plug_a_charger_and_a_sub_panel_are_counted_once(self, vendor: EmporiaVendor, folder: Path) -> None:
        plug = device(PLUG, "Fridge", channel(PLUG, "1,2,3"), parentDeviceGid=VUE, parentChannelNum="1")
        plug["outlet"] = {"deviceGid": PLUG, "outletOn": True}
        charger = device(444, "Car", channel(444, "1,2,3"), parentDeviceGid=VUE, parentChannelNum=2)
        charger["evCharger"] = {"deviceGid": 444}
        barn = device(222, "Barn", channel(222, "1,2,3"), channel(222, "1", "Saw"))
        barn |= {"parentDeviceGid": VUE, "parentChannelNum": "3"}
        lamp = device(555, "Lamp", channel(555, "1,2,3"), parentDeviceGid=222, parentChannelNum="1")
        lamp["outlet"] = {"deviceGid": 555}
        kitchen = [channel(VUE, number, name) for number, name in (("1", "Kitchen"), ("2", "Garage"), ("3", "Yard"))]
        vendor.devices = [device(VUE, "Home", MAINS, *kitchen), plug, charger, barn, lamp]
        vendor.power = {
            (VUE, "1,2,3"): constant(6200),
            (VUE, "1"): constant(500),
            (VUE, "2"): constant(4000),
            (VUE, "3"): constant(1500),
            (PLUG, "1,2,3"): constant(80),
            (444, "1,2,3"): constant(3600),
            (222, "1,2,3"): constant(1490),
            (555, "1,2,3"): constant(40),
        }
        found = names(vendor, folder, HOUR_OF_YESTERDAY)
        assert found == pytest.approx(
            {"Kitchen": 420, "Garage": 400, "Yard": 10, "Fridge": 80, "Car": 3600, "Barn": 1450, "Lamp": 40}
        )
        assert sum(found.values()) == pytest.approx(6000), "and the circuits' charts add up to 11210"

    @pytest.mark.parametrize(
        ("legs", "merged"),
        [
            ({"mergedChannelId": "97"}, {}),
            ({"mergedChannelId": 97}, {}),
            ({"mergedChannelId": "c0ffee"}, {"mergedChannelId": "c0ffee"}),
            ({"mergedChannelId": 8812}, {}),
            ({"mergedChannelId": 8812, "parentChannelNum": "1,2,3"}, {"parentChannelNum": "1,2,3"}),
            ({"parentChannelNum": "97"}, {}),
        ],
    )
    def test_legs_are_in_what_they_were_merged_into_however_it_is_said(
        self, vendor: EmporiaVendor, folder: Path, legs: dict[str, Any], merged: dict[str, Any]
    ) -> None:
        pump = [channel(VUE, number, f"Pump leg {number}", **legs) for number in "12"]
        plug = device(PLUG, "Heater", channel(PLUG, "1,2,3"), parentDeviceGid=VUE, parentChannelNum="2")
        plug["outlet"] = {"deviceGid": PLUG}
        whole = channel(VUE, "97", "Pump", type="Merged", **merged)
        vendor.devices = [device(VUE, "Home", MAINS, *pump, whole), plug]
        vendor.power |= {(VUE, "97"): constant(900), (PLUG, "1,2,3"): constant(100)}
        assert names(vendor, folder) == pytest.approx({"Pump": 800, "Heater": 100})

    def test_a_clamp_behind_another_one_is_taken_out_of_it(self, vendor: EmporiaVendor, folder: Path) -> None:
        clamps = [channel(VUE, "1", "Upstairs"), channel(VUE, "2", "Bath", parentChannelNum="1")]
        vendor.devices = [device(VUE, "Home", MAINS, *clamps)]
        vendor.power[VUE, "2"] = constant(120)
        assert names(vendor, folder) == pytest.approx({"Upstairs": 180, "Bath": 120})

    def test_circuits_that_name_one_another_stay_as_they_are(self, vendor: EmporiaVendor, folder: Path) -> None:
        clamps = [channel(VUE, "1", "A", parentChannelNum="2"), channel(VUE, "2", "B", parentChannelNum="1")]
        vendor.devices = [device(VUE, "Home", MAINS, *clamps)]
        assert names(vendor, folder) == pytest.approx({"A": 300, "B": -500})

    def test_where_what_is_nested_says_nothing_the_circuit_has_all_of_it(
        self, vendor: EmporiaVendor, folder: Path
    ) -> None:
        off = DAY.start + 9 * HOUR
        plug = device(PLUG, "Fridge", channel(PLUG, "1,2,3"), parentDeviceGid=VUE, parentChannelNum="1")
        plug["outlet"] = {"deviceGid": PLUG}
        vendor.devices = [*DEVICES, plug]
        vendor.power[PLUG, "1,2,3"] = lambda at: 80.0 if at < off else None
        found = rows(fetch(vendor, folder, poll(back=2 * HOUR), CIRCUITS))
        oven = [row for row in found if row["circuit_name"] == "Oven"]
        assert {round(row["power_w"], 6) for row in oven if row["time"] < off} == {220.0}
        assert {round(row["power_w"], 6) for row in oven if row["time"] >= off} == {300.0}

    @pytest.mark.parametrize("above", [None, VUE])
    def test_the_circuits_of_a_second_monitor_without_mains_are_the_homes(
        self, vendor: EmporiaVendor, folder: Path, above: int | None
    ) -> None:
        second = [channel(222, str(number), "Oven" if number == 1 else f"Room {number}") for number in range(1, 17)]
        vendor.devices = [*DEVICES, device(222, "Panel, lower half", *second, parentDeviceGid=above)]
        vendor.power |= {(222, one["channelNum"]): constant(10) for one in second}
        found = names(vendor, folder, HOUR_OF_YESTERDAY)
        assert len(found) == 18
        assert found["Oven (1)"] == pytest.approx(300)
        assert found["Oven (222/1)"] == found["Room 16"] == pytest.approx(10)

    def test_a_second_monitor_without_mains_on_a_circuit_is_taken_out_of_it(
        self, vendor: EmporiaVendor, folder: Path
    ) -> None:
        second = device(222, "Sub-panel", channel(222, "1", "Saw"), parentDeviceGid=VUE, parentChannelNum="1")
        vendor.devices = [*DEVICES, second]
        vendor.power[222, "1"] = constant(250)
        assert names(vendor, folder) == pytest.approx({"Oven": 50, "Saw": 250, "Solar": -500})

    def test_of_several_monitors_what_is_nested_under_none_is_named(self, vendor: EmporiaVendor, folder: Path) -> None:
        second = device(222, "Panel", channel(222, "1", "Saw"))
        vendor.devices = [*DEVICES, device(333, "Cabin", channel(333, "1,2,3")), second]
        with noting(NOW) as skipped:
            found = fetch(vendor, folder, poll(), CIRCUITS, meter_device_id=str(VUE))
            provider(vendor, folder, CIRCUITS, meter_device_id=str(VUE)).probe(NOW)
        assert {row["circuit_name"] for row in rows(found)} == {"Oven", "Solar"}
        (named,) = skipped.listed
        assert named.startswith("Panel (222) is nested under none of the account's monitors")


@pytest.mark.parametrize(
    ("circuits", "minutes"), [(1, 5), (4, 5), (8, 10), (12, 15), (16, 20), (25, 30), (32, 40), (200, 60)]
)
def test_many_circuits_are_polled_less_often(circuits: int, minutes: int) -> None:
    assert turn(circuits) == timedelta(minutes=minutes)
    assert minutes == 60 or circuits * 24 * 60 / minutes <= 1200


def test_between_their_turns_circuits_are_not_asked_for_and_a_days_backfill_is(
    vendor: EmporiaVendor, folder: Path
) -> None:
    twelve = [channel(VUE, str(number), f"Circuit {number}") for number in range(1, 13)]
    vendor.devices = [device(VUE, "Home", MAINS, *twelve)]
    vendor.power |= {(VUE, one["channelNum"]): constant(10) for one in twelve}
    asked = {}
    for minutes in (0, 5, 10, 15):
        vendor.now = DAY.start + 10 * HOUR + minutes * MINUTE + timedelta(seconds=20)
        before = len(vendor.charts)
        fetch(vendor, folder, poll(vendor.now), CIRCUITS)
        asked[minutes] = len(vendor.charts) - before
    assert asked == {0: 13, 5: 0, 10: 0, 15: 13}

    vendor.now = DAY.start + 10 * HOUR + 5 * MINUTE
    (answer,) = fetch(vendor, folder, DAY, CIRCUITS)
    assert answer.rows.num_rows == 12 * 121


def test_the_probe_says_what_was_found(vendor: EmporiaVendor, folder: Path) -> None:
    assert provider(vendor, folder).probe(NOW) == "monitor Home (111) with 2 circuits"


def test_a_run_polls_both_feeds_and_asks_for_the_mains_once(home: Household, vendor: EmporiaVendor) -> None:
    result = home.poll("smart_meter", "smart_meter_circuit")

    assert result.success
    assert len(home.times(SMART_METER)) == 121
    assert home.stored(SMART_METER_CIRCUIT).num_rows == 242
    assert [one["channel"] for one in vendor.charts] == ["1,2,3", "1", "2"]
    checks = checks_of(result, "feeds/smart_meter") | checks_of(result, "feeds/smart_meter_circuit")
    assert all(one.passed for one in checks.values())


def test_a_bad_answer_fails_the_run_and_leaves_what_was_stored(home: Household, vendor: EmporiaVendor) -> None:
    feeds = ("feeds/smart_meter", "feeds/smart_meter_circuit")
    assert home.materialise(*feeds, days=("2026-03-16", "2026-03-17")).success
    stored = home.files()
    assert home.stored(SMART_METER, "2026-03-17").num_rows == 288
    assert home.stored(SMART_METER_CIRCUIT, "2026-03-17").num_rows == 576

    vendor.misbehave(*[html_reply()] * 20, path="/AppAPI")
    result = home.materialise("feeds/smart_meter", days="2026-03-17")

    assert not result.success
    assert "emporia: GET" in failure_of(result)
    assert home.files() == stored


def test_a_coarse_day_over_finer_rows_is_refused_and_told(home: Household, vendor: EmporiaVendor) -> None:
    home.materialise("feeds/smart_meter", days="2026-03-17")
    home.clock.now = vendor.now = NOW + timedelta(days=30)

    result = home.materialise("feeds/smart_meter", days="2026-03-17")

    assert result.success
    assert home.stored(SMART_METER, "2026-03-17").num_rows == 288
    assert not checks_of(result, "feeds/smart_meter")["resolution"].passed


def test_a_day_of_quarters_is_whole(home: Household, vendor: EmporiaVendor) -> None:
    result = home.materialise("feeds/smart_meter", days="2026-02-10")
    (day,) = metadata_by_day(result, "feeds/smart_meter").values()
    assert (day["intervals"], day["intervals_expected"]) == (96, 96)
    assert checks_of(result, "feeds/smart_meter")["gaps"].passed
