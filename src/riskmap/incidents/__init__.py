"""Reading incidents from feeds, as one checked table."""
