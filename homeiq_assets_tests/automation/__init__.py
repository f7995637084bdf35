"""Tests of homeiq_assets.automation."""
