"""The forms by which a gazetteer knows its regions: their names, and those of places in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd

from riskmap.errors import SchemaError
from riskmap.places.names.folding import name_variants
from riskmap.schema import CRS

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What a form is to its region, from its very name to the name of a place inside it.
NAME, OTHER_NAME, PLACE = range(3)

_JOINED_BY = " | "


@dataclass(frozen=True)
class Form:
    """One name by which one region is known.

    Parameters
    ----------
    text
        The name as written.
    code
        The region's row.
    tier
        What the name is to the region: :data:`NAME`, :data:`OTHER_NAME` or :data:`PLACE`.
    start, end
        The days on which it means the region, half open; None for ever.
    parent
        The code of the parent that is stated with it; None for the region's own.
    """

    text: str
    code: int
    tier: int
    start: Any = None
    end: Any = None
    parent: int | None = None

    @property
    def is_dated(self) -> bool:
        """Whether the name means the region on some days only."""
        return self.start is not None or self.end is not None

    @property
    def is_plain(self) -> bool:
        """Whether the name always means the region, and with its own parent."""
        return not self.is_dated and self.parent is None

    def holds_on(self, day: Any) -> bool:
        """Return whether the name means the region on a day; yes when no day is given."""
        if day is None:
            return True
        return (self.start is None or self.start <= day) and (self.end is None or day < self.end)


def region_forms(regions: pd.DataFrame) -> Iterator[Form]:
    """Yield each region's id, name and other names, with and without their brackets.

    Parameters
    ----------
    regions
        ``region_id, name, names``; a region's code is its row.
    """
    rows = zip(regions["region_id"], regions["name"], regions["names"], strict=True)
    for code, (region_id, name, names) in enumerate(rows):
        yield Form(region_id, code, NAME)
        for tier, text in ((NAME, name), (OTHER_NAME, names)):
            for whole in _split(text):
                for variant in name_variants(whole):
                    yield Form(variant, code, tier if variant == whole else OTHER_NAME)


def place_forms(places: pd.DataFrame, regions: gpd.GeoDataFrame) -> Iterator[Form]:
    """Yield the names of each place that lies in a region.

    Parameters
    ----------
    places
        ``name``, optionally ``names``, and ``region_id`` or ``lon`` and ``lat``.
    regions
        The regions sorted by id; a region's code is its row.

    Raises
    ------
    SchemaError
        When a column is absent.
    """
    if "name" not in places.columns:
        raise SchemaError("places lack a column", column="name")
    codes = {region_id: code for code, region_id in enumerate(regions["region_id"])}
    names = places["names"] if "names" in places.columns else [None] * len(places)
    for region_id, name, others in zip(
        _region_ids(places, regions), places["name"], names, strict=True
    ):
        if region_id in codes:
            for text in dict.fromkeys([*_split(name), *_split(others)]):
                for variant in name_variants(text):
                    yield Form(variant, codes[region_id], PLACE)


def _split(text: Any) -> list[str]:
    """Return the names of a cell, none when it is missing."""
    if not isinstance(text, str):
        return []
    return [part for part in (part.strip() for part in text.split(_JOINED_BY)) if part]


def _region_ids(places: pd.DataFrame, regions: gpd.GeoDataFrame) -> pd.Series:
    """Return the region of each place: the stated one, else the one its point lies in."""
    stated = pd.Series([None] * len(places), dtype="str")
    if "region_id" in places.columns:
        stated = places["region_id"].astype("str").reset_index(drop=True)
        if not {"lon", "lat"} <= set(places.columns):
            return stated
    elif not {"lon", "lat"} <= set(places.columns):
        raise SchemaError("places lack a column", column="region_id", expected="or lon and lat")
    lon, lat = (pd.to_numeric(places[name]).to_numpy(float) for name in ("lon", "lat"))
    points = gpd.GeoSeries(gpd.points_from_xy(lon, lat), crs=CRS)
    pairs = regions.sindex.query(points, predicate="intersects", sort=True)
    first = pd.Series(pairs[1]).groupby(pairs[0]).min()
    met = regions["region_id"].take(first.to_numpy())
    return stated.fillna(pd.Series(met.to_numpy(), index=first.index, dtype="str"))
