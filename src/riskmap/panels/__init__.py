"""Counting incidents by region and window."""
