"""Tests of homeiq_assets.tiers."""
