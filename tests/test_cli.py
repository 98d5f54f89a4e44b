"""The command line: results on stdout, one line on stderr when it fails, exit codes 0, 1 and 2."""

import json
import os
import subprocess
import sys
import warnings
from importlib import metadata

import pandas as pd
import pytest
from typer.testing import CliRunner

import riskmap as rm
from riskmap import cli
from riskmap.cli.common import load_incidents, tell_error
from riskmap.errors import InputError, MissingDependencyError

RUN = CliRunner()


@pytest.fixture(scope="module")
def incidents(tmp_path_factory):
    """A generic CSV of the invented incidents."""
    table = rm.datasets.incidents()
    table = table[table["event_date"] >= "2023-01-01"]
    table = table.assign(longitude=table.geometry.x, latitude=table.geometry.y)
    columns = ["source_id", "event_date", "event_type", "country", "longitude", "latitude"]
    columns += ["geo_precision", "killed", "foreign_victims"]
    path = tmp_path_factory.mktemp("in") / "incidents.csv"
    table[columns].to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def regions(tmp_path_factory):
    path = tmp_path_factory.mktemp("in") / "regions.geojson"
    districts = rm.datasets.regions()
    path.write_text(districts.drop(columns=["names"]).to_json(), encoding="utf-8")
    return path


def run(*args):
    return RUN.invoke(cli.app, [str(arg) for arg in args])


@pytest.mark.slow
def test_run_publishes_a_layer(incidents, regions, tmp_path):
    args = ["--regions", regions, "--as-of", "2025-01-01", "--out", tmp_path]
    done = run("run", incidents, *args, "--formats", "geojson,csv")
    assert done.exit_code == 0, done.output
    assert "24 regions as of 2025-01-01" in done.stdout
    latest = tmp_path / "latest"
    manifest = json.loads((latest / "manifest.json").read_text(encoding="utf-8"))
    assert [item["name"] for item in manifest["inputs"]] == ["incidents.csv", "regions.geojson"]
    assert len(json.loads((latest / "risk.geojson").read_text(encoding="utf-8"))["features"]) == 24


@pytest.mark.slow
def test_json_is_the_only_thing_on_stdout(incidents, regions, tmp_path):
    args = ["--regions", regions, "--as-of", "2025-01-01", "--out", tmp_path]
    done = run("run", incidents, *args, "--formats", "csv", "--json")
    found = json.loads(done.stdout)
    assert found["regions"] == sum(found["levels"].values()) == 24
    assert found["ledger"][0]["stage"] == "read"


@pytest.mark.slow
def test_the_demonstration_says_what_it_is(tmp_path):
    done = run("demo", "--out", tmp_path, "--formats", "advisory")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("Demonstration on a small table")
    advisory = (tmp_path / "latest" / "advisory.md").read_text(encoding="utf-8")
    assert "Demonstration on a small table" in advisory


def test_regions_get_names_their_licence(tmp_path):
    done = run("regions", "get", "AFG", "--out", tmp_path / "provinces.fgb", "--json")
    found = json.loads(done.stdout)
    assert (found["regions"], found["boundary_licence"]) == (34, "Public domain")
    assert len(rm.read_regions(tmp_path / "provinces.fgb")) == 34


def test_regions_audit_tells_what_is_wrong(regions):
    assert run("regions", "audit", regions).stdout.startswith("24 regions")
    assert (
        json.loads(run("regions", "audit", regions, "--json").stdout)["file"] == "regions.geojson"
    )


@pytest.mark.slow
def test_several_files_are_one_table_and_the_same_incident_counts_once(
    incidents, regions, tmp_path
):
    copy = tmp_path / "copy.csv"
    copy.write_text(incidents.read_text(encoding="utf-8").replace("invented", "other"))
    args = ["--regions", regions, "--as-of", "2025-01-01", "--json", "--formats", "csv", "--out"]
    one = json.loads(run("run", incidents, *args, tmp_path / "a").stdout)
    two = json.loads(run("run", incidents, copy, *args, tmp_path / "b").stdout)
    assert two["ledger"][0]["rows_in"] == 2 * one["ledger"][0]["rows_in"]
    assert two["ledger"][0]["merged"] > 0


@pytest.mark.slow
def test_one_file_that_tells_a_story_500_times_is_the_story_told_once(incidents, regions, tmp_path):
    """Law 5 from the shell: copies with ids of their own change no byte of the risk layer."""
    once = pd.read_csv(incidents, dtype=str, keep_default_na=False)
    once["notes"] = [f"Invented report number {i} of something that happened" for i in once.index]
    story = once.iloc[[-1]].assign(
        notes="Gunmen shot three Turkish engineers at the new bridge near the river."
    )
    copies = pd.concat([story.assign(source_id=f"copy{i}") for i in range(500)])
    found = {}
    for name, rows in (("one", story), ("many", copies)):
        path = tmp_path / name / "incidents.csv"
        path.parent.mkdir()
        pd.concat([once.iloc[:-1], rows]).to_csv(path, index=False)
        out = tmp_path / name / "out"
        args = ("--regions", regions, "--as-of", "2025-01-01", "--out", out, "--json")
        done = run("run", path, *args, "--formats", "geojson")
        assert done.exit_code == 0, done.output
        risks = json.loads((out / "latest" / "risk.geojson").read_text(encoding="utf-8"))
        ledger = json.loads(done.stdout)["ledger"]
        found[name] = ([f["properties"] for f in risks["features"]], ledger)
    assert found["one"][0] == found["many"][0]
    read = found["many"][1][0]
    assert (read["merged"], read["rows_in"]) == (499, len(once) + 499)


@pytest.mark.slow
def test_notes_say_who_was_hit_in_a_run(incidents, tmp_path):
    """Words of the notes reach the layer of foreign incidents."""
    rows = pd.read_csv(incidents, dtype=str, keep_default_na=False)
    path = tmp_path / "incidents.csv"
    rows.assign(foreign_victims="", notes="").to_csv(path, index=False)
    silent = load_incidents([path])
    rows.assign(foreign_victims="", notes="Two Turkish engineers were shot at.").to_csv(
        path, index=False
    )
    told = load_incidents([path])
    assert silent["foreign_victims"].isna().all()
    assert (told["foreign_victims"] == 2).all()
    assert set(told["derived"]) == {"nationality;foreign_victims;staff_type"}


@pytest.mark.slow
def test_a_run_stops_when_too_much_of_a_file_is_lost(incidents, regions, tmp_path):
    rows = pd.read_csv(incidents, dtype=str, keep_default_na=False)
    rows.loc[rows.index[::4], "event_date"] = "soon"
    rows.loc[rows.index[1::8], "event_date"] = ""
    path = tmp_path / "incidents.csv"
    rows.to_csv(path, index=False)
    args = ("run", path, "--regions", regions, "--as-of", "2025-01-01", "--out", tmp_path / "out")
    stopped = run(*args, "--max-lost", "0.3")
    assert stopped.exit_code == 1
    told = str(stopped.exception)
    assert "of the rows can't be used: met '" in told
    assert told.index("bad_date") < told.index("no_date")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_group_is_the_headline(incidents, regions, tmp_path):
    args = ["--regions", regions, "--as-of", "2025-01-01", "--group", "CHN/mining"]
    done = run("run", incidents, *args, "--formats", "csv", "--out", tmp_path, "--json")
    assert json.loads(done.stdout)["layer"] == "group"


@pytest.mark.slow
def test_a_public_set_says_so_and_names_no_place(incidents, regions, tmp_path):
    args = ["--regions", regions, "--as-of", "2025-01-01", "--formats", "csv", "--out", tmp_path]
    assert run("run", incidents, *args, "--profile", "public").exit_code == 0
    manifest = json.loads((tmp_path / "latest" / "manifest.json").read_bytes())
    assert manifest["profile"] == "public"
    assert manifest["inputs"][0]["name"] == "input 1"


WRONG = [("--formats", "geojson,doc"), ("--profile", "press")]


@pytest.mark.slow
@pytest.mark.parametrize("options", [("--language", "en, zh"), ("--language=en", "--language=zh")])
def test_languages_are_chosen_by_name(incidents, regions, tmp_path, options):
    args = ["--regions", regions, "--as-of", "2025-01-01", "--out", tmp_path]
    run("run", incidents, *args, "--formats", "advisory", *options)
    found = {path.name for path in (tmp_path / "latest").glob("advisory*")}
    assert found == {"advisory.md", "advisory.zh.md"}


def test_a_language_without_a_catalogue_is_refused_before_any_work(tmp_path):
    args = ["run", tmp_path / "absent.csv", "--regions", "AFG", "--as-of", "2025-01-01"]
    done = run(*args, "--language", "xx")
    assert isinstance(done.exception, rm.InputError)
    assert "expected one of en, zh" in str(done.exception)


def test_the_help_names_all_formats_and_languages():
    told = " ".join(run("run", "--help").stdout.replace("│", " ").split())
    assert all(name in told for name in ("pmtiles", "docx", "atom", "en, zh"))


@pytest.mark.parametrize("option", WRONG)
def test_a_wrong_format_or_profile_is_refused_before_any_work(tmp_path, option):
    args = ["run", tmp_path / "absent.csv", "--regions", "AFG", "--as-of", "2025-01-01"]
    done = run(*args, "--out", tmp_path / "out", *option)
    assert isinstance(done.exception, rm.InputError)
    assert "unknown" in str(done.exception)


@pytest.mark.slow
def test_what_could_not_be_written_is_told(incidents, regions, tmp_path, monkeypatch):
    def absent(*_, **__):
        raise MissingDependencyError("weasyprint", extra="report")

    monkeypatch.setattr("riskmap.outputs.documents.advisory_pdf", absent)
    args = ["--regions", regions, "--as-of", "2025-01-01", "--out", tmp_path]
    done = run("run", incidents, *args, "--formats", "csv,pdf")
    assert "without pdf: weasyprint is not installed: pip install 'riskmap[report]'" in done.stdout


@pytest.mark.slow
def test_incidents_check_tells_what_would_be_lost(incidents, tmp_path):
    assert json.loads(run("incidents", "check", incidents, "--json").stdout)["feed"] == "generic"
    bad = tmp_path / "bad.csv"
    bad.write_text("event_date,latitude,longitude,country\n2024-13-01,1,2,XQA\n")
    assert run("incidents", "check", bad, "--max-lost", "0.5").exit_code == 1


def test_the_format_of_ambiguous_dates_can_be_stated(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("date,latitude,longitude,country\n03/04/2024,1,2,XQA\n")
    assert run("incidents", "check", path, "--max-lost", "0.5").exit_code == 1
    told = json.loads(run("incidents", "check", path, "--dates", "%d/%m/%Y", "--json").stdout)
    assert told["first_day"] == "2024-04-03"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["run"], "needs files of incidents, --regions, --as-of; or --config"),
        (["run", "log.csv", "--regions", "XQA:2", "--as-of", "2019-01-01"], "before --as-of: met"),
        (["run", "log.csv", "--regions", "XQA:2", "--as-of", "soon"], "--as-of: --as-of is not a"),
        (
            ["run", "unread.csv", "--regions", "XQA:2", "--as-of", "2025-01-01"],
            "--dates '%d/%m/%Y'",
        ),
        (["run", "lost.csv", "--regions", "XQA:2", "--as-of", "2025-01-01"], "--max-lost 0.5"),
        (["incidents", "check", "odd.csv"], "or a --mapping that names them"),
    ],
)
@pytest.mark.filterwarnings("default")  # as outside of tests
def test_the_shell_speaks_of_options(tmp_path, monkeypatch, capsys, args, told):
    head = "date,district\n"
    (tmp_path / "log.csv").write_text(head + "2024-05-01,Kelda\n", "utf-8")
    (tmp_path / "unread.csv").write_text(head + "03/04/2024,Kelda\n", "utf-8")
    (tmp_path / "lost.csv").write_text(head + "03/04/2024,Kelda\n2024-05-01,Kelda\n", "utf-8")
    (tmp_path / "odd.csv").write_text("a,b\n1,2\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["riskmap", *args])
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # it sets its own
    with pytest.raises(SystemExit) as done:
        cli.main()
    assert done.value.code in (1, 2)
    said = capsys.readouterr().err
    shown = " ".join(said.replace("\u2502", " ").split())  # a usage error stands in a frame
    assert told in shown
    assert "as_of" not in said


@pytest.mark.slow
def test_check_tells_of_districts_that_are_not_used(tmp_path):
    rows = "".join(f"2024-05-0{i},Velmar,{name}\n" for i, name in enumerate("abcd", start=1))
    path = tmp_path / "log.csv"
    path.write_text(f"date,province,district\n{rows}2024-05-09,Velmar,Kelda\n", "utf-8")
    told = "4 of 5 incidents name a district that was not used"
    done = run("incidents", "check", path, "--regions", "XQA:2")
    assert (done.exit_code, told in done.stdout) == (1, True)
    assert "80.0% of the rows that tell of an incident are lost" in done.stderr
    allowed = run("incidents", "check", path, "--regions", "XQA:2", "--max-lost", "0.8", "--json")
    assert (allowed.exit_code, json.loads(allowed.stdout)["not_used"]) == (0, 4)
    assert run("import", path, "--regions", "XQA:2").exit_code == 1


def test_extract_reads_an_article_and_writes_a_review(tmp_path):
    article = tmp_path / "article.txt"
    article.write_text("Two miners were killed on Tuesday in Sarn district.", encoding="utf-8")
    args = ["--published", "2025-01-22", "--html", tmp_path / "r.html", "--csv", tmp_path / "r.csv"]
    done = run("extract", article, *args)
    assert "2025-01-21" in done.stdout
    assert "Two miners" in (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "Sarn" in (tmp_path / "r.csv").read_text(encoding="utf-8")


def test_extract_takes_a_second_reader_and_writes_one_queue_for_a_folder(tmp_path, monkeypatch):
    (tmp_path / "town_reader.py").write_text(
        "def read(text, *, published=None):\n"
        "    said = [{'field': 'killed', 'quote': 'Two miners were killed'}]\n"
        "    return [{'event_status': 'reported', 'killed': 2, 'evidence': said}]\n"
    )
    monkeypatch.chdir(tmp_path)
    news = tmp_path / "news"
    news.mkdir()
    for name in ("a.txt", "b.txt"):
        (news / name).write_text("Two miners were killed on Tuesday in Sarn district.", "utf-8")
    args = ["--published", "2025-01-22", "--reader", "town_reader:read", "--csv", "r.csv"]
    assert run("extract", news, *args, "--html", "r.html", "--xlsx", "r.xlsx").exit_code == 0
    assert (tmp_path / "r.csv").read_text(encoding="utf-8").count("rules+reader") == 2
    assert (tmp_path / "r.html").read_text(encoding="utf-8").count("<main>") == 2
    assert (tmp_path / "r.xlsx").read_bytes()[:2] == b"PK"


def test_extract_says_that_nothing_was_read(tmp_path):
    article = tmp_path / "article.txt"
    article.write_text("两名矿工遇害。", encoding="utf-8")
    done = run("extract", article, "--csv", tmp_path / "r.csv")
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1
    assert "1 of 1 texts are not read (languages: zh 1); that needs a reader" in done.stderr
    assert "unread_language" in (tmp_path / "r.csv").read_text(encoding="utf-8")


@pytest.mark.slow
def test_geocode_says_how_many_requests_would_go_out(regions, tmp_path, monkeypatch):
    monkeypatch.setenv("RISKMAP_CACHE", str(tmp_path))
    monkeypatch.setenv("RISKMAP_OFFLINE", "1")
    path = tmp_path / "places.csv"
    path.write_text(
        "event_date,country,admin1,admin2,place\n"
        "2024-01-01,XQA,Velmar,Kelda,\n"
        "2024-01-02,XQA,Dostan,,Some hamlet\n",
        encoding="utf-8",
    )
    args = ["geocode", path, "--regions", regions, "--user-agent", "desk/1.0 (desk@example.org)"]
    assert run(*args, "--dry-run").stdout == "1 requests would go out\n"
    offline = json.loads(run("geocode", path, "--regions", regions, "--json").stdout)
    assert offline["status"] == {"hit": 1, "miss": 1}
    assert offline["places"][0]["region_id"].startswith("XQA03")


def test_doctor_finds_everything_that_is_needed():
    done = run("doctor", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["ok"]


def test_doctor_tells_which_extra_brings_what_is_missing(monkeypatch):
    def absent(name):
        raise metadata.PackageNotFoundError(name)

    lines = [
        "numpy>=2.0",
        "dask[dataframe]>=2025.1; extra == 'dask'",
        "pyarrow>=17; extra == 'dask'",
        "pyarrow>=17; extra == 'parquet'",
        "pytest>=8.3; extra == 'dev'",
    ]
    monkeypatch.setattr("importlib.metadata.requires", lambda _: lines)
    monkeypatch.setattr("importlib.metadata.version", absent)
    told = run("doctor").stdout
    assert "NO  numpy: missing" in told
    assert "--  pyarrow: pip install 'riskmap[parquet]'" in told
    assert "pytest" not in told
    monkeypatch.setattr("importlib.metadata.requires", absent)
    assert "NO  riskmap: missing" in run("doctor").stdout


def test_doctor_fails_when_something_needed_is_missing(monkeypatch):
    monkeypatch.setattr("riskmap.cli._DATA", ("no/such/file",))
    done = run("doctor")
    assert done.exit_code == 1
    assert "NO  no/such/file: missing" in done.stdout


@pytest.mark.parametrize(
    "args",
    [
        ["run"],
        ["run", "x.csv", "--regions", "AFG"],
        ["run", "x.csv", "--regions", "AFG:one", "--as-of", "2025-01-01"],
        ["fly"],
    ],
)
def test_wrong_usage_is_2(args):
    assert run(*args).exit_code == 2


def program(*args, **variables):
    return subprocess.run(
        [sys.executable, "-c", "from riskmap.cli import main; main()", *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **variables},
    )


@pytest.mark.slow
def test_failure_is_one_line_and_1(regions, tmp_path):
    empty = tmp_path / "empty.csv"
    empty.touch()
    done = program("run", empty, "--regions", regions, "--as-of", "2025-01-01", "--out", tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("riskmap: ")


@pytest.mark.slow
def test_the_same_bytes_in_any_zone_locale_and_hash_seed(incidents, regions, tmp_path):
    args = ["run", incidents, "--regions", regions, "--as-of", "2025-01-01"]
    args += ["--formats", "csv,geojson,gpkg", "--out"]
    one = program(*args, tmp_path / "a", PYTHONHASHSEED="1", TZ="UTC", LC_ALL="C.UTF-8")
    two = program(*args, tmp_path / "b", PYTHONHASHSEED="2", TZ="Asia/Kabul", LC_ALL="C")
    assert (one.returncode, two.returncode) == (0, 0), one.stderr + two.stderr
    sets = [sorted((tmp_path / name / "latest").resolve().iterdir()) for name in "ab"]
    assert [path.name for path in sets[0]] == [path.name for path in sets[1]]
    for left, right in zip(*sets, strict=True):
        assert left.read_bytes() == right.read_bytes(), left.name


def test_help_loads_nothing_heavy():
    """What makes ``--help`` quick: geopandas and scikit-learn take more than a second to import."""
    code = (
        "import sys; sys.argv = ['riskmap', '--help']\n"
        "from riskmap.cli import main\n"
        "try: main()\n"
        "except SystemExit: print({'numpy', 'pandas', 'geopandas', 'sklearn'} & set(sys.modules))\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Incident reports" in shown.stdout
    assert shown.stdout.splitlines()[-1] == "set()"


@pytest.mark.slow
def test_import_reads_a_log_and_tells_each_row(regions, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("Log of the week\nDatum;Ort;Tote\n21.01.2031;Kelda, Velmar;3-4\n", "utf-8")
    done = run("import", log, "--regions", regions, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "2031-01-21" in done.stdout
    assert "XQA0303" in done.stdout
    assert (tmp_path / "out" / "mapping.toml").is_file()
    again = run("import", log, "--mapping", tmp_path / "out" / "mapping.toml", "--json")
    assert json.loads(again.stdout)["rows"][0]["toll"] == "killed 3-4"


def test_what_is_wrong_in_a_column_of_a_file_is_no_fault_of_an_option():
    told = InputError("unknown layer of a scope", file="log.csv", row=2, column="scope")
    assert tell_error(told) == "log.csv, row 2, column scope: unknown layer of a scope"
    assert tell_error(InputError("unknown", column="scope")) == "--scope: unknown"
