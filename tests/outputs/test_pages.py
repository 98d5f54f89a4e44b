"""The map page before a browser sees it: self-contained, the same bytes, nothing untrusted."""

import base64
import dataclasses
import hashlib
import json
import re

import geopandas as gpd
import numpy as np
import pytest
import shapely

import riskmap as rm
from riskmap.assessment.layers import WINDOWS
from riskmap.outputs.bundles import Bundle
from riskmap.outputs.catalogues import languages
from riskmap.outputs.geometries import draw_regions, label_points, svg_path
from riskmap.outputs.pages import advisory_page, map_page
from riskmap.outputs.payloads import map_payload


def payload_of(page):
    (text,) = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL
    )
    return json.loads(text)


def test_the_page_holds_its_payload_in_every_language(layer):
    found = payload_of(map_page(Bundle(layer)))
    assert found["regions"]["id"] == layer.regions["region_id"].tolist()
    assert sorted(found["texts"]) == languages()
    assert found["headline"] == "foreign"


def test_the_policy_names_this_very_script_and_style(layer):
    page = map_page(Bundle(layer))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page).group(1)
    for tag in ("script", "style"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src &#39;sha256-{digest}&#39;" in policy
    assert policy.startswith("default-src &#39;none&#39;;")
    assert "unsafe" not in policy


def test_nothing_on_the_page_loads_anything(layer):
    page = map_page(Bundle(layer))
    assert not re.search(
        r"""(src|href)=["'](?!#)|url\((?!#)|@import|https?://(?!www\.w3\.org/)""", page
    )


def test_the_same_layer_gives_the_same_bytes(layer, layers):
    shuffled = {
        name: getattr(layer, name).sample(frac=1, random_state=5)
        for name in ("regions", "risks", "drivers", "incidents")
    }
    assert map_page(Bundle(layers["layer"](**shuffled))) == map_page(Bundle(layer))


def test_no_text_ends_the_data(layers):
    regions = layers["names"](["</script><script>alert(1)</script>", "<!--", "]]>"])
    page = map_page(Bundle(layers["layer"](regions=regions)))
    assert page.count("<script") == 2
    assert payload_of(page)["regions"]["name"][0] == "</script><script>alert(1)</script>"


@pytest.mark.slow
def test_notes_and_places_of_incidents_stay_at_home(layers):
    incidents = layers["layer"]().incidents.assign(notes="secret note", actor="secret actor")
    assert "secret" not in map_page(Bundle(layers["layer"](incidents=None))) + map_page(
        Bundle(dataclasses.replace(layers["layer"](), incidents=incidents))
    )


def test_numbers_are_those_of_the_layer(layer):
    found = map_payload(Bundle(layer))["layers"]["violence"]
    risks = layer.risks[layer.risks["layer"] == "violence"]
    assert found["level"] == risks["risk_level"].tolist()
    known = risks["p_any"].notna().to_numpy()
    assert np.array(found["p"], dtype=float)[known] == pytest.approx(
        risks["p_any"].to_numpy()[known], rel=1e-3
    )
    assert found["p"][-1] is None
    assert found["gap"][-2:] == [1, 1]


@pytest.mark.slow
def test_the_counts_are_those_of_the_panel(districts_layer):
    panel, layer = districts_layer
    found = map_payload(Bundle(layer))
    assert len(found["frames"]) == WINDOWS
    for name in ("violence", "foreign"):
        dense = np.zeros((layer.regions.shape[0], WINDOWS))
        flat = found["counts"][name]
        dense[flat[::3], flat[1::3]] = flat[2::3]
        told = panel.wide(name).fillna(0.0).to_numpy()  # a window that nobody watched tells none
        assert dense == pytest.approx(told[-WINDOWS:].T, rel=5e-3)


@pytest.fixture(scope="module")
def districts_layer():
    """A panel of which a third is known to its month only and a third is unrest, and its layer."""
    districts, incidents = rm.datasets.regions(), rm.datasets.incidents()
    n = np.arange(len(incidents))
    nobody = ["killed", "wounded", "abducted", "foreign_victims"]
    incidents.loc[n % 3 == 1, ["event_type", *nobody]] = ["unrest", 0, 0, 0, 0]
    incidents.loc[n % 3 == 1, "nationality"] = incidents["country"]
    month = incidents["event_date"].dt.to_period("M")
    whole = {"event_date": month.dt.start_time, "event_date_end": month.dt.end_time.dt.normalize()}
    for name, days in whole.items():
        incidents[name] = incidents[name].mask(n % 3 == 2, days.astype(incidents[name].dtype))
    located = rm.locate(incidents, districts)
    panel = rm.count_incidents(located, districts, every="month", as_of="2025-01-01")
    return panel, rm.assess(rm.forecast(panel), districts)


def test_drivers_add_up_to_the_expected_count(layer):
    found = map_payload(Bundle(layer))["layers"]["foreign"]
    for parts, expected in zip(found["drivers"], found["e"], strict=True):
        assert sum(parts[1::2]) == pytest.approx(expected or 0.0, rel=1e-3)


def test_a_layer_of_which_nothing_is_known_is_left_out(layer):
    group = layer.risks["layer"] == "group"
    risks = layer.risks.assign(p_any=layer.risks["p_any"].mask(group))
    assert list(map_payload(Bundle(dataclasses.replace(layer, risks=risks)))["layers"]) == [
        "violence",
        "foreign",
    ]


def test_bounds_are_carried_over_to_the_horizon(layers):
    provenance = layers["layer"]().provenance | {"horizon_days": 180.0}
    bounds = map_payload(Bundle(layers["layer"](provenance=provenance)))["scale"]["bounds"][
        "violence"
    ]
    assert bounds[0] == pytest.approx(1 - 0.98**2, rel=1e-3)


def test_a_trend_and_a_notice_are_shown(layer):
    told = dataclasses.replace(
        layer,
        risks=layer.risks.assign(trend="improved"),
        provenance=layer.provenance | {"notice": "A demonstration."},
    )
    found = map_payload(Bundle(told))
    assert set(found["notices"].values()) == {"A demonstration."}
    assert {found["codes"]["trends"][i] for i in found["layers"]["foreign"]["trend"]} == {
        "improved"
    }


@pytest.mark.slow
def test_what_moved_levels_and_what_would_is_flat_and_in_codes(explained):
    found = map_payload(Bundle(explained))
    codes, columns = found["codes"], found["layers"]["foreign"]
    assert columns["before"][:2] == [3, 5]
    assert columns["flags"][:3] == [3, 4, 0]
    causes = [codes["causes"][i] for i in columns["changes"][0][::2]]
    assert causes == ["new incidents", "decay"]
    assert columns["changes"][0][1::2] == [0.9, -0.1]
    assert columns["moves"][:2] == [[], [0, 1, 5, 0.35, 1, 74, 3, 0.014]]
    assert [codes["rules"][i] for i in columns["rules"][1]] == ["lower"]
    assert (columns["victims"][0], columns["severe"][0]) == (0.4, 5)
    assert "changes" not in found["layers"]["violence"]
    assert "of the bound" not in map_page(Bundle(explained))


def test_without_reasons_the_page_knows_none(layer):
    columns = map_payload(Bundle(layer))["layers"]["foreign"]
    assert not {"before", "trend", "flags", "changes", "moves", "rules", "victims"} & set(columns)


@pytest.mark.slow
def test_four_hundred_regions_with_every_reason_are_half_a_megabyte(layers):
    layer = layers["layer"](regions=layers["grid"](20, 20))
    layer = dataclasses.replace(layer, incidents=layers["spread"](layer.regions, 4000))
    page = map_page(Bundle(layers["reasons"](layer)))
    assert payload_of(page)["layers"]["violence"]["changes"][0]
    assert len(page.encode()) <= 0.5e6


def test_no_incidents_no_windows(layer):
    empty = {name: getattr(layer, name).head(0) for name in ("incidents", "counts")}
    found = map_payload(Bundle(dataclasses.replace(layer, **empty)))
    assert (found["frames"], found["incidents"]["region"]) == ([], [])


def test_regions_without_geometry_have_a_row_and_no_path(layer):
    bare = layer.regions.copy()
    bare.geometry = [None, *bare.geometry[1:]]
    found = map_payload(Bundle(dataclasses.replace(layer, regions=bare)))["regions"]
    assert found["path"][0] == ""
    assert all(found["path"][1:])


def drawn(*shapes):
    return draw_regions(np.array(shapes, dtype=object))


def test_neighbours_draw_the_same_border():
    drawing = drawn(shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1))
    assert (drawing.width, drawing.height) == (5120, 2620)
    left, right = (shapely.bounds(shape) for shape in drawing.shapes)
    assert left[2] == right[0]


def test_a_country_across_the_antimeridian_is_drawn_in_one_piece():
    drawing = drawn(shapely.box(178, 0, 180, 1), shapely.box(-180, 0, -179, 1))
    assert drawing.shapes[1].bounds[0] == pytest.approx(drawing.shapes[0].bounds[2])


def test_nothing_to_draw():
    assert drawn(None, None).paths == ["", ""]


def test_a_region_too_small_to_draw_is_a_dot():
    drawing = drawn(shapely.box(0, 0, 90, 10), shapely.box(5, 5, 5.0001, 5.0001))
    assert re.fullmatch(r"M\d+ \d+h2v2h-2z", drawing.paths[1])


def test_many_vertices_are_simplified_and_borders_stay_shared(monkeypatch):
    monkeypatch.setattr("riskmap.outputs.geometries.VERTICES", 200)
    wave = np.column_stack([5 + 0.05 * np.sin(np.arange(0, 60, 0.02)), np.linspace(0, 10, 3000)])
    left = shapely.Polygon([(0, 0), *wave.tolist(), (0, 10)])
    right = shapely.Polygon([(10, 0), *wave.tolist(), (10, 10)])
    drawing = drawn(left, right)
    assert shapely.get_num_coordinates(drawing.shapes).sum() < 400
    assert shapely.coverage_is_valid(drawing.shapes)


def test_paths_draw_holes():
    holed = shapely.Polygon(shapely.box(0, 0, 9, 9).exterior, [shapely.box(2, 2, 4, 4).exterior])
    assert svg_path(holed).count("M") == 2


def test_labels_stand_inside_their_regions(layer):
    drawing = draw_regions(np.asarray(layer.regions.geometry, dtype=object))
    for shape, x, y in zip(drawing.shapes, *label_points(drawing.shapes)[:2], strict=True):
        assert shape.contains(shapely.Point(x, y))
    assert label_points([None, shapely.Polygon()]) == ([0, 0], [0, 0], [0, 0])


def test_one_province_has_no_outline(layer):
    one = gpd.GeoDataFrame(layer.regions.assign(parent_id="XQA", parent="Qandara"))
    assert map_payload(Bundle(dataclasses.replace(layer, regions=one)))["parents"]["path"] == [""]


@pytest.mark.slow
def test_the_advisory_page_says_what_the_advisory_says(layer):
    page = advisory_page(Bundle(layer))
    assert "Level 5 (extreme), 16 of 24 districts" in page
    assert page.count('<path d="M') == 24 + 1  # and the hatch of the legend
    assert '<text x="' in page
    assert "<script" not in page
    assert "default-src &#39;none&#39;" in page
    assert "地区" in advisory_page(Bundle(layer), language="zh")


def test_hostile_text_is_escaped_on_the_advisory_page(layers):
    regions = layers["names"](["<script>alert(1)</script>", "<img src=x onerror=alert(1)>"])
    page = advisory_page(Bundle(layers["layer"](regions=regions)))
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page
