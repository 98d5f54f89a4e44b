"""Who was hit: what a report says of its victims, what it leaves open, and what that weighs."""

import numpy as np
import pandas as pd
import pytest

import riskmap as rm
from riskmap.incidents.foreign_victims import hits_foreigners, is_violence, tells_victims
from riskmap.outputs.bundles import Bundle, apply_profile
from riskmap.panels.groups import Site
from riskmap.panels.measures import measure

REGIONS = rm.datasets.regions()
MINERS = rm.WorkerGroup("CHN", sector="mining", employers=("Delta Mining",))
SILENT = {"foreign_victims": pd.NA, "nationality": None, "sector": None, "staff_type": None}


def rows(*told):
    """Armed attacks in one district, a week apart, of which each tells no more than it is given."""
    table = rm.datasets.incidents().iloc[: len(told)].copy()
    days = pd.date_range("2024-01-01", periods=len(told), freq="7D", unit="us")
    table = table.assign(event_date=days, event_date_end=days, event_type="armed_attack")
    table = table.assign(
        killed=1,
        geo_precision="admin2",
        admin2="Ashkor",
        admin1="Ambrel",
        place="Ashkor",
        geometry=None,
    )
    for name in (*SILENT, "target"):
        table[name] = [{**SILENT, "target": None, **one}.get(name) for one in told]
    kinds = dict.fromkeys(("nationality", "sector", "staff_type", "target"), "str")
    return table.astype({**kinds, "foreign_victims": "Int64", "killed": "Int64"})


def test_only_people_from_abroad_are_foreigners():
    table = rows(*[{"nationality": "XQA"}] * 3, {"nationality": "CHN"}, {})
    assert hits_foreigners(table).tolist() == [False, False, False, True, False]


@pytest.mark.parametrize("nations", ["XQA;CHN", "CHN;XQA", "CHN;IND"])
def test_one_foreigner_among_several_victims_is_enough(nations):
    assert hits_foreigners(rows({"nationality": nations})).tolist() == [True]


def test_foreigners_who_were_counted_need_no_nationality():
    table = rows({"foreign_victims": 2}, {"foreign_victims": 2, "nationality": "XQA"})
    assert hits_foreigners(table).all()


def test_an_attack_aimed_at_foreigners_is_one_whoever_was_hit():
    table = rows({"target": "foreigners", "nationality": "XQA", "foreign_victims": 0})
    assert hits_foreigners(table).all()


@pytest.mark.parametrize(
    "told", [{"foreign_victims": 0}, {"nationality": "XQA"}, {"staff_type": "national"}]
)
def test_any_word_on_the_victims_says_who_they_were(told):
    table = rows(told, {})
    assert tells_victims(table).tolist() == [True, False]
    assert measure(table)["unknown"].tolist() == [0, 1]


def test_what_is_no_attack_leaves_no_victims_open():
    table = rows({}, {}).assign(event_type=["unrest", "unknown"], killed=0, wounded=0, abducted=0)
    assert measure(table)["violence"].tolist() == [0, 1], "an unknown type is an attack"
    assert measure(table)["unknown"].tolist() == [0, 1]


@pytest.mark.parametrize("told", [{"foreign_victims": 1}, {"nationality": "CHN"}])
def test_a_source_that_fills_one_column_tells_of_foreigners(told):
    """Either column alone makes the series known, in its numbers and where it is quiet."""
    field = next(iter(told))
    quiet = {"foreign_victims": 0} if field == "foreign_victims" else {"nationality": "XQA"}
    table = rows(*[quiet] * 20, told, *[quiet] * 20)
    located = rm.locate(table, REGIONS)
    panel = rm.count_incidents(located, REGIONS, every="month", as_of="2024-11-01")
    foreign = panel.wide("foreign")
    assert foreign["XQA0101"].sum() == 1.0
    assert (foreign["XQA0101"] == 0.0).any()
    assert panel.frame["unknown"].sum() == 0.0


def test_what_an_incident_weighs_for_a_group():
    """The table of relevance, row by row."""
    table = rows(
        {"nationality": "CHN", "sector": "mining"},
        {"nationality": "CHN", "sector": "aid"},
        {"nationality": "IND", "sector": "mining"},
        {"nationality": "XQA", "sector": "mining", "target": "foreigners"},
        {"nationality": "XQA", "target": "mining"},
        {"nationality": "XQA", "target": "employer:Delta Mining"},
        {"nationality": "IND", "sector": "aid"},
        {"foreign_victims": 1},
        {"nationality": "XQA", "sector": "mining"},
        {"nationality": "XQA", "sector": "aid"},
        {"staff_type": "national", "sector": "aid"},
    )
    weights = MINERS.weigh(table, foreign=hits_foreigners(table, MINERS))
    assert weights.tolist() == [1, 1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0, 0]


@pytest.mark.parametrize(
    ("target", "aimed"),
    [
        *[("employer:Ruvo", True), ("employer:RUVO MINING LTD.", True), ("Camp Alpha North", True)],
        *[("employer:cmoc", True), ("site:Camp", True), ("employer:Ruvolo", False)],
        *[("employer:Mining", False), ("site:Ruvo", False), ("foreigners", False), ("aid", False)],
    ],
)
def test_an_employer_or_a_site_is_told_by_its_first_words_too(target, aimed):
    group = rm.WorkerGroup("CHN", sector="mining", employers=("Ruvo Mining", "C.M.O.C."),
                           sites=(Site("Camp Alpha", 4.0, -6.0),))  # fmt: skip
    assert group.is_aimed_at(rows({"target": target})).tolist() == [aimed]
    strange = rows({}).assign(not_understood=f"target={target}")
    if ":" not in target and aimed:
        assert group.is_aimed_at(strange).tolist() == [True]


def test_a_national_at_home_is_none_of_a_group_of_foreigners():
    """People of the group's nationality at home are not the workers whom it is about."""
    table = rows({"nationality": "CHN"}, {"nationality": "CHN"}).assign(country=["CHN", "XQA"])
    weights = MINERS.weigh(table, foreign=hits_foreigners(table, MINERS))
    assert weights.tolist() == [0.0, 1.0]


@pytest.mark.slow
def test_more_attacks_on_anybody_never_lower_what_a_group_bears():
    base = rows({"nationality": "CHN"})
    for more in ({"nationality": "IND"}, {"nationality": "XQA"}, {}, {"sector": "mining"}):
        both = rows({"nationality": "CHN"}, more)
        for name, values in measure(base, MINERS).items():
            assert values.sum() <= measure(both, MINERS)[name].sum(), (name, more)
    assert np.sum(measure(base, MINERS)["group"]) > 0


def test_international_staff_are_foreign_and_never_known_as_nobody_foreign():
    rows = (
        rm.datasets.incidents().head(3).assign(foreign_victims=None, nationality=None, target=None)
    )
    rows["staff_type"] = ["international", "mixed", "national"]
    assert hits_foreigners(rows).tolist() == [True, True, False]


def test_local_people_beside_others_who_are_not_understood_leave_it_open_who_was_hit():
    table = rows({"nationality": "XQA"}, {"nationality": "XQA"}, {"foreign_victims": 0})
    table["not_understood"] = [None, "nationality=Chnese", "nationality=Chnese"]
    assert tells_victims(table).tolist() == [True, False, True]
    assert measure(table)["unknown"].tolist() == [0, 1, 0]


ALL = ["violence", "foreign", "group"]


@pytest.mark.slow
@pytest.mark.parametrize("parts", [False, True])
@pytest.mark.parametrize(
    ("written", "day", "layers"),
    [
        ({"nationality": "Martian"}, "2024-06-05", ALL),
        ({"victim nation code": "156"}, "2024-06-05", ALL),
        ({"foreign_victims": "blorp"}, "2024-06-05", ALL),
        ({"nationality": "Martian", "foreign_victims": "2"}, "2024-06-05", []),
        ({"nationality": "XQA"}, "2024-06-05", []),
        ({"nationality": "unknown"}, "2024-06-05", []),
        ({"sector": "Martian"}, "2024-06-05", []),
        ({"nationality": "Martian"}, "2023-11-05", ["foreign", "group"]),
        ({"nationality": "Martian"}, "2021-06-05", []),
    ],
)
def test_a_region_says_that_it_is_not_understood_who_was_hit_there(written, day, layers, parts):
    """Of violence in the days in which it would be marked as an attack, had they been foreign."""
    frame = pd.DataFrame([{"date": day, "admin2": "Ashkor", "country": "XQA"} | written])
    tables = [rm.datasets.incidents(), rm.read_incidents(frame)]
    if parts:
        read = rm.scan_incidents(tables, REGIONS)
    else:
        read = rm.locate(pd.concat(tables, ignore_index=True), REGIONS)
    panel = rm.count_incidents(read, REGIONS, group=MINERS, as_of="2024-07-01")
    known = panel.knowledge[panel.knowledge["reasons"].fillna("").str.contains("unclear")]
    told = list(zip(known["region_id"], known["layer"], strict=True))
    assert sorted(told) == sorted(("XQA0101", layer) for layer in layers)
    assert set(known.loc[known["layer"] != "violence", "confidence"]) <= {"low"}


@pytest.mark.parametrize("killed", ["dead", "#REF!", "(bodies found)"])
def test_a_toll_that_is_not_understood_is_no_zero(killed):
    rows = pd.DataFrame({"date": ["2031-05-01"], "country": "XQA", "type": "riot"})
    assert is_violence(rm.read_incidents(rows.assign(killed=killed))).tolist() == [True]
    assert is_violence(rm.read_incidents(rows.assign(killed="0"))).tolist() == [False]


def test_a_strike_may_be_of_a_drone():
    """Only one that says so is of workers."""
    types = ["strike", "drone strike", "labour strike"]
    rows = pd.DataFrame({"date": "2031-05-01", "country": "XQA", "type": types})
    assert is_violence(rm.read_incidents(rows)).tolist() == [True, True, False]


BUILDERS = rm.WorkerGroup("CHN", sector="construction", employers=("MCC Group", "中冶建设"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "is_taken"),
    [
        *[("MCC Ltd.", True), ("MCC Gruop", True), ("MCC Gruop Co., Ltd", True), ("MCC", True)],
        *[("中冶建设有限公司", True), ("中治建设", False)],
    ],
)
def test_another_legal_form_or_a_slip_is_the_employer_and_is_told(name, is_taken):
    table = rows({"nationality": "XQA", "target": f"employer:{name}"})
    assert BUILDERS.is_aimed_at(table).tolist() == [is_taken]
    ((told, employer, taken),) = BUILDERS.find_close_employers(table)
    assert (told, taken) == (f"employer:{name}", is_taken)
    assert employer in BUILDERS.employers


@pytest.mark.parametrize("name", ["MCC Group", "M.C.C. Group Co.", "MCD Group", "Ltd", "Other Co"])
def test_its_own_name_and_other_firms_are_not_told_as_close(name):
    table = rows({"nationality": "XQA", "target": f"employer:{name}"})
    assert BUILDERS.find_close_employers(table) == []
    assert BUILDERS.is_aimed_at(table).tolist() == ["Group" in name and "MCD" not in name]


@pytest.mark.slow
def test_page_one_tells_what_is_close_to_an_employer():
    table = rows({"nationality": "XQA", "target": "employer:MCC Gruop"}, {"nationality": "XQA"})
    located = rm.locate(table, REGIONS)
    panel = rm.count_incidents(located, REGIONS, group=BUILDERS, as_of="2024-02-01")
    layer = rm.assess(rm.forecast(panel, model=rm.EmpiricalBayes()), REGIONS)
    said = Bundle(layer).report("en")["unknown"]
    assert "\u201cMCC Gruop\u201d is taken for the group's employer MCC Group." in said
    assert "MCC" not in str(apply_profile(layer, "public").provenance)
