"""What leaves riskmap: GeoJSON, tables, advisories, published sets."""
