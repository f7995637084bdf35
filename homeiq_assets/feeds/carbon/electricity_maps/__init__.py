"""Electricity Maps: carbon intensity and mix, world-wide."""
