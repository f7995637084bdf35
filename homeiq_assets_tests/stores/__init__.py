"""Tests of homeiq_assets.stores."""
