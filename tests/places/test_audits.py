"""Audits find what was put in, with its area and place."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import riskmap as rm
from riskmap.places.areas import areas_km2, find_overlaps
from riskmap.places.audits import find_gaps
from riskmap.schema import REGION_COLUMNS, conform

SLIVER = shapely.box(1, 0, 1.0004, 1)


def table(*shapes, **columns):
    ids = [f"r{i}" for i in range(len(shapes))]
    rows = {"region_id": ids, "name": [i.upper() for i in ids], "parent_id": "p", **columns}
    return gpd.GeoDataFrame(
        conform(pd.DataFrame(rows), REGION_COLUMNS), geometry=list(shapes), crs=4326
    )


def kinds(audit):
    return audit.findings["kind"].value_counts().to_dict()


def test_a_sound_table_is_clean():
    audit = rm.audit_regions(rm.datasets.regions())
    assert audit.is_clean
    assert "nothing found" in str(audit)


@pytest.mark.parametrize(
    ("shapes", "columns", "found"),
    [
        ([shapely.box(0, 0, 2, 1), shapely.box(1, 0, 3, 1)], {}, {"overlap": 1}),
        ([shapely.box(0, 0, 1.0004, 1), shapely.box(1, 0, 3, 1)], {}, {"sliver": 1}),
        ([shapely.box(0, 0, 3, 3) - shapely.box(1, 1, 2, 2)], {}, {"gap": 1}),
        ([shapely.box(0, 0, 3, 3) - shapely.box(1, 1, 1.0001, 2)], {}, {"sliver": 1}),
        ([shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])], {}, {"invalid": 1}),
        ([shapely.box(-179, 0, 179, 1)], {}, {"antimeridian": 1}),
        ([shapely.box(-180, -90, 180, -80)], {}, {"antimeridian": 1}),
        ([shapely.box(-170, -90, 10, -80)], {}, {}),
        ([shapely.box(0, 0, 1, 1), None], {}, {"no_polygon": 1}),
        ([shapely.box(0, 0, 1, 1), shapely.Point(5, 5)], {}, {"no_polygon": 1}),
        ([shapely.box(0, 0, 1, 1), shapely.Polygon()], {}, {"no_polygon": 1}),
        ([shapely.box(0, 0, 1, 1)], {"region_id": [None]}, {"missing_id": 1}),
        ([shapely.box(0, 0, 1, 1)], {"name": [None]}, {"missing_name": 1}),
        ([shapely.box(0, 0, 1, 1)], {"parent_id": [None]}, {"missing_parent": 1}),
        (
            [shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)],
            {"region_id": ["a", "a"]},
            {"duplicate_id": 2},
        ),
        (
            [shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)],
            {"name": ["a", "a"]},
            {"duplicate_name": 2},
        ),
        (
            [shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)],
            {"name": ["a", "a"], "parent_id": ["p", "q"]},
            {},
        ),
    ],
)
def test_each_fault_is_found_and_nothing_else(shapes, columns, found):
    assert kinds(rm.audit_regions(table(*shapes, **columns))) == found


def test_a_finding_has_an_area_a_width_and_a_place():
    audit = rm.audit_regions(table(shapely.box(0, 0, 2, 1), shapely.box(1, 0, 3, 1)))
    row = audit.findings.iloc[0]
    assert (row["region_id"], row["other_id"]) == ("r0", "r1")
    assert row["area_km2"] == pytest.approx(12308.6, abs=1)
    assert 1 <= row["lon"] <= 2
    assert 0 <= row["lat"] <= 1
    assert "r0 and r1, 12,30" in str(audit)


def test_an_invalid_ring_is_placed():
    audit = rm.audit_regions(table(shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])))
    row = audit.findings.iloc[0]
    assert (row["lon"], row["lat"], row["detail"]) == (1.0, 1.0, "Self-intersection")


@pytest.mark.parametrize("crs", [None, 3857])
def test_another_coordinate_system_is_found(crs):
    regions = rm.datasets.regions()
    other = regions.set_crs(crs, allow_override=True) if crs is None else regions.to_crs(crs)
    assert kinds(rm.audit_regions(other)) == {"crs": 1}


def test_a_bare_table_of_polygons_can_be_audited():
    bare = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1), None], crs=4326)
    audit = rm.audit_regions(bare)
    assert kinds(audit) == {
        "missing_id": 1,
        "missing_name": 1,
        "missing_parent": 1,
        "no_polygon": 1,
    }
    assert audit.findings.iloc[-1]["region_id"] == "#2"


def test_a_file_is_audited_as_it_stands(tmp_path):
    bow = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    frame = gpd.GeoDataFrame(
        {"shapeID": ["a", "a"], "shapeName": ["A", None]},
        geometry=[bow, shapely.box(5, 5, 6, 6)],
        crs=4326,
    )
    frame.to_file(tmp_path / "a.geojson", driver="GeoJSON")
    audit = rm.audit_regions(tmp_path / "a.geojson")
    assert kinds(audit) == {"duplicate_id": 2, "invalid": 1, "missing_name": 1, "missing_parent": 1}


corner = st.integers(0, 30).map(lambda k: k / 7)


@st.composite
def crowds(draw):
    """A handful of boxes and triangles that may overlap in every way, none equal to another."""
    shapes = []
    for _ in range(draw(st.integers(1, 6))):
        x, y = draw(corner), draw(corner)
        w, h = draw(st.integers(1, 9)) / 3, draw(st.integers(1, 9)) / 3
        box = shapely.box(x, y, x + w, y + h)
        shape = shapely.Polygon([(x, y), (x + w, y), (x, y + h)]) if draw(st.booleans()) else box
        if not any(shapely.equals(shape, other) for other in shapes):
            shapes.append(shape)
    return shapes


@given(crowds())
def test_areas_of_overlaps_are_those_of_the_intersections(shapes):
    shapes = np.array(shapes, dtype=object)
    first, second, area = find_overlaps(shapes)
    found = dict(zip(zip(first.tolist(), second.tolist(), strict=True), area, strict=True))
    for i in range(len(shapes)):
        for j in range(i + 1, len(shapes)):
            common = areas_km2(np.array([shapely.intersection(shapes[i], shapes[j])]))[0]
            assert found.get((i, j), 0.0) == pytest.approx(common, abs=1e-3)


def test_islands_are_no_gaps():
    ring = shapely.box(0, 0, 9, 9) - shapely.box(1, 1, 8, 8)
    island = shapely.box(3, 3, 4, 4)
    assert shapely.area(find_gaps(np.array([ring, island]))).tolist() == [48.0]


@pytest.mark.filterwarnings("ignore::riskmap.errors.RiskmapWarning")
@pytest.mark.parametrize(
    ("name", "gaps", "overlaps"),
    [
        ("UKR/geoBoundaries-UKR-ADM2.geojson", 1, 96),
        ("PAK/PAK_ADM2_codab2022_simplified5p.geojson", 46, 13),
        ("AFG/geoBoundaries-AFG-ADM2_simplified.geojson", 19, 0),
    ],
)
def test_real_boundaries_are_audited(shared, name, gaps, overlaps):
    found = rm.audit_regions(shared / "boundaries" / name).findings
    is_gap = (found["kind"] == "gap") | (found["detail"] == "gap")
    is_overlap = (found["kind"] == "overlap") | (found["detail"] == "overlap")
    assert (is_gap.sum(), is_overlap.sum()) == (gaps, overlaps)
