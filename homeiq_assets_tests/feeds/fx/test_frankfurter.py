"""Frankfurter, asked over HTTP: the rates of working days, each of its own date, and none for the days between."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.errors import NoHistory, ProviderError
from homeiq_assets.feeds.fx import frankfurter
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.schema.measurements import FX_RATE
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.household import Household, checks_of, failure_of, household
from homeiq_assets_tests.simulated_vendors.frankfurter import NOT_FOUND, FrankfurterVendor, rates
from homeiq_assets_tests.simulated_vendors.server import Misbehaviour, Reply, html_reply, json_reply, no_waiting

BERLIN, LOS_ANGELES = ZoneInfo("Europe/Berlin"), ZoneInfo("America/Los_Angeles")
ONE = timedelta(days=1)
HOLIDAYS = {date(2026, 4, 3), date(2026, 4, 6), date(2026, 5, 1)}
EVERY_DAY = [date(2025, 9, 1) + n * ONE for n in range(300)]
RATES: dict[date, dict[str, float | None]] = {
    day: {"USD": 1.1 + n / 10_000, "GBP": 0.86, "HUF": 400.5}
    for n, day in enumerate(EVERY_DAY)
    if day.weekday() < 5 and day not in HOLIDAYS
}
FRIDAY, SATURDAY, SUNDAY, MONDAY, TUESDAY = (date(2026, 3, 6) + n * ONE for n in range(5))
LATER = datetime(2026, 6, 20, 12, tzinfo=UTC)


@pytest.fixture
def vendor() -> Iterator[FrankfurterVendor]:
    with FrankfurterVendor(RATES, now=LATER) as running, no_waiting():
        yield running


def provider(vendor: FrankfurterVendor) -> Provider:
    return frankfurter.build(Settings(frankfurter_base_url=vendor.url), BERLIN)["fx_rate"]


def fetch(vendor: FrankfurterVendor, window: Window) -> list[Answer]:
    assert vendor.now is not None
    return list(provider(vendor).fetch(window, vendor.now))


def days(first: date, last: date, zone: ZoneInfo = BERLIN) -> Window:
    return Window(local_day(first, zone).start, local_day(last, zone).end)


def utc(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def dates(answers: list[Answer]) -> list[date]:
    return sorted({row["time"].date() for answer in answers for row in answer.rows.to_pylist()})


def paths(vendor: FrankfurterVendor) -> list[str]:
    return [request.path for request in vendor.asked]


def test_a_day_has_all_rates_of_the_euro_at_its_first_instant(vendor: FrankfurterVendor) -> None:
    (answer,) = fetch(vendor, days(MONDAY, MONDAY))
    assert answer.covers == Window(utc(MONDAY), local_day(MONDAY, BERLIN).end)
    assert answer.step is None
    assert [row | {"time": row["time"].to_pydatetime()} for row in answer.rows.to_pylist()] == [
        {"time": utc(MONDAY), "base": "EUR", "currency": currency, "rate": RATES[MONDAY][currency]}
        for currency in ("GBP", "HUF", "USD")
    ]


def test_a_poll_before_publication_leaves_today_open(vendor: FrankfurterVendor) -> None:
    vendor.now = utc(TUESDAY) + timedelta(hours=14)
    (answer,) = fetch(vendor, Window(vendor.now - 2 * ONE, local_day(TUESDAY + ONE, BERLIN).end))
    assert paths(vendor) == [f"/v1/{MONDAY}..{TUESDAY}"]
    assert (dates([answer]), answer.covers.end) == ([MONDAY], utc(TUESDAY))


def test_a_poll_after_publication_brings_todays_rates(vendor: FrankfurterVendor) -> None:
    vendor.now = utc(TUESDAY) + timedelta(hours=15)
    (answer,) = fetch(vendor, Window(vendor.now - 2 * ONE, local_day(TUESDAY + ONE, BERLIN).end))
    assert (dates([answer]), answer.covers.end) == ([MONDAY, TUESDAY], utc(TUESDAY + ONE))


@pytest.mark.parametrize("day", [SATURDAY, SUNDAY, date(2026, 4, 3), date(2026, 4, 6)])
def test_a_day_without_a_rate_is_not_given_an_earlier_one(vendor: FrankfurterVendor, day: date) -> None:
    assert fetch(vendor, days(day, day)) == []


def test_a_weekend_between_rates_is_covered_and_one_after_them_is_not(vendor: FrankfurterVendor) -> None:
    (between,) = fetch(vendor, days(FRIDAY, MONDAY))
    assert dates([between]) == [FRIDAY, MONDAY]
    assert between.covers == Window(utc(FRIDAY), local_day(MONDAY, BERLIN).end)
    (after,) = fetch(vendor, days(FRIDAY, SUNDAY))
    assert (dates([after]), after.covers.end) == ([FRIDAY], utc(SATURDAY))


def test_a_weekend_before_the_first_rate_is_covered_where_the_vendor_tells_the_rate_before_it(
    vendor: FrankfurterVendor,
) -> None:
    (answer,) = fetch(vendor, days(SATURDAY, MONDAY))
    assert (dates([answer]), answer.covers) == ([MONDAY], days(SATURDAY, MONDAY))
    vendor.misbehave(rates({MONDAY: RATES[MONDAY]}))
    (answer,) = fetch(vendor, days(SATURDAY, MONDAY))
    assert answer.covers == Window(utc(MONDAY), local_day(MONDAY, BERLIN).end)


def test_the_longest_closing_is_covered_and_weeks_without_a_rate_are_not(vendor: FrankfurterVendor) -> None:
    (easter,) = fetch(vendor, days(date(2026, 4, 1), date(2026, 4, 8)))
    assert easter.covers == Window(utc(date(2026, 4, 1)), local_day(date(2026, 4, 8), BERLIN).end)
    for day in [day for day in vendor.rates if date(2026, 3, 9) <= day <= date(2026, 3, 20)]:
        del vendor.rates[day]
    before, after = fetch(vendor, days(date(2026, 3, 2), date(2026, 3, 31)))
    assert (before.covers.end, after.covers.start) == (utc(SATURDAY), utc(date(2026, 3, 23)))


def test_a_month_is_filled_by_one_request(vendor: FrankfurterVendor) -> None:
    (answer,) = fetch(vendor, days(date(2026, 3, 1), date(2026, 3, 31)))
    assert paths(vendor) == ["/v1/2026-03-01..2026-03-31"]
    assert (len(dates([answer])), answer.rows.num_rows) == (22, 66)


def test_five_years_are_one_request(vendor: FrankfurterVendor) -> None:
    longest = Window(LATER - provider(vendor).longest, LATER)
    assert longest.length > timedelta(days=5 * 365)
    assert dates(fetch(vendor, longest)) == [day for day in sorted(RATES) if day <= LATER.date()]
    assert len(vendor.asked) == 1


@pytest.mark.parametrize("day", [date(2025, 10, 26), date(2026, 3, 29)])
def test_around_a_clock_change_a_rate_is_of_its_date(vendor: FrankfurterVendor, day: date) -> None:
    found = fetch(vendor, days(day - ONE, day + ONE))
    assert dates(found) == [day + ONE]
    assert {row["time"].to_pydatetime() for row in found[0].rows.to_pylist()} == {utc(day + ONE)}


def test_west_of_greenwich_a_local_day_holds_the_rate_whose_date_begins_in_it(vendor: FrankfurterVendor) -> None:
    assert dates(fetch(vendor, days(MONDAY, MONDAY, LOS_ANGELES))) == [TUESDAY]
    assert paths(vendor) == [f"/v1/{TUESDAY}..{TUESDAY}"]


def test_what_is_to_come_is_not_asked_for(vendor: FrankfurterVendor) -> None:
    assert fetch(vendor, Window(LATER + ONE, LATER + 3 * ONE)) == []
    assert fetch(vendor, Window(LATER, LATER + timedelta(hours=3))) == [], "no date begins in it"
    assert vendor.asked == []


def test_where_today_has_not_begun_by_the_vendors_clock_nothing_is_known(vendor: FrankfurterVendor) -> None:
    now = utc(TUESDAY) + timedelta(seconds=1)
    vendor.now = now - timedelta(seconds=2)
    assert list(provider(vendor).fetch(Window(utc(TUESDAY), utc(TUESDAY) + ONE), now)) == []
    assert len(vendor.asked) == 1


def test_before_the_euro_there_is_no_history(vendor: FrankfurterVendor) -> None:
    with pytest.raises(NoHistory, match="begin on 1999-01-04"):
        fetch(vendor, days(date(1998, 5, 1), date(1998, 5, 31)))


def test_a_currency_that_joined_the_euro_ends(vendor: FrankfurterVendor) -> None:
    last = date(2025, 12, 31)
    for day, of_day in vendor.rates.items():
        if day <= last:
            of_day["BGN"] = 1.9558
    (answer,) = fetch(vendor, days(date(2025, 12, 29), date(2026, 1, 5)))
    levs = [row["time"].date() for row in answer.rows.to_pylist() if row["currency"] == "BGN"]
    assert levs == [date(2025, 12, 29), date(2025, 12, 30), last]


def test_a_revised_rate_is_what_the_next_fetch_says(vendor: FrankfurterVendor) -> None:
    fetch(vendor, days(MONDAY, MONDAY))
    vendor.rates[MONDAY]["USD"] = 1.25
    (answer,) = fetch(vendor, days(MONDAY, MONDAY))
    assert answer.rows["rate"].to_pylist() == [0.86, 400.5, 1.25]


@pytest.mark.parametrize("nothing", [None, 0.0, -1.0, 1e9])
def test_what_is_no_rate_is_absent(vendor: FrankfurterVendor, nothing: float | None) -> None:
    vendor.rates[MONDAY]["USD"] = nothing
    (answer,) = fetch(vendor, days(MONDAY, MONDAY))
    assert answer.rows["currency"].to_pylist() == ["GBP", "HUF"]


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (rates({MONDAY: {"USD": 1.1}}, base="USD"), "base"),
        (rates({MONDAY: {"USD": 1.1}}, amount=100.0), "amount"),
        (rates({MONDAY: {"dollar": 1.1}}), "dollar"),
        (rates({}, rates={"2026-03-09": {"USD": "1.1"}}), "USD"),
        (rates({}, rates={"2026-03-09": {"USD": True}}), "USD"),
        (rates({}, rates={"2026-03-09": None}), "2026-03-09"),
        (rates({}, rates={"Monday": {"USD": 1.1}}), "Monday"),
        (rates({}, rates=[]), "rates"),
        (Reply(200, b'{"amount":1.0,"base":"EUR","rates":{"2026-03-09":{"USD":NaN}}}'), "USD"),
        (json_reply({"message": "an error inside a 200"}), "an error inside a 200"),
        (json_reply({"amount": 1.0, "base": "EUR", "date": "2026-03-09"}), "rates"),
        (html_reply(), "not (complete) JSON"),
        (Reply(200, b""), "nothing in it"),
        (Misbehaviour(half=True), "not (complete) JSON"),
        (NOT_FOUND, 'not found"} Look at FRANKFURTER_BASE_URL.'),
        (html_reply(404), "Look at FRANKFURTER_BASE_URL."),
        (json_reply({"message": "invalid date"}, 422), "invalid date"),
        (json_reply({"message": "no"}, 401), "401"),
        (html_reply(403), "403"),
        (json_reply({}, 429, Retry_After="3600"), "asks to wait 3600 s"),
    ],
)
def test_whatever_else_comes_back_is_an_error_that_names_the_vendor(
    vendor: FrankfurterVendor, wrong: Reply | Misbehaviour, problem: str
) -> None:
    vendor.misbehave(*[wrong] * 4)
    with pytest.raises(ProviderError) as caught:
        fetch(vendor, days(MONDAY, MONDAY))
    assert str(caught.value).startswith("frankfurter: ")
    assert problem in str(caught.value)


def test_an_answer_without_rates_covers_nothing(vendor: FrankfurterVendor) -> None:
    vendor.misbehave(rates({}))
    assert fetch(vendor, days(MONDAY, MONDAY)) == []


def test_hiccups_are_waited_out(vendor: FrankfurterVendor) -> None:
    vendor.misbehave(json_reply({}, 503), Misbehaviour(reset=True), json_reply({}, 429))
    assert dates(fetch(vendor, days(MONDAY, MONDAY))) == [MONDAY]


def test_the_probe_tells_the_newest_rates(vendor: FrankfurterVendor) -> None:
    assert provider(vendor).probe(utc(SUNDAY)) == f"3 rates of {FRIDAY}, 1 EUR = {RATES[FRIDAY]['USD']:.4f} USD"


class TestInAHome:
    @pytest.fixture
    def home(self, tmp_path: Path, vendor: FrankfurterVendor) -> Household:
        vendor.now = utc(TUESDAY) + timedelta(hours=16)
        named: dict[str, Any] = {"FX_PROVIDER": "frankfurter", "FRANKFURTER_BASE_URL": vendor.url}
        return household(tmp_path, vendor.now, zone="Europe/Berlin", **named)

    def test_a_poll_brings_todays_rates_and_those_of_the_day_before(self, home: Household) -> None:
        assert home.poll("fx_rate").success
        assert sorted(set(home.times(FX_RATE))) == [utc(MONDAY), utc(TUESDAY)]

    def test_weekends_are_no_gaps(self, home: Household) -> None:
        result = home.materialise("feeds/fx_rate", days=("2026-02-01", "2026-03-08"))
        assert result.success
        assert checks_of(result, "feeds/fx_rate")["gaps"].passed
        home.clock.now = utc(SUNDAY) + timedelta(hours=12)
        assert checks_of(home.poll("fx_rate"), "feeds/fx_rate")["gaps"].passed

    @pytest.mark.parametrize("wrong", [html_reply(), NOT_FOUND, rates({MONDAY: {"USD": 1.1}}, base="USD")])
    def test_what_was_stored_stays_when_a_bad_answer_comes(
        self, home: Household, vendor: FrankfurterVendor, wrong: Reply
    ) -> None:
        home.materialise("feeds/fx_rate", days=("2026-03-01", "2026-03-09"))
        before = home.files()
        vendor.misbehave(*[wrong] * 4)

        result = home.poll("fx_rate")

        assert not result.success
        assert "frankfurter: GET" in failure_of(result)
        assert home.files() == before
