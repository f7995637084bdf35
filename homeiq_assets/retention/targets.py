"""What days are removed from, and the proof that something else holds them: raw rows, hourly tier, daily tier."""

from dataclasses import dataclass
from datetime import date
from typing import Protocol

import pyarrow as pa

from homeiq_assets.archive.days import read_day
from homeiq_assets.archive.manifest import Period
from homeiq_assets.archive.merging import holds
from homeiq_assets.archive.months import read_month
from homeiq_assets.archive.objects import ObjectStore
from homeiq_assets.archive.periods import manifest_of
from homeiq_assets.errors import HomeiqError
from homeiq_assets.home import Home
from homeiq_assets.ledger.removed_days import Proof
from homeiq_assets.ledger.seals import reaches, removed_days
from homeiq_assets.retention.ages import Level, age
from homeiq_assets.retention.restoring import own_place
from homeiq_assets.retention.row_sets import shortest_step, sums
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS, tier_of
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.tables import inside
from homeiq_assets.tiers.comparison import difference, readings_differ, readings_held
from homeiq_assets.tiers.inputs import Inputs
from homeiq_assets.tiers.raw import Raw
from homeiq_assets.tiers.statistics import daily
from homeiq_assets.window import DAY, Window, local_day, local_midnight, local_month, next_day


class NotProvenError(HomeiqError):
    """Why a day stays, and what to do."""


class Target(Protocol):
    """A measurement of which days go by age. Every method raises StoreError, SettingError and ArchiveError."""

    @property
    def name(self) -> str:
        """The measurement that days are removed from."""
        ...

    def place(self) -> tuple[Store, Measurement]:
        """Where its rows are."""
        ...

    def restored_by(self, day: date) -> str:
        """The asset and partition that bring a day back."""
        ...

    def proof(self, day: date, rows: pa.Table) -> Proof:
        """What holds a day with these rows (as `Store.whole` gives them), compared. Raises NotProvenError."""
        ...

    def archived(self, day: date) -> pa.Table | None:
        """The rows of the day in the archive; None where its proof does without."""
        ...

    def still_proven(self, day: date) -> bool:
        """Whether what is left of a day whose delete was broken off is what was proven, as far as can be told."""
        ...


@dataclass(frozen=True)
class RawTarget:
    """Raw rows, which hourly and daily tier and, if the owner wants it, the archive take the place of."""

    raw: Raw
    home: Home
    store: Store
    archive: ObjectStore

    @property
    def name(self) -> str:
        return self.raw.measurement.name

    def restored_by(self, day: date) -> str:
        into = ""
        if self.raw.measurement is HOME_ASSISTANT_EVENTS:
            into = f", with `bucket: {own_place(self.raw.measurement, self.home)}` in its config"
        return f"restore/{self.name} of {day}{into}"

    def place(self) -> tuple[Store, Measurement]:
        return self.raw.place()

    def proof(self, day: date, rows: pa.Table) -> Proof:
        tiers = [tier_of(self.raw.measurement, resolution) for resolution in ("hourly", "daily")]
        # Carried from day to day, so that what is known from before is looked up once.
        inputs = Inputs(self.raw, self.home, self.store, self.home.settings.hold)
        window = local_day(day, self.home.zone)
        readings, computed = self._computed(window, inputs)
        successor_rows = 0
        for tier, anew in zip(tiers, computed, strict=True):
            stored = self.store.read(tier, window)
            differs = readings_differ(stored, anew, self.raw.measurement, tier)
            _refuse(tier, day, stored, differs)
            successor_rows += stored.num_rows
        for following in _held_into(day, self.home):
            self._refuse_unproven(following, day, tiers, inputs)
        return Proof(
            rows.num_rows,
            {},
            ", ".join(tier.name for tier in tiers),
            successor_rows,
            sums(readings.filter(inside(readings, window)), self.raw.measurement),
            self._object(day, rows),
            shortest_step(rows, self.raw.measurement.identity),
        )

    def archived(self, day: date) -> pa.Table | None:
        if self.name not in self.home.settings.archived_raw:
            return None
        return read_day(self.raw.measurement, day, self.home.zone, self.archive)

    def still_proven(self, day: date) -> bool:
        """See `Target.still_proven`: a row that came late is alone in an hour that the tier knows more of."""
        tier, window = tier_of(self.raw.measurement, "hourly"), local_day(day, self.home.zone)
        inputs = Inputs(self.raw, self.home, self.store, self.home.settings.hold)
        left = self._computed(window, inputs)[1][0]
        return readings_held(self.store.read(tier, window), left, self.raw.measurement, tier)

    def _refuse_unproven(self, following: date, day: date, tiers: list[Measurement], inputs: Inputs) -> None:
        """Refuse a day whose readings hold into one that has not taken them in."""
        window = local_day(following, self.home.zone)
        if window.end > self.home.now():
            raise NotProvenError(f"its readings hold into {following}, which is not over")
        gone = removed_days(self.name, reaches([following], self.home)[following], self.home, self.store)
        if following in gone:
            return  # its own proof was found when it went
        # Where an older day is gone as well, what held over from it was compared before that one went.
        whole = not [one for one in gone if one != day]
        for tier, computed in zip(tiers, self._computed(window, inputs)[1], strict=True):
            stored = self.store.read(tier, window)
            differs = (
                difference(stored, computed, ("time", *tier.identity, *tier.field_names))
                if whole
                else readings_differ(stored, computed, self.raw.measurement, tier)
            )
            if differs:
                raise NotProvenError(_not_equal(tier, following, differs))

    def _computed(self, window: Window, inputs: Inputs) -> tuple[pa.Table, tuple[pa.Table, pa.Table]]:
        """The raw rows of a day with the hold before it, and its hourly and daily rows, computed anew from them."""
        hold = self.home.settings.hold
        readings, before = inputs.of(window)
        return readings, (
            self.raw.hourly(readings, before, window, hold),
            self.raw.daily(readings, before, window, hold),
        )

    def _object(self, day: date, rows: pa.Table) -> str:
        """The name of the archived object, which holds all values of these rows; empty where the owner does without."""
        archived = self.archived(day)
        if archived is None:
            return ""
        manifest = manifest_of(self.raw.measurement, Period.day(day, self.home.zone), self.archive)
        if manifest is None:
            raise NotProvenError(
                f"it is not archived: materialise archive/{self.name} of {day} (or look at RAW_ARCHIVE)"
            )
        if not holds(archived, rows):
            raise NotProvenError(
                f"its archived object is not what the store holds: materialise archive/{self.name} of {day} again"
            )
        return manifest.object


@dataclass(frozen=True)
class HourlyTarget:
    """The hourly tier of a raw measurement, which the daily one takes the place of."""

    raw: Raw
    home: Home
    store: Store

    @property
    def name(self) -> str:
        return tier_of(self.raw.measurement, "hourly").name

    def restored_by(self, day: date) -> str:
        return f"restore/{self.raw.measurement.name} of {day}"

    def place(self) -> tuple[Store, Measurement]:
        return self.store, tier_of(self.raw.measurement, "hourly")

    def proof(self, day: date, rows: pa.Table) -> Proof:
        measurement, zone = self.raw.measurement, self.home.zone
        window = local_day(day, zone)
        if age(measurement, Level.RAW, self.home.settings) is not None and (
            not removed_days(measurement.name, window, self.home, self.store) and self.raw.readings(window).num_rows
        ):
            raise NotProvenError(f"raw rows of {day} are still there: retention/{measurement.name} says why")
        tier = tier_of(measurement, "daily")
        for one in (day, next_day(day, zone)):
            hours = self.store.read(tier_of(measurement, "hourly"), local_day(one, zone))
            stored = self.store.read(tier, local_day(one, zone))
            computed = daily(hours, measurement, local_day(one, zone))
            # The hours of the day after may be gone already.
            differs = difference(stored, computed, ("time", *tier.identity, *tier.field_names))
            if one == day or hours.num_rows:
                _refuse(tier, one, stored, differs)
        stored = self.store.read(tier, window)
        return Proof(rows.num_rows, {}, tier.name, stored.num_rows, sums(stored, tier))

    def still_proven(self, day: date) -> bool:
        """See `Target.still_proven`: nobody else writes tiers, and these are not made while a day is sealed."""
        return True

    def archived(self, day: date) -> pa.Table | None:
        return None


@dataclass(frozen=True)
class DailyTarget:
    """The daily tier of a raw measurement, which the archived month takes the place of."""

    measurement: Measurement
    home: Home
    store: Store
    archive: ObjectStore

    @property
    def name(self) -> str:
        return tier_of(self.measurement, "daily").name

    def restored_by(self, day: date) -> str:
        return f"restore/{self.name} of {day:%Y-%m}"

    def place(self) -> tuple[Store, Measurement]:
        return self.store, tier_of(self.measurement, "daily")

    def proof(self, day: date, rows: pa.Table) -> Proof:
        tier, window = tier_of(self.measurement, "daily"), local_day(day, self.home.zone)
        hourly = tier_of(self.measurement, "hourly")
        if age(self.measurement, Level.HOURLY, self.home.settings) is not None and any(
            self.store.counts(hourly, window).values()
        ):
            raise NotProvenError(f"hourly rows of {day} are still there: retention/{hourly.name} says why")
        archived = self.archived(day)
        manifest = manifest_of(tier, Period.month(day.replace(day=1), self.home.zone), self.archive)
        if manifest is None:
            raise NotProvenError(f"its month is not archived: materialise archive/{tier.name} of {day:%Y-%m}")
        if not holds(archived, rows):
            raise NotProvenError(
                f"its archived month is not what the store holds: materialise archive/{tier.name} of {day:%Y-%m} again"
            )
        return Proof(rows.num_rows, {}, f"archive/{tier.name}", archived.num_rows, sums(rows, tier), manifest.object)

    def still_proven(self, day: date) -> bool:
        """See `Target.still_proven`: nobody else writes tiers, and these are not made while a day is sealed."""
        return True

    def archived(self, day: date) -> pa.Table:
        month = read_month(
            tier_of(self.measurement, "daily"), local_month(day, self.home.zone), self.home.zone, self.archive
        )
        return month.filter(inside(month, local_day(day, self.home.zone)))


def _held_into(day: date, home: Home) -> list[date]:
    """The days that readings of a day may hold into."""
    end, following = local_day(day, home.zone).end, []
    while local_midnight(day + DAY, home.zone) - home.settings.hold < end:
        day = next_day(day, home.zone)
        following.append(day)
    return following


def _refuse(tier: Measurement, day: date, stored: pa.Table, differs: str | None) -> None:
    if differs and not stored.num_rows:
        raise NotProvenError(f"there is no {tier.name} of {day}: materialise tiers/{tier.name} of {day}")
    if differs:
        raise NotProvenError(_not_equal(tier, day, differs))


def _not_equal(tier: Measurement, day: date, differs: str) -> str:
    return (
        f"{tier.name} of {day} is not what its rows say ({differs}): materialise the tiers of {day} again, the hourly "
        "one first"
    )
