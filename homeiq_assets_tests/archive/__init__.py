"""Tests of homeiq_assets.archive."""
