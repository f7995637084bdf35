"""What others stored as the uniform columns of events: texts, numbers, full entity ids. Arrow in, Arrow out."""

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.feeds.events.meters import instant
from homeiq_assets.schema.measurement import UNKNOWN
from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS
from homeiq_assets.series.holds import NO_VALUE, Ints, filled, series_numbers

ON = ("on", "locked", "above_horizon", "open", "home")
OFF = ("off", "unlocked", "below_horizon", "closed", "not_home")
"""What Home Assistant takes for 1 and for 0 (its helpers/state.py)."""
_NUMBER = r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,2})?\s*$"
NUMBERS = 3
"""How many numbers of a meter are looked for: one may be absurd, and where it was told again, so are two."""
ENERGY_UNITS = ("kWh", "Wh", "MWh")
SAYS_NUMBER = rf"{_NUMBER}|^({'|'.join((*ON, *OFF))})$"
"""The states that are a number, or stand for one."""
_NO_TEXT, _NO_NUMBER = pa.scalar(None, pa.string()), pa.scalar(None, pa.float64())


def numbers(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """The texts that are numbers as such, all others null."""
    plain = pc.if_else(pc.match_substring_regex(texts, _NUMBER), pc.utf8_trim_whitespace(texts), _NO_TEXT)
    return pc.cast(pc.replace_substring_regex(plain, r"^\+", ""), pa.float64())


def normalized(states: pa.ChunkedArray) -> pa.ChunkedArray:
    """States as numbers: what they say, 1 for `on` and its like, 0 for `off` and its like, else null."""
    on, off = pc.is_in(states, value_set=pa.array(ON)), pc.is_in(states, value_set=pa.array(OFF))
    return pc.coalesce(numbers(states), pc.if_else(on, 1.0, pc.if_else(off, 0.0, _NO_NUMBER)))


def text_of(rows: pa.Table, field: str) -> pa.ChunkedArray:
    """A field as text, whichever types it is stored as; null without it. An empty text is none."""
    found = [_column(rows, f"{field}.{kind}") for kind in ("text", "flag", "number")]
    texts = pc.coalesce(
        *(one.cast(pa.string()) for one in found if one is not None), pa.nulls(rows.num_rows, pa.string())
    )
    return pc.if_else(pc.equal(texts, ""), _NO_TEXT, texts)


def number_of(rows: pa.Table, field: str) -> pa.ChunkedArray:
    """A field as a number, whichever types it is stored as; null without it, and for what is no number."""
    number, flag, text = (_column(rows, f"{field}.{kind}") for kind in ("number", "flag", "text"))
    found = [
        number,
        None if flag is None else flag.cast(pa.int8()).cast(pa.float64()),
        None if text is None else numbers(text),
    ]
    return pc.coalesce(*(one for one in found if one is not None), pa.nulls(rows.num_rows, pa.float64()))


def uniform(
    rows: pa.Table,
    *,
    state: pa.ChunkedArray,
    value: pa.ChunkedArray,
    device_class: pa.ChunkedArray,
    area: pa.ChunkedArray,
    unit: pa.ChunkedArray,
    state_class: pa.ChunkedArray,
    last_reset: pa.ChunkedArray,
    energy: pa.ChunkedArray | None = None,
) -> pa.Table:
    """Events in the uniform columns, by time, then entity, from these and `time`, `entity_id` and `domain` of `rows`.

    `entity_id` may be with or without its domain. Rows without an entity are left out.
    """
    name = _filled(rows["entity_id"])
    whole = pc.match_substring(name, ".")
    domain = pc.coalesce(
        _filled(rows["domain"]), pc.if_else(whole, pc.replace_substring_regex(name, r"\..*$", ""), _NO_TEXT)
    )
    full = pc.if_else(whole, name, pc.coalesce(pc.binary_join_element_wise(domain, name, "."), name))
    table = pa.table(
        {
            "time": rows["time"],
            "entity_id": full,
            "domain": pc.fill_null(domain, UNKNOWN),
            "device_class": pc.fill_null(_filled(device_class), UNKNOWN),
            "area": pc.fill_null(_filled(area), UNKNOWN),
            "state": state,
            "normalized_value": value,
            "energy_consumption": pa.nulls(rows.num_rows, pa.float64()) if energy is None else energy,
            "unit_of_measurement": _filled(unit),
            "state_class": _filled(state_class),
            "last_reset": _instants(last_reset),
        }
    )
    return in_order(table.filter(pc.is_valid(table["entity_id"])))


def in_order(table: pa.Table) -> pa.Table:
    """Events by time, then entity, in their columns' order and types."""
    ordered = table.sort_by([("time", "ascending"), ("entity_id", "ascending")])
    schema = HOME_ASSISTANT_EVENTS.arrow
    return pa.table([ordered[name] for name in schema.names], schema=schema)


def chosen(table: pa.Table, domains: Collection[str] | None, entities: Collection[str] | None) -> pa.Table:
    """The events of these domains and entities."""
    for name, wanted in (("domain", domains), ("entity_id", entities)):
        if wanted is not None:
            table = table.filter(pc.is_in(table[name], value_set=pa.array(sorted(wanted), pa.string())))
    return table


def newest_each(table: pa.Table) -> pa.Table:
    """The newest event of each entity, in order of entity."""
    numbered = table.sort_by("time").append_column("__row", pa.array(range(table.num_rows), pa.int64()))
    last = numbered.group_by("entity_id").aggregate([("__row", "max")])["__row_max"]
    return numbered.take(last).drop_columns("__row").sort_by("entity_id").combine_chunks()


def _instants(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Times as ISO 8601 in UTC, null for what is none."""
    known = pc.unique(texts)
    return pa.array([instant(text) for text in known.to_pylist()], pa.string()).take(
        pc.index_in(texts, value_set=known)
    )


def newest_known(table: pa.Table) -> pa.Table:
    """Of each entity the newest event that says a state and the newest that says a number, which may be one event.

    `unavailable` and `unknown` say neither, nor does a number beside them. An event with a number has the unit that it
    is in: its own, or else that of the newest number before it that has one. Of what may be a meter these are the
    newest `NUMBERS` numbers in the unit of the newest one: those before a reading tell whether it can be. In order of
    entity, then time.
    """
    silent = pc.fill_null(pc.is_in(table["state"], value_set=pa.array(NO_VALUE)), False)
    said = table.filter(pc.invert(silent)).sort_by([("entity_id", "ascending"), ("time", "ascending")]).combine_chunks()
    numbers = said.filter(pc.is_valid(said["normalized_value"]))
    # Keep one of what is asked for twice.
    numbers = _alone(numbers)
    place, series = numbers.column_names.index("unit_of_measurement"), series_numbers(numbers, ("entity_id",))
    unit = filled(numbers["unit_of_measurement"].combine_chunks(), series)
    numbers = numbers.set_column(place, numbers.field(place), unit).filter(_newest_numbers(series, unit))
    states = newest_each(said.filter(pc.is_valid(said["state"])))
    others = states.join(numbers.select(["entity_id", "time"]), ["entity_id", "time"], join_type="left anti")
    found = pa.concat_tables([numbers, others.select(numbers.column_names).cast(numbers.schema)])
    return found.sort_by([("entity_id", "ascending"), ("time", "ascending")]).combine_chunks()


def _alone(events: pa.Table) -> pa.Table:
    """One of each events of one entity and time, which the events are sorted by."""
    series, time = series_numbers(events, ("entity_id",)), events["time"].cast(pa.int64()).to_numpy()
    return events.filter(pa.array((np.diff(series, append=-1) != 0) | (np.diff(time, append=0) != 0)))


def _newest_numbers(series: Ints, unit: pa.Array) -> pa.Array:
    """Which rows, sorted by series and time, are the newest of their series that `newest_known` wants."""
    last = np.searchsorted(series, series, "right") - 1
    rank = last - np.arange(len(series))
    units = pc.fill_null(unit, ENERGY_UNITS[0])
    alike = pc.and_(pc.equal(units, units.take(pa.array(last))), pc.is_in(units, value_set=pa.array(ENERGY_UNITS)))
    return pa.array((rank == 0) | ((rank < NUMBERS) & alike.to_numpy(zero_copy_only=False)))


def _column(rows: pa.Table, name: str) -> pa.ChunkedArray | None:
    return rows[name] if name in rows.column_names else None


def _filled(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Empty texts are none."""
    return pc.if_else(pc.equal(texts, ""), _NO_TEXT, texts)
