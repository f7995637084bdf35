"""Sense: hourly energy of the home and its devices."""
