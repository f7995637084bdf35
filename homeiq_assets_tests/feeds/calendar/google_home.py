"""A home whose calendar feed is a simulated Google, for the tests of that provider."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from homeiq_assets.feeds.calendar.google import provider as google
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.simulated_vendors.google import (
    CLIENT_ID,
    CLIENT_SECRET,
    REFRESH_TOKEN,
    Calendar,
    GoogleVendor,
    all_day,
    timed,
    working,
)
from homeiq_assets_tests.simulated_vendors.server import Reply, json_reply, no_waiting

VIENNA = ZoneInfo("Europe/Vienna")
MONDAY = date(2026, 3, 2)
DAY = local_day(MONDAY, VIENNA)
NOW = datetime(2026, 3, 2, 9, 7, tzinfo=UTC)
PRIMARY = "/calendar/v3/calendars/primary/events"
SECRETS = {
    "google_client_id": CLIENT_ID,
    "google_client_secret": CLIENT_SECRET,
    "google_refresh_token": REFRESH_TOKEN,
}
EVENTS = (
    working("homeOffice", all_day("2026-03-02")),
    timed("2026-03-02T14:00:00+01:00", "2026-03-02T15:00:00+01:00", summary="Dentist (away)"),
    working("officeLocation", all_day("2026-03-03")),
    all_day("2026-03-05", "2026-03-08", summary="Vacation", transparency="transparent"),
)


@contextmanager
def running(**calendars: Calendar) -> Iterator[GoogleVendor]:
    """The vendor with the owner's calendar, or these ones; its client's pauses skipped."""
    with GoogleVendor(calendars or {"primary": Calendar(EVENTS)}) as vendor, no_waiting():
        yield vendor


def provider(vendor: GoogleVendor, **given: Any) -> Provider:
    return google.build(Settings(**({"google_base_url": vendor.url} | SECRETS | given)), VIENNA)["occupancy_prediction"]


def fetch(vendor: GoogleVendor, window: Window = DAY, **given: Any) -> list[Answer]:
    return list(provider(vendor, **given).fetch(window, NOW))


def rows(answers: list[Answer]) -> list[dict[str, Any]]:
    found = [row for answer in answers for row in answer.rows.to_pylist()]
    return [row | {"time": row["time"].to_pydatetime()} for row in found]


def at(hour: float, day: date = MONDAY) -> datetime:
    """The instant of a local wall hour, of a day without a clock change."""
    return local_day(day, VIENNA).start + timedelta(hours=hour)


def slot(answers: list[Answer], hour: float, day: date = MONDAY) -> dict[str, Any]:
    """The row of a local wall hour."""
    (row,) = (row for row in rows(answers) if row["time"] == at(hour, day))
    return row


def page(*items: Any, **envelope: Any) -> Reply:
    """A page of events as they are given."""
    return json_reply({"kind": "calendar#events", "accessRole": "owner", "items": list(items)} | envelope)
