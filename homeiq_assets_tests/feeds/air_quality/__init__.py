"""Tests of homeiq_assets.feeds.air_quality."""
