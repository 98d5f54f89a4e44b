"""Near repeats are counted as by hand, and found where they were put."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.errors import ModelError
from riskmap.models.clusters import near_repeats

BANDS = {"distances": np.array([0.0, 10.0, 25.0]), "lags": np.array([0.0, 2.0, 9.0])}


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 12)),
        min_size=2,
        max_size=12,
    )
)
def test_pairs_are_counted_one_by_one(rows):
    at, day = np.array([r[:2] for r in rows], dtype=float), np.array([r[2] for r in rows])
    expected = np.zeros((2, 2))
    for i in range(len(rows)):
        for j in range(i):
            row = np.digitize(np.hypot(*(at[i] - at[j])), BANDS["distances"]) - 1
            column = np.digitize(abs(day[i] - day[j]), BANDS["lags"]) - 1
            if row < 2 and column < 2:
                expected[row, column] += 1
    assert near_repeats(at, day, **BANDS, replicas=1).observed.tolist() == expected.tolist()


def test_repeats_that_were_put_there_are_found_and_no_others():
    rng = np.random.default_rng(2)
    at, day = rng.uniform(0, 300, (250, 2)), rng.uniform(0, 365, 250)
    again = slice(0, 50)
    at = np.concatenate([at, at[again] + rng.uniform(-4, 4, (50, 2))])
    day = np.concatenate([day, day[again] + rng.uniform(0, 1.9, 50)])
    found = near_repeats(at, day, **BANDS)
    assert found.observed[0, 0] > 10 * found.expected[0, 0]
    assert found.p_value[0, 0] == 1 / 200
    assert found.p_value[1, 1] > 0.05


def test_days_must_match_points():
    with pytest.raises(ModelError, match="3 points and 2 days"):
        near_repeats(np.zeros((3, 2)), np.zeros(2), **BANDS)
