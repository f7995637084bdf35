"""Months in the archive while writers die and race: whole at any moment, and never poorer."""

import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from homeiq_assets.archive.objects import LocalFolder, ObjectStore
from homeiq_assets.errors import ArchiveError
from homeiq_assets_tests.archive.march import (
    DAILY,
    OURS,
    THEIRS,
    WHOLE,
    parquet_names,
    read,
    rows,
    write,
)


class Meddled:
    """A folder in which something happens right before the nth thing that is asked of it."""

    def __init__(self, folder: LocalFolder, number: int, happens: Callable[[], object]) -> None:
        self._folder, self._left, self._happens = folder, number, happens

    @property
    def came_to_it(self) -> bool:
        return self._left < 0

    def _next(self) -> LocalFolder:
        self._left -= 1
        if self._left == -1:
            self._happens()
        return self._folder

    def put(self, name: str, data: bytes) -> None:
        self._next().put(name, data)

    def get(self, name: str) -> bytes | None:
        return self._next().get(name)

    def sizes(self, folder: str) -> dict[str, int]:
        return self._next().sizes(folder)

    def delete(self, name: str) -> None:
        self._next().delete(name)

    def probe(self) -> str:
        return self._next().probe()


class Killed(BaseException):
    """Nothing in the process gets to tidy up."""


def _die() -> None:
    raise Killed


@pytest.mark.parametrize("already", [None, WHOLE, THEIRS], ids=["first", "replacing", "their own"])
def test_a_writer_killed_at_any_moment_leaves_a_month_that_reads_and_a_rerun_puts_right(
    tmp_path: Path, already: pa.Table | None
) -> None:
    for moment in range(100):
        folder = LocalFolder(tmp_path / str(moment))
        if already is not None:
            write(already, folder)
        meddled = Meddled(folder, moment, _die)
        try:
            write(OURS, meddled)
        except Killed:
            assert is_whole_or_told(folder, already)
            write(OURS, folder)
        assert read(folder).equals(OURS)
        assert len(parquet_names(folder)) == 1
        if not meddled.came_to_it:
            return
    pytest.fail("the writer never ended")


def test_a_writer_of_what_was_withdrawn_that_is_killed_leaves_one_of_both_and_a_rerun_puts_right(
    tmp_path: Path,
) -> None:
    both, fewer = pa.concat_tables([WHOLE, rows(range(3, 20), meter="sense")]), WHOLE
    for moment in range(100):
        folder = LocalFolder(tmp_path / str(moment))
        write(both, folder)
        meddled = Meddled(folder, moment, _die)
        try:
            write(fewer, meddled, complete=True)
        except Killed:
            assert read(folder).equals(both) or read(folder).equals(fewer)
            write(fewer, folder, complete=True)
        assert read(folder).equals(fewer)
        assert len(parquet_names(folder)) == 1
        if not meddled.came_to_it:
            return
    pytest.fail("the writer never ended")


def is_whole_or_told(folder: LocalFolder, already: pa.Table | None) -> bool:
    """One of the two states; a first object that no manifest names yet is told, not read as no rows."""
    try:
        left = read(folder)
    except ArchiveError as error:
        return already is None and "no _manifest.json of it" in str(error)
    return left.equals(OURS) or left.equals(already if already is not None else DAILY.empty())


@pytest.mark.parametrize("already", [None, WHOLE, THEIRS, OURS], ids=["first", "replacing", "theirs", "ours"])
def test_another_writer_at_any_moment_leaves_a_month_that_reads(tmp_path: Path, already: pa.Table | None) -> None:
    for moment in range(100):
        folder = LocalFolder(tmp_path / str(moment))
        if already is not None:
            write(already, folder)
        meddled = Meddled(folder, moment, lambda folder=folder: write(THEIRS, folder))
        write(OURS, meddled)
        assert read(folder).equals(OURS) or read(folder).equals(THEIRS)
        assert len(parquet_names(folder)) == 1
        if not meddled.came_to_it:
            return
    pytest.fail("the writer never ended")


def test_a_writer_with_fewer_days_never_undoes_what_a_faster_one_archived(tmp_path: Path) -> None:
    for moment in range(100):
        folder = LocalFolder(tmp_path / str(moment))
        meddled = Meddled(folder, moment, lambda folder=folder: write(WHOLE, folder))
        write(rows(range(1, 10)), meddled)
        if not meddled.came_to_it:
            return
        assert read(folder).equals(WHOLE)
        write(WHOLE, folder)
        assert len(parquet_names(folder)) == 1
    pytest.fail("the writer never ended")


def test_a_writer_who_lacks_a_series_never_undoes_what_a_faster_one_archived(tmp_path: Path) -> None:
    both = pa.concat_tables([WHOLE, rows(range(1, 32), meter="sense")])
    for moment in range(100):
        folder = LocalFolder(tmp_path / str(moment))
        meddled = Meddled(folder, moment, lambda folder=folder: write(both, folder))
        write(WHOLE, meddled)
        if not meddled.came_to_it:
            return
        assert read(folder).num_rows == 62
    pytest.fail("the writer never ended")


@pytest.mark.parametrize("withdraws", [False, True], ids=["merging", "of what was withdrawn"])
def test_writers_of_different_fields_never_undo_what_the_other_archived(tmp_path: Path, withdraws: bool) -> None:
    mean = WHOLE.set_column(*_emptied("total_power_w_count"))
    count = WHOLE.set_column(*_emptied("total_power_w_mean"))
    for moment in range(100):
        folder = LocalFolder(tmp_path / str(moment))
        write(mean, folder)
        meddled = Meddled(folder, moment, lambda folder=folder: write(count, folder))
        write(mean, meddled, complete=withdraws)
        if not meddled.came_to_it:
            return
        # At the first moment the other one is done before this one looks up what is archived.
        assert read(folder).equals(WHOLE) or (withdraws and moment == 0)
        write(WHOLE, folder)
        assert len(parquet_names(folder)) == 1
    pytest.fail("the writer never ended")


def _emptied(column: str) -> tuple[int, pa.Field, pa.Array]:
    place = WHOLE.column_names.index(column)
    return place, WHOLE.schema.field(place), pa.nulls(WHOLE.num_rows, WHOLE.schema.field(place).type)


def test_writers_in_threads_leave_the_month_of_the_last_swap(objects: ObjectStore) -> None:
    tables = [rows(range(1, 32), power=1000.0 * number) for number in range(4)]
    start = threading.Barrier(len(tables))
    failures: list[Exception] = []

    def work(table: pa.Table) -> None:
        start.wait()
        try:
            write(table, objects)
        except ArchiveError as error:
            if not error.retryable:
                failures.append(error)

    threads = [threading.Thread(target=work, args=(table,)) for table in tables]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert any(read(objects).equals(table) for table in tables)
    write(WHOLE, objects)
    assert read(objects).equals(WHOLE)
    assert len(parquet_names(objects)) == 1
