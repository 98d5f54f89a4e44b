"""A detention, a blockade or harassment that says nothing of harm is no zero."""

import pandas as pd
import pytest

import riskmap as rm
from riskmap.incidents.foreign_victims import is_violence


def read(kind, **columns):
    return rm.read_incidents(
        pd.DataFrame({"date": ["2031-05-01"], "place": ["Kelda"], "type": [kind], **columns})
    )


UNSURE = [
    *("detained", "Staff detained", "Detention", "blockade", "Road block", "siege", "harassment"),
    *("Staff harassment", "intimidation", "facility attack", "Attack on facility", "Detención"),
    *("bloqueo", "détention arbitraire", "Straßensperre", "задержание", "блокада", "احتجاز"),
    *("بازداشت", "محاصره", "拘留", "封锁道路", "骚扰"),
]


@pytest.mark.parametrize("kind", UNSURE)
@pytest.mark.parametrize("columns", [{}, {"killed": [None], "injured": [""]}])
def test_without_a_toll_it_is_an_attack_of_unknown_harm(kind, columns):
    table = read(kind, **columns)
    assert is_violence(table).all()
    assert table["killed"].isna().all()


@pytest.mark.parametrize(
    "kind", ["detained", "blockade", "harassment", "Detention", "拘留", "блокада"]
)
def test_with_a_toll_of_nobody_it_hurt_nobody(kind):
    assert not is_violence(read(kind, killed=[0], injured=[0])).any()


@pytest.mark.parametrize("kind", ["peaceful protest", "traffic accident", "flood", "抗议"])
def test_what_is_no_attack_stays_none(kind):
    assert not is_violence(read(kind)).any()


def test_it_is_told_by_what_the_row_says():
    found = rm.incidents.import_incidents(
        pd.DataFrame({"date": ["2031-05-01"], "place": ["Kelda"], "type": ["Detained"]})
    )
    assert found.report.not_understood == {"killed": {"not told, Detained": 1}}
