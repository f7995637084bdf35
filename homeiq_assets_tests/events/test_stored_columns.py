"""Rows of several measurements as one table and back: what was stored, and nothing else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from homeiq_assets.archive.encoding import decoded, encoded
from homeiq_assets.events.stored_columns import by_kind, combined, is_combined, separated
from homeiq_assets.schema.measurement import Field, Measurement, Tag, Type
from homeiq_assets.stores.tables import ordered
from homeiq_assets_tests.retention.old_days import table_of

T = datetime(2025, 10, 26, 0, 0, 0, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
Stored = dict[str, tuple[Measurement, pa.Table]]


def tag(*names: str) -> tuple[Tag, ...]:
    return tuple(Tag(name, identity=False) for name in names)


def stored(name: str, tags: tuple[Tag, ...], fields: dict[str, Type], *rows: dict[str, Any]) -> Stored:
    measurement = Measurement(name, tags, tuple(Field(field, kind) for field, kind in fields.items()))
    return {name: (measurement, ordered(table_of(measurement, rows), measurement))}


@pytest.fixture
def tables() -> Stored:
    """Measurements that agree on `value`, not on `level`, and one has as a tag what another has as a field."""
    return {
        **stored(
            "kWh",
            tag("domain", "entity_id"),
            {"level": Type.INTEGER, "value": Type.FLOAT},
            {"time": T, "domain": "sensor", "entity_id": "meter", "value": 5e-324},
            {"time": T + MINUTE, "domain": "sensor", "entity_id": "meter", "level": 2**63 - 1, "value": -0.0},
        ),
        **stored(
            "km/h",
            tag("domain", "entity_id", "station"),
            {"level": Type.FLOAT, "value": Type.FLOAT},
            {"time": T, "domain": "sensor", "entity_id": "wind", "station": "roof", "level": 2.5},
            {"time": T, "domain": "sensor", "entity_id": "wind", "station": "", "value": 1.0},
        ),
        **stored(
            "light.hall",
            tag("domain", "entity_id"),
            {"level": Type.STRING, "on": Type.BOOLEAN, "station": Type.STRING, "odd::name": Type.STRING},
            {"time": T, "domain": "light", "entity_id": "hall", "level": "", "on": False, "station": "field"},
            {"time": T - MINUTE, "domain": "light", "entity_id": "hall", "odd::name": "a::b"},
        ),
    }


def test_every_row_is_there_and_says_of_which_measurement_it_is(tables: Stored) -> None:
    wide, rows = combined(tables, "events")

    assert rows.num_rows == 6
    assert rows.schema == wide.arrow
    assert wide.name == "events"
    assert wide.tag_names == ("measurement", "domain", "entity_id", "station")
    assert wide.field_names == (
        "level::float",
        "level::integer",
        "level::string",
        "odd::name",
        "on",
        "station::string",
        "value",
    )
    assert rows["measurement"].to_pylist() == ["kWh"] * 2 + ["km/h"] * 2 + ["light.hall"] * 2
    assert rows["level::integer"].to_pylist() == [None, 2**63 - 1, None, None, None, None]
    assert rows["station"].to_pylist() == ["", "", "", "roof", "", ""]


def test_what_was_put_together_and_archived_comes_apart_as_it_was(tables: Stored) -> None:
    _, rows = combined(tables, "events")

    apart = {one.name: (one, own) for one, own in separated(decoded(encoded(rows)))}

    assert apart.keys() == tables.keys()
    for name, (measurement, own) in tables.items():
        found, again = apart[name]
        assert set(found.tag_names) == set(measurement.tag_names)
        assert {field.name: field.type for field in found.fields} == {
            field.name: field.type for field in measurement.fields
        }
        assert again.select(own.column_names).equals(own), name


def test_a_measurement_without_rows_is_none_and_nothing_is_nothing(tables: Stored) -> None:
    measurement, rows = tables["kWh"]
    _, together = combined(tables | {"kWh": (measurement, rows.slice(0, 0))}, "events")
    assert [one.name for one, _ in separated(together)] == ["km/h", "light.hall"]

    wide, none = combined({}, "events")
    assert (wide.tag_names, wide.field_names, none.num_rows) == (("measurement",), (), 0)
    assert list(separated(none)) == []


def test_a_tag_of_that_name_does_not_make_rows_those_of_several_measurements(tables: Stored) -> None:
    named = stored(
        "home_assistant_events",
        tag("entity_id", "measurement"),
        {"state": Type.STRING},
        {"time": T, "entity_id": "sensor.a", "measurement": "kWh", "state": "1"},
    )["home_assistant_events"][1]

    assert not is_combined(decoded(encoded(named)))
    assert is_combined(decoded(encoded(combined(tables, "events")[1])))


def test_fields_come_by_the_kind_of_their_values_as_a_bucket_gives_them(tables: Stored) -> None:
    _, rows = combined(tables, "events")

    kinds = by_kind(rows, "", ("entity_id", "area"))

    assert kinds["measurement"].to_pylist() == rows["measurement"].to_pylist()
    assert kinds["area"].to_pylist() == [None] * 6
    assert kinds["station"].to_pylist() == [None, None, None, "roof", None, None], "an empty tag is none"
    assert kinds["level.number"].to_pylist() == [None, float(2**63 - 1), None, 2.5, None, None]
    assert kinds["level.text"].to_pylist() == [None, None, None, None, None, ""]
    assert kinds["on.flag"].to_pylist() == [None] * 5 + [False]
    assert kinds["odd::name.text"].to_pylist() == [None] * 4 + ["a::b", None]


def test_rows_of_one_measurement_get_its_name() -> None:
    ((_, rows),) = stored("x", tag("entity_id"), {"state": Type.STRING}, {"time": T, "entity_id": "a"}, {
        "time": T + MINUTE, "entity_id": "a", "state": "on"}).values()  # fmt: skip

    kinds = by_kind(rows, "home_assistant_events", ("entity_id",))

    assert kinds["measurement"].to_pylist() == ["home_assistant_events"]
    assert kinds["state.text"].to_pylist() == ["on"]
