"""Octopus's errors, the tariff codes that are none of ours, and the runs of a whole home."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.feeds.pricing import octopus
from homeiq_assets.schema.measurements import ELECTRICITY_PRICING, ELECTRICITY_PRICING_FORECAST
from homeiq_assets.settings.variables import Settings
from homeiq_assets_tests.feeds.pricing.octopus_home import (
    AGILE,
    DAY,
    FLEXIBLE,
    FORECAST,
    HOUR,
    NOON,
    PRICING,
    answers,
    rates,
    row,
    rows,
    running,
)
from homeiq_assets_tests.household import Household, checks_of, failure_of, household, metadata_by_day
from homeiq_assets_tests.simulated_vendors.octopus import HOST, OctopusVendor, Rate
from homeiq_assets_tests.simulated_vendors.server import Misbehaviour, Reply, html_reply, json_reply

BOTH = ("feeds/electricity_pricing", "feeds/electricity_pricing_forecast")


@pytest.fixture
def vendor() -> Iterator[OctopusVendor]:
    with running() as octopus:
        yield octopus


@pytest.fixture
def home(vendor: OctopusVendor, tmp_path: Path) -> Household:
    return household(
        tmp_path, NOON, "Europe/London", OCTOPUS_BASE_URL=vendor.url, PRICING_PROVIDER="octopus", PRICING_AREA=AGILE
    )


def test_the_product_is_in_the_tariffs_code() -> None:
    for code in ("E-1R-OE-FIX-12M-26-10-02-P", " e-1r-oe-fix-12m-26-10-02-p "):
        found = octopus.tariff_of(Settings(pricing_area=code))
        assert (found.code, found.product) == ("E-1R-OE-FIX-12M-26-10-02-P", "OE-FIX-12M-26-10-02")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("G-1R-VAR-22-11-01-C", "gas"),
        ("AGILE-24-10-01", "no tariff code of Octopus, such as E-1R-AGILE-24-10-01-C"),
        ("E-1R-AGILE-24-10-01-Z", "no tariff code"),
        ("E-1R-../../accounts-C", "no tariff code"),
        ("DE", "no tariff code"),
        (None, "is not set"),
    ],
)
def test_a_code_that_has_no_rates_by_the_clock_is_refused_by_its_setting(
    vendor: OctopusVendor, code: str | None, told: str
) -> None:
    with pytest.raises(SettingError, match=rf"^PRICING_AREA: .*{told}"):
        answers(vendor, DAY, pricing_area=code)
    assert vendor.asked == []


def test_a_tariff_that_octopus_does_not_know_names_the_setting(vendor: OctopusVendor) -> None:
    with pytest.raises(ProviderError, match=r"404 Not Found: .*Not found.*Look at PRICING_AREA"):
        answers(vendor, DAY, pricing_area="E-1R-AGILE-99-10-01-C")


def test_a_tariff_with_rates_for_other_methods_only_names_the_setting(vendor: OctopusVendor) -> None:
    vendor.tariffs[FLEXIBLE] = [Rate(24.0, DAY.start, None, "PREPAYMENT")]
    with pytest.raises(SettingError, match=r"OCTOPUS_PAYMENT_METHOD: .*no rates for DIRECT_DEBIT, only for PREPAYMENT"):
        answers(vendor, DAY, pricing_area=FLEXIBLE)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (rates(row(DAY.start, "21.0")), "value_inc_vat"),
        (rates(row(DAY.start, True)), "value_inc_vat"),
        (rates(row(DAY.start, valid_from="2026-03-11T00:00:00")), "valid_from"),
        (rates(row(DAY.start, valid_to=1_773_187_200)), "valid_to"),
        (rates(row(DAY.start, payment_method=["DIRECT_DEBIT"])), "payment_method"),
        (rates(row(DAY.start), row(DAY.start, 22.0)), "two different prices"),
        (rates(row(DAY.start, valid_to=f"{DAY.start:%Y-%m-%dT%H:%M}:17Z")), "less time than any market's interval"),
        (rates({"value_inc_vat": 21.0}), "valid_from"),
        (rates(row(DAY.start), next=7), "next"),
        (json_reply({"count": 0, "results": []}), "next"),
        (json_reply({"detail": "maintenance"}), "maintenance"),
        (json_reply([]), "answer"),
        (html_reply(), "Bad gateway"),
        (html_reply(404), "PRICING_AREA"),
        (json_reply({"period_from": ["Enter a valid date/time."]}, 400), "Enter a valid date/time"),
        (json_reply({"detail": "Invalid API key."}, 401), "401"),
        (json_reply({"detail": "no"}, 403), "Look at PRICING_AREA"),
        (Reply(200, b""), "nothing in it"),
        (Misbehaviour(half=True), "not (complete) JSON"),
        (json_reply({"detail": "Request was throttled."}, 429, Retry_After="600"), "600 s"),
    ],
)
def test_whatever_else_comes_back_is_an_error_that_names_the_vendor(
    vendor: OctopusVendor, wrong: Reply | Misbehaviour, problem: str
) -> None:
    vendor.misbehave(wrong)
    with pytest.raises(ProviderError) as caught:
        answers(vendor, DAY)
    assert str(caught.value).startswith("octopus: ")
    assert problem in str(caught.value)


@pytest.mark.parametrize("address", [f"{HOST}/?page_size=1500", HOST])
def test_pages_that_lead_in_a_circle_are_an_error(vendor: OctopusVendor, address: str) -> None:
    vendor.misbehave(*[rates(row(DAY.start), next=address)] * 9)
    with pytest.raises(ProviderError, match="in a circle"):
        answers(vendor, DAY)
    assert len(vendor.asked) == 1


def test_hiccups_are_waited_out(vendor: OctopusVendor) -> None:
    vendor.misbehave(json_reply({}, 503), Misbehaviour(reset=True), json_reply({}, 429))
    assert len(rows(answers(vendor, DAY))) == 46
    assert len(vendor.asked) == 4


def test_a_poll_of_both_feeds_asks_once_and_fills_both(home: Household, vendor: OctopusVendor) -> None:
    vendor.now = home.clock.now = DAY.start + 17 * HOUR
    result = home.poll(PRICING, FORECAST)
    assert result.success, failure_of(result)
    assert len(vendor.asked) == 1
    assert len(home.times(ELECTRICITY_PRICING)) == len(home.times(ELECTRICITY_PRICING_FORECAST)) == 94
    assert set(metadata_by_day(result, BOTH[0])) == {"2026-03-11", "2026-03-12"}


def test_the_day_after_fills_the_last_hour_and_the_peak_of_the_whole_day(
    home: Household, vendor: OctopusVendor
) -> None:
    assert home.poll(PRICING).success
    assert home.stored(ELECTRICITY_PRICING, "2026-03-11")["peak_period"].null_count == 46
    vendor.now = home.clock.now = DAY.end + 3 * HOUR
    assert home.materialise(BOTH[0], days="2026-03-11").success
    assert len(home.times(ELECTRICITY_PRICING, "2026-03-11")) == 48
    assert sum(home.stored(ELECTRICITY_PRICING, "2026-03-11")["peak_period"].to_pylist()) == 12


def test_a_failed_backfill_leaves_what_was_stored_and_says_why(home: Household, vendor: OctopusVendor) -> None:
    days = ("2026-02-01", "2026-02-10")
    assert home.materialise(*BOTH, days=days).success
    stored = home.stored(ELECTRICITY_PRICING)
    assert stored.num_rows == 10 * 48
    vendor.misbehave(json_reply({"detail": "Not found."}, 404))
    result = home.materialise(BOTH[0], days=days)
    assert not result.success
    assert "Look at PRICING_AREA" in failure_of(result)
    assert home.stored(ELECTRICITY_PRICING).equals(stored)


def test_a_short_answer_takes_nothing_away_and_the_gap_of_a_new_day_is_told(
    home: Household, vendor: OctopusVendor
) -> None:
    assert home.materialise(BOTH[0], days="2026-02-01").success
    stored = home.stored(ELECTRICITY_PRICING)
    start = home.times(ELECTRICITY_PRICING)[0]
    vendor.misbehave(rates(row(start, 99.0)), rates(row(start + 24 * HOUR)))
    assert home.materialise(BOTH[0], days="2026-02-01").success
    prices = home.stored(ELECTRICITY_PRICING)["current_price"].to_pylist()
    assert prices == [0.99, *stored["current_price"].to_pylist()[1:]]
    result = home.materialise(BOTH[0], days="2026-02-02")
    assert home.times(ELECTRICITY_PRICING, "2026-02-02") == [start + 24 * HOUR]
    assert not checks_of(result, BOTH[0])["gaps"].passed
