"""Prices from any JSON API that the owner describes, asked over HTTP."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.feeds.pricing import awattar, generic
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.skipped import noting
from homeiq_assets.window import HOUR, Window, local_day, local_midnight
from homeiq_assets_tests.simulated_vendors.awattar import AwattarVendor
from homeiq_assets_tests.simulated_vendors.described import DescribedVendor
from homeiq_assets_tests.simulated_vendors.server import json_reply, no_waiting

VIENNA = ZoneInfo("Europe/Vienna")
DAY, TOMORROW = local_day(date(2026, 11, 20), VIENNA), local_day(date(2026, 11, 21), VIENNA)
NOW = DAY.start + 12 * HOUR
FIRST = local_midnight(date(2026, 10, 1), VIENNA)
PRICES = {FIRST + n * HOUR: [{"p": n % 24 * 10.0 - 30}] for n in range(60 * 24)}
RANGE = "/v1/rows?from={start}&to={end}"
ROWS = "data[].{start: t, price: p}"


@pytest.fixture
def vendor() -> Iterator[DescribedVendor]:
    with DescribedVendor(PRICES, zone=VIENNA) as running, no_waiting():
        yield running


def provider(
    vendor: DescribedVendor, feed: str = "electricity_pricing", path: str = RANGE, jmespath: str = ROWS, **given: Any
) -> Provider:
    described = {"pricing_url": vendor.url + path, "pricing_jmespath": jmespath, "pricing_unit_factor": 0.001}
    return generic.build(Settings(**(described | given)), VIENNA)[feed]


def answers(vendor: DescribedVendor, window: Window = DAY, **given: Any) -> list[Answer]:
    return list(provider(vendor, **given).fetch(window, NOW))


def rows(answered: list[Answer]) -> list[dict[str, Any]]:
    return [row for answer in answered for row in answer.rows.to_pylist()]


def test_a_poll_brings_the_prices_to_the_end_of_what_is_published(vendor: DescribedVendor) -> None:
    vendor.published = DAY.end
    window = Window(NOW - 2 * HOUR, TOMORROW.end)

    (price,) = answers(vendor, window)
    (forecast,) = answers(vendor, window, feed="electricity_pricing_forecast")

    assert price.covers == forecast.covers == Window(NOW - 2 * HOUR, DAY.end)
    assert price.step == HOUR
    first = price.rows.to_pylist()[0]
    assert (first["provider"], first["currency"]) == ("generic", "EUR")
    assert first["current_price"] == pytest.approx(PRICES[NOW - 2 * HOUR][0]["p"] / 1000)
    assert forecast.rows["hour_offset"].to_pylist() == list(range(10, 24))


def test_a_month_is_filled_by_one_request(vendor: DescribedVendor) -> None:
    october = Window(FIRST, FIRST + timedelta(days=31))

    (answer,) = answers(vendor, october)

    assert provider(vendor).longest == timedelta(days=31)
    assert len(vendor.asked) == 1
    assert answer.covers == october


def test_awattar_described_by_settings_gives_what_its_own_provider_gives() -> None:
    told = {at: row[0]["p"] for at, row in PRICES.items()}
    with AwattarVendor(told, now=NOW) as vendor:
        own = awattar.build(Settings(awattar_base_url=vendor.url), VIENNA)
        described = generic.build(
            Settings(
                pricing_url=f"{vendor.url}/v1/marketdata?start={{start_ms}}&end={{end_ms}}",
                pricing_jmespath="data[].{start: start_timestamp, end: end_timestamp, price: marketprice}",
                pricing_unit_factor=0.001,
            ),
            VIENNA,
        )
        for feed, field in (("electricity_pricing", "current_price"), ("electricity_pricing_forecast", "price")):
            for window in (Window(NOW - 2 * HOUR, TOMORROW.end), local_day(date(2026, 10, 25), VIENNA)):
                (expected,), (found,) = own[feed].fetch(window, NOW), described[feed].fetch(window, NOW)
                assert (found.covers, found.step) == (expected.covers, expected.step)
                assert found.rows[field].to_pylist() == pytest.approx(expected.rows[field].to_pylist())
                assert found.rows.drop_columns(["provider", field]).equals(
                    expected.rows.drop_columns(["provider", field])
                )


def test_a_day_per_url_is_asked_for_day_by_day_and_tomorrow_may_be_missing(vendor: DescribedVendor) -> None:
    by_day = provider(vendor, path="/v1/days/{start_date:%Y/%m-%d}")
    vendor.published = DAY.end

    assert by_day.longest < timedelta(days=2)
    (answer,) = by_day.fetch(DAY, NOW)
    assert answer.covers == DAY
    assert list(by_day.fetch(TOMORROW, NOW)) == []
    vendor.published = DAY.start
    with pytest.raises(ProviderError, match=r"404.*Look at PRICING_URL"):
        list(by_day.fetch(DAY, NOW))


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 10, 25), 25), (date(2026, 3, 29), 23)])
def test_a_day_of_a_clock_change_has_the_hours_it_has(vendor: DescribedVendor, day: date, hours: int) -> None:
    window = local_day(day, VIENNA)
    vendor.rows = {window.start + n * HOUR: [{"p": float(n)}] for n in range(-24, 49)}

    (answer,) = answers(vendor, window)

    assert answer.covers == window
    assert answer.rows.num_rows == hours


def test_quarter_hours_and_ends_of_their_own_are_taken_as_they_come(vendor: DescribedVendor) -> None:
    quarter = timedelta(minutes=15)
    vendor.rows = {DAY.start + n * quarter: [{"p": 1.0, "min": 15}] for n in range(48)}
    vendor.rows |= {NOW + 6 * n * HOUR: [{"p": 2.0, "e": (NOW + (6 * n + 6) * HOUR).isoformat()}] for n in range(2)}
    for at in list(vendor.rows)[:48]:
        vendor.rows[at][0]["e"] = (at + quarter).isoformat()

    fine, coarse = answers(vendor, jmespath="data[].{start: t, end: e, price: p}")

    assert (fine.step, coarse.step) == (quarter, 6 * HOUR)
    assert (fine.covers, coarse.covers) == (Window(DAY.start, NOW), Window(NOW, DAY.end))


@pytest.mark.parametrize("nothing", [None, -999, -9999.0, float("nan"), float("inf")])
def test_an_hour_without_a_price_is_a_hole_and_never_0(vendor: DescribedVendor, nothing: float | None) -> None:
    vendor.rows[DAY.start + HOUR] = [{"p": nothing}]

    answered = answers(vendor)

    assert [answer.covers for answer in answered] == [
        Window(DAY.start, DAY.start + HOUR),
        Window(DAY.start + 2 * HOUR, DAY.end),
    ]
    assert answered[0].rows["peak_period"].null_count == 1


def test_a_key_that_is_nowhere_is_told(vendor: DescribedVendor) -> None:
    with pytest.raises(ProviderError, match="none of 24 rows has a price; does PRICING_JMESPATH name the right key"):
        answers(vendor, jmespath="data[].{start: t, price: prize}")


def test_nulls_of_a_day_to_come_are_no_error(vendor: DescribedVendor) -> None:
    vendor.rows = {TOMORROW.start + n * HOUR: [{"p": None}] for n in range(24)}

    assert answers(vendor, TOMORROW) == []


def test_an_empty_day_covers_nothing(vendor: DescribedVendor) -> None:
    vendor.rows = {}

    assert answers(vendor) == []


def test_a_short_answer_covers_what_it_holds(vendor: DescribedVendor) -> None:
    vendor.published = DAY.start + 9 * HOUR

    (answer,) = answers(vendor)

    assert answer.covers == Window(DAY.start, DAY.start + 9 * HOUR)
    assert answer.rows["peak_period"].null_count == 9


def test_a_revised_price_is_what_the_next_fetch_says(vendor: DescribedVendor) -> None:
    before = rows(answers(vendor))
    vendor.rows[DAY.start] = [{"p": 77.0}]
    after = rows(answers(vendor))

    assert after[0]["current_price"] == pytest.approx(0.077)
    assert [row["current_price"] for row in after[1:]] == [row["current_price"] for row in before[1:]]


def test_a_lone_row_without_its_end_is_refused_as_its_length_is_not_known(vendor: DescribedVendor) -> None:
    vendor.misbehave(json_reply({"data": [{"t": "2026-11-20T11:00Z", "p": 1}]}))

    with pytest.raises(ProviderError, match="has no `end` and is the only one; let the JMESPath give `end` too"):
        answers(vendor)


def test_two_prices_for_one_hour_are_both_left_out_and_a_repeated_one_is_not(vendor: DescribedVendor) -> None:
    vendor.rows[DAY.start] *= 2
    assert len(rows(answers(vendor))) == 24

    vendor.rows[DAY.start] = [{"p": 1.0}, {"p": 2.0}]
    assert len(rows(answers(vendor))) == 23


def test_the_owners_tariff_and_currency_are_in_both_feeds(vendor: DescribedVendor) -> None:
    vendor.rows = {DAY.start + n * HOUR: [{"p": 80.0}] for n in range(24)}
    given = {"pricing_surcharge": 0.12, "pricing_vat_percent": 19, "pricing_currency": "SEK"}

    for feed, field in (("electricity_pricing", "current_price"), ("electricity_pricing_forecast", "price")):
        assert rows(answers(vendor, feed=feed, **given))[0][field] == pytest.approx((0.08 + 0.12) * 1.19)
    assert {row["currency"] for row in rows(answers(vendor, **given))} == {"SEK"}


URL, JMESPATH = {"pricing_url": "https://api.example.com/{start}"}, {"pricing_jmespath": ROWS}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "PRICING_TARIFF: is not set; generic prices need a tariff such as 0.32 here, or PRICING_URL and PRICING_"),
        (URL, "PRICING_JMESPATH: is not set"),
        (JMESPATH, "PRICING_URL: is not set"),
        ({"pricing_tariff": "0.3"} | URL | JMESPATH, "PRICING_TARIFF: is set beside PRICING_URL or PRICING_JMESPATH"),
        ({"pricing_tariff": "0.3"} | URL, "PRICING_TARIFF: is set beside"),
        ({"pricing_url": "https://api.example.com/{begin}"} | JMESPATH, "PRICING_URL: {begin} is not known"),
    ],
)
def test_settings_that_do_not_suffice_say_what_to_set(given: dict[str, str], problem: str) -> None:
    for price in generic.build(Settings(**given), VIENNA).values():  # type: ignore[arg-type]
        with pytest.raises(SettingError) as caught:
            list(price.fetch(DAY, NOW))
        assert str(caught.value).startswith(problem)


def test_the_probe_says_what_today_costs(vendor: DescribedVendor) -> None:
    assert provider(vendor).probe(NOW) == "24 prices of today, now 0.1000 EUR/kWh"
    vendor.rows = {}
    with noting(NOW) as skipped:
        assert provider(vendor).probe(NOW) == "reachable"
    assert skipped.listed == ["no price of today is published"]
