# The public names of rm.outputs; they are loaded when first used.

from .databases import write_postgis as write_postgis
