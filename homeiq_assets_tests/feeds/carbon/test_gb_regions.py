"""GB Carbon Intensity, one region: the vendor's model for past and future, by the region's number or a postcode."""

from datetime import UTC, date, datetime, timedelta

import pytest

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.feeds.carbon.gb_home import (
    DAY,
    FORECASTS,
    HOUR,
    LONDON,
    NEXT_WEEK,
    NOW,
    POLL,
    SLOT,
    fetch,
    half,
    provider,
    rows,
)
from homeiq_assets_tests.simulated_vendors.gb_carbon import STEP, GbCarbonVendor
from homeiq_assets_tests.simulated_vendors.server import json_reply


def of_london(at: datetime) -> int:
    return (FORECASTS[at] or 0) + 13


@pytest.mark.parametrize("place", ["13", " sw1a "])
def test_a_poll_of_a_region_takes_the_model_for_what_is_over_and_for_what_is_to_come(
    gb: GbCarbonVendor, place: str
) -> None:
    past, current = fetch(gb, POLL, grid_region=place)
    assert past.covers == Window(SLOT - 5 * STEP, SLOT)
    assert all(row["carbon_intensity_gco2_kwh"] == of_london(row["time"]) for row in rows([past]))
    (row,) = rows([current])
    assert (row["time"], row["region"], row["renewable_percentage"]) == (SLOT, "London", 40.0)
    assert row["carbon_intensity_gco2_kwh"] == of_london(SLOT)
    assert (row["forecast_1h"], row["forecast_24h"]) == (of_london(SLOT + HOUR), of_london(SLOT + 24 * HOUR))
    assert {row["region"] for row in rows([past, current])} == {"London"}
    end = {"13": "/regionid/13"}.get(place, "/postcode/SW1A")
    assert [request.path for request in gb.asked] == [
        f"/regional/intensity/2025-11-20T07:30Z/2025-11-20T10:30Z{end}",
        f"/regional/intensity/2025-11-20T10:00Z/fw48h{end}",
    ]


def test_a_month_of_a_region_is_three_requests(gb: GbCarbonVendor) -> None:
    gb.now = NEXT_WEEK
    month = Window(local_day(date(2025, 10, 1), LONDON).start, local_day(date(2025, 10, 31), LONDON).end)
    (answer,) = fetch(gb, month, grid_region="2")
    assert answer.covers == month
    assert set(answer.rows["region"].to_pylist()) == {"South Scotland"}
    assert len(gb.asked) == 3


def test_a_region_is_whole_on_both_sides_of_new_year(gb: GbCarbonVendor) -> None:
    gb.now = datetime(2026, 2, 1, tzinfo=UTC)
    window = Window(datetime(2025, 12, 30, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    (answer,) = fetch(gb, window, grid_region="13")
    assert answer.covers == window
    assert answer.rows.num_rows == 3 * 48


def test_a_region_may_come_without_its_list(gb: GbCarbonVendor) -> None:
    gb.now, gb.single = NEXT_WEEK, True
    (answer,) = fetch(gb, DAY, grid_region="13")
    assert answer.covers == DAY


def test_a_null_forecast_is_no_value(gb: GbCarbonVendor) -> None:
    gb.now = NEXT_WEEK
    gb.forecasts[DAY.start + HOUR] = None
    (answer,) = fetch(gb, DAY, grid_region="13")
    assert answer.rows["carbon_intensity_gco2_kwh"].null_count == 1


def test_half_hours_that_have_not_begun_are_not_taken(gb: GbCarbonVendor) -> None:
    more = json_reply({"data": {"regionid": 13, "data": [half(SLOT + n * STEP) for n in range(-2, 4)]}})
    gb.misbehave(more)
    assert [row["time"] for row in rows(fetch(gb, POLL, grid_region="13"))] == [SLOT - 2 * STEP, SLOT - STEP, SLOT]


def test_gb_by_name_is_all_of_great_britain(gb: GbCarbonVendor) -> None:
    gb.now = NEXT_WEEK
    assert fetch(gb, DAY, grid_region="gb")[0].rows["region"][0].as_py() == "GB"


@pytest.mark.parametrize("wrong", ["18", "0", "DE", "SW1A 1AA", "CAISO_NORTH", "13/../14", "١٣"])
def test_what_is_neither_a_region_nor_half_a_postcode_is_refused_by_its_setting(gb: GbCarbonVendor, wrong: str) -> None:
    with pytest.raises(SettingError, match=r"GRID_REGION.*neither a region's number from 1 to 17"):
        fetch(gb, DAY, grid_region=wrong)
    assert gb.asked == []


def test_a_postcode_that_the_vendor_does_not_know_names_the_setting(gb: GbCarbonVendor) -> None:
    gb.now = NEXT_WEEK
    with pytest.raises(ProviderError, match=r"No postcode match can be found.*Look at GRID_REGION"):
        fetch(gb, DAY, grid_region="W7")


@pytest.mark.parametrize(("place", "number"), [("13", 12), ("SW1A", 99)])
def test_an_answer_for_another_region_is_not_taken(gb: GbCarbonVendor, place: str, number: int) -> None:
    gb.now = NEXT_WEEK
    gb.misbehave(json_reply({"data": [{"regionid": number, "shortname": "London", "data": []}]}))
    with pytest.raises(ProviderError, match=rf"answered for region {number}, not for .*{place}.*GRID_REGION"):
        fetch(gb, DAY, grid_region=place)


def test_a_postcode_does_not_change_its_region_within_a_poll(gb: GbCarbonVendor) -> None:
    moved = json_reply({"data": [{"regionid": 12, "data": []}]})
    gb.misbehave(moved, path="/regional/intensity/2025-11-20T10:00Z/fw48h/postcode/SW1A")
    with pytest.raises(ProviderError, match="answered for region 12"):
        fetch(gb, POLL, grid_region="SW1A")


@pytest.mark.parametrize("wrong", [{"data": {}}, {"data": [{"regionid": "13", "data": []}]}, {}])
def test_an_answer_of_another_shape_is_an_error(gb: GbCarbonVendor, wrong: object) -> None:
    gb.now = NEXT_WEEK
    gb.misbehave(json_reply(wrong))
    with pytest.raises(ProviderError, match=r"gb_carbon_intensity: .*not what the API promises"):
        fetch(gb, DAY, grid_region="13")


def test_the_probe_names_the_region(gb: GbCarbonVendor) -> None:
    assert provider(gb, grid_region="SW1A").probe(NOW).startswith("London: ")
    assert gb.asked[0].path == "/regional/postcode/SW1A"
    with pytest.raises(ProviderError, match="GRID_REGION"):
        provider(gb, grid_region="W7").probe(NOW + timedelta(minutes=1))
