"""Measurements; each file is one and runs by itself."""
