"""Fetching: pages in the shapes of each service become the same table that files give."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
from typer.testing import CliRunner

import riskmap as rm
from riskmap import cli
from riskmap.countries import find_country
from riskmap.downloads import Service
from riskmap.errors import InputError, OfflineError, ServiceError
from riskmap.incidents import fetching
from riskmap.incidents.articles import read_articles
from riskmap.incidents.feeds.ucdp import country_numbers
from riskmap.incidents.fetching import CLIENTS, fetch_rows, withdraw_incidents, write_rows
from riskmap.incidents.queries import Query
from riskmap.incidents.sessions import PageStore
from riskmap.schema import check_incidents

SOURCES = ("ucdp", "acled", "hapi", "reliefweb")


def params(path):
    return {key: values[0] for key, values in parse_qs(urlsplit(path).query).items()}


@pytest.mark.parametrize("name", SOURCES)
def test_what_is_fetched_is_an_incidents_table(stand_in, name):
    table = rm.fetch_incidents(name, country="TCD", since=2024, client=stand_in.client(name))
    check_incidents(table)
    assert len(table) == 5
    expected = {"hapi": "hapi", "reliefweb": "article"}.get(name, name)
    assert set(table["source"]) == {expected}
    assert table["quarantine_reason"].isna().all()
    assert table["count"].dropna().tolist() == ([1, 2, 3, 4, 5] if name == "hapi" else [])
    assert table["foreign_victims"].isna().all()


@pytest.mark.parametrize("name", ["ucdp", "acled", "hapi"])
def test_a_fetch_reads_like_the_file_that_it_writes(stand_in, name, tmp_path):
    fetched = stand_in.fetch(name, country="TCD")
    direct = fetching.read_fetched(fetched)
    for kind in ("json", "csv"):
        path = write_rows(fetched, tmp_path / f"rows.{kind}")
        table = rm.read_incidents(path)
        keys = ["source_file", "source_row", *(["source_id", "incident_id"] * (name == "hapi"))]
        pd.testing.assert_frame_equal(
            pd.DataFrame(table.drop(columns=keys)), pd.DataFrame(direct.drop(columns=keys))
        )


@pytest.mark.parametrize("name", SOURCES)
def test_the_ledger_adds_up_and_says_what_was_not_asked_for(stand_in, name):
    key = {"ucdp": "ucdp", "acled": "acled", "hapi": "hapi", "reliefweb": "reliefweb"}[name]
    if name != "reliefweb":
        column = {"hapi": "location_code"}.get(name, "country")
        stand_in.rows[key][0] |= {column: "Mali" if name != "hapi" else "MLI"}
    else:
        stand_in.rows[key][0]["fields"]["date"]["original"] = "2019-01-01T00:00:00+00:00"
    fetched = stand_in.fetch(name, country="TCD", since=2020)
    stage = fetched.ledger.stages[0]
    assert (stage.rows_in, stage.rows_out, dict(stage.reasons)) == (5, 4, {"not_asked": 1})
    ledger = fetching.count_read(fetched)
    assert ledger.stages[-1].rows_out == 4


def test_rows_that_can_not_be_told_stay(stand_in):
    stand_in.rows["ucdp"][0] |= {"country": "Atlantis", "date_start": "soon", "date_end": None}
    fetched = stand_in.fetch("ucdp", country="TCD", since=2024, until=2024)
    assert len(fetched.rows) == 5
    assert fetching.read_fetched(fetched)["quarantine_reason"].tolist()[0] == "bad_date"


def test_ucdp_is_paged_by_its_next_page_and_asked_by_its_own_numbers(stand_in):
    stand_in.fetch(
        "ucdp", country="Afghanistan", since="2024-02", until="2024-02", allow_empty=True
    )
    asked = [params(path) for path in stand_in.pages()]
    assert asked[0] == {
        "pagesize": "1000",
        "Country": "700",
        "StartDate": "2024-02-01",
        "EndDate": "2024-02-29",
    }
    assert [a.get("page") for a in asked] == [None, "1", "2"]
    assert all(urlsplit(path).path == "/gedevents/26.1" for path in stand_in.pages())


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


def test_withdrawn_events_are_set_aside_in_an_older_table(stand_in):
    table = rm.fetch_incidents("acled", client=stand_in.client("acled"))
    withdrawn = stand_in.fetch("acled-withdrawn", since=2024)
    assert params(stand_in.pages()[-2])["deleted_timestamp"] == "1704067200"
    now = withdraw_incidents(table, withdrawn)
    assert now["quarantine_reason"].fillna("").tolist() == ["", "withdrawn", "", "", ""]
    assert table["quarantine_reason"].isna().all()
    with pytest.raises(InputError, match="no incidents"):
        fetching.read_fetched(withdrawn)


def test_hapi_and_reliefweb_are_asked_for_a_country_and_days(stand_in):
    stand_in.fetch("hapi", country="TCD", since=2024, until=2024)
    asked = params(stand_in.pages()[0])
    assert (asked["location_code"], asked["start_date"]) == ("TCD", "2024-01-01")
    stand_in.fetch("reliefweb", country="TCD", since=2024, until=2024)
    body = json.loads(stand_in.asked[-1][2])
    conditions = {c["field"]: c["value"] for c in body["filter"]["conditions"]}
    assert conditions["country.iso3"] == "tcd"
    assert conditions["date.created"]["to"] == "2024-12-31T23:59:59+00:00"
    assert body["offset"] == 4


def test_reports_go_to_the_extractor_from_python_and_from_a_file(stand_in, tmp_path):
    fetched = stand_in.fetch("reliefweb")
    table = fetching.read_fetched(fetched)
    assert table["incident_id"].tolist()[0] == "article:reliefweb-1-1"
    assert table["killed"].tolist() == [2] * 5
    articles = read_articles(write_rows(fetched, tmp_path / "reports.json"))
    assert [a.source_file for a in articles][:1] == ["reports.json:1"]
    found = rm.extract_incidents(articles[0].text, published=articles[0].published)
    assert found.incidents["killed"].tolist() == [2]
    (tmp_path / "other.json").write_text('{"data": [{"a": 1}]}')
    with pytest.raises(InputError, match="not a file of reports"):
        read_articles(tmp_path / "other.json")


def test_reports_without_an_incident_are_an_empty_table(stand_in):
    stand_in.rows["reliefweb"] = stand_in.rows["reliefweb"][:1]
    stand_in.rows["reliefweb"][0]["fields"] |= {"body": None, "title": "A meeting", "source": None}
    table = fetching.read_fetched(stand_in.fetch("reliefweb"))
    assert len(table) == 0
    check_incidents(table)


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
    found = stand_in.fetch("ucdp", country="TCD", version="25.0.3").provenance
    assert found["query"] == {"country": "TCD", "version": "25.0.3"}
    assert found["answered_at"].endswith("+00:00")
    assert (found["rows"], len(found["sha256"])) == (5, 64)
    assert "CC BY" in found["licence"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"country": "Atlantis"}, "unknown country"),
        ({"since": "soon"}, "not a day"),
        ({"since": "2024-13"}, "not a day"),
        ({"since": 2025, "until": 2024}, "wrong order"),
        ({"version": "latest"}, "unknown version of UCDP"),
        ({"country": "PSE"}, "UCDP has no number"),
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
        stand_in.fetch("ucdp")
    assert stand_in.asked == []


SCRIPT = """
import sys
from dataclasses import replace
from riskmap.downloads import Service
from riskmap.incidents.fetching import CLIENTS, fetch_rows
from riskmap.incidents.queries import Pace, Query
client = replace(CLIENTS["ucdp"], service=Service(sys.argv[1], ("127.0.0.1",)), pace=Pace(0.0))
print(len(fetch_rows(client, Query.of(country="TCD")).rows))
"""


@pytest.mark.slow
def test_a_fetch_that_was_killed_goes_on_where_it_was(stand_in, tmp_path):
    """A real process, a real SIGKILL while it waits for the third page."""
    waiting = []

    def hold(_):
        waiting.append(True)
        time.sleep(60)

    stand_in.fault_on, stand_in.faults = "page=2", [hold]
    env = os.environ | {"PYTHONPATH": str(Path(rm.__file__).parents[1])}
    command = [sys.executable, "-c", SCRIPT, stand_in.base]
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not waiting and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert (process.returncode, len(stand_in.pages())) == (-signal.SIGKILL, 3)
    kept = sorted((tmp_path / "cache" / "incidents").rglob("*"))
    assert [p.name for p in kept if p.is_file()] == ["page-00000.json", "page-00001.json"]
    assert [len(json.loads(p.read_bytes())["page"]["records"]) for p in kept if p.is_file()] == [
        2,
        2,
    ]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "5"
    assert len(stand_in.pages()) == 4  # the third page alone was asked for again
    assert list((tmp_path / "cache" / "incidents").iterdir()) == []


def fail(stand_in, page="page=2"):
    stand_in.fault_on = page
    stand_in.faults = [lambda h: stand_in.send_json(h, {}, 500)] * 3


def test_a_failed_fetch_goes_on_and_gives_what_an_unbroken_one_gives(stand_in):
    whole = stand_in.fetch("ucdp")
    fail(stand_in)
    with pytest.raises(ServiceError, match=r"HTTP 500 \(tried 3 times\)"):
        stand_in.fetch("ucdp")
    stand_in.faults, before = [], len(stand_in.pages())
    again = stand_in.fetch("ucdp")
    assert len(stand_in.pages()) == before + 1
    pd.testing.assert_frame_equal(again.rows, whole.rows)
    assert again.provenance["sha256"] == whole.provenance["sha256"]


@pytest.mark.parametrize("spoil", ["old", "broken", "other"])
def test_kept_pages_that_are_old_or_spoilt_are_asked_for_anew(stand_in, spoil):
    fail(stand_in)
    with pytest.raises(ServiceError):
        stand_in.fetch("ucdp")
    store = PageStore(stand_in.client("ucdp"), Query())
    first = store.path(0)
    if spoil == "old":
        os.utime(first, (0, 0))
    else:
        first.write_bytes(b'{"records"' if spoil == "broken" else b'{"records": []}')
    stand_in.faults, before = [], len(stand_in.pages())
    assert len(stand_in.fetch("ucdp").rows) == 5
    assert len(stand_in.pages()) == before + 3


def test_another_question_has_its_own_pages(stand_in):
    client = stand_in.client("ucdp")
    folders = {
        PageStore(c, Query.of(**q)).folder
        for c, q in [
            (client, {}),
            (client, {"country": "TCD"}),
            (client, {"version": "25.1"}),
            (replace(client, service=Service("http://127.0.0.1:9", ())), {}),
        ]
    }
    assert len(folders) == 4


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
        write_rows(fetched, tmp_path / "rows.xlsx")
    bad = replace(fetched, rows=fetched.rows.assign(notes=[object()] * 5))
    path = write_rows(fetched, tmp_path / "rows.json")
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_rows(bad, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["rows.json"]


def test_no_cell_of_a_csv_is_a_formula(stand_in, tmp_path):
    stand_in.rows["acled"][0] |= {"notes": "=1+1", "latitude": "-13.1", "actor1": None}
    stand_in.rows["acled"][0] |= {"source": "＝1+1"}  # noqa: RUF001 - a wide sign
    path = write_rows(stand_in.fetch("acled"), tmp_path / "rows.csv")
    row = pd.read_csv(path, dtype=str, keep_default_na=False).iloc[0]
    assert (row["notes"], row["latitude"], row["actor1"]) == ("'=1+1", "-13.1", "")
    assert row["source"] == "'＝1+1"  # noqa: RUF001 - likewise


def test_sources_are_asked_one_by_one(stand_in):
    with pytest.raises(InputError, match="unknown source"):
        fetching.find_client("everything")
    assert fetch_rows(stand_in.client("acled"), Query()).client.name == "acled"


@pytest.mark.parametrize("name", ["ged191_SYR_head", "ged231_CAR482", "ged_MMR"])
def test_ucdp_knows_countries_by_these_numbers(shared, name):
    path = shared / "incidents" / "ucdp" / f"{name}.csv"
    first = pd.read_csv(path, nrows=1, encoding="utf-8", encoding_errors="replace").iloc[0]
    assert str(int(first["country_id"])) in country_numbers(find_country(first["country"]))
