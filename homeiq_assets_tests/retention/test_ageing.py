"""A home grows old in forty days: everything is proven, archived, removed and restored, on both stores."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.retention.removal import Outcome
from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS
from homeiq_assets_tests.household import settings_in
from homeiq_assets_tests.retention.ageing import Ageing
from homeiq_assets_tests.retention.ageing_checks import check, check_restored
from homeiq_assets_tests.retention.ageing_home import AgeingHome
from homeiq_assets_tests.stores.influxd import Influxd
from homeiq_assets_tests.stores.places import InfluxPlace

pytestmark = pytest.mark.slow

VIENNA = ZoneInfo("Europe/Vienna")
AGES = {
    "HOMEIQ_TIMEZONE": "Europe/Vienna",
    "RETENTION_RAW_DAYS": "home_assistant_events=5, 5",
    "RETENTION_HOURLY_DAYS": "12",
    "RETENTION_DAILY_DAYS": "25",
    "RAW_ARCHIVE": "smart_meter, smart_meter_circuit, home_assistant_events",
}
HOME = AgeingHome(
    VIENNA,
    date(2025, 3, 6),
    days=40,
    events=300,
    scale=0.05,
    measurements=(HOME_ASSISTANT_EVENTS,),
)
"""With a change of the clocks, two days on which Home Assistant was down, and a meter silent for a month."""


@pytest.fixture(params=["embedded", pytest.param("influxdb", marks=pytest.mark.influxdb)])
def aged(request: pytest.FixtureRequest, tmp_path: Path) -> Ageing:
    """The home after all its nights."""
    if request.param == "embedded":
        settings = settings_in(tmp_path / "home", EVENTS_SOURCE="simulated", **AGES)
    else:
        make: Callable[..., InfluxPlace] = request.getfixturevalue("influx_place")
        place = make()
        server: Influxd = request.getfixturevalue("influxd")
        settings = settings_in(
            tmp_path / "home",
            EVENTS_SOURCE="homeiq",
            INFLUXDB_URL=place.url,
            INFLUXDB_TOKEN=place.token,
            INFLUXDB_ORG=place.org,
            INFLUXDB_BUCKET=place.bucket,
            EVENTS_INFLUXDB_BUCKET=server.create_bucket(),
            **AGES,
        )
    ageing = Ageing(HOME, settings, tmp_path / "aside")
    ageing.grow(HOME.all_days)
    return ageing


def test_a_home_that_grew_old_has_lost_nothing_and_all_of_it_comes_back(aged: Ageing) -> None:
    removed = {name: days for (name, outcome), days in aged.outcomes.items() if outcome is Outcome.REMOVED}
    # Of forty days all but the youngest, and those of which nothing was ever said.
    assert removed == {
        "home_assistant_events": 33,
        "home_assistant_events_hourly": 27,
        "home_assistant_events_daily": 15,
    }

    compared = check(aged)

    assert compared["tier days removed and in the ledger"] == 42
    assert compared["raw days removed and in the ledger"] == 33
    assert compared["energy meters with every kWh in their days"] == 2

    restored = check_restored(aged)

    assert restored["raw rows restored"] > 5_000
