"""`python -m homeiq_assets` is `homeiq`."""

from homeiq_assets.cli import main

main()
