"""Events as Home Assistant's own InfluxDB integration writes them: a measurement per unit, entities without domain.

It writes what changed, and nothing for `unavailable`, `unknown` and empty states: such a spell looks as if the
reading before it went on.
"""

import re
from collections.abc import Callable, Collection, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.events.foreign import ForeignEvents, Found
from homeiq_assets.feeds.events.areas import Areas
from homeiq_assets.feeds.events.meters import NO_STATE_CLASS
from homeiq_assets.feeds.events.values import SAYS_NUMBER, number_of, text_of, uniform
from homeiq_assets.schema.measurement import UNKNOWN
from homeiq_assets.schema.measurements import ALL, HOME_ASSISTANT_EVENTS
from homeiq_assets.stores.influxdb.foreign import ForeignBucket, Says

_OURS = re.compile(r"homeiq_pending_|retention_")
_ATTRIBUTES = ("device_class", "unit_of_measurement", "state_class", "last_reset")
_UNITS = frozenset(
    re.split(
        r"\s+",
        """
    W kW MW GW TW mW BTU Wh kWh MWh GWh TWh mWh J kJ MJ GJ cal kcal Mcal Gcal VA mVA kVA var kvar varh kvarh
    V mV kV MV A mA K C F Hz kHz MHz GHz rpm Pa hPa kPa MPa mPa bar mbar cbar mmHg inHg psi inH2O
    mm cm m km in ft yd mi nmi L mL kL CCF MCF gal lx lm cd dB dBA dBm ppm ppb g kg mg lb oz st
    s ms min h d w y min. sec hours days bit kbit Mbit Gbit B kB MB GB TB PB EB KiB MiB GiB TiB mol pH deg UV""",
    )
)
_CURRENCY, _NO_WORD = re.compile(r"[A-Z]{3}"), re.compile(r"[^A-Za-z0-9_.\s-]")


class HomeAssistantEvents(ForeignEvents):
    """See `EventSource`. `areas` gives the area of entities (called when first needed); a tag `area` wins."""

    TAGS = ("entity_id", "domain", "area", *_ATTRIBUTES)
    READING = ("state", "value")
    STATE = tuple(Says(field, kind) for field in ("state", "value") for kind in ("text", "number", "flag"))
    NUMBER = tuple(Says("value", kind, SAYS_NUMBER) for kind in ("text", "number", "flag"))

    def __init__(self, bucket: ForeignBucket, areas: Callable[[], Areas]) -> None:
        super().__init__(bucket)
        self._areas = areas

    def find(self, stored: Mapping[str, Mapping[str, set[str]]]) -> Found:
        """See `ForeignEvents.find`: all measurements with a value or a state, but for our own in the same bucket."""
        wanted = {*self.READING, *(f"{name}_str" for name in _ATTRIBUTES)}
        names, types = [], dict[str, set[str]]()
        for name, fields in stored.items():
            if name in ALL or name == HOME_ASSISTANT_EVENTS.name or _OURS.match(name):
                continue
            if fields.keys() & set(self.READING):
                names.append(name)
                for field in fields.keys() & wanted:
                    types[field] = types.get(field, set()) | fields[field]
        return Found(names, dict(sorted(types.items())))

    def uniform(self, rows: pa.Table) -> pa.Table:
        return uniform_events(rows, self._areas)

    def matching(
        self, domains: Collection[str] | None, entities: Collection[str] | None
    ) -> list[dict[str, str]] | None:
        """See `ForeignEvents.matching`: an entity is its name and its domain, always both."""
        if entities is not None:
            parts = [entity.partition(".") for entity in sorted(entities)]
            return [{"entity_id": name, "domain": domain} for domain, _, name in parts]
        return None if domains is None else [{"domain": domain} for domain in sorted(domains)]


def uniform_events(rows: pa.Table, areas: Callable[[], Areas]) -> pa.Table:
    """Rows with the tags of `HomeAssistantEvents.TAGS` and fields as `ForeignBucket.rows` gives them, as events."""
    # Others may keep measurements of their own in the bucket: an event has both tags.
    rows = rows.filter(pc.and_(pc.is_valid(rows["entity_id"]), pc.is_valid(rows["domain"])))
    value = number_of(rows, "value")
    measurement = rows["measurement"]
    names = pc.unique(measurement).to_pylist()
    # With measurement_attr domain__device_class, the class is written nowhere else.
    named_class = _looked_up(measurement, {name: name.partition("__")[2] for name in names if "." not in name})
    state_class = pc.coalesce(text_of(rows, "state_class_str"), rows["state_class"])
    if state_class.null_count < len(state_class):
        # Home Assistant writes all attributes of an entity, unless it is told to ignore this one of all.
        state_class = pc.fill_null(state_class, NO_STATE_CLASS)
    events = uniform(
        rows,
        state=pc.coalesce(text_of(rows, "state"), value.cast(pa.string())),
        value=value,
        device_class=pc.coalesce(text_of(rows, "device_class_str"), rows["device_class"], named_class),
        area=rows["area"],
        unit=pc.coalesce(
            text_of(rows, "unit_of_measurement_str"),
            rows["unit_of_measurement"],
            _looked_up(measurement, {name: name for name in names if is_unit(name)}),
        ),
        state_class=state_class,
        last_reset=pc.coalesce(text_of(rows, "last_reset_str"), rows["last_reset"]),
    )
    if not events.num_rows or not pc.any(pc.equal(events["area"], UNKNOWN)).as_py():
        return events
    found = pc.fill_null(areas().column(events["entity_id"], events["time"]), UNKNOWN)
    area = pc.if_else(pc.equal(events["area"], UNKNOWN), found, events["area"])
    return events.set_column(events.column_names.index("area"), events.field("area"), area)


def is_unit(measurement: str) -> bool:
    """Whether the name of a measurement is a unit, rather than an entity's or one that the owner gave.

    Units that are no words (°C, %, EUR/kWh, µg/m³), currencies, and those that Home Assistant knows.
    """
    name = measurement.strip()
    return name in _UNITS or bool(_CURRENCY.fullmatch(name) or _NO_WORD.search(name))


def _looked_up(keys: pa.ChunkedArray, values: Mapping[str, str]) -> pa.ChunkedArray:
    """The value of each key, null without one."""
    known = pa.array([key for key, value in values.items() if value], pa.string())
    texts = pa.array([value for value in values.values() if value], pa.string())
    return (
        texts.take(pc.index_in(keys, value_set=known).combine_chunks())
        if len(known)
        else pa.nulls(len(keys), pa.string())
    )
