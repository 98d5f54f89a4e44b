"""How incidents of an area are shared out: by what was known of its regions on the day."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.places.placements import MEMORY_DAYS, Past, weigh_area

MISSING = int(np.iinfo(np.int64).min)

incidents = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.one_of(st.integers(-40, 40), st.just(MISSING), st.sampled_from([-(2**40), 2**40])),
        st.integers(0, 9),
    ),
    max_size=30,
)


@settings(max_examples=200)
@given(incidents=incidents, days=st.lists(st.integers(-45, 45), min_size=1, max_size=6))
def test_the_past_is_what_was_known_earlier(incidents, days):
    table = np.array(incidents, dtype=np.int64).reshape(-1, 3)
    regions = np.array([4, 0, 7])  # in any order, and one where nothing happened
    found = Past.of(*table.T).before(regions, np.array(days))
    for day, sums in zip(days, found, strict=True):
        earlier = [row for row in incidents if row[1] != MISSING and row[1] < day]
        assert sums.tolist() == [sum(n for r, _, n in earlier if r == region) for region in regions]


@settings(max_examples=100)
@given(incidents=incidents, day=st.integers(-45, 45))
def test_weights_sum_to_one_and_later_knowledge_changes_none(incidents, day):
    region, known, reports = np.array(incidents, dtype=np.int64).reshape(-1, 3).T
    early = (known < day) & (known != MISSING)
    members, when = np.array([1, 2, 5]), np.array([day])
    weights, as_it_was = (
        weigh_area([members], when, past=past)[1]
        for past in (
            Past.of(region, known, reports),
            Past.of(region[early], known[early], reports[early]),
        )
    )
    assert weights.sum() == 1.0
    assert np.array_equal(weights, as_it_was)
    lately = early & (known >= day - MEMORY_DAYS)
    shares = 1 + np.array([reports[lately & (region == member)].sum() for member in members])
    assert np.allclose(weights[0], shares / shares.sum(), rtol=0, atol=1e-11)
