"""Predicted occupancy from calendars: its asset and its providers."""
