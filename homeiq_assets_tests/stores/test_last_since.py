"""The contract of a store, part five: the last value is looked for no further back than asked."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from homeiq_assets.errors import StoreError
from homeiq_assets.measurements import AIR_QUALITY
from homeiq_assets.stores.base import Store
from homeiq_assets_tests.stores.places import EmbeddedPlace, Row, plain, put, rows

DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def air(time: datetime, parameter: str, aqi: int) -> Row:
    return {"time": time, "location": "48.2,16.4", "category": "Good", "parameter": parameter, "aqi": aqi}


OLD, NEW = air(NOON - 30 * DAY, "Ozone", 1), air(NOON, "PM2.5", 2)


def test_a_series_that_has_been_silent_since_then_has_no_last_value(store: Store) -> None:
    put(store, AIR_QUALITY, [OLD, NEW])

    def last(since: datetime | None) -> list[dict[str, object]]:
        return plain(store.last(AIR_QUALITY, "aqi", NOON + DAY, since=since))

    assert last(None) == rows(AIR_QUALITY, OLD, NEW)
    assert last(NOON - 30 * DAY) == rows(AIR_QUALITY, OLD, NEW)
    assert last(NOON - 30 * DAY + TICK) == rows(AIR_QUALITY, NEW)
    assert last(NOON) == rows(AIR_QUALITY, NEW)
    assert last(NOON + TICK) == []


@pytest.mark.parametrize("since", [NOON + DAY, NOON + 2 * DAY], ids=["no time at all", "the wrong way round"])
def test_between_an_instant_and_one_that_is_not_before_it_there_is_nothing(store: Store, since: datetime) -> None:
    put(store, AIR_QUALITY, [OLD, NEW])

    found = store.last(AIR_QUALITY, "aqi", NOON + DAY, since=since)

    assert found.num_rows == 0
    assert found.column_names == ["time", "location", "category", "parameter", "aqi"]


def test_the_embedded_store_opens_only_the_files_of_that_span(tmp_path: Path) -> None:
    embedded = EmbeddedPlace(tmp_path / "store")
    store = embedded.open()
    put(store, AIR_QUALITY, [OLD, NEW])
    (embedded.folder / "air_quality" / f"{NOON - 30 * DAY:%Y-%m-%d}.parquet").write_bytes(b"damaged")

    found = store.last(AIR_QUALITY, "aqi", NOON + DAY, since=NOON - 2 * DAY)

    assert plain(found) == rows(AIR_QUALITY, NEW)
    with pytest.raises(StoreError, match="damaged"):
        store.last(AIR_QUALITY, "aqi", NOON + DAY)
