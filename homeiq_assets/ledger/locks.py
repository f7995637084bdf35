"""One process at a time removes, archives or restores a day of a measurement, by a lock file below HOMEIQ_HOME."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from homeiq_assets.home import Home
from homeiq_assets.settings.variables import home_folder
from homeiq_assets.stores.local import explained, one_writer

PATIENCE = 60.0
"""seconds that a second process waits"""


@contextmanager
def alone(home: Home, measurement: str) -> Iterator[None]:
    """Hold the lock of a measurement. Raises StoreError where another process holds it for too long."""
    folder = home_folder(home.settings) / "locks"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explained(error, folder) from error
    with one_writer(folder / f"retention-{quote(measurement, safe='')}.lock", measurement, PATIENCE):
        yield
