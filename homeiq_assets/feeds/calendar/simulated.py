"""A simulated calendar: office days, days at home, evenings out; known to the end of tomorrow."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from homeiq_assets.feeds.provider import Provider
from homeiq_assets.feeds.simulation import DAY, Floats, Simulated, local_hours, noise
from homeiq_assets.schema.measurements import OCCUPANCY_PREDICTION
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import local_date, local_day, next_day

LEAVES, RETURNS = 8.25, 17.5


def build(settings: Settings, zone: ZoneInfo) -> dict[str, Provider]:
    """The provider of `occupancy_prediction`."""

    def shape(instants: Floats, zone: ZoneInfo) -> Iterable[Mapping[str, object]]:
        hours, weekday = local_hours(instants, zone)
        at_home = np.isin(weekday, (1, 4)) & (weekday < 5)
        working = (weekday < 5) & ~at_home
        away = working & (hours >= LEAVES) & (hours < RETURNS)
        yield {
            "source": "simulated",
            "user": "owner",
            "currently_home": ~away,
            "wfh_today": at_home,
            "confidence": 0.7 + 0.25 * noise(instants, DAY, 71),
            "hours_until_arrival": np.where(away, RETURNS - hours, 0.0),
        }

    def horizon(now: datetime) -> datetime:
        return local_day(next_day(local_date(now, zone), zone), zone).end

    return {OCCUPANCY_PREDICTION.name: Simulated(OCCUPANCY_PREDICTION, timedelta(minutes=15), shape, zone, horizon)}
