"""A timeline holds each day's layer, from its day until the next."""

import json

import numpy as np
import pytest
import shapely
from geojson_pydantic import FeatureCollection

from riskmap.errors import InputError
from riskmap.outputs.geojson import geojson_chunks
from riskmap.outputs.tables import SHORT
from riskmap.outputs.timelines import timeline_chunks, write_timeline

DAYS = ("2025-01-01", "2025-02-01", "2025-03-01")


@pytest.fixture(scope="module")
def series(layer, layers):
    def on(day):
        times = {"as_of": day, "valid_from": f"{day}T00:00:00Z", "valid_until": "2025-06-01"}
        return layers["layer"](provenance=layer.provenance | times)

    return [on(day) for day in DAYS]


def parsed(series):
    return json.loads(b"".join(timeline_chunks(series)))


def test_one_feature_a_region_and_day(series):
    found = parsed(series)["features"]
    assert len(found) == 3 * 24
    assert len({feature["id"] for feature in found}) == len(found)
    assert found[0]["id"] == "XQA0101@2025-01-01"
    assert "id" not in found[0]["properties"]


def test_each_layer_holds_until_the_next(series):
    spans = {
        (f["properties"]["time_start"], f["properties"]["time_end"])
        for f in parsed(series)["features"]
    }
    starts = [f"{day}T00:00:00Z" for day in DAYS]
    assert spans == set(zip(starts, [*starts[1:], "2025-06-01"], strict=True))


def test_a_day_says_what_its_own_file_says(series):
    own = json.loads(b"".join(geojson_chunks(series[1])))["features"]
    found = parsed(series)["features"][24:48]
    for one, other in zip(found, own, strict=True):
        assert one["geometry"] == other["geometry"]
        assert other["properties"].items() <= one["properties"].items()
        short = [name[:SHORT] for name in one["properties"]]
        assert len(set(short)) == len(short)


def test_it_is_geojson(series):
    FeatureCollection.model_validate(parsed(series))


def test_order_does_not_matter_and_regions_may_change(series, layers):
    assert parsed(series[::-1]) == parsed(series)
    moved = shapely.transform(series[2].regions.geometry, lambda xy: xy + np.array([1.0, 0.0]))
    later = layers["layer"](
        regions=series[2].regions.set_geometry(moved), provenance=series[2].provenance
    )
    assert parsed([*series[:2], later])["bbox"] == [2.0, -8.0, 9.0, -4.0]


@pytest.mark.parametrize("picked", [[], [0, 1, 0]])
def test_days_differ(series, picked):
    with pytest.raises(InputError, match="layers of different days"):
        parsed([series[i] for i in picked])


def test_nothing_is_written_of_a_wrong_timeline(tmp_path):
    with pytest.raises(InputError):
        write_timeline([], tmp_path / "a.geojson")
    assert list(tmp_path.iterdir()) == []
