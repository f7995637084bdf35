"""homeiq_assets: the outside feeds, views, tiers and archive of a Home Assistant home as Dagster assets."""

from typing import Any


def __getattr__(name: str) -> Any:
    # `homeiq_assets.read` for notebooks, without its imports being paid by whoever imports the package.
    if name == "read":
        from homeiq_assets.reading import read  # noqa: PLC0415

        return read
    raise AttributeError(f"module 'homeiq_assets' has no attribute {name!r}")
