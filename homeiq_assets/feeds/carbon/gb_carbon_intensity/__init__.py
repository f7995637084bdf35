"""GB Carbon Intensity."""
