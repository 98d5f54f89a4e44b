# The public names of rm.panels; they are loaded when first used.

from .batches import scan_incidents as scan_incidents
from .frames import panel_from_counts as panel_from_counts
from .scans import Scan as Scan
