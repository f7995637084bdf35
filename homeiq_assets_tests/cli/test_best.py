"""`homeiq best`: what it says of the time ahead, and what it says where nothing can be said."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import CARBON_INTENSITY, ELECTRICITY_PRICING
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets.window import HOUR, Window, floor_to
from homeiq_assets_tests.cli.conftest import Outcome

Run = Callable[..., Outcome]


@pytest.fixture
def prices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> datetime:
    """Prices from the hour that has begun, 12 of them: 0.10, 0.11, ... but 0.01 in the fifth and the sixth."""
    monkeypatch.setenv("HOMEIQ_HOME", str(tmp_path / "homeiq"))
    monkeypatch.setenv("HOMEIQ_TIMEZONE", "UTC")
    first = floor_to(datetime.now(UTC), HOUR)
    window = Window(first - 30 * HOUR, first + 30 * HOUR)
    store = EmbeddedStore(tmp_path / "homeiq" / "store")
    rows = [
        {
            "time": first + n * HOUR,
            "provider": "awattar",
            "currency": "EUR",
            "current_price": 0.01 if n in (4, 5) else 0.1 + n / 100,
        }
        for n in range(12)
    ]
    store.replace(ELECTRICITY_PRICING, rows_of(ELECTRICITY_PRICING, rows), window)
    carbon = [
        {"time": first - 24 * HOUR + n * HOUR, "region": "AT", "forecast_24h": 50.0 if n in (8, 9) else 400.0}
        for n in range(20)
    ]
    store.replace(CARBON_INTENSITY, rows_of(CARBON_INTENSITY, carbon), window)
    return first


def spell(first: datetime, start: int, end: int) -> str:
    return f"{first + timedelta(hours=start):%a %H:%M}–{first + timedelta(hours=end):%H:%M}"


def test_it_names_the_best_and_the_cheapest_window_with_cost_and_carbon(prices: datetime, homeiq: Run) -> None:
    found = homeiq("best", "--kw", "2", "--hours", "2", "--carbon-weight", "10")

    assert (found.status, found.err) == (0, "")
    lines = {line.split("  ")[0].strip(): line for line in found.lines}
    assert spell(prices, 8, 10) in lines["best"]
    assert lines["best"].split()[-4:] == ["0.185", "50", "0.74", "0.20"]
    assert spell(prices, 4, 6) in lines["cheapest"]
    assert lines["cheapest"].split()[-4:] == ["0.010", "400", "0.04", "1.60"]
    assert spell(prices, 4, 6) in lines["cheapest in pieces"]
    assert {"now", "dearest"} <= lines.keys()
    assert f"prices known to {prices + 12 * HOUR:%a %H:%M}" in " ".join(found.lines)
    assert "price + 10 EUR per kg of CO2" in " ".join(found.lines)


def test_the_price_alone_counts_without_a_weight(
    prices: datetime, homeiq: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARBON_WEIGHT", "0")

    found = homeiq("best", "--hours", "2")

    assert spell(prices, 4, 6) in next(line for line in found.lines if line.startswith("best"))


@pytest.mark.usefixtures("prices")
def test_a_load_longer_than_what_is_known_is_refused(homeiq: Run) -> None:
    found = homeiq("best", "--hours", "13")

    assert found.status == 1
    assert found.err.startswith("homeiq: prices are known to ")
    assert "which leaves no 13 hours on end within 24" in found.err


def test_without_prices_it_says_what_to_do(homeiq: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMEIQ_TIMEZONE", "UTC")

    found = homeiq("best")

    assert (found.status, found.out) == (1, "")
    assert "feeds/electricity_pricing" in found.err


def test_a_wrong_weight_is_named(homeiq: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARBON_WEIGHT", "much")

    assert homeiq("best").err.startswith("homeiq: CARBON_WEIGHT: ")
