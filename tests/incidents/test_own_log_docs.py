"""The page on incidents begins with a desk's own log, and its lines run as they are printed."""

import csv
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest

import riskmap as rm

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/incidents.md"


def test_the_page_begins_with_your_own_log():
    heads = re.findall(r"^## (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert heads[0] == "Your own log"


@pytest.mark.slow
def test_a_reader_has_a_layer_by_the_first_lines(tmp_path):
    (tmp_path / "examples").symlink_to(ROOT / "examples", target_is_directory=True)
    lines = re.search(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-e", "-c", lines],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": path},
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "imported").iterdir()} == {
        *("incidents.csv", "rows_to_mend.csv", "mapping.toml"),
    }
    assert (tmp_path / "layer/latest/map.html").is_file()
    assert "Kelda" in (tmp_path / "layer/latest/advisory.md").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["desk_log.xlsx", "desk_log.csv"])
def test_the_log_that_ships_is_read_whole(name):
    found = rm.incidents.import_incidents(ROOT / "examples/data" / name)
    table = found.incidents
    good = table[table["quarantine_reason"].isna()]
    assert (len(table), len(good)) == (37, 35)
    assert (found.report.lost, found.report.of) == (1, 36)
    assert good["event_date"].notna().all()
    assert (good["nationality"] == "CHN").sum() == 4
    assert found.rows_to_mend()["why"].str.split(":").str[0].tolist() == ["bad_date", "aggregate"]
    located = rm.locate(table, rm.datasets.regions())
    assert (len(located.incidents), located.ledger.stages[1].lost) == (35, 0)


def test_the_log_is_what_its_script_writes(tmp_path):
    script = ROOT / "examples/make_desk_log.py"
    spec = importlib.util.spec_from_file_location("make_desk_log", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.write_text(tmp_path / "a.csv")
    kept = (ROOT / "examples/data/desk_log.csv").read_bytes()
    assert (tmp_path / "a.csv").read_bytes() == kept
    sheet = openpyxl.load_workbook(ROOT / "examples/data/desk_log.xlsx").active
    numbers = [str(row[0]) for row in csv.reader(kept.decode("cp1252").splitlines(), delimiter=";")]
    cells = ["" if row[0] is None else str(row[0]) for row in sheet.iter_rows(values_only=True)]
    assert cells == numbers
