"""Every table of a layer stands in GeoPackage, Parquet and XLSX, with its types and no formula."""

import dataclasses
import io
import sqlite3

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest

from riskmap.outputs import formats
from riskmap.outputs.bundles import Bundle, apply_profile
from riskmap.outputs.publishing import publish
from riskmap.outputs.table_files import workbook
from riskmap.outputs.tables import TABLES, layer_table


@pytest.fixture(scope="module")
def found(told, tmp_path_factory):
    out = tmp_path_factory.mktemp("tables")
    return publish(told, out, formats=["gpkg", "parquet", "xlsx", "csv", "csv_plain", "geojson"])


def sheets(path):
    """Open a workbook that is read as it is asked, of bytes: no file stays open."""
    return openpyxl.load_workbook(io.BytesIO(path.read_bytes()), read_only=True)


def test_the_formats_name_every_table():
    assert tuple(TABLES) == formats.TABLES


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_the_same_in_every_file(told, found, name):
    pytest.importorskip("pyarrow", reason="pyarrow is absent: extra parquet")
    table = layer_table(told, name)
    parquet = pd.read_parquet(found / f"{name}.parquet")
    assert list(parquet.drop(columns=["geometry", "bbox"], errors="ignore")) == list(table)
    assert len(parquet) == len(table)
    gpkg = gpd.read_file(found / "risk.gpkg", layer=name)
    assert list(gpkg.drop(columns="geometry", errors="ignore")) == list(table)
    assert len(gpkg) == len(table)
    rows = [*sheets(found / "risk.xlsx")[name].iter_rows(values_only=True)]
    assert list(rows[0]) == list(table)
    assert len(rows) == len(table) + 1
    for row, (_, values) in zip(rows[1:4], table.iterrows(), strict=False):
        for met, value in zip(row, values, strict=True):
            assert met is None if pd.isna(value) else same(met, value)


def same(met, value):
    if isinstance(value, pd.Timestamp):
        return pd.Timestamp(met) == value.tz_localize(None)
    return met == pytest.approx(value) if isinstance(value, float) else met == value


@pytest.mark.slow
def test_incidents_are_points_only_where_one_is_known(told, found):
    gpkg = gpd.read_file(found / "risk.gpkg", layer="incidents")
    table = told.incidents.reset_index(drop=True)
    coarse = table["geo_precision"].isin(["admin2", "admin1", "country"])
    assert coarse.any()
    assert gpkg.geometry[coarse].isna().all()
    assert gpkg[["longitude", "latitude"]][coarse].isna().all(axis=None)
    known = ~coarse & table["longitude"].notna()
    assert known.any()
    assert np.allclose(gpkg.geometry[known].x, table["longitude"][known])
    assert set(gpkg["geo_precision"]) == set(table["geo_precision"])


@pytest.mark.slow
def test_nobody_finds_a_point_in_a_public_set(told, tmp_path):
    found = publish(told, tmp_path, formats=["gpkg"], profile="public")
    gpkg = gpd.read_file(found / "risk.gpkg", layer="incidents")
    assert gpkg.geometry.isna().all()
    assert gpkg["longitude"].isna().all()
    assert not len(gpd.read_file(found / "risk.gpkg", layer="sites"))
    assert layer_table(apply_profile(told, "public"), "incidents")["latitude"].isna().all()


@pytest.mark.slow
def test_a_text_that_looks_like_a_formula_is_a_text(layers, tmp_path):
    names = ["=1+1", "@x", "+1", "a\x00b", "<b>&]]>", "巴米扬 کابل"]
    path = tmp_path / "risk.xlsx"
    layers["layer"](regions=layers["names"](names)).to_file(path)
    sheet = openpyxl.load_workbook(path)["risk"]
    told = [row[1] for row in sheet.iter_rows(min_row=2)]
    assert {cell.data_type for cell in told} <= {"s", "inlineStr"}
    assert [cell.value for cell in told][:6] == [*names[:3], "ab", *names[4:]]


@pytest.mark.slow
def test_a_workbook_is_the_same_to_the_byte(layer):
    assert workbook(Bundle(layer)) == workbook(Bundle(layer))
    bare = dataclasses.replace(layer, incidents=layer.incidents.head(0))
    assert workbook(Bundle(bare))


@pytest.mark.slow
def test_a_sheet_says_what_columns_hold(found):
    rows = [*sheets(found / "risk.xlsx")["columns"].iter_rows(values_only=True)]
    told = {(row[0], row[1]): row[2:] for row in rows}
    assert told["risk", "p_any"] == (
        "Probability",
        "probability of at least one incident within the horizon",
    )
    assert told["incidents", "geo_precision"][0] == "Place known to"


def test_columns_have_names_for_people_where_the_standard_wants_them(found):
    with sqlite3.connect(found / "risk.gpkg") as base:
        told = dict(
            base.execute(
                "SELECT column_name, title FROM gpkg_data_columns WHERE table_name = 'risk'"
            )
        )
        assert told["p_any"] == "Probability"
        assert base.execute("SELECT count(*) FROM layer_styles").fetchone() == (len(TABLES) + 1,)
        kinds = {row[1]: row[2] for row in base.execute("PRAGMA table_info(incidents)")}
        assert kinds["event_date"] == "DATE"
        assert kinds["ingested_at"] == "DATETIME"


def test_the_published_table_is_what_a_reader_wants(told, found):
    frame = gpd.read_file(found / "risk.geojson")
    assert len(frame.columns) < 60 < len(Bundle(told).table.columns)
    assert {"risk_level", "at_least", "attacked", "level_low", "f_at_least"} <= set(frame)
    beside = ("at_least", "attacked", "level_as_of", "reporting_gap", "reasons")
    layers = [name[0] for name in told.risks["layer"].unique()]
    assert {f"{layer}_{flag}" for layer in layers for flag in beside} <= set(frame)
    assert {"q50", "held", "f_q95"} & set(frame) == set()
    assert {"q50", "held", "q95"} <= set(pd.read_csv(found / "risk_long.csv"))


def test_people_get_a_mark_and_programs_none(found):
    for name in ("risk", "risk_long"):
        marked = (found / f"{name}.csv").read_bytes()
        assert marked == b"\xef\xbb\xbf" + (found / f"{name}_plain.csv").read_bytes()
