"""The settings of retention: ages, what is archived, and what storage costs; a part of `Settings`."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings

KEEP = "keep"
EVERY = "*"
"""stands for every measurement that is not named"""


def ages_of(value: str) -> dict[str, int | None]:
    """The days said in `smart_meter=7, carbon_intensity=keep, 90` (the last: EVERY); None: kept. Raises ValueError."""
    ages: dict[str, int | None] = {}
    for part in filter(None, (part.strip() for part in value.split(","))):
        name, _, days = (text.strip() for text in part.rpartition("="))
        if days != KEEP and not (days.isdecimal() and 1 <= int(days) <= 36_600):
            raise ValueError(f"{part!r} is no age such as smart_meter=7, smart_meter=keep or 90 (days)")
        ages[name or EVERY] = None if days == KEEP else int(days)
    return ages


def names_of(value: str) -> frozenset[str]:
    """The measurements named in `smart_meter, home_assistant_events`; none for `off`."""
    return frozenset(filter(None, (part.strip() for part in value.split(",")))) - {"off"}


def _ages(value: str) -> str:
    ages_of(value)
    return value


Ages = Annotated[str, AfterValidator(_ages)]
_RAW_AGES: Mapping[str, int | None] = {"smart_meter": 7, "smart_meter_circuit": 7}
"""Meters are what fills a database; the other feeds are few rows that views need, and events are the owner's."""


class RetentionSettings(BaseSettings):
    """See `.env.example`."""

    retention_raw_days: Ages = ""
    retention_hourly_days: Ages = "90"
    retention_daily_days: Ages = "365"
    raw_archive: str = "smart_meter, smart_meter_circuit, home_assistant_events"
    disk_price_gb_month: float = Field(0.0, ge=0, le=1000)
    s3_price_gb_month: float = Field(0.004, ge=0, le=1000)

    @property
    def raw_ages(self) -> Mapping[str, int | None]:
        """After how many days raw rows go, by measurement; those that are not named stay."""
        said = ages_of(self.retention_raw_days)
        every = dict.fromkeys(_RAW_AGES, said[EVERY]) if EVERY in said else {}
        return {**_RAW_AGES, **every, **{name: days for name, days in said.items() if name != EVERY}}

    @property
    def archived_raw(self) -> frozenset[str]:
        """The measurements whose raw days are archived by themselves, before they may go."""
        return names_of(self.raw_archive)
