"""Tests of homeiq_assets.feeds.meter."""
