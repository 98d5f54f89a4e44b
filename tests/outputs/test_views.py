"""A layer shows itself: drawn, written, and as a table, with names that are only text."""

import copy
import dataclasses
import errno
import json
import sys

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import riskmap as rm
from riskmap.errors import InputError, MissingDependencyError, PublishError
from riskmap.outputs.bundles import Bundle, apply_profile
from riskmap.outputs.geofiles import geojson_chunks

SCRIPTS = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "ولسوالی", "北京"]


def test_geojson_is_that_of_the_published_file(layer):
    text = layer.to_geojson()
    assert text.encode() == b"".join(geojson_chunks(Bundle(layer)))
    assert layer.__geo_interface__ == json.loads(text)


def test_others_read_the_geo_interface(layer):
    frame = gpd.GeoDataFrame.from_features(layer)
    assert frame["region_id"].tolist() == layer.regions["region_id"].tolist()
    assert frame.geometry.geom_equals(
        layer.regions.geometry.set_crs(None, allow_override=True)
    ).all()


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".geojson", ".json", ".GPKG", ".parquet", ".csv", ".pmtiles"])
def test_a_file_is_of_the_kind_of_its_suffix(layer, tmp_path, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is absent: extra parquet")
    path = layer.to_file(tmp_path / f"risk{suffix}")
    if suffix == ".parquet":
        frame = gpd.read_parquet(path)
    elif suffix == ".csv":
        assert len(path.read_text(encoding="utf-8").splitlines()) == 25
        return
    else:
        frame = gpd.read_file(path, layer=None if "json" in suffix else "risk")
    assert set(frame["region_id"]) == set(layer.regions["region_id"])
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.slow
def test_a_file_is_replaced_whole(layer, tmp_path, monkeypatch):
    path = layer.to_file(str(tmp_path / "risk.gpkg"))
    before = path.read_bytes()

    def full(_bundle, partial):
        partial.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("riskmap.outputs.table_files.write_geopackage", full)
    with pytest.raises(PublishError, match="No space left"):
        layer.to_file(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_no_file_of_another_kind(layer, tmp_path):
    with pytest.raises(InputError, match=r"met 'risk\.docx', expected one of \.geojson"):
        layer.to_file(tmp_path / "risk.docx")


@pytest.fixture
def axes():
    matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is absent: extra notebook")
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


@pytest.mark.slow
def test_a_plot_has_number_hatch_and_counts(layers, layer, axes):
    shapes = layer.regions.geometry.to_numpy(copy=True)
    shapes[3] = None
    bare = layers["layer"](regions=layer.regions.set_geometry(shapes))
    assert bare.plot(ax=axes) is axes
    assert {text.get_text() for text in axes.texts} <= {"1", "2", "3", "4", "5", "?"}
    assert 0 < len(axes.texts) < 24
    hatches = {c.get_hatch() or None for c in axes.collections}
    assert hatches == {None, "////"}
    told = [text.get_text() for text in axes.get_legend().get_texts()]
    assert told[-1] == "? not assessed: 2"
    assert sum(int(text.rpartition(" ")[2]) for text in told) == 24
    assert "valid until 2025-04-01" in axes.get_title()
    axes.figure.canvas.draw()


@pytest.mark.slow
def test_a_plot_marks_the_attacked_regions(told, axes):
    told.plot(ax=axes)
    keys = [text.get_text() for text in axes.get_legend().get_texts()]
    assert keys[-1] == "attack of the last 90 days: 1"


@pytest.mark.slow
def test_labels_of_a_plot_stand_over_no_other(layers, axes):
    layers["layer"](regions=layers["grid"](20, 20)).plot(ax=axes)
    boxes = [text.get_window_extent() for text in axes.texts]
    assert boxes
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


@pytest.mark.slow
def test_a_plot_draws_incidents_and_sites_on_request(told, axes):
    facts = {"geo_precision": "point", "longitude": [4.5, np.nan], "latitude": [-6.5, np.nan]}
    incidents = told.incidents.head(2).assign(**facts, event_date=told.context.as_of)
    where = ["POINT (4.5 -6.5)", "LINESTRING (4.5 -6.5, 5 -6)"]
    sites = told.sites.assign(wkt=where, site=["$camp", "road"])
    known = dataclasses.replace(told, incidents=incidents, sites=sites)
    known.plot(ax=axes, incidents=True, sites=True)
    keys = [text.get_text() for text in axes.get_legend().get_texts()]
    assert keys[-4:] == [
        *("at its place: 1", "known to its district only: 1"),
        *("site of the group: 1", "way of the group: 1"),
    ]
    assert "  $camp" in [text.get_text() for text in axes.texts]
    axes.figure.canvas.draw()
    apply_profile(known, "public").plot(ax=axes, sites=True)
    assert "way of the group" not in str(axes.get_legend().get_texts())


@pytest.fixture(scope="module")
def results():
    """A panel, a forecast, a backtest and a replay of the invented country."""
    regions = rm.datasets.regions()
    located = rm.locate(rm.datasets.incidents(), regions)
    panel = rm.count_incidents(located, regions, every="month", as_of="2025-01-01")
    model = rm.EmpiricalBayes()
    days = ["2023-01-01", "2023-07-01", "2024-01-01"]
    return {
        "located": located,
        "panel": panel,
        "forecast": rm.forecast(panel, model=model),
        "backtest": rm.backtest(panel, {"$<b>m": model}, origins=3),
        "replay": rm.replay(located, regions, days=days, model=model),
    }


RESULTS = ("located", "panel", "forecast", "layer", "backtest", "replay")


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_is_told_on_one_screen(results, layer, name):
    one = {**results, "layer": layer}[name]
    lines = repr(one).splitlines()
    assert lines[0] == type(one).__name__
    assert len(lines) <= 12
    assert max(map(len, lines)) <= 88
    for told in dataclasses.fields(one):
        value = getattr(one, told.name)
        if isinstance(value, pd.DataFrame):
            assert f"{told.name} {len(value):,} x {value.shape[1]}" in " ".join(repr(one).split())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("forecast", "as of 2025-01-01, for 90 days"),
        ("forecast", "layers violence, foreign"),
        ("panel", "windows 84, each a month"),
        ("backtest", "for 91 to 92 days origins 2, the last 2024-10-01 regions 24"),
        ("replay", "days 3, 2023-01-01 to 2024-01-01"),
    ],
)
def test_a_result_says_what_it_is_of(results, name, told):
    assert told in " ".join(repr(results[name]).split())


def test_a_layer_counts_its_levels(layer):
    counted = layer.risks_of()["level_name"].value_counts()
    told = " ".join(repr(layer).split())
    assert all(f"{name} {n:,}" in told for name, n in counted.items())


@pytest.mark.parametrize("name", RESULTS)
def test_results_are_equal_that_hold_the_same(results, layer, name):
    one = {**results, "layer": layer}[name]
    other = copy.deepcopy(one)
    assert one == other
    table = next(f.name for f in dataclasses.fields(one) if len(getattr(one, f.name)) > 1)
    assert dataclasses.replace(other, **{table: getattr(one, table).iloc[1:]}) != one
    assert one != "a result"


def test_panels_differ_by_their_evidence_and_their_neighbours(results):
    panel = results["panel"]
    fewer = panel.evidence.iloc[1:]
    assert dataclasses.replace(panel, evidence_of=lambda: fewer) != panel
    assert dataclasses.replace(panel, neighbours=2 * panel.neighbours) != panel


@pytest.mark.parametrize(
    ("name", "title", "cell"),
    [
        ("panel", "violence: 415 incidents, 24 regions", "<td>violence</td>"),
        ("forecast", "foreign: 90 days from 2025-01-01; 24 of 24", "<th>p_any</th>"),
        ("backtest", "violence: 2 origins", "<td>$&lt;b&gt;m</td>"),
        ("replay", "foreign: 3 layers from 2023-01-01 to 2024-01-01", "<th>hit_rate</th>"),
    ],
)
def test_every_result_has_a_plot_and_a_table(results, axes, name, title, cell):
    assert results[name].plot(ax=axes) is axes
    axes.figure.canvas.draw()
    assert axes.get_title().startswith(title)
    assert cell in results[name]._repr_html_()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("panel", {"series": "x"}), ("forecast", {"layer": "x"}), ("replay", {"layer": "x"})],
)
def test_a_plot_of_what_is_not_there_says_what_is(results, axes, name, wrong):
    with pytest.raises(InputError, match=r"met 'x', expected .*violence"):
        results[name].plot(ax=axes, **wrong)


def test_a_forecast_of_which_nothing_is_known_is_drawn_empty(results, axes):
    unknown = results["forecast"].frame.assign(p_any=np.nan)
    found = dataclasses.replace(results["forecast"], frame=unknown)
    found.plot(ax=axes)
    axes.figure.canvas.draw()
    assert "0 of 24 regions" in found._repr_html_()


@pytest.mark.slow
def test_a_plot_makes_its_own_axes(layer, axes):  # noqa: ARG001 - chooses the backend
    from matplotlib import pyplot as plt

    found = layer.plot()
    assert found.figure.number in plt.get_fignums()
    plt.close(found.figure)


@pytest.mark.slow
def test_an_explored_map_takes_no_name_for_markup(layers):
    pytest.importorskip("folium", reason="folium is absent: extra notebook")
    pytest.importorskip("mapclassify", reason="mapclassify is absent: extra notebook")
    layer = layers["layer"](regions=layers["names"](SCRIPTS))
    page = layer.explore().get_root().render()
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "\\u0026lt;script\\u0026gt;" in page or "&lt;script&gt;" in page
    assert "tile.openstreetmap" not in page
    assert "#bd0026" in page


def test_the_table_of_a_notebook_is_text(layers, layer):
    table = layers["layer"](regions=layers["names"](SCRIPTS))._repr_html_()
    assert "<script" not in table
    assert "<img" not in table
    assert "&lt;script&gt;" in table
    assert "ولسوالی" in table
    assert "? not assessed</td><td>2<" in layer._repr_html_()
    unknown = layer.risks.assign(p_any=np.nan, risk_level=0)
    assert "<td>nan" not in layers["layer"](risks=unknown)._repr_html_()


@pytest.mark.parametrize(
    ("package", "method"),
    [("matplotlib", "plot"), ("folium", "explore"), ("mapclassify", "explore")],
)
def test_a_missing_package_is_named(layer, monkeypatch, package, method):
    for name in [package, *(n for n in sys.modules if n.startswith(f"{package}."))]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'riskmap\[notebook\]'"):
        getattr(layer, method)()


def test_shapes_of_the_file_are_those_of_the_interface(layer):
    shapes = [shapely.geometry.shape(f["geometry"]) for f in layer.__geo_interface__["features"]]
    assert all(shapely.is_valid(shapes))
