"""How exactly feeds know a place: their own codes, on the one scale of the schema.

The scale is :data:`riskmap.schema.GEO_PRECISIONS`. A correction is one line here. AWSD, ICEWS,
POLECAT and SHCC have no such code; their precision follows from the places that a row names.
"""

from __future__ import annotations

#: For each feed its column's codes.
GEO_PRECISION = {
    # where_prec; 5 is a line or fuzzy region, known to the province that the row names, if any
    "ucdp": {
        "1": "point",  # the exact place
        "2": "place",  # within 25 km of it
        "3": "admin2",
        "4": "admin1",
        "5": "admin1",
        "6": "country",
        "7": "unknown",  # international waters or airspace
    },
    # geo_precision
    "acled": {
        "1": "place",  # the town itself
        "2": "admin2",  # a town that stands for its surroundings
        "3": "admin1",  # the province's capital stands for the province
    },
    # specificity
    "gtd": {
        "1": "point",  # the place
        "2": "place",  # the centre of the smallest unit
        "3": "admin2",
        "4": "admin1",
        "5": "unknown",
    },
    # ActionGeo_Type
    "gdelt": {
        "0": "unknown",  # no place is told
        "1": "country",
        "2": "admin1",  # state of the United States
        "3": "place",  # city of the United States
        "4": "place",  # city elsewhere
        "5": "admin1",  # province elsewhere
    },
}
