"""The schema of every measurement: the one place that names a tag, field, type, unit, bound or kind.

The codec, the embedded store, the table schema shown in the UI, the data checks and the docs
read it. Times are the START of the interval, UTC.
"""

from dataclasses import replace
from datetime import timedelta

from homeiq_assets.schema.insights import INSIGHT_MEASUREMENTS
from homeiq_assets.schema.measurement import Field, Kind, Measurement, Tag, Type
from homeiq_assets.schema.retention import RETENTION_MEASUREMENTS

FLOAT, INTEGER, BOOLEAN, STRING = Type
MINUTE = timedelta(minutes=1)

CARBON_INTENSITY = Measurement(
    "carbon_intensity",
    (Tag("region", "the grid region"), Tag("grid_operator", "who operates it", identity=False)),
    (
        Field("carbon_intensity_gco2_kwh", FLOAT, "g/kWh", low=0, high=2000, description="CO2 per kWh of the grid"),
        Field("renewable_percentage", FLOAT, "%", low=0, high=100, description="renewable share of generation"),
        Field("fossil_percentage", FLOAT, "%", low=0, high=100, description="fossil share of generation"),
        Field(
            "forecast_1h", FLOAT, "g/kWh", low=0, high=2000, poll_only=True,
            description="what was forecast, at this row's time, for an hour later",
        ),
        Field(
            "forecast_24h", FLOAT, "g/kWh", low=0, high=2000, poll_only=True,
            description="what was forecast, at this row's time, for a day later",
        ),
    ),
    "Carbon intensity of the grid",
)  # fmt: skip

ELECTRICITY_PRICING = Measurement(
    "electricity_pricing",
    (Tag("provider", "who said so"), Tag("currency", "ISO 4217 code", identity=False)),
    (
        Field("current_price", FLOAT, "currency/kWh", low=-10, high=20, description="price of a kWh in this slot"),
        Field("peak_period", BOOLEAN, kind=Kind.FLAG, description="whether the slot is among the dear ones of its day"),
    ),
    "Electricity price per market interval, in the market's own resolution",
)
ELECTRICITY_PRICING_FORECAST = Measurement(
    "electricity_pricing_forecast",
    (Tag("provider", "who said so"),),
    (
        Field("price", FLOAT, "currency/kWh", low=-10, high=20, description="day-ahead price of a kWh in this slot"),
        Field("hour_offset", INTEGER, "h", low=0, high=23, description="local wall hour of the slot"),
    ),
    "Day-ahead electricity prices as published, per delivery slot",
)

AIR_QUALITY = Measurement(
    "air_quality",
    (
        Tag("location", "lat,lon"),
        Tag("category", "EPA category of the AQI", identity=False),
        Tag("parameter", "PM2.5, PM10 or Ozone"),
    ),
    (
        Field("aqi", INTEGER, "AQI", low=0, high=500, description="EPA air quality index of this parameter"),
        Field("pm25", FLOAT, "µg/m³", low=0, high=2000, description="fine particles"),
        Field("pm10", FLOAT, "µg/m³", low=0, high=5000, description="particles"),
        Field("ozone", FLOAT, "ppb", low=0, high=1000, description="ground-level ozone"),
    ),
    "Air quality at the home",
    timedelta(hours=1),
)

OCCUPANCY_PREDICTION = Measurement(
    "occupancy_prediction",
    (Tag("source", "which calendar service"), Tag("user", "whose calendar")),
    (
        Field("currently_home", BOOLEAN, kind=Kind.FLAG, description="expected at home in this slot"),
        Field("wfh_today", BOOLEAN, kind=Kind.FLAG, description="works from home on this local day"),
        Field("confidence", FLOAT, low=0, high=1, description="how sure the prediction is"),
        Field(
            "hours_until_arrival", FLOAT, "h", low=0, high=8784, description="until the next arrival at home; 0 at home"
        ),
    ),
    "Predicted occupancy on a 15-minute grid, from calendars",
    15 * MINUTE,
)

SMART_METER = Measurement(
    "smart_meter",
    (Tag("meter_type", "which kind of meter"),),
    (
        Field(
            "total_power_w", FLOAT, "W", low=-100_000, high=100_000,
            description="mean power drawn from the grid over the interval, negative while feeding in",
        ),
        Field(
            "daily_kwh", FLOAT, "kWh", kind=Kind.COUNTER, low=0, high=2400,
            description="import from local midnight to the interval's end",
        ),
        Field(
            "daily_export_kwh", FLOAT, "kWh", kind=Kind.COUNTER, low=0, high=2400,
            description="fed in from local midnight to the interval's end",
        ),
    ),
    "The home's electricity meter",
    5 * MINUTE,
)  # fmt: skip
SMART_METER_CIRCUIT = Measurement(
    "smart_meter_circuit",
    (Tag("circuit_name", "the circuit"),),
    (
        Field(
            "power_w", FLOAT, "W", low=-100_000, high=100_000, description="mean power of the circuit over the interval"
        ),
        Field("percentage", FLOAT, "%", low=-10_000, high=10_000, description="share of what the home draws"),
    ),
    "Circuits of the home",
    5 * MINUTE,
)

FX_RATE = Measurement(
    "fx_rate",
    (Tag("base", "ISO 4217 code"), Tag("currency", "ISO 4217 code")),
    (Field("rate", FLOAT, "currency/base", low=0, high=1_000_000, description="units of currency for one of base"),),
    # Without a step: a rate is in force until the next, and weekends and holidays have none of their own.
    "Daily reference exchange rates",
)

HOME_ASSISTANT_HISTORY = Measurement(
    "home_assistant_history",
    (
        Tag("entity_id", "the entity, with its domain"),
        Tag("domain", "sensor, binary_sensor, light, …", identity=False),
        Tag("device_class", "power, energy, motion, …", identity=False),
        Tag("area", "the area's id in Home Assistant", identity=False),
    ),
    (
        Field(
            "state", STRING, kind=Kind.TEXT, statistics=("last", "changes", "count", "on_seconds", "seconds"),
            description="the state as Home Assistant says it, unavailable and unknown included",
        ),
        Field(
            "normalized_value", FLOAT,
            statistics=("mean", "seconds", "min", "max", "count", "last", "increase"),
            description="the state as a number, in unit_of_measurement; 1 for on and its like, 0 for off",
        ),
        Field("energy_consumption", FLOAT, statistics=(), description="as whoever wrote the event says"),
        Field(
            "unit_of_measurement", STRING, kind=Kind.TEXT, statistics=("last",),
            description="the unit of normalized_value",
        ),
        Field(
            "state_class", STRING, statistics=(),
            description="total, total_increasing or measurement, as Home Assistant says; none without one",
        ),
        Field(
            "last_reset", STRING, kind=Kind.TEXT, statistics=("last",),
            description="since when a total counts, ISO 8601 in UTC",
        ),
    ),
    "What changed in Home Assistant, an event a row",
)  # fmt: skip
HOME_ASSISTANT_EVENTS = replace(HOME_ASSISTANT_HISTORY, name="home_assistant_events")
"""The columns in which events are read wherever they are (events/source.py). Nothing is written under this name."""

MV_DAILY_CARBON_SUMMARY = Measurement(
    "mv_daily_carbon_summary",
    (),
    (
        Field("date", STRING, kind=Kind.TEXT, description="local date, YYYY-MM-DD"),
        Field("avg_carbon", FLOAT, "g/kWh", low=0, high=2000, description="time-weighted mean"),
        Field("min_carbon", FLOAT, "g/kWh", low=0, high=2000, description="lowest reading"),
        Field("max_carbon", FLOAT, "g/kWh", low=0, high=2000, description="highest reading"),
        Field("avg_renewable", FLOAT, "%", low=0, high=100, description="time-weighted mean renewable share"),
    ),
    "Carbon intensity of each local day",
)
MV_DAILY_ENERGY_BY_DEVICE = Measurement(
    "mv_daily_energy_by_device",
    (Tag("entity_id", "the entity, with its domain"),),
    (
        Field("date", STRING, kind=Kind.TEXT, description="local date, YYYY-MM-DD"),
        Field("total_kwh", FLOAT, "kWh", low=-2400, high=2400, description="energy of the day, negative: fed in"),
        Field(
            "avg_power", FLOAT, "W", low=-100_000, high=100_000,
            description="mean power: of a meter over the day, of a power sensor over the time it is known",
        ),
        Field(
            "peak_power", FLOAT, "W", low=-100_000, high=100_000,
            description="the greatest reading of a power sensor",
        ),
        Field("cost_usd", FLOAT, "USD", description="cost in US dollars at the day's reference rate"),
        Field("cost", FLOAT, "currency", description="energy times the price of its slot, less what was fed in"),
        Field("currency", STRING, kind=Kind.TEXT, description="currency of cost, ISO 4217 code"),
    ),
    "Energy and cost of each device and local day",
)  # fmt: skip
MV_HOURLY_ROOM_ACTIVITY = Measurement(
    "mv_hourly_room_activity",
    (Tag("area", "the area's id in Home Assistant"),),
    (
        Field("hour", INTEGER, "h", low=0, high=23, description="local wall hour at the hour's start"),
        Field("day_of_week", INTEGER, "", low=0, high=6, description="0 is Monday"),
        Field("motion_count", INTEGER, low=0, description="how often motion sensors changed to on"),
        Field(
            "occupancy_rate", FLOAT, low=0, high=1,
            description="share of the hour in which a motion, occupancy or presence sensor was on",
        ),
    ),
    "Activity in each room and hour",
    timedelta(hours=1),
)  # fmt: skip

FEED_MEASUREMENTS = (
    CARBON_INTENSITY,
    ELECTRICITY_PRICING,
    ELECTRICITY_PRICING_FORECAST,
    AIR_QUALITY,
    OCCUPANCY_PREDICTION,
    SMART_METER,
    SMART_METER_CIRCUIT,
    FX_RATE,
    HOME_ASSISTANT_HISTORY,
)
VIEW_MEASUREMENTS = (MV_DAILY_CARBON_SUMMARY, MV_DAILY_ENERGY_BY_DEVICE, MV_HOURLY_ROOM_ACTIVITY)
TIERED_MEASUREMENTS = (
    *(measurement for measurement in FEED_MEASUREMENTS if measurement is not HOME_ASSISTANT_HISTORY),
    HOME_ASSISTANT_EVENTS,
)
"""What has tiers and an archive: every raw measurement, the events wherever they are."""

_STATISTICS = {
    Kind.GAUGE: ("mean", "seconds", "min", "max", "count", "last"),
    Kind.COUNTER: ("increase", "last", "count"),
    Kind.DELTA: ("sum", "count"),
    Kind.FLAG: ("on_seconds", "seconds", "last", "changes", "count"),
    Kind.TEXT: ("last", "changes", "count"),
}
_COUNTED = {"count": "rows", "changes": "", "seconds": "s", "on_seconds": "s"}


def statistics(field: Field) -> tuple[str, ...]:
    """The statistics a tier keeps of a field, by its kind unless it says them itself."""
    return _STATISTICS[field.kind] if field.statistics is None else field.statistics


def tier_of(measurement: Measurement, resolution: str) -> Measurement:
    """The schema of a measurement's tier; `resolution` is `hourly` or `daily`.

    Its fields are `<field>_<statistic>`; `last` has the type of the field, `count` and `changes` are
    integers, all others floats. Bounds of min, max, mean and last are those of the field.
    """

    def statistic_of(field: Field, statistic: str) -> Field:
        kind = field.type if statistic == "last" else INTEGER if statistic in ("count", "changes") else FLOAT
        bounded = statistic in ("mean", "min", "max", "last")
        return Field(
            f"{field.name}_{statistic}",
            kind,
            _COUNTED.get(statistic, field.unit),
            low=field.low if bounded else None if statistic == "increase" else 0,
            high=field.high if bounded else None,
            description=f"{statistic} of {field.name}",
        )

    return Measurement(
        f"{measurement.name}_{resolution}",
        measurement.tags,
        tuple(statistic_of(field, statistic) for field in measurement.fields for statistic in statistics(field)),
        f"{measurement.description}, {resolution} statistics",
        timedelta(hours=1) if resolution == "hourly" else None,
        tier=True,
    )


HOME_ASSISTANT_HISTORY_HOURLY = tier_of(HOME_ASSISTANT_HISTORY, "hourly")
"""Home Assistant's own long-term statistics: a row has those that it keeps of the entity."""
TIERS = (
    *(tier_of(measurement, resolution) for measurement in TIERED_MEASUREMENTS for resolution in ("hourly", "daily")),
    HOME_ASSISTANT_HISTORY_HOURLY,
)
ALL = {
    m.name: m
    for m in (
        *FEED_MEASUREMENTS,
        HOME_ASSISTANT_EVENTS,
        *VIEW_MEASUREMENTS,
        *INSIGHT_MEASUREMENTS,
        *TIERS,
        *RETENTION_MEASUREMENTS,
    )
}
