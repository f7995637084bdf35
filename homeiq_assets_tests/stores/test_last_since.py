"""The contract of a store, part five: the last value is looked for no further back than asked."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from homeiq_assets.errors import StoreError
from homeiq_assets.schema.measurements import AIR_QUALITY, HOME_ASSISTANT_HISTORY
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


def test_a_last_value_comes_with_other_fields_of_its_own_row_and_some_texts_are_none(store: Store) -> None:
    meter = {"entity_id": "sensor.meter", "domain": "sensor", "device_class": "energy", "area": "hall"}
    said = [("5", 5.0, "kWh"), ("low", None, "%"), ("unavailable", None, None)]
    given = [
        {"time": NOON + n * DAY, **meter, "state": state, "normalized_value": number, "unit_of_measurement": unit}
        for n, (state, number, unit) in enumerate(said)
    ]
    put(store, HOME_ASSISTANT_HISTORY, given)
    fields = ["state", "normalized_value", "unit_of_measurement"]

    def last(field: str, *without: str) -> tuple[object, ...]:
        beside = [name for name in fields if name != field]
        found = store.last(HOME_ASSISTANT_HISTORY, field, NOON + 9 * DAY, beside=beside, without=without)
        (row,) = found.to_pylist()
        return tuple(row[name] for name in fields)

    assert last("state") == said[2]
    assert last("state", "unavailable") == said[1]
    assert last("state", "unavailable", "low") == last("normalized_value") == said[0]
    assert last("unit_of_measurement") == said[1]
