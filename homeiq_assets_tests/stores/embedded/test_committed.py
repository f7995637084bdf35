"""Only what a writer had committed takes the place of a day: no stray, damaged or empty file does."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from homeiq_assets.errors import DamagedFile
from homeiq_assets.schema.measurements import AIR_QUALITY
from homeiq_assets.stores.base import Store
from homeiq_assets_tests.stores.crashes import SETTLED_HISTORY
from homeiq_assets_tests.stores.embedded.test_crashes import dies
from homeiq_assets_tests.stores.failing import STORED, air
from homeiq_assets_tests.stores.places import EmbeddedPlace, held, put, rows

NEWER = air(24, 41)
OLDER = air(-24, 40)


@pytest.fixture
def place(tmp_path: Path) -> EmbeddedPlace:
    return EmbeddedPlace(tmp_path / "store")


@pytest.fixture
def store(place: EmbeddedPlace) -> Store:
    opened = place.open()
    put(opened, AIR_QUALITY, [OLDER, *STORED])
    return opened


@pytest.fixture
def folder(place: EmbeddedPlace) -> Path:
    return place.folder / "air_quality"


@pytest.mark.parametrize("content", [b"", b"PAR1 no more", None], ids=["empty", "not Parquet", "a day file of ours"])
def test_a_stray_file_in_committed_replaces_no_day_and_is_kept_aside(
    store: Store, folder: Path, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    before = held(store, AIR_QUALITY)
    stray = folder / ".committed" / "2026-03-10.parquet"
    stray.parent.mkdir()
    if content is None:
        shutil.copy(folder / "2026-03-09.parquet", stray)
        content = stray.read_bytes()
    else:
        stray.write_bytes(content)

    store.recover(AIR_QUALITY)

    assert held(store, AIR_QUALITY) == before
    store.put(AIR_QUALITY, AIR_QUALITY.empty())
    assert held(store, AIR_QUALITY) == before
    (aside,) = (folder / ".stray").iterdir()
    assert aside.read_bytes() == content
    assert f"{stray} was not written by this store; it is not used" in caplog.text
    assert not stray.parent.exists()


@pytest.mark.parametrize("name", [".DS_Store", "notes.txt", "2026-03-10.parquet.bak", ".nfs0001"])
def test_whatever_else_lies_there_gets_in_no_writers_way(store: Store, folder: Path, name: str) -> None:
    (folder / ".committed").mkdir()
    (folder / ".committed" / name).write_text("not ours")

    put(store, AIR_QUALITY, [OLDER, NEWER])

    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, OLDER, NEWER)
    assert not (folder / name).exists()


@pytest.fixture
def killed(tmp_path: Path) -> tuple[Store, Path]:
    """A store whose writer was killed once its change was decided, before any of it was in place; and `.committed`."""
    for at in range(1, 100):
        place = EmbeddedPlace(tmp_path / str(at) / "store")
        SETTLED_HISTORY.store_what_was_before(place.open())
        assert dies(SETTLED_HISTORY, place, at)
        committed = place.folder / SETTLED_HISTORY.measurement.name / ".committed"
        if committed.exists():
            return place.open(), committed
    raise AssertionError("no change was ever decided")


def test_a_stray_file_beside_a_decided_change_does_not_keep_it_from_its_place(killed: tuple[Store, Path]) -> None:
    store, committed = killed
    (committed / "2020-01-01.parquet").write_bytes(b"stray")

    store.recover(SETTLED_HISTORY.measurement)

    assert held(store, SETTLED_HISTORY.measurement) == SETTLED_HISTORY.after


@pytest.mark.parametrize(
    "harm", [lambda data: data[:-9] + b"corrupted", lambda _: b"", lambda data: data[: len(data) // 2]]
)
@pytest.mark.parametrize("what", ["a day", "the list"])
def test_a_damaged_change_is_told_changes_no_day_and_the_advice_works(
    killed: tuple[Store, Path], harm: Callable[[bytes], bytes], what: str
) -> None:
    store, committed = killed
    measurement = SETTLED_HISTORY.measurement
    path = committed / "changes" if what == "the list" else next(committed.glob("*.parquet"))
    path.write_bytes(harm(path.read_bytes()))

    for act in (lambda: store.recover(measurement), lambda: SETTLED_HISTORY.run(store)):
        with pytest.raises(DamagedFile, match=r"HOMEIQ_HOME: .*\.committed.*; the days? stays? as (it was|they were)"):
            act()
    assert held(store, measurement) == SETTLED_HISTORY.before

    if what == "the list":
        shutil.move(committed, committed.parent.parent / "moved away")
    else:
        path.unlink()
    SETTLED_HISTORY.run(store)
    assert held(store, measurement) == SETTLED_HISTORY.after
