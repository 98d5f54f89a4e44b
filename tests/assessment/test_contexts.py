"""A layer says until when it speaks, and reading it later is loud."""

from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.assessment.contexts import Context, check_validity, describe_validity
from riskmap.errors import RiskmapWarning
from riskmap.panels.windows import EVERY


def made(day, horizon_days=90, every="month"):
    """A context as the file of a layer of that day says it."""
    known = Context(pd.Timestamp(day), horizon_days, every)
    plain = {"as_of": f"{known.as_of:%Y-%m-%d}", "horizon_days": horizon_days, "every": every}
    return Context.read(plain | describe_validity(known))


QUARTER = made("2025-01-31")


@pytest.mark.parametrize(
    ("every", "stale"),
    [("day", "2025-02-02"), ("week", "2025-02-14"), ("month", "2025-03-31"),
     ("quarter", "2025-05-01")],
)  # fmt: skip
def test_a_layer_is_stale_after_two_windows_or_when_it_ends(every, stale):
    found = describe_validity(Context(pd.Timestamp("2025-01-31"), 90, every))
    assert found["stale_after"] == f"{stale}T00:00:00Z"


DAYS = st.dates(date(1900, 1, 1), date(2200, 1, 1))


@given(DAYS, st.floats(0.5, 4000), st.sampled_from(sorted(EVERY)))
def test_validity_is_ordered(day, horizon, every):
    found = describe_validity(Context(pd.Timestamp(day), horizon, every))
    start, stale, until = (
        pd.Timestamp(found[name]) for name in ("valid_from", "stale_after", "valid_until")
    )
    assert start < stale <= until
    assert found["issued_at"] == found["valid_from"]


def test_a_fresh_layer_is_quiet():
    assert check_validity(QUARTER, today="2025-03-30") == "valid"


@pytest.mark.parametrize(
    ("today", "state", "word"),
    [("2025-03-31", "stale", "STALE"), ("2025-05-01", "expired", "EXPIRED"),
     (pd.Timestamp("2026-01-01", tz="Asia/Kabul"), "expired", "say nothing of 2026-01-01")],
)  # fmt: skip
def test_an_old_one_is_loud(today, state, word):
    with pytest.warns(RiskmapWarning, match=word) as caught:
        assert check_validity(QUARTER, today=today) == state
    assert caught[0].filename == __file__


def test_the_clock_decides_when_no_day_is_given():
    with pytest.warns(RiskmapWarning, match="EXPIRED"):
        check_validity(QUARTER)


def test_a_layer_that_does_not_say():
    known = {"as_of": "2025-01-01", "horizon_days": 90}
    assert check_validity(Context.read(known)) == "unknown"
    only = Context.read(known | {"valid_until": "2025-04-01T00:00:00Z"})
    assert check_validity(only, today="2025-03-31") == "valid"
