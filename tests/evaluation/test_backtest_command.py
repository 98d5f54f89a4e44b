"""The backtest from a shell."""

import json

import pytest
from typer.testing import CliRunner

import riskmap as rm
from riskmap.cli import app
from riskmap.errors import ModelError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The invented country as files."""
    folder = tmp_path_factory.mktemp("qandara")
    table = rm.datasets.incidents()
    points = table.geometry
    columns = ["source_id", "event_date", "event_type", "country", "killed", "geo_precision"]
    frame = table[columns].assign(latitude=points.y, longitude=points.x)
    frame.to_csv(folder / "incidents.csv", index=False)
    rm.datasets.regions().to_file(folder / "regions.geojson", driver="GeoJSON")
    return [str(folder / "incidents.csv"), "--regions", str(folder / "regions.geojson")]


def run(files, *more):
    return CliRunner().invoke(
        app, ["backtest", *files, "--as-of", "2025-01-01", "--every", "quarter", *more]
    )


def test_it_compares_models_with_baselines(files):
    found = run(files, "--origins", "3")
    assert found.exit_code == 0, found.output
    assert "skill against Climatology" in found.stdout
    assert "EndemicEpidemic" in found.stdout


def test_json_has_a_row_for_each_score(files):
    found = run(files, "--origins", "3", "--json")
    result = json.loads(found.stdout)
    assert list(result) == [
        "scores",
        "skill against EmpiricalBayes",
        "skill against Climatology",
        "reliability",
    ]
    assert len(result["scores"]) == 6
    assert {row["metric"] for row in result["skill against Climatology"]} == {
        "brier",
        "log_score",
        "crps",
    }


def test_processes_change_no_byte(files):
    more = ("--origins", "4", "--refit", "2", "--layer", "violence", "--json")
    alone = run(files, *more)
    several = run(files, *more, "--jobs", "2")
    assert alone.exit_code == several.exit_code == 0, several.output
    assert alone.stdout == several.stdout


def test_what_it_does_not_know_is_refused(files):
    assert run(files, "--layer", "sabotage").exit_code == 2
    assert run(files, "--jobs", "0").exit_code == 2
    unknown = run(files, "--layer", "foreign")
    assert isinstance(unknown.exception, ModelError)
    assert "nothing is known of the series 'foreign'" in str(unknown.exception)
