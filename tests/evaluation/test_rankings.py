"""Rankings are judged as by hand, and whatever the order of rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.errors import InputError
from riskmap.evaluation.scores import hit_rate, pai, pei

PLACES = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 4), st.integers(1, 5)), min_size=2, max_size=30
).filter(lambda rows: any(row[0] for row in rows))
SHARES = st.floats(0.01, 0.99)


def columns(rows):
    return np.array(rows, dtype=float).T


def test_top_share_of_equal_places():
    observed = np.array([5, 3, 1, 1, 0, 0, 0, 0, 0, 0])
    ranking = np.array([9, 8, 1, 0, 7, 6, 5, 4, 3, 2])
    assert hit_rate(observed, ranking, share=0.2) == 0.8
    assert pai(observed, ranking, share=0.2) == 4.0
    assert pei(observed, ranking, share=0.2) == 1.0


def test_a_ranking_without_information_is_worth_its_share():
    assert hit_rate([4, 0, 1, 0], np.zeros(4), share=0.3) == pytest.approx(0.3)
    assert pai([4, 0, 1, 0], np.zeros(4), share=0.3) == pytest.approx(1.0)


def test_weight_is_what_can_be_watched():
    rural_first = hit_rate([1, 4], [2, 1], share=0.9, weight=[9, 1])
    assert rural_first == pytest.approx(0.2)
    assert pei([1, 4], [2, 1], share=0.1, weight=[9, 1]) == pytest.approx((1 / 45) / 0.8)


@given(rows=PLACES, share=SHARES, seed=st.integers(0, 99))
def test_order_of_rows_does_not_matter(rows, share, seed):
    y, rank, w = columns(rows)
    o = np.random.default_rng(seed).permutation(len(y))
    found = hit_rate(y[o], rank[o], share=share, weight=w[o])
    assert found == pytest.approx(hit_rate(y, rank, share=share, weight=w), abs=1e-12)


@given(rows=PLACES, share=SHARES)
def test_no_ranking_beats_the_truth(rows, share):
    y, rank, w = columns(rows)
    assert 0.0 <= pei(y, rank, share=share, weight=w) <= 1.0 + 1e-12
    assert pei(y, y / w, share=share, weight=w) == pytest.approx(1.0)


@given(rows=PLACES, share=SHARES)
def test_watching_more_finds_no_less(rows, share):
    y, rank, w = columns(rows)
    less = hit_rate(y, rank, share=share / 2, weight=w)
    assert less <= hit_rate(y, rank, share=share, weight=w) + 1e-12


@pytest.mark.parametrize(
    ("observed", "ranking", "weight", "message"),
    [
        ([0, 0], [1, 2], 1.0, "nothing happened"),
        ([1, -1], [1, 2], 1.0, "nothing happened"),
        ([1, 0], [np.nan, 2], 1.0, "finite"),
        ([1, 0], [1, 2], [0, 1], "weight: must be positive"),
    ],
)
def test_what_is_no_ranking_is_refused(observed, ranking, weight, message):
    with pytest.raises(InputError, match=message):
        hit_rate(observed, ranking, share=0.5, weight=weight)


def test_a_share_of_everything_is_refused():
    with pytest.raises(InputError, match="not a share"):
        hit_rate([1, 0], [1, 2], share=1.0)
