"""Articles in invented countries, with the records that a careful reader writes down."""

import json
from pathlib import Path

import pandas as pd
import pytest

import riskmap as rm

GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.txt"))


def read(name):
    text = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    return text, json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


def plain(value):
    if pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat()
    return value.item() if hasattr(value, "item") else value


def test_there_are_forty():
    assert len(NAMES) >= 40


@pytest.mark.parametrize("name", NAMES)
def test_golden(name, matcher):
    text, golden = read(name)
    found = rm.extract_incidents(text, published=golden["published"], regions=matcher)
    rows = found.incidents.to_dict("records")
    met = [
        {key: plain(row[key]) for key in wanted}
        for wanted, row in zip(golden["expected"], rows, strict=False)
    ]
    assert met == golden["expected"]
    assert len(rows) == len(golden["expected"])
    scenes = {p.phrase for p in found.places.itertuples() if p.role == "scene"}
    assert not scenes & set(golden["not_scene"])
    if "set_aside" in golden:
        assert len(found.set_aside) == golden["set_aside"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_evidence_is_verbatim(name, matcher):
    text, golden = read(name)
    found = rm.extract_incidents(text, published=golden["published"], regions=matcher)
    for row in found.evidence.itertuples():
        assert text[row.start : row.end] == row.phrase
    assert set(found.evidence["incident_id"]) <= set(found.incidents["incident_id"])
