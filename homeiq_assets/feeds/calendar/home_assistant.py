"""Home Assistant's calendars: who is expected at home, from the words of events, over its REST API.

Home Assistant tells neither working locations nor what was declined or tentative: words alone count. docs/
occupancy.md has the rules.
"""

import difflib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, RootModel

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.feeds.calendar.events import Event, Rules, When, Words, calendars, ends
from homeiq_assets.feeds.calendar.occupancy import answers, reach
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.schema.measurements import OCCUPANCY_PREDICTION
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.answers import VendorFailure
from homeiq_assets.vendors.http import VendorClient
from homeiq_assets.window import Window

NAME = "home_assistant"
URL, TOKEN, CALENDARS = "HOME_ASSISTANT_URL", "HOME_ASSISTANT_TOKEN", "HOME_ASSISTANT_CALENDARS"
DOMAIN = "calendar."
# Home Assistant may have to ask the calendar's own server first.
TIMEOUT = 15.0


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True)


class _Item(_Strict):
    summary: str | None = None
    location: str | None = None
    start: When | None = None
    end: When | None = None


class _Items(RootModel[list[_Item]]):
    row_lists: ClassVar = frozenset({""})


class _Calendar(_Strict):
    entity_id: str
    name: str


class _Calendars(RootModel[list[_Calendar]]):
    pass


def build(settings: Settings, zone: ZoneInfo) -> dict[str, Provider]:
    """The provider of occupancy_prediction. Settings are judged when they are used, not here."""
    return {OCCUPANCY_PREDICTION.name: HomeAssistantCalendars(settings, zone)}


class HomeAssistantCalendars:
    """Rows of occupancy_prediction, a series for each user of HOME_ASSISTANT_CALENDARS."""

    name = NAME
    measurement = OCCUPANCY_PREDICTION
    # Home Assistant works recurring events out itself, without pages; a quarter of a year is little to it.
    longest = timedelta(days=93)

    def __init__(self, settings: Settings, zone: ZoneInfo) -> None:
        self._settings = settings
        self._zone = zone

    def fetch(self, window: Window, now: datetime) -> Iterator[Answer]:
        """Every slot that lies whole in `window`, past and future, a request per calendar.

        Raises ProviderError and SettingError.
        """
        rules, words, wanted = Rules.of(self._settings), Words.of(self._settings), self._wanted()
        known = reach(window, self._zone)
        found: dict[str, list[Event]] = {user: [] for user, _ in wanted}
        with self._client() as client:
            for user, entity in wanted:
                for item in self._items(client, entity, known):
                    given = ends(NAME, entity, item.start, item.end)
                    if given is not None:
                        found[user].append(Event(*given, words.read(item.summary, item.location)))
        yield from answers(NAME, found, window, self._zone, rules)

    def probe(self, now: datetime) -> str:
        """Whether Home Assistant has the calendars. Raises ProviderError, SettingError."""
        Rules.of(self._settings)
        Words.of(self._settings)
        wanted = self._wanted()
        with self._client() as client:
            names = self._names(client)
        for _, entity in wanted:
            if entity not in names:
                raise _unknown(entity, names)
        return "; ".join(f"{user}: {names[entity]}" for user, entity in wanted)

    def _wanted(self) -> list[tuple[str, str]]:
        text = self._settings.required(CALENDARS)
        wanted = [(user.removeprefix(DOMAIN), entity) for user, entity in calendars(CALENDARS, text)]
        for _, entity in wanted:
            if not entity.startswith(DOMAIN) or "/" in entity:
                raise SettingError(CALENDARS, f"{entity!r} is no calendar; it would begin with {DOMAIN}")
        return wanted

    def _client(self) -> VendorClient:
        headers = {"Authorization": f"Bearer {self._settings.required(TOKEN)}"}
        return VendorClient(NAME, self._settings.required(URL), self._settings, headers=headers, timeout=TIMEOUT)

    def _items(self, client: VendorClient, entity: str, known: Window) -> list[_Item]:
        # An hour's offset in its query would have to be written otherwise: Z is safe.
        params = {"start": f"{known.start:%Y-%m-%dT%H:%M:%SZ}", "end": f"{known.end:%Y-%m-%dT%H:%M:%SZ}"}
        try:
            return client.get(f"/api/calendars/{entity}", params, expect=_Items, credentials=[TOKEN]).root
        except VendorFailure as failure:
            # It answers 400, without a word, for a calendar that it does not have.
            if failure.status in (400, 404):
                names = self._names(client)
                if entity not in names:
                    raise _unknown(entity, names) from None
            raise failure.advise(f"Is {URL} right?") if failure.status is None else failure from None

    def _names(self, client: VendorClient) -> dict[str, str]:
        try:
            found = client.get("/api/calendars", expect=_Calendars, credentials=[TOKEN]).root
        except VendorFailure as failure:
            if failure.status == 404:
                raise failure.advise(f"Has Home Assistant any calendar, and is {URL} right?") from None
            raise failure.advise(f"Is {URL} right?") if failure.status is None else failure from None
        return {each.entity_id: each.name for each in found}


def _unknown(entity: str, names: dict[str, str]) -> ProviderError:
    # What all have in common would make all of them alike.
    own = [name.removeprefix(DOMAIN) for name in sorted(names)]
    near = [f"{DOMAIN}{name}" for name in difflib.get_close_matches(entity.removeprefix(DOMAIN), own) or own[:3]]
    hint = f"did you mean {' or '.join(near)}?" if near else "it has none"
    return ProviderError(NAME, f"{CALENDARS}: Home Assistant has no calendar {entity}; {hint}")
