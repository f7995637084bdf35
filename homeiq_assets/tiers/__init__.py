"""Raw to hourly to daily: pure functions and a factory of assets."""
