"""The chart of a day: an image short enough to be drawn in place, true to the day's length, none without values."""

import re
import xml.etree.ElementTree as ET
from datetime import date, timedelta
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from homeiq_assets.defs.common.charts import BOTTOM, HEIGHT, TOP, WIDTH, day_chart
from homeiq_assets.schema.measurement import TIME
from homeiq_assets.window import Window, local_day

VIENNA = "Europe/Vienna"
SVG = "{http://www.w3.org/2000/svg}"
HOUR = timedelta(hours=1)
DRAWN_IN_PLACE = 1000


def series(day: Window, values: list[float | None], step: timedelta, name: str = "power_w") -> pa.Table:
    times = [day.start + n * step for n in range(len(values))]
    return pa.table({"time": pa.array(times, TIME), name: pa.array(values, pa.float64())})


def drawn(markdown: str | None) -> ET.Element:
    """The image in the markdown, parsed."""
    assert markdown is not None
    assert len(markdown) < DRAWN_IN_PLACE
    found = re.fullmatch(r"!\[[^\]]*\]\(data:image/svg\+xml,([^ ()<>\"#]+)\)", markdown)
    assert found is not None
    return ET.fromstring(unquote(found[1]))


def texts(image: ET.Element) -> list[str]:
    return [element.text or "" for element in image.iter(f"{SVG}text")]


def strokes(image: ET.Element) -> list[list[tuple[int, int]]]:
    """The unbroken lines of the curve, which is the last path."""
    path = list(image.iter(f"{SVG}path"))[-1].attrib["d"]
    start = re.match(r"M(\d+),(\d+)h1m-1,0", path)
    assert start is not None
    x, y = int(start[1]), int(start[2])
    lines = [[(x, y)]]
    for move, dx, dy in re.findall(r"([lm])(\d+),?(-?\d+)", path[start.end() :]):
        x, y = x + int(dx), y + int(dy)
        if move == "m":
            lines.append([])
        lines[-1].append((x, y))
    return lines


def day_of(day: str, zone: str = VIENNA) -> Window:
    return local_day(date.fromisoformat(day), ZoneInfo(zone))


def test_a_day_of_five_minutes_is_a_line_from_edge_to_edge_with_its_range_and_unit() -> None:
    day = day_of("2025-07-01")
    values: list[float | None] = [300 + 2.5 * n for n in range(288)]

    image = drawn(day_chart(series(day, values, timedelta(minutes=5)), day, "W"))

    assert image.attrib["viewBox"] == f"0,0,{WIDTH},{HEIGHT}"
    assert texts(image) == ["1018 W", "300 W"]
    (line,) = strokes(image)
    assert len(line) == 96
    assert line[0] == (0, BOTTOM), "the lowest value lies at the bottom left"
    assert line[-1] == (WIDTH - 3, TOP), "the highest at the top right"


@pytest.mark.parametrize(
    ("day", "zone"),
    [
        ("2025-03-30", VIENNA),
        ("2025-07-01", VIENNA),
        ("2025-10-26", VIENNA),
        ("2025-10-05", "Australia/Lord_Howe"),
        ("2025-07-01", "Asia/Kolkata"),
    ],
)
def test_every_day_fills_the_width_whatever_its_length(day: str, zone: str) -> None:
    window = day_of(day, zone)
    step = timedelta(minutes=15)
    values: list[float | None] = [float(n) for n in range(int(window.length / step))]

    (line,) = strokes(drawn(day_chart(series(window, values, step), window, "W")))

    assert line[0][0] == 0
    assert WIDTH - 6 <= line[-1][0] < WIDTH


def test_without_values_there_is_no_chart() -> None:
    day = day_of("2025-07-01")

    assert day_chart(series(day, [], HOUR), day, "W") is None
    assert day_chart(series(day, [None, None], HOUR), day, "W") is None


def test_a_constant_and_a_single_value_are_drawn_as_well() -> None:
    day = day_of("2025-07-01")

    for values in ([5.0], [5.0] * 24, [0.0] * 24):
        (line,) = strokes(drawn(day_chart(series(day, list(values), HOUR), day, "W")))
        assert len(line) == len(values)
        assert len({y for _, y in line}) == 1


def test_hours_without_readings_stay_open() -> None:
    day = day_of("2025-07-01")
    values: list[float | None] = [float(n) if not 6 <= n < 12 else None for n in range(24)]

    before, after = strokes(drawn(day_chart(series(day, values, HOUR), day, "W")))

    assert (len(before), len(after)) == (6, 12)
    assert after[0][0] == WIDTH // 2


def test_several_series_are_drawn_as_their_mean() -> None:
    day = day_of("2025-07-01")
    both = pa.concat_tables([series(day, [0.0, 10.0], HOUR), series(day, [20.0, 10.0], HOUR)])

    image = drawn(day_chart(both, day, "W"))

    assert len(strokes(image)[0]) == 2
    assert texts(image) == ["10 W", "10 W"]


def test_a_flag_is_drawn_between_0_and_1() -> None:
    day = day_of("2025-07-01")
    times = [day.start + n * HOUR for n in range(3)]
    table = pa.table({"time": pa.array(times, TIME), "currently_home": [True, False, None]})

    image = drawn(day_chart(table, day, ""))

    assert texts(image) == ["1", "0"]
    assert strokes(image) == [[(0, TOP), (WIDTH // 24, BOTTOM)]]


def test_a_reading_every_few_seconds_still_makes_a_small_image_that_keeps_its_peak() -> None:
    day = day_of("2025-10-26")
    values: list[float | None] = [-1234.5678 * (n % 97) for n in range(int(day.length.total_seconds() / 10))]
    values[4_001] = 99_999.0

    image = drawn(day_chart(series(day, values, timedelta(seconds=10)), day, "W"))

    assert texts(image) == ["1e+05 W", "-1.185e+05 W"]
    assert [y for _, y in strokes(image)[0]].count(TOP) == 1


def test_a_day_that_jumps_up_and_down_is_drawn_with_fewer_points_rather_than_behind_a_link() -> None:
    day = day_of("2025-07-01")
    values: list[float | None] = [float(n % 2) for n in range(96)]

    image = drawn(day_chart(series(day, values, timedelta(minutes=15), "a_field_with_quite_a_long_name"), day, "µg/m³"))

    assert 20 <= len(strokes(image)[0]) <= 96


def test_a_unit_cannot_break_the_image() -> None:
    day = day_of("2025-07-01")

    image = drawn(day_chart(series(day, [1.0], HOUR), day, "<W & (m²)>"))

    assert texts(image)[0] == "1 <W & (m²)>"
