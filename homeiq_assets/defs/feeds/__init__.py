"""The feeds as assets."""
