"""Simulated vendors that speak the real wire formats over HTTP."""
