"""The drivers are listed once: features and what-ifs evaluate the list, and names are labels."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import riskmap as rm
from riskmap.models import drivers
from riskmap.models.drivers import COUNTS, DRIVERS, OTHERS, Driver, drivers_of
from riskmap.models.endemic_epidemic import _terms_of
from riskmap.models.what_ifs import WhatIfs
from riskmap.typing import CountHistory

N_WINDOWS, N_REGIONS = 36, 8
#: One more each, of what nobody has listed: another half-life, another unit of another series.
MORE = (
    Driver(COUNTS, "parent", 24.0),
    Driver(OTHERS, "neighbours", 6.0),
    Driver(OTHERS, "parent", 9.0),
    Driver(OTHERS, "all", 9.0),
    Driver("violence", "parent", 7.0),
)


def made(**given):
    rng = np.random.default_rng(3)
    violence = rng.poisson(0.6, (N_WINDOWS, N_REGIONS)).astype(float)
    ring = sparse.eye_array(N_REGIONS, k=1) + sparse.eye_array(N_REGIONS, k=-1)
    return CountHistory(
        **{
            "counts": rng.binomial(violence.astype(int), 0.4).astype(float),
            "days": np.full(N_WINDOWS, 30.0),
            "parent": np.arange(N_REGIONS) // 2,
            "country": np.arange(N_REGIONS) // 4,
            "neighbours": sparse.csr_array(ring / ring.sum(axis=1)[:, None]),
            "drivers": {"violence": violence},
        }
        | given
    )


@pytest.mark.slow
@pytest.mark.parametrize("more", MORE, ids=lambda driver: f"{driver.series}-{driver.unit}")
def test_a_driver_is_added_in_one_line(monkeypatch, more):
    monkeypatch.setattr(drivers, "DRIVERS", (*DRIVERS, more))
    districts = rm.datasets.regions()
    panel = rm.count_incidents(
        rm.locate(rm.datasets.incidents(), districts), districts, as_of="2025-01-01"
    )
    found = rm.forecast(panel, model=rm.EndemicEpidemic(most_rows=2000))
    sums = found.components.groupby(["region_id", "layer"])["value"].sum()
    stated = found.frame.set_index(["region_id", "layer"])["expected_count"]
    pd.testing.assert_series_equal(sums, stated.loc[sums.index], check_names=False)
    assert not found.influences.empty
    assert not found.responses.empty


@pytest.mark.slow
def test_one_more_is_asked_what_if_as_all_others_are(monkeypatch, one_by_one):
    monkeypatch.setattr(drivers, "DRIVERS", (*DRIVERS, *MORE))
    history = made()
    model = rm.EndemicEpidemic().fit(history, horizon_days=30.0)
    rng = np.random.default_rng(0)
    event, region = np.repeat(np.arange(2), N_REGIONS), np.tile(np.arange(N_REGIONS), 2)
    amounts = {"counts": np.array([2.0, 1.0]), "violence": np.array([3.0, 1.0])}
    place = sparse.csr_array(rng.dirichlet(np.ones(N_REGIONS), 2))
    time = sparse.csr_array(np.eye(N_WINDOWS)[[20, 35]])
    asked = WhatIfs(place, time, amounts, event, region)
    for name in _terms_of(history):
        model.coefficients_ = {name: 1.0}
        mean, _ = one_by_one(model, history, asked)
        found = model.predict_what_ifs(history, asked).mean
        assert found == pytest.approx(mean, rel=1e-9), name


def test_no_two_drivers_share_a_label():
    for history in (made(), made(drivers={}), made(neighbours=None, days=np.ones(N_WINDOWS))):
        labels = [driver.label for driver in drivers_of(history)]
        assert len(set(labels)) == len(labels)


def test_a_driver_of_a_series_that_a_history_lacks_is_left_out(monkeypatch):
    one = Driver("violence", "parent", 7.0)
    monkeypatch.setattr(drivers, "DRIVERS", (*DRIVERS, one))
    assert one in drivers_of(made())
    assert one not in drivers_of(made(drivers={}))


def test_a_history_has_the_drivers_that_it_can_have():
    units = {driver.unit for driver in drivers_of(made(neighbours=None, drivers={}))}
    assert units == {"own", "parent", "country", "all", "base", "base_wide"}
    short = [d.half_life for d in drivers_of(made(days=np.full(N_WINDOWS, 7.0)))]
    assert min(short) == 0.25
