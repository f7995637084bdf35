"""The queries of docs/archive.md, run as they stand on an archive of raw days and of months, with no code of ours."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from homeiq_assets.archive.days import write_day
from homeiq_assets.archive.months import write_month
from homeiq_assets.archive.objects import LocalFolder, ObjectStore
from homeiq_assets.archive.s3 import S3Bucket
from homeiq_assets.cli.demo import last_whole_month
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import SMART_METER
from homeiq_assets.window import local_day, local_month
from homeiq_assets_tests.archive import feed_day, march
from homeiq_assets_tests.archive.conftest import BUCKET
from homeiq_assets_tests.household import household

PAGE = (Path(__file__).parents[2] / "docs" / "archive.md").read_text(encoding="utf-8")
FOLDER = ".homeiq/archive"
VIENNA = feed_day.VIENNA


def blocks(title: str, language: str) -> list[str]:
    """The code blocks of a section."""
    (section,) = re.findall(rf"^### {title}$(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def fill(objects: ObjectStore) -> None:
    """Two raw days, one with columns that the other lacks, and two months of the daily tier."""
    feed_day.write(feed_day.raw_day().drop(["daily_kwh"]), objects)
    day = date(2025, 10, 27)
    plain = rows_of(SMART_METER, [{"time": local_day(day, VIENNA).start, "meter_type": "sense", "total_power_w": 5.0}])
    write_day(plain, SMART_METER, day, VIENNA, objects)
    for number, watts in ((3, 100.0), (12, 300.0)):
        month = local_month(date(2025, number, 1), VIENNA)
        rows = [
            {"time": month.start, "meter_type": "sense", "total_power_w_mean": watts, "total_power_w_seconds": 86_400.0}
        ]
        write_month(rows_of(march.DAILY, rows), march.DAILY, month, VIENNA, objects)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, which one is in, with an archive where it is by default."""
    monkeypatch.chdir(tmp_path)
    fill(LocalFolder(tmp_path / FOLDER))
    return tmp_path


@pytest.fixture(params=["folder", "s3"])
def run(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    """Runs a Python block over an archive and gives back its names."""
    archive = FOLDER
    if request.param == "folder":
        request.getfixturevalue("home")
    else:
        fill(S3Bucket(request.getfixturevalue("s3_bucket"), BUCKET, "homeiq"))
        for name, value in {
            "AWS_ENDPOINT_URL": request.getfixturevalue("s3_url"),
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "not-so-secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            monkeypatch.setenv(name, value)
        archive = f"s3://{BUCKET}/homeiq"

    def executed(block: str) -> dict[str, Any]:
        names: dict[str, Any] = {}
        exec(block.replace(f'"{FOLDER}"', f'"{archive}"'), names)
        return names

    return executed


@pytest.mark.usefixtures("home")
def test_duckdb_counts_the_readings_of_each_raw_day() -> None:
    power = feed_day.raw_day()["total_power_w"].drop_null().to_pylist()
    assert duckdb.sql(blocks("DuckDB", "sql")[0]).fetchall() == [
        (2025, 10, 26, 25, pytest.approx(sum(power) / len(power))),
        (2025, 10, 27, 1, 5.0),
    ]


@pytest.mark.usefixtures("home")
def test_duckdb_averages_months_of_the_daily_tier() -> None:
    assert duckdb.sql(blocks("DuckDB", "sql")[1]).fetchall() == [
        (2025, 3, "sense", 100.0),
        (2025, 12, "sense", 300.0),
    ]


@pytest.mark.usefixtures("home")
def test_duckdb_reads_the_whole_archive_with_its_days_and_months() -> None:
    assert duckdb.sql(blocks("DuckDB", "sql")[2]).fetchall() == [("smart_meter", 26), ("smart_meter_daily", 2)]


def test_pandas_reads_the_daily_rows_of_all_months(run: Callable[[str], dict[str, Any]]) -> None:
    frame = run(blocks("pandas and pyarrow", "python")[0])["days"]
    assert frame.sort_values("time")["total_power_w_mean"].tolist() == [100.0, 300.0]
    assert sorted(frame["month"]) == [3, 12]


def test_pyarrow_reads_raw_days_that_differ_in_columns(run: Callable[[str], dict[str, Any]]) -> None:
    frame: pd.DataFrame = run(blocks("pandas and pyarrow", "python")[1])["frame"]
    by_day = frame.groupby("day")
    assert by_day.size().to_dict() == {26: 25, 27: 1}
    assert by_day["pulses"].count().to_dict() == {26: 25, 27: 0}
    assert {"daily_kwh", "month", "month_", "Year_"} <= set(frame.columns)
    assert frame["time"].min() == pd.Timestamp("2025-10-25T22:00:00.000000001Z")


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A project folder where the meter has the month that `homeiq demo` makes today, and the number of its days."""
    project = tmp_path_factory.mktemp("project")
    now = datetime.now(UTC)
    made = household(project / ".homeiq", now, zone="UTC")
    first = last_whole_month(now.date(), made.settings)
    last = now.date().replace(day=1) - timedelta(days=1)
    month = (first.isoformat(), last.isoformat())
    raw, tiers = ("feeds/smart_meter", "archive/smart_meter"), ("tiers/smart_meter_hourly", "tiers/smart_meter_daily")
    assert made.materialise(*raw, *tiers, days=month).success
    assert made.materialise("archive/smart_meter_daily", days=month[0]).success
    made.instance.dispose()
    return project, last.day


def test_every_example_gives_the_rows_of_the_demonstration(
    demonstration: tuple[Path, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    project, days = demonstration
    monkeypatch.chdir(project)

    by_day, by_month, everything = (duckdb.sql(query).fetchall() for query in blocks("DuckDB", "sql"))
    names: dict[str, Any] = {}
    pandas_example, pyarrow_example = blocks("pandas and pyarrow", "python")
    exec(pandas_example, names)
    daily = names["days"]
    exec(pyarrow_example, names)

    assert [readings for *_, readings, _ in by_day] == [288] * days
    assert len(by_month) == 1
    assert everything == [("smart_meter", 288 * days), ("smart_meter_daily", days)]
    assert len(daily) == days
    assert len(names["frame"]) == 288 * days


@pytest.mark.usefixtures("home")
def test_athenas_tables_name_the_paths_and_columns_that_are_there() -> None:
    tables = blocks("Athena", "sql")
    assert len(tables) == 2
    for table, parts in zip(tables, ({"year": 2025, "month": 10, "day": 27}, {"year": 2025, "month": 3}), strict=True):
        columns = re.search(r"TABLE \w+ \((.*?)\)", table, re.DOTALL)
        partitions = re.search(r"PARTITIONED BY \((.*?)\)", table)
        template = re.search(r"'storage.location.template' = '(.*?)'", table)
        location = re.search(r"LOCATION '(.*?)'", table)
        assert columns and partitions and template and location  # noqa: PT018
        assert partitions[1] == ", ".join(f"{part} int" for part in parts)
        assert template[1].startswith(location[1])
        folder = template[1].replace("s3://bucket/homeiq", FOLDER)
        for part, value in parts.items():
            digits = re.search(rf"'projection.{part}.digits' = '(\d)'", table)
            low, high = re.findall(rf"'projection.{part}.range' = '(\d+),(\d+)'", table)[0]
            assert int(low) <= value <= int(high)
            folder = folder.replace(f"${{{part}}}", f"{value:0{digits[1] if digits else 1}d}")
        (file,) = Path(folder).glob("*.parquet")
        stored = pq.read_schema(file)
        types = {"timestamp": pa.timestamp("ns", tz="UTC"), "string": pa.string(), "double": pa.float64()}
        for name, kind in (column.split() for column in columns[1].replace("`", "").split(",")):
            assert stored.field(name).type == types[kind]


def test_the_queries_of_the_readme_are_among_these() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (section,) = re.findall(r"^## Your archive without this project$(.*?)^## ", readme, re.MULTILINE | re.DOTALL)
    shown = re.findall(r"^```(sql|python)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)

    assert {language for language, _ in shown} == {"sql", "python"}
    assert all(block in PAGE for _, block in shown)
