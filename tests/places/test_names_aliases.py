"""Aliases: a documented table that users add to; what is wrong with it is said."""

import pandas as pd
import pytest

import riskmap as rm
from riskmap.errors import InputError, SchemaError
from riskmap.places.names.forms import read_aliases, shipped_aliases

HEADER = "alias,name,parent,iso3,adm_level,relation,valid_from,valid_to,source\n"


def rows(*given):
    columns = ["alias", "name", "parent", "relation", "valid_from", "valid_to"]
    table = pd.DataFrame(given, columns=columns)
    return table.assign(iso3="XQA", adm_level=2, source="gazette 7")


def gazetteer(*given):
    return rm.Gazetteer.from_regions(rm.datasets.regions(), aliases=rows(*given))


def test_a_file_of_aliases_is_added_to_those_that_ship(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(
        HEADER + "# a comment\nOld Town,Ashkor,Ambrel,XQA,2,renamed,,2010-01-01,gazette 7\n\n",
        encoding="utf-8-sig",
    )
    found = rm.Gazetteer.from_regions(rm.datasets.regions(), aliases=path).resolve(["OLD-TOWN"])
    assert found.loc[0, ["region_id", "stage"]].tolist() == ["XQA0101", "alias"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "lack a column"),
        ("alias,name\nA\n", "row 2"),
        ("alias,name\nA,B\n", "lack a column"),
        (HEADER + "A,Ashkor,,XQA,2,renamed,,,\n", "lack a value"),
        (HEADER + "A,Ashkor,,XQA,2,cousin,,,s\n", "unknown code"),
        (HEADER + "A,Ashkor,,XQA,two,renamed,,,s\n", "can't be read"),
        (HEADER + "A,Ashkor,,XQA,2,renamed,1.2.2010,,s\n", "can't be read"),
        (HEADER + "A,Ashkor,,XQA,2,renamed,2010-01-01,2009-01-01,s\n", "ends before it begins"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, text, said):
    path = tmp_path / "mine.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said) as caught:
        read_aliases(path)
    assert "mine.csv" in str(caught.value)


def test_an_alias_of_no_region_is_refused():
    with pytest.raises(InputError, match="does not stand for one region"):
        gazetteer(("Old Town", "Atlantis", None, "renamed", None, None))


def test_an_alias_of_another_country_or_level_is_no_concern():
    table = rows(("Old Town", "Atlantis", None, "renamed", None, None))
    for other in (table.assign(iso3="XZZ"), table.assign(adm_level=3)):
        found = rm.Gazetteer.from_regions(rm.datasets.regions(), aliases=other)
        assert found.resolve(["Old Town"])["status"].tolist() != ["match"]


def test_two_names_of_a_region_lead_to_each_other():
    both = gazetteer(
        ("Newton", "Ashkor", None, "renamed", None, None),
        ("Berin", "Oldbury", "Ambrel", "renamed", None, None),
    )
    assert both.resolve(["Newton", "Oldbury"])["region_id"].tolist() == ["XQA0101", "XQA0102"]


def test_a_split_is_ambiguous_in_its_days():
    split = gazetteer(
        ("Ashkor", "Berin", "Ambrel", "split", None, "2010-01-01"),
        ("Greater Kelda", "Kelda", "Velmar", "split", None, "2010-01-01"),
        ("Greater Kelda", "Lomar", "Velmar", "split", None, "2010-01-01"),
    )
    dates = ["2009-12-31", "2010-01-01", None]
    found = split.resolve(["Ashkor"] * 3, dates=dates)
    assert found["status"].tolist() == ["ambiguous", "match", "match"]
    assert found["candidates"].tolist()[0] == ("XQA0101", "XQA0102")
    found = split.resolve(["Greater Kelda"] * 3, dates=dates)
    assert found["candidates"].tolist()[0] == ("XQA0303", "XQA0304")
    assert found["stage"].fillna("").tolist() == ["alias", "fuzzy", "alias"]


def test_a_regions_own_name_outranks_anothers_alias():
    found = gazetteer(("Berin", "Ashkor", None, "seat", None, None)).resolve(["Berin"]).iloc[0]
    assert (found["status"], found["candidates"]) == ("match", ("XQA0102",))


def test_a_transferred_region_is_met_under_either_parent():
    moved = gazetteer(("Ashkor", "Ashkor", "Dostan", "transferred", None, None))
    found = moved.resolve(["Ashkor"] * 3, ["Ambrel", "Dostan", "Velmar"])
    assert found["status"].tolist()[:2] == ["match", "match"]
    assert found["region_id"].tolist()[2] != "XQA0101"


def test_a_transfer_needs_a_known_parent():
    with pytest.raises(InputError, match="of its parent"):
        gazetteer(("Ashkor", "Ashkor", "Atlantis", "transferred", None, None))


def test_parents_have_aliases_too():
    table = rows(("Westland", "Dostan", None, "other_name", None, None)).assign(adm_level=1)
    found = rm.Gazetteer.from_regions(rm.datasets.regions(), aliases=table)
    assert found.resolve(["Ashkor", "Istan"], "Westland")["status"].tolist() == ["miss", "match"]


def test_shipped_aliases_have_a_source_and_a_table():
    table = shipped_aliases(["AFG", "XQA"])
    assert len(table) > 100
    assert table["source"].str.len().min() > 5
    with pytest.raises(SchemaError, match="lack a column"):
        rm.Gazetteer.from_regions(rm.datasets.regions(), aliases=table[["alias"]])
