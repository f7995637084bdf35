"""Eight weeks of a home that is off for days again and again: at the end no gap is left that a vendor could fill."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from unittest import mock
from zoneinfo import ZoneInfo

import dagster as dg
import pyarrow.compute as pc
import pytest

from homeiq_assets.feeds.catalog import FEEDS
from homeiq_assets.ledger.gaps import record_of
from homeiq_assets.schema.insights import DAILY_ENERGY_REPORT, ELECTRICITY_PRICE_RANK
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.measurements import AIR_QUALITY, ELECTRICITY_PRICING, SMART_METER, tier_of
from homeiq_assets.window import HOUR, local_date, local_day
from homeiq_assets_tests.defs.automation.filling_home import Automation
from homeiq_assets_tests.household import Household, household
from homeiq_assets_tests.simulated_vendors.awattar import AwattarVendor
from homeiq_assets_tests.simulated_vendors.home_assistant import TOKEN, HomeAssistant
from homeiq_assets_tests.simulated_vendors.open_meteo import OpenMeteoVendor
from homeiq_assets_tests.simulated_vendors.server import no_waiting

VIENNA = ZoneInfo("Europe/Vienna")
FIRST, DAYS = date(2025, 9, 1), 56
DAY = timedelta(days=1)
EVENING, MORNING, NIGHT = "18:00", "09:00", "22:00"
OUTAGES = {4: 1, 9: 4, 14: 9, 30: 15}
"""The day on whose evening nothing runs any more, and how many days later it is morning again."""
AUTOMATION_OFF = range(26, 28)
VENDORS_DOWN = range(48, 50)
CLOCK_SET_BACK = 52


class EightWeeks:
    """The home, its three vendors and their clocks."""

    def __init__(
        self,
        folder: Path,
        scheduler: dg.DagsterInstance,
        awattar: AwattarVendor,
        meter: HomeAssistant,
        air: OpenMeteoVendor,
    ) -> None:
        self.awattar, self.meter, self.air = awattar, meter, air
        self._folder = folder
        self.home = self._home("on")
        self.automation = Automation(self.home, scheduler)

    def _home(self, switch: str) -> Household:
        off = dict.fromkeys(("CARBON_PROVIDER", "CALENDAR_PROVIDER", "FX_PROVIDER", "EVENTS_SOURCE"), "off")
        return household(
            self._folder,
            datetime(2025, 9, 1, tzinfo=UTC),
            HOMEIQ_START_DATE=FIRST.isoformat(),
            HOMEIQ_AUTOMATION=switch,
            METER_TYPE="home_assistant",
            HOME_ASSISTANT_URL=self.meter.url,
            HOME_ASSISTANT_TOKEN=TOKEN,
            HOME_ASSISTANT_POWER_ENTITY="sensor.grid",
            PRICING_PROVIDER="awattar",
            AWATTAR_BASE_URL=self.awattar.url,
            AIR_QUALITY_PROVIDER="open_meteo",
            OPEN_METEO_BASE_URL=self.air.url,
            LATITUDE="48.2",
            LONGITUDE="16.4",
            **off,
        )

    def at(self, day: int, local: str) -> None:
        """Set all clocks."""
        now = self.automation.at(f"{FIRST + day * DAY}T{local}")
        self.awattar.now = self.meter.now = self.air.now = now

    def live(self, day: int, *, begins: str = "00:00", ends: str = NIGHT) -> None:
        """What runs by itself on a day, between two times of it."""
        down = day in VENDORS_DOWN
        self.awattar.quota, self.meter.status = (0, 503) if down else (None, None)
        for local, schedule in (
            ("02:20", "settle_feeds"),
            ("02:35", "fill_gaps"),
            (MORNING, "poll_feeds"),
            ("09:35", "fill_gaps"),
            (ends, "poll_feeds"),
        ):
            # Polls every few minutes would bring no more than one that begins where the readings end.
            if begins <= local <= ends and (local not in (MORNING, "09:35") or begins == MORNING or down):
                self.at(day, local)
                self.automation.run(schedule)
        # The sensor looks every two minutes; here every third day, and before and after whatever stops it.
        around = {day - 1, day + 1} & {*AUTOMATION_OFF}
        if begins == MORNING or day % 3 == 0 or day in OUTAGES or around:
            self.automation.follow()

    def rows(self, measurement: Measurement) -> Counter[date]:
        """How many rows there are of each local day."""
        return Counter(local_date(at, VIENNA) for at in self.home.times(measurement))


@pytest.fixture
def weeks(tmp_path: Path) -> Iterator[EightWeeks]:
    start, hours = local_day(FIRST, VIENNA).start - 7 * DAY, 24 * (DAYS + 16)
    prices = {start + n * HOUR: 60.0 + n % 24 for n in range(hours)}
    air = {name: {start + n * HOUR: 10.0 + n % 7 for n in range(hours)} for name in ("pm2_5", "pm10", "ozone")}
    meter = HomeAssistant(start, {"sensor.grid": lambda at: 300.0 + at.hour})
    now = mock.Mock(time_ns=lambda: round(made.home.clock.now.timestamp() * 1e9))
    with (
        AwattarVendor(prices, now=start) as awattar,
        OpenMeteoVendor(air, now=start) as weather,
        meter,
        no_waiting(),
        # The quotas go by the weeks' clock too.
        mock.patch("homeiq_assets.vendors.quotas.time", now),
        dg.DagsterInstance.local_temp() as scheduler,
    ):
        made = EightWeeks(tmp_path, scheduler, awattar, meter, weather)
        yield made
        made.home.instance.dispose()


@pytest.mark.slow
def test_after_eight_weeks_with_outages_no_gap_is_left_that_a_vendor_could_fill(weeks: EightWeeks) -> None:
    day = 0
    while day < DAYS:
        if day in AUTOMATION_OFF:
            off = weeks._home("off")
            assert {one.default_status for one in off.defs.schedules or ()} == {dg.DefaultScheduleStatus.STOPPED}
            day += 1
            continue
        begins = MORNING if day in {start + length for start, length in OUTAGES.items()} else "00:00"
        weeks.live(day, begins=begins, ends=EVENING if day in OUTAGES else NIGHT)
        if day == CLOCK_SET_BACK:
            # The clock is found to be an hour ahead.
            weeks.at(day, "21:00")
            weeks.automation.run("poll_feeds")
        day += OUTAGES.get(day, 1)
    for local, schedule in (("02:20", "settle_feeds"), ("02:35", "fill_gaps")):
        weeks.at(DAYS, local)
        weeks.automation.run(schedule)
    weeks.automation.follow()

    every = [FIRST + n * DAY for n in range(DAYS)]
    long_night = date(2025, 10, 26)
    hours = {one: 25 if one == long_night else 24 for one in every}
    assert {one: weeks.rows(ELECTRICITY_PRICING)[one] for one in every} == hours
    assert {one: weeks.rows(ELECTRICITY_PRICE_RANK)[one] for one in every} == hours
    assert {one: weeks.rows(AIR_QUALITY)[one] for one in every} == {one: 3 * n for one, n in hours.items()}

    slots = {one: 12 * n for one, n in hours.items()}
    metered = {one: weeks.rows(SMART_METER)[one] for one in every}
    by_the_hour = [one for one in every if metered[one] != slots[one]]
    first_by_hour = FIRST + 31 * DAY
    assert by_the_hour == [FIRST + 30 * DAY, *(first_by_hour + n * DAY for n in range(5))], "10 days before the return"
    assert {metered[one] for one in by_the_hour[1:-1]} == {24}
    assert {one: weeks.rows(tier_of(SMART_METER, "hourly"))[one] for one in every} == hours
    for daily in (tier_of(SMART_METER, "daily"), DAILY_ENERGY_REPORT):
        assert {one: weeks.rows(daily)[one] for one in every} == dict.fromkeys(every, 1)
    energy = dict(
        zip(
            [local_date(at, VIENNA) for at in weeks.home.times(DAILY_ENERGY_REPORT)],
            weeks.home.stored(DAILY_ENERGY_REPORT)["total_kwh"].to_pylist(),
            strict=True,
        )
    )
    mean = pc.mean(weeks.home.stored(SMART_METER)["total_power_w"]).as_py()
    assert 300 < mean < 324
    assert {one: kwh for one, kwh in energy.items() if not 7.4 < kwh < 7.9} == {}
    wanted = {one.isoformat() for one in every}
    for asset in ("tiers/smart_meter_daily", "archive/smart_meter", "insights/electricity_price_rank"):
        assert wanted <= weeks.home.marked(asset), asset
    assert [record_of(feed, weeks.home.home).unfillable for feed in FEEDS] == [[]] * len(FEEDS)
    weeks.at(DAYS, "12:35")
    assert weeks.automation.tick("fill_gaps") == []
