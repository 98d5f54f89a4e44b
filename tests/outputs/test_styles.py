"""Styles are what QGIS and MapLibre read."""

import json
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from riskmap.assessment.levels import LevelScale
from riskmap.outputs.geofiles import maplibre_style
from riskmap.outputs.table_files import qgis_style

NODE = Path(__file__).parent / "node"

# What QGIS itself understands of a style: run with the interpreter that QGIS is installed for.
QGIS = """
import json, os, sys
from qgis.core import QgsApplication, QgsVectorLayer
app = QgsApplication([], False)
app.initQgis()
layer = QgsVectorLayer(sys.argv[1], "risk", "ogr")
assert layer.renderer().type() == "categorizedSymbol"  # found beside the file
layer.loadNamedStyle(sys.argv[2])
renderer, times, labeling = layer.renderer(), layer.temporalProperties(), layer.labeling()
settings = labeling.settings()
text = settings.format()
halo = text.buffer()
categories = []
for category in renderer.categories():
    symbol = category.symbol()
    fill = symbol.symbolLayer(0)
    style = fill.properties()["style"]
    categories.append([category.value(), category.label(), symbol.color().name(), style])
print(json.dumps({
    "features": layer.featureCount(),
    "renderer": [renderer.type(), renderer.classAttribute()],
    "categories": categories,
    "labels": [layer.labelsEnabled(), settings.fieldName, halo.enabled(), text.size()],
    "times": [times.isActive(), int(times.mode()), times.startField(), times.endField()],
}))
sys.stdout.flush()
os._exit(0)  # tearing QGIS down takes its time
"""


def shown_by_qgis(path, tmp_path):
    python = "/usr/bin/python3"
    env = {"QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    probe = subprocess.run([python, "-c", "import qgis.core"], check=False, capture_output=True)
    if probe.returncode:
        pytest.skip("QGIS is absent: apt-get install python3-qgis")
    done = subprocess.run(
        [python, "-c", QGIS, path, path.with_suffix(".qml")],
        env=env,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_qgis_shows_the_scale(layer, tmp_path):
    path = layer.to_file(tmp_path / "risk.geojson")
    path.with_suffix(".qml").write_bytes(qgis_style(layer.scale))
    shown = shown_by_qgis(path, tmp_path)
    assert shown["features"] == 24
    assert shown["renderer"] == ["categorizedSymbol", "risk_level"]
    expected = [
        [level.level, level.colour if level.level else "#808890", "solid"]
        for level in reversed(layer.scale.levels)
    ]
    expected[-1][2] = "b_diagonal"
    assert [
        [int(value), colour, style] for value, _, colour, style in shown["categories"]
    ] == expected
    assert shown["categories"][0][1] == "5 extreme"
    assert shown["labels"][0::2] == [True, True]
    assert shown["labels"][1].startswith("CASE WHEN coalesce(\"risk_level\", 0) = 0 THEN '?'")
    assert shown["labels"][3] == 8


def test_a_style_is_a_document_as_qgis_writes_it():
    data = qgis_style(LevelScale.default())
    assert data.startswith(b"<!DOCTYPE qgis PUBLIC")
    root = ET.fromstring(data)  # noqa: S314 - our own
    assert root.get("styleCategories") == "Symbology|Labeling|Fields|MapTips"
    assert root.find("temporal") is None


def test_maplibre_accepts_the_style():
    if not (NODE / "node_modules" / "@maplibre").is_dir() or shutil.which("node") is None:
        pytest.skip(f"maplibre-gl-style-spec is absent: npm install --prefix {NODE.name}")
    style = maplibre_style(LevelScale.default())
    script = (
        "import('@maplibre/maplibre-gl-style-spec').then(({validateStyleMin}) => {"
        "let text = ''; process.stdin.on('data', d => text += d).on('end', () =>"
        "console.log(JSON.stringify(validateStyleMin(JSON.parse(text)).map(e => e.message))))});"
    )
    done = subprocess.run(
        ["node", "-e", script], input=style, cwd=NODE, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def test_maplibre_paints_each_level_and_asks_nobody():
    scale = LevelScale.default()
    style = json.loads(maplibre_style(scale))
    colours = style["layers"][0]["paint"]["fill-color"]
    assert dict(zip(colours[2:-1:2], colours[3:-1:2], strict=True)) == {
        level.level: level.colour for level in scale.levels[1:]
    }
    assert not {"sprite", "glyphs"} & set(style)
