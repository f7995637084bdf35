"""Events of an invented Home Assistant: 200 entities, four tags, four fields, values as such sensors give them."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.schema.measurement import TIME, Field, Measurement, Tag, Type, conform
from homeiq_assets.window import Window

HOME_EVENTS = Measurement(
    "home_assistant_events",
    (Tag("entity_id"), Tag("domain"), Tag("device_class"), Tag("area")),
    (
        Field("state", Type.STRING),
        Field("normalized_value", Type.FLOAT),
        Field("energy_consumption", Type.FLOAT),
        Field("unit_of_measurement", Type.STRING),
    ),
)
START = datetime(2025, 6, 2, tzinfo=UTC)
EVENTS_PER_DAY = 10_000
ENTITIES = 200
_AREAS = ("Kitchen", "Living room", "Hall", "Bedroom", "Büro", "Attic", "Garage", "Garden")
_KINDS = (
    ("sensor", "temperature", "°C", 20.0, 3.0, 1, False),
    ("sensor", "humidity", "%", 50.0, 10.0, 0, False),
    ("sensor", "power", "W", 120.0, 60.0, 1, True),
    ("sensor", "energy", "kWh", 2500.0, 400.0, 2, True),
    ("sensor", "illuminance", "lx", 300.0, 100.0, 0, False),
)
"""domain, device class, unit, mean, spread, decimal places, whether it tells an energy consumption"""


def window(count: int) -> Window:
    """The time in which `count` events happen."""
    return Window(START, START + timedelta(days=count // EVENTS_PER_DAY + 1))


def by_series(count: int) -> pa.Table:
    """`count` events in the order in which a store gets rows: by series, then time."""
    return conform(by_time(count), HOME_EVENTS)


def by_time(count: int) -> pa.Table:
    """`count` events in the order in which they happen."""
    random = np.random.default_rng(7)
    entity = random.integers(0, ENTITIES, count)
    kind = entity % len(_KINDS)
    step = 86_400 * 10**9 // EVENTS_PER_DAY
    times = int(START.timestamp()) * 10**9 + np.arange(count) * step + random.integers(0, step // 1000, count) * 1000
    mean, spread, places = (np.array([one[n] for one in _KINDS])[kind] for n in (3, 4, 5))
    scale = 10.0**places
    values = np.round(random.normal(mean, spread) * scale) / scale
    tells_energy = np.array([one[6] for one in _KINDS])[kind]

    def named(names: list[str], places: np.ndarray) -> pa.Array:
        return pa.array(names).take(pa.array(places))

    columns = {
        "time": pa.array(times).cast(TIME),
        "entity_id": named([f"sensor.room_{n // 8}_{_KINDS[n % len(_KINDS)][1]}_{n}" for n in range(ENTITIES)], entity),
        "domain": named([one[0] for one in _KINDS], kind),
        "device_class": named([one[1] for one in _KINDS], kind),
        "area": named([_AREAS[n // 8 % len(_AREAS)] for n in range(ENTITIES)], entity),
        "state": pa.array(values).cast(pa.string()),
        "normalized_value": pa.array(values),
        "energy_consumption": pa.array(np.round(values / 12_000, 4), mask=~tells_energy),
        "unit_of_measurement": named([one[2] for one in _KINDS], kind),
    }
    return pa.table(columns)


def every_number_another(count: int) -> pa.Table:
    """The hardest to encode: events by time, each with a number of 16 or 17 digits that no other has."""
    table = by_time(count)
    numbers = pa.array(np.random.default_rng(8).normal(20, 5, count))
    return table.set_column(table.column_names.index("normalized_value"), "normalized_value", numbers)


def influxql_csv(table: pa.Table) -> bytes:
    """The answer of InfluxDB 2.7 to InfluxQL for all columns, with the second statement that our queries have."""
    name = HOME_EVENTS.name
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "tags", *table.column_names])
    writer.writerows((name, "", *row) for row in _cells(table))
    text.write("\n")
    writer.writerow(["name", "tags", "fieldKey", "fieldType"])
    writer.writerows([name, "", field.name, str(field.type)] for field in HOME_EVENTS.fields)
    return text.getvalue().encode()


def flux_csv(table: pa.Table) -> bytes:
    """The answer of InfluxDB 2.7 to Flux with pivot(), annotated: a table for each series."""
    tags, fields = sorted(HOME_EVENTS.tag_names), sorted(HOME_EVENTS.field_names)
    bounds = [f"{bound:%Y-%m-%dT%H:%M:%SZ}" for bound in (START, window(table.num_rows).end)]
    types = ["string" if HOME_EVENTS.field(name).type is Type.STRING else "double" for name in fields]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    groups = [*["true"] * 2, "false", *["true"] * (1 + len(tags)), *["false"] * len(fields)]
    writer.writerow(["#datatype", "string", "long", *["dateTime:RFC3339"] * 3, *["string"] * (1 + len(tags)), *types])
    writer.writerow(["#group", "false", "false", *groups])
    writer.writerow(["#default", "_result", *[""] * (len(groups) + 1)])
    writer.writerow(["", "result", "table", "_start", "_stop", "_time", "_measurement", *tags, *fields])
    times = pc.strftime(table["time"], format="%Y-%m-%dT%H:%M:%SZ")
    numbers, number, before = table.select(tags + fields), -1, None
    for time, row in zip(times.to_pylist(), _cells(numbers), strict=True):
        number += row[: len(tags)] != before
        before = row[: len(tags)]
        writer.writerow(["", "", number, *bounds, time, HOME_EVENTS.name, *row])
    return text.getvalue().encode()


def _cells(table: pa.Table) -> Iterator[tuple[object, ...]]:
    """Rows as texts, times in ns, what is absent empty."""
    numbers = [column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column for column in table.columns]
    return zip(*(pc.fill_null(column.cast(pa.string()), "").to_pylist() for column in numbers), strict=True)
