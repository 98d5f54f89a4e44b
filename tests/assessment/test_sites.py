"""Sites and routes have a risk; where they are stands nowhere."""

import re
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

import riskmap as rm
from riskmap.assessment.exposures import assess_sites
from riskmap.assessment.layers import SITE_COLUMNS
from riskmap.outputs.bundles import Bundle
from riskmap.panels.groups import Route, Site
from riskmap.schema import check_columns

REGIONS = rm.datasets.regions()
CAMP = Site("Camp Sparrow", 4.512345, -6.498765)
MINE = Site("Mine Kestrel", 6.723456, -5.287654)
WAY = Route("Sparrow to Kestrel", (CAMP, MINE))
GROUP = rm.WorkerGroup("CHN", sector="mining", sites=(CAMP, MINE), routes=(WAY,))


@pytest.fixture(scope="module")
def layer():
    located = rm.locate(rm.datasets.incidents(), REGIONS)
    panel = rm.count_incidents(located, REGIONS, group=GROUP, as_of="2025-01-01")
    return rm.assess(rm.forecast(panel, model=rm.EmpiricalBayes()), REGIONS)


def risks_of(p, level=2):
    ids = REGIONS["region_id"]
    return pd.DataFrame(
        {
            "region_id": ids,
            "layer": "violence",
            "p_any": np.broadcast_to(np.asarray(p, float), len(ids)),
            "risk_level": np.broadcast_to(np.asarray(level), len(ids)),
            "attacked": False,
        }
    )


def judged(p, *, level=2, sites=(), routes=()):
    group = replace(GROUP, sites=sites, routes=routes)
    return assess_sites(risks_of(p, level), REGIONS, group=group).iloc[0]


def test_one_row_a_site_or_route_and_layer(layer):
    check_columns(layer.sites, SITE_COLUMNS, table="sites")
    assert layer.sites["site"].tolist() == [
        name for name in ("Camp Sparrow", "Mine Kestrel", "Sparrow to Kestrel") for _ in range(3)
    ]
    assert layer.sites["layer"].tolist() == ["violence", "foreign", "group"] * 3


@pytest.mark.slow
def test_a_site_has_the_risk_of_its_region(layer):
    home = REGIONS["region_id"][rm.RegionIndex(REGIONS).query([CAMP.lon], [CAMP.lat])[0]]
    row = layer.sites[(layer.sites["site"] == "Camp Sparrow") & (layer.sites["layer"] == "group")]
    risk = layer.risks[(layer.risks["region_id"] == home) & (layer.risks["layer"] == "group")]
    assert row["region_id"].item() == home
    assert row["p_any"].item() == pytest.approx(risk["p_any"].item())
    assert row["risk_level"].item() == risk["risk_level"].item()


def test_the_border_is_as_far_as_the_ellipsoid_says():
    row = judged(0.1, sites=(CAMP,))
    home = REGIONS.set_index("region_id").geometry[row["region_id"]]
    globe = Geod(ellps="WGS84")
    near = np.array(home.exterior.segmentize(0.0005).coords)
    _, _, metres = globe.inv(*np.broadcast_arrays(CAMP.lon, CAMP.lat, near[:, 0], near[:, 1])[:2],
                             near[:, 0], near[:, 1])  # fmt: skip
    assert row["border_distance_m"] == pytest.approx(metres.min(), rel=0.01)


@pytest.mark.slow
@given(st.floats(0, 1))
def test_a_way_through_equal_regions_is_as_risky_as_each(p):
    assert judged(p, routes=(WAY,))["p_any"] == pytest.approx(p, abs=1e-9)


@pytest.mark.slow
@given(st.lists(st.floats(0, 0.999), min_size=24, max_size=24))
def test_a_way_is_between_its_safest_and_its_worst_region(chances):
    passed = judged(0.5, routes=(WAY,))
    row = judged(chances, routes=(WAY,))
    assert 0 <= row["p_any"] <= max(chances) + 1e-9
    assert passed["assessed_share"] == pytest.approx(1.0)


def test_stretches_count_by_their_length():
    index = rm.RegionIndex(REGIONS)
    line = np.linspace([CAMP.lon, CAMP.lat], [MINE.lon, MINE.lat], 20_001)
    middle = (line[1:] + line[:-1]) / 2
    _, _, metres = Geod(ellps="WGS84").inv(*line[:-1].T, *line[1:].T)
    share = np.bincount(index.query(*middle.T), metres, minlength=24) / metres.sum()
    p = np.linspace(0.01, 0.6, 24)
    expected = 1 - np.prod((1 - p) ** share)
    row = judged(p, routes=(WAY,))
    assert row["p_any"] == pytest.approx(expected, abs=1e-4)
    assert row["region_id"] == REGIONS["region_id"][np.flatnonzero(share)[-1]]
    assert row["border_distance_m"] == 0.0


def test_there_and_back_is_the_same_way():
    back = Route("back", (CAMP, MINE, CAMP))
    p = np.linspace(0.01, 0.6, 24)
    assert judged(p, routes=(back,))["p_any"] == pytest.approx(judged(p, routes=(WAY,))["p_any"])


def test_a_way_within_one_region_has_a_border_beside_it():
    near = Route("short", (CAMP, Site("b", CAMP.lon + 0.05, CAMP.lat)))
    ends = [judged(0.1, sites=(stop,))["border_distance_m"] for stop in near.stops]
    found = judged(0.1, routes=(near,))["border_distance_m"]
    assert 0 < found <= min(ends) + 1e-6


def test_what_is_not_known_on_the_way_is_told_and_hides_nothing():
    whole = judged(0.2, routes=(WAY,))
    levels = np.where(REGIONS["region_id"] == whole["region_id"], 0, 4)
    row = judged(np.where(levels == 0, np.nan, 0.2), level=levels, routes=(WAY,))
    assert np.isnan(row["p_any"])
    assert row["risk_level"] == 4
    assert 0 < row["assessed_share"] < 1


def test_where_nothing_is_known_the_level_is_none():
    row = judged(np.nan, level=0, sites=(CAMP,))
    assert (row["risk_level"], row["assessed_share"]) == (0, 0)
    assert np.isnan(row["p_any"])


FAR = Site("Far Out", 100.0, 50.0)


@pytest.mark.parametrize(
    "where", [{"sites": (FAR,)}, {"routes": (Route("far", (FAR, Site("x", 101.0, 50.0))),)}]
)
def test_what_is_outside_of_all_regions_is_not_assessed_and_stops_nothing(where):
    row = judged(0.1, **where)
    assert (row["risk_level"], row["assessed_share"]) == (0, 0)
    assert row[["region_id", "p_any", "border_distance_m"]].isna().all()


def test_a_way_that_leaves_the_regions_keeps_its_worst_stretch_and_says_how_much_is_unknown():
    row = judged(0.1, level=4, routes=(Route("out", (CAMP, FAR)),))
    assert row["risk_level"] == 4
    assert 0 < row["assessed_share"] < 0.5
    assert np.isnan(row["p_any"])


def test_a_site_just_outside_tells_what_is_next_door():
    west, south, *_ = REGIONS.total_bounds
    row = judged(0.1, level=4, sites=(Site("beside", west - 0.05, south + 1),))
    assert (row["risk_level"], row["near_level"]) == (0, 4)
    assert 0 < row["near_distance_m"] < 25_000


@pytest.mark.slow
def test_page_one_and_the_tables_tell_a_site_outside(layer, tmp_path):
    group = replace(GROUP, sites=(CAMP, FAR), routes=())
    risks = layer.risks.assign(attacked=layer.risks["attacked"].fillna(value=False))
    found = replace(layer, sites=assess_sites(risks, REGIONS, group=group))
    report = Bundle(found).report("en")
    assert ("Far Out", "outside of this map", "? not assessed", "–") in report["sites"].rows
    assert any("nobody can say" in line and "Far Out" in line for line in report["unknown"])
    assert not any("Camp Sparrow" in line for line in report["unknown"])
    folder = rm.publish(found, tmp_path, formats=["csv", "map"])
    again = rm.read_layer(folder, today="2025-01-02")
    assert again.sites["region_id"].isna().sum() == 3
    public = rm.publish(found, tmp_path / "public", formats=["advisory"], profile="public")
    assert b"Far Out" not in (public / "advisory.md").read_bytes()


WHERE = re.compile(rb"4\.512|6\.498|6\.723|5\.287")
#: Of a private set: for the group's own eyes.
OWN = ("map", "layer")


@pytest.mark.slow
def test_what_is_handed_on_never_says_where_they_are(layer, tmp_path):
    folder = rm.publish(layer, tmp_path)
    files = [path for path in folder.iterdir() if path.is_file()]
    handed_on = [path for path in files if not path.name.startswith(OWN)]
    assert len(handed_on) > 5
    for path in handed_on:
        assert not WHERE.search(path.read_bytes()), path.name
    with zipfile.ZipFile(folder / "risk.xlsx") as book:
        for name in book.namelist():
            assert not re.search(rb"wkt|POINT|LINESTRING", book.read(name)), name
    assert WHERE.search((folder / "layer.json").read_bytes())


@pytest.mark.slow
def test_the_public_profile_does_not_even_name_them(layer, tmp_path):
    folder = rm.publish(layer, tmp_path, profile="public")
    for path in folder.iterdir():
        if path.is_file():
            data = path.read_bytes()
            assert b"Sparrow" not in data, path.name
            assert b"Kestrel" not in data, path.name
            assert not WHERE.search(data), path.name


def test_next_door_is_the_highest_other_region_within_reach():
    home = judged(0.1, sites=(CAMP,))["region_id"]
    shape = REGIONS.set_index("region_id").geometry
    west, _, _, north = shape[home].bounds
    beside = Site("beside", west + 0.01, north - 0.3)
    calm = judged(0.1, sites=(beside,))
    assert calm["region_id"] != calm["near_region_id"]
    assert calm["near_distance_m"] < 25_000
    levels = np.where(REGIONS["region_id"] == calm["near_region_id"], 4, 2)
    row = judged(0.1, level=levels, sites=(beside,))
    assert (row["near_region_id"], row["near_level"]) == (calm["near_region_id"], 4)
    assert pd.isna(judged(0.1, routes=(WAY,))["near_region_id"])
