"""Every row says what its source can see: the feed, the file, the caller, or nobody."""

import pandas as pd
import pytest

import riskmap as rm
from riskmap.errors import InputError
from riskmap.incidents.feeds import FEEDS
from riskmap.incidents.scope import Scope

SCOPES = {feed.name: feed.scope for feed in FEEDS}
ROWS = pd.DataFrame({"date": ["2024-03-31", "2024-04-01"], "place": ["Berin", "Orsk"]})


def test_every_feed_but_a_table_of_ones_own_states_its_scope():
    assert [name for name, scope in SCOPES.items() if scope is None] == ["generic"]


@pytest.mark.parametrize("name", ["gdelt", "icews", "polecat", "hapi", "article"])
def test_what_is_heard_and_watches_nothing(name):
    assert not any(SCOPES[name].covers(layer) for layer in ("violence", "foreign", "group"))


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
        "none", "", "foreign; sectors=aid; reach=countries"
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
