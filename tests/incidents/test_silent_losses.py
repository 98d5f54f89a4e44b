"""Nothing that was asked for or stands in a file is left out without a word."""

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

import riskmap as rm
from riskmap import cli
from riskmap.errors import InputError, RiskmapWarning
from riskmap.incidents.quarantines import count_lost

RUN = CliRunner()
ROWS = [{"date": "2031-01-21", "place": "Kelda"}, {"date": "2031-01-22", "place": "Vasteen"}]


def write(folder, name, text):
    path = folder / name
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize("form", ["%m/%d/%Y", "%Y", "%d %B %Y"])
def test_a_format_that_no_date_is_in_is_told(tmp_path, form):
    path = write(tmp_path, "a.csv", "Datum,Ort\n21.01.2031,Kelda\n")
    with pytest.warns(RiskmapWarning, match=r"a\.csv, column Datum: no date is in the format"):
        table = rm.read_incidents(path, dates=form)
    assert table["event_date"].dt.day.tolist() == [21]


def test_a_sheet_of_a_file_without_sheets_is_told(tmp_path):
    path = write(tmp_path, "a.csv", "date,place\n2031-01-21,Kelda\n")
    with pytest.warns(RiskmapWarning, match=r"a\.csv has no sheets"):
        assert len(rm.read_incidents(path, sheet="2031")) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.ndjson", "a.jsonl", "a.json", "a.txt"])
def test_one_record_a_line_is_read_with_its_lines(tmp_path, name):
    text = "\n\n".join(map(json.dumps, ROWS)) + "\n"
    table = rm.read_incidents(write(tmp_path, name, text))
    assert table["place"].tolist() == ["Kelda", "Vasteen"]
    assert table["source_row"].tolist() == [1, 3]


def test_a_broken_line_of_records_is_named(tmp_path):
    path = write(tmp_path, "a.ndjson", json.dumps(ROWS[0]) + '\n{"date": "2031-01-\n')
    with pytest.raises(InputError, match=r"a\.ndjson, row 2: not JSON"):
        rm.read_incidents(path)


@pytest.mark.parametrize(
    "content",
    [
        {"meta": {"n": 2}, "result": {"items": ROWS}},
        {"data": {"total": 2, "rows": ROWS}},
        [{"id": i, "event": row} for i, row in enumerate(ROWS)],
        [{"when": {"date": row["date"]}, "where": {"place": row["place"]}} for row in ROWS],
    ],
)
def test_records_within_objects_are_found(tmp_path, content):
    table = rm.read_incidents(write(tmp_path, "a.json", json.dumps(content)))
    assert table["place"].tolist() == ["Kelda", "Vasteen"]


def test_of_several_lists_none_is_chosen_and_all_are_named(tmp_path):
    path = write(tmp_path, "a.json", json.dumps({"north": ROWS, "south": ROWS[:1]}))
    with pytest.raises(InputError, match=r"several lists: met 'north \(2\), south \(1\)'"):
        rm.read_incidents(path)


@pytest.mark.slow
def test_what_an_import_writes_still_knows_the_rows_that_were_lost(tmp_path):
    rows = ["21.01.2031,Kelda", "soon,Kelda", "03/04/2031,Vasteen", ",Kelda", "TOTAL,4"]
    path = write(tmp_path, "a.csv", "Datum,district\n" + "".join(f"{row}\n" for row in rows))
    found = rm.incidents.import_incidents(path)
    again = rm.read_incidents(found.write(tmp_path / "out")[0])
    for name in ("quarantine_reason", "quarantine_detail", "admin2"):
        assert again[name].equals(found.incidents[name]), name
    assert count_lost(again) == count_lost(found.incidents) == (3, 4)


@pytest.mark.slow
def test_a_row_that_was_mended_in_what_an_import_wrote_is_used(tmp_path):
    path = write(tmp_path, "a.csv", "Datum,district\n21.01.2031,Kelda\nsoon,Kelda\n")
    written = rm.incidents.import_incidents(path).write(tmp_path / "out")[0]
    table = pd.read_csv(written, dtype=str)
    table.loc[1, ["event_date", "quarantine_reason"]] = ["2031-01-22", None]
    table.to_csv(written, index=False)
    assert rm.read_incidents(written)["quarantine_reason"].isna().all()


def test_a_table_beside_parquet_files_is_not_left_out(tmp_path):
    pytest.importorskip("pyarrow")
    pd.DataFrame(ROWS).to_parquet(tmp_path / "a.parquet")
    write(tmp_path, "_SUCCESS", "")
    assert len(rm.read_incidents(tmp_path)) == 2
    write(tmp_path, "b.csv", "date,place\n2031-01-21,Kelda\n")
    with pytest.raises(InputError, match=r"other tables: met 'b\.csv'"):
        rm.read_incidents(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("sign", ["\x1b[2J", "\x07", "\x9b31m", "\u202e", "\r"])
def test_a_terminal_obeys_no_cell_and_no_name(tmp_path, sign):
    text = f'date,place,"odd{sign}name",type\n2031-01-21,"Kel{sign}da",1,"x{sign}y"\n'
    (tmp_path / "a.csv").write_bytes(text.encode())
    done = RUN.invoke(cli.app, ["import", str(tmp_path / "a.csv")])
    assert "odd" in done.output
    assert "Kel" in done.output
    assert sign not in done.output
    done = RUN.invoke(cli.app, ["import", str(tmp_path / "a.csv"), "--json"])
    assert sign not in done.output
    assert json.loads(done.stdout)["rows"][0]["place"] == f"Kel{sign}da"
