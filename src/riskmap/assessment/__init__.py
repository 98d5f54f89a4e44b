"""From probability to a level: scales, sufficiency, drivers, layers."""
