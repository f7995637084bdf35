"""Tests of the home's events, wherever they are."""
