"""Large files are read a part at a time, and say the same."""

from functools import partial

import pandas as pd
import pytest
from typer.testing import CliRunner

import riskmap as rm
from riskmap.cli import app
from riskmap.desk import runs

pytestmark = pytest.mark.slow


@pytest.fixture
def inputs(tmp_path):
    regions = tmp_path / "regions.geojson"
    rm.datasets.regions().to_file(regions)
    table = rm.datasets.incidents()
    rows = tmp_path / "incidents.csv"
    table.assign(longitude=table.geometry.x, latitude=table.geometry.y)[
        [
            "source_id",
            "event_date",
            "admin1",
            "admin2",
            "country",
            "killed",
            "nationality",
            "longitude",
            "latitude",
        ]
    ].rename(columns={"event_date": "date"}).to_csv(rows, index=False)
    return rows, regions


def run(inputs, out, *options):
    rows, regions = inputs
    args = ["run", rows, "--regions", regions, "--as-of", "2025-01-01", "--out", out]
    found = CliRunner().invoke(app, [str(x) for x in (*args, "--formats", "csv", *options)])
    assert found.exit_code == 0, found.output
    return (out / "latest" / "risk.csv").read_bytes(), (out / "latest/ledger.json").read_bytes()


@pytest.mark.filterwarnings("ignore::riskmap.RiskmapWarning")
def test_a_scanned_file_gives_the_bytes_of_a_read_one(inputs, tmp_path, monkeypatch):
    whole = run(inputs, tmp_path / "whole")
    monkeypatch.setattr(runs, "LARGE", 0)
    assert run(inputs, tmp_path / "scanned") == whole


@pytest.mark.filterwarnings("ignore::riskmap.RiskmapWarning")
def test_a_folder_of_parquet_files_is_scanned_to_the_end(inputs, tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    rows, regions = inputs
    (tmp_path / "rows").mkdir()
    pd.read_csv(rows, dtype=str).to_parquet(tmp_path / "rows/a.parquet")
    monkeypatch.setattr(runs, "LARGE", -1)
    risks, _ = run((tmp_path / "rows", regions), tmp_path / "out")
    assert risks


def test_no_scheduler_is_one_line(inputs, tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(runs, "connect", partial(runs.connect, timeout=0.5))
    rows, regions = inputs
    args = ["run", rows, "--regions", regions, "--as-of", "2025-01-01", "--out", tmp_path / "o"]
    found = CliRunner().invoke(app, [str(x) for x in (*args, "--scheduler", "tcp://127.0.0.1:1")])
    assert found.exit_code != 0
    assert "no scheduler answers" in str(found.exception)
