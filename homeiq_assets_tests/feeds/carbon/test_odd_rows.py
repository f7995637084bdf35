"""One odd row of an answer costs its own time: all others are taken, and it is named."""

from datetime import timedelta
from pathlib import Path

from homeiq_assets.vendors.skipped import noting
from homeiq_assets_tests.feeds.carbon import gb_home, watttime_home


def test_of_half_hours_that_are_none_the_others_are_taken() -> None:
    day, step = gb_home.DAY, timedelta(minutes=30)
    halves = [gb_home.half(day.start + n * step) for n in range(48)]
    halves[7] = gb_home.half(day.start + 7 * step, to=day.start + 9 * step)
    with gb_home.running(gb_home.NEXT_WEEK) as vendor, noting(gb_home.NEXT_WEEK) as skipped:
        vendor.misbehave(gb_home.answered(*halves))
        found = gb_home.rows(gb_home.fetch(vendor, day))
    assert [row["carbon_intensity_gco2_kwh"] for row in found if row["time"] == day.start + 6 * step] == [138.0]
    assert sum("carbon_intensity_gco2_kwh" in row and row["carbon_intensity_gco2_kwh"] == 138.0 for row in found) == 47
    (named,) = skipped.listed
    assert "is no half hour of settlement, so that row is left out" in named


def test_of_periods_that_begin_nowhere_or_have_no_number_the_others_are_taken(tmp_path: Path) -> None:
    day, step = watttime_home.DAY, timedelta(minutes=5)
    points = [(day.start + n * step, 800.0 + n) for n in range(288)]
    odd = [(day.start + timedelta(seconds=17), 812.5), (day.start + 3 * step, "812.5")]
    with watttime_home.running() as vendor, noting(day.end) as skipped:
        vendor.misbehave(watttime_home.series(*points[:3], *odd, *points[4:]), path="/v3/historical")
        vendor.now = watttime_home.NEXT_WEEK
        found = watttime_home.rows(watttime_home.fetch(vendor, tmp_path, day))
    assert len(found) == 287
    assert day.start + 3 * step not in {row["time"] for row in found}
    assert [name.partition(" ")[0] for name in skipped.listed] == ["data.4.value", f"{odd[0][0].isoformat()}"]
