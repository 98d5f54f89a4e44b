"""Audits: what is wrong with a set of regions, where and how much; and mending what can be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from riskmap.errors import BoundaryError
from riskmap.places.areas import (
    areas_km2,
    dissect,
    find_gaps,
    find_overlaps,
    mend,
    widths_m,
)
from riskmap.places.boundary_tables import read_table
from riskmap.schema import CRS, check_regions

if TYPE_CHECKING:
    from collections.abc import Iterator

_COLUMNS = {
    **dict.fromkeys(("kind", "region_id", "other_id"), "str"),
    **dict.fromkeys(("area_km2", "width_m", "lon", "lat"), "float64"),
    "detail": "str",
}
_PLACE = re.compile(r"\[(\S+) (\S+)\]")
_POLYGONS = (3, 6)
_HALF_TURN, _POLE = 180.0, 90.0
_SQUARE_METRE_KM2 = 1e-6
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


def audit_regions(
    regions: gpd.GeoDataFrame | str | Path, *, sliver_m: float = 100.0
) -> RegionAudit:
    """Return what is wrong with a set of regions: ids, names, parents, rings, overlaps and gaps.

    Parameters
    ----------
    regions
        A Regions table, any GeoDataFrame with some of its columns, or the path of a boundary file,
        which is looked at as it stands, before :func:`riskmap.read_regions` mends anything.
    sliver_m
        Overlaps and gaps with a mean width of less than this many metres count as slivers.

    Returns
    -------
    RegionAudit
        Its table has an area and a place for each finding. A gap is a hole that regions enclose;
        lakes and enclaves of other countries are gaps too.

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
    table = (
        regions
        if isinstance(regions, gpd.GeoDataFrame)
        else read_table(Path(regions), {}, as_is=True)
    )
    found = list(_table_findings(table))
    if table.crs is None or table.crs.to_epsg() != 4326:  # noqa: PLR2004 - WGS 84
        met = "none" if table.crs is None else table.crs.to_string()
        found.append({"kind": "crs", "detail": f"{met}, expected {CRS}"})
        table = table.set_crs(CRS) if table.crs is None else table.to_crs(CRS)
    shapes = table.geometry.to_numpy()
    ids = _ids(table)
    found += _shape_findings(shapes, ids)
    usable = np.isin(shapely.get_type_id(shapes), _POLYGONS) & ~shapely.is_empty(shapes)
    whole, ids = mend(shapes[usable]), ids[usable]
    tables = [
        pd.DataFrame(found),
        _overlap_findings(whole, ids, sliver_m),
        _gap_findings(whole, ids, sliver_m),
    ]
    findings = pd.concat(tables).reindex(columns=list(_COLUMNS)).astype(_COLUMNS)
    order = ["kind", "area_km2", "region_id", "other_id"]
    rises = [True, False, True, True]
    findings = findings.sort_values(order, ascending=rises, ignore_index=True)
    return RegionAudit(findings, len(table), float(areas_km2(whole).sum()))


def _ids(table: gpd.GeoDataFrame) -> np.ndarray:
    """Return each region's id, or its number in the table where it has none."""
    numbers = pd.Series([f"#{i + 1}" for i in range(len(table))], index=table.index)
    if "region_id" not in table.columns:
        return numbers.to_numpy(dtype=object)
    return table["region_id"].fillna(numbers).to_numpy(dtype=object)


def _table_findings(table: gpd.GeoDataFrame) -> Iterator[dict[str, object]]:
    """Find ids, names and parents that are missing, and ids and names that stand twice."""
    ids = _ids(table)
    for column, word in (("region_id", "id"), ("name", "name"), ("parent_id", "parent")):
        if column not in table.columns:
            yield {"kind": f"missing_{word}", "detail": f"no column {column}"}
            continue
        missing = np.flatnonzero(table[column].isna())
        if len(missing) == len(table):
            yield {"kind": f"missing_{word}", "detail": f"{column} of every region"}
            continue
        for i in missing:
            yield {"kind": f"missing_{word}", "region_id": ids[i], "detail": f"row {i + 1}"}
    for kind, keys in (
        ("duplicate_id", ["region_id"]),
        ("duplicate_name", ["iso3", "parent_id", "name"]),
    ):
        have = [key for key in keys if key in table.columns]
        if keys[-1] not in have:
            continue
        twice = table.duplicated(have, keep=False) & table[keys[-1]].notna()
        for i in np.flatnonzero(twice):
            value = table[keys[-1]].iloc[i]
            yield {"kind": kind, "region_id": ids[i], "detail": f"{value!r} in row {i + 1}"}


def _shape_findings(shapes: np.ndarray, ids: np.ndarray) -> Iterator[dict[str, object]]:
    """Find geometries that are no polygons, invalid, or leap over the antimeridian."""
    kinds = shapely.get_type_id(shapes)
    for i, shape in enumerate(shapes):
        if kinds[i] not in _POLYGONS or shape.is_empty:
            met = "no geometry" if shape is None else f"{shape.geom_type}, empty: {shape.is_empty}"
            yield {"kind": "no_polygon", "region_id": ids[i], "detail": met}
            continue
        if not shape.is_valid:
            reason = shapely.is_valid_reason(shape)
            lon, lat = map(float, _PLACE.search(reason).groups())  # type: ignore[union-attr]
            yield {
                "kind": "invalid",
                "region_id": ids[i],
                "lon": lon,
                "lat": lat,
                "detail": _PLACE.sub("", reason),
            }
        if _leaps(shape):
            detail = "an edge leaps over more than 180 degrees of longitude"
            yield {"kind": "antimeridian", "region_id": ids[i], "detail": detail}


def _leaps(shape: shapely.Geometry) -> bool:
    """Return whether an edge of a polygon runs around the globe the long way; not along a pole."""
    rings = shapely.get_rings(shapely.get_parts(shape))
    points, ring = shapely.get_coordinates(rings, return_index=True)
    long = np.abs(np.diff(points[:, 0])) > _HALF_TURN
    at_pole = np.abs(points[:, 1]) >= _POLE
    return bool((long & (np.diff(ring) == 0) & ~(at_pole[1:] & at_pole[:-1])).any())


def _overlap_findings(shapes: np.ndarray, ids: np.ndarray, sliver_m: float) -> pd.DataFrame:
    """Find the pairs of regions that overlap."""
    first, second, area = find_overlaps(shapes)
    common = shapely.intersection(shapes[first], shapes[second])
    found = _measured("overlap", common, area, sliver_m)
    return found.assign(region_id=ids[first], other_id=ids[second])


def _gap_findings(shapes: np.ndarray, ids: np.ndarray, sliver_m: float) -> pd.DataFrame:
    """Find the holes that regions enclose, each with up to two of its neighbours."""
    gaps = find_gaps(shapes)
    gap, region = shapely.STRtree(shapes).query(gaps, predicate="intersects")
    around = [[*sorted(ids[region[gap == i]]), None, None][:2] for i in range(len(gaps))]
    named = pd.DataFrame(around, columns=["region_id", "other_id"])
    return _measured("gap", gaps, areas_km2(gaps), sliver_m).join(named)


def _measured(kind: str, shapes: np.ndarray, area: np.ndarray, sliver_m: float) -> pd.DataFrame:
    """Return area, width and place of overlaps or gaps; narrow ones are slivers."""
    width = widths_m(shapes, area)
    lon, lat = shapely.get_coordinates(shapely.point_on_surface(shapes)).T
    told = {"area_km2": area, "width_m": width, "lon": lon, "lat": lat}
    narrow = width < sliver_m
    detail = [kind if one else None for one in narrow]
    kinds = {"kind": np.where(narrow, "sliver", kind), "detail": detail}
    return pd.DataFrame(told | kinds)


@dataclass(frozen=True)
class RegionRepair:
    """Regions that were mended, and what became of each.

    Parameters
    ----------
    regions
        The regions, a valid coverage.
    changes
        One row a region that changed: ``region_id``, ``mended_km2`` (change of area by making an
        invalid polygon valid), ``gained_km2`` and ``lost_km2`` (by overlaps and gaps).
    """

    regions: gpd.GeoDataFrame
    changes: pd.DataFrame

    def __str__(self) -> str:
        """Return how many regions changed and by how much in all."""
        sums = self.changes[["gained_km2", "lost_km2"]].sum()
        return (
            f"{len(self.changes)} of {len(self.regions)} regions changed: "
            f"{sums['gained_km2']:,.3f} km² gained, {sums['lost_km2']:,.3f} km² lost"
        )


def repair_regions(regions: gpd.GeoDataFrame, *, widest_gap_m: float = 100.0) -> RegionRepair:
    """Return the regions as a valid coverage, and the area that each gained and lost.

    Invalid polygons are made valid by their structure. Where regions overlap, the smaller one keeps
    the common area (so that a town survives in the district it was not cut from; of equal ones, the
    first by id). Gaps up to `widest_gap_m` wide go to the neighbour with the longest border; wider
    ones, such as lakes, stay.

    Parameters
    ----------
    regions
        A Regions table, whose polygons may be invalid.
    widest_gap_m
        Mean width in metres up to which a gap is filled; 0 fills none.

    Returns
    -------
    RegionRepair
        The mended regions and a table of changes.

    Raises
    ------
    SchemaError
        When `regions` is not a Regions table.
    BoundaryError
        When nothing would be left of a region, because smaller ones cover it.

    Notes
    -----
    All borders are cut where they cross, the faces between them are built anew, and each face is
    given to one region; so neighbours share their borders exactly.

    Examples
    --------
    >>> import riskmap as rm
    >>> print(rm.repair_regions(rm.datasets.regions()))
    0 of 24 regions changed: 0.000 km² gained, 0.000 km² lost
    """
    check_regions(regions)
    before = regions.geometry.to_numpy()
    whole = mend(before)
    after, gained, lost = dissect(whole, widest_gap_m=widest_gap_m)
    if shapely.is_empty(after).any():
        met = regions["region_id"].to_numpy()[shapely.is_empty(after)][0]
        raise BoundaryError("nothing would be left of a region", column="geometry", met=met)
    changes = pd.DataFrame(
        {
            "region_id": regions["region_id"].to_numpy(),
            "mended_km2": areas_km2(whole) - areas_km2(before),
            "gained_km2": gained,
            "lost_km2": lost,
        }
    )
    sums = changes.drop(columns="region_id").abs().sum(axis=1)
    changed = (sums > _SQUARE_METRE_KM2) | ~shapely.is_valid(before)
    mended = regions.set_geometry(gpd.GeoSeries(after, index=regions.index, crs=CRS))
    return RegionRepair(mended, changes[changed].reset_index(drop=True))
