"""The GeoPackage opens with its style and is the same to the byte."""

import sqlite3
from xml.etree import ElementTree as ET

import geopandas as gpd
import pytest

from riskmap.outputs.bundles import Bundle
from riskmap.outputs.table_files import qgis_style, write_geopackage


@pytest.fixture(scope="module")
def path(layer, tmp_path_factory):
    found = tmp_path_factory.mktemp("gpkg") / "risk.gpkg"
    write_geopackage(Bundle(layer), found)
    return found


def test_it_holds_the_published_table(layer, path):
    frame = gpd.read_file(path, layer="risk")
    assert set(frame.geom_type) == {"MultiPolygon"}
    assert frame.crs.to_epsg() == 4326
    table = Bundle(layer).published
    assert list(frame.drop(columns="geometry")) == list(table)
    assert frame["p_any"].equals(table["p_any"])


def test_its_style_is_inside_and_is_the_default(layer, path):
    with sqlite3.connect(path) as base:
        rows = base.execute("SELECT f_table_name, useAsDefault, styleQML FROM layer_styles")
        assert rows.fetchone() == (
            *("risk", 1),
            qgis_style(layer.scale, Bundle(layer).published.columns).decode(),
        )
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.slow
def test_no_clock_is_in_it(layer, path, tmp_path):
    with sqlite3.connect(path) as base:
        moments = base.execute("SELECT DISTINCT last_change FROM gpkg_contents").fetchall()
    assert moments == [("2025-01-01T00:00:00.000Z",)]
    write_geopackage(Bundle(layer), tmp_path / "again.gpkg")
    assert (tmp_path / "again.gpkg").read_bytes() == path.read_bytes()


def test_the_style_has_a_fill_for_each_level_and_a_hatch_for_none(layer):
    root = ET.fromstring(qgis_style(layer.scale))  # noqa: S314 - our own
    assert root.find("renderer-v2").get("attr") == "risk_level"
    assert [one.get("value") for one in root.iter("category")] == list("543210")
    styles = {
        symbol.get("name"): symbol.find(".//Option[@name='style']").get("value")
        for symbol in root.iter("symbol")
    }
    assert styles.pop("0") == "b_diagonal"
    assert set(styles.values()) == {"solid"}
