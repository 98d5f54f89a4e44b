"""Scales of authorities are dated tables; a comparison shows where they disagree with a layer."""

import pandas as pd
import pytest

import riskmap as rm
from riskmap.assessment.authorities import (
    COMPARISON_COLUMNS,
    authority_scales,
    map_level,
)
from riskmap.errors import InputError
from riskmap.schema import check_columns

REGIONS = rm.datasets.regions()
AUTHORITIES = ("us_state", "uk_fcdo", "cn_mfa", "commercial")


@pytest.fixture(scope="module")
def layer():
    located = rm.locate(rm.datasets.incidents(), REGIONS)
    panel = rm.count_incidents(located, REGIONS, as_of="2025-01-01")
    return rm.assess(rm.forecast(panel, model=rm.EmpiricalBayes()), REGIONS)


def said(*rows):
    columns = ["authority", "place", "level", "date", "expires"]
    return pd.DataFrame(rows, columns=columns)


@pytest.mark.parametrize("authority", AUTHORITIES)
def test_scales_are_ordered_dated_and_sourced(authority):
    scales = authority_scales()
    steps = scales[scales["authority"] == authority]
    assert steps["rank"].tolist() == list(range(1, len(steps) + 1))
    assert (steps[["source", "source_date", "licence", "name", "meaning"]] != "").all(axis=None)
    pd.to_datetime(steps["source_date"], format="%Y-%m-%d")


@pytest.mark.parametrize("authority", AUTHORITIES)
def test_crosswalks_are_complete_and_rise(authority):
    scales = authority_scales()
    steps = scales[scales["authority"] == authority].set_index("code")["rank"]
    ranks = [steps[map_level(level, authority)] for level in range(1, 6)]
    assert ranks == sorted(ranks)
    assert ranks[0] == 1
    assert ranks[-1] == len(steps)
    assert map_level(0, authority) is None


def test_indicators_of_the_state_department_stand_beside_its_levels():
    from riskmap.settings import data_path

    table = pd.read_csv(data_path("authorities/indicators.csv"), keep_default_na=False)
    assert "".join(table["code"]) == "CTUHNEKDO"


@pytest.mark.parametrize(("level", "authority"), [(3, "weather"), (9, "us_state")])
def test_no_such_step(level, authority):
    with pytest.raises(InputError, match=r"unknown authority|no such level"):
        map_level(level, authority)


def test_every_region_and_authority_once(layer):
    table = said(
        ("us_state", "XQA", "Level 2", "2024-11-01", None),
        ("cn_mfa", "XQA", "橙色", "2024-11-01", ""),
        ("uk_fcdo", "XQA01", "ESSENTIAL", "2024-12-01", None),
    )
    found = rm.compare_authorities(layer, table)
    check_columns(found, COMPARISON_COLUMNS, table="comparison")
    assert not found.duplicated(["region_id", "authority"]).any()
    assert (found["authority"] == "us_state").sum() == len(REGIONS)
    assert set(found.loc[found["authority"] == "cn_mfa", "stated"]) == {"orange"}
    province = found.loc[found["authority"] == "uk_fcdo", "region_id"]
    assert province.str.startswith("XQA01").all()


def test_the_smallest_place_and_the_newest_day_speak(layer):
    table = said(
        ("us_state", "XQA", "4", "2024-12-20", None),
        ("us_state", "XQA01", "3", "2024-06-01", None),
        ("us_state", "XQA0101", "1", "2024-07-01", None),
        ("us_state", "XQA0101", "2", "2024-08-01", None),
        ("us_state", "XQA0101", "4", "2025-06-01", None),
    )
    stated = rm.compare_authorities(layer, table).set_index("region_id")["stated"]
    assert (stated["XQA0101"], stated["XQA0102"], stated["XQA0201"]) == ("2", "3", "4")


def test_disagreement_is_in_steps_of_theirs(layer):
    risks = layer.risks[layer.risks["layer"] == layer.headline].set_index("region_id")
    found = rm.compare_authorities(layer, said(("us_state", "XQA", "3", "2024-11-01", None)))
    ranks = {"1": 1, "2": 2, "3": 3, "4": 4}
    words = {-1: "riskmap lower", 0: "agree", 1: "riskmap higher"}
    for row in found.itertuples():
        level = int(risks.loc[row.region_id, "risk_level"])
        if level == 0:
            assert row.finding == "not assessed"
            assert pd.isna(row.difference)
            continue
        step = ranks[map_level(level, "us_state")] - 3
        assert row.difference == step
        assert row.finding == words[max(-1, min(1, step))]
    assert len(set(found["finding"])) > 1


def test_a_region_without_a_level_agrees_with_nobody(layer):
    from dataclasses import replace

    silent = replace(layer, risks=layer.risks.assign(risk_level=pd.array([0] * len(layer.risks))))
    found = rm.compare_authorities(silent, said(("cn_mfa", "XQA", "red", "2024-11-01", None)))
    assert set(found["finding"]) == {"not assessed"}
    assert found["difference"].isna().all()
    assert found["ours"].isna().all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("authority", "level", "day", "expires", "expired"),
    [
        ("us_state", "4", "2024-08-01", None, False),
        ("us_state", "4", "2024-06-01", None, True),  # reviewed every six months
        ("us_state", "1", "2024-06-01", None, False),  # every twelve
        ("us_state", "1", "2024-11-01", "2025-01-01", True),
        ("us_state", "4", "2023-11-01", "2025-01-02", False),
        ("uk_fcdo", "all", "2010-01-01", None, False),  # no period of review is published
    ],
)
def test_what_has_expired_is_flagged(layer, authority, level, day, expires, expired):
    found = rm.compare_authorities(layer, said((authority, "XQA", level, day, expires)))
    assert set(found["expired"]) == {expired}


def test_statements_come_from_a_file_too(layer, tmp_path):
    path = tmp_path / "said.csv"
    path.write_text("authority,place,level,date\nus_state,XQA,3,2024-12-01\n", encoding="utf-8")
    assert len(rm.compare_authorities(layer, path, name="violence")) == len(REGIONS)
    path.write_text("authority,place,level,date\nus_state,XQA,7,2024-12-01\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"said\.csv, row 2, column level: not a step of us_state"):
        rm.compare_authorities(layer, path)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("moon", "XQA", "3", "2024-12-01", None), "unknown authority: met 'moon'"),
        (("us_state", "XQA", "", "2024-12-01", None), "not a step of us_state"),
        (("us_state", "XQA", "3", "December", None), "date of a statement is not a date"),
        (("us_state", "XQA", "3", "2024-12-01", "soon"), "end of a statement is not a date"),
        (("us_state", "QQQ", "3", "2024-12-01", None), "about any of the regions"),
        (("us_state", "XQA", "3", "2025-12-01", None), "about any of the regions"),
    ],
)
def test_statements_that_are_none(layer, row, message):
    with pytest.raises(InputError, match=message):
        rm.compare_authorities(layer, said(row))


def test_indicators_are_carried_along_and_checked(layer):
    table = said(("us_state", "XQA", "3", "2024-12-01", None)).assign(indicators="k; T")
    assert set(rm.compare_authorities(layer, table)["indicators"]) == {"K;T"}
    blank = rm.compare_authorities(layer, table.assign(indicators=" "))
    assert blank["indicators"].isna().all()
    with pytest.raises(InputError, match="not an indicator of us_state: met 'Z'"):
        rm.compare_authorities(layer, table.assign(indicators="T;Z"))
    other = said(("cn_mfa", "XQA", "red", "2024-12-01", None)).assign(indicators="T")
    with pytest.raises(InputError, match="not an indicator of cn_mfa"):
        rm.compare_authorities(layer, other)


def test_statements_without_a_column(layer):
    with pytest.raises(InputError, match="column level: statements lack a column"):
        rm.compare_authorities(layer, said().drop(columns="level"))


def test_no_such_layer(layer):
    with pytest.raises(InputError, match="no such layer: met 'group'"):
        rm.compare_authorities(layer, said(), name="group")
