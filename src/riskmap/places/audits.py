"""Audits: what is wrong with a set of regions, where and how much."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from pyproj import Geod

from riskmap.places.areas import SMALLEST_KM2, areas_km2, find_overlaps, mend
from riskmap.places.boundary_tables import read_table
from riskmap.schema import CRS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import geopandas as gpd

_COLUMNS = {
    **dict.fromkeys(("kind", "region_id", "other_id"), "str"),
    **dict.fromkeys(("area_km2", "width_m", "lon", "lat"), "float64"),
    "detail": "str",
}
_REASON = re.compile(r"(.*)\[(\S+) (\S+)\]")
_POLYGONS = (3, 6)
_HALF_TURN, _POLE = 180.0, 90.0
#: How many findings of a kind are written out.
_SHOWN = 3


@dataclass(frozen=True)
class RegionAudit:
    """What an audit of regions found.

    Parameters
    ----------
    findings
        One row a finding: ``kind``, ``region_id`` and ``other_id`` (whom it concerns),
        ``area_km2``, ``width_m`` (mean width of a gap or overlap), ``lon``, ``lat``, ``detail``.
        Kinds are ``crs``, ``no_polygon``, ``invalid``, ``antimeridian``, ``missing_id``,
        ``duplicate_id``, ``missing_name``, ``duplicate_name``, ``missing_parent``, ``overlap``,
        ``gap``, and ``sliver`` for an overlap or gap that is narrow.
    n_regions
        How many regions were looked at.
    area_km2
        Their area in square kilometres, overlaps counted twice.
    """

    findings: pd.DataFrame
    n_regions: int
    area_km2: float

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return self.findings.empty

    def __str__(self) -> str:
        """Return a summary: how often and how large each kind is, and the largest of each."""
        lines = [f"{self.n_regions} regions, {self.area_km2:,.0f} km²"]
        if self.is_clean:
            lines.append("nothing found")
        for kind, found in self.findings.groupby("kind", sort=True):
            area = found["area_km2"].sum()
            share = f", {area:,.2f} km² ({area / self.area_km2:.3%})" if area else ""
            lines.append(f"{kind}: {len(found)}{share}")
            largest = found.sort_values("area_km2", ascending=False, kind="stable").head(_SHOWN)
            lines.extend(f"    {_line(row)}" for row in largest.to_dict("records"))
        return "\n".join(lines)


def _line(row: dict[str, object]) -> str:
    """Return one finding as text."""
    ids = " and ".join(str(row[key]) for key in ("region_id", "other_id") if pd.notna(row[key]))
    place = "" if pd.isna(row["lon"]) else f"at {row['lat']:.4f}, {row['lon']:.4f}"
    size = "" if pd.isna(row["area_km2"]) else f"{row['area_km2']:,.4f} km²"
    detail = "" if pd.isna(row["detail"]) else str(row["detail"])
    return ", ".join(part for part in (ids, size, place, detail) if part)


#: Overlaps and gaps with a mean width of less than so many metres are slivers.
_SLIVER_M = 100.0


def audit_regions(regions: gpd.GeoDataFrame | str | Path) -> RegionAudit:
    """Return what is wrong with a set of regions: ids, names, parents, rings, overlaps and gaps.

    Parameters
    ----------
    regions
        A Regions table, any GeoDataFrame with some of its columns, or the path of a boundary file,
        which is looked at as it stands, before :func:`riskmap.read_regions` mends anything.

    Returns
    -------
    RegionAudit
        Its table has an area and a place for each finding. A gap is a hole that regions enclose;
        lakes and enclaves of other countries are gaps too. Overlaps and gaps with a mean width of
        less than 100 metres are slivers.

    Raises
    ------
    BoundaryError
        When the file can't be read.

    Notes
    -----
    Mean width is twice the area by the perimeter.

    Examples
    --------
    >>> import riskmap as rm
    >>> print(rm.audit_regions(rm.datasets.regions()))
    24 regions, 293,784 km²
    nothing found
    """
    table = regions
    if isinstance(table, str | Path):
        table = read_table(Path(table), {}, as_is=True)
    known = pd.DataFrame(table).reindex(columns=["region_id", "iso3", "parent_id", "name"])
    numbers = pd.Series([f"#{i + 1}" for i in range(len(table))], index=table.index)
    ids = known["region_id"].astype(object).fillna(numbers).to_numpy()
    found = list(_table_findings(known, ids))
    if table.crs is None or table.crs.to_epsg() != 4326:  # noqa: PLR2004 - WGS 84
        met = "none" if table.crs is None else table.crs.to_string()
        found.append({"kind": "crs", "detail": f"{met}, expected {CRS}"})
        table = table.set_crs(CRS) if table.crs is None else table.to_crs(CRS)
    shapes = table.geometry.to_numpy()
    found += _shape_findings(shapes, ids)
    usable = np.isin(shapely.get_type_id(shapes), _POLYGONS) & ~shapely.is_empty(shapes)
    whole, ids = mend(shapes[usable]), ids[usable]
    tables = [
        pd.DataFrame(found),
        _overlap_findings(whole, ids),
        _gap_findings(whole, ids),
    ]
    findings = pd.concat(tables).reindex(columns=list(_COLUMNS)).astype(_COLUMNS)
    order = {"kind": True, "area_km2": False, "region_id": True, "other_id": True}
    findings = findings.sort_values([*order], ascending=[*order.values()], ignore_index=True)
    return RegionAudit(findings, len(table), float(areas_km2(whole).sum()))


def _table_findings(known: pd.DataFrame, ids: np.ndarray) -> Iterator[dict[str, object]]:
    """Find ids, names and parents that are missing, and ids and names that stand twice."""
    for column, word in (("region_id", "id"), ("name", "name"), ("parent_id", "parent")):
        missing = known[column].isna()
        if missing.all():
            yield {"kind": f"missing_{word}", "detail": f"{column} of every region"}
            continue
        for i in np.flatnonzero(missing):
            yield {"kind": f"missing_{word}", "region_id": ids[i], "detail": f"row {i + 1}"}
    for word, keys in (("id", ["region_id"]), ("name", ["iso3", "parent_id", "name"])):
        value = known[keys[-1]]
        for i in np.flatnonzero(known.duplicated(keys, keep=False) & value.notna()):
            detail = f"{value.iloc[i]!r} in row {i + 1}"
            yield {"kind": f"duplicate_{word}", "region_id": ids[i], "detail": detail}


def _shape_findings(shapes: np.ndarray, ids: np.ndarray) -> Iterator[dict[str, object]]:
    """Find geometries that are no polygons, invalid, or leap over the antimeridian."""
    for shape, region_id in zip(shapes, ids, strict=True):
        if shapely.get_type_id(shape) not in _POLYGONS or shape.is_empty:
            met = "no geometry" if shape is None else f"{shape.geom_type}, empty: {shape.is_empty}"
            yield {"kind": "no_polygon", "region_id": region_id, "detail": met}
            continue
        if not shape.is_valid:
            reason, lon, lat = _REASON.findall(shapely.is_valid_reason(shape))[0]
            at = {"lon": float(lon), "lat": float(lat), "detail": reason}
            yield {"kind": "invalid", "region_id": region_id, **at}
        if _leaps(shape):
            detail = "an edge leaps over more than 180 degrees of longitude"
            yield {"kind": "antimeridian", "region_id": region_id, "detail": detail}


def _leaps(shape: shapely.Geometry) -> bool:
    """Return whether an edge of a polygon runs around the globe the long way; not along a pole."""
    rings = shapely.get_rings(shapely.get_parts(shape))
    points, ring = shapely.get_coordinates(rings, return_index=True)
    long = np.abs(np.diff(points[:, 0])) > _HALF_TURN
    at_pole = np.abs(points[:, 1]) >= _POLE
    return bool((long & (np.diff(ring) == 0) & ~(at_pole[1:] & at_pole[:-1])).any())


def _overlap_findings(shapes: np.ndarray, ids: np.ndarray) -> pd.DataFrame:
    """Find the pairs of regions that overlap."""
    first, second, area = find_overlaps(shapes)
    common = shapely.intersection(shapes[first], shapes[second])
    found = _measured("overlap", common, area)
    return found.assign(region_id=ids[first], other_id=ids[second])


def _gap_findings(shapes: np.ndarray, ids: np.ndarray) -> pd.DataFrame:
    """Find the holes that regions enclose, each with up to two of its neighbours."""
    gaps = find_gaps(shapes)
    gap, region = shapely.STRtree(shapes).query(gaps, predicate="intersects")
    around = [[*sorted(ids[region[gap == i]]), None, None][:2] for i in range(len(gaps))]
    named = pd.DataFrame(around, columns=["region_id", "other_id"])
    return _measured("gap", gaps, areas_km2(gaps)).join(named)


def find_gaps(shapes: np.ndarray) -> np.ndarray:
    """Return the holes that valid polygons enclose together, as polygons.

    Holes smaller than ten metres squared are left out.

    Examples
    --------
    >>> frame = shapely.box(0, 0, 3, 3).difference(shapely.box(1, 1, 2, 2))
    >>> shapely.area(find_gaps(np.array([frame]))).tolist()
    [1.0]
    """
    union = shapely.union_all(shapes)
    shells = shapely.polygons(shapely.get_exterior_ring(shapely.get_parts(union)))
    holes = shapely.get_parts(shapely.difference(shapely.union_all(shells), union))
    return holes[areas_km2(holes) > SMALLEST_KM2]


def _measured(kind: str, shapes: np.ndarray, area: np.ndarray) -> pd.DataFrame:
    """Return area, width and place of overlaps or gaps; narrow ones are slivers."""
    globe = Geod(ellps="WGS84")
    perimeter = [abs(globe.geometry_length(line)) for line in shapely.boundary(shapes)]
    width = 2e6 * area / np.array(perimeter, dtype=np.float64)
    lon, lat = shapely.get_coordinates(shapely.point_on_surface(shapes)).T
    told = {"area_km2": area, "width_m": width, "lon": lon, "lat": lat}
    narrow = width < _SLIVER_M
    detail = [kind if one else None for one in narrow]
    kinds = {"kind": np.where(narrow, "sliver", kind), "detail": detail}
    return pd.DataFrame(told | kinds)
