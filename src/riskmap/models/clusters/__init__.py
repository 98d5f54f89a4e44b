r"""Clusters in space and time: scan statistics over zones.

A scan looks at every cylinder (a zone of places over the last windows, or over any run of windows)
and asks where more was counted than expected, allowing for how many cylinders it looked at. Arrays
only: `counts` has a row for each window, oldest first, and a column for each place.

Three models say what is expected:

============================  ===============================================  ===================
function                      expected                                         total
============================  ===============================================  ===================
:func:`scan_permutation`      from the counts' own margins: no place-time      fixed, and so are
                              interaction                                      both margins
:func:`scan_poisson`          given up to a factor, such as a population       fixed
:func:`scan_expectation`      given, such as a forecast                        free
============================  ===============================================  ===================
"""

from riskmap.models.clusters.scans import (
    Cluster,
    scan_expectation,
    scan_permutation,
    scan_poisson,
)
from riskmap.models.clusters.searches import find_clusters, find_repeats
from riskmap.models.clusters.zones import circular_zones, graph_zones

__all__ = [
    "Cluster",
    "circular_zones",
    "find_clusters",
    "find_repeats",
    "graph_zones",
    "scan_expectation",
    "scan_permutation",
    "scan_poisson",
]
