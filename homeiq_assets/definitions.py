"""The code location: what `workspace.yaml` points at."""

from homeiq_assets.build import build_defs
from homeiq_assets.logs import setup

setup()
defs = build_defs()
