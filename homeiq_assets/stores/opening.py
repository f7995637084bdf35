"""Which store the settings mean, opened."""

from homeiq_assets.settings.variables import Settings, home_folder
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets.stores.influxdb.store import InfluxStore


def open_store(settings: Settings) -> Store:
    """The owner's InfluxDB where `INFLUXDB_URL` is set, else the embedded store.

    Nothing is asked over the network yet. Raises SettingError for a setting that is wrong or missing.
    """
    if not settings.live:
        return EmbeddedStore(home_folder(settings) / "store")
    return opened_bucket(settings.required("INFLUXDB_BUCKET"), settings)


def opened_bucket(
    bucket: str, settings: Settings, setting: str = "INFLUXDB_BUCKET", *, makes: bool = False
) -> InfluxStore:
    """A store in another bucket of the owner's InfluxDB, which `setting` names; the tiers are where they always are.

    With `makes` the bucket is made at the first write where it does not exist. Nothing is asked over the network yet.
    Raises SettingError for a setting that is wrong or missing.
    """
    settings.sound("INFLUXDB_TIER_BUCKET")
    return InfluxStore(
        url=settings.required("INFLUXDB_URL"),
        token=settings.required("INFLUXDB_TOKEN"),
        org=settings.required("INFLUXDB_ORG"),
        bucket=bucket,
        tier_bucket=settings.influxdb_tier_bucket or f"{settings.influxdb_bucket or bucket}_tiers",
        lock_folder=home_folder(settings) / "locks",
        setting=setting,
        makes=makes,
    )
