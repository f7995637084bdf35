"""Measurements: tags, fields, types, units and bounds."""
