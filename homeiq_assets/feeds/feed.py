"""What a feed is, whichever provider serves it: its measurement, setting, poll interval and horizon."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.window import Window, floor_to, local_date, local_day, next_day


@dataclass(frozen=True)
class Feed:
    """One measurement brought in from outside.

    `family` names the providers that can serve it (several feeds may share one) and `setting` the
    variable that chooses among them. `interval` is the time between polls; `chart` the field that
    a person would want to see, None where no single one is. `late` is how old the newest reading may be before the
    feed is stale. `reach` is how far back a poll asks where vendors publish later than within two intervals. `asset` is
    the feed's name where it is not the measurement's. `sparse` is for how long there may be no row of its own, as of
    weekends and holidays, where that is longer than a day. `description` tells the owner what its days hold.
    """

    measurement: Measurement
    family: str
    setting: str
    interval: timedelta
    chart: str | None
    late: timedelta
    description: str
    reach: timedelta | None = None
    asset: str | None = None
    sparse: timedelta = timedelta()

    @property
    def name(self) -> str:
        return self.asset or self.measurement.name


def poll_window(feed: Feed, now: datetime, zone: ZoneInfo, newest: datetime | None) -> Window:
    """What a poll at `now` covers: from two intervals ago (or the feed's reach) to the end of tomorrow's local day.

    Where the `newest` stored reading is older than that, polls were missed: it begins there, though not before
    today, whose partition a poll is; older days are the nightly settling's. Providers answer as far as they
    know, which for most is the present.
    """
    today = local_date(now, zone)
    midnight = local_day(today, zone).start
    missed = midnight if newest is None else max(newest, midnight)
    start = min(floor_to(now, feed.interval) - (feed.reach or 2 * feed.interval), missed)
    return Window(start, local_day(next_day(today, zone), zone).end)
