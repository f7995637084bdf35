"""Home Assistant's events, pulled from its API or simulated."""
