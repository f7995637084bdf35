"""Asking Energy-Charts for prices: its zones, its turns and what goes wrong; and a home that lives by them."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.schema.measurements import ELECTRICITY_PRICING, ELECTRICITY_PRICING_FORECAST
from homeiq_assets.vendors.skipped import noting
from homeiq_assets_tests.feeds.pricing.test_energy_charts import (
    DAY,
    HOUR,
    NOON,
    PRICES,
    QUARTER,
    TOMORROW,
    fetch,
    provider,
    rows,
)
from homeiq_assets_tests.household import Household, checks_of, failure_of, household
from homeiq_assets_tests.simulated_vendors.energy_charts import LICENCE, NO_CONTENT, EnergyChartsVendor, answer
from homeiq_assets_tests.simulated_vendors.server import (
    Misbehaviour,
    Reply,
    html_reply,
    json_reply,
    no_waiting,
    passing_turns,
)

BOTH = ("electricity_pricing", "electricity_pricing_forecast")
SLOTS = [DAY.start + n * QUARTER for n in range(3)]


@pytest.fixture
def vendor() -> Iterator[EnergyChartsVendor]:
    with EnergyChartsVendor(prices=PRICES) as running, no_waiting():
        yield running


@pytest.fixture
def waits() -> Iterator[list[float]]:
    with passing_turns() as passing:
        yield passing


def prices(*values: Any, **different: Any) -> Reply:
    usual = {"license_info": LICENCE, "price": list(values), "unit": "EUR / MWh"}
    return answer(SLOTS[: len(values)], **(usual | different))


@pytest.mark.parametrize(
    ("area", "zone"), [(None, "DE-LU"), ("de-lu", "DE-LU"), ("IT-NORTH", "IT-North"), (" no2nsl", "NO2NSL")]
)
def test_the_area_is_a_bidding_zone_however_it_is_written(
    vendor: EnergyChartsVendor, area: str | None, zone: str
) -> None:
    vendor.bidding_zone = zone
    assert rows(fetch(vendor, DAY, pricing_area=area))
    assert vendor.asked[0].params["bzn"] == zone


@pytest.mark.parametrize("area", ["DE", "GB", "IE", "E-1R-AGILE-24-10-01-C"])
def test_an_area_that_is_no_bidding_zone_is_refused_by_its_setting(vendor: EnergyChartsVendor, area: str) -> None:
    with pytest.raises(SettingError, match=rf"PRICING_AREA.*no bidding zone '{area}', but AT, BE.*DE-LU"):
        fetch(vendor, DAY, pricing_area=area)
    assert vendor.asked == []


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (prices(1.0, 2.0, 3.0, unit="EUR / kWh"), "unit"),
        (prices(1.0, "2.0", 3.0), "price.1"),
        (prices(1.0, True, 3.0), "price.1"),
        (prices(1.0, float("nan"), 3.0), "price.1"),
        (prices(1.0, 2.0, 3.0, price=[1.0, 2.0]), "2 values of price for 3 times"),
        (prices(1.0, 2.0, 3.0, price=None), "price"),
        (prices(1.0, 2.0, 3.0, unix_seconds=["0", "900", "1800"]), "unix_seconds.0"),
        (prices(1.0, 2.0, 3.0, unix_seconds=[1800, 900, 0]), "unix_seconds goes from 1800 to 900"),
        (prices(1.0, 2.0, 3.0, unix_seconds=[900, 900, 1800]), "unix_seconds goes from 900 to 900"),
        (prices(1.0, 2.0, 3.0, unix_seconds=[0, 900, 10**18]), "unix_seconds.2"),
        (json_reply({"detail": "an error inside a 200"}), "an error inside a 200"),
        (json_reply([]), "the answer"),
        (html_reply(), "not (complete) JSON"),
        (Reply(200, b""), "nothing in it"),
        (Misbehaviour(half=True), "not (complete) JSON"),
        (json_reply({"detail": "unknown bzn"}, 400), 'unknown bzn"} Look at PRICING_AREA.'),
        (
            json_reply({"detail": [{"loc": ["query", "bzn"], "msg": "no", "type": "enum"}]}, 422),
            "Look at PRICING_AREA.",
        ),
        (json_reply({"detail": "no"}, 401), "401"),
        (html_reply(403), "403"),
        (json_reply({"detail": "slow down"}, 429, Retry_After="600"), "asks to wait 600 s"),
    ],
)
def test_whatever_else_comes_back_is_an_error_that_names_the_vendor(
    vendor: EnergyChartsVendor, wrong: Reply | Misbehaviour, problem: str
) -> None:
    vendor.misbehave(wrong)
    with pytest.raises(ProviderError) as caught:
        fetch(vendor, DAY)
    assert str(caught.value).startswith("energy_charts: ")
    assert problem in str(caught.value)
    assert len(vendor.asked) == 1


def test_an_outage_of_the_zone_is_no_error_and_covers_nothing(vendor: EnergyChartsVendor) -> None:
    vendor.misbehave(NO_CONTENT)
    assert fetch(vendor, DAY) == []


def test_arrays_without_anything_cover_nothing(vendor: EnergyChartsVendor) -> None:
    vendor.misbehave(prices())
    assert fetch(vendor, DAY) == []


@pytest.mark.parametrize(
    "hiccup", [json_reply({"detail": "slow down"}, 429), json_reply({}, 500), Misbehaviour(reset=True)]
)
def test_a_hiccup_is_tried_again_when_the_next_turn_comes(
    vendor: EnergyChartsVendor, waits: list[float], hiccup: Reply | Misbehaviour
) -> None:
    vendor.misbehave(hiccup)
    assert len(rows(fetch(vendor, DAY))) == 96
    assert len(vendor.asked) == 2
    assert sum(waits) > 30


def test_a_vendor_that_stays_away_is_an_error_that_says_so_after_two_tries(
    vendor: EnergyChartsVendor, waits: list[float]
) -> None:
    vendor.misbehave(*[json_reply({"detail": "down"}, 503)] * 5)
    with pytest.raises(ProviderError, match="answered 503 Service Unavailable") as caught:
        fetch(vendor, DAY)
    assert caught.value.retryable
    assert len(vendor.asked) == 2
    assert sum(waits) > 30


def test_a_second_question_waits_for_its_turn_instead_of_failing(
    vendor: EnergyChartsVendor, waits: list[float]
) -> None:
    for feed in BOTH:
        assert len(rows(fetch(vendor, DAY, feed))) == 96
    assert len(vendor.asked) == 2
    assert sum(waits) == pytest.approx(35, abs=5)


def test_an_announced_end_of_the_service_is_logged_and_fails_nothing(
    vendor: EnergyChartsVendor, caplog: pytest.LogCaptureFixture
) -> None:
    vendor.deprecated = True
    assert rows(fetch(vendor, DAY))
    assert "/price is announced to end" in caplog.text


def test_a_whole_day_is_nothing_to_be_warned_of(vendor: EnergyChartsVendor, caplog: pytest.LogCaptureFixture) -> None:
    assert rows(fetch(vendor, DAY))
    assert caplog.text == ""


def test_where_only_the_second_version_is_left_its_rows_are_the_same_prices(
    vendor: EnergyChartsVendor, waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    vendor.prices[NOON] = None
    first = fetch(vendor, DAY)
    vendor.retired = True
    second = fetch(vendor, DAY)
    assert rows(second) == rows(first)
    assert [answer.covers for answer in second] == [answer.covers for answer in first]
    assert len(rows(second)) == 95
    assert [asked.path for asked in vendor.asked] == ["/price", "/price", "/v2/price"]
    assert "second version" in caplog.text
    vendor.now = NOON
    assert fetch(vendor, TOMORROW) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"unit": "EUR / kWh", "data": []},
        {"unit": "EUR / MWh", "data": [{"timestamp": "2025-11-12T00:00:00", "values": {"day_ahead_price": 1.0}}]},
        {"unit": "EUR / MWh", "data": [{"timestamp": DAY.start.isoformat(), "values": {"day_ahead_price": "1.0"}}]},
        {"unit": "EUR / MWh", "data": 2 * [{"timestamp": DAY.start.isoformat(), "values": {"day_ahead_price": 1.0}}]},
    ],
)
def test_rows_of_the_second_version_that_are_none_are_an_error(
    vendor: EnergyChartsVendor, waits: list[float], wrong: dict[str, Any]
) -> None:
    vendor.misbehave(json_reply({"detail": "Not Found"}, 404), json_reply(wrong))
    with pytest.raises(ProviderError, match=r"energy_charts.*v2/price"):
        fetch(vendor, DAY)


def test_where_neither_version_is_there_the_error_names_the_area(
    vendor: EnergyChartsVendor, waits: list[float]
) -> None:
    vendor.misbehave(*2 * [json_reply({"detail": "Not Found"}, 404)])
    with pytest.raises(ProviderError, match=r"404.*Look at PRICING_AREA"):
        fetch(vendor, DAY)


def test_the_licence_of_the_prices_is_logged(vendor: EnergyChartsVendor, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        fetch(vendor, DAY)
    assert f"prices of DE-LU, licence: {LICENCE}" in caplog.text


def test_the_probes_of_both_feeds_say_what_today_costs_and_ask_once(
    vendor: EnergyChartsVendor, waits: list[float]
) -> None:
    vendor.now = NOON
    told = [provider(vendor, feed).probe(NOON + timedelta(seconds=n)) for n, feed in enumerate(BOTH)]
    assert told == [f"96 prices of today, now {(PRICES[NOON] or 0) / 1000:.4f} EUR/kWh"] * 2
    assert len(vendor.asked) == 1
    vendor.prices = {}
    with noting(NOON + HOUR) as skipped:
        assert provider(vendor).probe(NOON + HOUR) == "reachable"
    assert skipped.listed == ["no price of today is published"]


class TestInAHome:
    @pytest.fixture
    def home(self, tmp_path: Path, vendor: EnergyChartsVendor, waits: list[float]) -> Household:
        vendor.now = NOON
        named = {"PRICING_PROVIDER": "energy_charts", "ENERGY_CHARTS_BASE_URL": vendor.url}
        return household(tmp_path, NOON, zone="Europe/Berlin", **named)

    def test_a_poll_of_both_feeds_asks_once(self, home: Household, vendor: EnergyChartsVendor) -> None:
        result = home.poll(*BOTH)

        assert result.success
        assert len(vendor.asked) == 1
        assert home.times(ELECTRICITY_PRICING) == [DAY.start + n * QUARTER for n in range(96)]
        assert home.times(ELECTRICITY_PRICING_FORECAST) == home.times(ELECTRICITY_PRICING)
        assert checks_of(result, "feeds/electricity_pricing")["gaps"].passed

    def test_a_backfill_of_both_feeds_over_the_change_to_quarter_hours(
        self, home: Household, vendor: EnergyChartsVendor
    ) -> None:
        result = home.materialise(*(f"feeds/{feed}" for feed in BOTH), days=("2025-09-15", "2025-10-15"))

        assert result.success
        assert len(vendor.asked) == 2
        assert len(home.times(ELECTRICITY_PRICING, "2025-09-30")) == 24
        assert len(home.times(ELECTRICITY_PRICING, "2025-10-01")) == 96
        assert all(checks_of(result, f"feeds/{feed}")["gaps"].passed for feed in BOTH)

    @pytest.mark.parametrize("wrong", [html_reply(), prices(1.0, "2.0", 3.0), json_reply({"detail": "no"}, 422)])
    def test_what_was_stored_stays_when_a_bad_answer_comes(
        self, home: Household, vendor: EnergyChartsVendor, wrong: Reply
    ) -> None:
        home.materialise("feeds/electricity_pricing", days=("2025-11-10", "2025-11-11"))
        before = home.files()
        vendor.misbehave(*[wrong] * 2)

        result = home.poll("electricity_pricing")

        assert not result.success
        assert "energy_charts: GET" in failure_of(result)
        assert home.files() == before

    def test_what_was_stored_stays_when_the_zone_has_an_outage(
        self, home: Household, vendor: EnergyChartsVendor
    ) -> None:
        home.poll("electricity_pricing")
        before = home.files()
        home.clock.now = vendor.now = TOMORROW.start - HOUR
        vendor.misbehave(NO_CONTENT)

        assert home.poll("electricity_pricing").success
        assert home.files() == before
