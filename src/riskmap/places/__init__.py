"""Regions, and which region a place belongs to."""
