"""aWATTar, asked over HTTP: what is published becomes rows, and nothing else does."""

import json
from collections.abc import Iterator
from datetime import UTC, date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.feeds.pricing import awattar
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.skipped import noting
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.simulated_vendors.awattar import AwattarVendor
from homeiq_assets_tests.simulated_vendors.server import Misbehaviour, Reply, html_reply, json_reply, no_waiting

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)
FIRST = local_day(date(2023, 10, 1), BERLIN).start
PRICES = {FIRST + n * HOUR: float(n % 24 * 10 - 30) for n in range(200 * 24)}
DAY = local_day(date(2023, 11, 15), BERLIN)
NOON = DAY.start + 12 * HOUR


@pytest.fixture
def vendor() -> Iterator[AwattarVendor]:
    with AwattarVendor(PRICES) as running, no_waiting():
        yield running


def provider(vendor: AwattarVendor, feed: str = "electricity_pricing", **given: Any) -> Provider:
    return awattar.build(Settings(awattar_base_url=vendor.url, **given), BERLIN)[feed]


def answers(vendor: AwattarVendor, window: Window, feed: str = "electricity_pricing", **given: Any) -> list[Answer]:
    return list(provider(vendor, feed, **given).fetch(window, NOON))


def rows(answered: list[Answer]) -> list[dict[str, Any]]:
    return [row for answer in answered for row in answer.rows.to_pylist()]


def published(*entries: dict[str, Any], **envelope: Any) -> Reply:
    return json_reply({"object": "list", "data": list(entries), "url": "/de/v1/marketdata"} | envelope)


def entry(hour: int = 0, **different: Any) -> dict[str, Any]:
    start = round((DAY.start + hour * HOUR).timestamp() * 1000)
    usual = {"start_timestamp": start, "end_timestamp": start + 3_600_000, "marketprice": 42.0, "unit": "Eur/MWh"}
    return usual | different


def test_a_poll_brings_the_prices_from_two_hours_ago_to_the_end_of_what_is_published(vendor: AwattarVendor) -> None:
    vendor.now = NOON
    tomorrow = local_day(date(2023, 11, 16), BERLIN)
    (answer,) = answers(vendor, Window(NOON - 2 * HOUR, tomorrow.end))
    assert answer.covers == Window(NOON - 2 * HOUR, DAY.end)
    assert answer.step == HOUR
    assert answer.rows.num_rows == 14
    first = answer.rows.to_pylist()[0]
    assert first["time"].to_pydatetime() == NOON - 2 * HOUR
    assert (first["provider"], first["currency"]) == ("awattar", "EUR")
    assert first["current_price"] == pytest.approx(PRICES[NOON - 2 * HOUR] / 1000)


def test_once_tomorrow_is_published_it_is_covered_too(vendor: AwattarVendor) -> None:
    vendor.now = DAY.start + 14 * HOUR
    tomorrow = local_day(date(2023, 11, 16), BERLIN)
    window = Window(vendor.now, tomorrow.end)
    (answer,) = answers(vendor, window, "electricity_pricing_forecast")
    assert answer.covers == window
    assert [row["hour_offset"] for row in answer.rows.to_pylist()] == [*range(14, 24), *range(24)]


def test_what_is_not_published_yet_is_no_error_and_covers_nothing(vendor: AwattarVendor) -> None:
    vendor.now = NOON
    assert answers(vendor, local_day(date(2023, 11, 16), BERLIN)) == []


def test_a_month_is_filled_by_one_request(vendor: AwattarVendor) -> None:
    """October too, with its 25-hour day."""
    october = Window(FIRST, local_day(date(2023, 10, 31), BERLIN).end)
    price = provider(vendor)
    assert price.longest >= october.length
    (answer,) = price.fetch(october, NOON)
    assert len(vendor.asked) == 1
    assert answer.covers == october
    assert answer.rows.num_rows == 31 * 24 + 1


@pytest.mark.parametrize(("day", "hours"), [(date(2023, 10, 29), 25), (date(2024, 3, 31), 23)])
def test_a_day_of_a_clock_change_has_the_hours_it_has(vendor: AwattarVendor, day: date, hours: int) -> None:
    window = local_day(day, BERLIN)
    (answer,) = answers(vendor, window)
    assert answer.covers == window
    assert answer.rows.num_rows == hours
    assert sum(answer.rows["peak_period"].to_pylist()) == hours // 4


def test_negative_prices_are_prices(vendor: AwattarVendor) -> None:
    prices = [row["current_price"] for row in rows(answers(vendor, DAY))]
    assert prices == pytest.approx([PRICES[DAY.start + n * HOUR] / 1000 for n in range(24)])
    assert min(prices) < 0


def test_the_owners_tariff_is_in_both_feeds(vendor: AwattarVendor) -> None:
    vendor.prices = {DAY.start: 80.0}
    tariff = {"pricing_surcharge": 0.12, "pricing_vat_percent": 19}
    for feed, field in (("electricity_pricing", "current_price"), ("electricity_pricing_forecast", "price")):
        (row,) = rows(answers(vendor, DAY, feed, **tariff))
        assert row[field] == pytest.approx((0.08 + 0.12) * 1.19)


def test_a_poll_knows_the_peak_of_the_whole_day_not_of_its_window(vendor: AwattarVendor) -> None:
    window = Window(DAY.start + 16 * HOUR, DAY.end)
    expected = {row["time"]: row["peak_period"] for row in rows(answers(vendor, DAY))}
    found = {row["time"]: row["peak_period"] for row in rows(answers(vendor, window))}
    assert set(found.values()) == {True, False}
    assert found.items() <= expected.items()


def test_a_short_answer_covers_what_it_holds_and_leaves_the_peak_open(vendor: AwattarVendor) -> None:
    vendor.misbehave(published(*(entry(hour) for hour in range(9))))
    (answer,) = answers(vendor, DAY)
    assert answer.covers == Window(DAY.start, DAY.start + 9 * HOUR)
    assert answer.rows["peak_period"].null_count == 9


def test_an_empty_day_covers_nothing(vendor: AwattarVendor) -> None:
    vendor.misbehave(published())
    assert answers(vendor, DAY) == []


@pytest.mark.parametrize("nothing", [None, -999.0], ids=["null", "a sentinel below what the market allows"])
def test_an_hour_without_a_price_is_a_hole_and_never_0(vendor: AwattarVendor, nothing: float | None) -> None:
    vendor.misbehave(published(entry(0), entry(1, marketprice=nothing), entry(2)))
    answered = answers(vendor, DAY)
    assert [answer.covers for answer in answered] == [
        Window(DAY.start, DAY.start + HOUR),
        Window(DAY.start + 2 * HOUR, DAY.start + 3 * HOUR),
    ]
    assert [row["current_price"] for row in rows(answered)] == [0.042, 0.042]


def test_a_revised_price_is_what_the_next_fetch_says(vendor: AwattarVendor) -> None:
    before = rows(answers(vendor, DAY))
    vendor.prices[DAY.start] = 77.0
    after = rows(answers(vendor, DAY))
    assert after[0]["current_price"] == 0.077
    assert [row["current_price"] for row in after[1:]] == [row["current_price"] for row in before[1:]]


def test_quarter_hours_are_taken_as_they_come(vendor: AwattarVendor) -> None:
    quarter = timedelta(minutes=15)
    vendor.step = quarter
    vendor.prices = {DAY.start + n * quarter: float(n) for n in range(96)}
    (answer,) = answers(vendor, DAY)
    assert answer.step == quarter
    assert answer.covers == DAY
    assert answer.rows.num_rows == 96


def test_repeated_and_unordered_rows_are_put_right(vendor: AwattarVendor) -> None:
    vendor.misbehave(published(entry(2), entry(0), entry(1), entry(0)))
    (answer,) = answers(vendor, DAY)
    assert answer.rows.num_rows == 3
    assert answer.covers == Window(DAY.start, DAY.start + 3 * HOUR)


def test_rows_outside_what_was_asked_for_are_not_taken(vendor: AwattarVendor) -> None:
    vendor.misbehave(published(*(entry(hour) for hour in range(-24, 48))))
    (answer,) = answers(vendor, DAY)
    assert answer.covers == DAY
    assert answer.rows.num_rows == 24


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (published(entry(unit="ct/kWh")), "unit"),
        (published(entry(marketprice="42")), "marketprice"),
        (published(entry(marketprice=True)), "marketprice"),
        (Reply(200, b'{"object":"list","data":[{"start_timestamp":0,"end_timestamp":1,"marketprice":NaN}]}'), "data.0"),
        (published(entry(start_timestamp="2023-11-15")), "start_timestamp"),
        (published(entry(end_timestamp=10**18)), "end_timestamp"),
        (published(entry(end_timestamp=1_500_000_000_000)), "less time than any market's interval"),
        (published(entry(), entry(marketprice=43.0)), "two different prices"),
        (json_reply({"object": "list"}), "data"),
        (json_reply({"object": "error", "message": "maintenance"}), "maintenance"),
        (json_reply([]), "answer"),
        (html_reply(), "Bad gateway"),
        (Reply(200, b""), "nothing in it"),
        (Misbehaviour(half=True), "not (complete) JSON"),
        (json_reply({"message": "no"}, 401), "401"),
        (json_reply({"message": "no"}, 403), "403"),
        (json_reply({"message": "slow down"}, 429, Retry_After="86400"), "86400 s"),
    ],
)
def test_whatever_else_comes_back_is_an_error_that_names_the_vendor(
    vendor: AwattarVendor, wrong: Reply | Misbehaviour, problem: str
) -> None:
    vendor.misbehave(wrong)
    with pytest.raises(ProviderError) as caught:
        answers(vendor, DAY)
    assert str(caught.value).startswith("awattar: ")
    assert problem in str(caught.value)


def test_hiccups_are_waited_out(vendor: AwattarVendor) -> None:
    vendor.misbehave(json_reply({}, 500), Misbehaviour(reset=True), json_reply({}, 429))
    assert len(rows(answers(vendor, DAY))) == 24
    assert len(vendor.asked) == 4


def test_a_used_up_quota_is_an_error_that_only_a_later_run_tries_again(vendor: AwattarVendor) -> None:
    vendor.quota = 0
    with pytest.raises(ProviderError, match="429") as caught:
        answers(vendor, DAY)
    assert not caught.value.retryable


def test_the_area_chooses_the_host() -> None:
    assert awattar.base_url(Settings()) == "https://api.awattar.de"
    assert awattar.base_url(Settings(pricing_area="DE")) == "https://api.awattar.de"
    assert awattar.base_url(Settings(pricing_area="at")) == "https://api.awattar.at"


def test_an_area_without_awattar_is_refused_by_its_setting(vendor: AwattarVendor) -> None:
    with pytest.raises(SettingError, match=r"PRICING_AREA.*DE and AT, not for 'FR'"):
        answers(vendor, DAY, pricing_area="FR")
    assert vendor.asked == []


def test_where_the_local_day_begins_within_a_market_hour_the_day_is_still_complete(vendor: AwattarVendor) -> None:
    kolkata = ZoneInfo("Asia/Kolkata")
    day = local_day(date(2023, 11, 15), kolkata)
    price = awattar.build(Settings(awattar_base_url=vendor.url), kolkata)["electricity_pricing"]
    (answer,) = price.fetch(day, NOON)
    assert answer.rows.num_rows == 24
    assert sum(answer.rows["peak_period"].to_pylist()) == 6
    assert answer.covers == day


def test_the_probe_says_what_today_costs(vendor: AwattarVendor) -> None:
    vendor.now = NOON
    assert provider(vendor).probe(NOON) == f"24 prices of today, now {PRICES[NOON] / 1000:.4f} EUR/kWh"
    vendor.prices = {}
    with noting(NOON) as skipped:
        assert provider(vendor).probe(NOON) == "reachable"
    assert skipped.listed == ["no price of today is published"]


def test_instants_go_out_as_epoch_milliseconds(vendor: AwattarVendor) -> None:
    answers(vendor, DAY)
    expected = {"start": DAY.start, "end": DAY.end}
    assert vendor.asked[0].params == {name: f"{at.timestamp():.0f}000" for name, at in expected.items()}
    assert json.loads(vendor.asked[0].params["start"]) == DAY.start.astimezone(UTC).timestamp() * 1000
