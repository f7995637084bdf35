"""`homeiq read`: the same rows in every format, each local day from one place, errors of one line."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import homeiq_assets
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import ALL, OCCUPANCY_PREDICTION, SMART_METER, tier_of
from homeiq_assets.window import HOUR, Window, floor_to, local_day
from homeiq_assets_tests.cli.conftest import Outcome
from homeiq_assets_tests.household import Household, household

VIENNA = ZoneInfo("Europe/Vienna")
NOW = datetime(2025, 11, 20, 10, 7, tzinfo=UTC)
FIRST, LAST = "2025-10-24", "2025-10-28"
LONG = ("--start", "2025-10-26", "--end", "2025-10-27")
Run = Callable[..., Outcome]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    """Five days of meter, circuits and tiers, and October's archive."""
    made = household(tmp_path_factory.mktemp("home"), NOW)
    for assets, days in (
        (("feeds/smart_meter", "feeds/smart_meter_circuit", "feeds/electricity_pricing"), (FIRST, LAST)),
        (("tiers/smart_meter_hourly", "tiers/smart_meter_daily"), (FIRST, LAST)),
        (("archive/smart_meter_daily",), ("2025-10-01", "2025-10-01")),
    ):
        assert made.materialise(*assets, days=days).success
    yield made
    made.instance.dispose()


@pytest.fixture
def home(shared: Household, monkeypatch: pytest.MonkeyPatch) -> Household:
    monkeypatch.setenv("HOMEIQ_HOME", str(shared.settings.homeiq_home))
    return shared


def test_csv_has_the_columns_of_the_measurement_and_a_row_per_reading(home: Household, homeiq: Run) -> None:
    found = homeiq("read", "smart_meter", *LONG, "--format", "csv")

    assert (found.status, found.err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(found.out)))
    assert list(rows[0]) == SMART_METER.arrow.names
    assert [rows[0]["time"], rows[-1]["time"]] == ["2025-10-25T22:00:00Z", "2025-10-26T22:55:00Z"]
    stored = home.stored(SMART_METER, "2025-10-26")
    assert [float(row["total_power_w"]) for row in rows] == stored["total_power_w"].to_pylist()


def test_every_format_says_the_same(home: Household, homeiq: Run) -> None:
    words = ("read", "smart_meter_circuit", "--start", "2025-10-26T10:00", "--end", "2025-10-26T11:00")

    as_json = json.loads(homeiq(*words, "--format", "json").out)
    as_csv = list(csv.DictReader(io.StringIO(homeiq(*words, "--format", "csv").out)))
    parquet = pq.read_table(io.BytesIO(homeiq(*words, "--format", "parquet").raw))
    frame = homeiq_assets.read("smart_meter_circuit", "2025-10-26T10:00", "2025-10-26T11:00")

    assert len(as_json) == 12 * 5
    assert parquet.schema.equals(ALL["smart_meter_circuit"].arrow)
    times = [f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in parquet["time"].to_pylist()]
    assert times == [row["time"] for row in as_json] == [row["time"] for row in as_csv]
    assert times == sorted(times)
    powers = parquet["power_w"].to_pylist()
    assert powers == [row["power_w"] for row in as_json] == [float(row["power_w"]) for row in as_csv]
    assert powers == frame["power_w"].tolist()
    assert str(frame["time"].dtype) == "datetime64[ns, UTC]"


def test_a_table_for_people_ends_with_the_number_of_rows(home: Household, homeiq: Run) -> None:
    found = homeiq("read", "electricity_pricing", "--start", "2025-10-26", "--end", "2025-10-27")

    assert found.lines[0].split() == ["time", "provider", "currency", "current_price", "peak_period"]
    assert found.lines[1].split() == ["UTC", "EUR/kWh"]
    assert found.lines[2].split()[:4] == ["2025-10-25", "22:00", "simulated", "EUR"]
    assert found.lines[-1] == "25 rows"
    assert len(found.lines) == 28


def test_a_long_table_shows_its_beginning_and_says_so(home: Household, homeiq: Run) -> None:
    found = homeiq("read", "smart_meter", "--start", FIRST, "--end", "2025-10-29")

    assert found.lines[-1] == f"{4 * 288 + 300} rows, the first 200 shown"
    assert len(found.lines) == 203


@pytest.mark.parametrize(("resolution", "rows"), [("hour", 25), ("day", 1)])
def test_the_tiers_are_read_by_their_resolution(resolution: str, rows: int, home: Household, homeiq: Run) -> None:
    found = homeiq("read", "smart_meter", *LONG, "--resolution", resolution, "--format", "csv")

    table = list(csv.DictReader(io.StringIO(found.out)))
    assert len(table) == rows
    assert list(table[0]) == tier_of(SMART_METER, {"hour": "hourly", "day": "daily"}[resolution]).arrow.names


def test_explain_names_each_local_day_once_with_its_place(home: Household, homeiq: Run) -> None:
    raw = homeiq("read", "smart_meter", "--start", FIRST, "--end", "2025-10-29", "--format", "csv", "--explain")
    days = homeiq(
        "read", "smart_meter", "--resolution", "day", "--start", "2025-10-01", "--end", "2025-11-01", "--explain"
    )

    wanted = [f"2025-10-{day} store" for day in range(24, 29)]
    assert raw.err.splitlines() == wanted
    assert days.err.splitlines() == wanted
    assert "store" not in raw.out


def test_days_that_the_store_no_longer_has_come_from_the_archive_in_the_same_columns(
    home: Household, homeiq: Run
) -> None:
    words = ("read", "smart_meter", "--resolution", "day", "--start", FIRST, "--end", "2025-10-29", "--format", "csv")
    before = homeiq(*words)
    daily = tier_of(SMART_METER, "daily")
    kept = {day: home.stored(daily, day) for day in ("2025-10-25", "2025-10-26", "2025-10-28")}
    for day in kept:
        home.store.delete(daily, local_day(date.fromisoformat(day), VIENNA))
    try:
        after = homeiq(*words, "--explain")
    finally:
        for day, rows in kept.items():
            home.store.replace(daily, rows, local_day(date.fromisoformat(day), VIENNA))

    assert after.out == before.out
    assert after.err.splitlines() == [
        "2025-10-24 store",
        "2025-10-25 archive",
        "2025-10-26 archive",
        "2025-10-27 store",
        "2025-10-28 archive",
    ]


def test_a_window_within_a_day_leaves_out_the_archived_row_of_its_midnight(home: Household, homeiq: Run) -> None:
    daily = tier_of(SMART_METER, "daily")
    kept = home.stored(daily, "2025-10-25")
    words = ("read", "smart_meter", "--resolution", "day", "--start", "2025-10-25T12:00", "--end", "2025-10-27")
    before = homeiq(*words, "--format", "csv")
    home.store.delete(daily, local_day(date(2025, 10, 25), VIENNA))
    try:
        after = homeiq(*words, "--format", "csv")
    finally:
        home.store.replace(daily, kept, local_day(date(2025, 10, 25), VIENNA))

    assert after.out == before.out
    assert len(after.lines) == 2


def test_columns_are_those_named_in_their_order_in_every_format(home: Household, homeiq: Run) -> None:
    words = ("read", "smart_meter", *LONG, "--columns", "total_power_w, time,total_power_w")

    as_csv = list(csv.DictReader(io.StringIO(homeiq(*words, "--format", "csv").out)))
    as_json = json.loads(homeiq(*words, "--format", "json").out)
    parquet = pq.read_table(io.BytesIO(homeiq(*words, "--format", "parquet").raw))

    assert list(as_csv[0]) == list(as_json[0]) == parquet.column_names == ["total_power_w", "time"]
    assert as_csv[0]["time"] == as_json[0]["time"] == "2025-10-25T22:00:00Z"
    assert len(as_csv) == len(as_json) == parquet.num_rows == 300
    assert homeiq(*words).lines[0].split() == ["total_power_w", "time"]
    assert homeiq(*words[:-1], "daily_kwh", "--format", "csv").lines[0] == '"daily_kwh"'


@pytest.mark.parametrize("start", [("--start", "-3d"), ("--start=-3d",)])
def test_a_window_may_be_told_in_days_from_today(start: tuple[str, ...], home: Household, homeiq: Run) -> None:
    at = floor_to(datetime.now(UTC), HOUR) - timedelta(days=2)
    rows = [{"time": at, "source": "google", "user": "owner", "confidence": 0.5}]
    home.store.replace(OCCUPANCY_PREDICTION, rows_of(OCCUPANCY_PREDICTION, rows), Window(at, at + HOUR))

    found = homeiq("read", "occupancy_prediction", *start, "--end", "tomorrow", "--format", "csv")

    assert (found.status, len(found.lines)) == (0, 2)
    assert found.lines[1].startswith(f'"{at:%Y-%m-%dT%H:%M:%SZ}"')


def test_instants_with_an_offset_are_taken_as_they_are(home: Household, homeiq: Run) -> None:
    words = ("read", "smart_meter", "--start", "2025-10-26T02:00+02:00", "--end", "2025-10-26T02:00+01:00")

    found = homeiq(*words, "--format", "csv")

    assert len(found.lines) == 1 + 12


def test_without_a_window_it_is_today_so_far(home: Household, homeiq: Run) -> None:
    assert homeiq("read", "smart_meter").lines[-1] == "0 rows"
    assert homeiq("read", "smart_meter", "--format", "json").out == "[]\n"
    assert homeiq("read", "smart_meter", "--format", "csv").lines == [
        ",".join(f'"{name}"' for name in SMART_METER.arrow.names)
    ]


def test_text_that_looks_like_markup_is_shown_as_it_is(home: Household, homeiq: Run) -> None:
    at = datetime(2025, 10, 20, 10, tzinfo=UTC)
    window = Window(at, at.replace(minute=15))
    rows = [{"time": at, "source": "a [test]", "user": "[/owner]", "confidence": 0.123456789}]
    home.store.replace(OCCUPANCY_PREDICTION, rows_of(OCCUPANCY_PREDICTION, rows), window)

    found = homeiq("read", "occupancy_prediction", "--start", "2025-10-20", "--end", "2025-10-21")

    assert "a [test]" in found.lines[2]
    assert "[/owner]" in found.lines[2]
    assert "0.1235" in found.lines[2]
    assert found.lines[-1] == "1 row"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["smart_metre"], "homeiq: there is no measurement smart_metre; there are: air_quality, "),
        (["phantom_load", "--resolution", "day"], "homeiq: phantom_load has no daily tier; these have: air_quality, "),
        (["smart_meter", "--start", "last week"], "homeiq: the window is not one: "),
        (["smart_meter", "--start", "2025-10-27", "--end", "2025-10-26"], "homeiq: the window is not one: "),
        (["smart_meter", "--start", "2025-10-27", "--end", "2025-10-27"], "homeiq: the window is not one: "),
        (
            ["smart_meter", "--start", "-1.5d"],
            "homeiq: the window is not one: '-1.5d' is no date (2025-10-26), instant ",
        ),
        (["smart_meter", "--start", "7d"], "homeiq: the window is not one: '7d' is no date (2025-10-26), instant "),
        (["smart_meter", "--start", "tomorrow"], "homeiq: the window is not one: a window's end must be after"),
        (["smart_meter", "--start", "-9999999d"], "homeiq: the window is not one: it reaches beyond"),
        (
            ["smart_meter", "--columns", "power"],
            "homeiq: smart_meter has no column power; there are: time, meter_type, ",
        ),
        (["smart_meter", "--columns", " ,"], "homeiq: --columns names no column; there are: time, meter_type, "),
        (["smart_meter", "--end", "9999-12-31"], "homeiq: the window is not one: it reaches beyond"),
        (["smart_meter", "--start", "0001-01-01"], "homeiq: the window is not one: it reaches beyond"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(
    words: list[str], told: str, home: Household, homeiq: Run
) -> None:
    found = homeiq("read", *words)

    assert (found.status, found.out) == (1, "")
    assert found.err.startswith(told)
    assert found.err.count("\n") == 1


def test_a_wrong_option_is_explained_by_the_command_line(home: Household, homeiq: Run) -> None:
    found = homeiq("read", "smart_meter", "--format", "xlsx")

    assert (found.status, found.out) == (2, "")
    assert "'xlsx' is not one of 'table', 'csv', 'json', 'parquet'" in found.err


def test_a_damaged_file_is_one_line_that_names_it(home: Household, homeiq: Run) -> None:
    file = home.settings.homeiq_home / "store" / "smart_meter" / "2025-10-27.parquet"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    try:
        found = homeiq("read", "smart_meter", "--start", "2025-10-27", "--end", "2025-10-28", "--format", "csv")
    finally:
        file.write_bytes(whole)

    assert found.status == 1
    assert str(file) in found.err
    assert found.err.count("\n") == 1


def test_a_zone_that_does_not_exist_is_one_line(home: Household, homeiq: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMEIQ_TIMEZONE", "Mars/Olympus")

    found = homeiq("read", "smart_meter")

    assert (found.status, found.err.count("\n")) == (1, 1)
    assert found.err.startswith("homeiq: HOMEIQ_TIMEZONE: 'Mars/Olympus' is not a time zone name")


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "homeiq_assets", *words]


def test_a_reader_of_the_pipe_that_goes_away_ends_it_quietly(home: Household) -> None:
    words = command("read", "smart_meter_circuit", "--start", FIRST, "--end", "2025-10-29", "--format", "json")
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(100).startswith(b"[{")
        process.stdout.close()
        assert process.stderr.read() == b""


@pytest.mark.parametrize("form", ["table", "csv", "json", "parquet"])
def test_a_full_disk_behind_it_is_one_line(form: str, home: Household) -> None:
    with open("/dev/full", "wb") as full:
        words = command("read", "smart_meter", *LONG, "--format", form)
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, check=False, text=True)

    assert done.returncode == 1
    assert done.stderr == "homeiq: the rows cannot be written to standard output: No space left on device\n"


def test_parquet_is_not_thrown_at_a_terminal(home: Household) -> None:
    terminal, end = os.openpty()
    try:
        words = command("read", "smart_meter", *LONG, "--format", "parquet")
        done = subprocess.run(words, stdout=end, stderr=subprocess.PIPE, check=False, text=True)
    finally:
        os.close(end)
        os.close(terminal)

    assert done.returncode == 1
    assert done.stderr.startswith("homeiq: Parquet is binary: send it into a file")


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_a_terminal_is_sent_nothing_that_it_would_obey(form: str, home: Household) -> None:
    at = datetime(2025, 10, 18, 10, tzinfo=UTC)
    rows = [{"time": at, "source": "a\x1b[2Jb\x9bc", "user": "\x1b]0;title\x07me", "confidence": 0.5}]
    window = Window(at, at.replace(minute=15))
    home.store.replace(OCCUPANCY_PREDICTION, rows_of(OCCUPANCY_PREDICTION, rows), window)
    terminal, end = os.openpty()
    words = command("read", "occupancy_prediction", "--start", "2025-10-18", "--end", "2025-10-19", "--format", form)
    try:
        done = subprocess.run(words, stdout=end, stderr=subprocess.PIPE, check=False, env=os.environ | {"TERM": "dumb"})
        shown = os.read(terminal, 100_000).decode()
    finally:
        os.close(end)
        os.close(terminal)

    assert (done.returncode, done.stderr) == (0, b"")
    assert "ab" in shown
    assert "me" in shown
    assert not [code for code in ("\x1b", "\x9b", "\x07", "title") if code in shown]


def test_a_notebook_reads_the_same_rows(home: Household) -> None:
    frame = homeiq_assets.read("smart_meter", "2025-10-26", "2025-10-27", resolution="hour")

    assert len(frame) == 25
    assert list(frame.columns) == tier_of(SMART_METER, "hourly").arrow.names
    assert (
        frame["total_power_w_mean"].tolist()
        == home.stored(tier_of(SMART_METER, "hourly"), "2025-10-26")["total_power_w_mean"].to_pylist()
    )
    assert len(homeiq_assets.read("smart_meter")) == 0
    with pytest.raises(AttributeError, match="no attribute 'write'"):
        _ = homeiq_assets.write
    assert isinstance(pa.Table.from_pandas(frame), pa.Table)
