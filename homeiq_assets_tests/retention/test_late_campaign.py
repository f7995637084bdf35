"""Rows late, partial and revised over removed days and months, in any order: nothing that was stored is lost.

`late_campaign.py` does the same to more homes, for longer.
"""

from pathlib import Path

import pytest

from homeiq_assets_tests.retention.late_campaign import late_homes
from homeiq_assets_tests.stores.influxd import Influxd


def test_no_series_time_and_field_is_gone_from_store_and_archive_together(tmp_path: Path) -> None:
    for home in late_homes(tmp_path, seed=7, homes=2):
        home.run(steps=15)


@pytest.mark.influxdb
def test_nor_from_an_influxdb_and_its_archive(tmp_path: Path, influxd: Influxd) -> None:
    for home in late_homes(tmp_path, seed=203, homes=1, influxd=influxd):
        home.run(steps=10)
