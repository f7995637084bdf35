"""Months in the archive: written once, checked, never made poorer, whole after crashes and races."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from homeiq_assets.archive.manifest import Period
from homeiq_assets.archive.months import read_month, refuse_simulated, write_month
from homeiq_assets.archive.objects import LocalFolder, ObjectStore
from homeiq_assets.archive.periods import manifest_of, read_period, write_period
from homeiq_assets.errors import ArchiveError, SettingError
from homeiq_assets.schema.measurement import Field, Kind, Measurement, Tag, Type, rows_of
from homeiq_assets.schema.measurements import AIR_QUALITY, tier_of
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import local_day, local_month
from homeiq_assets_tests.archive.march import (
    DAILY,
    FOLDER,
    MARCH,
    OURS,
    VIENNA,
    WHOLE,
    parquet_names,
    read,
    rows,
    write,
)


class TestWriting:
    def test_the_rows_come_back_as_they_were(self, objects: ObjectStore) -> None:
        write(WHOLE, objects)
        assert read(objects).equals(WHOLE)
        assert read(objects).schema.equals(DAILY.arrow)

    def test_the_manifest_says_what_the_object_holds(self, objects: ObjectStore) -> None:
        manifest = write(WHOLE, objects)
        data = objects.get(manifest.object)
        assert data is not None
        assert manifest == manifest_of(DAILY, Period.month(date(2025, 3, 1), VIENNA), objects)
        assert (manifest.rows, manifest.bytes, manifest.zone) == (31, len(data), "Europe/Vienna")
        assert (manifest.measurement, manifest.schema_version) == ("smart_meter_daily", 1)
        assert manifest.sha256 == hashlib.sha256(data).hexdigest()
        assert manifest.object == f"{FOLDER}/smart_meter_daily-{manifest.sha256[:16]}.parquet"
        assert manifest.start == "2025-02-28T23:00:00+00:00"
        assert manifest.first == "2025-02-28T23:00:00.000000000Z"
        assert manifest.last == "2025-03-30T22:00:00.000000000Z"
        assert (manifest.days[0], manifest.days[-1], len(manifest.days)) == ("2025-03-01", "2025-03-31", 31)
        assert manifest.sums["total_power_w_mean"] == sum(100.0 + day for day in range(1, 32))
        assert manifest.sums["total_power_w_count"] == 31 * 288
        assert manifest.fields["total_power_w_count"] == "integer"

    def test_writing_the_same_again_changes_nothing(self, tmp_path: Path) -> None:
        objects = LocalFolder(tmp_path)

        def state() -> dict[str, tuple[int, bytes]]:
            files = [path for path in tmp_path.rglob("*") if path.is_file()]
            return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}

        first = write(WHOLE, objects)
        before = state()
        backwards = [WHOLE.slice(day, 1) for day in reversed(range(31))]
        assert write_month(iter(backwards), DAILY, MARCH, VIENNA, objects) == first
        assert state() == before

    def test_revised_rows_replace_the_object_and_the_old_one_goes(self, objects: ObjectStore) -> None:
        old = write(WHOLE, objects)
        new = write(rows(range(1, 32), power=200.0), objects)
        assert old.object != new.object
        assert parquet_names(objects) == [new.object]
        assert read(objects).equals(rows(range(1, 32), power=200.0))

    def test_a_month_that_grows_is_written_again(self, objects: ObjectStore) -> None:
        write(rows(range(1, 5)), objects)
        assert write(rows(range(1, 6)), objects).rows == 5
        assert read(objects).num_rows == 5

    def test_an_empty_month_is_not_written_and_says_so(self, objects: ObjectStore) -> None:
        manifest = write(DAILY.empty(), objects)
        assert (manifest.rows, manifest.object, manifest.days) == (0, "", ())
        assert objects.sizes("") == {}
        assert read(objects).equals(DAILY.empty())

    def test_a_row_from_another_month_is_refused(self, objects: ObjectStore) -> None:
        stray = rows_of(DAILY, [{"time": MARCH.end, "meter_type": "x", "total_power_w_mean": 1.0}])
        with pytest.raises(ArchiveError, match="outside 2025-03"):
            write(pa.concat_tables([WHOLE, stray]), objects)
        assert objects.sizes("") == {}

    def test_rows_are_sorted_by_series_and_time_and_packed_with_zstd(self, tmp_path: Path) -> None:
        two = [
            {"time": local_day(date(2025, 3, day), VIENNA).start, "meter_type": meter, "total_power_w_mean": 1.0}
            for day in (2, 1)
            for meter in ("sense", "emporia")
        ]
        manifest = write(rows_of(DAILY, two), LocalFolder(tmp_path))
        file = pq.ParquetFile(tmp_path / manifest.object)
        assert file.read()["meter_type"].to_pylist() == ["emporia", "emporia", "sense", "sense"]
        assert file.metadata.row_group(0).column(0).compression == "ZSTD"


class TestNothingIsLost:
    def test_days_that_the_store_has_not_any_more_stay(self, objects: ObjectStore) -> None:
        write(WHOLE, objects)
        write(rows(range(3, 32), power=7.0), objects)
        assert read(objects).equals(pa.concat_tables([rows(range(1, 3)), rows(range(3, 32), power=7.0)]))

    def test_so_do_all_where_it_has_none(self, objects: ObjectStore) -> None:
        manifest = write(WHOLE, objects)
        assert write(DAILY.empty(), objects) == manifest
        assert read(objects).equals(WHOLE)

    def test_days_count_even_where_the_manifest_was_lost(self, objects: ObjectStore) -> None:
        write(WHOLE, objects)
        objects.delete(f"{FOLDER}/_manifest.json")
        assert write(rows(range(3, 32)), objects).rows == 31
        assert read(objects).equals(WHOLE)

    def test_a_further_tag_that_was_revised_makes_no_second_row_of_a_day(self, objects: ObjectStore) -> None:
        daily = tier_of(AIR_QUALITY, "daily")
        time = local_day(date(2025, 3, 2), VIENNA).start
        row = {"time": time, "location": "48.2,16.4", "parameter": "PM2.5", "category": "Good"}
        first = rows_of(daily, [row | {"aqi_mean": 50.0, "pm25_mean": 12.0}])
        write_month(first, daily, MARCH, VIENNA, objects)
        revised = rows_of(daily, [row | {"category": "Moderate", "aqi_mean": 55.0}])
        write_month(revised, daily, MARCH, VIENNA, objects)
        expected = rows_of(daily, [row | {"category": "Moderate", "aqi_mean": 55.0, "pm25_mean": 12.0}])
        assert read_month(daily, MARCH, VIENNA, objects).equals(expected)

    def test_another_time_zone_is_refused(self, objects: ObjectStore) -> None:
        write(WHOLE, objects)
        with pytest.raises(ArchiveError, match=r"HOMEIQ_TIMEZONE: .*Europe/Vienna, not of Europe/Berlin"):
            write_month(WHOLE, DAILY, MARCH, ZoneInfo("Europe/Berlin"), objects)

    @pytest.mark.parametrize(
        "harm", [lambda data: data[:-10], lambda data: bytes([data[0] ^ 1]) + data[1:], lambda _: b""]
    )
    def test_a_damaged_object_is_never_read_and_is_mended_by_its_rows(
        self, objects: ObjectStore, harm: Callable[[bytes], bytes]
    ) -> None:
        manifest = write(WHOLE, objects)
        objects.put(manifest.object, harm(objects.get(manifest.object) or b""))
        with pytest.raises(ArchiveError, match=r"is damaged .*put it back from a backup"):
            read(objects)
        write(WHOLE, objects)
        assert read(objects).equals(WHOLE)

    def test_a_missing_object_says_what_to_do(self, objects: ObjectStore) -> None:
        manifest = write(WHOLE, objects)
        objects.delete(manifest.object)
        with pytest.raises(ArchiveError, match=r"is missing; put it back .*smart_meter_daily for 2025-03 again"):
            read(objects)
        write(WHOLE, objects)
        assert read(objects).equals(WHOLE)

    @pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"schema_version": 1}', b"\xff\xfe"])
    def test_a_damaged_manifest_stops_reading_and_writing(self, objects: ObjectStore, text: bytes) -> None:
        write(WHOLE, objects)
        objects.put(f"{FOLDER}/_manifest.json", text)
        for call in (lambda: read(objects), lambda: write(WHOLE, objects)):
            with pytest.raises(ArchiveError, match=r"month=03/_manifest.json is damaged; put back an earlier version"):
                call()

    def test_a_later_versions_manifest_asks_for_an_update(self, objects: ObjectStore) -> None:
        write(WHOLE, objects)
        objects.put(f"{FOLDER}/_manifest.json", b'{"schema_version": 2, "parts": []}')
        with pytest.raises(ArchiveError, match=r"later version of homeiq_assets \(2\); update"):
            read(objects)


class TestReaders:
    """The archive is read without us: by pyarrow, pandas, and whatever else knows hive paths."""

    def test_pyarrow_reads_a_year_with_its_hive_columns(self, tmp_path: Path) -> None:
        objects = LocalFolder(tmp_path)
        april = local_month(date(2025, 4, 1), VIENNA)
        shifted = rows_of(DAILY, [{"time": april.start, "meter_type": "emporia", "total_power_w_mean": 1.0}])
        write(WHOLE, objects)
        write_month(shifted, DAILY, april, VIENNA, objects)
        table = ds.dataset(tmp_path, partitioning="hive").to_table()
        assert table.num_rows == 32
        assert sorted(set(table["month"].to_pylist())) == [3, 4]
        assert set(table["measurement"].to_pylist()) == {"smart_meter_daily"}
        assert set(table.column_names) == {*DAILY.arrow.names, "measurement", "year", "month"}

    def test_pandas_reads_a_month(self, tmp_path: Path) -> None:
        write(WHOLE, LocalFolder(tmp_path))
        frame = pd.read_parquet(tmp_path, filters=[("year", "=", 2025)])
        assert frame["total_power_w_mean"].sum() == sum(100.0 + day for day in range(1, 32))
        assert str(frame["time"].dt.tz) == "UTC"

    def test_columns_named_as_hive_columns_do_not_clash(self, tmp_path: Path) -> None:
        odd = Measurement(
            "km/h",
            (Tag("month"), Tag("month_")),
            (Field("day", Type.INTEGER), Field("on", Type.BOOLEAN, kind=Kind.FLAG)),
        )
        table = rows_of(odd, [{"time": MARCH.start, "month": "a", "month_": "b", "day": 3, "on": True}])
        manifest = write_month(table, odd, MARCH, VIENNA, LocalFolder(tmp_path))
        assert read_month(odd, MARCH, VIENNA, LocalFolder(tmp_path)).equals(table)
        assert manifest.sums == {"day": 3, "on": 1}
        (row,) = ds.dataset(tmp_path, partitioning="hive").to_table().to_pylist()
        assert (row["measurement"], row["month"], row["month_"], row["month__"], row["day_"]) == (
            "km/h", 3, "a", "b", 3
        )  # fmt: skip

    def test_fields_added_to_the_schema_later_are_absent_in_older_months(self, objects: ObjectStore) -> None:
        older = replace(DAILY, fields=DAILY.fields[:3])
        write_month(rows(range(1, 3)).select(older.arrow.names), older, MARCH, VIENNA, objects)
        assert read(objects).schema.equals(DAILY.arrow)
        assert read(objects)["total_power_w_count"].null_count == 2

    def test_columns_only_a_later_version_knows_ask_for_an_update(self, objects: ObjectStore) -> None:
        write(WHOLE, objects)
        with pytest.raises(ArchiveError, match=r"total_power_w_count.*later version"):
            read_month(replace(DAILY, fields=DAILY.fields[:3]), MARCH, VIENNA, objects)


def test_days_have_objects_of_their_own_below_their_month(objects: ObjectStore) -> None:
    day = Period.day(date(2025, 3, 30), VIENNA)
    kept = write_period(rows(range(30, 31)), DAILY, day, objects)
    assert kept.object.startswith(f"{FOLDER}/day=30/smart_meter_daily-")
    write(WHOLE, objects)
    write(rows(range(1, 32), power=5.0), objects)
    assert read_period(DAILY, day, objects).equals(rows(range(30, 31)))
    assert kept.object in objects.sizes("")


def test_simulated_rows_never_enter_the_owners_bucket(settings_of: Callable[..., Settings]) -> None:
    simulated = OURS.set_column(
        OURS.column_names.index("meter_type"), "meter_type", pa.array(["simulated"] * OURS.num_rows)
    )
    with pytest.raises(SettingError, match=r"HOMEIQ_ALLOW_SIMULATED: .*S3_ARCHIVE_BUCKET is set"):
        refuse_simulated(simulated, DAILY, settings_of(S3_ARCHIVE_BUCKET="archive"))

    refuse_simulated(simulated, DAILY, settings_of(S3_ARCHIVE_BUCKET="archive", HOMEIQ_ALLOW_SIMULATED="on"))
    refuse_simulated(OURS, DAILY, settings_of(S3_ARCHIVE_BUCKET="archive", HOMEIQ_ALLOW_SIMULATED="off"))


def test_simulated_rows_may_be_archived_in_a_folder(settings_of: Callable[..., Settings]) -> None:
    simulated = OURS.set_column(
        OURS.column_names.index("meter_type"), "meter_type", pa.array(["simulated"] * OURS.num_rows)
    )
    refuse_simulated(simulated, DAILY, settings_of())


def test_a_lost_manifest_is_told_and_not_read_as_no_rows(tmp_path: Path) -> None:
    folder = LocalFolder(tmp_path)
    write(OURS, folder)
    (manifest,) = tmp_path.rglob("_manifest.json")
    manifest.unlink()

    with pytest.raises(ArchiveError, match=r"holds smart_meter_daily of .*, but no _manifest\.json of it"):
        read(folder)


@pytest.mark.parametrize(("field", "value"), [("object", 5), ("days", "abc"), ("rows", None), ("sums", [])])
def test_a_manifest_of_the_wrong_shape_is_damaged(tmp_path: Path, field: str, value: object) -> None:
    folder = LocalFolder(tmp_path)
    write(OURS, folder)
    (manifest,) = tmp_path.rglob("_manifest.json")
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {field: value}))

    with pytest.raises(ArchiveError, match="is damaged"):
        read(folder)
