"""Tests of homeiq_assets.feeds.carbon."""
