"""The going share is learnt where a source tells who was hit, and falls on much evidence alone."""

import runpy

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.panels.knowledge import SHARE_COLUMNS, going_shares, shipped_share
from riskmap.schema import check_columns
from riskmap.settings import data_path

WATCH = "violence; reach=countries"


def ask(reports, told, foreign, scope=WATCH):
    row = {
        "source": "desk",
        "iso3": "XQA",
        "scope": scope,
        "reports": reports,
        "told": told,
        "foreign": foreign,
    }
    return going_shares(pd.DataFrame([row])).iloc[0]


@pytest.mark.parametrize(
    ("told", "scope"),
    [
        ((1000, 0, 0), WATCH),
        ((1000, 499, 400), WATCH),
        ((1000, 1000, 900), "foreign; reach=countries"),
        ((1000, 1000, 900), "violence; reach=countries; deaths"),
        ((1000, 1000, 900), "none"),
        ((1000, 1000, 900), None),
        ((0, 0, 0), WATCH),
    ],
)
def test_who_does_not_see_violence_or_does_not_say_who_was_hit_teaches_nothing(told, scope):
    found = ask(*told, scope)
    assert (found["share"], found["share_low"], found["share_high"]) == (0.01, 0.003, 0.03)
    assert (found["basis"], found["unknown"]) == ("shipped", told[0] - told[1])


def test_what_is_learnt_may_rise_freely():
    found = ask(100, 60, 30)
    assert found["basis"] == "learnt"
    assert found["share"] == pytest.approx(33 / 360)
    assert found["share_low"] < found["share"] < found["share_high"]


@pytest.mark.parametrize(("told", "falls"), [(999, False), (1000, True)])
def test_no_share_falls_on_few_reports_nor_in_silence(told, falls):
    found = ask(1500, told, 0)
    assert (found["share"] < 0.01, found["basis"] == "learnt", found["below_prior"]) == (falls,) * 3


@pytest.mark.slow
@given(st.integers(0, 3000), st.integers(0, 3000), st.integers(0, 3000))
def test_a_share_is_never_none_nor_below_the_shipped_one_unflagged(reports, told, foreign):
    told = min(told, reports)
    found = ask(reports, told, min(foreign, told))
    assert 0 < found["share_low"] < found["share"] < found["share_high"] < 1
    assert found["share"] >= 0.01 or found["below_prior"]


def test_a_source_of_two_scopes_has_one_share():
    rows = pd.DataFrame(
        {
            "source": "desk",
            "iso3": ["XQA", "XQA", ""],
            "scope": [WATCH, None, None],
            "reports": [100, 50, 7],
            "told": [100, 0, 0],
            "foreign": [50, 0, 0],
        }
    )
    found = going_shares(rows)
    check_columns(found, SHARE_COLUMNS, table="shares")
    assert found[["iso3", "reports", "unknown", "basis"]].to_numpy().tolist() == [
        ["", 7, 7, "shipped"],
        ["XQA", 150, 50, "learnt"],
    ]
    assert going_shares(rows.iloc[:0]).empty


def test_the_prior_is_the_shipped_share():
    shipped = shipped_share()
    whole = shipped["prior_foreign"] + shipped["prior_others"]
    assert shipped["prior_foreign"] / whole == shipped["share"]


def test_the_shipped_share_is_what_its_script_finds(shared):
    path = data_path("shares/foreign.toml")
    made = runpy.run_path(str(path.with_name("make_foreign.py")))
    assert made["write"](shared) == path.read_text(encoding="utf-8")
