"""Tests of homeiq_assets.views."""
