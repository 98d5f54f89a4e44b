"""Fetching: pages in the shapes of each service become the same table that files give."""

import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
from typer.testing import CliRunner

import riskmap as rm
from riskmap import cli
from riskmap.errors import InputError, OfflineError, ServiceError
from riskmap.incidents import fetching
from riskmap.incidents.fetching import CLIENTS, fetch_rows, write_rows
from riskmap.incidents.services import Query
from riskmap.schema import check_incidents

SOURCES = ("acled", "hapi")


def params(path):
    return {key: values[0] for key, values in parse_qs(urlsplit(path).query).items()}


@pytest.mark.parametrize("name", SOURCES)
def test_what_is_fetched_is_an_incidents_table(stand_in, name):
    table = rm.fetch_incidents(name, country="TCD", since=2024, client=stand_in.client(name))
    check_incidents(table)
    assert len(table) == 5
    assert set(table["source"]) == {name}
    lost = table["quarantine_reason"].dropna().tolist()
    assert lost == (["aggregate"] * 5 if name == "hapi" else [])
    assert table["foreign_victims"].isna().all()


@pytest.mark.parametrize("name", SOURCES)
def test_a_fetch_reads_like_the_file_that_it_writes(stand_in, name, tmp_path):
    fetched = stand_in.fetch(name, country="TCD")
    direct = fetching.read_fetched(fetched)
    table = rm.read_incidents(write_rows(fetched, tmp_path / "rows.json"))
    keys = ["source_file", "source_row", *(["source_id", "incident_id"] * (name == "hapi"))]
    pd.testing.assert_frame_equal(
        pd.DataFrame(table.drop(columns=keys)), pd.DataFrame(direct.drop(columns=keys))
    )


@pytest.mark.parametrize("name", SOURCES)
def test_the_ledger_adds_up_and_says_what_was_not_asked_for(stand_in, name):
    column = {"hapi": "location_code"}.get(name, "country")
    stand_in.rows[name][0] |= {column: "Mali" if name != "hapi" else "MLI"}
    fetched = stand_in.fetch(name, country="TCD", since=2020)
    stage = fetched.ledger.stages[0]
    assert (stage.rows_in, stage.rows_out, dict(stage.reasons)) == (5, 4, {"not_asked": 1})
    ledger = fetching.count_read(fetched)
    assert ledger.stages[-1].rows_out == (0 if name == "hapi" else 4)


def test_rows_that_can_not_be_told_stay(stand_in):
    stand_in.rows["acled"][0] |= {"country": "Atlantis", "event_date": "soon"}
    fetched = stand_in.fetch("acled", country="TCD", since=2024, until=2024)
    assert len(fetched.rows) == 5
    assert fetching.read_fetched(fetched)["quarantine_reason"].tolist()[0] == "bad_date"


def test_acled_is_asked_for_a_token_once_and_then_page_by_page(stand_in):
    stand_in.fetch("acled", country="COD", since=2024, allow_empty=True)
    paths = [path for path, _, _ in stand_in.asked]
    assert paths[0] == "/oauth/token"
    assert [params(path)["page"] for path in paths[1:]] == ["1", "2", "3", "4"]
    first = params(paths[1])
    assert first["country"] == "Democratic Republic of Congo"
    assert (first["event_date"], first["event_date_where"]) == ("2024-01-01|2100-12-31", "BETWEEN")


def test_a_token_that_runs_out_is_asked_for_anew(stand_in):
    stand_in.fault_on = "page=2"
    stand_in.faults = [lambda h: stand_in.send_json(h, {"message": "expired"}, 401)]
    assert len(stand_in.fetch("acled").rows) == 5
    assert [path for path, _, _ in stand_in.asked].count("/oauth/token") == 2


def test_hapi_is_asked_for_a_country_and_days(stand_in):
    stand_in.fetch("hapi", country="TCD", since=2024, until=2024)
    asked = params(stand_in.pages()[0])
    assert (asked["location_code"], asked["start_date"]) == ("TCD", "2024-01-01")


@pytest.mark.parametrize("name", SOURCES)
def test_nothing_is_an_error_unless_it_may_be(stand_in, name):
    stand_in.rows[name] = []
    with pytest.raises(ServiceError, match=r"answered 0 records, none of them asked for \(country"):
        stand_in.fetch(name, country="TCD")
    client = stand_in.client(name)
    table = rm.fetch_incidents(name, country="TCD", client=client, allow_empty=True)
    check_incidents(table)
    assert len(table) == 0


def test_provenance_says_what_when_from_whom_and_under_which_terms(stand_in):
    found = stand_in.fetch("acled", country="TCD").provenance
    assert found["query"] == {"country": "TCD"}
    assert found["answered_at"].endswith("+00:00")
    assert (found["rows"], len(found["sha256"])) == (5, 64)
    assert "ACLED terms" in found["licence"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"country": "Atlantis"}, "unknown country"),
        ({"since": "soon"}, "not a day"),
        ({"since": "2024-13"}, "not a day"),
        ({"since": 2025, "until": 2024}, "wrong order"),
        ({"version": "latest"}, "unknown version of UCDP"),
    ],
)
def test_a_question_that_is_none_is_never_sent(stand_in, query, message):
    with pytest.raises(InputError, match=message):
        rm.fetch_incidents("ucdp", client=stand_in.client("ucdp"), **query)
    assert stand_in.asked == []


def test_only_ucdp_has_versions(stand_in):
    with pytest.raises(InputError, match="has no versions"):
        stand_in.fetch("hapi", version="1")


def test_offline_forbids_every_connection(stand_in, monkeypatch):
    monkeypatch.setenv("RISKMAP_OFFLINE", "1")
    with pytest.raises(OfflineError):
        stand_in.fetch("acled")
    assert stand_in.asked == []


def fail(stand_in, page="page=2"):
    stand_in.fault_on = page
    stand_in.faults = [lambda h: stand_in.send_json(h, {}, 500)] * 3


def test_a_fetch_that_failed_leaves_nothing_and_the_next_gives_what_an_unbroken_one_gives(
    stand_in, tmp_path
):
    whole = stand_in.fetch("acled")
    fail(stand_in)
    with pytest.raises(ServiceError, match=r"HTTP 500 \(tried 3 times\)"):
        stand_in.fetch("acled")
    assert not any(path.is_file() for path in tmp_path.rglob("*"))
    stand_in.faults = []
    again = stand_in.fetch("acled")
    pd.testing.assert_frame_equal(again.rows, whole.rows)
    assert again.provenance["sha256"] == whole.provenance["sha256"]


def test_the_command_writes_a_file_that_run_and_check_read(stand_in, monkeypatch, tmp_path):
    clients = {name: stand_in.client(name) for name in CLIENTS}
    monkeypatch.setattr(fetching, "CLIENTS", clients)
    run = CliRunner()
    out = tmp_path / "new" / "rows.json"
    command = ["incidents", "get", "acled", "--country", "TCD", "--since", "2020"]
    done = run.invoke(cli.app, [*command, "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "fetch: 5 rows in, 5 out\nread: 5 rows in, 5 out" in done.stdout
    assert json.loads(out.read_text())["provenance"]["source"] == "acled"
    checked = run.invoke(cli.app, ["incidents", "check", str(out), "--json"])
    assert json.loads(checked.stdout)["usable"] == 5
    stand_in.rows["hapi"] = []
    command = ["incidents", "get", "hapi", "--out", str(tmp_path / "a.json")]
    empty = run.invoke(cli.app, [*command, "--allow-empty", "--json"])
    assert json.loads(empty.stdout)["rows"] == 0
    assert isinstance(run.invoke(cli.app, command).exception, ServiceError)


def test_a_file_is_whole_or_as_it_was(stand_in, tmp_path):
    fetched = stand_in.fetch("acled")
    with pytest.raises(InputError, match="unknown kind of file"):
        write_rows(fetched, tmp_path / "rows.csv")
    bad = replace(fetched, rows=fetched.rows.assign(notes=[object()] * 5))
    path = write_rows(fetched, tmp_path / "rows.json")
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_rows(bad, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["rows.json"]


def test_sources_are_asked_one_by_one(stand_in):
    with pytest.raises(InputError, match="unknown source"):
        fetching.find_client("everything")
    assert fetch_rows(stand_in.client("acled"), Query()).client.name == "acled"
