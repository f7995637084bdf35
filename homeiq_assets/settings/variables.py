"""Every environment variable the project reads, typed, with its default and meaning.

`load()` never fails: a value that is wrong is left at its default and remembered in
`Settings.problems`, so that definitions always load and only what needs the setting fails, by
calling `Settings.require`. Descriptions are the ones in `.env.example`.
"""

import io
import os
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

from dotenv import dotenv_values
from pydantic import AliasChoices, Field, PrivateAttr, SecretStr, ValidationError
from pydantic_settings import SettingsConfigDict

from homeiq_assets.errors import SettingError
from homeiq_assets.redaction import redact, register
from homeiq_assets.settings.retention import RetentionSettings
from homeiq_assets.settings.types import (
    EntityMeters,
    EntityUnits,
    Folder,
    HalfHours,
    Hours,
    Minutes,
    OnOff,
    StartDate,
    Token,
    Url,
    VendorUrl,
    VendorUrlTemplate,
    Zone,
    is_token,
    project_folder,
)

ENV_FILE = ".env"
"""Also the name under which `Settings.problems` says that the file cannot be read."""
AWS_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


class Settings(RetentionSettings):
    """The owner's settings. Attribute names are the variables' names in lower case."""

    model_config = SettingsConfigDict(env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore", frozen=True)

    homeiq_home: Folder = Field(default_factory=lambda: project_folder() / ".homeiq")
    homeiq_timezone: Zone | None = None
    homeiq_start_date: StartDate = date(2025, 1, 1)
    homeiq_automation: OnOff = "on"
    homeiq_history_days: int = Field(3, ge=1, le=3660)
    homeiq_hold_hours: float = Field(24, gt=0, le=24 * 366)
    homeiq_max_power_kw: float = Field(100, gt=0, le=1_000_000)
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
    carbon_ttl_minutes: Minutes = 5
    pricing_ttl_minutes: Minutes = 15
    air_quality_ttl_minutes: Minutes = 15
    calendar_ttl_minutes: Minutes = 5
    meter_ttl_minutes: Minutes = 1
    fx_ttl_minutes: Minutes = 60
    events_ttl_minutes: Minutes = 5
    vendor_patience: float = Field(1.0, ge=0.01, le=100)

    watttime_username: str | None = None
    watttime_password: SecretStr | None = None
    watttime_api_token: Token | None = None
    electricitymaps_api_key: Token | None = None
    grid_region: str | None = None

    pricing_api_key: Token | None = None
    pricing_area: str | None = None
    pricing_surcharge: float = Field(0.0, ge=-10, le=10)
    pricing_vat_percent: float = Field(0.0, ge=0, le=100)
    pricing_peak_hours: Hours | None = None
    pricing_currency: str = Field("EUR", pattern=r"^[A-Z]{3}$")
    pricing_tariff: str | None = None
    pricing_url: VendorUrlTemplate | None = None
    pricing_jmespath: str | None = None
    pricing_unit_factor: float = Field(1.0, gt=0, le=1000)
    pricing_auth_header: str = Field("Authorization", pattern=r"^[A-Za-z0-9-]+$")
    feed_in_price: float | None = Field(None, ge=-10, le=20)
    octopus_payment_method: Literal["DIRECT_DEBIT", "NON_DIRECT_DEBIT"] = "DIRECT_DEBIT"
    octopus_night_hours: HalfHours | None = None
    carbon_weight: float = Field(0.1, ge=0, le=1000)
    high_load_kw: float = Field(10, gt=0, le=1000)

    airnow_api_key: Token | None = None
    airnow_site: str | None = None

    google_client_id: Token | None = None
    google_client_secret: Token | None = None
    google_refresh_token: Token | None = None
    google_calendar_ids: str | None = None
    google_login_port: int = Field(8095, ge=1024, le=65535)
    calendar_wfh_words: str = "wfh, home office, homeoffice, working from home, work from home, remote"
    calendar_away_words: str = "office, trip, travel, holiday, vacation, flight, away, business trip"
    calendar_office_words: str = "office"
    calendar_travel_minutes: float = Field(30, ge=0, le=24 * 60)
    calendar_work_hours: Hours = "8-17"

    meter_api_token: Token | None = None
    meter_device_id: str | None = None
    meter_username: str | None = None
    meter_password: SecretStr | None = None
    meter_url: VendorUrlTemplate | None = None
    meter_jmespath: str | None = None
    meter_unit_factor: float = Field(1.0, ge=-1_000_000, le=1_000_000)
    meter_auth_header: str = Field("Authorization", pattern=r"^[A-Za-z0-9-]+$")

    home_assistant_url: VendorUrl | None = None
    home_assistant_token: Token | None = None
    home_assistant_power_entity: str | None = None
    home_assistant_circuits: str | None = None
    home_assistant_calendars: str | None = None
    home_assistant_events: str | None = None
    events_source: Literal["homeiq", "home_assistant_influxdb", "home_assistant", "simulated", "off"] | None = None
    events_influxdb_bucket: str | None = None
    events_units: EntityUnits | None = None
    events_meters: EntityMeters | None = None

    watttime_base_url: VendorUrl = "https://api.watttime.org"
    electricitymaps_base_url: VendorUrl = "https://api.electricitymaps.com"
    gb_carbon_base_url: VendorUrl = "https://api.carbonintensity.org.uk"
    energy_charts_base_url: VendorUrl = "https://api.energy-charts.info"
    awattar_base_url: VendorUrl | None = None
    tibber_base_url: VendorUrl = "https://api.tibber.com"
    octopus_base_url: VendorUrl = "https://api.octopus.energy"
    airnow_base_url: VendorUrl = "https://www.airnowapi.org"
    open_meteo_base_url: VendorUrl = "https://air-quality-api.open-meteo.com"
    google_base_url: VendorUrl | None = None
    emporia_base_url: VendorUrl | None = None
    sense_base_url: VendorUrl = "https://api.sense.com"
    frankfurter_base_url: VendorUrl = "https://api.frankfurter.dev"

    _problems: dict[str, str] = PrivateAttr(default_factory=dict)

    def model_post_init(self, _: Any) -> None:
        """Whatever holds a secret of the owner's is known from now on, so that no text shows it."""
        for name in Settings.model_fields:
            value = getattr(self, name)
            if isinstance(value, SecretStr):
                register(value.get_secret_value())

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
    chosen = env_file if env_file is not None else env_path()
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
    return settings


def env_path() -> Path:
    """Where the project's `.env` is, or would be."""
    return project_folder() / ENV_FILE


def ttl(settings: "Settings", family: str) -> timedelta:
    """How long a vendor's answer to a poll is good enough for the next poll of a family of feeds."""
    return timedelta(minutes=getattr(settings, f"{family}_ttl_minutes"))


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
        if not is_token(value):
            problems[name] = wrong
        elif name != "AWS_ACCESS_KEY_ID":
            register(value)
    return problems


def _default(name: str) -> Any:
    return Settings.model_fields[name].get_default(call_default_factory=True)


def _alias(name: str) -> str:
    alias = Settings.model_fields[name].validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else name


def _field_of(name: str) -> str:
    for field, info in Settings.model_fields.items():
        alias = info.validation_alias
        if isinstance(alias, AliasChoices) and name.upper() in alias.choices:
            return field
    return name
