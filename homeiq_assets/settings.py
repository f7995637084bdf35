"""Every environment variable the project reads, typed, with its default and meaning.

`load()` never fails: a value that is wrong is left at its default and remembered in
`Settings.problems`, so that definitions always load and only what needs the setting fails, by
calling `Settings.require`. Descriptions are the ones in `.env.example`.
"""

import io
import ipaddress
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from dotenv import dotenv_values
from pydantic import AfterValidator, AliasChoices, Field, PrivateAttr, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from homeiq_assets.errors import SettingError
from homeiq_assets.redaction import redact, register

PROJECT = Path(__file__).resolve().parent.parent
ENV_FILE = ".env"
"""Also the name under which `Settings.problems` says that the file cannot be read."""
AWS_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


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


def _vendor_address(value: str) -> str:
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
        return PROJECT / value.expanduser()
    except RuntimeError:
        raise ValueError("begins with ~ and a user whose home folder is not known; write the whole path") from None


def _token(value: SecretStr) -> SecretStr:
    if not _is_token(value.get_secret_value()):
        raise ValueError(
            "holds a character that no token or key has, such as a typographic quote, a space at an end or a line "
            "break; copy it again"
        )
    return value


def _is_token(text: str) -> bool:
    # It travels in a header, which takes nothing else.
    return text.isascii() and text.isprintable() and text == text.strip()


Url = Annotated[str, AfterValidator(address)]
Token = Annotated[SecretStr, AfterValidator(_token)]
VendorUrl = Annotated[str, AfterValidator(_vendor_address)]
OnOff = Literal["on", "off"]


class Settings(BaseSettings):
    """The owner's settings. Attribute names are the variables' names in lower case."""

    model_config = SettingsConfigDict(env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore", frozen=True)

    homeiq_home: Annotated[Path, AfterValidator(_folder)] = PROJECT / ".homeiq"
    homeiq_timezone: Annotated[str, AfterValidator(_zone)] | None = None
    homeiq_start_date: Annotated[date, AfterValidator(_start)] = date(2025, 1, 1)
    homeiq_automation: OnOff = "on"
    homeiq_history_days: int = Field(3, ge=1, le=3660)
    homeiq_hold_hours: float = Field(24, gt=0, le=24 * 366)
    homeiq_allow_simulated: OnOff = "off"
    latitude: float | None = Field(None, ge=-90, le=90)
    longitude: float | None = Field(None, ge=-180, le=180)

    influxdb_url: Url | None = None
    influxdb_token: Token | None = Field(None, validation_alias=AliasChoices("INFLUXDB_TOKEN", "INFLUX_TOKEN"))
    influxdb_org: str | None = Field(None, validation_alias=AliasChoices("INFLUXDB_ORG", "INFLUX_ORG"))
    influxdb_bucket: str | None = Field(None, validation_alias=AliasChoices("INFLUXDB_BUCKET", "INFLUX_BUCKET"))
    influxdb_tier_bucket: str | None = None

    s3_archive_bucket: str | None = None
    s3_archive_prefix: str = "homeiq"
    s3_storage_class: str = "GLACIER_IR"
    s3_sse: str | None = None

    carbon_provider: str | None = None
    pricing_provider: str | None = None
    air_quality_provider: str | None = None
    calendar_provider: str | None = None
    meter_type: str | None = None
    fx_provider: str | None = None

    watttime_username: str | None = None
    watttime_password: SecretStr | None = None
    watttime_api_token: Token | None = None
    grid_region: str | None = None
    pricing_area: str | None = None
    pricing_surcharge: float = Field(0.0, ge=-10, le=10)
    pricing_vat_percent: float = Field(0.0, ge=0, le=100)
    pricing_peak_hours: Annotated[str | None, Field(pattern=r"^([01]?\d|2[0-4])-([01]?\d|2[0-4])$")] = None
    home_assistant_url: VendorUrl | None = None
    home_assistant_token: Token | None = None
    home_assistant_power_entity: str | None = None
    home_assistant_circuits: str | None = None

    watttime_base_url: VendorUrl = "https://api.watttime.org"
    awattar_base_url: VendorUrl | None = None

    _problems: dict[str, str] = PrivateAttr(default_factory=dict)

    @property
    def problems(self) -> dict[str, str]:
        """Settings whose value is wrong (their default is in force): name -> what is wrong."""
        return self._problems

    @property
    def hold(self) -> timedelta:
        """How long a reading holds when none follows."""
        return timedelta(hours=self.homeiq_hold_hours)

    @property
    def live(self) -> bool:
        """Whether the owner's InfluxDB is meant, also when its URL is wrong."""
        return self.influxdb_url is not None or "INFLUXDB_URL" in self.problems

    def require(self, *names: str) -> None:
        """Raise SettingError if one of the settings is wrong or missing."""
        for name in names:
            if name in self.problems:
                raise SettingError(name, self.problems[name])
            if getattr(self, name.lower()) is None:
                raise SettingError(name, "is not set")

    def required(self, name: str) -> str:
        """The text of a setting that has to be there (a secret's plain text). Raises SettingError."""
        self.require(name)
        value = getattr(self, name.lower())
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)

    def sound(self, *names: str) -> None:
        """Raise SettingError if one of the settings is set to something wrong."""
        for name in names:
            if name in self.problems:
                raise SettingError(name, self.problems[name])


def load(env_file: Path | None = None) -> Settings:
    """The settings from the environment and the project's `.env`; wrong ones are in `problems`.

    The file's AWS_* entries go into the environment, where nothing else says them: boto3 looks only there.
    """
    chosen = env_file if env_file is not None else PROJECT / ENV_FILE
    said, unread = _entries(chosen)
    outside = {ENV_FILE: unread} if unread else {}
    outside |= _take_aws(said)
    problems: dict[str, str] = {}
    while True:
        try:
            # A wrong value given explicitly as its default stands above the environment.
            overrides: dict[str, Any] = {_alias(name): _default(name) for name in problems}
            settings = Settings(_env_file=None if unread else chosen, **overrides)
            break
        except ValidationError as error:
            for detail in error.errors():
                name = str(detail["loc"][0]).lower()
                name = name if name in Settings.model_fields else _field_of(name)
                if name in problems:
                    raise
                problems[name] = redact(str(detail["msg"]).removeprefix("Value error, "))
    settings._problems.update(outside | {name.upper(): text for name, text in problems.items()})
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            register(value.get_secret_value())
    return settings


def secret(value: SecretStr | None) -> str:
    """The plain text of a secret, empty without one."""
    return value.get_secret_value() if value is not None else ""


def home_folder(settings: Settings) -> Path:
    """`HOMEIQ_HOME`, made if need be. Raises SettingError."""
    settings.sound("HOMEIQ_HOME")
    try:
        settings.homeiq_home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(
            "HOMEIQ_HOME", f"the folder {settings.homeiq_home} cannot be made: {os.strerror(error.errno or 0)}"
        ) from error
    return settings.homeiq_home


def _entries(file: Path) -> tuple[dict[str, str], str | None]:
    """What the file says, and why it cannot be read. One that is not there says nothing."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}, None
    except UnicodeDecodeError:
        return {}, f"{file} is not UTF-8 text, so nothing in it is in force; save it as UTF-8"
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        return {}, f"{file} cannot be read ({reason}), so nothing in it is in force; make it a file this user may read"
    return {name: value for name, value in dotenv_values(stream=io.StringIO(text)).items() if value}, None


def _take_aws(said: dict[str, str]) -> dict[str, str]:
    """Complete the environment's AWS_* from what the file says; the problems of those that cannot be used."""
    wrong = "holds a character that it cannot have, such as a typographic quote or a line break; copy it again"
    problems = {}
    for name, value in said.items():
        if not name.startswith("AWS_"):
            continue
        if value.isprintable():
            os.environ.setdefault(name, value)
        else:
            problems[name] = wrong
    for name in AWS_CREDENTIALS:
        value = os.environ.get(name, "")
        if not _is_token(value):
            problems[name] = wrong
        elif name != "AWS_ACCESS_KEY_ID":
            register(value)
    return problems


def _default(name: str) -> Any:
    return Settings.model_fields[name].get_default()


def _alias(name: str) -> str:
    alias = Settings.model_fields[name].validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else name


def _field_of(name: str) -> str:
    for field, info in Settings.model_fields.items():
        alias = info.validation_alias
        if isinstance(alias, AliasChoices) and name.upper() in alias.choices:
            return field
    return name
