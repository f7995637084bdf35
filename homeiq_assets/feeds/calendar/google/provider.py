"""Google Calendar: who is expected at home, from working locations and the words of events.

The past is as well known as the future, so every slot asked for is answered. docs/occupancy.md has the rules, docs/
google_calendar.md how to log in. Calls and their shapes are in `api.py`.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from homeiq_assets.feeds.calendar.events import OUT_OF_OFFICE, Event, Rules, Says, Words, calendars, ends
from homeiq_assets.feeds.calendar.google.api import CALENDARS, GoogleCalendars, Item
from homeiq_assets.feeds.calendar.google.transport import NAME
from homeiq_assets.feeds.calendar.occupancy import answers, reach
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.schema.measurements import OCCUPANCY_PREDICTION
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.skipped import skip
from homeiq_assets.window import HOUR, Window, floor_to

OWN, OWNER = "primary", "owner"
PLACES = {"homeOffice": Says.HOME_OFFICE, "officeLocation": Says.WORKPLACE, "customLocation": Says.WORKPLACE}
UNSURE = ("tentative", "needsAction")


def build(settings: Settings, zone: ZoneInfo) -> dict[str, Provider]:
    """The provider of occupancy_prediction. Settings are judged when they are used, not here."""
    return {OCCUPANCY_PREDICTION.name: GoogleCalendar(settings, zone)}


class GoogleCalendar:
    """Rows of occupancy_prediction, a series for each user of GOOGLE_CALENDAR_IDS."""

    name = NAME
    measurement = OCCUPANCY_PREDICTION
    # Google has no limit of its own; a quarter of a year of a full calendar is a page or two.
    longest = timedelta(days=93)

    def __init__(self, settings: Settings, zone: ZoneInfo) -> None:
        self._settings = settings
        self._zone = zone

    def fetch(self, window: Window, now: datetime) -> Iterator[Answer]:
        """Every slot that lies whole in `window`, past and future, a request per calendar and page of its events.

        Raises ProviderError and SettingError.
        """
        rules, words, wanted = Rules.of(self._settings), Words.of(self._settings), self._calendars()
        found: dict[str, list[Event]] = {user: [] for user, _ in wanted}
        with GoogleCalendars(self._settings) as google:
            for user, calendar in wanted:
                for number, page in enumerate(google.pages(calendar, reach(window, self._zone))):
                    found[user].extend(event for item in page.items for event in _event(item, words, calendar))
                    if page.access == "freeBusyReader" and number == 0:
                        skip(
                            NAME,
                            f"{calendar} shows only when it is busy, so nothing is known of where; let the account "
                            "see all event details",
                        )
        yield from answers(NAME, found, window, self._zone, rules)

    def probe(self, now: datetime) -> str:
        """Which calendars answer, with what the account may see of them. Raises ProviderError, SettingError."""
        Rules.of(self._settings)
        Words.of(self._settings)
        told = []
        with GoogleCalendars(self._settings) as google:
            for user, calendar in self._calendars():
                page = next(google.pages(calendar, Window(floor_to(now, HOUR), floor_to(now, HOUR) + HOUR), largest=1))
                told.append(f"{user}: {page.summary or calendar} ({page.access or 'readable'})")
        return "; ".join(told)

    def _calendars(self) -> list[tuple[str, str]]:
        self._settings.sound(CALENDARS)
        return calendars(CALENDARS, self._settings.google_calendar_ids or OWN, {OWN: OWNER})


def _event(item: Item, words: Words, calendar: str) -> Iterator[Event]:
    """The event, unless it says nothing: cancelled, declined, a birthday, or free time that is no whole day."""
    answer = next((each.response for each in item.attendees or () if each.own), None)
    if item.status == "cancelled" or item.kind == "birthday" or answer == "declined":
        return
    given = ends(NAME, calendar, item.start, item.end)
    if given is None:
        return
    explicit = False
    if item.kind == "workingLocation":
        place = PLACES.get(item.working.type or "") if item.working else None
        if place is None:
            skip(NAME, f"{calendar} has a working location of an unknown kind, which is left out")
            return
        explicit, says = True, place
    elif item.transparency == "transparent" and isinstance(given[0], datetime):
        return
    else:
        away = OUT_OF_OFFICE if item.kind == "outOfOffice" else None
        says = words.read(item.summary, item.location, away)
    yield Event(*given, says, explicit, item.status == "tentative" or answer in UNSURE)
