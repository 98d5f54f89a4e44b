"""Records of a stronger reader: right ones pass unchanged, and wrong fields are caught one by one.

The texts are invented, in nine languages; each has a right record and wrong fields: a toll off by
one or of another kind, a place where nothing happened, a claim or a day that the text doesn't give.
"""

import json
from pathlib import Path

import pytest

import riskmap as rm

CASES = json.loads(Path(__file__).with_name("proofs.json").read_text(encoding="utf-8"))
COUNTS = ("killed", "wounded", "abducted", "arrested")


def as_value(name, text):
    if name == "nationality":
        return text.split(",")
    return int(text) if name in COUNTS else text


def as_record(fields):
    record = {"event_status": "reported", "evidence": []}
    for name, text, quote in fields:
        record["evidence"].append({"field": name, "quote": quote})
        first, _, last = text.partition("..")
        record[name] = as_value(name, first)
        if last:
            record["event_date_end"] = last
    return record


def read(case, fields, regions):
    def reader(text, published=None):  # noqa: ARG001 - the protocol's shape
        return [as_record(fields)]

    return rm.extract_incidents(
        case["text"], published=case["published"], regions=regions, extractor=reader
    )


def shown(row, name):
    if name == "event_date" and row.get(name):
        first, last = row["event_date"].isoformat(), row["event_date_end"].isoformat()
        return first if first == last else f"{first}..{last}"
    return str(row.get(name)).replace(";", ",")


def name_of(case):
    return f"{case['language']}-{CASES.index(case)}"


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_a_right_record_passes_unchanged(case, matcher):
    found = read(case, case["fields"], matcher)
    assert [row["sentence"] for row in found.set_aside_rows] == []
    (row,) = found.incident_rows
    assert [shown(row, name) for name, _, _ in case["fields"]] == [v for _, v, _ in case["fields"]]


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_each_wrong_field_is_dropped_alone(case, matcher):
    for name, value, quote in case["wrong"]:
        kept = [field for field in case["fields"] if field[0] != name]
        found = read(case, [*kept, (name, value, quote)], matcher)
        told = [row["sentence"] for row in found.set_aside_rows]
        assert len(told) == 1, (name, value, told)
        assert told[0].startswith(f"{name}: ")
        for row in found.incident_rows:
            assert row.get(name) in (None, "unknown")
            assert all(shown(row, field[0]) == field[1] for field in kept)


def test_there_are_enough_of_them_in_enough_languages():
    assert len(CASES) >= 60
    assert sum(len(case["wrong"]) for case in CASES) >= 60
    assert len({case["language"] for case in CASES}) >= 8
