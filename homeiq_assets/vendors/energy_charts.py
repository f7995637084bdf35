"""Energy-Charts (Fraunhofer ISE): how its API is asked, without a key, and what all its answers have in common.

What the numbers mean as rows belongs to the providers in `feeds/pricing/` and `feeds/carbon/`. The parallel arrays
of the API's first version are asked for first: it alone is specified, and its end is announced half a year ahead by
`deprecated`.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Annotated, Self, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.answers import VendorFailure
from homeiq_assets.vendors.http import VendorClient
from homeiq_assets.vendors.quotas import Quota
from homeiq_assets.window import HOUR, Window, local_date

NAME = "energy_charts"
# It is known to think for more than 10 s; two tries and the turns they wait for fit into the budget.
TIMEOUT, RETRIES, BUDGET = 20.0, 1, 100.0
# Two a minute, fewer under load, is what prices are limited to; their turns are never closer than half a minute.
PRICES = Quota(f"{NAME}_prices", 1, timedelta(seconds=35))
# No limit is published for the others; one more every 7.5 s is what their readers have measured.
OTHERS = Quota(NAME, 2, timedelta(seconds=15))
NO_CONTENT = "no content available"
# Market days, at whose beginning the length of a slot may change, are those of this zone.
MARKET = ZoneInfo("Europe/Berlin")
SHORTEST_S = 300
LAST_S = 4_102_444_800  # 2100-01-01

logger = logging.getLogger(__name__)

Value = Annotated[float, Field(allow_inf_nan=False)] | None
"""None where the vendor has no value: not published yet, or missing."""


class Strict(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(strict=True)


class Told(Strict):
    """What every answer says of itself."""

    deprecated: bool | None = None


class Series(Told, ABC):
    """An answer of the first version: arrays beside `unix_seconds`, the starts of their intervals, in order."""

    unix_seconds: list[Annotated[int, Field(ge=0, le=LAST_S)]]
    license_info: str | None = None

    @abstractmethod
    def arrays(self) -> Mapping[str, Sequence[float | None]]:
        """The arrays by name."""

    @property
    def times(self) -> list[datetime]:
        return [datetime.fromtimestamp(seconds, UTC) for seconds in self.unix_seconds]

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        in_order(self.unix_seconds)
        for name, values in self.arrays().items():
            if len(values) != len(self.unix_seconds):
                raise ValueError(f"{len(values)} values of {name} for {len(self.unix_seconds)} times")
        return self


Answer = TypeVar("Answer", bound=Told)


def in_order(starts: Sequence[float]) -> None:
    """Raise ValueError where starts of intervals, in Unix seconds, are not in order or closer than any interval is."""
    for before, after in pairwise(starts):
        if after - before < SHORTEST_S:
            raise ValueError(f"unix_seconds goes from {before:.0f} to {after:.0f}")


def client(settings: Settings, quota: Quota) -> VendorClient:
    """A client for a few calls; close it. Raises SettingError."""
    settings.sound("ENERGY_CHARTS_BASE_URL")
    base_url = settings.energy_charts_base_url
    return VendorClient(NAME, base_url, settings, timeout=TIMEOUT, budget=BUDGET, retries=RETRIES, quota=quota)


def ask(
    asking: VendorClient, path: str, place: Mapping[str, str], window: Window, expect: type[Answer], setting: str
) -> Answer | None:
    """What is known of a place for `window` and for the instant of its end; None where that is nothing.

    `setting` is the one that names the place. Raises VendorFailure.
    """
    params = {**place, "start": _instant(window.start), "end": _instant(window.end)}
    try:
        answer = asking.get(path, params, expect=expect)
    except VendorFailure as failure:
        if failure.status == 404 and NO_CONTENT in failure.excerpt.lower():
            return None
        if failure.status in (400, 404, 422):
            raise failure.advise(f"Look at {setting}.") from None
        raise
    if answer.deprecated:
        logger.warning("%s: %s is announced to end; look for a newer release of homeiq", NAME, path)
    return answer


def steps(times: Sequence[datetime]) -> dict[date, timedelta]:
    """The length of the slots that begin on each market day, by the shortest distance between two of their starts.

    None is longer than an hour, whatever is missing between two starts. Of a last time that stands alone in its day
    nothing can be said.
    """
    found: dict[date, timedelta] = {}
    for at, following in pairwise(times):
        day = market_day(at)
        found[day] = min(found.get(day, HOUR), following - at)
    return found


def market_day(at: datetime) -> date:
    """The date of an instant in the market's zone."""
    return local_date(at, MARKET)


def _instant(at: datetime) -> str:
    # A date would mean the place's own day, which is another one in every zone.
    return f"{at:%Y-%m-%dT%H:%MZ}"
