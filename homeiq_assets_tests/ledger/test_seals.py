"""Which days stay as they are stored, and what their owner reads."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from homeiq_assets.ledger.removed_days import Entry, Ledger, Proof, State
from homeiq_assets.ledger.seals import expired_days, lasting, left_days, reaches, removed_days, spelt
from homeiq_assets.schema.measurements import MV_DAILY_CARBON_SUMMARY
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets.window import Window
from homeiq_assets_tests.retention.old_days import DAY, OldDays, old_days, three_at_night

D = date(2025, 3, 30)
NOW = three_at_night(D + 60 * DAY)
HOURS = timedelta(hours=1)


@pytest.fixture
def home(tmp_path: Path, store: Store) -> OldDays:
    return old_days(tmp_path / "home", store, NOW)


def seal(home: OldDays, measurement: str, *days: date, state: State = State.REMOVED) -> None:
    for day in days:
        Ledger(home.store, home.home.zone).write(measurement, Entry(day, state, Proof(1, {}, "", 0)), NOW)


def left(home: OldDays, *days: date, **inputs: timedelta | None) -> dict[date, str]:
    return left_days(MV_DAILY_CARBON_SUMMARY, reaches(days, home.home), inputs, home.home, home.store)


def test_a_removed_day_and_the_one_that_its_evening_holds_into_stay(home: OldDays) -> None:
    seal(home, "carbon_intensity", D - 3 * DAY)

    stay = left(home, *[D - n * DAY for n in range(5)], carbon_intensity=None)

    assert stay.keys() == {D - 3 * DAY, D - 2 * DAY}
    assert set(stay.values()) == {
        "carbon_intensity of 2025-03-27 was removed, so what is made of it stays as it is stored; to make it again, "
        "restore first (materialise restore/carbon_intensity of 2025-03-27)"
    }


def test_an_evening_before_a_short_day_holds_into_two(home: OldDays) -> None:
    seal(home, "carbon_intensity", D - DAY, state=State.REMOVING)

    stay = left(home, D - 2 * DAY, D - DAY, D, D + DAY, carbon_intensity=None)

    assert stay.keys() == {D - DAY, D, D + DAY}
    seal(home, "carbon_intensity", D - DAY, state=State.RESTORED)
    assert left(home, D - DAY, D, D + DAY, carbon_intensity=None) == {}


def test_all_that_has_to_be_restored_is_named(home: OldDays) -> None:
    seal(home, "carbon_intensity", D, D + DAY)
    seal(home, "fx_rate", D + DAY)
    seal(home, "smart_meter", D)

    stay = left(home, D + DAY, carbon_intensity=None, fx_rate=None)

    assert stay[D + DAY].split("; ")[0] == (
        "carbon_intensity of 2025-03-30 to 2025-03-31 was removed, so what is made of it stays as it is stored"
    )
    assert "(materialise restore/fx_rate of 2025-03-31)" in stay[D + DAY]
    assert "smart_meter" not in stay[D + DAY], "of which it is not made"


def test_where_a_bucket_dropped_rows_a_day_stays_if_anything_is_stored_of_it(home: OldDays) -> None:
    keeps = home.clock.now - (home.window(D).start + HOURS)
    assert expired_days(home.window(D), keeps, home.home) == [D]
    assert expired_days(home.window(D), keeps + 2 * HOURS, home.home) == []
    assert expired_days(home.window(D), None, home.home) == []

    assert left(home, D, carbon_intensity=keeps) == {}
    home.put([{"time": home.window(D).start, "avg_carbon": 5.0}], MV_DAILY_CARBON_SUMMARY)
    stay = left(home, D, D + DAY, D + 3 * DAY, carbon_intensity=keeps)

    assert stay.keys() == {D}
    assert stay[D].startswith("the bucket of carbon_intensity keeps rows for 60 days only, and some of 2025-03-29 to")


def test_days_are_looked_up_whole_though_a_window_touches_only_a_part(tmp_path: Path) -> None:
    home = old_days(tmp_path / "home", EmbeddedStore(tmp_path / "store"), NOW)
    seal(home, "smart_meter", D, D + DAY, D + 2 * DAY)
    noon = home.window(D).start + 12 * HOURS

    assert removed_days("smart_meter", Window(noon, noon + HOURS), home.home, home.store) == [D]
    assert removed_days("smart_meter", Window(noon, home.window(D).end), home.home, home.store) == [D]
    assert removed_days("smart_meter", Window(noon, noon + DAY), home.home, home.store) == [D, D + DAY]
    assert left_days(MV_DAILY_CARBON_SUMMARY, {}, {"smart_meter": None}, home.home, home.store) == {}


def test_days_and_lengths_are_spelt_as_an_owner_reads_them() -> None:
    assert spelt([D]) == spelt([D, D]) == "2025-03-30"
    assert spelt([D + DAY, D, D + 5 * DAY]) == "2025-03-30 to 2025-04-04"
    assert (lasting(30 * DAY), lasting(6 * HOURS)) == ("30 days", "6:00:00")
