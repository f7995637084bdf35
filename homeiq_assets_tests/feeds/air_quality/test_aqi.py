"""The US air quality index: the table's own corners, truncation before it, names of its ranges, means it is made of."""

import pytest

from homeiq_assets.feeds.air_quality.aqi import (
    OZONE_1H,
    category_of,
    index_of,
    mean_of_8_hours,
    nowcast,
    ozone_index,
)

CORNERS: dict[str, list[float]] = {
    "PM2.5": [0.0, 9.0, 9.1, 35.4, 35.5, 55.4, 55.5, 125.4, 125.5, 225.4, 225.5, 325.4],
    "PM10": [0, 54, 55, 154, 155, 254, 255, 354, 355, 424, 425, 604],
    "Ozone": [0, 54, 55, 70, 71, 85, 86, 105, 106, 200],
}
INDEX = [0, 50, 51, 100, 101, 150, 151, 200, 201, 300, 301, 500]


@pytest.mark.parametrize(
    ("parameter", "concentration", "index"),
    [
        *((parameter, value, INDEX[n]) for parameter, values in CORNERS.items() for n, value in enumerate(values)),
        *((OZONE_1H, value, INDEX[n + 4]) for n, value in enumerate([125, 164, 165, 204, 205, 404, 405, 604])),
    ],
)
def test_the_index_is_exact_at_every_corner_of_the_table(parameter: str, concentration: float, index: int) -> None:
    assert index_of(parameter, concentration) == index


@pytest.mark.parametrize(
    ("parameter", "concentration", "index"),
    [
        ("PM2.5", 6.0, 33),
        ("PM2.5", 12.1, 57),
        ("PM2.5", 20.0, 71),
        ("PM2.5", 45, 124),
        ("PM2.5", 300, 449),
        ("PM10", 100, 73),
        ("PM10", 500, 384),
        ("Ozone", 62, 74),
        ("Ozone", 120, 216),
        (OZONE_1H, 150, 132),
        (OZONE_1H, 300, 248),
        (OZONE_1H, 500, 396),
    ],
)
def test_between_two_corners_it_lies_on_the_line(parameter: str, concentration: float, index: int) -> None:
    assert index_of(parameter, concentration) == index


def test_a_concentration_is_truncated_and_not_rounded() -> None:
    assert index_of("PM2.5", 9.09) == index_of("PM2.5", 9.0) == 50
    assert index_of("PM2.5", 35.49) == 100
    assert index_of("PM10", 54.9) == 50
    assert index_of("Ozone", 54.999) == 50
    assert index_of("Ozone", 62.5) == 74


@pytest.mark.parametrize("concentration", [0.070 * 1000, 70 - 1e-12, 0.1 * 700])
def test_what_floating_point_leaves_below_a_corner_is_the_corner(concentration: float) -> None:
    assert index_of("Ozone", concentration) == 100


def test_a_half_is_rounded_up_and_not_to_the_even_number() -> None:
    assert index_of("Ozone", 78) == 126  # 125.5
    assert index_of("Ozone", 74) == 112  # 111.5


def test_the_index_begins_at_zero_and_ends_at_500() -> None:
    assert index_of("PM2.5", -3.0) == 0
    assert index_of("PM2.5", 325.5) == index_of("PM2.5", 2000.0) == 500
    assert index_of("PM10", 4000) == index_of(OZONE_1H, 900) == 500


def test_ozone_has_no_index_where_its_table_has_none() -> None:
    assert index_of("Ozone", 201) is None
    assert index_of(OZONE_1H, 124.9) is None


def test_ozones_index_is_the_larger_of_8_hours_and_1_hour() -> None:
    assert ozone_index(54, 80) == 50
    assert ozone_index(80, 150) == 133 == index_of("Ozone", 80)
    assert ozone_index(70, 150) == 132 == index_of(OZONE_1H, 150)
    assert ozone_index(250, 410) == index_of(OZONE_1H, 410)
    assert ozone_index(None, 300) == 248
    assert ozone_index(None, 60) is None
    assert ozone_index(250, 100) is None


NEAR_A_FIRE = [34.9, 43, 50, 64.9, 69.2, 66.2, 53.7, 48.6, 49.2, 35, None, 21]


def test_the_nowcast_weighs_the_newest_hours_most_and_skips_a_missing_one() -> None:
    average = nowcast(NEAR_A_FIRE)
    assert average == pytest.approx(28.4098, abs=5e-5)
    assert index_of("PM2.5", average or 0) == index_of("PM2.5", 28.4)


def test_the_nowcast_looks_back_12_hours_and_not_further() -> None:
    assert nowcast([500.0, *NEAR_A_FIRE]) == nowcast(NEAR_A_FIRE)


def test_the_nowcast_of_steady_air_is_its_plain_mean() -> None:
    assert nowcast([8.0] * 12) == pytest.approx(8.0)
    assert nowcast([9.0, 10.0] * 6) == pytest.approx(9.5, abs=0.05)
    assert nowcast([0.0] * 12) == 0.0


def test_the_nowcast_counts_what_instruments_show_below_zero_as_zero() -> None:
    assert nowcast([-2.0, 4.0]) == nowcast([0.0, 4.0]) == pytest.approx(4 / 1.5)


@pytest.mark.parametrize(
    ("newest", "known"),
    [([None, 5.0, 5.0], True), ([5.0, None, 5.0], True), ([5.0, 5.0, None], True), ([5.0, None, None], False),
     ([None, None, 5.0], False)],
)  # fmt: skip
def test_the_nowcast_needs_two_of_the_newest_three_hours(newest: list[float | None], known: bool) -> None:
    assert (nowcast([5.0] * 9 + newest) is not None) == known


def test_a_mean_of_8_hours_needs_6_of_them_and_takes_no_older_one() -> None:
    assert mean_of_8_hours([900.0, *range(1, 9)]) == 4.5
    assert mean_of_8_hours([None, None, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) == 3.5
    assert mean_of_8_hours([900.0, None, None, None, 2.0, 3.0, 4.0, 5.0, 6.0]) is None


@pytest.mark.parametrize(
    ("index", "category"),
    [
        (0, "Good"),
        (50, "Good"),
        (51, "Moderate"),
        (100, "Moderate"),
        (101, "Unhealthy for Sensitive Groups"),
        (150, "Unhealthy for Sensitive Groups"),
        (151, "Unhealthy"),
        (200, "Unhealthy"),
        (201, "Very Unhealthy"),
        (300, "Very Unhealthy"),
        (301, "Hazardous"),
        (500, "Hazardous"),
        (None, "unknown"),
    ],
)
def test_each_range_has_its_name(index: int | None, category: str) -> None:
    assert category_of(index) == category
