"""Schedules, sensors, conditions, checks and freshness."""
