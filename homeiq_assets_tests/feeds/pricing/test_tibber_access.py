"""Access to Tibber: the key, the choice among several homes, errors whatever their status, a whole home's runs."""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.feeds import catalog
from homeiq_assets.feeds.pricing.tibber import api
from homeiq_assets.feeds.registry import choice
from homeiq_assets.schema.measurements import ELECTRICITY_PRICING, ELECTRICITY_PRICING_FORECAST
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors import quotas
from homeiq_assets.vendors.answer_cache import polled
from homeiq_assets.vendors.answers import VendorFailure
from homeiq_assets_tests.feeds.pricing.tibber_home import (
    CABIN,
    DAY,
    FORECAST,
    HOME,
    HOUR,
    NOON,
    PRICES,
    PRICING,
    QUARTER,
    TOKEN,
    TOMORROW,
    answers,
    page,
    price,
    provider,
    rows,
    running,
    subscription,
    today,
)
from homeiq_assets_tests.household import Household, failure_of, household, metadata_by_day
from homeiq_assets_tests.simulated_vendors.server import Misbehaviour, Reply, html_reply, json_reply
from homeiq_assets_tests.simulated_vendors.tibber import TibberVendor, broken, refused

BOTH = ("feeds/electricity_pricing", "feeds/electricity_pricing_forecast")


@pytest.fixture
def vendor() -> Iterator[TibberVendor]:
    with running() as tibber:
        yield tibber


@pytest.fixture
def home(vendor: TibberVendor, tmp_path: Path) -> Household:
    return household(
        tmp_path, NOON, "Europe/Oslo", TIBBER_BASE_URL=vendor.url, PRICING_PROVIDER="tibber", PRICING_API_KEY=TOKEN
    )


def test_the_key_chooses_tibber(settings_of: Callable[..., Settings]) -> None:
    assert choice(catalog.PRICING, settings_of(PRICING_API_KEY=TOKEN)) == "tibber"


def test_without_a_key_the_setting_is_named_and_nothing_is_asked(vendor: TibberVendor) -> None:
    with pytest.raises(SettingError, match=r"PRICING_API_KEY: is not set"):
        answers(vendor, DAY, pricing_api_key=None)
    assert vendor.asked == []


def test_the_only_home_needs_no_setting_and_one_without_a_subscription_does_not_count(vendor: TibberVendor) -> None:
    vendor.homes[CABIN] = "Europe/Oslo"
    vendor.ended = {CABIN}
    assert len(rows(answers(vendor, DAY))) == 96
    assert len(rows(answers(vendor, DAY, pricing_area=f" {HOME} "))) == 96


def test_among_several_homes_the_setting_chooses_and_without_it_the_ids_are_told(vendor: TibberVendor) -> None:
    vendor.homes[CABIN] = "Europe/Oslo"
    with pytest.raises(SettingError, match=rf"PRICING_AREA: .*several homes.*{HOME}, {CABIN}"):
        answers(vendor, DAY)
    assert len(rows(answers(vendor, DAY, pricing_area=CABIN))) == 96


def test_a_home_that_the_account_does_not_have_is_told_with_those_it_has(vendor: TibberVendor) -> None:
    with pytest.raises(SettingError, match=rf"PRICING_AREA: the Tibber home '{CABIN}' is not known.*{HOME}"):
        answers(vendor, DAY, pricing_area=CABIN)


def test_a_home_without_a_running_subscription_is_told(vendor: TibberVendor) -> None:
    vendor.homes[CABIN] = "Europe/Oslo"
    vendor.ended = {CABIN}
    with pytest.raises(SettingError, match=rf"PRICING_AREA: .*{CABIN}' has no running subscription.*with one: {HOME}"):
        answers(vendor, DAY, pricing_area=CABIN)


@pytest.mark.parametrize("homes", [{}, {HOME: "Europe/Oslo"}], ids=["no homes", "an ended subscription"])
def test_an_account_without_any_subscription_names_the_key(vendor: TibberVendor, homes: dict[str, str]) -> None:
    vendor.homes, vendor.ended = homes, {HOME}
    with pytest.raises(ProviderError, match=r"tibber: .*none has a running subscription.*PRICING_API_KEY"):
        answers(vendor, DAY)


@pytest.mark.parametrize("status", [200, 400, 401, 403])
def test_a_refused_key_names_its_setting_and_is_not_told(
    vendor: TibberVendor, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    vendor.misbehave(refused(status))
    with pytest.raises(ProviderError, match="Look at PRICING_API_KEY") as caught:
        answers(vendor, DAY)
    assert "UNAUTHENTICATED" in str(caught.value)
    assert str(caught.value).count("PRICING_API_KEY") == 1
    assert not caught.value.retryable
    assert TOKEN not in str(caught.value) + caplog.text
    assert len(vendor.asked) == 1


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("reply", [broken, html_reply, lambda status: Reply(status, b"")])
def test_a_refusal_names_the_key_and_is_not_asked_again_whatever_comes_with_it(
    vendor: TibberVendor, home: Household, status: int, reply: Callable[[int], Reply]
) -> None:
    vendor.misbehave(*[reply(status)] * 9)
    result = home.materialise(BOTH[0], days="2026-03-09")
    assert not result.success
    assert "Look at PRICING_API_KEY" in failure_of(result)
    assert len(vendor.asked) == 1


def test_a_key_that_the_vendor_echoes_is_not_told_not_even_its_beginning(vendor: TibberVendor) -> None:
    error = {"message": f"{'x' * 180} token {TOKEN} of {'y' * 999}", "extensions": {"code": "UNAUTHENTICATED"}}
    for status in (200, 400):
        vendor.misbehave(json_reply({"errors": [error], "data": None}, status))
        with pytest.raises(ProviderError) as caught:
            answers(vendor, DAY)
        assert TOKEN[:8] not in str(caught.value)
        assert len(str(caught.value)) < 700


@pytest.mark.parametrize("status", [200, 400])
def test_an_internal_error_may_be_tried_again_later(vendor: TibberVendor, status: int) -> None:
    vendor.misbehave(broken(status))
    with pytest.raises(ProviderError, match="INTERNAL_SERVER_ERROR") as caught:
        answers(vendor, DAY)
    assert caught.value.retryable


def test_errors_are_believed_although_there_is_data_too(vendor: TibberVendor) -> None:
    data = {"viewer": {"homes": [{"id": HOME, "currentSubscription": {"priceInfo": {"today": [price(DAY.start)]}}}]}}
    vendor.misbehave(json_reply({"errors": [{"message": "half of it"}], "data": data}))
    with pytest.raises(ProviderError, match="half of it"):
        answers(vendor, DAY)


def test_an_error_inside_a_200_is_not_kept_for_the_next_poll(vendor: TibberVendor) -> None:
    vendor.misbehave(broken())
    with polled(NOON, HOUR):
        with pytest.raises(ProviderError):
            answers(vendor, DAY)
        assert len(rows(answers(vendor, DAY))) == 96
    assert len(vendor.asked) == 2


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (today(price(DAY.start, "0.25")), "total"),
        (today(price(DAY.start, True)), "total"),
        (today(price(DAY.start, startsAt=1_773_183_600)), "startsAt"),
        (today(price(DAY.start, startsAt="2026-03-11T00:00:00")), "startsAt"),
        (today(price(DAY.start, currency=578)), "currency"),
        (today("0.25"), "today"),
        (today(price(DAY.start), price(DAY.start, 0.26)), "two different prices"),
        (today(price(DAY.start + 7 * QUARTER / 15)), "begins within a slot of 0:15:00"),
        (today(price(DAY.start), price(DAY.start + QUARTER, currency="SEK")), "several currencies: NOK, SEK"),
        (
            Reply(200, b'{"data":{"viewer":{"homes":[{"id":"a","currentSubscription":{"priceInfo":NaN}}]}}}'),
            "priceInfo",
        ),
        (subscription([]), "currentSubscription"),
        (json_reply({"data": None}), "data"),
        (json_reply({"data": {"viewer": {}}}), "homes"),
        (json_reply({"data": {"viewer": {"homes": [{"id": HOME}]}}}), "currentSubscription"),
        (json_reply({"errors": "no", "data": None}), "errors"),
        (json_reply([]), "answer"),
        (html_reply(), "Bad gateway"),
        (html_reply(400), "Look at PRICING_API_KEY"),
        (html_reply(403), "Look at PRICING_API_KEY"),
        (Reply(200, b""), "nothing in it"),
        (Misbehaviour(half=True), "not (complete) JSON"),
        (json_reply({}, 404), "404"),
        (Reply(429, b"Too Many Requests", {"Retry-After": "600"}), "600 s"),
    ],
)
def test_whatever_else_comes_back_is_an_error_that_names_the_vendor(
    vendor: TibberVendor, wrong: Reply | Misbehaviour, problem: str
) -> None:
    vendor.misbehave(wrong)
    with pytest.raises(ProviderError) as caught:
        answers(vendor, DAY)
    assert str(caught.value).startswith("tibber: ")
    assert problem in str(caught.value)


@pytest.mark.parametrize("wrong", [price(DAY.start, "0.25"), "no price", {"startsAt": None}])
def test_history_is_judged_as_strictly(vendor: TibberVendor, wrong: object) -> None:
    vendor.now = TOMORROW.end + 5 * HOUR
    vendor.misbehave(page(wrong))
    with pytest.raises(ProviderError, match="priceInfoRange"):
        answers(vendor, DAY)


def test_hiccups_are_waited_out(vendor: TibberVendor) -> None:
    vendor.misbehave(json_reply({}, 502), Misbehaviour(reset=True))
    assert len(rows(answers(vendor, DAY))) == 96
    assert len(vendor.asked) == 3


@pytest.mark.parametrize("status", [428, 429])
def test_a_vendor_that_wants_fewer_questions_is_asked_again_later_and_not_stubbornly(
    vendor: TibberVendor, status: int
) -> None:
    vendor.misbehave(*[Reply(status, b"Too Many Requests")] * 9)
    with pytest.raises(ProviderError, match=str(status)) as caught:
        answers(vendor, DAY)
    assert caught.value.retryable is (status != 429)
    assert len(vendor.asked) <= 3


def test_the_vendor_is_not_asked_beyond_its_limit(vendor: TibberVendor) -> None:
    ledger = Settings().homeiq_home / "quotas.sqlite"
    for _ in range(100):
        assert quotas.take(ledger, api.QUOTA) == 0
    with pytest.raises(VendorFailure, match="allows 100 requests in 0:05:00, and they are used up") as caught:
        answers(vendor, DAY)
    assert not caught.value.retryable
    assert caught.value.wait > 0
    assert vendor.asked == []


def test_a_poll_of_both_feeds_asks_once_and_fills_both(home: Household, vendor: TibberVendor) -> None:
    vendor.now = home.clock.now = DAY.start + 14 * HOUR
    result = home.poll(PRICING, FORECAST)
    assert result.success, failure_of(result)
    assert len(vendor.asked) == 1
    assert len(home.times(ELECTRICITY_PRICING)) == len(home.times(ELECTRICITY_PRICING_FORECAST)) == 192
    assert set(metadata_by_day(result, BOTH[0])) == {"2026-03-11", "2026-03-12"}


def test_a_failed_backfill_leaves_what_was_stored_and_says_why(home: Household, vendor: TibberVendor) -> None:
    days = ("2026-03-01", "2026-03-10")
    assert home.materialise(*BOTH, days=days).success
    stored = home.stored(ELECTRICITY_PRICING)
    assert stored.num_rows == 10 * 96
    vendor.misbehave(refused(), broken())
    result = home.materialise(BOTH[0], days=days)
    assert not result.success
    assert "Look at PRICING_API_KEY" in failure_of(result)
    assert TOKEN not in failure_of(result)
    assert home.stored(ELECTRICITY_PRICING).equals(stored)


def test_a_revision_replaces_and_a_shorter_answer_takes_nothing_away(home: Household, vendor: TibberVendor) -> None:
    day = "2026-03-09"
    assert home.materialise(BOTH[0], days=day).success
    before = home.stored(ELECTRICITY_PRICING, day)
    (start, *_) = home.times(ELECTRICITY_PRICING, day)
    vendor.prices = {at: 7.5 for at in PRICES if start <= at < start + HOUR}
    assert home.materialise(BOTH[0], days=day).success
    prices = home.stored(ELECTRICITY_PRICING, day)["current_price"].to_pylist()
    assert prices == [7.5] * 4 + before["current_price"].to_pylist()[4:]


def test_no_file_of_the_home_holds_the_key(home: Household, vendor: TibberVendor) -> None:
    home.poll(PRICING, FORECAST)
    assert json.loads(vendor.asked[0].body)["query"]
    files = [path for path in home.settings.homeiq_home.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]


def test_the_probe_of_a_refused_key_names_it(vendor: TibberVendor) -> None:
    vendor.misbehave(refused())
    with pytest.raises(ProviderError, match="PRICING_API_KEY"):
        provider(vendor).probe(NOON)
