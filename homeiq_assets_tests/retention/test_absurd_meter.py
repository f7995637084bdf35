"""Readings of the home's meter that it cannot have: left out of its tiers and of the energy report, and shown."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from homeiq_assets.insights.days import report_days
from homeiq_assets.retention.removal import Outcome
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import SMART_METER
from homeiq_assets.stores.base import Store
from homeiq_assets_tests.household import QUIET, checks_of, failure_of, household
from homeiq_assets_tests.retention.old_days import DAY, OldDays, old_days, three_at_night

D = date(2025, 10, 21)
MINUTES = timedelta(minutes=5)


def meter(home: OldDays, day: date, *rows: tuple[float | None, float]) -> None:
    """What the meter said every five minutes from midnight on: its counter and its power."""
    start = home.window(day).start
    home.put(
        [
            {"time": start + n * MINUTES, "meter_type": "emporia", "daily_kwh": counter, "total_power_w": power}
            for n, (counter, power) in enumerate(rows)
        ],
        SMART_METER,
    )


@pytest.mark.parametrize(
    "readings",
    [
        [(0.1, 1200.0), (1500.0, 1200.0), (0.2, 1200.0), (0.3, 1200.0)],
        [(0.1, 1200.0), (4294967.295, 1200.0), (0.2, 4294967.0), (0.3, 1200.0)],
        [(0.1, 1200.0), (0.2, 1200.0), (0.3, 1200.0), (90.0, -250000.0)],
    ],
    ids=["a jump", "beyond the bounds", "at the end"],
)
def test_they_are_left_out_of_tiers_and_report(store: Store, tmp_path: Path, readings: list[Any]) -> None:
    home = old_days(tmp_path / "home", store, three_at_night(D + 20 * DAY), stored_as=SMART_METER)
    meter(home, D, *readings)
    meter(home, D + DAY, (0.1, 1200.0), (0.2, 1200.0))
    told: list[str] = []

    rolled = home.roll(D, D + DAY)
    reports = list(report_days([D], home.home, store, lambda *_: None, lambda _, texts: told.extend(texts)))

    assert [(one.left, one.differs) for one in rolled] == [(None, None)] * 4
    (row,) = home.tier("daily", D).to_pylist()
    assert row["daily_kwh_increase"] == pytest.approx(0.2), "a first value ever is none"
    assert row["daily_kwh_last"] == pytest.approx(0.3)
    assert (row["total_power_w_max"], row["total_power_w_mean"]) == (1200.0, pytest.approx(1200.0))
    assert home.tier("daily", D + DAY)["daily_kwh_increase"].to_pylist() == [pytest.approx(0.2)]
    assert reports[0][1] is not None
    assert reports[0][1].row["total_kwh"].to_pylist() == [pytest.approx(0.3)]
    assert [bool(one.beyond) for one in rolled] == [True, False, False, False]
    assert told
    assert all("left out" in text for text in [*rolled[0].beyond, *told])

    home.ready(D, D + DAY, D + 2 * DAY)
    assert [one.outcome for one in home.remove(D, D + DAY)] == [Outcome.REMOVED] * 2, "and the days go like others"


def test_they_are_a_failed_check_that_names_them(tmp_path: Path) -> None:
    home = household(tmp_path, datetime(2025, 10, 28, 14, 7, tzinfo=UTC), **QUIET)
    assert home.materialise("feeds/smart_meter", "feeds/electricity_pricing", days=str(D)).success
    stored = home.stored(SMART_METER, str(D)).slice(100, 1).to_pylist()
    spike = rows_of(SMART_METER, [{**row, "daily_kwh": 2000.0} for row in stored])
    home.store.put(SMART_METER, spike)

    names = ["tiers/smart_meter_hourly", "insights/daily_energy_report"]
    result = home.materialise(*names, days=str(D))

    assert result.success, failure_of(result)
    for name in names:
        check = checks_of(result, name)["bounds"]
        assert not check.passed, name
        assert "daily_kwh" in str(check.metadata) or "2000 kWh" in str(check.metadata)
        assert "HOMEIQ_MAX_POWER_KW=100" in (check.description or "")
    again = home.materialise("tiers/smart_meter_daily", days=str(D))
    assert all(check.passed for check in checks_of(again, "tiers/smart_meter_daily").values())
