"""What an import is told wrongly, or can't use, is one line that names the file and the key."""

import pytest
from typer.testing import CliRunner

import riskmap as rm
from riskmap import cli
from riskmap.errors import InputError, RiskmapError

RUN = CliRunner()
LOG = "Datum,Ort,Tote,Art\n21.01.2031,Kelda,3,x\n22.01.2031,Kelda,1,y\n"


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(LOG, "utf-8")
    return path


@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        ('[columns]\nevent_date = "Tag"\n[words.event_date]\na = "b"\n', "log.csv, .*column Tag"),
        ('[columns]\nevent_date = "Tag"\n', "log.csv, row 1, column Tag: no such column"),
        ('[columns]\nday_of_it = "Datum"\n', "log.csv, column day_of_it: no column of an incident"),
        ('[words.kind]\nx = "explosion"\n', "log.csv, column kind: no column of an incident"),
        ("sheet = 5\n", "mapping.toml, column sheet: of a wrong kind"),
        ('calendar = "mars"\n', "mapping.toml, column calendar: unknown calendar"),
        ('dates = "%q"\n', "mapping.toml, column dates: no format of dates"),
        ('encoding = "latin-99"\n', "mapping.toml, column encoding: unknown encoding"),
        ('scope = "crime"\n', "mapping.toml, column scope: unknown layer"),
    ],
)
def test_a_mapping_that_does_not_fit_names_its_key(log, tmp_path, mapping, told):
    path = tmp_path / "mapping.toml"
    path.write_text(mapping, "utf-8")
    with pytest.raises(InputError, match=told) as error:
        rm.incidents.import_incidents(log, mapping=path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("form", ["", "banana", "%q", "%", "%d/%m", "%H:%M"])
def test_a_format_without_a_year_is_no_format_of_dates(log, form):
    with pytest.raises(InputError, match="column dates: no format of dates"):
        rm.read_incidents(log, dates=form)


@pytest.mark.parametrize("encoding", ["", "latin-99", "base64", "a\0b"])
def test_an_encoding_that_is_none_is_refused(log, encoding):
    with pytest.raises(InputError, match=r"log\.csv, column encoding: unknown encoding"):
        rm.read_incidents(log, encoding=encoding)


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_lines_may_end_as_on_any_machine(tmp_path, end, encoding):
    path = tmp_path / "log.csv"
    path.write_bytes(LOG.replace("Kelda", "Keldä").replace("\n", end).encode(encoding))
    assert rm.read_incidents(path)["place"].tolist() == ["Keldä", "Keldä"]


@pytest.mark.parametrize(
    "args",
    [
        *(["."], [""], ["none.csv"], ["folder"], ["folder/"], ["*.csv"], ["/dev/null"], ["a\0b"]),
        *(["log.csv", f"--regions={region}"] for region in ("XQA:9", "ZZZ", ".", "log.csv", "")),
        *(["log.csv", f"--mapping={path}"] for path in (".", "none.toml", "log.csv")),
        *(["log.csv", f"--out={path}"] for path in ("log.csv", "log.csv/below")),
    ],
)
@pytest.mark.usefixtures("log")
def test_odd_paths_and_options_are_typed_errors(tmp_path, monkeypatch, args):
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    done = RUN.invoke(cli.app, ["import", *args])
    assert done.exit_code == 1
    assert isinstance(done.exception, RiskmapError | OSError)
    assert "\n" not in str(done.exception)
