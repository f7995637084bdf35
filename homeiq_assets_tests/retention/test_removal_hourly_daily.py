"""The removal of hourly and daily rows: what takes their place, and what a day that cannot be proven tells."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from homeiq_assets.archive.manifest import Period
from homeiq_assets.archive.objects import ObjectStore
from homeiq_assets.archive.periods import manifest_of
from homeiq_assets.ledger.removed_days import State
from homeiq_assets.retention.ages import Level
from homeiq_assets.retention.removal import Outcome
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets_tests.retention.old_days import DAILY, DAY, HOURLY, METER, OldDays, altered, old_days, three_at_night

D = date(2025, 10, 26)
NEXT, MONTH = D + DAY, date(2025, 10, 1)


def rolled(folder: Path, store: Store, **variables: str) -> OldDays:
    """A day and the two after it, rolled and archived."""
    home = old_days(folder / "home", store, three_at_night(D + 100 * DAY), **variables)
    home.meter(D, NEXT, NEXT + DAY)
    home.ready(D, NEXT, NEXT + DAY)
    return home


def without_raw(folder: Path, store: Store, **variables: str) -> OldDays:
    """As `rolled`, with the raw rows of the first day gone."""
    home = rolled(folder, store, **variables)
    assert home.remove(D)[0].outcome is Outcome.REMOVED
    return home


def without_hours(folder: Path, store: Store, **variables: str) -> OldDays:
    """As `without_raw`, with the hourly rows of the first day gone too."""
    home = without_raw(folder, store, **variables)
    assert home.remove(D, level=Level.HOURLY, age=90)[0].outcome is Outcome.REMOVED
    return home


def kept(home: OldDays, level: Level) -> str:
    """Why the day of a tier stays; it does, whole."""
    before = home.tier(level.value, D)
    (removal,) = home.remove(D, level=level, age=30)
    assert removal.outcome is Outcome.KEPT, removal
    assert home.tier(level.value, D) == before
    assert home.ledger(D, level) is None
    return str(removal.reason)


def spoil(home: OldDays, tier: Measurement, day: date, name: str) -> None:
    """Another value in a column of a day."""
    rows = home.store.read(tier, home.window(day))
    home.store.replace(tier, altered(rows, name, lambda value: (value or 0) + 1), home.window(day))


def test_hours_go_once_the_days_are_proven_and_the_ledger_says_how(tmp_path: Path, store: Store) -> None:
    home = without_raw(tmp_path, store)
    hours, beside, day = home.tier("hourly", D), home.tier("hourly", NEXT), home.tier("daily", D)

    (removal,) = home.remove(D, level=Level.HOURLY, age=90)

    assert removal.outcome is Outcome.REMOVED
    assert home.tier("hourly", D).num_rows == 0
    assert (home.tier("hourly", NEXT), home.tier("daily", D)) == (beside, day)
    entry = home.ledger(D, Level.HOURLY)
    assert entry is not None
    assert (entry.state, entry.proof.rows, entry.proof.successor, entry.proof.successor_rows) == (
        State.REMOVED,
        hours.num_rows,
        "smart_meter_daily",
        1,
    )
    assert entry.proof.counts["total_power_w_mean"] == hours.num_rows == 25
    assert home.remove(D, level=Level.HOURLY, age=90)[0].outcome is Outcome.REMOVED


def test_hours_stay_while_their_raw_rows_do(tmp_path: Path) -> None:
    home = rolled(tmp_path, EmbeddedStore(tmp_path / "store"))
    assert kept(home, Level.HOURLY) == f"raw rows of {D} are still there: retention/smart_meter says why"


def test_hours_go_beside_raw_rows_that_are_kept(tmp_path: Path) -> None:
    home = rolled(tmp_path, EmbeddedStore(tmp_path / "store"), RETENTION_RAW_DAYS="smart_meter=keep")
    assert home.remove(D, level=Level.HOURLY, age=90)[0].outcome is Outcome.REMOVED

    home.roll(D)

    assert home.tier("hourly", D).num_rows == 25, "and can be made again from them"
    assert home.ledger(D, Level.HOURLY).state is State.REFILLED
    assert home.remove(D, level=Level.HOURLY, age=90)[0].outcome is Outcome.REMOVED


def test_hours_that_cannot_be_made_again_stay_sealed_and_so_does_their_day(tmp_path: Path) -> None:
    home = rolled(tmp_path, EmbeddedStore(tmp_path / "store"), RETENTION_RAW_DAYS="smart_meter=keep")
    assert home.remove(D, level=Level.HOURLY, age=90)[0].outcome is Outcome.REMOVED
    home.store.delete(METER, home.window(D))
    day = home.tier("daily", D)

    home.roll_hourly(D)

    assert home.ledger(D, Level.HOURLY).state is State.REMOVED
    assert home.roll_daily(D)[0].left is not None
    assert home.tier("daily", D) == day


def test_hours_stay_where_the_day_is_missing_or_says_anything_else(tmp_path: Path, store: Store) -> None:
    home = without_raw(tmp_path, store)
    right = home.tier("daily", D)
    for name in ("total_power_w_mean", "total_power_w_seconds", "total_power_w_max", "daily_kwh_increase"):
        spoil(home, DAILY, D, name)
        assert kept(home, Level.HOURLY) == (
            f"smart_meter_daily of {D} is not what its rows say ({name} differs): materialise the tiers of {D} again, "
            "the hourly one first"
        )
        home.store.replace(DAILY, right, home.window(D))
    home.store.delete(DAILY, home.window(D))
    asked = f"there is no smart_meter_daily of {D}: materialise tiers/smart_meter_daily of {D}"
    assert kept(home, Level.HOURLY) == asked

    home.roll_daily(D)

    assert home.remove(D, level=Level.HOURLY, age=90)[0].outcome is Outcome.REMOVED, "as it was told"


def test_hours_stay_where_the_day_after_is_missing_or_says_anything_else(tmp_path: Path) -> None:
    home = without_raw(tmp_path, EmbeddedStore(tmp_path / "store"))
    spoil(home, DAILY, NEXT, "total_power_w_min")
    assert f"smart_meter_daily of {NEXT} is not what its rows say (total_power_w_min" in kept(home, Level.HOURLY)
    home.store.delete(DAILY, home.window(NEXT))
    assert f"there is no smart_meter_daily of {NEXT}" in kept(home, Level.HOURLY)

    home.store.delete(HOURLY, home.window(NEXT))
    assert home.remove(D, level=Level.HOURLY, age=90)[0].outcome is Outcome.REMOVED, "of hours that are gone nothing"


def test_days_go_once_their_month_is_archived_and_compared(tmp_path: Path, store: Store) -> None:
    home = without_hours(tmp_path, store)
    assert kept(home, Level.DAILY) == "its month is not archived: materialise archive/smart_meter_daily of 2025-10"
    home.archive_months(MONTH)
    right = home.tier("daily", D)
    spoil(home, DAILY, D, "daily_kwh_last")
    again = "its archived month is not what the store holds: materialise archive/smart_meter_daily of 2025-10 again"
    assert kept(home, Level.DAILY) == again
    home.store.replace(DAILY, right, home.window(D))

    (removal,) = home.remove(D, level=Level.DAILY, age=90)

    assert removal.outcome is Outcome.REMOVED
    assert home.tier("daily", D).num_rows == 0
    assert home.tier("daily", NEXT).num_rows == 1
    manifest = manifest_of(DAILY, Period.month(MONTH, home.home.zone), home.archive)
    entry = home.ledger(D, Level.DAILY)
    assert (entry.state, entry.proof.successor) == (State.REMOVED, "archive/smart_meter_daily")
    assert entry.proof.object == manifest.object


def test_days_stay_where_the_archived_month_lacks_them(tmp_path: Path) -> None:
    home = without_hours(tmp_path, EmbeddedStore(tmp_path / "store"))
    day = home.tier("daily", D)
    home.store.delete(DAILY, home.window(D))
    home.archive_months(MONTH)
    home.store.put(DAILY, day)

    assert "its archived month is not what the store holds" in kept(home, Level.DAILY)

    home.archive_months(MONTH)
    assert home.remove(D, level=Level.DAILY, age=90)[0].outcome is Outcome.REMOVED


def test_days_stay_while_their_hours_do(tmp_path: Path) -> None:
    home = without_raw(tmp_path, EmbeddedStore(tmp_path / "store"))
    home.archive_months(MONTH)
    assert kept(home, Level.DAILY) == f"hourly rows of {D} are still there: retention/smart_meter_hourly says why"

    kept_hours = without_raw(
        tmp_path / "other", EmbeddedStore(tmp_path / "other" / "store"), RETENTION_HOURLY_DAYS="keep"
    )
    kept_hours.archive_months(MONTH)
    assert kept_hours.remove(D, level=Level.DAILY, age=90)[0].outcome is Outcome.REMOVED


def test_a_day_of_a_damaged_month_stays(tmp_path: Path) -> None:
    home = without_hours(tmp_path, EmbeddedStore(tmp_path / "store"))
    home.archive_months(MONTH)
    manifest = manifest_of(DAILY, Period.month(MONTH, home.home.zone), home.archive)
    home.archive.put(manifest.object, b"PAR1")

    (kept,) = home.remove(D, level=Level.DAILY, age=90)

    assert kept.outcome is Outcome.KEPT
    assert "is damaged" in (kept.reason or "")
    assert "materialise the archive of smart_meter_daily for 2025-10" in (kept.reason or "")
    assert home.tier("daily", D).num_rows == 1


def test_a_dry_run_of_a_tier_changes_nothing(tmp_path: Path, store: Store) -> None:
    home = without_raw(tmp_path, store)
    hours = home.tier("hourly", D)

    (removal,) = home.remove(D, level=Level.HOURLY, age=90, dry=True)

    assert (removal.outcome, removal.proof.rows) == (Outcome.WOULD_GO, 25)
    assert home.tier("hourly", D) == hours
    assert home.ledger(D, Level.HOURLY) is None


def test_the_archive_on_s3_is_proof_as_a_folder_is(
    tmp_path: Path, s3_url: str, s3_bucket: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {
        "AWS_ENDPOINT_URL_S3": s3_url,
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "not-so-secret",
        "AWS_REGION": "us-east-1",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert s3_bucket is not None
    home = rolled(tmp_path, EmbeddedStore(tmp_path / "store"), S3_ARCHIVE_BUCKET="years-of-home")
    rows, day = home.raw(D), home.tier("daily", D)
    objects: ObjectStore = home.archive
    name = manifest_of(home.measurement, Period.day(D, home.home.zone), objects).object
    data = objects.get(name)
    objects.put(name, data[:-1])
    assert "is damaged" in (home.remove(D)[0].reason or "")
    objects.put(name, data)
    home.archive_months(MONTH)

    for level in Level:
        assert home.remove(D, level=level, age=7)[0].outcome is Outcome.REMOVED
    assert home.ledger(D).proof.object == name

    home.restore(D)
    home.restore_months(MONTH)
    assert home.raw(D).equals(rows)
    assert home.tier("daily", D) == day
    assert timedelta() == home.ledger(D, Level.DAILY).proof.step
