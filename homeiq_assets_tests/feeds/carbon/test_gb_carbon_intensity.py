"""GB Carbon Intensity, all of Great Britain: measured values once a half hour is over, forecasts at the poll."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from homeiq_assets.errors import ProviderError
from homeiq_assets.schema.measurements import CARBON_INTENSITY
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.feeds.carbon.gb_home import (
    DAY,
    FORECASTS,
    HOUR,
    LONDON,
    NEXT_WEEK,
    NOW,
    POLL,
    SLOT,
    answered,
    fetch,
    half,
    provider,
    rows,
    running,
)
from homeiq_assets_tests.household import failure_of, household
from homeiq_assets_tests.simulated_vendors.gb_carbon import STEP, GbCarbonVendor, mix
from homeiq_assets_tests.simulated_vendors.server import Misbehaviour, Reply, html_reply, json_reply


def value(at: datetime) -> int:
    return FORECASTS[at] or 0


def test_a_poll_brings_what_was_measured_and_the_current_half_hour_with_its_forecasts(gb: GbCarbonVendor) -> None:
    past, current = fetch(gb, POLL)
    assert past.covers == Window(SLOT - 5 * STEP, SLOT)
    assert {row["carbon_intensity_gco2_kwh"] - value(row["time"]) for row in rows([past])} == {-3}
    assert {(row["renewable_percentage"], row["fossil_percentage"]) for row in rows([past])} == {(40.0, 30.5)}
    assert {row["forecast_1h"] for row in rows([past])} == {None}
    assert (current.covers, current.step) == (Window(SLOT, SLOT + STEP), STEP)
    assert rows([current]) == [
        {
            "time": SLOT,
            "region": "GB",
            "grid_operator": "unknown",
            "carbon_intensity_gco2_kwh": value(SLOT),
            "renewable_percentage": 40.0,
            "fossil_percentage": 30.5,
            "forecast_1h": value(SLOT + HOUR),
            "forecast_24h": value(SLOT + 24 * HOUR),
        }
    ]
    assert [request.path for request in gb.asked] == [
        "/intensity/2025-11-20T07:30Z/2025-11-20T10:30Z",
        "/generation/2025-11-20T07:30Z/2025-11-20T10:30Z",
        "/intensity/2025-11-20T10:00Z/fw48h",
    ]


def test_a_past_day_is_what_was_measured_without_any_forecast(gb: GbCarbonVendor) -> None:
    gb.now = NEXT_WEEK
    (answer,) = fetch(gb, DAY)
    assert answer.covers == DAY
    assert answer.rows.num_rows == 48
    assert len(gb.asked) == 2
    assert answer.rows["forecast_1h"].null_count == answer.rows["forecast_24h"].null_count == 48


def test_a_month_is_three_ranges_of_each_kind(gb: GbCarbonVendor) -> None:
    gb.now = NEXT_WEEK
    start = local_day(date(2025, 10, 1), LONDON).start
    month = Window(start, local_day(date(2025, 10, 31), LONDON).end)
    assert month.length == timedelta(days=31, hours=1)
    assert provider(gb).longest >= month.length
    (answer,) = fetch(gb, month)
    assert answer.covers == month
    assert answer.rows.num_rows == 31 * 48 + 2
    assert answer.rows["renewable_percentage"].null_count == 0
    assert [request.path.split("/")[1] for request in gb.asked] == ["intensity"] * 3 + ["generation"] * 3


@pytest.mark.parametrize(
    "window",
    [
        Window(datetime(2025, 12, 20, tzinfo=UTC), datetime(2026, 1, 20, tzinfo=UTC)),
        Window(datetime(2025, 12, 31, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)),
        Window(datetime(2025, 12, 31, 23, 30, tzinfo=UTC), datetime(2026, 1, 1, 12, tzinfo=UTC)),
        Window(datetime(2025, 12, 31, 23, tzinfo=UTC), datetime(2026, 1, 1, 23, tzinfo=UTC)),
    ],
)
def test_the_mix_is_there_on_both_sides_of_new_year(gb: GbCarbonVendor, window: Window) -> None:
    gb.now = datetime(2026, 2, 1, tzinfo=UTC)
    (answer,) = fetch(gb, window)
    assert answer.covers == window
    assert answer.rows.num_rows == window.length / STEP
    assert answer.rows["renewable_percentage"].null_count == 0
    assert len(gb.asked) <= 7


def test_the_mix_is_there_also_should_half_hours_be_chosen_by_their_starts(gb: GbCarbonVendor) -> None:
    gb.now, gb.by_starts = datetime(2026, 2, 1, tzinfo=UTC), True
    window = Window(datetime(2025, 12, 30, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    (answer,) = fetch(gb, window)
    assert answer.rows.num_rows == 3 * 48
    assert answer.rows["renewable_percentage"].null_count == 0


def test_the_last_half_hour_of_a_year_is_polled_as_any_other() -> None:
    midnight = datetime(2026, 1, 1, tzinfo=UTC)
    with running(midnight - timedelta(minutes=7)) as gb:
        past, current = fetch(gb, Window(midnight - 3 * HOUR, midnight + 24 * HOUR))
    assert past.covers == Window(midnight - 3 * HOUR, midnight - STEP)
    (row,) = rows([current])
    assert (row["time"], row["carbon_intensity_gco2_kwh"]) == (midnight - STEP, value(midnight - STEP))
    assert (row["renewable_percentage"], row["forecast_24h"]) == (40.0, value(midnight - STEP + 24 * HOUR))


@pytest.mark.parametrize(("day", "halves"), [(date(2025, 10, 26), 50), (date(2026, 3, 29), 46)])
def test_a_day_of_a_clock_change_has_the_half_hours_it_has(day: date, halves: int) -> None:
    window = local_day(day, LONDON)
    with running(window.end + timedelta(days=2)) as gb:
        (answer,) = fetch(gb, window)
    assert answer.covers == window
    assert answer.rows.num_rows == halves


def test_a_day_that_has_not_begun_is_not_asked_for(gb: GbCarbonVendor) -> None:
    assert fetch(gb, Window(DAY.end, DAY.end + 24 * HOUR)) == []
    assert gb.asked == []


def test_the_half_hour_before_the_window_is_not_taken(gb: GbCarbonVendor) -> None:
    gb.now = NEXT_WEEK
    (answer,) = fetch(gb, Window(DAY.start + HOUR, DAY.start + 2 * HOUR))
    assert [row["time"] for row in rows([answer])] == [DAY.start + HOUR, DAY.start + HOUR + STEP]


def test_a_half_hour_not_measured_yet_is_left_as_the_poll_stored_it(gb: GbCarbonVendor) -> None:
    gb.lag = 2 * HOUR
    past, current = fetch(gb, POLL)
    assert past.covers.end == SLOT - 4 * STEP
    assert current.covers.start == SLOT


def test_a_null_between_others_is_no_value_and_its_shares_stay(gb: GbCarbonVendor) -> None:
    gb.now = NEXT_WEEK
    gb.actuals[DAY.start + HOUR] = None
    (answer,) = fetch(gb, DAY)
    assert answer.covers == DAY
    (row,) = [row for row in rows([answer]) if row["time"] == DAY.start + HOUR]
    assert (row["carbon_intensity_gco2_kwh"], row["renewable_percentage"]) == (None, 40.0)


def test_hours_without_a_measured_value_are_not_covered(gb: GbCarbonVendor) -> None:
    gb.now = NEXT_WEEK
    gb.actuals.update(dict.fromkeys((DAY.start + n * STEP for n in range(6, 12)), None))
    assert [answer.covers for answer in fetch(gb, DAY)] == [
        Window(DAY.start, DAY.start + 3 * HOUR),
        Window(DAY.start + 6 * HOUR, DAY.end),
    ]


def test_an_empty_day_covers_nothing(gb: GbCarbonVendor) -> None:
    gb.now = NEXT_WEEK
    gb.misbehave(answered(), answered())
    assert fetch(gb, DAY) == []


def test_a_short_answer_covers_what_it_holds(gb: GbCarbonVendor) -> None:
    gb.now = NEXT_WEEK
    gb.misbehave(answered(*(half(DAY.start + n * STEP) for n in range(4, 8))))
    (answer,) = fetch(gb, DAY)
    assert answer.covers == Window(DAY.start + 2 * HOUR, DAY.start + 4 * HOUR)
    assert answer.rows.num_rows == 4


def test_a_revised_value_is_what_the_next_fetch_says(gb: GbCarbonVendor) -> None:
    gb.now = NEXT_WEEK
    before = rows(fetch(gb, DAY))
    gb.actuals[DAY.start] = 321
    after = rows(fetch(gb, DAY))
    assert after[0]["carbon_intensity_gco2_kwh"] == 321
    assert after[1:] == before[1:]


def test_of_a_half_hour_that_comes_twice_the_later_value_stands_and_data_may_be_no_list(gb: GbCarbonVendor) -> None:
    gb.now, gb.single = NEXT_WEEK, True
    one = Window(DAY.start, DAY.start + STEP)
    gb.misbehave(answered(half(actual=150), half(actual=160), half(actual=None)))
    (row,) = rows(fetch(gb, one))
    assert row["carbon_intensity_gco2_kwh"] == 160
    gb.misbehave(json_reply({"data": half(actual=170)}), json_reply({"data": half()}))
    (row,) = rows(fetch(gb, one))
    assert (row["carbon_intensity_gco2_kwh"], row["fossil_percentage"]) == (170, 30.5)


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        (mix(coal=None, other=1.5), (40.0, None)),
        (mix(oil=0.5, other=0.0), (40.0, 31.0)),
        (mix(wind=0.0, gas=0.0), (None, None)),
        (mix(wind=-99.0, gas=158.5), (None, None)),
        ([one for one in mix(other=1.5) if one["fuel"] != "coal"], (40.0, 29.5)),
    ],
    ids=["a null fuel", "oil", "not the whole mix", "impossible", "a fuel that is no more"],
)
def test_shares_are_those_of_a_whole_mix(
    gb: GbCarbonVendor, shares: list[dict[str, object]], expected: tuple[float | None, float | None]
) -> None:
    gb.now = NEXT_WEEK
    gb.mixes[DAY.start] = shares
    first, second, *_ = rows(fetch(gb, DAY))
    assert (first["renewable_percentage"], first["fossil_percentage"]) == expected
    assert second["renewable_percentage"] == 40.0


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (json_reply({}), "data"),
        (json_reply({"error": {"code": "500", "message": "inside a 200"}}), "inside a 200"),
        (json_reply({"error": {"code": "400 Bad Request", "message": "valid date"}}, 400), "valid date"),
        (answered(half(actual="138")), "actual"),
        (answered(half(actual=True)), "actual"),
        (answered({"from": "2025-11-20T00:00Z", "to": "2025-11-20T00:30Z", "intensity": {"forecast": 1}}), "actual"),
        (answered(half() | {"from": 1763596800}), "from"),
        (answered(half(to=DAY.start + HOUR)), "no half hour of settlement"),
        (answered(half(DAY.start + timedelta(minutes=10))), "no half hour of settlement"),
        (json_reply({"data": None}), "data"),
        (json_reply([]), "the answer"),
        (html_reply(), "not (complete) JSON"),
        (html_reply(403), "403"),
        (Reply(200, b""), "nothing in it"),
        (Misbehaviour(half=True), "not (complete) JSON"),
    ],
)
def test_whatever_else_comes_back_is_an_error_that_names_the_vendor(
    gb: GbCarbonVendor, wrong: Reply | Misbehaviour, problem: str
) -> None:
    gb.now = NEXT_WEEK
    gb.misbehave(wrong)
    with pytest.raises(ProviderError) as caught:
        fetch(gb, DAY)
    assert str(caught.value).startswith("gb_carbon_intensity: ")
    assert problem in str(caught.value)


def test_an_outage_of_hours_is_an_error_and_one_of_seconds_is_waited_out(gb: GbCarbonVendor) -> None:
    gb.now = NEXT_WEEK
    broken = json_reply(
        {"error": {"code": "500 Internal Server Error", "message": "Requested resource not found."}}, 500
    )
    gb.misbehave(broken, Misbehaviour(reset=True))
    assert len(rows(fetch(gb, DAY))) == 48
    gb.misbehave(*[broken] * 4)
    with pytest.raises(ProviderError, match="Requested resource not found") as caught:
        fetch(gb, DAY)
    assert caught.value.retryable


def test_the_probe_says_what_the_newest_half_hour_is(gb: GbCarbonVendor) -> None:
    gb.lag = timedelta(0)
    assert provider(gb).probe(NOW) == f"GB: {value(SLOT - STEP) - 3} g/kWh at 2025-11-20 09:30 UTC"
    gb.misbehave(answered())
    assert provider(gb).probe(NOW) == "reachable, but no half hour is published"


def test_a_home_keeps_its_days_when_the_vendor_sends_nothing_and_keeps_forecasts_once_measured(
    gb: GbCarbonVendor, tmp_path: Path
) -> None:
    home = household(
        tmp_path,
        NOW,
        zone="Europe/London",
        CARBON_PROVIDER="gb_carbon_intensity",
        GB_CARBON_BASE_URL=gb.url,
        CARBON_TTL_MINUTES="0",
    )
    assert home.materialise("feeds/carbon_intensity", days=("2025-11-18", "2025-11-19")).success
    stored = home.stored(CARBON_INTENSITY)
    assert stored.num_rows == 96

    gb.misbehave(json_reply({}), json_reply({}))
    failed = home.materialise("feeds/carbon_intensity", days="2025-11-19")
    assert not failed.success
    assert "gb_carbon_intensity: GET" in failure_of(failed)
    assert home.stored(CARBON_INTENSITY) == stored

    gb.behave()
    assert home.poll("carbon_intensity").success
    gb.now = home.clock.now = NOW + HOUR
    assert home.poll("carbon_intensity").success
    (row,) = [row for row in home.stored(CARBON_INTENSITY).to_pylist() if row["time"].to_pydatetime() == SLOT]
    assert row["carbon_intensity_gco2_kwh"] == value(SLOT) - 3
    assert (row["forecast_1h"], row["forecast_24h"]) == (value(SLOT + HOUR), value(SLOT + 24 * HOUR))
    assert home.stored(CARBON_INTENSITY, "2025-11-20").num_rows == 23
