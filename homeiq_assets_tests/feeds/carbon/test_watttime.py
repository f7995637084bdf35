"""WattTime, asked over HTTP: history as it is published, forecasts as they stand at the poll."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from homeiq_assets.errors import NoHistory, ProviderError
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.feeds.carbon.watttime_home import (
    BERLIN,
    DAY,
    FORECASTS,
    HOUR,
    LB_PER_MWH,
    NEXT_WEEK,
    NOW,
    SLOT,
    START,
    STEP,
    fetch,
    grams,
    provider,
    rows,
    series,
)
from homeiq_assets_tests.simulated_vendors.server import Misbehaviour, Reply, html_reply, json_reply
from homeiq_assets_tests.simulated_vendors.watttime import WattTimeVendor


def test_a_poll_brings_published_history_and_the_current_slot_with_its_forecasts(
    vendor: WattTimeVendor, home: Path
) -> None:
    window = Window(NOW - timedelta(minutes=30), DAY.end)
    history, current = fetch(vendor, home, window)
    published = [DAY.start + timedelta(hours=9, minutes=minutes) for minutes in (40, 45, 50, 55)]
    assert [row["time"] for row in rows([history])] == published
    assert history.covers == Window(published[0], published[-1] + STEP)
    assert current.covers == Window(SLOT, SLOT + STEP)
    assert rows([current]) == [
        {
            "time": SLOT,
            "region": "CAISO_NORTH",
            "grid_operator": "unknown",
            "carbon_intensity_gco2_kwh": grams(SLOT, FORECASTS),
            "renewable_percentage": None,
            "fossil_percentage": None,
            "forecast_1h": grams(SLOT + HOUR, FORECASTS),
            "forecast_24h": grams(SLOT + 24 * HOUR, FORECASTS),
        }
    ]


def test_what_history_has_already_stands_above_the_nowcast(vendor: WattTimeVendor, home: Path) -> None:
    vendor.lag = timedelta(0)
    history, current = fetch(vendor, home, Window(NOW - timedelta(minutes=30), DAY.end))
    assert history.covers.end == SLOT
    (row,) = rows([current])
    assert row["carbon_intensity_gco2_kwh"] == grams(SLOT)
    assert row["forecast_1h"] == grams(SLOT + HOUR, FORECASTS)


def test_a_past_day_is_its_history_without_any_forecast(vendor: WattTimeVendor, home: Path) -> None:
    vendor.now = NEXT_WEEK
    (answer,) = fetch(vendor, home, DAY)
    assert answer.covers == DAY
    assert answer.step == STEP
    assert vendor.asked_for("/v3/forecast") == []
    found = rows([answer])
    assert [row["carbon_intensity_gco2_kwh"] for row in found] == [grams(row["time"]) for row in found]
    assert {row["forecast_1h"] for row in found} == {row["forecast_24h"] for row in found} == {None}
    assert {row["renewable_percentage"] for row in found} == {None}


def test_a_month_is_filled_by_one_login_and_one_request_with_inclusive_ends(vendor: WattTimeVendor, home: Path) -> None:
    vendor.now = NEXT_WEEK
    month = Window(START, START + timedelta(days=31))
    (answer,) = fetch(vendor, home, month)
    assert answer.covers == month
    assert answer.rows.num_rows == 31 * 288
    assert [request.path for request in vendor.asked] == ["/login", "/v3/historical"]
    asked = vendor.asked[1].params
    assert (asked["start"], asked["end"]) == ("2023-10-01T00:00Z", "2023-10-31T23:55Z")


def test_the_longest_window_is_one_that_watttime_answers(vendor: WattTimeVendor, home: Path) -> None:
    vendor.now = NEXT_WEEK
    carbon = provider(vendor, home)
    (answer,) = carbon.fetch(Window(START, START + carbon.longest), vendor.now)
    assert answer.covers.length == carbon.longest


@pytest.mark.parametrize(("day", "hours"), [(date(2023, 10, 29), 25), (date(2024, 3, 31), 23)])
def test_a_day_of_a_clock_change_has_the_hours_it_has(
    vendor: WattTimeVendor, home: Path, day: date, hours: int
) -> None:
    vendor.now = local_day(day, BERLIN).end + timedelta(days=2)
    (answer,) = fetch(vendor, home, local_day(day, BERLIN))
    assert answer.covers == local_day(day, BERLIN)
    assert answer.rows.num_rows == hours * 12


def test_a_day_that_has_not_begun_is_not_asked_for(vendor: WattTimeVendor, home: Path) -> None:
    assert fetch(vendor, home, local_day(date(2023, 11, 16), BERLIN)) == []
    assert vendor.asked == []


def test_an_empty_day_covers_nothing(vendor: WattTimeVendor, home: Path) -> None:
    vendor.now = NEXT_WEEK
    vendor.values = {}
    assert fetch(vendor, home, DAY) == []


def test_a_day_before_the_regions_history_says_when_that_begins(vendor: WattTimeVendor, home: Path) -> None:
    long_ago = local_day(date(2018, 5, 1), BERLIN)
    with pytest.raises(NoHistory, match="history of CAISO_NORTH begins on 2019-01-01"):
        fetch(vendor, home, long_ago)


def test_a_short_answer_covers_from_its_first_to_its_last_point(vendor: WattTimeVendor, home: Path) -> None:
    vendor.now = NEXT_WEEK
    vendor.misbehave(series(*[(DAY.start + n * STEP, 900.0) for n in range(12, 24)]), path="/v3/historical")
    (answer,) = fetch(vendor, home, DAY)
    assert answer.covers == Window(DAY.start + HOUR, DAY.start + 2 * HOUR)


def test_a_withdrawn_point_is_covered_so_that_what_was_stored_of_it_goes(vendor: WattTimeVendor, home: Path) -> None:
    vendor.now = NEXT_WEEK
    gone, empty = DAY.start + 3 * HOUR, DAY.start + 5 * HOUR
    del vendor.values[gone]
    vendor.values[empty] = None
    (answer,) = fetch(vendor, home, DAY)
    assert answer.covers == DAY
    assert {row["time"] for row in rows([answer])} == {DAY.start + n * STEP for n in range(288)} - {gone, empty}


def test_an_outage_of_hours_is_not_covered(vendor: WattTimeVendor, home: Path) -> None:
    vendor.now = NEXT_WEEK
    for n in range(36, 72):
        del vendor.values[DAY.start + n * STEP]
    assert [answer.covers for answer in fetch(vendor, home, DAY)] == [
        Window(DAY.start, DAY.start + 3 * HOUR),
        Window(DAY.start + 6 * HOUR, DAY.end),
    ]


def test_a_revised_value_is_what_the_next_fetch_says(vendor: WattTimeVendor, home: Path) -> None:
    vendor.now = NEXT_WEEK
    before = rows(fetch(vendor, home, DAY))
    vendor.values[DAY.start] = 1234.0
    after = rows(fetch(vendor, home, DAY))
    assert after[0]["carbon_intensity_gco2_kwh"] == pytest.approx(1234.0 * LB_PER_MWH)
    assert after[1:] == before[1:]


def test_a_sentinel_is_no_value(vendor: WattTimeVendor, home: Path) -> None:
    vendor.now = NEXT_WEEK
    vendor.values[DAY.start + HOUR] = -999.0
    assert len(rows(fetch(vendor, home, DAY))) == 287


def test_the_step_is_the_one_the_vendor_says(vendor: WattTimeVendor, home: Path) -> None:
    vendor.now = NEXT_WEEK
    quarters = [(DAY.start + n * timedelta(minutes=15), 900.0) for n in range(96)]
    vendor.misbehave(series(*quarters, data_point_period_seconds=900), path="/v3/historical")
    (answer,) = fetch(vendor, home, DAY)
    assert answer.step == timedelta(minutes=15)
    assert answer.covers == DAY


def test_points_outside_the_window_or_in_disorder_are_put_right(vendor: WattTimeVendor, home: Path) -> None:
    vendor.now = NEXT_WEEK
    points = [(DAY.start + n * STEP, 900.0) for n in (2, 1, 0, 1, -1, 288)]
    vendor.misbehave(series(*points), path="/v3/historical")
    (answer,) = fetch(vendor, home, DAY)
    assert [row["time"] for row in rows([answer])] == [DAY.start + n * STEP for n in range(3)]


def test_a_forecast_made_long_ago_is_no_nowcast(vendor: WattTimeVendor, home: Path) -> None:
    made = (SLOT - 2 * HOUR).isoformat()
    points = [(SLOT + n * STEP, 1000.0 + n) for n in range(-24, 300)]
    vendor.misbehave(series(*points, generated_at=made), path="/v3/forecast")
    *_, current = fetch(vendor, home, Window(NOW - timedelta(minutes=30), DAY.end))
    (row,) = rows([current])
    assert row["carbon_intensity_gco2_kwh"] is None
    assert row["forecast_1h"] == pytest.approx(1012 * LB_PER_MWH)


def test_a_plan_without_forecasts_still_brings_history_and_says_so_once(
    vendor: WattTimeVendor, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    vendor.plan = ("historical",)
    carbon = provider(vendor, home)
    window = Window(NOW - timedelta(minutes=30), DAY.end)
    for _ in range(2):
        (history,) = carbon.fetch(window, NOW)
        assert history.rows.num_rows == 4
        assert history.rows["forecast_1h"].null_count == 4
    assert caplog.text.count("comes without forecasts") == 1
    assert len(vendor.asked_for("/v3/forecast")) == 1


def test_a_failing_forecast_is_an_error_after_history_was_given(vendor: WattTimeVendor, home: Path) -> None:
    vendor.misbehave(*[json_reply({}, 500)] * 4, path="/v3/forecast")
    answers = iter(provider(vendor, home).fetch(Window(NOW - timedelta(minutes=30), DAY.end), NOW))
    assert next(answers).rows.num_rows == 4
    with pytest.raises(ProviderError, match="500"):
        next(answers)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (series((DAY.start, 1.0), units="percentile"), "units"),
        (series((DAY.start, 1.0), signal_type="co2_aoer"), "signal_type"),
        (series((DAY.start, 1.0), region="CAISO_SOUTH"), "answered for CAISO_SOUTH"),
        (series((DAY.start, 1.0), data_point_period_seconds=0), "data_point_period_seconds"),
        (series((DAY.start, "812.5")), "value"),
        (series((DAY.start + timedelta(seconds=17), 812.5)), "no start of a period of 0:05:00"),
        (series((DAY.start, True)), "value"),
        (json_reply({"data": [{"point_time": "2023-11-15T00:00:00", "value": 1.0}], "meta": {}}), "point_time"),
        (json_reply({"data": [], "meta": {}}), "meta"),
        (json_reply({"error": "INTERNAL", "message": "an error inside a 200"}), "an error inside a 200"),
        (json_reply({"error": "INVALID_QUERY_PARAMS", "message": "no such region"}, 400), "no such region"),
        (json_reply({"detail": [{"loc": ["query", "start"], "msg": "not a time", "type": "x"}]}, 422), "not a time"),
        (html_reply(403), "Bad gateway"),
        (html_reply(), "not (complete) JSON"),
        (Reply(200, b""), "nothing in it"),
        (Misbehaviour(half=True), "not (complete) JSON"),
        (json_reply({"error": "RATE", "message": "slow down"}, 429, Retry_After="300"), "asks to wait 300 s"),
    ],
)
def test_whatever_else_comes_back_is_an_error_that_names_the_vendor(
    vendor: WattTimeVendor, home: Path, wrong: Reply | Misbehaviour, problem: str
) -> None:
    vendor.misbehave(wrong, path="/v3/historical")
    with pytest.raises(ProviderError) as caught:
        fetch(vendor, home, DAY)
    assert str(caught.value).startswith("watttime: ")
    assert problem in str(caught.value)


def test_hiccups_are_waited_out(vendor: WattTimeVendor, home: Path) -> None:
    vendor.now = NEXT_WEEK
    vendor.misbehave(json_reply({}, 429), path="/login")
    vendor.misbehave(json_reply({}, 503), Misbehaviour(reset=True), Misbehaviour(truncate=True), path="/v3/historical")
    assert len(rows(fetch(vendor, home, DAY))) == 288
