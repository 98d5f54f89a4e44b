"""QGIS itself opens a set: names of columns, map tips, days, points, joins."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from riskmap.outputs.publishing import publish
from riskmap.outputs.tables import TABLES

PYTHON = "/usr/bin/python3"
LOOK = Path(__file__).parent / "look_with_qgis.py"
NAMES = ["<b>&amp;", "کابل", "巴米扬"]


@pytest.fixture(scope="module")
def seen(layers, told, tmp_path_factory):
    """What QGIS says of a set whose names are in three scripts, one of them markup."""
    import dataclasses

    there = (
        Path(PYTHON).exists()
        and not subprocess.run(
            [PYTHON, "-c", "import qgis.core"], check=False, capture_output=True
        ).returncode
    )
    if not there:
        pytest.skip("QGIS is absent: apt-get install python3-qgis")
    out = tmp_path_factory.mktemp("qgis")
    layer = dataclasses.replace(told, regions=layers["names"](NAMES))
    publish(layer, out, formats=["gpkg", "geojson"])
    env = os.environ | {"QT_QPA_PLATFORM": "offscreen", "HOME": str(out)}
    env.pop("PYTHONPATH", None)
    done = subprocess.run(
        [PYTHON, str(LOOK), str(out / "latest")],
        check=True,
        capture_output=True,
        env=env,
        timeout=120,
    )
    return json.loads(done.stdout)


@pytest.mark.slow
def test_every_table_opens_with_its_rows(seen, told):
    for name in TABLES:
        assert seen[name]["valid"]
        assert seen[name]["rows"] == len(told.risks if name == "risk_long" else getattr(told, name))
    assert seen["risk"]["rows"] == len(told.regions)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["risk", "geojson"])
def test_regions_have_colours_names_of_columns_and_map_tips(seen, name):
    assert seen[name]["categories"] == 6
    assert seen[name]["aliases"]["p_any"] == "Probability"
    assert seen[name]["aliases"]["f_risk_level"] == "Foreign workers: Risk level"
    tip = seen[name]["tip"]
    assert tip.startswith("<b>&lt;b>&amp;amp;</b><br>Part of: ")
    assert "Attacked lately: true" in tip
    assert "May be higher" not in tip
    assert "<br>Probability: 22.12 %<br>" in tip


@pytest.mark.slow
def test_days_are_days_and_moments_are_moments(seen):
    assert seen["risk"]["types"]["as_of"] == "Date"
    assert seen["risk"]["types"]["level_as_of"] == "Date"
    assert seen["risk"]["types"]["valid_until"] == "DateTime"
    assert seen["incidents"]["types"]["event_date"] == "Date"
    assert seen["counts"]["types"]["window_start"] == "Date"
    assert seen["attacks"]["types"]["until"] == "Date"


@pytest.mark.slow
def test_incidents_are_points_and_tables_join_by_region(seen):
    assert seen["incidents"]["geometry"] == 1
    assert seen["drivers"]["geometry"] == 100  # a table without geometry
    assert set(seen["joined"]) == set(NAMES)
