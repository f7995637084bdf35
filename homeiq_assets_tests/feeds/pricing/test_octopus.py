"""Octopus, asked over HTTP: rates of half-hours, of hours and without an end become half-hours in pounds."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.skipped import noting
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.feeds.pricing.octopus_home import (
    AGILE,
    DAY,
    FLEXIBLE,
    FORECAST,
    GO,
    HALF_HOUR,
    HOUR,
    LONDON,
    NEXT_WEEK,
    NOON,
    PENCE,
    PRICING,
    SPRING,
    TOMORROW,
    agile,
    answers,
    provider,
    rates,
    row,
    rows,
    running,
)
from homeiq_assets_tests.simulated_vendors.octopus import OctopusVendor, Rate

POLL = Window(NOON - 2 * HOUR, TOMORROW.end)
TO_ELEVEN = timedelta(hours=23)


@pytest.fixture
def vendor() -> Iterator[OctopusVendor]:
    with running() as octopus:
        yield octopus


def test_a_poll_brings_the_rates_from_two_hours_ago_to_the_end_of_what_is_published(vendor: OctopusVendor) -> None:
    (answer,) = answers(vendor, POLL)
    assert (answer.covers, answer.step) == (Window(POLL.start, DAY.start + TO_ELEVEN), HALF_HOUR)
    assert answer.rows.num_rows == 26
    assert rows([answer])[0] == {
        "time": POLL.start,
        "provider": "octopus",
        "currency": "GBP",
        "current_price": pytest.approx(PENCE[POLL.start] / 100),
        # Today's last hour is published with tomorrow's.
        "peak_period": None,
    }


def test_once_tomorrow_is_published_today_is_whole_and_tomorrow_reaches_to_eleven(vendor: OctopusVendor) -> None:
    vendor.now = DAY.start + 17 * HOUR
    (answer,) = answers(vendor, POLL)
    assert answer.covers == Window(POLL.start, TOMORROW.start + TO_ELEVEN)
    peaks = [found["peak_period"] for found in rows([answer])]
    assert set(peaks[:28]) == {True, False}
    assert set(peaks[28:]) == {None}


def test_the_forecast_has_the_same_rates_by_wall_hour(vendor: OctopusVendor) -> None:
    vendor.now = DAY.start + 17 * HOUR
    (answer,) = answers(vendor, POLL, FORECAST)
    found = rows([answer])
    assert [each["hour_offset"] for each in found] == [n // 2 % 24 for n in range(20, 94)]
    assert [each["price"] for each in found] == pytest.approx([PENCE[each["time"]] / 100 for each in found])


def test_what_is_not_published_yet_is_no_error_and_covers_nothing(vendor: OctopusVendor) -> None:
    vendor.tariffs[AGILE] = [rate for rate in vendor.tariffs[AGILE] if rate.start and rate.start < TOMORROW.start]
    assert answers(vendor, TOMORROW) == []


@pytest.mark.parametrize("tariff", [AGILE, FLEXIBLE])
def test_beyond_tomorrow_nothing_is_known_and_nothing_is_asked(vendor: OctopusVendor, tariff: str) -> None:
    assert answers(vendor, local_day(date(2026, 3, 13), LONDON), pricing_area=tariff) == []
    assert vendor.asked == []


@pytest.mark.parametrize(
    ("first", "last", "half_hours"),
    [
        (date(2026, 1, 1), date(2026, 1, 31), 1488),
        (date(2025, 10, 1), date(2025, 10, 31), 1490),
        (date(2026, 3, 1), date(2026, 3, 31), 1486),
    ],
)
def test_a_month_is_filled_by_one_request(vendor: OctopusVendor, first: date, last: date, half_hours: int) -> None:
    vendor.now = datetime(2026, 4, 10, tzinfo=UTC)
    month = Window(local_day(first, LONDON).start, local_day(last, LONDON).end)
    assert month.length <= provider(vendor).longest
    (answer,) = answers(vendor, month)
    assert answer.covers == month
    assert answer.rows.num_rows == half_hours
    assert answer.rows["peak_period"].null_count == 0
    (asked,) = vendor.asked
    assert asked.path == f"/v1/products/AGILE-24-10-01/electricity-tariffs/{AGILE}/standard-unit-rates/"
    assert asked.params == {
        "period_from": f"{month.start:%Y-%m-%dT%H:%M:%SZ}",
        "period_to": f"{month.end:%Y-%m-%dT%H:%M:%SZ}",
        "page_size": "1500",
    }


@pytest.mark.parametrize(("day", "half_hours"), [(date(2025, 10, 26), 50), (date(2026, 3, 29), 46)])
@pytest.mark.parametrize("tariff", [AGILE, FLEXIBLE])
def test_a_day_of_a_clock_change_has_the_half_hours_it_has(
    vendor: OctopusVendor, tariff: str, day: date, half_hours: int
) -> None:
    vendor.now = local_day(day, LONDON).end + 48 * HOUR
    (answer,) = answers(vendor, local_day(day, LONDON), pricing_area=tariff)
    assert answer.covers == local_day(day, LONDON)
    assert answer.rows.num_rows == half_hours
    assert sum(answer.rows["peak_period"].to_pylist()) == half_hours // 4


def test_pages_are_followed_at_the_address_of_the_settings(vendor: OctopusVendor) -> None:
    vendor.now = NEXT_WEEK
    vendor.most = 20
    (answer,) = answers(vendor, DAY)
    assert answer.covers == DAY
    assert answer.rows.num_rows == 48
    assert [asked.params.get("page") for asked in vendor.asked] == [None, "2", "3"]


def test_a_rate_without_an_end_is_known_for_today_and_tomorrow(vendor: OctopusVendor) -> None:
    (answer,) = answers(vendor, POLL, pricing_area=FLEXIBLE)
    assert (answer.covers, answer.step) == (POLL, HALF_HOUR)
    assert {found["current_price"] for found in rows([answer])} == {0.252}


def test_a_rate_without_an_end_is_not_known_for_the_day_after_tomorrow(vendor: OctopusVendor) -> None:
    (answer,) = answers(vendor, Window(DAY.start, TOMORROW.end + 48 * HOUR), pricing_area=FLEXIBLE)
    assert answer.covers == Window(DAY.start, TOMORROW.end)


def test_a_rate_that_changes_within_a_window_changes_in_its_rows(vendor: OctopusVendor) -> None:
    window = Window(datetime(2025, 12, 31, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    (answer,) = answers(vendor, window, pricing_area=FLEXIBLE)
    assert answer.covers == window
    assert [found["current_price"] for found in rows([answer])] == [0.27] * 48 + [0.252] * 48


@pytest.mark.parametrize(("method", "pounds"), [("DIRECT_DEBIT", 0.252), ("NON_DIRECT_DEBIT", 0.267)])
def test_the_payment_method_chooses_among_rates_of_the_same_time(
    vendor: OctopusVendor, method: str, pounds: float
) -> None:
    found = rows(answers(vendor, DAY, pricing_area=FLEXIBLE, octopus_payment_method=method))
    assert len(found) == 48
    assert {each["current_price"] for each in found} == {pounds}


def test_a_rate_for_the_owners_method_stands_above_one_for_all(vendor: OctopusVendor) -> None:
    vendor.tariffs[FLEXIBLE] = [Rate(30.0, None), Rate(24.0, DAY.start + HOUR, DAY.start + 2 * HOUR, "DIRECT_DEBIT")]
    found = rows(answers(vendor, DAY, pricing_area=FLEXIBLE))
    assert [each["current_price"] for each in found] == [0.3] * 2 + [0.24] * 2 + [0.3] * 44


def test_rates_of_some_hours_are_cut_into_half_hours_with_what_began_yesterday(vendor: OctopusVendor) -> None:
    (answer,) = answers(vendor, DAY, pricing_area=GO)
    assert answer.covers == DAY
    assert [found["current_price"] for found in rows([answer])] == [0.29] + [0.085] * 10 + [0.29] * 37


def test_a_hole_between_rates_is_not_covered(vendor: OctopusVendor) -> None:
    vendor.now = NEXT_WEEK
    hole = Window(DAY.start + HOUR, DAY.start + 3 * HOUR)
    vendor.tariffs[AGILE] = [rate for rate in vendor.tariffs[AGILE] if rate.start not in hole]  # type: ignore[operator]
    first, rest = answers(vendor, DAY)
    assert (first.covers, rest.covers) == (Window(DAY.start, hole.start), Window(hole.end, DAY.end))


def test_a_short_answer_covers_what_it_holds_and_leaves_the_peak_open(vendor: OctopusVendor) -> None:
    vendor.misbehave(rates(*(row(DAY.start + n * HALF_HOUR) for n in range(9))))
    (answer,) = answers(vendor, DAY)
    assert answer.covers == Window(DAY.start, DAY.start + 9 * HALF_HOUR)
    assert answer.rows["peak_period"].null_count == 9


def test_an_empty_day_covers_nothing(vendor: OctopusVendor) -> None:
    vendor.misbehave(rates())
    assert answers(vendor, DAY) == []


@pytest.mark.parametrize("nothing", [None, -999.0], ids=["null", "a sentinel"])
def test_a_half_hour_without_a_rate_is_a_hole_and_never_0(vendor: OctopusVendor, nothing: float | None) -> None:
    vendor.misbehave(rates(*(row(DAY.start + n * HALF_HOUR, nothing if n == 1 else -3.5) for n in range(3))))
    answered = answers(vendor, DAY)
    assert [answer.covers.start for answer in answered] == [DAY.start, DAY.start + HOUR]
    assert [found["current_price"] for found in rows(answered)] == [-0.035, -0.035]


def test_a_revised_rate_is_what_the_next_fetch_says(vendor: OctopusVendor) -> None:
    vendor.now = NEXT_WEEK
    before = rows(answers(vendor, DAY))
    vendor.tariffs[AGILE] = [
        Rate(99.0, rate.start, rate.end) if rate.start == DAY.start else rate for rate in vendor.tariffs[AGILE]
    ]
    after = rows(answers(vendor, DAY))
    assert after[0]["current_price"] == 0.99
    assert [each["current_price"] for each in after[1:]] == [each["current_price"] for each in before[1:]]


def test_repeated_rows_and_offsets_other_than_utc_are_put_right(vendor: OctopusVendor) -> None:
    summer = row(DAY.start, valid_from="2026-03-11T01:00:00+01:00", valid_to="2026-03-11T01:30:00+01:00")
    vendor.misbehave(rates(row(DAY.start + HALF_HOUR), summer, row(DAY.start)))
    (answer,) = answers(vendor, DAY)
    assert [found["time"] for found in rows([answer])] == [DAY.start, DAY.start + HALF_HOUR]


def test_the_owners_additions_come_on_top_in_both_feeds(vendor: OctopusVendor) -> None:
    added: dict[str, Any] = {"pricing_surcharge": 0.02, "pricing_vat_percent": 5, "pricing_area": FLEXIBLE}
    for feed, field in ((PRICING, "current_price"), (FORECAST, "price")):
        assert rows(answers(vendor, DAY, feed, **added))[0][field] == pytest.approx((0.252 + 0.02) * 1.05)


@pytest.mark.parametrize(("zone", "half_hours"), [("Asia/Kolkata", 48), ("Asia/Kathmandu", 48)])
def test_a_home_whose_day_is_not_the_markets_still_has_whole_days(
    vendor: OctopusVendor, zone: str, half_hours: int
) -> None:
    vendor.now = NEXT_WEEK
    day = local_day(date(2026, 3, 11), ZoneInfo(zone))
    for tariff in (AGILE, FLEXIBLE):
        (answer,) = answers(vendor, day, zone=ZoneInfo(zone), pricing_area=tariff)
        assert answer.covers == day
        assert answer.rows.num_rows == half_hours
        assert sum(answer.rows["peak_period"].to_pylist()) == 12


class TestDayAndNight:
    """Tariffs with two registers, whose rates do not say when it is night."""

    CAR, ECONOMY_7 = "E-1R-IOG-SMB-VAR-24-10-29-E", "E-2R-VAR-22-11-01-C"

    @pytest.fixture(autouse=True)
    def _tariffs(self, vendor: OctopusVendor) -> None:
        vendor.tariffs |= {self.CAR: [], self.ECONOMY_7: []}
        for tariff in (self.CAR, self.ECONOMY_7):
            vendor.registers[tariff, "day"] = [Rate(30.371355, SPRING)]
            vendor.registers[tariff, "night"] = [Rate(6.89997, SPRING)]

    def test_a_car_tariff_is_cheap_from_half_past_eleven_to_half_past_five_in_london(
        self, vendor: OctopusVendor
    ) -> None:
        vendor.now = datetime(2026, 7, 10, tzinfo=UTC)
        summer = local_day(date(2026, 7, 5), LONDON)
        (answer,) = answers(vendor, summer, pricing_area=self.CAR)
        assert answer.covers == summer
        prices = [found["current_price"] for found in rows([answer])]
        assert prices == pytest.approx([0.0689997] * 11 + [0.30371355] * 36 + [0.0689997])

    def test_economy_7_is_cheap_for_seven_hours_of_a_clock_without_summer_time(self, vendor: OctopusVendor) -> None:
        vendor.now = datetime(2026, 7, 10, tzinfo=UTC)
        for day, first in ((date(2026, 7, 5), 3), (date(2026, 2, 5), 1)):
            (answer,) = answers(vendor, local_day(day, LONDON), pricing_area=self.ECONOMY_7)
            cheap = [n for n, found in enumerate(rows([answer])) if found["current_price"] < 0.1]
            assert cheap == list(range(first, first + 14))
        assert not [asked for asked in vendor.asked if "standard" in asked.path]

    @pytest.mark.parametrize(("hours", "first"), [("1:00-2:30", 2), ("01:00-02:30 UTC", 4)])
    def test_the_owner_says_when_it_is_night(self, vendor: OctopusVendor, hours: str, first: int) -> None:
        vendor.now = datetime(2026, 7, 10, tzinfo=UTC)
        day = local_day(date(2026, 7, 5), LONDON)
        found = rows(answers(vendor, day, FORECAST, pricing_area=self.CAR, octopus_night_hours=hours))
        assert [n for n, row in enumerate(found) if row["price"] < 0.1] == list(range(first, first + 3))

    @pytest.mark.parametrize("hours", ["1-7", "00:15-07:00", "07:00-7:00", "23:30-05:30 London"])
    def test_night_hours_that_make_no_sense_are_refused_by_their_setting(self, hours: str) -> None:
        with pytest.raises(ValidationError, match="octopus_night_hours"):
            Settings(octopus_night_hours=hours)

    def test_rates_of_registers_change_in_time_and_with_the_payment_method(self, vendor: OctopusVendor) -> None:
        vendor.registers[self.CAR, "night"] = [
            Rate(8.0, SPRING, DAY.start + 2 * HOUR, "DIRECT_DEBIT"),
            Rate(7.0, DAY.start + 2 * HOUR, None, "DIRECT_DEBIT"),
            Rate(99.0, SPRING, None, "NON_DIRECT_DEBIT"),
        ]
        found = rows(answers(vendor, DAY, pricing_area=self.CAR))
        assert [each["current_price"] for each in found[:12]] == pytest.approx([0.08] * 4 + [0.07] * 7 + [0.30371355])

    def test_a_register_without_rates_is_named_and_the_other_is_taken(self, vendor: OctopusVendor) -> None:
        vendor.registers[self.CAR, "night"] = []
        with noting(NOON) as skipped:
            assert len(rows(answers(vendor, DAY, pricing_area=self.CAR))) == 36
        assert skipped.listed == [f"{self.CAR} has no night-unit-rates of {DAY}"]

    def test_a_tariff_without_any_rates_is_named(self, vendor: OctopusVendor) -> None:
        vendor.registers = {(self.CAR, "day"): [], (self.CAR, "night"): []}
        with noting(NOON) as skipped:
            assert answers(vendor, DAY, pricing_area=self.CAR) == []
        assert "no price of the present is published" in skipped.listed


@pytest.mark.parametrize(
    ("odd", "missing", "told"),
    [
        (Rate(12.0, DAY.start + 2 * HOUR, DAY.start + 2 * HOUR + timedelta(minutes=3)), {4}, "less time than any"),
        (Rate(12.0, DAY.start + 2 * HOUR, DAY.start + 2 * HOUR + timedelta(minutes=47)), {5}, "two different prices"),
        (Rate(12.0, DAY.start + 2 * HOUR, DAY.start + HOUR), {4}, "ends before it begins"),
        (Rate("12.0", DAY.start + 2 * HOUR, DAY.start + 3 * HOUR), {4}, "value_inc_vat"),
    ],
)
def test_one_odd_rate_costs_its_own_time_and_no_month(
    vendor: OctopusVendor, odd: Rate, missing: set[int], told: str
) -> None:
    vendor.now = NEXT_WEEK
    vendor.tariffs[AGILE] = [rate for rate in agile() if rate.start != odd.start]
    month = [row(rate.start, rate.pence) for rate in vendor.tariffs[AGILE] if rate.start and rate.start in DAY]
    end = odd.end or DAY.end
    month.append(row(DAY.start + 2 * HOUR, odd.pence, valid_to=f"{end:%Y-%m-%dT%H:%M:%SZ}"))
    vendor.misbehave(rates(*month))
    with noting(NEXT_WEEK) as skipped:
        found = rows(answers(vendor, DAY))
    assert {n for n in range(48) if DAY.start + n * HALF_HOUR not in {each["time"] for each in found}} == missing
    assert told in skipped.summary()


def test_the_probe_says_what_today_costs(vendor: OctopusVendor) -> None:
    assert provider(vendor).probe(NOON) == f"46 prices of today, now {PENCE[NOON] / 100:.4f} GBP/kWh"
    vendor.tariffs[AGILE] = []
    with noting(NOON) as skipped:
        assert provider(vendor).probe(NOON) == "reachable"
    assert skipped.listed == ["no price of today is published"]
