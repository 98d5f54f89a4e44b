"""Levels rise at once and fall after a dwell; every wait has its line."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from scipy import stats

import riskmap as rm
from riskmap.assessment.assessments import assess
from riskmap.assessment.hysteresis import hold_levels, p_greater
from riskmap.errors import InputError

REGIONS = rm.datasets.regions()
SCALE = replace(rm.LevelScale.default(), lower_fraction=0.8, dwell_days=50.0)
LOCATED = rm.locate(rm.datasets.incidents(), REGIONS)
PANEL = rm.count_incidents(LOCATED, REGIONS, as_of="2025-01-01")
LAYER = assess(rm.forecast(PANEL, model=rm.EmpiricalBayes()), REGIONS, scale=SCALE)


def stated(p_any, day):
    """A layer that states one probability everywhere, as the thresholds alone would have it."""
    level = {
        name: SCALE.level_of(np.array([p_any]), layer=name, horizon_days=90.0)[0]
        for name in ("violence", "foreign")
    }
    rows = LAYER.risks.iloc[:2]
    levels = rows["layer"].map(level).astype("Int64")
    mean = -np.log1p(-p_any)
    risks = rows.assign(p_any=p_any, expected_count=mean, risk_level=levels, threshold_level=levels)
    return replace(LAYER, risks=risks, provenance={**LAYER.provenance, "as_of": day})


def follow(values, start="2025-01-01", silent=None):
    """The level of one region and the rule that spoke, month by month, for given probabilities."""
    told, previous = [], None
    for day, p_any in zip(
        pd.date_range(start, periods=len(values), freq="MS"), values, strict=True
    ):
        layer = stated(p_any, f"{day:%Y-%m-%d}")
        rule = ""
        if previous is not None:
            risks, audit = hold_levels(
                layer.risks, previous, SCALE, context=layer.context, silent=silent
            )
            layer = replace(layer, risks=risks)
            rule = audit["rule"].iloc[0] if len(audit) else ""
        told.append((int(layer.risks["risk_level"].iloc[0]), rule))
        previous = layer
    return told


def test_a_silence_in_between_does_not_shorten_the_wait():
    found = follow([0.5, np.nan, np.nan, 0.01, 0.01])
    assert found[1:] == [(0, "silence"), (0, "silence"), (4, "hold"), (4, "hold")]


def test_a_level_rises_at_once():
    assert follow([0.01, 0.5, 0.9]) == [(1, ""), (4, ""), (5, "")]


def test_a_level_falls_after_the_dwell():
    found = follow([0.5, 0.2, 0.2, 0.2, 0.2])
    assert found == [(4, ""), (4, "hold"), (4, "hold"), (3, "lower"), (3, "")]


def test_a_level_does_not_fall_for_less_than_the_lower_threshold():
    assert follow([0.5, *[0.29] * 5]) == [(4, ""), *[(4, "hold")] * 5]


def test_a_relapse_starts_the_dwell_again():
    found = follow([0.5, 0.2, 0.3, 0.2, 0.2, 0.2])
    assert [level for level, _ in found] == [4, 4, 4, 4, 4, 3]


def test_a_level_falls_no_further_than_the_lowered_bounds():
    assert follow([0.5, *[0.09] * 3])[-1] == (3, "lower")


def test_no_level_falls_where_known_reports_have_gone():
    silent = np.ones(2, dtype=bool)
    assert follow([0.5, *[0.2] * 4], silent=silent) == [(4, ""), *[(4, "silence")] * 4]


@pytest.mark.slow
@settings(max_examples=20)
@given(st.lists(st.floats(0.001, 0.99), min_size=1, max_size=5), st.floats(0.0, 1.0))
def test_a_higher_probability_never_gives_a_lower_level(past, share):
    low = follow([*past, 0.3 * share])[-1][0]
    high = follow([*past, 0.3])[-1][0]
    assert low <= high


@pytest.mark.slow
@settings(max_examples=20)
@given(st.lists(st.floats(0.001, 0.99), min_size=2, max_size=8))
def test_every_held_level_has_its_line(values):
    found = follow(values)
    alone = SCALE.level_of(np.array(values), layer="violence", horizon_days=90.0)
    for (level, rule), threshold, before in zip(found[1:], alone[1:], found, strict=False):
        assert level >= threshold
        assert (level > threshold) <= (rule in ("hold", "lower"))
        assert (level < before[0]) <= (rule == "lower")


def test_what_becomes_unknown_is_told():
    before = stated(0.5, "2025-01-01")
    risks = before.risks.assign(p_any=np.nan, risk_level=pd.array([0, 0], dtype="Int64"))
    held, audit = hold_levels(risks, before, SCALE, context=stated(0.5, "2025-02-01").context)
    assert (held["risk_level"] == 0).all()
    assert held["trend"].isna().all()
    assert set(audit["rule"]) == {"silence"}
    assert len(audit) == 2


def test_another_scale_reads_the_layer_before_anew():
    before = stated(0.2, "2025-01-01")
    bounds = dict.fromkeys(SCALE.thresholds, (0.1, 0.2, 0.3, 0.4))
    other = replace(SCALE, scale_id="other", thresholds=bounds)
    held, _ = hold_levels(before.risks, before, other, context=before.context)
    assert held["level_before"].tolist() == [3, 3]


@pytest.mark.slow
def test_another_group_is_not_compared():
    def asked(nation):
        group = rm.WorkerGroup(nation)
        panel = rm.count_incidents(LOCATED, REGIONS, group=group, as_of="2025-01-01")
        return rm.forecast(panel, model=rm.EmpiricalBayes())

    one = assess(asked("CHN"), REGIONS)
    two = assess(asked("IND"), REGIONS, previous=one)
    rows = two.risks["layer"] == "group"
    assert two.risks.loc[rows, "level_before"].isna().all()
    assert two.risks.loc[~rows, "level_before"].notna().all()
    assert set(two.changes["layer"]) == {"violence", "foreign"}


def test_a_layer_before_of_a_later_day():
    forecast = rm.forecast(PANEL, model=rm.EmpiricalBayes())
    later = replace(LAYER, provenance={**LAYER.provenance, "as_of": "2026-01-01"})
    with pytest.raises(InputError, match="later day"):
        assess(forecast, REGIONS, previous=later)


@pytest.mark.slow
def test_same_inputs_same_layer():
    forecast = rm.forecast(PANEL, model=rm.EmpiricalBayes())
    one, two = (assess(forecast, REGIONS, previous=LAYER) for _ in range(2))
    for name in ("risks", "changes", "audit"):
        assert_frame_equal(getattr(one, name), getattr(two, name))


@pytest.mark.parametrize("sizes", [(0.5, 2.0), (3.0, 0.4), (50.0, 50.0)])
def test_the_probability_that_one_rate_is_greater(sizes):
    means = np.array([1.5]), np.array([0.6])
    p_any = [1 - stats.nbinom.pmf(0, s, s / (s + m)) for m, s in zip(means, sizes, strict=True)]
    rng = np.random.default_rng(1)
    drawn = [rng.gamma(s, m / s, 400_000) for m, s in zip(means, sizes, strict=True)]
    found = p_greater(means[0], p_any[0], means[1], p_any[1])
    assert found == pytest.approx([(drawn[0] > drawn[1]).mean()], abs=0.005)


def test_equal_rates_have_not_changed():
    one = np.array([1.0])
    assert p_greater(one, 1 - np.exp(-one), one, 1 - np.exp(-one)) == pytest.approx([0.5])
