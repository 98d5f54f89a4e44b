"""risk.geojson keeps every rule of RFC 7946 and says the same as the table."""

import json
import shutil
import subprocess
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from geojson_pydantic import FeatureCollection

from riskmap.outputs.bundles import Bundle
from riskmap.outputs.geofiles import geojson_chunks

NODE = Path(__file__).parent / "node"


def written(layer):
    return b"".join(geojson_chunks(Bundle(layer)))


def refuse(constant):
    raise AssertionError(f"{constant} is no JSON")


def parsed(layer):
    return json.loads(written(layer), parse_constant=refuse)


@pytest.fixture(scope="module")
def across(layers):
    """A layer whose regions lie on both sides of the antimeridian, one without geometry."""
    regions = layers["layer"]().regions
    moved = [shapely.transform(g, lambda xy: xy + np.array([175.0, 0.0])) for g in regions.geometry]
    moved[5] = None
    return layers["layer"](regions=regions.set_geometry(gpd.GeoSeries(moved, crs=4326)))


@pytest.mark.slow
def test_a_strict_validator_agrees(layer, across, tmp_path):
    if not (NODE / "node_modules").is_dir() or shutil.which("node") is None:
        pytest.skip(f"@placemarkio/check-geojson is absent: npm install --prefix {NODE.name}")
    script = (
        "const {check} = require('@placemarkio/check-geojson');"
        "for (const f of process.argv.slice(1)) check(require('fs').readFileSync(f, 'utf8'));"
    )
    paths = []
    for i, one in enumerate((layer, across)):
        paths.append(tmp_path / f"{i}.json")
        paths[-1].write_bytes(written(one))
    done = subprocess.run(
        ["node", "-e", script, *map(str, paths)],
        cwd=NODE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.filterwarnings("ignore:BBOX crossing the Antimeridian")
def test_the_models_of_geojson_pydantic_agree(layer, across):
    for one in (layer, across):
        collection = FeatureCollection.model_validate_json(written(one))
        assert len(collection.features) == 24


def test_readers_see_what_was_written(layer, tmp_path):
    path = layer.to_file(tmp_path / "risk.geojson")
    frame = gpd.read_file(path)
    assert frame.crs.to_epsg() == 4326
    assert frame["region_id"].tolist() == layer.regions["region_id"].tolist()
    assert frame.geometry.geom_equals(layer.regions.geometry).all()


def test_properties_are_flat_and_short_names_are_unique(layer):
    for feature in parsed(layer)["features"]:
        names = [name[:10] for name in feature["properties"]]
        assert len(set(names)) == len(names)
        assert all(name == name.lower() for name in feature["properties"])
        kinds = {type(value) for value in feature["properties"].values()}
        assert kinds <= {str, int, float, bool, type(None)}


def test_ids_order_and_provenance(layer):
    collection = parsed(layer)
    ids = [feature["id"] for feature in collection["features"]]
    assert ids == sorted(layer.regions["region_id"])
    assert set(collection) == {"type", "bbox", "riskmap", "features"}
    assert collection["riskmap"]["scale_id"] == layer.scale.scale_id
    assert collection["riskmap"]["valid_from"] == "2025-01-01T00:00:00Z"


def test_nothing_known_is_null_and_level_0(layer):
    last = parsed(layer)["features"][-1]["properties"]
    assert last["p_any"] is None
    assert (last["risk_level"], last["level_name"]) == (0, "insufficient_data")
    assert last["data_sufficiency"] == "insufficient"


def test_infinite_numbers_are_null(layers):
    layer = layers["layer"]()
    risks = layer.risks.assign(p_most=np.inf)
    assert parsed(layers["layer"](risks=risks))["features"][0]["properties"]["p_most"] is None


def test_a_split_region_has_a_box_that_crosses(across):
    collection = parsed(across)
    assert collection["bbox"] == [177.0, -8.0, -177.0, -4.0]
    boxes = [f["bbox"] for f in collection["features"] if "bbox" in f]
    assert any(box[0] > box[2] for box in boxes)
    assert sum(f["geometry"] is None for f in collection["features"]) == 1


@pytest.mark.slow
def test_row_order_changes_no_byte(layers):
    layer = layers["layer"]()
    shuffled = {
        name: getattr(layer, name).sample(frac=1, random_state=3)
        for name in ("regions", "risks", "drivers", "incidents")
    }
    assert written(layers["layer"](**shuffled)) == written(layer)


def test_hostile_names_are_text(layers):
    names = ['"}]}', "</script>", "\ud800", "a\x00b", "ولسوالی", "北京"]
    regions = layers["names"](names)
    found = [f["properties"]["name"] for f in parsed(layers["layer"](regions=regions))["features"]]
    assert found[:6] == ['"}]}', "</script>", "?", "ab", "ولسوالی", "北京"]


def test_the_table_and_the_map_say_the_same(layer):
    table = Bundle(layer).published
    properties = pd.DataFrame([f["properties"] for f in parsed(layer)["features"]])
    assert list(properties) == list(table)
    assert properties["p_any"].equals(table["p_any"])


def test_an_attack_that_marks_no_region_stands_beside_the_features(layer, told):
    """Who loads nothing else would not see it; what marks one is seen there."""
    known = {"area": "Dostan", "event_date": "2025-01-21", "until": "2025-04-21"}
    assert parsed(told)["riskmap"]["attacks_in_areas"] == [known]
    assert parsed(layer)["riskmap"]["attacks_in_areas"] == []
