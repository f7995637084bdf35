"""Materialised views: a pure function and a thin asset each."""
