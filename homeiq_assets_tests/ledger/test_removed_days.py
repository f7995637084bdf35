"""The ledger: what it says of a day is what was written of it, and of no other day or measurement."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.ledger.removed_days import Entry, Ledger, Proof, State
from homeiq_assets.schema.retention import RETENTION_DAYS
from homeiq_assets.stores.base import Store
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.stores.places import held

VIENNA = ZoneInfo("Europe/Vienna")
SHORT, LONG = date(2025, 3, 30), date(2025, 10, 26)
DAY = timedelta(days=1)
NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
PROOF = Proof(
    288,
    {"total_power_w": 288, "daily_kwh": 0},
    "smart_meter_hourly, smart_meter_daily",
    26,
    {"total_power_w": {"count": 288, "sum": 1e-300 + 0.1, "min": -5.5, "max": 3.0}},
    "measurement=smart_meter/year=2025/object.parquet",
    timedelta(seconds=0.25),
)
BARE = Proof(1, {}, "", 0)


@pytest.fixture
def ledger(store: Store) -> Ledger:
    return Ledger(store, VIENNA)


def window(first: date, last: date) -> Window:
    return Window(local_day(first, VIENNA).start, local_day(last, VIENNA).end)


def test_what_was_written_of_a_day_is_what_it_says(ledger: Ledger) -> None:
    for day, proof in ((SHORT, PROOF), (LONG, BARE)):
        for state in State:
            ledger.write("smart_meter", Entry(day, state, proof), NOW)
            assert ledger.of("smart_meter", day) == Entry(day, state, proof)

    assert ledger.of("smart_meter", SHORT + DAY) is None
    assert ledger.of("smart_meter_hourly", SHORT) is None


def test_a_day_has_one_row_that_anybody_can_read(ledger: Ledger, store: Store) -> None:
    ledger.write("smart_meter", Entry(LONG, State.REMOVING, PROOF), NOW - DAY)
    ledger.write("smart_meter", Entry(LONG, State.REMOVED, BARE), NOW)

    (row,) = held(store, RETENTION_DAYS)

    assert row["time"].to_pydatetime() == local_day(LONG, VIENNA).start
    # InfluxDB shows an empty text as none.
    assert {name: value for name, value in row.items() if name != "time" and value != ""} == {
        "measurement": "smart_meter",
        "date": "2025-10-26",
        "state": "removed",
        "rows": 1,
        "successor_rows": 0,
        "counts": "{}",
        "sums": "{}",
        "step_seconds": 0.0,
        "changed_at": "2026-01-02T03:04:05+00:00",
    }


def test_days_are_sealed_from_the_moment_they_are_removed_until_their_rows_are_back(ledger: Ledger) -> None:
    for number, state in enumerate(State):
        ledger.write("smart_meter", Entry(LONG + number * DAY, state, BARE), NOW)
    ledger.write("carbon_intensity", Entry(LONG + 9 * DAY, State.REMOVED, BARE), NOW)

    assert ledger.sealed("smart_meter", window(LONG - DAY, LONG + 9 * DAY)) == [LONG, LONG + DAY]
    assert ledger.sealed("smart_meter", window(LONG + DAY, LONG + DAY)) == [LONG + DAY]
    assert ledger.entries("smart_meter", window(LONG, LONG + 9 * DAY)).keys() == {LONG + n * DAY for n in range(4)}


def test_only_sealed_days_are_opened_again_and_keep_their_proof(ledger: Ledger) -> None:
    ledger.write("smart_meter", Entry(LONG, State.REMOVED, PROOF), NOW)
    ledger.write("smart_meter", Entry(LONG + DAY, State.REFILLED, PROOF), NOW)

    opened = ledger.reopen("smart_meter", [LONG - DAY, LONG, LONG + DAY], State.RESTORED, NOW)

    assert opened == [LONG]
    assert ledger.of("smart_meter", LONG) == Entry(LONG, State.RESTORED, PROOF)
    assert ledger.of("smart_meter", LONG + DAY) == Entry(LONG + DAY, State.REFILLED, PROOF)
    assert ledger.of("smart_meter", LONG - DAY) is None
    assert ledger.reopen("smart_meter", [LONG], State.REFILLED, NOW) == []
