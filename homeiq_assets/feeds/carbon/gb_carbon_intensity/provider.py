"""GB Carbon Intensity: average intensity of Great Britain or one of its regions, by the half hour, without a key.

All of Great Britain has measured values (`actual`) within hours, the regions have only the vendor's model, for the past
too. The mix comes beside either. Calls and their shapes are in `api.py`.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from homeiq_assets.feeds.carbon.gb_carbon_intensity.api import LONGEST_RANGE, NAME, STEP, Fuel, GbCarbonApi, HalfHour
from homeiq_assets.feeds.carbon.readings import FOSSIL, INTENSITY, RENEWABLE, believable, reading_answers, row_of
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import CARBON_INTENSITY
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.skipped import skip
from homeiq_assets.window import DAY, HOUR, Window, ceil_to, floor_to

# The system operator counts biomass as low-carbon, not as renewable; imports and `other` are neither.
FUELS = {RENEWABLE: ("wind", "solar", "hydro"), FOSSIL: ("gas", "coal", "oil")}
# Shares are rounded; a list that misses 100 % by more is not the whole mix.
ROUNDING = 2.0


def build(settings: Settings, zone: ZoneInfo) -> dict[str, Provider]:
    """The provider of carbon_intensity. Settings are judged when they are used, not here."""
    return {CARBON_INTENSITY.name: GbCarbonIntensity(settings)}


class GbCarbonIntensity:
    """Rows of carbon_intensity."""

    name = NAME
    measurement = CARBON_INTENSITY
    longest = 3 * LONGEST_RANGE

    def __init__(self, settings: Settings) -> None:
        self._api = GbCarbonApi(settings)

    def fetch(self, window: Window, now: datetime) -> Iterator[Answer]:
        """The half hours of `window` that are over; where `now` lies in it, the current one too.

        The current one's row is an answer of its own: the value forecast for it, its mix, and what is forecast now.
        Raises ProviderError and SettingError.
        """
        slot = floor_to(now, STEP)
        has_current = now in window and slot in window
        first, last = ceil_to(window.start, STEP), min(ceil_to(window.end, STEP), slot + STEP * has_current)
        if last <= first:
            return
        with self._api.client() as client:
            told = self._api.told(client, Window(first, last))
        current = told.pop(slot, HalfHour())
        readings = {at: fields for at, half in told.items() if (fields := self._reading(at, half))}
        yield from reading_answers(readings, window, self._api.region, STEP)
        if not has_current:
            return
        # The caller stores between answers, which may take long: a client, and a time budget, of its own.
        with self._api.client() as client:
            ahead = self._api.ahead(client, slot)
        wanted = {INTENSITY: slot, "forecast_1h": slot + HOUR, "forecast_24h": slot + DAY}
        values = {name: believable(NAME, INTENSITY, at, _forecast(ahead, at)) for name, at in wanted.items()}
        fields = {name: value for name, value in values.items() if value is not None}
        if fields:
            row = row_of(slot, self._api.region, {**fields, **_shares(slot, current.mix)})
            yield Answer(rows_of(CARBON_INTENSITY, [row]), Window(slot, min(slot + STEP, window.end)), STEP)

    def probe(self, now: datetime) -> str:
        """What the newest half hour is."""
        with self._api.client() as client:
            newest = self._api.newest(client)
        if not newest:
            return "reachable, but no half hour is published"
        at, half = max(newest.items(), key=lambda one: one[0])
        value = half.forecast if half.actual is None else half.actual
        told = "no intensity" if value is None else f"{value:g} g/kWh"
        return f"{self._api.region}: {told} at {at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

    def _reading(self, at: datetime, half: HalfHour) -> dict[str, float]:
        value = believable(NAME, INTENSITY, at, half.forecast if self._api.regional else half.actual)
        return {**({} if value is None else {INTENSITY: value}), **_shares(at, half.mix)}


def _forecast(ahead: Mapping[datetime, HalfHour], at: datetime) -> float | None:
    return ahead[at].forecast if at in ahead else None


def _shares(at: datetime, mix: list[Fuel] | None) -> dict[str, float]:
    """Renewable and fossil percent of a mix. A fuel that a whole mix does not list has no part in it."""
    if not mix:
        return {}
    known = {fuel.fuel: fuel.perc for fuel in mix}
    total = sum(percent for percent in known.values() if percent is not None)
    if abs(total - 100) > ROUNDING:
        skip(NAME, f"the mix of {at.isoformat()} adds up to {total:.1f} %, so it is not taken", at)
        return {}
    shares = {}
    for field, fuels in FUELS.items():
        parts = [known.get(fuel, 0.0) for fuel in fuels]
        share = None if None in parts else round(sum(part for part in parts if part is not None), 1)
        if share is not None and 100 < share <= 100 + ROUNDING:
            share = 100.0
        found = believable(NAME, field, at, share)
        if found is not None:
            shares[field] = found
    return shares
