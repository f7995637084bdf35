"""Tests of homeiq_assets.insights."""
