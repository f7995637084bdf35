"""Which area each entity is in, from Home Assistant's registries; kept for a day."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import BaseModel

from homeiq_assets.errors import ProviderError
from homeiq_assets.feeds import kept
from homeiq_assets.feeds.meter.home_assistant_socket import HomeAssistantSocket, UnknownCommandError, failure
from homeiq_assets.settings import Settings

logger = logging.getLogger(__name__)
LIFE = timedelta(days=1)


class _Kept(BaseModel):
    at: kept.Instant
    url: str
    areas: dict[str, str]


def areas_of(settings: Settings, now: datetime) -> Mapping[str, str]:
    """Entity id -> id of its area, else of its device's; entities without are left out.

    Empty without `HOME_ASSISTANT_URL` and `HOME_ASSISTANT_TOKEN`, and where it has no registries. Where Home
    Assistant is away, what was kept longer ago stands. Raises SettingError, and ProviderError where nothing was kept.
    """
    settings.sound("HOME_ASSISTANT_URL", "HOME_ASSISTANT_TOKEN")
    if settings.home_assistant_url is None or settings.home_assistant_token is None:
        return {}
    file, url = settings.homeiq_home / "caches" / "home_assistant_areas.json", settings.home_assistant_url
    known = kept.read(file, _Kept)
    if known is not None and known.url != url:
        known = None
    if known is not None and known.at <= now < known.at + LIFE:
        return known.areas
    try:
        found = _asked(url, settings.required("HOME_ASSISTANT_TOKEN"), settings.vendor_patience)
    except ProviderError as error:
        if isinstance(error, UnknownCommandError):
            logger.warning("no area is known: %s", error)
            return {}
        if known is None:
            raise
        logger.warning("areas as of %s are used: %s", known.at, error)
        return known.areas
    kept.write(file, _Kept(at=now, url=url, areas=found))
    return found


def _asked(url: str, token: str, patience: float) -> dict[str, str]:
    with HomeAssistantSocket(url, token, patience) as socket:
        devices, entities = socket.registry("device"), socket.registry("entity")
    try:
        of_device = {device["id"]: device.get("area_id") for device in devices}
        found = {one["entity_id"]: one.get("area_id") or of_device.get(one.get("device_id")) for one in entities}
    except (KeyError, TypeError):
        raise failure(f"the registries of {url} are not what its API promises; is HOME_ASSISTANT_URL right?") from None
    return {str(entity): str(area) for entity, area in found.items() if area}
