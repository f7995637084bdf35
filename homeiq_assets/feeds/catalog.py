"""Every feed of the project, whichever provider serves it."""

from datetime import timedelta

from homeiq_assets.feeds.feed import Feed
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.measurements import (
    AIR_QUALITY,
    CARBON_INTENSITY,
    ELECTRICITY_PRICING,
    ELECTRICITY_PRICING_FORECAST,
    FX_RATE,
    HOME_ASSISTANT_EVENTS,
    HOME_ASSISTANT_HISTORY,
    OCCUPANCY_PREDICTION,
    SMART_METER,
    SMART_METER_CIRCUIT,
)

CARBON = Feed(
    CARBON_INTENSITY,
    "carbon",
    "CARBON_PROVIDER",
    timedelta(minutes=15),
    chart="carbon_intensity_gco2_kwh",
    late=timedelta(hours=6),
    reach=timedelta(hours=6),
    description="Carbon intensity of the grid the home draws from, in the provider's own resolution.",
)
PRICING = Feed(
    ELECTRICITY_PRICING,
    "pricing",
    "PRICING_PROVIDER",
    timedelta(hours=1),
    chart="current_price",
    late=timedelta(hours=2),
    description="Electricity price per market interval, to the end of what is published.",
)
PRICING_FORECAST = Feed(
    ELECTRICITY_PRICING_FORECAST,
    "pricing",
    "PRICING_PROVIDER",
    timedelta(hours=1),
    chart="price",
    late=timedelta(hours=2),
    description="Day-ahead prices as published, per delivery slot.",
)
AIR = Feed(
    AIR_QUALITY,
    "air_quality",
    "AIR_QUALITY_PROVIDER",
    timedelta(hours=1),
    chart="aqi",
    late=timedelta(hours=4),
    description="Air quality at the home, hourly, per pollutant.",
)
CALENDAR = Feed(
    OCCUPANCY_PREDICTION,
    "calendar",
    "CALENDAR_PROVIDER",
    timedelta(minutes=15),
    chart="currently_home",
    late=timedelta(hours=1),
    description="Who is expected at home, on a 15-minute grid.",
)
METER = Feed(
    SMART_METER,
    "meter",
    "METER_TYPE",
    timedelta(minutes=5),
    chart="total_power_w",
    late=timedelta(minutes=30),
    description="The home's electricity meter: power, import and feed-in since midnight.",
)
CIRCUITS = Feed(
    SMART_METER_CIRCUIT,
    "meter",
    "METER_TYPE",
    timedelta(minutes=5),
    chart="power_w",
    late=timedelta(minutes=30),
    description="Power of the home's circuits and their share of what it draws.",
)
FX = Feed(
    FX_RATE,
    "fx",
    "FX_PROVIDER",
    timedelta(hours=1),
    chart="rate",
    late=timedelta(days=5),
    # A rate is that of a UTC day, which begins on another local day west of Greenwich.
    reach=timedelta(days=2),
    # From Thursday to Tuesday over Easter.
    sparse=timedelta(days=5),
    description="Daily reference exchange rates, so that costs can be shown in other currencies.",
)
EVENTS = Feed(
    HOME_ASSISTANT_HISTORY,
    "events",
    "EVENTS_SOURCE",
    timedelta(minutes=15),
    chart=None,
    late=timedelta(hours=1),
    asset=HOME_ASSISTANT_EVENTS.name,
    description="What changed in Home Assistant, pulled into home_assistant_history.",
)

FEEDS = (CARBON, PRICING, PRICING_FORECAST, AIR, CALENDAR, METER, CIRCUITS, FX, EVENTS)


def raw_of(feed: Feed) -> Measurement:
    """The measurement whose days a feed's tiers, archive and removal have: the events wherever they are."""
    return HOME_ASSISTANT_EVENTS if feed is EVENTS else feed.measurement
