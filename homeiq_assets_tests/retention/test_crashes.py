"""A home in a folder that is killed, and whose disk fails, at random changes of files ends like one that is not.

`crash_campaign.py` does the same with a longer life, at more points.
"""

from pathlib import Path

import pytest

from homeiq_assets_tests.retention.crash_campaign import Campaign, Disk, undisturbed
from homeiq_assets_tests.retention.crash_checks import Expected
from homeiq_assets_tests.retention.crash_home import SHORT, House
from homeiq_assets_tests.retention.crash_places import in_folder

pytestmark = pytest.mark.slow

KILLS = OUTAGES = 4
STRIDE, SEED = 2, 2


def test_killed_and_without_its_disk_at_random_changes_of_files_a_home_loses_nothing_unproven_and_ends_the_same(
    tmp_path: Path,
) -> None:
    alone, house = House(tmp_path / "alone"), House(tmp_path / "disturbed")
    calm, points = undisturbed(Disk(alone), in_folder(alone), STRIDE)
    expected = Expected(SHORT, tmp_path / "expected")
    campaign = Campaign(house, expected, in_folder(house), Disk(house), SEED, STRIDE, points)

    end = campaign.run(KILLS, OUTAGES)

    assert campaign.struck.total() == KILLS + OUTAGES
    assert {row["state"] for row in end.ledger} == {"removed"}
    assert len({row["measurement"] for row in end.ledger}) == 3 * len(SHORT.names), "days went from everywhere"
    assert end == calm
