"""The language of a text is told, and a text that nobody can read is set aside with it."""

import json
from pathlib import Path

import pytest

import riskmap as rm
from riskmap.incidents.articles.inputs import find_language

HERE = Path(__file__).parent
CASES = json.loads((HERE / "proofs.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['language']}-{case['text'][:12]}")
def test_the_language_of_nine_is_known(case):
    told = find_language(case["text"])
    # short Arabic-letter texts of a neighbour: what counts is that English isn't said
    near = {"fa": ("fa", "ps"), "ps": ("ps", "fa"), "es": ("es", "pt"), "pt": ("pt", "es")}
    assert told in near.get(case["language"], (case["language"],))


@pytest.mark.parametrize("path", sorted((HERE / "golden").glob("*.txt")), ids=lambda p: p.stem)
def test_every_english_article_is_english(path):
    assert find_language(path.read_text(encoding="utf-8")) == "en"


def test_a_text_that_the_rules_cant_read_is_set_aside_with_its_language():
    found = rm.incidents.extract_incidents("周一三名中国公民在基图洛遇害。", published="2031-05-14")
    assert found.incident_rows == ()
    (row,) = found.set_aside_rows
    assert (row["reason"], row["sentence"][:3]) == ("unread_language", "zh:")
    assert found.language == "zh"
    assert found.ledger.stages[0].reasons == {"unread_language": 1}


def test_a_reader_says_what_it_reads():
    def reader(text, *, published=None):  # noqa: ARG001 - the protocol's shape
        return []

    text = "Deux mineurs ont été tués dans une attaque dans le nord du pays."
    assert rm.incidents.extract_incidents(text, extractor=reader).set_aside_rows == ()
    reader.languages = ("en", "es")
    (row,) = rm.incidents.extract_incidents(text, extractor=reader).set_aside_rows
    assert row["reason"] == "unread_language"
