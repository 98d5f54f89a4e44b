"""Models come back from their files, and nothing else does."""

from dataclasses import replace

import numpy as np
import orjson
import pytest
from sklearn.exceptions import NotFittedError

import riskmap as rm
from riskmap.errors import ModelError
from riskmap.models.estimators import CountEstimator
from riskmap.models.files import KNOWN, load_model, save_model


@pytest.fixture
def saved(history, tmp_path):
    path = tmp_path / "model.json"
    save_model(rm.EndemicEpidemic().fit(history, horizon_days=30), path)
    return path


def test_a_model_comes_back_to_the_bit(saved, history):
    model = rm.EndemicEpidemic().fit(history, horizon_days=30)
    back = load_model(saved)
    assert back.get_params() == model.get_params()
    assert np.array_equal(
        back.predict_distribution(history).p_gt(0), model.predict_distribution(history).p_gt(0)
    )


def test_every_known_model_exists():
    for name, home in KNOWN.items():
        assert issubclass(getattr(__import__(home, fromlist=[name]), name), CountEstimator)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "not a model of riskmap"),
        ({"version": 99}, "version 99 of the format, expected 1"),
        ({"model": "os.system"}, "unknown model 'os.system'"),
        ({"params": {"strange": 1}}, "damaged"),
        ({"fitted": {"dispersion_": {"array": [1], "shape": [1], "dtype": "object"}}}, "damaged"),
        ({"model": None}, "unknown model None"),
    ],
)
def test_refuses_what_it_does_not_know(saved, change, message):
    saved.write_bytes(orjson.dumps(orjson.loads(saved.read_bytes()) | change))
    with pytest.raises(ModelError, match=message):
        load_model(saved)


@pytest.mark.parametrize("text", ["", "[]", "{not json", '"model"', "\x80\x04\x95"])
def test_refuses_other_files(tmp_path, text):
    path = tmp_path / "model.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ModelError, match=r"model\.json: not "):
        load_model(path)


def test_refuses_a_file_without_a_model(saved):
    table = orjson.loads(saved.read_bytes())
    del table["model"]
    saved.write_bytes(orjson.dumps(table))
    with pytest.raises(ModelError, match="holds no model"):
        load_model(saved)


def test_refuses_to_save_what_could_not_be_loaded(history, tmp_path):
    class Own(rm.Climatology):
        pass

    with pytest.raises(ModelError, match="can't be saved"):
        save_model(Own().fit(history, horizon_days=30), tmp_path / "own.json")
    strange = rm.Climatology(prior_windows=1.0).fit(history, horizon_days=30)
    strange.note_ = object()
    with pytest.raises(ModelError, match="object can't be saved as JSON"):
        save_model(strange, tmp_path / "strange.json")
    with pytest.raises(NotFittedError):
        save_model(rm.Climatology(), tmp_path / "empty.json")


def test_shares_in_other_series_are_saved_too(tmp_path):
    history, _ = rm.datasets.simulate_counts(60, 12)
    history = replace(history, drivers={"violence": 2 * history.counts + 1})
    model = rm.EndemicEpidemic().fit(history, horizon_days=30)
    rm.save_model(model, tmp_path / "model.json")
    again = rm.load_model(tmp_path / "model.json")
    found = [m.predict_distribution(history).mean for m in (model, again)]
    assert np.array_equal(*found)
