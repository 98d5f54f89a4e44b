"""Behind every incident stands its row, whole and as written."""

import csv
from pathlib import Path

import pytest

import riskmap as rm
from riskmap.incidents.checks import find_raw_row

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(p for p in GOLDEN.iterdir() if not p.name.endswith(".expected.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_row_of_every_feed_is_reachable(path):
    table = rm.read_incidents(path)
    for source_id in table["source_id"]:
        found = find_raw_row(path, source_id)
        assert found
        assert "Katkajar" in str(found.values()) or len(found) > 5


def test_fields_are_as_written_also_those_that_no_mapping_uses():
    with (GOLDEN / "gtd.csv").open(encoding="iso-8859-1", newline="") as file:
        rows = list(csv.DictReader(file))
    assert find_raw_row(GOLDEN / "gtd.csv", rows[0]["eventid"]) == rows[0]
    assert rows[0]["corp1"] == "Road Company"


def test_a_row_with_too_many_or_too_few_fields_is_shown_as_it_is(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text('id,date,place\n1,2024-03-31,"A\nB"\n2,2024-03-31,A,B,C\n3,2024-03-31\n')
    table = rm.read_incidents(path)
    assert find_raw_row(path, "1")["place"] == "A\nB"
    long, short = table["source_id"].tolist()[1:]
    assert find_raw_row(path, long)[""] == "B,C"
    assert find_raw_row(path, short) == {"id": "3", "date": "2024-03-31"}


@pytest.mark.slow
def test_real_incident_files_add_up_and_everything_else_is_refused(shared):
    """Every file of the folder: a ledger that adds up, or a typed refusal."""
    refused = set()
    for path in sorted(p for p in (shared / "incidents").rglob("*") if p.is_file()):
        try:
            table = rm.read_incidents(path)
        except rm.InputError:
            refused.add("satscan" if "satscan" in path.parts else path.name)
            continue
        stage = rm.locate(table, rm.datasets.regions()).ledger.stages[0]
        assert (stage.rows_in, stage.rows_out) == (
            len(table),
            int(table["quarantine_reason"].isna().sum()),
        )
    assert {name for name in refused if "Column_Labels" not in name} == {"satscan"}
