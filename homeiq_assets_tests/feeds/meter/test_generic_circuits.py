"""Circuits in any JSON API's rows: named, shares of the home, never in each other's way."""

from collections.abc import Iterator

import pytest

from homeiq_assets.errors import ProviderError
from homeiq_assets.window import HOUR, Window
from homeiq_assets_tests.feeds.meter.described_meter import (
    CIRCUITS,
    DAY,
    MINUTE,
    NOW,
    VIENNA,
    Rows,
    answers,
    meter,
)
from homeiq_assets_tests.simulated_vendors.described import DescribedVendor
from homeiq_assets_tests.simulated_vendors.server import no_waiting

FIVE, QUARTER = 5 * MINUTE, 15 * MINUTE


def home_with(*circuits: tuple[str | None, float]) -> list[dict[str, object]]:
    return [{"w": power, "c": name} for name, power in circuits]


def rows_of(step: float, *circuits: tuple[str | None, float]) -> Rows:
    return {DAY.start + n * step * MINUTE: home_with(*circuits) for n in range(int(24 * 60 / step))}


@pytest.fixture
def vendor() -> Iterator[DescribedVendor]:
    rows = rows_of(1, (None, 1200.0), ("oven", 300.0), ("boiler", 600.0))
    with DescribedVendor(rows, zone=VIENNA, published=NOW) as running, no_waiting():
        yield running


def test_circuits_are_named_and_shares_of_the_home(vendor: DescribedVendor) -> None:
    window = Window(NOW - 12.5 * MINUTE, DAY.end)

    (home,) = answers(vendor, window, jmespath=CIRCUITS)
    (circuits,) = answers(vendor, window, jmespath=CIRCUITS, feed="smart_meter_circuit")

    assert home.rows["total_power_w"].to_pylist() == [1200.0] * 2
    assert (circuits.covers, circuits.step) == (home.covers, FIVE)
    assert {(row["circuit_name"], row["power_w"], row["percentage"]) for row in circuits.rows.to_pylist()} == {
        ("oven", 300.0, 25.0),
        ("boiler", 600.0, 50.0),
    }


def test_both_measurements_ask_the_same_question(vendor: DescribedVendor) -> None:
    for feed in ("smart_meter", "smart_meter_circuit"):
        answers(vendor, Window(NOW - 12.5 * MINUTE, DAY.end), jmespath=CIRCUITS, feed=feed)

    assert vendor.asked[0].params == vendor.asked[1].params
    assert vendor.asked[0].params == {"from": "2026-11-19T23:00:00Z", "to": "2026-11-20T09:05:00Z"}


def test_an_empty_name_is_the_home_and_without_circuits_there_are_no_rows(vendor: DescribedVendor) -> None:
    vendor.rows = rows_of(5, ("", 1200.0))

    assert answers(vendor, jmespath=CIRCUITS)[0].rows.num_rows == 121
    assert answers(vendor, jmespath=CIRCUITS, feed="smart_meter_circuit") == []


def test_a_share_is_of_the_very_same_interval_only(vendor: DescribedVendor) -> None:
    vendor.rows = rows_of(5, ("oven", 300.0))
    for at in list(vendor.rows)[::3]:
        vendor.rows[at] = [*vendor.rows[at], *home_with((None, 1200.0))]

    (circuits,) = answers(vendor, jmespath=CIRCUITS, feed="smart_meter_circuit")
    (home,) = answers(vendor, jmespath=CIRCUITS)

    assert (home.step, circuits.step) == (QUARTER, FIVE)
    assert circuits.rows["percentage"].null_count == circuits.rows.num_rows


def test_a_circuit_that_is_missing_for_a_while_is_missing(vendor: DescribedVendor) -> None:
    vendor.rows = rows_of(5, (None, 1000.0), ("oven", 100.0), ("boiler", 500.0))
    silent = Window(DAY.start + 2 * HOUR, DAY.start + 5 * HOUR)
    for at in vendor.rows:
        if at in silent:
            vendor.rows[at] = home_with((None, 1000.0), ("oven", 100.0))

    (answer,) = answers(vendor, jmespath=CIRCUITS, feed="smart_meter_circuit")

    names = answer.rows["circuit_name"].to_pylist()
    assert names.count("oven") - names.count("boiler") == 36
    assert answer.covers == Window(DAY.start, DAY.start + 10 * HOUR + FIVE)


@pytest.mark.parametrize("shift", [0, 7])
def test_circuits_of_different_lengths_at_the_same_time_are_refused(vendor: DescribedVendor, shift: int) -> None:
    vendor.rows = rows_of(5, ("oven", 300.0))
    for at in list(vendor.rows)[::3]:
        vendor.rows.setdefault(at + shift * MINUTE, []).append({"w": 1.0, "c": "boiler"})

    with pytest.raises(ProviderError, match="circuits with intervals of different lengths, or shifted"):
        answers(vendor, jmespath=CIRCUITS, feed="smart_meter_circuit")


def test_a_change_of_the_length_is_another_answer(vendor: DescribedVendor) -> None:
    seam = DAY.start + 3 * HOUR
    vendor.rows = {at: rows for at, rows in rows_of(15, ("oven", 300.0)).items() if at < seam}
    vendor.rows |= {at: rows for at, rows in rows_of(5, ("oven", 300.0)).items() if at >= seam}
    for at, rows in vendor.rows.items():
        vendor.rows[at] = [{**rows[0], "e": (at + (QUARTER if at < seam else FIVE)).isoformat()}]

    coarse, fine = answers(
        vendor, jmespath="data[].{start: t, end: e, power_w: w, circuit: c}", feed="smart_meter_circuit"
    )

    assert (coarse.step, coarse.covers.end) == (QUARTER, seam)
    assert (fine.step, fine.covers.start) == (FIVE, seam)


def test_the_probe_names_the_circuits(vendor: DescribedVendor) -> None:
    assert meter(vendor, CIRCUITS).probe(NOW).endswith("circuits boiler, oven")
