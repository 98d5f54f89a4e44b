"""What a layer carries along: enough to tell, and not a million rows."""

import pandas as pd

from riskmap.assessment.notables import carried_incidents


def evidence(n, foreign=()):
    """Invented incidents of two regions, newest first."""
    return pd.DataFrame(
        {
            "incident_id": [f"invented:{i}" for i in range(n)],
            "region_id": ["XQA0101" if i % 3 else "XQA0102" for i in range(n)],
            "foreign_victims": pd.array([int(i in foreign) for i in range(n)], dtype="Int64"),
            "nationality": pd.Series([None] * n, dtype="str"),
            "target": pd.Series([None] * n, dtype="str"),
            "country": pd.Series(["XQA"] * n, dtype="str"),
        }
    )


def test_few_are_all_carried():
    table = evidence(900)
    assert carried_incidents(table) is table
    assert carried_incidents(evidence(9), whole=0).equals(evidence(9))


def test_the_newest_of_each_region_are_carried():
    kept = carried_incidents(evidence(30), limit=2, whole=0)
    assert kept["incident_id"].tolist() == [f"invented:{i}" for i in (0, 1, 2, 3)]


def test_foreign_victims_are_carried_however_old():
    kept = carried_incidents(evidence(30, foreign=(1, 29)), limit=2, whole=0)
    assert kept["incident_id"].tolist()[-1] == "invented:29"


def test_no_incident_is_none():
    assert carried_incidents(evidence(0)).empty
