"""The smart meter and its circuits: assets and providers."""
