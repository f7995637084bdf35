"""The shares of renewables and fossils: of what is generated, and only where all that is generated is known."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

import pytest

from homeiq_assets.feeds.carbon.energy_charts.mix import PublicPower, shares
from homeiq_assets_tests.feeds.carbon.energy_charts_home import DAY, QUARTER
from homeiq_assets_tests.simulated_vendors.energy_charts import answer


def mix(**types: Mapping[int, float | None] | float | None) -> Iterator[tuple[float, float] | None]:
    """Of each slot the two shares, None where they are not known; a type's name stands with _ for each space."""
    named = {
        name.replace("_", " "): [given.get(n) if isinstance(given, Mapping) else given for n in range(3)]
        for name, given in types.items()
    }
    return made(named)


def made(types: Mapping[str, list[float | None]], gap: timedelta = QUARTER) -> Iterator[tuple[float, float] | None]:
    times = [DAY.start + n * gap for n in range(3)]
    reply = answer(times, production_types=[{"name": name, "data": data} for name, data in types.items()])
    found = shares(PublicPower.model_validate_json(reply.body))
    for at in times:
        known = found.get(at)
        yield None if known is None else (known["renewable_percentage"], known["fossil_percentage"])


@pytest.mark.parametrize(
    "name",
    [
        "Biomass",
        "Geothermal",
        "Hydro Run-of-River",
        "Hydro water reservoir",
        "Marine",
        "Other renewables",
        "Solar",
        "Wind offshore",
        "Wind onshore",
    ],
)
def test_renewables(name: str) -> None:
    assert set(made({name: [25.0] * 3, "Nuclear": [75.0] * 3})) == {(25.0, 0.0)}


@pytest.mark.parametrize(
    "name",
    [
        "Fossil brown coal / lignite",
        "Fossil coal-derived gas",
        "Fossil gas",
        "Fossil hard coal",
        "Fossil oil",
        "Fossil oil shale",
        "Fossil peat",
    ],
)
def test_fossils(name: str) -> None:
    assert set(made({name: [25.0] * 3, "Nuclear": [75.0] * 3})) == {(0.0, 25.0)}


@pytest.mark.parametrize("name", ["Nuclear", "Others", "Waste"])
def test_what_is_neither_is_generated_too(name: str) -> None:
    assert set(made({name: [50.0] * 3, "Solar": [50.0] * 3})) == {(50.0, 0.0)}


@pytest.mark.parametrize(
    "name",
    [
        "Battery",
        "Battery Consumption",
        "Cross border electricity trading",
        "Hydro pumped storage",
        "Hydro pumped storage consumption",
        "Load",
        "Residual load",
        "Renewable share of generation",
        "Renewable share of load",
    ],
)
@pytest.mark.parametrize("mw", [-400.0, 400.0, None])
def test_stores_trade_and_use_are_no_generation(name: str, mw: float | None, caplog: pytest.LogCaptureFixture) -> None:
    assert set(made({name: [mw] * 3, "Solar": [60.0] * 3, "Fossil gas": [40.0] * 3})) == {(60.0, 40.0)}
    assert caplog.text == ""


def test_a_type_that_is_not_known_is_left_out_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert set(mix(Solar=60.0, Fossil_gas=40.0, Fusion=400.0)) == {(60.0, 40.0)}
    assert "types of generation that are not known are left out: Fusion" in caplog.text


def test_what_takes_power_from_the_grid_generates_nothing() -> None:
    assert set(mix(Solar=60.0, Fossil_gas=40.0, Wind_offshore=-3.0)) == {(60.0, 40.0)}


def test_only_renewables_are_all_of_it() -> None:
    assert set(mix(Solar=0.1, Biomass=0.2, Wind_onshore=0.3)) == {(100.0, 0.0)}


def test_a_slot_in_which_a_type_is_not_known_yet_has_no_shares() -> None:
    assert list(mix(Solar=60.0, Fossil_gas={0: 40.0, 1: 20.0})) == [(60.0, 40.0), (75.0, 25.0), None]


def test_a_slot_in_which_a_type_is_missing_has_no_shares() -> None:
    assert list(mix(Solar=60.0, Fossil_gas={0: 40.0, 2: 40.0})) == [(60.0, 40.0), None, (60.0, 40.0)]


def test_a_type_that_a_country_does_not_have_is_missed_nowhere() -> None:
    assert set(mix(Solar=60.0, Fossil_gas=40.0, Nuclear=None)) == {(60.0, 40.0)}


def test_a_type_that_a_country_gave_up_is_missed_for_a_day() -> None:
    types: dict[str, list[float | None]] = {"Solar": [60.0] * 3, "Nuclear": [60.0, None, None]}
    assert list(made(types, gap=timedelta(days=1))) == [(50.0, 0.0), None, (100.0, 0.0)]


@pytest.mark.parametrize("mw", [0.0, -5.0, None])
def test_where_nothing_is_generated_there_are_no_shares(mw: float | None) -> None:
    assert set(mix(Solar=mw, Fossil_gas=mw)) == {None}
    assert set(made({})) == {None}
