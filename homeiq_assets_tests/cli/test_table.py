"""`homeiq read` on terminals of several widths: which columns are shown, and how a value reads."""

import fcntl
import os
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from homeiq_assets.cli.table import show
from homeiq_assets.schema.measurement import Measurement, Type, rows_of
from homeiq_assets.schema.measurements import (
    CARBON_INTENSITY,
    ELECTRICITY_PRICING,
    FX_RATE,
    HOME_ASSISTANT_EVENTS,
    SMART_METER,
    tier_of,
)
from homeiq_assets.window import HOUR

AT = datetime(2025, 10, 25, 22, tzinfo=UTC)
DAILY = tier_of(SMART_METER, "daily")
DAY = {
    "time": AT,
    "meter_type": "emporia",
    "total_power_w_mean": 464.12345,
    "total_power_w_seconds": 90_000.0,
    "total_power_w_min": -826.081,
    "total_power_w_max": 1901.16,
    "total_power_w_count": 300,
    "total_power_w_last": 813.5,
    "daily_kwh_increase": 12.7492,
    "daily_kwh_last": 12.7492,
    "daily_kwh_count": 300,
    "daily_export_kwh_increase": 1.61018,
    "daily_export_kwh_last": 1.61018,
    "daily_export_kwh_count": 300,
}
Shown = Callable[..., list[str]]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shown:
    """The lines of a table of these rows, in a terminal so wide."""

    def lines(
        measurement: Measurement, *rows: dict[str, object], width: int, columns: list[str] | None = None
    ) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(width))
        table = rows_of(measurement, rows)
        show(table.select(columns or table.column_names), measurement, "the end", all_columns=columns is not None)
        return [line.rstrip() for line in capsys.readouterr().out.splitlines()]

    return lines


def test_a_daily_tier_fits_80_columns_with_its_main_statistics_on_one_line(shown: Shown) -> None:
    lines = shown(DAILY, DAY, DAY | {"time": AT + 25 * HOUR, "total_power_w_mean": 5.0}, width=80)

    assert max(map(len, lines)) <= 80
    assert [line.split() for line in lines[5:7]] == [
        ["2025-10-25", "22:00", "emporia", "464.1", "-826.1", "1901.2", "12.749", "1.61"],
        ["2025-10-26", "23:00", "emporia", "5.0", "-826.1", "1901.2", "12.749", "1.61"],
    ]
    assert lines[4].split() == ["UTC", "W", "W", "W", "kWh", "kWh"]
    assert " ".join(lines[7:]) == (
        "not shown: total_power_w_seconds, total_power_w_count, total_power_w_last, daily_kwh_last, daily_kwh_count, "
        "daily_export_kwh_last, daily_export_kwh_count (--columns names what to show) the end"
    )


def test_names_that_are_broken_over_lines_are_whole_words_read_downwards(shown: Shown) -> None:
    heading = shown(DAILY, DAY, width=80)[:5]

    start = heading[3].index("_increase") + len("_increase")
    assert [line[start - 11 : start].strip() for line in heading] == ["", "", "daily_kwh", "_increase", "kWh"]


def test_a_wide_terminal_has_every_column_with_its_name_on_one_line(shown: Shown) -> None:
    lines = shown(DAILY, DAY, width=300)

    assert lines[0].split() == DAILY.arrow.names
    assert len(lines) == 4


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 120, 160])
@pytest.mark.parametrize("measurement", [DAILY, tier_of(HOME_ASSISTANT_EVENTS, "daily"), CARBON_INTENSITY])
def test_no_line_is_wider_than_the_terminal_and_no_time_is_cut(
    width: int, measurement: Measurement, shown: Shown
) -> None:
    row: dict[str, object] = dict.fromkeys(measurement.tag_names, "sensor.the_plug_behind_the_television_power")
    row |= {field.name: 17 for field in measurement.fields if field.type is not Type.STRING}

    lines = shown(measurement, row | {"time": AT}, row | {"time": AT + HOUR}, width=width)

    assert max(map(len, lines)) <= width
    assert [line[:16] for line in lines if line.startswith("2025")] == ["2025-10-25 22:00", "2025-10-25 23:00"]


def test_columns_that_were_named_are_all_shown_however_narrow_the_terminal(shown: Shown) -> None:
    names = ["daily_kwh_count", "time", "total_power_w_min", "total_power_w_max", "total_power_w_seconds"]

    lines = shown(DAILY, DAY, width=30, columns=names)

    assert [line.split() for line in lines[-2:]] == [
        ["300", "2025-10-25", "22:00", "-826.1", "1901.2", "90000"],
        ["the", "end"],
    ]


def test_columns_without_any_value_are_the_first_to_go(shown: Shown) -> None:
    row = {"time": AT, "region": "DE", "grid_operator": "unknown", "carbon_intensity_gco2_kwh": 312.456}
    lines = shown(CARBON_INTENSITY, row | {"fossil_percentage": 40.0}, width=72)

    assert lines[-4].split() == ["2025-10-25", "22:00", "DE", "unknown", "312.5", "40"]
    assert lines[-3].startswith("not shown: renewable_percentage, ")


def test_numbers_stand_under_each_other_with_the_decimals_that_their_unit_needs(shown: Shown) -> None:
    rows = [
        {"time": AT + n * HOUR, "meter_type": "sense", "total_power_w": watts, "daily_kwh": kwh}
        for n, (watts, kwh) in enumerate([(-0.04, 0.0580257), (1696.308, 12.5), (None, 9e17)])
    ]

    lines = shown(SMART_METER, *rows, width=120)

    assert [line.split()[3:] for line in lines[2:5]] == [["0.0", "0.058"], ["1696.3", "12.500"], ["9e+17"]]
    assert len({len(line) for line in lines[2:5]}) == 1, "aligned at the right"


def test_whole_numbers_have_no_decimals(shown: Shown) -> None:
    rows = [{"time": AT, "meter_type": "sense", "total_power_w": 1200.0, "daily_kwh": 0.5}]

    assert shown(SMART_METER, *rows, width=120)[2].split()[3:] == ["1200", "0.5"]


def test_money_is_in_the_currency_of_the_rows_where_that_is_one(shown: Shown) -> None:
    price = {"time": AT, "provider": "awattar", "currency": "EUR", "current_price": 0.123456}
    euro = shown(ELECTRICITY_PRICING, price, width=120)
    both = shown(ELECTRICITY_PRICING, price, price | {"time": AT + HOUR, "currency": "SEK"}, width=120)

    assert euro[1].split() == ["UTC", "EUR/kWh"]
    assert euro[2].split()[-1] == "0.1235"
    assert both[1].split() == ["UTC", "currency/kWh"]


def test_small_rates_keep_their_digits_beside_great_ones(shown: Shown) -> None:
    rows = [
        {"time": AT, "base": "EUR", "currency": name, "rate": rate} for name, rate in (("GBP", 0.84), ("JPY", 163.12))
    ]

    assert [line.split()[-1] for line in shown(FX_RATE, *rows, width=120)[2:4]] == ["0.84", "163.12"]


def test_times_have_seconds_only_where_one_needs_them(shown: Shown) -> None:
    row = {"time": AT, "entity_id": "sensor.a", "state": "1"}
    odd = row | {"time": AT + timedelta(seconds=7, milliseconds=400)}

    assert shown(HOME_ASSISTANT_EVENTS, row, width=200)[2].startswith("2025-10-25 22:00  ")
    assert [line[:21] for line in shown(HOME_ASSISTANT_EVENTS, row, odd, width=200)[2:4]] == [
        "2025-10-25 22:00:00  ",
        "2025-10-25 22:00:07  ",
    ]


def test_a_text_never_steers_the_terminal_and_keeps_to_its_line(shown: Shown) -> None:
    row = {"time": AT, "entity_id": "sensor.a", "state": "\x1b[31mred\nline\x07"}

    lines = shown(HOME_ASSISTANT_EVENTS, row, width=200)

    assert len(lines) == 4
    assert lines[2].endswith(r"red\nline")


@pytest.fixture
def terminal() -> Iterator[Callable[..., str]]:
    """Runs `homeiq` in a terminal so wide, and gives back what it shows."""
    ours, theirs = os.openpty()

    def run(width: int, *words: str) -> str:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
        command = [sys.executable, "-m", "homeiq_assets", *words]
        environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
        # What it shows here is less than a terminal takes in before anybody reads.
        done = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, env=environment, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        return os.read(ours, 100_000).decode().replace("\r\n", "\n")

    yield run
    os.close(ours)
    os.close(theirs)


def test_the_width_is_that_of_the_terminal(terminal: Callable[..., str]) -> None:
    narrow, wide = (terminal(width, "read", "smart_meter", "--resolution", "day") for width in (80, 300))

    assert "not shown: " in narrow
    assert "not shown: " not in wide
    assert wide.endswith("\n0 rows\n")
