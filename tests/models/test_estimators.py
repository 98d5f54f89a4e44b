"""What a model has learnt is told as plain values and comes back; nothing else does."""

from dataclasses import replace

import numpy as np
import orjson
import pytest

import riskmap as rm
from riskmap.errors import ModelError
from riskmap.models.estimators import KNOWN, CountEstimator, pack_model, unpack_model


def again(packed):
    """What was packed, after a journey as JSON."""
    return unpack_model(orjson.loads(orjson.dumps(packed)))


@pytest.fixture(scope="module")
def packed():
    history, _ = rm.datasets.simulate_counts(60, 12)
    return pack_model(rm.EndemicEpidemic().fit(history, horizon_days=30))


def test_a_model_comes_back_to_the_bit():
    history, _ = rm.datasets.simulate_counts(60, 12)
    history = replace(history, drivers={"violence": 2 * history.counts + 1})
    model = rm.EndemicEpidemic().fit(history, horizon_days=30)
    back = again(pack_model(model))
    assert back.get_params() == model.get_params()
    assert np.array_equal(
        back.predict_distribution(history).p_gt(0), model.predict_distribution(history).p_gt(0)
    )


def test_every_known_model_exists():
    for name, home in KNOWN.items():
        assert issubclass(getattr(__import__(home, fromlist=[name]), name), CountEstimator)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"model": "os.system"}, ModelError, "unknown model 'os.system'"),
        ({"model": None}, ModelError, "unknown model None"),
        ({"params": {"strange": 1}}, TypeError, "strange"),
        ({"fitted": {"a_": {"array": [1], "shape": [1], "dtype": "object"}}}, KeyError, "object"),
    ],
)
def test_refuses_what_it_does_not_know(packed, change, error, message):
    with pytest.raises(error, match=message):
        again(packed | change)


def test_refuses_what_holds_no_model(packed):
    with pytest.raises(ModelError, match="holds no model"):
        again({name: packed[name] for name in ("params", "fitted")})


def test_refuses_to_tell_what_could_not_come_back(history):
    class Own(rm.Climatology):
        pass

    with pytest.raises(ModelError, match="can't be told"):
        pack_model(Own().fit(history, horizon_days=30))
    with pytest.raises(ModelError, match="can't be told"):
        pack_model("a model")
    strange = rm.Climatology(prior_windows=1.0).fit(history, horizon_days=30)
    strange.note_ = object()
    with pytest.raises(ModelError, match="object is no plain value"):
        pack_model(strange)
