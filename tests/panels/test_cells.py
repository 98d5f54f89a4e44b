"""Cells sum to the same bytes in whatever order and grouping they come."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from riskmap.panels.windows import GRAIN, WHOLE, Cells, sum_cells

EDGES = np.datetime64("2020-01-01") + np.array([0, 7, 14, 30, 60])
DAY = int((EDGES[0] - np.datetime64("1970-01-01")).astype(int))
CELL = st.tuples(
    st.integers(0, 2),
    st.integers(0, 59),
    st.integers(0, 40),
    st.one_of(st.just(WHOLE), st.integers(1, WHOLE)),
    st.integers(0, 10**9),
)


def cells_of(rows):
    position, first, length, grains, value = np.array(rows, dtype=np.int64).T
    first = first + DAY
    return Cells(position, first, first + length, grains, {"killed": value})


def total(rows):
    return sum_cells(cells_of(rows), n_regions=3, edges=EDGES)["killed"]


@given(st.lists(CELL, min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_order_changes_no_byte(rows, random):
    again = random.sample(rows, len(rows))
    assert total(rows).tobytes() == total(again).tobytes()


@given(st.lists(CELL, min_size=1, max_size=30))
def test_equal_cells_may_be_summed_before(rows):
    seen = {}
    for *key, value in rows:
        seen[tuple(key)] = seen.get(tuple(key), 0) + value
    summed = [(*key, value) for key, value in seen.items()]
    assert total(rows).tobytes() == total(summed).tobytes()


@given(st.lists(CELL, min_size=1, max_size=30))
def test_mass_is_conserved(rows):
    expected = sum(grains * value for *_, grains, value in rows) * GRAIN
    np.testing.assert_allclose(total(rows).sum(), expected, rtol=1e-12)
