"""Octopus Energy (Great Britain): the unit rates of a tariff, VAT included, without a key.

`standard-unit-rates` is history, today and tomorrow of every tariff with one register: a row per half-hour for Agile
(published about 16:00 UK), a few a day where the rate depends on the hour, else one for months or without an end.
Tariffs with a day and a night register (E-2R, and newer ones for cars) have `day-unit-rates` and `night-unit-rates`
instead, which do not say when it is night.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import ClassVar
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.feeds.pricing.published import Published, price_feeds
from homeiq_assets.feeds.pricing.slots import Slot
from homeiq_assets.feeds.provider import Provider
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.answers import VendorFailure
from homeiq_assets.vendors.http import VendorClient
from homeiq_assets.vendors.quotas import Quota
from homeiq_assets.vendors.skipped import skip
from homeiq_assets.window import Window, floor_to, local_date, local_day, next_day

NAME = "octopus"
CURRENCY = "GBP"
AREA = "PRICING_AREA"
HALF_HOUR = timedelta(minutes=30)
LARGEST_PAGE = 1500
# Agile is capped at 100 p/kWh, and no wholesale price is so low: beyond stands a sentinel, not a price.
LOWEST_PENCE, HIGHEST_PENCE = -500.0, 1000.0
# None is published; this is far more than a backfill of years needs.
QUOTA = Quota(NAME, 60, timedelta(minutes=1))
TARIFF = re.compile(r"E-[12]R-(?P<product>[A-Z0-9]+(?:[-_][A-Z0-9]+)*)-[A-P]")
GAS = "G-"
STANDARD, DAY, NIGHT = "standard-unit-rates", "day-unit-rates", "night-unit-rates"
NIGHT_HOURS = "OCTOPUS_NIGHT_HOURS"
# Tariffs for cars are cheap between these hours of the British clock, the others at those of a smart meter, which
# knows no summer time.
CAR_PRODUCTS, CAR_NIGHT = ("IOG-", "INTELLI-"), "23:30-05:30"
METER_NIGHT = "00:30-07:30 UTC"


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True)


class _Rate(_Strict):
    value_inc_vat: float | None = Field(allow_inf_nan=False)
    valid_from: AwareDatetime | None
    valid_to: AwareDatetime | None
    payment_method: str | None = None


class _Rates(_Strict):
    next: str | None
    results: list[_Rate]

    row_lists: ClassVar = frozenset({"results"})


def build(settings: Settings, zone: ZoneInfo) -> dict[str, Provider]:
    """The providers of both price feeds. Settings are judged when they are used, not here."""
    return price_feeds(Octopus(settings, zone), settings, zone)


@dataclass(frozen=True)
class Tariff:
    """What the code of a tariff says: its product, and whether the meter counts day and night apart."""

    code: str
    product: str

    @property
    def two_registers(self) -> bool:
        return self.code.startswith("E-2R-")

    @property
    def night(self) -> str:
        """When it is night, unless the owner says so."""
        return CAR_NIGHT if self.product.startswith(CAR_PRODUCTS) else METER_NIGHT


class Night:
    """The half-hours from one wall time to another, such as 23:30-05:30: of London's clock, or of UTC where it says so.

    An instant is in it where that half-hour is.
    """

    def __init__(self, hours: str) -> None:
        times, utc, _ = hours.partition(" UTC")
        self._zone = ZoneInfo("UTC" if utc else "Europe/London")
        self._start, self._end = (time.fromisoformat(one.zfill(5)) for one in times.split("-"))

    def __contains__(self, instant: datetime) -> bool:
        wall = instant.astimezone(self._zone).time()
        if self._start <= self._end:
            return self._start <= wall < self._end
        return wall >= self._start or wall < self._end


@dataclass(frozen=True)
class Octopus:
    """Asks Octopus for a tariff's rates."""

    settings: Settings
    zone: ZoneInfo
    name: str = NAME
    # A month of local days, one of which may have 25 hours, is 1490 rows of Agile: one page.
    longest: timedelta = timedelta(days=31, hours=1)

    def published(self, window: Window, now: datetime) -> Published:
        """The rates of `window` in GBP/kWh, in half-hours, to the end of tomorrow at most.

        A rate that is valid until further notice is no promise for next month.
        """
        tariff = tariff_of(self.settings)
        self.settings.sound("OCTOPUS_BASE_URL", "OCTOPUS_PAYMENT_METHOD", NIGHT_HOURS)
        horizon = local_day(next_day(local_date(now, self.zone), self.zone), self.zone).end
        if window.start >= horizon:
            return Published([], CURRENCY)
        known = Window(window.start, min(window.end, horizon))
        with VendorClient(NAME, self.settings.octopus_base_url, self.settings, quota=QUOTA) as client:
            return Published(self._known(client, tariff, known), CURRENCY)

    def _known(self, client: VendorClient, tariff: Tariff, window: Window) -> list[Slot]:
        """The half-hours of `window`: of the only register, else those of day and night at their hours."""
        method = self.settings.octopus_payment_method
        rates = [] if tariff.two_registers else list(_rates(client, tariff, STANDARD, window))
        if rates:
            return _slots(rates, method, window)
        night = Night(self.settings.octopus_night_hours or tariff.night)
        slots: list[Slot] = []
        for register, at_night in ((DAY, False), (NIGHT, True)):
            try:
                rates = list(_rates(client, tariff, register, window))
            except VendorFailure as failure:
                # A tariff with one register, of which nothing is published yet, has no others.
                if tariff.two_registers or failure.status not in (400, 404):
                    raise
                return []
            if not rates:
                skip(NAME, f"{tariff.code} has no {register} of {window}", window.start)
            slots += [slot for slot in _slots(rates, method, window) if (slot.start in night) == at_night]
        return slots


def tariff_of(settings: Settings) -> Tariff:
    """The owner's tariff. Raises SettingError."""
    settings.require(AREA)
    code = str(settings.pricing_area).strip().upper()
    if code.startswith(GAS):
        raise SettingError(AREA, f"{code} is a gas tariff; the electricity tariff's code begins with E-")
    tariff = TARIFF.fullmatch(code)
    if tariff is None:
        raise SettingError(
            AREA,
            f"{settings.pricing_area!r} is no tariff code of Octopus, such as E-1R-AGILE-24-10-01-C: E-1R-, the "
            "product's code, and the letter of the region",
        )
    return Tariff(code, tariff["product"])


def _rates(client: VendorClient, tariff: Tariff, register: str, window: Window) -> Iterator[_Rate]:
    """Every row that overlaps `window`, newest first, page by page."""
    path = f"/v1/products/{tariff.product}/electricity-tariffs/{tariff.code}/{register}/"
    # A time without an offset would be London's.
    question = {
        "period_from": f"{window.start:%Y-%m-%dT%H:%M:%SZ}",
        "period_to": f"{window.end:%Y-%m-%dT%H:%M:%SZ}",
        "page_size": str(LARGEST_PAGE),
    }
    asked: list[dict[str, str]] = []
    while question not in asked:
        asked.append(question)
        try:
            page = client.get(path, question, expect=_Rates)
        except VendorFailure as failure:
            if failure.status in (400, 401, 403, 404):
                raise failure.advise(f"Look at {AREA}.") from None
            raise
        yield from page.results
        if page.next is None:
            return
        # A whole address, of the vendor's host: OCTOPUS_BASE_URL stays in force, only what is asked for is taken.
        question = {**question, **dict(parse_qsl(urlsplit(page.next).query))}
    raise ProviderError(NAME, f"{path} leads from one page to another in a circle")


def _slots(rates: list[_Rate], method: str, window: Window) -> list[Slot]:
    """The half-hours of `window` at the rates of a payment method. Raises SettingError where only others have some.

    A rate without a method is that of all; one for the owner's stands above it.
    """
    own = [rate for rate in rates if rate.payment_method == method]
    common = [rate for rate in rates if rate.payment_method is None]
    if rates and not own and not common:
        others = ", ".join(sorted({rate.payment_method for rate in rates if rate.payment_method}))
        raise SettingError("OCTOPUS_PAYMENT_METHOD", f"the tariff has no rates for {method}, only for {others}")
    slots = [slot for rate in own for slot in _half_hours(rate, window)]
    taken = {slot.start for slot in slots}
    return slots + [slot for rate in common for slot in _half_hours(rate, window) if slot.start not in taken]


def _half_hours(rate: _Rate, window: Window) -> Iterator[Slot]:
    """The half-hours of `window` that a rate is valid in, in GBP/kWh."""
    pence = rate.value_inc_vat
    if pence is None or not LOWEST_PENCE <= pence <= HIGHEST_PENCE:
        skip(NAME, f"no usable rate for the time from {rate.valid_from}: {pence}", rate.valid_from)
        return
    if rate.valid_from and rate.valid_to and rate.valid_to <= rate.valid_from:
        skip(NAME, f"the rate from {rate.valid_from} ends before it begins", rate.valid_from)
        return
    # A day that begins within a half-hour needs that half-hour too.
    first = floor_to(window.start, HALF_HOUR)
    start = max(rate.valid_from.astimezone(UTC), first) if rate.valid_from else first
    until = rate.valid_to.astimezone(UTC) if rate.valid_to else None
    while start < min(window.end, until or window.end):
        following = floor_to(start, HALF_HOUR) + HALF_HOUR
        yield Slot(start, min(following, until or following), pence / 100)
        start = following
