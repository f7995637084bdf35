"""Air quality at the home: its asset and its providers."""
