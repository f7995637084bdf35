"""Emporia: 15-minute energy of the mains and circuits."""
