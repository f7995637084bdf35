"""Tibber: prices per quarter of an hour."""
