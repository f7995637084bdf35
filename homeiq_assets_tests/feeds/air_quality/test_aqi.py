"""The US air quality index: the table's own corners, truncation before it, names of its ranges."""

import pytest

from homeiq_assets.feeds.air_quality.aqi import category_of, index_of


@pytest.mark.parametrize(
    ("parameter", "concentration", "index"),
    [
        ("PM2.5", 0.0, 0),
        ("PM2.5", 9.0, 50),
        ("PM2.5", 9.1, 51),
        ("PM2.5", 35.4, 100),
        ("PM2.5", 35.5, 101),
        ("PM2.5", 55.4, 150),
        ("PM2.5", 125.4, 200),
        ("PM2.5", 225.4, 300),
        ("PM2.5", 225.5, 301),
        ("PM2.5", 325.4, 500),
        ("PM10", 54, 50),
        ("PM10", 55, 51),
        ("PM10", 154, 100),
        ("PM10", 604, 500),
        ("Ozone", 54, 50),
        ("Ozone", 55, 51),
        ("Ozone", 70, 100),
        ("Ozone", 200, 300),
        # between two corners, rounded half up
        ("PM2.5", 20.0, 71),
        ("PM10", 100, 73),
        ("Ozone", 62, 74),
    ],
)
def test_the_index_is_that_of_the_table(parameter: str, concentration: float, index: int) -> None:
    assert index_of(parameter, concentration) == index


def test_a_concentration_is_truncated_and_not_rounded() -> None:
    assert index_of("PM2.5", 9.09) == index_of("PM2.5", 9.0) == 50
    assert index_of("PM10", 54.9) == 50
    assert index_of("Ozone", 54.999) == 50


def test_the_index_begins_at_zero_and_ends_at_500() -> None:
    assert index_of("PM2.5", -3.0) == 0
    assert index_of("PM2.5", 2000.0) == index_of("PM10", 4000) == index_of("Ozone", 900) == 500


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
    ],
)
def test_each_range_has_its_name(index: int, category: str) -> None:
    assert category_of(index) == category
