"""Real Afghan spellings are read as well as promised, on the part that nothing was tuned on."""

import importlib.util
from pathlib import Path

import pytest

import riskmap as rm


@pytest.fixture(scope="module")
def bench():
    path = Path(__file__).parents[2] / "benchmarks" / "names.py"
    spec = importlib.util.spec_from_file_location("names_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def regions(bench, shared):
    return bench.districts(shared)


@pytest.fixture(scope="module")
def gazetteer(regions):
    return rm.Gazetteer.from_regions(regions)


@pytest.mark.parametrize(
    ("script", "parents", "promised"),
    [("latin", True, 0.985), ("latin", False, 0.93), ("dari", True, 0.98), ("dari", False, 0.90)],
)
def test_real_spellings_of_districts(bench, shared, gazetteer, script, parents, promised):
    table = bench.spellings(shared)
    asked = table[(table["script"] == script) & (table["part"] == "test")]
    found = gazetteer.resolve(asked["name"], asked["gold"].str[:4] if parents else None)
    share = bench.judge(found, asked["gold"])
    assert share["top1"] >= promised
    assert share["wrong_match"] <= 0.01


@pytest.mark.parametrize(("parents", "matched"), [(True, 0.85), (False, 0.45)])
def test_villages_spelt_otherwise_lead_to_their_district(bench, shared, regions, parents, matched):
    places, pairs = bench.villages(shared)
    asked = pairs[pairs["part"] == "test"]
    found = rm.Gazetteer.from_regions(regions, places).resolve(
        asked["name"], asked["gold"].str[:4] if parents else None
    )
    share = bench.judge(found, asked["gold"])
    assert share["wrong_match"] <= 0.01
    assert share["match"] >= matched


@pytest.mark.parametrize(
    ("name", "parent"),
    [
        ("Khwaja Bahauddin", "Takhar"),
        ("Khwaja Bahauddin district", "Takhar province"),
        ("Khawaja Bahauddin", None),
        ("خواجه بهاءالدین", "تخار"),
    ],
)
def test_the_seed_articles_district(gazetteer, name, parent):
    found = gazetteer.resolve([name], parent).iloc[0]
    assert (found["region_id"], found["status"]) == ("AF1814", "match")


@pytest.mark.parametrize(
    ("name", "parent", "region_id"),
    [
        ("Chaghcharan", None, "AF2301"),
        ("Firozkoh", "Ghor", "AF2301"),
        ("Haska Mina", "Nangarhar", "AF0610"),
        ("Girishk", "Helmand", "AF3004"),
        ("Gizab", "Uruzgan", "AF2409"),
        ("Katawaz", "Paktika", "AF1207"),
        ("Nirkh", "Wardak", "AF0402"),
    ],
)
def test_shipped_aliases_lead_to_their_district(gazetteer, name, parent, region_id):
    found = gazetteer.resolve([name], parent).iloc[0]
    assert (found["region_id"], found["status"]) == (region_id, "match")


def test_an_old_name_means_what_it_meant(gazetteer):
    found = gazetteer.resolve(["Taluqan"] * 2, "Takhar", dates=["2003-01-01", "2024-01-01"])
    assert found["status"].tolist() == ["ambiguous", "match"]
    assert found["candidates"].tolist() == [("AF1801", "AF1802", "AF1803", "AF1806"), ("AF1801",)]


def test_every_shipped_alias_leads_somewhere(gazetteer):
    from riskmap.places.names.forms import shipped_aliases

    aliases = shipped_aliases(["AFG"])
    aliases = aliases[aliases["adm_level"] == 2]
    found = gazetteer.resolve(aliases["alias"], aliases["parent"])
    assert found["status"].isin(["match", "ambiguous"]).all()
