# The public names of rm.outputs; they are loaded when first used.

from .databases import read_postgis_incidents as read_postgis_incidents
from .databases import read_postgis_regions as read_postgis_regions
from .databases import write_postgis as write_postgis
