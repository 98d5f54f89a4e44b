# The public names of rm.outputs; they are loaded when first used.

from .geofiles import write_postgis as write_postgis
from .senders import Sender as Sender
