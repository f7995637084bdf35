"""Arithmetic of readings that hold until the next one, and of step functions."""
