"""The best hours ahead: against a search minute by minute, and what is taken for the carbon of the time ahead."""

import math
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeiq_assets.insights.best import ahead, apart, now, together
from homeiq_assets.window import HOUR, Window
from homeiq_assets_tests.insights.at_home import DAY, MINUTE, at, carbon_of, every, prices_of

NOW = at(6.25)
NEXT = Window(NOW, NOW + 12 * HOUR)
NONE = carbon_of({})


def hourly(*prices: float, first: float = 6) -> dict[datetime, float]:
    return {at(first + n): price for n, price in enumerate(prices)}


def test_the_cheapest_and_the_dearest_hours_in_a_row() -> None:
    known = ahead(prices_of(hourly(5, 4, 1, 1, 3, 9, 9, 2)), NONE, NEXT)

    cheapest, dearest = together(known, 2 * HOUR), together(known, 2 * HOUR, dearest=True)

    assert cheapest is not None
    assert dearest is not None
    assert (cheapest.spans, cheapest.price) == (((at(8), at(10)),), 1)
    assert (dearest.spans, dearest.price) == (((at(11), at(13)),), 9)


def test_a_window_may_begin_within_a_slot_and_of_equal_ones_the_earliest_is_taken() -> None:
    known = ahead(prices_of(hourly(2, 2, 2, 2)), NONE, NEXT)
    found = together(known, 2 * HOUR)

    assert found is not None
    assert found.spans == ((NOW, NOW + 2 * HOUR),)


def test_in_pieces_the_cheapest_slots_are_taken_and_the_last_one_in_part() -> None:
    known = ahead(prices_of(hourly(5, 1, 7, 2, 7, 3)), NONE, NEXT)
    found = apart(known, 2.5 * HOUR)

    assert found is not None
    assert found.spans == ((at(7), at(8)), (at(9), at(10)), (at(11), at(11.5)))
    assert found.price == pytest.approx((1 + 2 + 1.5) / 2.5)


def test_where_prices_end_or_have_a_hole_no_window_reaches_over_it() -> None:
    prices = hourly(5, 5, 5, 5)
    holed = {time: price for time, price in hourly(1, 1, 1, 1, 1, 1, 1).items() if time != at(9)}

    assert together(ahead(prices_of(prices), NONE, NEXT), 4 * HOUR) is None
    assert now(ahead(prices_of(prices), NONE, NEXT), 4 * HOUR) is None
    assert apart(ahead(prices_of(prices), NONE, NEXT), 4 * HOUR) is None
    assert together(ahead(prices_of(holed), NONE, NEXT), 3 * HOUR).spans == ((at(10), at(13)),)  # type: ignore[union-attr]


def test_without_any_price_or_carbon_nothing_is_said() -> None:
    known = ahead(prices_of({}), NONE, NEXT)

    assert (known.known_until, known.forecast_until, known.carbon_is_known) == (None, None, False)
    assert together(known, HOUR) is None


def test_carbon_weighs_as_much_as_it_is_worth() -> None:
    later = {at(hour - 24): (100.0 if hour < 10 else 500.0) for hour in range(6, 20)}
    known = ahead(prices_of(hourly(0.3, 0.3, 0.3, 0.3, 0.2, 0.2, 0.2)), carbon_of({at(6): 300.0}, later=later), NEXT)

    cheap, clean = together(known, HOUR), together(known, HOUR, carbon_weight=1.0)

    assert cheap is not None
    assert clean is not None
    assert (cheap.spans[0][0], cheap.carbon) == (at(10), 500)
    assert (clean.spans[0][0], clean.price, clean.carbon) == (at(7), 0.3, 100)


def test_an_hours_forecast_stands_above_a_days_and_the_last_known_value_where_there_is_none() -> None:
    carbon = carbon_of(
        {at(5): 50.0, at(6): 60.0},
        soon={at(5): 70.0, at(6): 80.0},
        later={at(hour - 24): 100.0 + hour for hour in range(5, 9)},
    )
    known = ahead(prices_of(hourly(*[1.0] * 12)), carbon, NEXT)
    values = {hour: float(known.carbon[known.offsets[:-1] <= (hour - 6.25) * 3.6e12][-1]) for hour in range(7, 12)}

    # 7:00 was forecast at 6:00; 8:00 a day before, which holds for an hour; then nothing is forecast.
    assert values == {7: 80, 8: 108, 9: 60, 10: 60, 11: 60}
    assert known.forecast_until == at(9)
    assert known.carbon[0] == 60


@given(
    st.lists(st.integers(-5, 9), min_size=4, max_size=12),
    st.lists(st.integers(0, 500), min_size=0, max_size=8),
    st.sampled_from([15, 30, 60]),
    st.integers(5, 200),
    st.sampled_from([0.0, 0.01, 1.0]),
)
def test_no_minute_is_a_better_start(
    prices: list[int], carbon: list[int], step: int, minutes: int, weight: float
) -> None:
    slots = {at(6) + n * step * MINUTE: float(price) for n, price in enumerate(prices)}
    forecast = {at(6 - 24) + n * 20 * MINUTE: float(value) for n, value in enumerate(carbon)}
    known = ahead(prices_of(slots), carbon_of({at(5.5): 200.0}, later=forecast), NEXT)
    length = minutes * MINUTE

    def score(minute: datetime) -> float | None:
        price = next((slots[time] for time in slots if time <= minute < time + step * MINUTE), None)
        for time, value in reversed(forecast.items()):
            if time + 24 * HOUR <= minute:
                grams = value if minute < time + 25 * HOUR else 200.0
                break
        else:
            grams = 200.0
        return None if price is None else price + weight / 1000 * grams

    scores = [score(minute) for minute in every(MINUTE, NEXT)]
    sums = {}
    for start in range(len(scores) - minutes + 1):
        part = scores[start : start + minutes]
        if None not in part:
            sums[start] = sum(part) / minutes  # type: ignore[arg-type]
    for dearest, pick in ((False, min), (True, max)):
        found = together(known, length, carbon_weight=weight, dearest=dearest)
        if not sums:
            assert found is None
            continue
        assert found is not None
        assert found.carbon is not None
        best = pick(sums.values())
        assert math.isclose(found.price + weight / 1000 * found.carbon, best, rel_tol=1e-9, abs_tol=1e-9)
        first = next(start for start, value in sums.items() if math.isclose(value, best, rel_tol=1e-8, abs_tol=1e-8))
        assert abs(found.spans[0][0] - (NOW + first * MINUTE)) < timedelta(seconds=1)
    pieces = sorted(value for value in (score(minute) if weight == 0 else None for minute in every(MINUTE, NEXT))
                    if value is not None)  # fmt: skip
    if weight == 0 and len(pieces) >= minutes:
        scattered = apart(known, length)
        assert scattered is not None
        assert math.isclose(scattered.price, sum(pieces[:minutes]) / minutes, rel_tol=1e-9, abs_tol=1e-9)
        assert sum((end - start for start, end in scattered.spans), timedelta()) == length


def test_the_price_of_the_load_at_once() -> None:
    found = now(ahead(prices_of(hourly(4, 2)), NONE, Window(NOW, NOW + 1.5 * HOUR)), HOUR)

    assert found is not None
    assert (found.spans, found.price) == (((NOW, NOW + HOUR),), 3.5)
    assert DAY.start < NOW
