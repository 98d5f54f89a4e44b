# The public names of rm.places; they are loaded when first used.

from .areas import carry_over as carry_over
from .areas import crosswalk as crosswalk
from .audits import audit_regions as audit_regions
from .geocoders import GeocodeService as GeocodeService
from .geocoders import geocode as geocode
from .names import Gazetteer as Gazetteer
from .region_index import RegionIndex as RegionIndex
