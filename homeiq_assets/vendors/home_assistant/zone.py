"""The time zone that Home Assistant is set to, asked over its REST API."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel

from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.answers import VendorFailure
from homeiq_assets.vendors.home_assistant.socket import NAME, failure
from homeiq_assets.vendors.http import VendorClient


def time_zone(settings: Settings) -> str:
    """The time zone that Home Assistant is set to, such as Europe/Vienna. Raises SettingError, ProviderError."""
    settings.require("HOME_ASSISTANT_URL", "HOME_ASSISTANT_TOKEN")
    headers = {"Authorization": f"Bearer {settings.required('HOME_ASSISTANT_TOKEN')}"}
    with VendorClient(NAME, settings.required("HOME_ASSISTANT_URL"), settings, headers=headers, retries=1) as client:
        try:
            name = client.get("/api/config", expect=_Configuration, credentials=["HOME_ASSISTANT_TOKEN"]).time_zone
        except VendorFailure as error:
            raise error.advise("Is HOME_ASSISTANT_URL right?") from None
    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise failure(f"its time zone {name!r} is not one that is known here; set HOMEIQ_TIMEZONE") from None


class _Configuration(BaseModel):
    time_zone: str
