"""Daily reference exchange rates: the asset and its providers."""
