"""Decisions: who clears an attack says why, who and until when; nothing else is understood."""

from datetime import date

import pandas as pd
import pytest
from typer.testing import CliRunner

import riskmap as rm
from riskmap.assessment.desk_files import ATTACKED, Decision
from riskmap.assessment.floors import tell_cleared
from riskmap.cli import app
from riskmap.errors import InputError
from riskmap.panels.attacks import ATTACK_COLUMNS
from riskmap.schema import conform

WHOLE = {
    "region_id": '"XQA0101"',
    "layer": '"group"',
    "clears": '"attacked"',
    "reason": '"an accident"',
    "author": '"A. Analyst"',
    "until": "2025-04-01",
    "decided": "2025-02-01",
}


def write(tmp_path, *rows):
    path = tmp_path / "decisions.toml"
    text = ["\n".join(["[[decision]]", *(f"{k} = {v}" for k, v in row.items())]) for row in rows]
    path.write_text("\n".join(text))
    return path


def without(key, **others):
    return {k: v for k, v in WHOLE.items() if k != key} | others


def test_decisions_are_read_in_order(tmp_path):
    one = without("clears", incident_id='"desk:7"', second_reader='"B. Reader"')
    first, second = rm.read_decisions(write(tmp_path, WHOLE, one))
    assert (first.clears, first.until, first.second_reader) == (
        "attacked", date(2025, 4, 1), None
    )  # fmt: skip
    assert (second.clears, second.second_reader) == ("desk:7", "B. Reader")
    assert rm.read_decisions(write(tmp_path)) == ()


@pytest.mark.parametrize(
    ("row", "key"),
    [
        (without("reason"), "reason"),
        (WHOLE | {"reason": '" "'}, "reason"),
        (without("author"), "author"),
        (without("until"), "until"),
        (without("decided"), "decided"),
        (WHOLE | {"until": '"for ever"'}, "until"),
        (WHOLE | {"layer": '"everything"'}, "layer"),
        (WHOLE | {"region_id": '"XQA9999"'}, "region_id"),
        (without("clears"), "clears"),
        (WHOLE | {"clears": '"silence"'}, "clears"),
        (WHOLE | {"incident_id": '"desk:7"'}, "clears"),
        (WHOLE | {"level": "1"}, "level"),
    ],
)
def test_what_is_not_understood_names_the_file_and_the_key(tmp_path, row, key):
    path = write(tmp_path, WHOLE, row)
    with pytest.raises(InputError, match="in decision 2") as caught:
        rm.read_decisions(path, region_ids=rm.datasets.regions()["region_id"])
    assert (caught.value.file, caught.value.column) == (str(path), key)


@pytest.mark.parametrize("text", ["decision = 3", "decisions = []", "[[decision"])
def test_a_file_of_something_else_is_refused(tmp_path, text):
    path = tmp_path / "decisions.toml"
    path.write_text(text)
    with pytest.raises(InputError):
        rm.read_decisions(path)
    with pytest.raises(InputError):
        rm.read_decisions(tmp_path / "none.toml")


@pytest.mark.parametrize(("day", "cleared"), [("2025-03-31", True), ("2025-04-01", False)])
def test_a_clearance_counts_until_its_end_and_for_its_region(tmp_path, day, cleared):
    rows = {"incident_id": ["a:1", "a:2"], "region_id": ["XQA0101", "XQA0102"]}
    rows |= {"until": pd.Timestamp("2025-04-15")}
    attacks = conform(pd.DataFrame(rows), ATTACK_COLUMNS)
    decided = rm.read_decisions(write(tmp_path, WHOLE))
    told = tell_cleared(attacks, decided, as_of=pd.Timestamp(day))["cleared"].notna().tolist()
    assert told == [cleared, False]


def test_a_run_takes_no_decision_on_a_region_that_there_is_not(tmp_path):
    regions = tmp_path / "regions.geojson"
    rm.datasets.regions().to_file(regions)
    path = write(tmp_path, WHOLE | {"region_id": '"XQA9999"'})
    args = ["run", "none.csv", "--regions", regions, "--as-of", "2025-01-01", "--decisions", path]
    done = CliRunner().invoke(app, [str(arg) for arg in args])
    assert isinstance(done.exception, InputError)
    assert (done.exception.file, done.exception.column) == (str(path), "region_id")


@pytest.mark.parametrize(
    ("clears", "known", "decided", "as_of", "taken"),
    [
        ("attacked", "2025-01-20", "2025-01-25", "2025-02-01", True),
        ("attacked", "2025-01-26", "2025-01-25", "2025-02-01", False),
        ("attacked", "2025-01-20", "2025-02-05", "2025-02-01", True),
        ("attacked", "2025-01-20", "2025-06-15", "2025-02-01", False),
        ("log:17", "2025-01-20", None, "2025-02-01", True),
        ("log:17", "2025-01-20", "2025-01-25", "2025-02-01", True),
        ("log:17", "2025-01-30", "2025-01-25", "2025-02-01", False),
    ],
)
def test_a_decision_clears_only_what_could_be_looked_at(clears, known, decided, as_of, taken):
    one = Decision(
        *("XQA0101", "group", clears, "an accident", "A. Analyst", date(2025, 12, 1)),
        decided=None if decided is None else date.fromisoformat(decided),
    )
    known, as_of = pd.Timestamp(known), pd.Timestamp(as_of)
    met = one.takes("log:17", "XQA0101", "group", kind=ATTACKED, known=known, as_of=as_of)
    assert met is taken
