"""A home in InfluxDB and S3 that is killed, and both of which go away, at random requests ends like one in a folder.

`crash_campaign.py` does the same with a longer life of more than a meter, at more points.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from homeiq_assets_tests.retention.crash_campaign import Campaign, Disk, networked, undisturbed
from homeiq_assets_tests.retention.crash_checks import Expected
from homeiq_assets_tests.retention.crash_home import SHORT, House
from homeiq_assets_tests.retention.crash_places import in_folder
from homeiq_assets_tests.stores.influxd import Influxd

pytestmark = pytest.mark.influxdb

KILLS = OUTAGES = 4
STRIDE, SEED = 2, 2
LIFE = replace(SHORT, names=("smart_meter",))


def test_killed_and_without_influxdb_or_s3_at_random_requests_a_home_loses_nothing_unproven_and_ends_as_in_a_folder(
    tmp_path: Path, influxd: Influxd, s3_url: str
) -> None:
    alone = House(tmp_path / "alone", life=LIFE)
    calm, _ = undisturbed(Disk(alone), in_folder(alone), STRIDE, count=False)
    expected = Expected(LIFE, tmp_path / "expected")
    with networked(House(tmp_path / "disturbed", life=LIFE), influxd, s3_url) as (house, opened, weather):
        campaign = Campaign(house, expected, opened, weather, SEED, STRIDE)

        end = campaign.run(KILLS, OUTAGES)

    assert campaign.struck.total() == KILLS + OUTAGES
    assert {row["measurement"] for row in end.ledger} == {"smart_meter", "smart_meter_hourly", "smart_meter_daily"}
    assert end == calm
