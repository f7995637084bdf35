"""One vendor hangs, one refuses, the others are due in the same run: they are stored, in time."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from homeiq_assets.schema.measurements import CARBON_INTENSITY, ELECTRICITY_PRICING, SMART_METER
from homeiq_assets_tests.household import failure_of, household
from homeiq_assets_tests.simulated_vendors.awattar import AwattarVendor
from homeiq_assets_tests.simulated_vendors.home_assistant import TOKEN, HomeAssistant
from homeiq_assets_tests.simulated_vendors.server import Misbehaviour
from homeiq_assets_tests.simulated_vendors.watttime import WattTimeVendor

NOW = datetime(2025, 10, 24, 10, 0, 20, tzinfo=UTC)


def test_a_hanging_and_a_refusing_vendor_cost_the_others_nothing_but_a_moment(tmp_path: Path) -> None:
    grid = {"sensor.grid": lambda _: 400.0}
    with (
        AwattarVendor({NOW.replace(minute=0, second=0): 80.0}) as hanging,
        WattTimeVendor({}, forecasts={}, now=NOW, password="another") as refusing,
        HomeAssistant(NOW, grid) as answering,
    ):
        hanging.misbehave(*[Misbehaviour(delay=600)] * 10)
        home = household(
            tmp_path,
            NOW,
            VENDOR_PATIENCE="0.1",
            PRICING_PROVIDER="awattar",
            AWATTAR_BASE_URL=hanging.url,
            WATTTIME_BASE_URL=refusing.url,
            WATTTIME_USERNAME="owner",
            WATTTIME_PASSWORD="wrong-1!",
            GRID_REGION="CAISO_NORTH",
            HOME_ASSISTANT_URL=answering.url,
            HOME_ASSISTANT_TOKEN=TOKEN,
            HOME_ASSISTANT_POWER_ENTITY="sensor.grid",
        )
        result = home.poll("carbon_intensity", "electricity_pricing", "smart_meter", "air_quality")

    told = failure_of(result)
    assert "awattar: GET" in told
    assert "not answered in time" in told
    assert "Look at WATTTIME_USERNAME, WATTTIME_PASSWORD" in told
    assert home.stored(CARBON_INTENSITY).num_rows == home.stored(ELECTRICITY_PRICING).num_rows == 0
    assert home.times(SMART_METER)[-1] >= NOW - timedelta(minutes=10)
    assert home.marked("feeds/smart_meter") == home.marked("feeds/air_quality") == {"2025-10-24"}
    retried = [event for event in result.all_events if event.event_type == dg.DagsterEventType.STEP_UP_FOR_RETRY]
    assert not retried
    assert len(hanging.asked) == 4, "each given up after half a second, the client's five at that patience"
