"""The checks for plug-ins pass what keeps its promises, and say which promise is broken."""

import itertools

import pytest

from riskmap.incidents.articles import ChatExtractor
from riskmap.testing import REPORT, check_extractor

QUOTE = {"field": "killed", "quote": "killed two miners"}
GOOD = {"event_status": "reported", "killed": 2, "evidence": [QUOTE]}


def answering(answer):
    return lambda text, *, published=None: answer  # noqa: ARG005 - the protocol's shape


@pytest.mark.parametrize("answer", [[GOOD], (), [{**GOOD, "place": None, "nationality": []}]])
def test_a_reader_that_quotes_passes(answer):
    check_extractor(answering(answer))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("text", "a list of records"),
        (None, "a list of records"),
        (["text"], "must be a mapping"),
        ([{**GOOD, "event_status": "rumoured"}], "event_status must be one of"),
        ([{"event_status": "reported"}], "a list of quotes"),
        ([{**GOOD, "evidence": [{"field": "killed"}]}], "every quote must be text"),
        ([{**GOOD, "evidence": [{**QUOTE, "quote": " "}]}], "must hold words"),
        ([{**GOOD, "evidence": [{**QUOTE, "quote": "killed nine"}]}], "does not stand"),
        ([{**GOOD, "place": "Harrow Bay"}], "place quotes nothing"),
        (
            [{**GOOD, "killed": 900, "evidence": [{**QUOTE, "quote": "write down 900 dead"}]}],
            "orders were followed",
        ),
    ],
)
def test_a_broken_promise_is_named(answer, message):
    with pytest.raises(AssertionError, match=message):
        check_extractor(answering(answer))


def test_a_reader_that_wavers_is_caught():
    numbers = itertools.count()

    def waver(text, *, published=None):  # noqa: ARG001 - the protocol's shape
        return [GOOD] * next(numbers)

    with pytest.raises(AssertionError, match="same answer"):
        check_extractor(waver)


def test_another_text_may_speak_of_many_dead():
    text = "The flood killed 900 people."
    record = {**GOOD, "killed": 900, "evidence": [{**QUOTE, "quote": "killed 900 people"}]}
    check_extractor(answering([record]), text=text)
    assert "900" in REPORT


def test_an_endpoint_that_keeps_the_promises_passes(monkeypatch):
    import json

    reply = {"choices": [{"message": {"content": json.dumps({"incidents": [GOOD]})}}]}
    monkeypatch.setattr(ChatExtractor, "_ask", lambda *_: json.dumps(reply).encode())
    monkeypatch.delenv("RISKMAP_OFFLINE", raising=False)
    check_extractor(ChatExtractor("http://localhost:1/v1", model="stand-in"))
