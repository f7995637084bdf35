"""Dagster resources over the stores and the archive."""
