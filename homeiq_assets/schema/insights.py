"""The schemas of the insights, a part of `measurements.py`. Times are the START of the interval, UTC."""

from homeiq_assets.schema.measurement import Field, Kind, Measurement, Tag, Type

FLOAT, INTEGER, BOOLEAN, STRING = Type

ELECTRICITY_PRICE_RANK = Measurement(
    "electricity_price_rank",
    (Tag("provider", "whose prices"),),
    (
        Field("rank", INTEGER, low=1, high=300, description="1 is the cheapest slot of the local day"),
        Field("cheap", BOOLEAN, kind=Kind.FLAG, description="among the cheapest quarter of the day's slots"),
        Field("dear", BOOLEAN, kind=Kind.FLAG, description="among the dearest quarter of the day's slots"),
    ),
    "Rank of each electricity price in its local day",
)
PHANTOM_LOAD = Measurement(
    "phantom_load",
    (Tag("circuit_name", "the circuit, or home for all of it"),),
    (
        Field("baseline_w", FLOAT, "W", low=0, high=100_000, description="drawn in quiet nights, the median of a week"),
        Field("yearly_kwh", FLOAT, "kWh", low=0, description="the baseline over a year"),
        Field("yearly_cost", FLOAT, "currency", description="of yearly_kwh at the mean price of the week"),
    ),
    "What is drawn while everybody sleeps, as of each local day",
)
DAILY_ENERGY_REPORT = Measurement(
    "daily_energy_report",
    (),
    (
        Field("date", STRING, kind=Kind.TEXT, description="local date, YYYY-MM-DD"),
        Field("total_kwh", FLOAT, "kWh", low=0, high=2400, description="drawn from the grid"),
        Field("export_kwh", FLOAT, "kWh", low=0, high=2400, description="fed in"),
        Field("unmetered_kwh", FLOAT, "kWh", low=0, high=2400, description="drawn beyond what the circuits drew"),
        Field("cost", FLOAT, "currency", description="of what is drawn, less what is earned by feeding in"),
        Field("currency", STRING, kind=Kind.TEXT, description="ISO 4217 code"),
        Field("carbon_kg", FLOAT, "kg", low=0, description="CO2 of what is drawn"),
    ),
    "Energy, cost and carbon of each local day",
)
OCCUPANCY_ACCURACY = Measurement(
    "occupancy_accuracy",
    (),
    (
        Field("date", STRING, kind=Kind.TEXT, description="local date, YYYY-MM-DD"),
        Field("accuracy", FLOAT, low=0, high=1, description="share of the slots of which the prediction was right"),
        Field("slots", INTEGER, low=0, high=100, description="quarter hours that were compared"),
        Field("unseen_slots", INTEGER, low=0, high=100, description="somebody was expected and nobody seen"),
        Field("unexpected_slots", INTEGER, low=0, high=100, description="nobody was expected and somebody seen"),
    ),
    "How often the predicted occupancy of each local day was right",
)

INSIGHT_MEASUREMENTS = (ELECTRICITY_PRICE_RANK, PHANTOM_LOAD, DAILY_ENERGY_REPORT, OCCUPANCY_ACCURACY)
