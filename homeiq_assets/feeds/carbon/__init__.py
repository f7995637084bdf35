"""The carbon intensity of the grid: its asset and its providers."""
