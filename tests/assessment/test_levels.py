"""A scale is complete, ordered, and read at its own horizon."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import riskmap as rm
from riskmap.errors import InputError
from riskmap.settings import data_path

SCALE = rm.LevelScale.default()
PROBABILITY = st.floats(0, 1)


@given(st.lists(PROBABILITY, min_size=2, max_size=9), st.sampled_from(sorted(SCALE.thresholds)))
def test_levels_are_monotone(probabilities, layer):
    levels = SCALE.level_of(np.sort(probabilities), layer=layer, horizon_days=90)
    assert (np.diff(levels) >= 0).all()
    assert set(levels) <= {1, 2, 3, 4, 5}


@pytest.mark.parametrize(("p", "level"), [(0.0, 1), (0.02, 2), (0.0999, 2), (0.7, 5), (1.0, 5)])
def test_thresholds_are_lower_bounds(p, level):
    assert SCALE.level_of(np.array([p]), layer="violence", horizon_days=90).tolist() == [level]


def test_what_is_not_known_has_no_level():
    assert SCALE.level_of(np.array([np.nan]), layer="foreign", horizon_days=30).tolist() == [0]


def test_another_horizon_is_carried_over_at_a_constant_hazard():
    p30 = 1 - (1 - 0.35) ** (1 / 3)
    near = np.array([p30 - 1e-6, p30 + 1e-6])
    assert SCALE.level_of(near, layer="violence", horizon_days=30).tolist() == [3, 4]


def test_no_such_layer():
    with pytest.raises(InputError, match="no thresholds for a layer: met 'weather'"):
        SCALE.level_of(np.array([0.1]), layer="weather", horizon_days=90)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("violence = [0.02, 0.10", "violence = [0.20, 0.10", "strictly rising"),
        ("horizon_days = 90", "horizon_days = 0", "horizon must be positive"),
        ('name = "low"', 'name = "green"', "out of order"),
        ('scale_id = "riskmap-2026.1"', "", "not a level scale"),
        ("[thresholds]", "[thresholds", "not a level scale"),
        ("group = [", "weather = [", "not those of the layers"),
        ('"#f03b20"', '"red"', "column high: not a colour: met 'red'"),
        ('"#f03b20"', '"#bd0026"', "two levels share a colour"),
        ('advice = "Do not go; reduce presence."', 'advice = " "', "a level lacks its wording"),
        ("[thresholds]", "[other_horizons.30]\n[thresholds]", "a scale has one horizon"),
        ("by_sector.aid", "by_sector.alchemy", "column moderate: unknown sector: met 'alchemy'"),
    ],
)
def test_broken_scales_are_refused_with_their_file(tmp_path, old, new, message):
    text = data_path("levels/default.toml").read_text(encoding="utf-8")
    path = tmp_path / "scale.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        rm.LevelScale.from_file(path)
    assert caught.value.file == str(path)


def test_a_level_asks_more_of_some_sectors():
    high = SCALE.levels[4]
    assert high.advice_for("mining").startswith(high.advice)
    assert len(high.advice_for("mining")) > len(high.advice)
    assert high.advice_for(None) == high.advice_for("fishing") == high.advice
