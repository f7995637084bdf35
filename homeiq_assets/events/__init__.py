"""Home Assistant's events: read where they are, or pulled into a measurement of ours."""
