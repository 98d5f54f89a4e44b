"""A forecast of a horizon that starts later learns what followed so long after."""

import numpy as np
import pytest

import riskmap as rm
from riskmap.errors import InputError
from riskmap.models.estimators import targets_of


def echo(n_windows=96, n_regions=12):
    """Counts in which what happens comes again three windows later, and not before."""
    rng = np.random.default_rng(2)
    counts = rng.poisson(1.0, (n_windows, n_regions)).astype(float)
    for t in range(3, n_windows):
        counts[t] = rng.poisson(0.2 + 0.75 * counts[t - 3])
    one = np.zeros(n_regions, int)
    return rm.typing.CountHistory(counts, np.full(n_windows, 30.0), one, one, lead_days=60.0)


def test_what_is_learnt_lies_so_far_ahead():
    history = rm.typing.CountHistory(
        np.arange(8.0)[:, None], np.full(8, 30.0), np.zeros(1, int), np.zeros(1, int), lead_days=60
    )
    told = targets_of(history, 30.0, most_rows=100)
    assert told.counts.tolist() == [3.0, 4.0, 5.0, 6.0, 7.0]
    assert told.at.tolist() == [1, 2, 3, 4, 5]


def test_the_lead_that_matters_is_found():
    from dataclasses import replace

    history = echo()
    after, at_once = (
        rm.EndemicEpidemic().fit(one, horizon_days=30.0).predict_distribution(one).mean
        for one in (history, replace(history, lead_days=0.0))
    )
    last = history.counts[-1]
    assert np.corrcoef(after, last)[0, 1] > np.corrcoef(at_once, last)[0, 1]


@pytest.mark.slow
def test_a_forecast_tells_its_lead_and_no_level_is_made_of_it():
    districts = rm.datasets.regions()
    located = rm.locate(rm.datasets.incidents(), districts)
    panel = rm.count_incidents(located, districts, as_of="2025-01-01")
    found = rm.forecast(panel, horizon="31D", lead="61D")
    assert found.provenance["lead_days"] == 61
    assert found.frame["p_any"].between(0, 1).all()
    assert "lead_days" not in rm.forecast(panel, horizon="31D").provenance
    with pytest.raises(InputError, match="starts at once"):
        rm.assess(found, districts)
