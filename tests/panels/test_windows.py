"""Windows end on as_of, are half-open, and drift with no calendar."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.errors import InputError
from riskmap.panels.windows import EVERY, parse_day, step_windows

DAYS = st.dates(pd.Timestamp("1990-01-01").date(), pd.Timestamp("2030-12-31").date())


@given(as_of=DAYS, back=st.integers(1, 4000), every=st.sampled_from(sorted(EVERY)))
def test_windows_reach_from_start_to_as_of(as_of, back, every):
    as_of = pd.Timestamp(as_of)
    start = as_of - pd.Timedelta(days=back)
    edges = step_windows(as_of, start, every=every)
    assert edges.dtype == "datetime64[D]"
    assert edges[-1] == np.datetime64(as_of, "D")
    assert edges[0] <= np.datetime64(start, "D") < edges[1]
    assert (np.diff(edges).astype(int) > 0).all()


@pytest.mark.parametrize(
    ("every", "edges"),
    [
        ("day", ["2024-05-29", "2024-05-30", "2024-05-31"]),
        ("week", ["2024-05-24", "2024-05-31"]),
        ("month", ["2024-04-30", "2024-05-31"]),
        ("quarter", ["2024-02-29", "2024-05-31"]),
    ],
)
def test_lengths(every, edges):
    found = step_windows(pd.Timestamp("2024-05-31"), pd.Timestamp("2024-05-29"), every=every)
    assert found.astype(str).tolist() == edges


def test_unknown_window():
    with pytest.raises(InputError, match="met 'fortnight', expected day or week"):
        step_windows(pd.Timestamp("2024-05-31"), pd.Timestamp("2024-05-29"), every="fortnight")


def test_nothing_before_as_of():
    with pytest.raises(InputError, match="nothing to count before as_of: met '2024-05-31'"):
        step_windows(pd.Timestamp("2024-05-31"), pd.Timestamp("2024-05-31"), every="day")


@pytest.mark.parametrize(
    "day", ["31/01/2025", "2025-13-01", "soon", None, "2025-01-31T06:00", "2025-01-31T00:00+04:30"]
)
def test_what_is_no_day(day):
    with pytest.raises(InputError, match="as_of is not a"):
        parse_day(day, what="as_of")
