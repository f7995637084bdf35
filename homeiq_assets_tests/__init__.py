"""Tests of homeiq_assets."""
