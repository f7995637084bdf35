"""AirNow: measured air quality in the US."""
