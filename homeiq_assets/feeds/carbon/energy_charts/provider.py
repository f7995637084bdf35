"""Energy-Charts: the grid's carbon intensity and the shares of renewables and fossils in its generation, without a key.

Shares are made of the net public generation by type (GET /public_power, 15, 30 or 60 minutes by country), which is
revised for days. The intensity, and its forecast, come from GET /co2eq, which is served but promised nowhere: where it
is not there, rows come without them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from homeiq_assets.errors import SettingError
from homeiq_assets.feeds.carbon.energy_charts.mix import PublicPower, shares
from homeiq_assets.feeds.carbon.readings import INTENSITY, SHARES, WITHDRAWN, believable, row_of
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import CARBON_INTENSITY
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.answers import VendorFailure
from homeiq_assets.vendors.energy_charts import NAME, OTHERS, Series, Value, ask, client, market_day, steps
from homeiq_assets.vendors.http import VendorClient
from homeiq_assets.vendors.skipped import skip
from homeiq_assets.window import DAY, HOUR, Window, floor_to

COUNTRIES = (
    "de", "ch", "eu", "all", "al", "am", "at", "az", "ba", "be", "bg", "by", "cy", "cz", "dk", "ee", "es", "fi", "fr",
    "ge", "gr", "hr", "hu", "ie", "it", "lt", "lu", "lv", "md", "me", "mk", "mt", "nie", "nl", "no", "pl", "pt", "ro",
    "rs", "ru", "se", "si", "sk", "tr", "ua", "uk", "xk",
)  # fmt: skip
# A day ahead from any point of the current slot.
HORIZON = 25 * HOUR


class _Intensity(Series):
    co2eq: list[Value]
    co2eq_forecast: list[Value] | None = None

    def arrays(self) -> Mapping[str, Sequence[float | None]]:
        forecast = {} if self.co2eq_forecast is None else {"co2eq_forecast": self.co2eq_forecast}
        return {"co2eq": self.co2eq, **forecast}

    def known(self) -> tuple[dict[datetime, float], dict[datetime, float]]:
        """What is measured and what is forecast, in g/kWh, by the start of the slot."""
        times = self.times
        return _usable(times, self.co2eq), _usable(times, self.co2eq_forecast or [None] * len(times))


def build(settings: Settings, zone: ZoneInfo) -> dict[str, Provider]:
    """The provider of carbon_intensity. Settings are judged when they are used, not here."""
    return {CARBON_INTENSITY.name: EnergyChartsCarbon(settings)}


class EnergyChartsCarbon:
    """Rows of carbon_intensity."""

    name = NAME
    measurement = CARBON_INTENSITY
    longest = timedelta(days=92)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def fetch(self, window: Window, now: datetime) -> Iterator[Answer]:
        """What is published of `window`; where `now` lies in it, the current slot with what is forecast now, too.

        A row holds what both calls say of its time. The current slot's row is an answer of its own. Raises
        ProviderError (that of the intensity once the shares were given) and SettingError.
        """
        if now <= window.start:
            return
        country = _country(self._settings)
        past = Window(window.start, min(window.end, now))
        failed: VendorFailure | None = None
        with client(self._settings, OTHERS) as asking:
            power = self._power(asking, country, past)
            until = now + HORIZON if now in window else past.end
            try:
                intensity = self._intensity(asking, country, Window(past.start, until))
            except VendorFailure as failure:
                # What is promised must not be lost with what is not.
                intensity, failed = None, failure
        if power is None:
            readings = _Readings({}, {}, unsaid=SHARES)
        else:
            unsaid = frozenset({INTENSITY}) if intensity is None else frozenset[str]()
            readings = _Readings(shares(power), steps(power.times), unsaid)
        if intensity is None:
            yield from readings.answers(past, country)
            if failed is not None:
                raise failed
            return
        measured, forecast = intensity.known()
        readings.join(measured, forecast, steps(intensity.times))
        step = readings.steps.get(market_day(now), HOUR)
        slot = floor_to(now, step)
        if now not in window or slot not in window:
            yield from readings.answers(past, country)
            return
        ahead = {"forecast_1h": forecast.get(slot + HOUR), "forecast_24h": forecast.get(slot + DAY)}
        current = readings.rows.pop(slot, {}) | {name: value for name, value in ahead.items() if value is not None}
        yield from readings.answers(past, country)
        if current:
            covers = Window(slot, min(slot + step, window.end))
            yield Answer(rows_of(CARBON_INTENSITY, [row_of(slot, country, current)]), covers, step, readings.unsaid)

    def probe(self, now: datetime) -> str:
        """The newest share of renewables. Raises ProviderError and SettingError."""
        country = _country(self._settings)
        with client(self._settings, OTHERS) as asking:
            power = self._power(asking, country, Window(now - HOUR, now))
        known = {} if power is None else shares(power)
        if not known:
            return f"reachable, but no generation of {country} is published for the last day"
        newest = max(known)
        return f"{known[newest]['renewable_percentage']:.0f} % renewable in {country} at {newest:%Y-%m-%d %H:%M} UTC"

    def _power(self, asking: VendorClient, country: str, window: Window) -> PublicPower | None:
        # The day before tells which types of generation there are.
        asked = Window(window.start - DAY, window.end)
        return ask(asking, "/public_power", {"country": country}, asked, PublicPower, "GRID_REGION")

    def _intensity(self, asking: VendorClient, country: str, window: Window) -> _Intensity | None:
        """None where there is nothing, or no such service any more."""
        try:
            return ask(asking, "/co2eq", {"country": country}, window, _Intensity, "GRID_REGION")
        except VendorFailure as failure:
            if failure.status not in (404, 410):
                raise
            skip(NAME, f"carbon_intensity comes without the intensity itself: {failure}")
            return None


@dataclass
class _Readings:
    """What is known: values by the start of their slot, and how long the slots of each market day are.

    `unsaid` are the fields of a call that was not answered.
    """

    rows: dict[datetime, dict[str, float]]
    steps: dict[date, timedelta]
    unsaid: frozenset[str]

    def join(
        self,
        measured: Mapping[datetime, float],
        forecast: Mapping[datetime, float],
        own: Mapping[date, timedelta],
    ) -> None:
        """Add measured intensities, whose slots, and those of forecasts, are as long as `own` says.

        A day goes by the shorter steps. Where nothing is measured or forecast, as in a country that has no intensities,
        theirs would promise rows that do not come.
        """
        for at, grams in measured.items():
            self.rows.setdefault(at, {})[INTENSITY] = grams
        for day in {market_day(at) for at in (*measured, *forecast)} & own.keys():
            self.steps[day] = min(own[day], self.steps.get(day, own[day]))

    def answers(self, window: Window, country: str) -> Iterator[Answer]:
        """An answer from the first to the last row in `window`, cut where rows lack for long or the step changes.

        A short gap is covered: what was stored in it is no longer true. A long one is an outage, and before the first
        and after the last nothing is said: there what was stored stays. So it does in every gap where a call was not
        answered, which may have been the only one to know of it.
        """
        longest_gap = timedelta(0) if self.unsaid else WITHDRAWN
        run: list[datetime] = []
        for at in [*sorted(at for at in self.rows if at in window and market_day(at) in self.steps), None]:
            if run:
                step = self.steps[market_day(run[-1])]
                if at is None or self.steps[market_day(at)] != step or at - run[-1] - step > longest_gap:
                    found = rows_of(CARBON_INTENSITY, [row_of(time, country, self.rows[time]) for time in run])
                    yield Answer(found, Window(run[0], min(run[-1] + step, window.end)), step, self.unsaid)
                    run = []
            if at is not None:
                run.append(at)


def _country(settings: Settings) -> str:
    """The owner's country as Energy-Charts writes it. Raises SettingError."""
    settings.sound("GRID_REGION")
    country = (settings.grid_region or "").strip().lower()
    if not country:
        raise SettingError("GRID_REGION", "is not set; Energy-Charts needs the country, such as de")
    if country not in COUNTRIES:
        raise SettingError("GRID_REGION", f"Energy-Charts has no country {country!r}, but {', '.join(COUNTRIES)}")
    return country


def _usable(times: Sequence[datetime], values: Sequence[float | None]) -> dict[datetime, float]:
    """The values that there are, in g/kWh; what cannot be an intensity is none."""
    said = {at: believable(NAME, INTENSITY, at, value) for at, value in zip(times, values, strict=True)}
    return {at: grams for at, grams in said.items() if grams is not None}
