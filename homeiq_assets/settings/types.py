"""What a setting's value may be: addresses, zones, tokens, lists; each validator says what is wrong in words."""

import ipaddress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, SecretStr

WORKSPACE = "workspace.yaml"


def project_folder() -> Path:
    """The nearest folder from the working directory upwards that holds `workspace.yaml`, else the working directory.

    `.env`, `dagster.yaml` and, unless `HOMEIQ_HOME` says otherwise, all that is kept locally are in it.
    """
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / WORKSPACE).is_file()), here)


def address(value: str) -> str:
    """The base URL without a slash at its end. Raises ValueError for what is none, or is not fit to be shown."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be a URL that begins with https:// (or http:// in the home's own network)")
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "must not hold a user or password: an address is shown; credentials have settings of their own"
        )
    if "?" in value or "#" in value:
        raise ValueError(
            "must end before any ? or #: an address is shown and paths are added to it; credentials have settings "
            "of their own"
        )
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("must have a port from 0 to 65535 after the colon, or none") from None
    if not value.isprintable() or " " in value:
        raise ValueError("must not hold spaces or characters that cannot be seen")
    return value.rstrip("/")


def vendor_address(value: str) -> str:
    address(value)
    parts = urlsplit(value)
    host = parts.hostname or ""
    if parts.scheme == "http" and host != "localhost":
        try:
            private = ipaddress.ip_address(host).is_private
        except ValueError:
            private = "." not in host or host.endswith((".local", ".lan", ".home.arpa", ".internal"))
        if not private:
            raise ValueError("plain http is only allowed to loopback and private addresses; use https://")
    return value.rstrip("/")


def vendor_address_template(value: str) -> str:
    """The URL with its {placeholders}. Raises ValueError for credentials in it or plain http to the world."""
    parts = urlsplit(value)
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "must not hold a user or password: an address is shown; credentials have settings of their own"
        )
    if "{" in parts.netloc or "}" in parts.netloc:
        raise ValueError("must not hold a placeholder in its host: only in what follows it")
    vendor_address(f"{parts.scheme}://{parts.netloc}")
    if "#" in value or not value.isprintable() or " " in value:
        raise ValueError("must not hold #, spaces or characters that cannot be seen")
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{value!r} is not a time zone name such as Europe/Vienna") from None
    return value


def _start(value: date) -> date:
    if not date(2000, 1, 1) <= value <= datetime.now(UTC).date():
        raise ValueError("must be a date from 2000-01-01 to today")
    return value


def _folder(value: Path) -> Path:
    try:
        return project_folder() / value.expanduser()
    except RuntimeError:
        raise ValueError("begins with ~ and a user whose home folder is not known; write the whole path") from None


def _token(value: SecretStr) -> SecretStr:
    if not is_token(value.get_secret_value()):
        raise ValueError(
            "holds a character that no token or key has, such as a typographic quote, a space at an end or a line "
            "break; copy it again"
        )
    return value


def units_of(value: str) -> dict[str, str]:
    """The unit of each entity named in `sensor.one=kWh, sensor.two=W`. Raises ValueError."""
    units = {}
    for part in filter(None, (part.strip() for part in value.split(","))):
        entity, _, unit = (text.strip() for text in part.partition("="))
        if not unit or not entity.partition(".")[2]:
            raise ValueError(f"{part!r} is no entity with its unit, such as sensor.boiler=kWh")
        units[entity] = unit
    return units


def meters_of(value: str) -> list[tuple[str, bool]]:
    """Patterns of entity ids in `sensor.one, !sensor.*_forecast`, and whether what they match is a meter.

    Raises ValueError.
    """
    meters = []
    for part in filter(None, (part.strip() for part in value.split(","))):
        pattern = part.removeprefix("!").strip().lower()
        if not pattern or ("." not in pattern and "*" not in pattern) or " " in pattern or "!" in pattern:
            raise ValueError(f"{part!r} is no entity id such as sensor.grid_energy or !sensor.energy_forecast")
        meters.append((pattern, not part.startswith("!")))
    return meters


def _entity_units(value: str) -> str:
    units_of(value)
    return value


def _half_hours(value: str) -> str:
    start, _, end = value.removesuffix(" UTC").partition("-")
    if start.zfill(5) == end.zfill(5):
        raise ValueError("must begin and end at different times, such as 00:30-07:30")
    return value


def _entity_meters(value: str) -> str:
    meters_of(value)
    return value


def is_token(text: str) -> bool:
    # It travels in a header, which takes nothing else.
    return text.isascii() and text.isprintable() and text == text.strip()


Url = Annotated[str, AfterValidator(address)]
Token = Annotated[SecretStr, AfterValidator(_token)]
VendorUrlTemplate = Annotated[str, AfterValidator(vendor_address_template)]
VendorUrl = Annotated[str, AfterValidator(vendor_address)]
OnOff = Literal["on", "off"]
Zone = Annotated[str, AfterValidator(_zone)]
StartDate = Annotated[date, AfterValidator(_start)]
Folder = Annotated[Path, AfterValidator(_folder)]
EntityUnits = Annotated[str, AfterValidator(_entity_units)]
"""Units of entities, such as sensor.boiler=kWh; `units_of` takes it apart."""
EntityMeters = Annotated[str, AfterValidator(_entity_meters)]
"""Which entities are meters and which are none, such as sensor.boiler, !sensor.forecast; `meters_of` takes it apart."""
Hours = Annotated[str, Field(pattern=r"^([01]?\d|2[0-4])-([01]?\d|2[0-4])$")]
"""Local wall hours, half-open, such as 17-21."""
HalfHours = Annotated[
    str, Field(pattern=r"^([01]?\d|2[0-3]):[03]0-([01]?\d|2[0-3]):[03]0( UTC)?$"), AfterValidator(_half_hours)
]
"""From one wall time to another in half-hours, such as 23:30-05:30; with UTC behind it without summer time."""
Minutes = Annotated[float, Field(ge=0, le=24 * 60)]
