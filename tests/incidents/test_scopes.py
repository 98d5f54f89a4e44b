"""Every row says what its source can see: the feed, the file, the caller, or nobody."""

import json
from functools import partial

import pandas as pd
import pytest
from typer.testing import CliRunner

import riskmap as rm
from riskmap.cli import app
from riskmap.errors import InputError, RiskmapWarning
from riskmap.incidents.feeds import every_feed
from riskmap.incidents.parts import split_file
from riskmap.incidents.readers import read_part
from riskmap.incidents.scope import Scope, read_scope
from riskmap.incidents.tabular import split_source

SCOPES = {feed.name: feed.scope for feed in every_feed()}
ROWS = pd.DataFrame({"date": ["2024-03-31", "2024-04-01"], "place": ["Berin", "Orsk"]})


def test_every_feed_but_a_table_of_ones_own_states_its_scope():
    assert [name for name, scope in SCOPES.items() if scope is None] == ["generic"]


@pytest.mark.parametrize("name", ["gdelt", "icews", "polecat", "article"])
def test_what_is_heard_and_watches_nothing(name):
    assert not any(SCOPES[name].covers(layer) for layer in ("violence", "foreign", "group"))


@pytest.mark.parametrize("name", ["hapi", "acled-weekly", "acled-monthly"])
def test_counts_of_all_violence_watch_it(name):
    assert str(SCOPES[name]) == "violence; reach=countries"


@pytest.mark.parametrize("name", ["awsd", "shcc"])
def test_who_watches_aid_workers_says_nothing_of_miners_nor_of_war(name):
    scope = SCOPES[name]
    assert scope.covers("group", "aid")
    assert not scope.covers("group", "mining")
    assert not scope.covers("violence")
    assert not scope.covers("foreign")


def test_a_feed_of_deaths_says_so():
    assert [name for name, scope in SCOPES.items() if scope and scope.deaths_only] == ["ucdp"]


def test_a_column_states_the_scope_of_each_row():
    told = ["none", "", "foreign;sectors=aid"]
    rows = ROWS.iloc[[0, 0, 1]].assign(scope=told)
    assert rm.read_incidents(rows)["scope"].fillna("").tolist() == [
        "none", "", "foreign; sectors=aid; reach=reports"
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["everything", "foreign; saw=1", "foreign; sectors=magic"])
def test_an_unknown_word_names_file_row_and_column(tmp_path, text):
    path = tmp_path / "own.csv"
    path.write_text(f"date,place,Scope\n2024-03-31,Berin,none\n2024-03-31,Orsk,{text}\n")
    with pytest.raises(InputError) as caught:
        rm.read_incidents(path)
    assert (caught.value.file, caught.value.row, caught.value.column) == ("own.csv", 3, "Scope")


def test_a_scope_is_read_as_it_is_written():
    for text in ("none", "violence; reach=countries; deaths", "foreign; reach=AFG,PAK; delay=30"):
        assert str(Scope.parse(text)) == text


def test_a_sample_of_attacks_is_no_watch():
    table = rm.read_incidents(rm.settings.data_path("examples/attacks_on_foreign_workers.csv"))
    assert set(table["scope"]) == {"none"}


UCDP_ROW = pd.DataFrame(
    [[1, 1, 1, 1, "2001-11-10", "2001-11-10", "Chad"]],
    columns=[
        *("id", "type_of_violence", "where_prec", "date_prec", "date_start", "date_end", "country")
    ],
)


def own_file(tmp_path, rows=ROWS, *, toml=None, name="own.csv"):
    rows.to_csv(tmp_path / name, index=False)
    if toml is not None:
        (tmp_path / "own.scope.toml").write_text(toml)
    return tmp_path / name


def scopes(path, **options):
    return rm.read_incidents(path, **options)["scope"].fillna("").tolist()


@pytest.mark.slow
def test_the_caller_outranks_the_row_the_row_the_file_beside_and_that_the_feed(tmp_path):
    told = own_file(tmp_path, ROWS.assign(scope=["none", ""]), toml='layers = ["foreign"]')
    assert scopes(told) == ["none", "foreign; reach=reports"]
    with pytest.warns(RiskmapWarning, match="instead of"):
        assert scopes(told, scope="violence") == ["violence; reach=reports"] * 2
    feed = own_file(tmp_path, UCDP_ROW, toml='layers = ["violence"]\nreach = ["TCD", "SDN"]')
    assert scopes(feed) == ["violence; reach=TCD,SDN"]
    (tmp_path / "own.scope.toml").unlink()
    assert scopes(feed) == ["violence; reach=countries; deaths; since=1989-01-01"]


def test_a_feeds_own_scope_is_not_outranked_in_silence():
    with pytest.warns(RiskmapWarning, match="instead of the feed's own 'violence; reach=countries"):
        assert scopes(UCDP_ROW, scope="none") == ["none"]


def test_a_scope_can_be_given_as_one():
    given = Scope(("violence",), since=pd.Timestamp("2015-01-01"), delay_days=3)
    assert scopes(ROWS, scope=given) == [str(given)] * 2
    assert Scope.parse(str(given)) == given


def test_all_that_a_file_beside_can_say(tmp_path):
    path = tmp_path / "a.scope.toml"
    path.write_text(
        'layers = ["foreign"]\nsectors = ["mining"]\nreach = "countries"\ndeaths_only = true\n'
        "since = 2015-01-01\ndelay_days = 7\n"
    )
    day = pd.Timestamp("2015-01-01")
    assert read_scope(path) == Scope(
        ("foreign",), ("mining",), deaths_only=True, since=day, delay_days=7
    )


@pytest.mark.parametrize(
    ("toml", "key"),
    [
        ('layers = ["everything"]', "layers"),
        ('layers = "violence"', "layers"),
        ('layers = ["foreign"]\nsectors = ["magic"]', "sectors"),
        ('layers = ["foreign"]\nreach = "everywhere"', "reach"),
        ('layers = ["foreign"]\nseen = true', "seen"),
        ('layers = ["foreign"]\ndeaths_only = "no"', "deaths_only"),
        ('layers = ["foreign"]\nsince = "2015"', "since"),
        ('layers = ["foreign"]\ndelay_days = -1', "delay_days"),
        ('sectors = ["aid"]', "layers"),
        ("layers = [", None),
    ],
)
def test_what_a_file_beside_may_not_say_names_the_file_and_the_key(tmp_path, toml, key):
    with pytest.raises(InputError) as caught:
        rm.read_incidents(own_file(tmp_path, toml=toml))
    assert caught.value.file.endswith("own.scope.toml")
    assert caught.value.column == key


@pytest.mark.parametrize("text", ["all", "violence; deaths=no", "foreign; reach=a; reach=b"])
def test_an_unknown_word_of_the_caller_is_refused(text):
    with pytest.raises(InputError):
        rm.read_incidents(ROWS, scope=text)


def log(hit, others):
    n = hit + others
    days = pd.date_range("2024-01-01", periods=n).strftime("%Y-%m-%d")
    victims = ["1"] * hit + ["0"] * others
    return pd.DataFrame({"date": days, "place": "Berin", "foreign_victims": victims})


@pytest.mark.parametrize(
    ("hit", "others", "shown"),
    [(9, 1, "foreign; reach=reports; inferred"), (5, 1, ""), (4, 0, ""), (0, 20, "")],
)
def test_only_a_log_of_attacks_on_foreigners_shows_its_scope(hit, others, shown):
    assert set(scopes(log(hit, others))) == {shown}


def test_rows_that_cannot_be_used_show_nothing():
    assert set(scopes(log(9, 0).assign(date="soon"))) == {""}


@pytest.mark.slow
def test_what_is_read_in_parts_has_the_scope_that_is_stated_and_shows_none(tmp_path, monkeypatch):
    path = own_file(tmp_path, log(40, 0), toml='layers = ["foreign"]')
    cut = partial(split_file, size=100)

    def parts():
        found = list(split_source(path))
        return len(found), {s for part in found for s in read_part(part)["scope"].fillna("")}

    assert parts() == (1, {"foreign; reach=reports"})
    monkeypatch.setattr("riskmap.incidents.tabular.split_file", cut)
    n, told = parts()
    assert n > 1
    assert told == {"foreign; reach=reports"}
    (tmp_path / "own.scope.toml").write_text("layers = 3")
    with pytest.raises(InputError, match="layers"):
        parts()
    (tmp_path / "own.scope.toml").unlink()
    assert parts()[1] == {""}
    monkeypatch.undo()
    assert parts() == (1, {"foreign; reach=reports; inferred"})


def test_check_tells_what_is_watched_and_what_nobody_watches(tmp_path):
    assert "watched by nobody (2 rows)" in str(rm.check_incidents_file(ROWS))
    path = own_file(tmp_path, toml='layers = ["violence"]')
    report = rm.check_incidents_file(path)
    assert report.scope == {"violence; reach=reports": 2}
    assert "can see: violence; reach=reports (2 rows)" in str(report)


def test_the_command_takes_a_scope(tmp_path):
    path = own_file(tmp_path)
    told = ["incidents", "check", str(path), "--json", "--scope"]
    done = CliRunner().invoke(app, [*told, "violence; reach=XQA"])
    assert json.loads(done.stdout)["scope"] == {"violence; reach=XQA": 2}
    assert CliRunner().invoke(app, [*told, "all"]).exit_code != 0
