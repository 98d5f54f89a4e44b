"""A run from a configuration: what the script does, what the command line does, clear errors."""

import json
import re
from dataclasses import fields, replace
from datetime import date
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from typer.testing import CliRunner

import riskmap as rm
from riskmap import cli
from riskmap.desk import read_files, runs
from riskmap.ledgers import Losses

FORMATS = ["csv", "geojson"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A desk's folder: a log, regions, and the configuration of its weekly run."""
    place = tmp_path_factory.mktemp("desk")
    table = rm.datasets.incidents()
    table = table[table["event_date"] >= "2023-06-01"]
    table = table.assign(longitude=table.geometry.x, latitude=table.geometry.y)
    columns = ["source_id", "event_date", "event_type", "country", "longitude", "latitude"]
    table[[*columns, "killed", "foreign_victims"]].to_csv(place / "log.csv", index=False)
    regions = rm.datasets.regions().drop(columns=["names"])
    (place / "regions.geojson").write_text(regions.to_json(), encoding="utf-8")
    (place / "weekly.toml").write_text(
        'incidents = ["log.csv"]\nregions = "regions.geojson"\nas_of = 2025-01-01\n'
        'group = "CHN/mining"\nformats = ["csv", "geojson"]\n',
        encoding="utf-8",
    )
    return place


def command(*args):
    return CliRunner().invoke(cli.app, ["run", *map(str, args)])


def read(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
def test_a_run_is_the_script_and_the_command(folder, tmp_path):
    regions = rm.read_regions(folder / "regions.geojson")
    incidents = rm.derive_victims(rm.read_incidents(folder / "log.csv"))
    located = rm.locate(rm.merge_duplicates(incidents), regions)
    panel = rm.count_incidents(located, regions, group="CHN/mining", as_of="2025-01-01")
    layer = rm.assess(rm.forecast(panel, horizon="90D"), regions)
    script = read(rm.publish(layer, tmp_path / "script", formats=FORMATS))
    run = rm.run(rm.RunConfig.read(folder / "weekly.toml", out=tmp_path / "run"))
    told = command("--config", folder / "weekly.toml", "--out", tmp_path / "command", "--json")
    assert told.exit_code == 0, told.output
    assert read(run.folder) == read((tmp_path / "command/latest").resolve())
    same = set(script) - {"layer.json", "manifest.json"}  # these name the files that were read
    assert {name: script[name] for name in same} == {name: read(run.folder)[name] for name in same}
    assert {"risk.csv", "risk.geojson", "ledger.json"} <= same


def test_what_is_not_named_is_beside_the_file_and_options_outrank_it(folder):
    config = rm.RunConfig.read(folder / "weekly.toml", as_of="2025-02-01", horizon=30)
    assert config.files == [folder / "log.csv"]
    assert (config.regions, config.out) == (folder / "regions.geojson", folder / "out")
    assert (config.as_of, config.horizon) == ("2025-02-01", 30)
    done = command("--config", folder / "weekly.toml", "--as-of", "2025-01", "--max-lost", "0")
    assert isinstance(done.exception, rm.InputError)
    assert "weekly.toml, column as_of: as_of is not a date: met '2025-01'" in str(done.exception)


def test_a_day_of_a_file_may_be_a_date_or_a_text(folder):
    assert rm.RunConfig.read(folder / "weekly.toml").as_of == date(2025, 1, 1)


WRONG = [
    ("as_if = 1", "column as_if: an unknown key: expected one of incidents, regions, as_of"),
    ('as_of = "soon"', "column as_of: as_of is not a date: met 'soon'"),
    ("horizon = 7776000000000000", "column horizon: a number is a number of days"),
    ('formats = ["csv", "doc"]', "column formats: an unknown format: met 'doc'"),
    ('languages = "xx"', "column languages: "),
    ('profile = "press"', "column profile: "),
    ("incidents = []", "column incidents: no file is named"),
    ("incidents = [1]", "column incidents: not a text or a list of texts: met [1]"),
    ("regions = 1", "column regions: of a wrong kind: met 1, expected a file"),
    ("max_lost = 5", "column max_lost: not a share: met 5, expected 0 to 1"),
    ('no_previous = "yes"', "column no_previous: of a wrong kind: met 'yes'"),
    ("mapping = 3", "column mapping: of a wrong kind: met 3"),
    ("sheet = [2]", "column sheet: not a text or a list of texts: met [2]"),
    ("group = 3", "column group: of a wrong kind"),
    ("= 3", "not a TOML file"),
]


@pytest.mark.parametrize(("line", "message"), WRONG)
def test_an_error_names_the_file_and_the_key(tmp_path, line, message):
    keys = {"incidents": '"a.csv"', "regions": '"AFG"', "as_of": "2025-01-01"}
    keys.pop(line.partition(" ")[0], None)
    text = "\n".join(f"{key} = {value}" for key, value in keys.items())
    (tmp_path / "own.toml").write_text(f"{text}\n{line}\n", encoding="utf-8")
    with pytest.raises(rm.InputError, match=r"own\.toml") as error:
        rm.run(tmp_path / "own.toml")
    assert message in str(error.value)


@pytest.mark.parametrize("key", ["incidents", "regions", "as_of"])
def test_what_is_missing_is_named(tmp_path, key):
    keys = {"incidents": '"a.csv"', "regions": '"AFG"', "as_of": "2025-01-01"}
    del keys[key]
    text = "\n".join(f"{name} = {value}" for name, value in keys.items())
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    with pytest.raises(rm.InputError, match=rf"own\.toml, column {key}: is missing"):
        rm.RunConfig.read(tmp_path / "own.toml")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(rm.InputError, match=r"absent\.toml: not a TOML file"):
        rm.run(tmp_path / "absent.toml")


@pytest.mark.slow
@pytest.mark.parametrize("several", [False, True])
def test_a_run_takes_regions_in_memory(folder, tmp_path, several):
    told, given = [], rm.read_regions(folder / "regions.geojson")
    before = given.copy()
    parts = [given.iloc[:9], given.iloc[9:]] if several else given
    changed = {"regions": parts, "out": tmp_path / "memory", "formats": ["csv"]}
    found = rm.run(rm.RunConfig.read(folder / "weekly.toml", **changed), progress=told.append)
    assert told[0] == "reading a table of " + ("9 regions, a table of 15" if several else "24") + (
        " regions"
    )
    changed = {"out": tmp_path / "file", "formats": ["csv"]}
    file = rm.run(rm.RunConfig.read(folder / "weekly.toml", **changed))
    pd.testing.assert_frame_equal(found.layer.risks, file.layer.risks)
    assert given.equals(before)


def test_an_error_never_prints_a_table():
    table = rm.datasets.regions()
    with pytest.raises(rm.InputError) as error:
        rm.RunConfig(incidents="a.csv", regions={"parts": "AFG", "of": table}, as_of="2025-01-01")
    assert len(str(error.value).splitlines()) == 1
    with pytest.raises(rm.InputError, match="met a GeoDataFrame of 24 x 11"):
        rm.RunConfig(incidents="a.csv", regions="AFG", as_of="2025-01-01", scale=table)


def test_regions_that_are_none(tmp_path):
    config = rm.RunConfig(incidents="a.csv", regions="AFG:one", as_of="2025-01-01", out=tmp_path)
    with pytest.raises(rm.InputError, match=r"neither a file nor ISO3\[:LEVEL\]: met 'AFG:one'"):
        rm.run(config)


@pytest.mark.slow
def test_no_lost_row_is_allowed_where_none_is(folder, tmp_path):
    rows = (folder / "log.csv").read_text(encoding="utf-8")
    path = tmp_path / "log.csv"
    path.write_text(f"{rows}x,soon,armed_attack,XQA,4.5,-6.5,1,0\n", encoding="utf-8")
    args = (path, "--config", folder / "weekly.toml", "--out", tmp_path / "out")
    done = command(*args, "--max-lost", "0")
    assert "of the rows can't be used" in str(done.exception)


@pytest.mark.slow
def test_steps_are_told_to_whom_it_concerns(folder, tmp_path):
    told = []
    config = rm.RunConfig.read(folder / "weekly.toml", out=tmp_path, formats=["csv"])
    first = rm.run(config, progress=told.append)
    assert told[0].startswith("reading ")
    assert told[-1] == "forecasting 90D from 2025-01-01"
    again = rm.run(rm.RunConfig.read(folder / "weekly.toml", out=tmp_path, formats=["csv"]))
    assert again.folder == first.folder
    manifest = json.loads((first.folder / "manifest.json").read_bytes())
    assert [item["name"] for item in manifest["inputs"]] == ["log.csv", "regions.geojson"]


def test_the_documentation_names_every_key():
    text = (Path(__file__).parents[2] / "docs/runs.md").read_text(encoding="utf-8")
    keys = [line.partition("|")[2].partition("|")[0] for line in text.splitlines() if "`" in line]
    named = {key for cell in keys for key in re.findall(r"`(\w+)`", cell)}
    assert named == {field.name for field in fields(rm.RunConfig)}


ODD = "Tag,Gau,Ort,Tote\n02/03/2024,Velmar,Kelda,1\n03/04/2024,Velmar,Lomar,2\n"
MAPPING = """dates = "%d/%m/%Y"
scope = "violence"
[columns]
event_date = "Tag"
admin1 = "Gau"
admin2 = "Ort"
"""


@pytest.fixture
def odd(tmp_path):
    """A log whose columns nobody knows, what says how it is read, and the arguments of a run."""
    (tmp_path / "odd.csv").write_text(ODD * 1, encoding="utf-8")
    (tmp_path / "mapping.toml").write_text(MAPPING, encoding="utf-8")
    out = ["--regions", "XQA:2", "--as-of", "2025-01-01", "--out", tmp_path / "out"]
    return tmp_path, [tmp_path / "odd.csv", *out, "--formats", "csv"]


@pytest.mark.slow
def test_a_run_reads_by_a_mapping(odd):
    folder, args = odd
    done = command(*args, "--mapping", folder / "mapping.toml", "--json")
    assert done.exit_code == 0, done.output
    ledger = json.loads(done.stdout)["ledger"]
    assert [stage["rows_out"] for stage in ledger] == [2, 2, 2]
    manifest = json.loads((folder / "out/latest/manifest.json").read_bytes())
    assert [one["name"] for one in manifest["inputs"]][-1] == "mapping.toml"


@pytest.mark.slow
def test_a_configuration_names_the_mapping_beside_it(odd):
    folder, _ = odd
    text = 'incidents = "odd.csv"\nmapping = "mapping.toml"\nregions = "XQA:2"\nformats = ["csv"]\n'
    (folder / "desk.toml").write_text(text, encoding="utf-8")
    layer = rm.run(rm.RunConfig.read(folder / "desk.toml", as_of="2025-01-01")).layer
    assert layer.ledger.stages[-1].rows_out == 2


def named(folder, *names):
    rows = "".join(f"2024-05-{1 + i % 28:02},Velmar,{name}\n" for i, name in enumerate(names))
    path = folder / "log.csv"
    path.write_text(f"date,province,district\n{rows}", encoding="utf-8")
    return rm.RunConfig(
        incidents=path, regions="XQA:2", as_of="2025-01-01", out=folder / "out", formats=["csv"]
    )


@pytest.mark.slow
@pytest.mark.parametrize("large", [False, True])
def test_too_many_names_of_districts_that_were_not_used_fail(tmp_path, monkeypatch, large):
    monkeypatch.setattr(runs, "LARGE", 0 if large else runs.LARGE)  # a part at a time: the same
    config = named(tmp_path, *["Kelda"] * 6, *["Xanadu"] * 3, "Erewhon")
    with pytest.raises(rm.InputError, match="4 of 10 incidents name a district") as error:
        rm.run(config)
    told = str(error.value)
    assert "40.0% of the rows can't be used" in told
    assert large or "such as 'Xanadu' 3, 'Erewhon' 1" in told
    assert "at most 20.0%, or max_lost=0.4 where that is meant" in told


@pytest.mark.slow
def test_names_that_were_not_used_are_told_where_they_are_allowed(tmp_path):
    config = replace(named(tmp_path, *["Kelda"] * 9, "Xanadu"), formats=["advisory"])
    run = rm.run(config)
    told = "1 of 10 incidents name a district that was not used"
    assert told in (run.folder / "advisory.md").read_text(encoding="utf-8")
    assert rm.read_layer(run.folder, today="2025-01-01").ledger.stages[1].not_used == 1
    shown = command(tmp_path / "log.csv", "--regions", "XQA:2", "--as-of", "2025-01-01", "--out",
                    tmp_path / "b", "--formats", "csv")  # fmt: skip
    assert told in shown.stdout


def test_a_name_that_several_bear_is_used_and_abroad_is_no_loss(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("date,country,district\n2024-05-01,XQA,Kelda\n2024-05-02,AFG,Kabul\n", "utf-8")
    ledger = rm.locate(rm.read_incidents(path), rm.datasets.regions()).ledger
    losses = Losses.of(ledger)
    assert (losses.lost, losses.among) == (0, 1)


@pytest.mark.slow
def test_where_all_rows_are_set_aside_the_error_says_why(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("date,district\n03/04/2024,Kelda\n05/06/2024,Kelda\n", encoding="utf-8")
    config = rm.RunConfig(incidents=path, regions="XQA:2", as_of="2025-01-01", out=tmp_path)
    with pytest.raises(rm.InputError) as error:
        rm.run(config)
    assert str(error.value) == (
        "none of 2 rows can be used: met '2 ambiguous_date', "
        "expected dates='%d/%m/%Y' (or as the file writes them)"
    )


@pytest.mark.slow
def test_sheets_that_were_not_asked_for_are_told_in_a_run(tmp_path):
    book = openpyxl.Workbook()
    for k, name in enumerate(("2023", "2024")):
        sheet = book.active if k == 0 else book.create_sheet()
        sheet.title = name
        for row in (["date", "district"], [f"{name}-05-01", "Kelda"], [f"{name}-06-01", "Lomar"]):
            sheet.append(row)
    book.save(tmp_path / "log.xlsx")
    args = [
        tmp_path / "log.xlsx",
        "--regions",
        "XQA:2",
        "--as-of",
        "2025-01-01",
        "--formats",
        "csv",
    ]
    one = command(*args, "--sheet", "2024", "--out", tmp_path / "a")
    assert (
        "log.xlsx: 1 other sheet holds a table: 2023 (2 rows): --sheet all reads it" in one.stdout
    )
    both = command(*args, "--sheet", "all", "--out", tmp_path / "b")
    assert "read: 4 rows in, 4 out" in both.stdout
    assert "other sheet" not in both.stdout


@pytest.mark.slow
def test_drafts_from_news_are_told_in_the_districts_they_name(folder, tmp_path):
    from riskmap.incidents.articles import write_review

    name, parent = rm.datasets.regions()[["name", "parent"]].iloc[0]
    text = f"Gunmen killed two Chinese miners in {name} district of {parent} on 27 December 2024."
    regions = rm.read_regions(folder / "regions.geojson")
    found = rm.incidents.extract_incidents(text, published="2024-12-28", regions=regions)
    write_review([found], tmp_path / "review.csv")
    files = ["--regions", folder / "regions.geojson", "--as-of", "2025-01-01"]
    done = command(
        folder / "log.csv", tmp_path / "review.csv", *files, "--out", tmp_path / "out",
        "--formats", "advisory_html,csv",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert f"1 draft waits for review and count in no level: {name} 1" in done.output
    page = next((tmp_path / "out/latest").resolve().glob("*.html")).read_text(encoding="utf-8")
    assert f"wait for review and count in no level: 1 (by region: {name} ({parent}) 1)" in page
    both = [rm.read_incidents(one) for one in (folder / "log.csv", tmp_path / "review.csv")]
    table = rm.locate(pd.concat(both, ignore_index=True), regions)  # the steps, one by one
    assert list(rm.count_incidents(table, regions, as_of="2025-01-01").drafts.values()) == [1]


@pytest.mark.slow
def test_what_became_known_too_late_is_told_on_page_one_and_by_the_terminal(folder, tmp_path):
    """A killing that was entered, by a slip, after the day of the run is no quiet first page."""
    row = "late,2024-12-20,armed_attack,XQA,{x},{y},1,1,CHN,mining,2025-01-02\n"
    place = rm.datasets.regions().geometry.iloc[0].representative_point()
    head = "source_id,event_date,event_type,country,longitude,latitude,killed,foreign_victims"
    head += ",nationality,sector,ingested_at\n"
    late = tmp_path / "late.csv"
    late.write_text(head + row.format(x=place.x, y=place.y), encoding="utf-8")
    done = command(
        folder / "log.csv", late, "--regions", folder / "regions.geojson", "--as-of", "2025-01-01",
        "--group", "CHN/mining", "--formats", "advisory,csv", "--language", "en,zh",
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    told = "Reports of 1 January 2025 or later, or that became known only then"
    newest = "The newest: 20 December 2024"
    page = (tmp_path / "out/latest/advisory.md").read_text(encoding="utf-8")
    for text in (done.output, page):
        assert told in text
        assert newest in text
    assert "No attack on Chinese nationals in mining is known" not in page
    page = (tmp_path / "out/latest/advisory.zh.md").read_text(encoding="utf-8")
    assert "2024年12月20日" in page
    assert "之后才为人所知" in page


@pytest.mark.slow
@pytest.mark.parametrize(
    ("foreign", "said"),
    [
        (0, "nothing says what it can see, so it can raise levels and never lower one"),
        (1, "what it can see is not stated; inferred from its rows: foreign; reach=reports"),
    ],
)
def test_a_scope_that_nobody_states_is_told_of_its_file(tmp_path, foreign, said):
    rows = pd.DataFrame({"event_date": [f"2024-01-{day}" for day in range(10, 20)]})
    path = tmp_path / "log.csv"
    rows.assign(admin1="Ambrel", foreign_victims=foreign, event_type="battle").to_csv(path)
    (told,) = read_files([path])[1]
    assert told.startswith(f"log.csv: {said};")
    assert read_files([path], scope="violence")[1] == ()


@pytest.mark.slow
def test_a_site_outside_and_a_name_close_to_an_employer_are_told_and_the_run_goes_on(
    folder, tmp_path
):
    group = tmp_path / "group.toml"
    group.write_text(
        'nationality = "CHN"\nsector = "mining"\nemployers = ["Ruvo Minerals Group"]\n'
        '[[sites]]\nname = "Far camp"\nlon = 100.0\nlat = 50.0\n'
    )
    log = tmp_path / "aimed.csv"
    log.write_text("date,admin1,type,target\n2024-12-20,Ambrel,attack,employer: Ruvo Minreals\n")
    done = command(
        folder / "log.csv", log, "--regions", folder / "regions.geojson", "--as-of", "2025-01-01",
        "--group", group, "--formats", "advisory,csv", "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    page = (tmp_path / "out/latest/advisory.md").read_text(encoding="utf-8")
    for text in (done.output, page):
        assert "nobody can say what the risk is there: Far camp" in text
        assert "is taken for the group's employer Ruvo Minerals Group" in text
    sites = rm.read_layer(tmp_path / "out", today="2025-01-02").sites
    assert sites["risk_level"].eq(0).all()
    assert sites["region_id"].isna().all()
