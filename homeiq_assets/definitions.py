"""The code location: what `workspace.yaml` points at."""

from homeiq_assets.logs import setup

setup()

# Importing it makes Dagster speak, which `setup` keeps to what an owner needs.
from homeiq_assets.defs.build import build_defs  # noqa: E402

defs = build_defs()
