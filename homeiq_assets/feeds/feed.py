"""What a feed is, whichever provider serves it: its measurement, setting, poll interval and horizon."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from homeiq_assets.schema import Measurement
from homeiq_assets.window import Window, floor_to, local_date, local_day


@dataclass(frozen=True)
class Feed:
    """One measurement brought in from outside.

    `family` names the providers that can serve it (several feeds may share one) and `setting` the
    variable that chooses among them. `interval` is the time between polls; `chart` the field that
    a person would want to see. `late` is how old the newest reading may be before the feed is stale.
    """

    measurement: Measurement
    family: str
    setting: str
    interval: timedelta
    chart: str
    late: timedelta

    @property
    def name(self) -> str:
        return self.measurement.name


def poll_window(feed: Feed, now: datetime, zone: ZoneInfo) -> Window:
    """What a poll at `now` covers: from two intervals ago to the end of tomorrow's local day.

    Providers answer as far as they know, which for most is the present.
    """
    start = floor_to(now, feed.interval) - 2 * feed.interval
    tomorrow = local_date(now, zone) + timedelta(days=1)
    return Window(start, local_day(tomorrow, zone).end)
