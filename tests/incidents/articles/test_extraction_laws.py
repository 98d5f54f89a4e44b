"""Laws of the extractor: spans are verbatim, tables keep their schema, nothing depends on a run."""

import subprocess
import sys
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

import riskmap as rm
from riskmap.errors import InputError
from riskmap.schema import check_incidents

WORDS = st.sampled_from(
    [
        "Gunmen",
        "killed",
        "three",
        "engineers",
        "in",
        "Coldwater",
        "on",
        "Monday",
        ".",
        ",",
        "and",
        "were",
        "wounded",
        "the",
        "attack",
        "near",
        "Nurabad",
        "province",
        "police",
        "said",
        "“",
        "”",
        "’s",
        "12",
        "at",
        "least",
        "abducted",
        "from",
        "by",
        "several",
        "of",
        "a",
        "bomb",
        "exploded",
        "Chinese",
        "mine",
        "2031-05-01",
        "Taliban",
        "claimed",
        "responsibility",
        "\n",
        "--",
        "(",
        ")",
        "!",
        "<script>",
        "&",
        "who",
        "had",
        "been",
    ]
)
TEXT = "Gunmen killed two Chinese miners in Kitoulo, Haut-Lokele, on Monday, police said."


@given(words=st.lists(WORDS, max_size=60))
def test_any_text_gives_verbatim_evidence(words, matcher):
    text = " ".join(words)
    found = rm.extract_incidents(text, published="2031-05-14", regions=matcher)
    for row in found.evidence_rows:
        assert text[row["start"] : row["end"]] == row["phrase"] != ""
    for row in found.place_rows:
        assert text[row["start"] : row["end"]] == row["phrase"]
    for row in found.incident_rows:
        assert row.get("killed", 1) >= 1
        assert row["event_status"] in ("reported", "recounted", "arrest")


@given(text=st.text(max_size=300))
def test_any_characters_are_survived(text):
    rm.extract_incidents(text)


def test_tables_keep_the_schema(matcher):
    found = rm.extract_incidents(TEXT, published=date(2031, 5, 14), regions=matcher)
    check_incidents(found.incidents)
    check_incidents(rm.extract_incidents("Nothing happened.").incidents)
    assert found.incidents["source"].tolist() == ["article"]
    assert found.incidents["reliability"].tolist() == ["D"]
    assert found.places["role"].tolist() == ["scene", "scene"]
    assert found.set_aside.empty


def test_published_as_day_or_instant(matcher):
    first = rm.extract_incidents(TEXT, published=datetime(2031, 5, 14, 9), regions=matcher)  # noqa: DTZ001 - a local day
    second = rm.extract_incidents(TEXT, published="2031-05-14T09:00", regions=matcher)
    assert first.incident_rows == second.incident_rows


def test_an_incident_of_articles_is_placed(regions, matcher):
    table = rm.extract_incidents(TEXT, published="2031-05-14", regions=matcher).incidents
    districts = regions[regions["adm_level"] == 2].reset_index(drop=True)
    placed = rm.locate(table, districts).placements
    assert placed["region_id"].tolist() == ["XQD0102"]


def test_without_regions_places_keep_their_names():
    row = rm.extract_incidents("Two men were shot dead in Sarn district, Velmar province.")
    assert (row.incident_rows[0]["admin2"], row.incident_rows[0]["admin1"]) == ("Sarn", "Velmar")
    assert row.incident_rows[0]["region_id"] is None


def test_the_gazetteer_is_asked_for_what_the_regions_lack(regions, matcher):
    import pandas as pd

    class Asked:
        def __init__(self):
            self.names = []

        def resolve(self, names, parents=None):
            assert parents == [None]
            self.names += names
            return pd.DataFrame(
                {"region_id": ["XQB0101"], "status": ["match"], "matched_name": ["Coldwater"]}
            )

    asked = Asked()
    text = "A guard was killed in Kaltwasser district on Monday."
    found = rm.extract_incidents(
        text, published="2031-05-14", regions=matcher, gazetteer=asked
    ).incident_rows[0]
    assert asked.names == ["Kaltwasser"]
    assert found["region_id"] == "XQB0101"
    real = rm.Gazetteer.from_regions(regions[regions["adm_level"] == 2])
    assert rm.extract_incidents(text, regions=matcher, gazetteer=real).incident_rows


@pytest.mark.parametrize("text", [None, b"bytes", 3])
def test_only_text_is_read(text):
    with pytest.raises(InputError, match="not a text"):
        rm.extract_incidents(text)


def test_a_book_is_refused():
    with pytest.raises(InputError, match="too long"):
        rm.extract_incidents("word " * 50_000)


def test_a_strange_day_is_refused():
    with pytest.raises(InputError, match="not a day"):
        rm.extract_incidents(TEXT, published="yesterday")


@pytest.mark.slow
def test_same_bytes_for_any_hash_seed():
    code = (
        "import riskmap as rm\n"
        "districts = rm.datasets.regions()\n"
        f"x = rm.extract_incidents({TEXT!r}, published='2031-05-14', regions=districts)\n"
        "print(x.incident_rows, x.evidence_rows, x.place_rows)"
    )
    outs = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for seed in ("0", "1")
    }
    assert len(outs) == 1
