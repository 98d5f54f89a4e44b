"""Scales of authorities are dated tables, and each of riskmap's levels has its step in them."""

import pandas as pd
import pytest

from riskmap.assessment.levels import authority_scales, map_level
from riskmap.errors import InputError

AUTHORITIES = ("us_state", "uk_fcdo", "cn_mfa", "commercial")


@pytest.mark.parametrize("authority", AUTHORITIES)
def test_scales_are_ordered_dated_and_sourced(authority):
    scales = authority_scales()
    steps = scales[scales["authority"] == authority]
    assert steps["rank"].tolist() == list(range(1, len(steps) + 1))
    assert (steps[["source", "source_date", "licence", "name", "meaning"]] != "").all(axis=None)
    pd.to_datetime(steps["source_date"], format="%Y-%m-%d")


@pytest.mark.parametrize("authority", AUTHORITIES)
def test_crosswalks_are_complete_and_rise(authority):
    scales = authority_scales()
    steps = scales[scales["authority"] == authority].set_index("code")["rank"]
    ranks = [steps[map_level(level, authority)] for level in range(1, 6)]
    assert ranks == sorted(ranks)
    assert ranks[0] == 1
    assert ranks[-1] == len(steps)
    assert map_level(0, authority) is None


@pytest.mark.parametrize(("level", "authority"), [(3, "weather"), (9, "us_state")])
def test_no_such_step(level, authority):
    with pytest.raises(InputError, match=r"unknown authority|no such level"):
        map_level(level, authority)
