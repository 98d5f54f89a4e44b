"""The published table: canonical names, all layers side by side, safe in a spreadsheet."""

import csv
import dataclasses
import io

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.assessment.layers import RISK_COLUMNS
from riskmap.outputs.tables import (
    clean_text,
    csv_chunks,
    long_table,
    plain_records,
    risk_table,
)
from riskmap.schema import conform


def read(table):
    text = b"".join(csv_chunks(table)).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_one_row_a_region_with_the_headline_first(layer):
    table = risk_table(layer)
    assert table["region_id"].tolist() == sorted(layer.regions["region_id"])
    assert (table["layer"] == "foreign").all()
    assert table["p_any"].equals(table["f_p_any"])


def test_layers_stand_side_by_side(layer):
    table = risk_table(layer)
    for prefix, name in (("v", "violence"), ("g", "group")):
        risks = layer.risks[layer.risks["layer"] == name]
        assert table[f"{prefix}_p_any"].equals(risks["p_any"].reset_index(drop=True))


def test_a_trend_is_published_when_present(layer):
    risks = layer.risks.assign(trend="improved")
    assert "trend" in risk_table(dataclasses.replace(layer, risks=risks))


def test_a_layer_that_was_not_assessed_has_no_columns(layer):
    only = layer.risks[layer.risks["layer"] == "foreign"]
    table = risk_table(dataclasses.replace(layer, risks=only))
    assert not [name for name in table if name.startswith(("v_", "g_"))]


def test_no_two_names_agree_where_shapefiles_cut_them(layer):
    risks = conform(layer.risks, RISK_COLUMNS)
    names = risk_table(dataclasses.replace(layer, risks=risks)).columns
    assert names.str[:10].is_unique


def test_drivers_are_told_by_their_share(layer):
    assert risk_table(layer)["drivers"].iloc[0] == "own_history 70 %; parent 30 %"


def test_a_layer_without_drivers(layer):
    bare = dataclasses.replace(layer, drivers=layer.drivers.head(0))
    assert risk_table(bare)["drivers"].isna().all()


def test_csv_holds_what_the_table_holds(layer):
    table = risk_table(layer)
    rows = read(table)
    assert [row["region_id"] for row in rows] == table["region_id"].tolist()
    assert [float(row["p_any"]) for row in rows[:-2]] == table["p_any"].tolist()[:-2]
    assert rows[-1]["p_any"] == ""
    assert rows[-1]["reporting_gap"] == "true"


def test_a_long_table_comes_in_chunks():
    table = pd.DataFrame({"a": ["x" * 100] * 2000})
    chunks = list(csv_chunks(table))
    assert len(chunks) > 1
    assert len(read(table)) == 2000


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_no_cell_is_a_formula_and_text_survives(text):
    (row,) = read(pd.DataFrame({"a": [text], "b": ["end"]}))
    assert not row["a"].startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert row["a"].removeprefix("'") == clean_text(text).removeprefix("'")
    assert row["b"] == "end"


def test_plain_values():
    table = pd.DataFrame(
        {
            "time": [pd.Timestamp("2025-01-01 05:00", tz="Asia/Kabul"), pd.NaT],
            "whole": pd.array([1, None], dtype="Int64"),
            "flag": [True, False],
            "number": [np.float64(1.5), -np.inf],
        }
    )
    assert list(plain_records(table)) == [
        {"time": "2025-01-01T00:30:00Z", "whole": 1, "flag": True, "number": 1.5},
        {"time": None, "whole": None, "flag": False, "number": None},
    ]
    naive = pd.DataFrame({"time": [pd.Timestamp("2025-01-01")]})
    assert list(plain_records(naive)) == [{"time": "2025-01-01T00:00:00Z"}]


def test_the_long_table_has_a_row_a_region_and_layer(layer):
    table = long_table(layer)
    assert len(table) == len(layer.risks)
    assert table["layer"].tolist()[:3] == ["violence", "foreign", "group"]
    assert table["name"].notna().all()
    assert table["region_id"].is_monotonic_increasing
    wide = risk_table(layer)
    rows = table[table["layer"] == "foreign"]
    assert rows["p_any"].reset_index(drop=True).equals(wide["p_any"])


KNOWN = {
    "XQA0101": {"attacked": True, "level_low": 2, "level_high": 4},
    "XQA0102": {"at_least": True, "reasons": "not_covered"},
    "XQA0103": {"level_as_of": "2025-03-01", "reporting_gap": True, "reasons": "silent"},
    "XQA0308": {"risk_level": 0, "reasons": "no_reports", "data_sufficiency": "insufficient"},
}


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["geojson", "csv", "gpkg", "parquet"])
def test_every_format_carries_what_is_known_of_a_level(told, tmp_path, suffix):
    if suffix == "parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is absent: extra parquet")
    path = told.to_file(tmp_path / f"risk.{suffix}")
    read = {"csv": pd.read_csv, "parquet": gpd.read_parquet, "gpkg": read_risk}
    found = read.get(suffix, gpd.read_file)(path).set_index("region_id")
    for region, known in KNOWN.items():
        for name, value in known.items():
            for column in {name, f"f_{name}"} & set(found):
                met = str(found.loc[region, column]).removesuffix(".0").removesuffix(" 00:00:00")
                assert met == str(value), column


def read_risk(path):
    return gpd.read_file(path, layer="risk")


def test_the_long_table_carries_it(told):
    rows = long_table(told).set_index(["layer", "region_id"]).loc["foreign"]
    for region, known in KNOWN.items():
        assert {name: str(rows.loc[region, name]) for name in known} == {
            name: str(value) for name, value in known.items()
        }
