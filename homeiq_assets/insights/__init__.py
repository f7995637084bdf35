"""Insights: what the feeds mean for an owner. Plain functions (Arrow in, Arrow out) and thin assets."""
