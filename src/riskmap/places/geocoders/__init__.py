"""Places to regions and points: what is stated, the gazetteer, and a service on the network."""

from riskmap.places.geocoders.caches import GeocodeCache
from riskmap.places.geocoders.chains import GEOCODE_COLUMNS, count_requests, geocode
from riskmap.places.geocoders.services import GeocodeService, Pace

__all__ = [
    "GEOCODE_COLUMNS",
    "GeocodeCache",
    "GeocodeService",
    "Pace",
    "count_requests",
    "geocode",
]
