"""An article that an analyst accepts changes what is published of its district."""

import csv
import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from riskmap.cli import app

EXAMPLES = Path(__file__).parents[3] / "examples"
PROVINCE = "Takhar"


@pytest.fixture(scope="module")
def example():
    sys.path.insert(0, str(EXAMPLES))
    try:
        import article_to_level
    finally:
        sys.path.remove(str(EXAMPLES))
    return article_to_level


def of_district(layer, region_id, name):
    row = layer.risks.set_index(["region_id", "layer"]).loc[(region_id, name)]
    parts = layer.drivers.set_index(["region_id", "layer"]).loc[[(region_id, name)]]
    return row, parts["value"]


@pytest.mark.slow
def test_the_example_changes_level_and_drivers(example, tmp_path, capsys):
    before, after = example.main(tmp_path)
    for name in ("violence", "foreign"):
        (old, parts), (new, more) = (of_district(x, "XQA0103", name) for x in (before, after))
        assert new["risk_level"] == old["risk_level"] + 1
        assert new["p_any"] > old["p_any"]
        assert more.sum() > parts.sum()
        assert more.sum() == pytest.approx(new["expected_count"])
        assert (old["fragility"], new["fragility"]) == ("robust", "fragile")
        assert (old["single_source"], new["single_source"]) == (False, True)
    assert "before violence: risk_level 2" in capsys.readouterr().out


def run(*args):
    found = CliRunner().invoke(app, [str(arg) for arg in args], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found.output


def published(folder, region_id):
    with (folder / "latest/risk.csv").open(encoding="utf-8-sig", newline="") as file:
        return next(
            row
            for row in csv.DictReader(file)
            if row["region_id"] == region_id and row["layer"] == "foreign"
        )


@pytest.fixture(scope="module")
def districts(shared, tmp_path_factory):
    """The districts of the article's province, so that the stream runs in seconds."""
    file = shared / "boundaries/AFG/AFG_ADM2_gbopen_simplified_pcoded.geojson"
    table = json.loads(file.read_text(encoding="utf-8"))
    near = [f for f in table["features"] if f["properties"]["adm1_name"] == PROVINCE]
    path = tmp_path_factory.mktemp("regions") / "districts.geojson"
    path.write_text(json.dumps({**table, "features": near}), encoding="utf-8")
    return path


def test_the_seed_article_changes_its_district(shared, districts, tmp_path):
    article = shared / "articles/000_e83d1325de68595b.txt"
    review, known = tmp_path / "review.csv", shared / "incidents/awsd/awsd_2020-11-25.csv"
    run("extract", article, "--published", "2025-01-22", "--regions", districts,
        "--csv", review, "--html", tmp_path / "sheet.html")  # fmt: skip
    with review.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["decision"] = "accept" if row["event_status"] == "reported" else ""
    with review.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    options = ("--regions", districts, "--as-of", "2025-02-01", "--formats", "csv")
    run("run", known, *options, "--out", tmp_path / "before")
    run("run", known, review, *options, "--out", tmp_path / "after")
    before, after = (published(tmp_path / name, "AF1814") for name in ("before", "after"))
    assert (before["risk_level"], before["drivers"]) == ("0", "")
    assert int(after["risk_level"]) >= 2  # one article alone raises it by one step
    assert "violence" in after["drivers"]
    assert (before["fragility"], after["fragility"]) == ("", "fragile")
    ledger = json.loads((tmp_path / "after/latest/ledger.json").read_text(encoding="utf-8"))
    assert ledger[0]["reasons"]["alleged"] == 1
