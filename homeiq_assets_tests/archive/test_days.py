"""Raw days in the archive: exactly what the store had, replaced by what is no less, or by what is said to be all."""

import hashlib
import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from homeiq_assets.archive.days import write_day
from homeiq_assets.archive.encoding import checked
from homeiq_assets.archive.manifest import Period, describe, to_json
from homeiq_assets.archive.objects import LocalFolder, ObjectStore
from homeiq_assets.archive.periods import manifest_of
from homeiq_assets.errors import ArchiveError
from homeiq_assets.schema.measurement import TIME, conform, widened
from homeiq_assets.schema.measurements import SMART_METER
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets_tests.archive import march
from homeiq_assets_tests.archive.feed_day import DAY, FOLDER, VIENNA, WINDOW, raw_day, read, tag, write
from homeiq_assets_tests.archive.march import parquet_names

WHOLE = raw_day()
MIDNIGHT = datetime(2025, 10, 26, tzinfo=UTC)


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
    def test_rows_that_the_store_has_not_any_more_stay_beside_revised_ones(self, objects: ObjectStore) -> None:
        write(WHOLE, objects)
        gone, revised = [12, 24], raw_day(power=7.0)
        write(revised.take([row for row in range(25) if row not in gone]), objects)
        rows = [WHOLE if row in gone else revised for row in range(25)]
        expected = [rows[row].slice(row, 1).to_pylist()[0] for row in range(25)]
        assert read(objects).to_pylist() == expected
        assert len(parquet_names(objects)) == 1

    @pytest.mark.parametrize("field", ["total_power_w", "daily_kwh", "pulses", "Year"])
    def test_a_field_that_the_store_has_not_any_more_stays_beside_those_that_came(
        self, objects: ObjectStore, field: str
    ) -> None:
        write(WHOLE, objects)
        late = WHOLE.select(["time", "meter_type", "month", "day_", "measurement"])
        late = late.append_column(pa.field("energy", pa.float64()), pa.array([0.5] * 25))
        write(late.append_column(WHOLE.schema.field(field), WHOLE[field]).slice(0, 9), objects)
        archived = read(objects)
        assert archived.select(WHOLE.column_names).equals(WHOLE)
        assert archived["energy"].to_pylist() == [0.5] * 9 + [None] * 16
        first = parquet_names(objects)
        write(late.slice(3, 1), objects)
        assert parquet_names(objects) == first, "the same values again"

    def test_values_of_another_type_are_refused_where_one_would_go(self, objects: ObjectStore) -> None:
        write(WHOLE, objects)
        place = WHOLE.column_names.index("pulses")
        texts = WHOLE.set_column(place, pa.field("pulses", pa.string()), pa.array(["many"] * 25))
        with pytest.raises(ArchiveError, match=r"smart_meter 2025-10-26: .*cannot be in one object \(pulses\)"):
            write(texts.slice(0, 20), objects)
        assert read(objects).equals(WHOLE)
        write(texts, objects)
        assert read(objects)["pulses"].to_pylist() == ["many"] * 25, "each is known by another value"

    def test_revised_and_further_rows_replace_it(self, objects: ObjectStore) -> None:
        write(raw_day(20), objects)
        write(raw_day(25, power=500.0), objects)
        assert read(objects).equals(raw_day(25, power=500.0))
        assert len(parquet_names(objects)) == 1

    def test_rows_of_another_series_come_beside(self, objects: ObjectStore) -> None:
        write(WHOLE, objects)
        write(raw_day(meter="sense"), objects)
        assert read(objects).equals(pa.concat_tables([WHOLE, raw_day(meter="sense")]))

    def test_a_tag_that_no_row_has_tells_no_series_apart(self, objects: ObjectStore) -> None:
        write(WHOLE, objects)
        tagged = WHOLE.append_column(tag("area"), pa.array([""] * 25))
        write(tagged, objects)
        write(WHOLE, objects)
        assert read(objects).equals(WHOLE)

    def test_a_tag_that_came_later_makes_another_series(self, objects: ObjectStore) -> None:
        write(WHOLE, objects)
        write(WHOLE.append_column(tag("area"), pa.array(["hall"] * 25)).slice(0, 5), objects)
        assert read(objects)["area"].to_pylist().count("hall") == 5
        assert read(objects).num_rows == 30

    def test_of_a_store_that_is_whole_the_archive_follows_what_was_withdrawn(self, objects: ObjectStore) -> None:
        write(WHOLE, objects)
        write(raw_day(10), objects, complete=True)
        assert read(objects).equals(raw_day(10))
        assert len(parquet_names(objects)) == 1

    def test_but_no_feed_withdraws_all_of_a_day(self, objects: ObjectStore) -> None:
        manifest = write(WHOLE, objects)
        assert write(WHOLE.slice(0, 0), objects, complete=True) == manifest
        after_midnight = WHOLE.filter(pc.greater_equal(WHOLE["time"], pa.scalar(MIDNIGHT, TIME)))
        assert after_midnight.num_rows == 23
        assert write(after_midnight, objects, complete=True) == manifest, "the other day's file may be lost"
        assert read(objects).equals(WHOLE)

    def test_what_another_writer_archived_meanwhile_was_not_withdrawn(self, objects: ObjectStore) -> None:
        write(raw_day(20), objects)
        before = manifest_of(SMART_METER, Period.day(DAY, VIENNA), objects)
        write(raw_day(22), objects)
        write_day(raw_day(10), SMART_METER, DAY, VIENNA, objects, withdraws=before)
        assert read(objects).equals(raw_day(22))

    def test_what_was_withdrawn_is_not_taken_up_again_from_what_a_killed_writer_left(
        self, objects: ObjectStore
    ) -> None:
        whole = write(WHOLE, objects)
        data = objects.get(whole.object)
        assert data is not None
        write(raw_day(10), objects, complete=True)
        objects.put(whole.object, data)
        write(raw_day(11), objects)
        assert read(objects).equals(raw_day(11))
        assert len(parquet_names(objects)) == 1

    def test_what_a_killed_writer_left_is_taken_up_where_it_knows_more(self, objects: ObjectStore) -> None:
        more = write(WHOLE, objects)
        data = objects.get(more.object)
        assert data is not None
        for name in objects.sizes(""):
            objects.delete(name)
        write(raw_day(10, power=7.0), objects)
        objects.put(more.object, data)
        write(raw_day(10, power=7.0), objects)
        expected = pa.concat_tables([raw_day(10, power=7.0), WHOLE.filter(later_than(raw_day(10)))])
        assert read(objects).equals(checked(expected, SMART_METER))

    def test_a_damaged_day_is_replaced_by_no_fewer_rows(self, objects: ObjectStore) -> None:
        manifest = write(WHOLE, objects)
        objects.put(manifest.object, b"PAR1")
        with pytest.raises(ArchiveError, match=r"day=26.* is damaged \(4 bytes, .*smart_meter for 2025-10-26 again"):
            read(objects)
        with pytest.raises(ArchiveError, match=r"is damaged or missing, and held 25 rows, the store only 24; put it"):
            write(raw_day(24), objects)
        fewer = WHOLE.set_column(WHOLE.column_names.index("Year"), WHOLE.schema.field("Year"), pa.nulls(25, pa.bool_()))
        with pytest.raises(ArchiveError, match="held 24 values of Year, the store only 0; put it back"):
            write(fewer, objects)
        write(raw_day(power=1.0), objects)
        assert read(objects).equals(raw_day(power=1.0))

    def test_a_day_whose_manifest_was_lost_is_not_replaced_by_less(self, objects: ObjectStore) -> None:
        write(WHOLE, objects)
        objects.delete(f"{FOLDER}/_manifest.json")
        with pytest.raises(ArchiveError, match=r"no _manifest\.json of it"):
            read(objects)
        write(raw_day(24), objects)
        assert read(objects).equals(WHOLE)

    def test_a_month_keeps_a_row_that_the_store_lacks_unless_it_was_withdrawn(self, objects: ObjectStore) -> None:
        two = pa.concat_tables([march.WHOLE, march.rows(range(5, 6), meter="sense")])
        march.write(two, objects)
        march.write(march.WHOLE, objects)
        assert march.read(objects).equals(two)
        assert march.write(march.WHOLE, objects, complete=True).rows == 31
        assert march.read(objects).equals(march.WHOLE)


def later_than(rows: pa.Table) -> pa.ChunkedArray:
    """For each row of WHOLE whether it is later than all rows of a table."""
    return pc.greater(WHOLE["time"], pc.max(rows["time"]))


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
