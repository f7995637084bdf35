"""Electricity prices and their day-ahead publication: assets and providers."""
