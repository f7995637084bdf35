"""Raw days in the archive: exactly what the store had, replaced by what is no less, or by what is said to be all."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from homeiq_assets.archive.manifest import Period, describe, to_json
from homeiq_assets.archive.objects import LocalFolder, ObjectStore
from homeiq_assets.errors import ArchiveError
from homeiq_assets.measurements import SMART_METER
from homeiq_assets.schema import TIME, conform, widened
from homeiq_assets.stores.embedded import EmbeddedStore
from homeiq_assets_tests.archive import march
from homeiq_assets_tests.archive.feed_day import DAY, FOLDER, VIENNA, WINDOW, raw_day, read, tag, write
from homeiq_assets_tests.archive.march import parquet_names

WHOLE = raw_day()


class TestExactly:
    def test_every_type_null_empty_text_nanosecond_and_undeclared_column_comes_back(self, objects: ObjectStore) -> None:
        write(WHOLE, objects)
        assert read(objects).schema == WHOLE.schema
        assert read(objects).equals(WHOLE)

    def test_a_stores_day_goes_through_the_archive_into_another_store(self, tmp_path: Path) -> None:
        store, other = EmbeddedStore(tmp_path / "store"), EmbeddedStore(tmp_path / "other")
        wide = widened(SMART_METER, WHOLE)
        rows = conform(WHOLE, wide, "")
        store.replace(wide, rows, WINDOW)
        _, stored = store.whole(SMART_METER, WINDOW)
        folder = LocalFolder(tmp_path / "archive")
        write(stored, folder)
        archived = read(folder)
        assert archived.schema == stored.schema
        assert archived.equals(stored)

        other.replace(widened(SMART_METER, archived), archived, WINDOW)
        assert other.whole(SMART_METER, WINDOW)[1].equals(stored)

    def test_the_manifest_tells_of_undeclared_fields_and_of_the_types_that_are_there(
        self, objects: ObjectStore
    ) -> None:
        manifest = write(WHOLE, objects)
        assert manifest.object == f"{FOLDER}/smart_meter-{manifest.sha256[:16]}.parquet"
        assert (manifest.rows, manifest.days, manifest.zone) == (25, ("2025-10-26",), "Europe/Vienna")
        assert (manifest.first, manifest.last) == ("2025-10-25T22:00:00.000000001Z", "2025-10-26T22:00:00.000000001Z")
        assert manifest.fields == {
            "total_power_w": "float", "daily_kwh": "string", "pulses": "integer", "Year": "boolean", "odd": "float"
        }  # fmt: skip
        assert manifest.sums["pulses"] == sum(2**63 - 1 - number for number in range(25))
        assert manifest.sums["Year"] == 12
        assert "odd" not in manifest.sums  # 5e308 is no float
        assert write(raw_day(3), objects, complete=True).sums["odd"] == 5e-324  # infinity is left out

    def test_rows_in_another_order_are_the_same_rows(self, objects: ObjectStore) -> None:
        first = write(WHOLE, objects)
        assert write(WHOLE.take(list(reversed(range(25)))), objects) == first
        assert read(objects).equals(WHOLE)

    def test_a_day_without_rows_is_not_written(self, objects: ObjectStore) -> None:
        assert write(WHOLE.slice(0, 0), objects).object == ""
        assert objects.sizes("") == {}
        assert read(objects).equals(SMART_METER.empty())

    def test_a_row_of_the_next_day_is_refused(self, objects: ObjectStore) -> None:
        later = raw_day(26)
        with pytest.raises(ArchiveError, match="outside 2025-10-26"):
            write(later, objects)
        assert objects.sizes("") == {}

    @pytest.mark.parametrize(
        "harm",
        [
            lambda rows: rows.select(list(reversed(rows.column_names))),
            lambda rows: rows.cast(pa.schema([pa.field("time", TIME), *list(rows.schema)[1:]])),
            lambda rows: rows.set_column(0, pa.field("time", pa.timestamp("us", tz="UTC"), nullable=False),
                                         rows["time"].cast(pa.timestamp("us", tz="UTC"), safe=False)),
            lambda rows: rows.append_column(tag("t"), pa.nulls(25, pa.string())),
            lambda rows: rows.append_column(pa.field("n", pa.int64(), nullable=False), pa.array(range(25))),
            lambda rows: rows.append_column("small", pa.array(range(25), pa.int32())),
        ],
        ids=["time not first", "time may be null", "microseconds", "a tag is null", "no tag", "no type of a field"],
    )  # fmt: skip
    def test_rows_that_no_store_gives_are_refused(self, tmp_path: Path, harm: Callable[[pa.Table], pa.Table]) -> None:
        with pytest.raises(ValueError, match="smart_meter"):
            write(harm(WHOLE), LocalFolder(tmp_path))
        assert list(tmp_path.iterdir()) == []


class TestNeverLess:
    def test_a_day_of_which_rows_are_gone_is_refused_and_the_archive_stays(self, objects: ObjectStore) -> None:
        write(WHOLE, objects)
        with pytest.raises(
            ArchiveError, match=r"holds 2 of its 25 rows .*2025-10-25T22:00:00Z\); restore first"
        ) as caught:
            write(raw_day(power=7.0).filter(pa.array([True] * 12 + [False] + [True] * 11 + [False])), objects)
        assert not caught.value.retryable
        assert read(objects).equals(WHOLE)

    def test_revised_and_further_rows_replace_it(self, objects: ObjectStore) -> None:
        write(raw_day(20), objects)
        write(raw_day(25, power=500.0), objects)
        assert read(objects).equals(raw_day(25, power=500.0))
        assert len(parquet_names(objects)) == 1

    def test_as_many_rows_of_another_series_are_less(self, objects: ObjectStore) -> None:
        write(WHOLE, objects)
        with pytest.raises(ArchiveError, match="holds 25 of its 25 rows"):
            write(raw_day(meter="sense"), objects)

    def test_a_tag_that_no_row_has_tells_no_series_apart(self, objects: ObjectStore) -> None:
        write(WHOLE, objects)
        tagged = WHOLE.append_column(tag("area"), pa.array([""] * 25))
        write(tagged, objects)
        write(WHOLE, objects)
        assert read(objects).equals(WHOLE)
        other = WHOLE.append_column(tag("area"), pa.array(["hall"] * 25))
        with pytest.raises(ArchiveError, match="restore first"):
            write(other, objects)

    def test_of_a_store_that_is_whole_the_archive_follows_what_was_withdrawn(self, objects: ObjectStore) -> None:
        write(WHOLE, objects)
        write(raw_day(10), objects, complete=True)
        assert read(objects).equals(raw_day(10))
        assert len(parquet_names(objects)) == 1

    def test_also_when_all_was_and_comes_back(self, objects: ObjectStore) -> None:
        write(WHOLE, objects)
        manifest = write(SMART_METER.empty(), objects, complete=True)
        assert (manifest.rows, manifest.first) == (0, "")
        assert read(objects).num_rows == 0
        assert write(SMART_METER.empty(), objects) == manifest
        write(WHOLE, objects)
        assert read(objects).equals(WHOLE)

    def test_a_damaged_day_is_replaced_by_no_fewer_rows(self, objects: ObjectStore) -> None:
        manifest = write(WHOLE, objects)
        objects.put(manifest.object, b"PAR1")
        with pytest.raises(ArchiveError, match=r"day=26.* is damaged \(4 bytes, .*smart_meter for 2025-10-26 again"):
            read(objects)
        with pytest.raises(ArchiveError, match="holds 25 rows, the store only 24; restore first"):
            write(raw_day(24), objects)
        write(raw_day(power=1.0), objects)
        assert read(objects).equals(raw_day(power=1.0))

    def test_a_day_whose_manifest_was_lost_is_not_replaced_by_less(self, objects: ObjectStore) -> None:
        write(WHOLE, objects)
        objects.delete(f"{FOLDER}/_manifest.json")
        with pytest.raises(ArchiveError, match=r"no _manifest\.json of it"):
            read(objects)
        with pytest.raises(ArchiveError, match="restore first"):
            write(raw_day(24), objects)
        write(WHOLE, objects)
        assert read(objects).equals(WHOLE)

    def test_a_month_that_lacks_a_row_of_a_day_is_refused_unless_it_is_complete(self, objects: ObjectStore) -> None:
        two = pa.concat_tables([march.WHOLE, march.rows(range(5, 6), meter="sense")])
        march.write(two, objects)
        with pytest.raises(ArchiveError, match=r"2025-03: the archive holds 1 of its 32 rows .*2025-03-04T23:00:00Z"):
            march.write(march.WHOLE, objects)
        assert march.write(march.WHOLE, objects, complete=True).rows == 31
        assert march.read(objects).equals(march.WHOLE)


def test_the_same_rows_packed_by_another_version_of_pyarrow_are_left_as_they_are(tmp_path: Path) -> None:
    folder, period = LocalFolder(tmp_path), Period.day(DAY, VIENNA)
    renamed = WHOLE.rename_columns(
        [f"{name}_" if name in ("month", "day_", "measurement", "Year") else name for name in WHOLE.column_names]
    )
    buffer = io.BytesIO()
    pq.write_table(renamed, buffer, compression="gzip")
    manifest = describe(WHOLE, SMART_METER, period, buffer.getvalue())
    folder.put(manifest.object, buffer.getvalue())
    folder.put(f"{FOLDER}/_manifest.json", to_json(manifest))

    assert write(WHOLE, folder) == manifest
    assert parquet_names(folder) == [manifest.object]
    assert hashlib.sha256(folder.get(manifest.object) or b"").hexdigest() == manifest.sha256
    assert read(folder).equals(WHOLE)
