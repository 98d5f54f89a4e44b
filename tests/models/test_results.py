"""A forecast is tables and plain values: kept, copied, compared, and assessed where no model is."""

import copy
import pickle
import subprocess
import sys
from dataclasses import fields, replace

import pandas as pd
import pytest

import riskmap as rm
from riskmap.ledgers import Ledger
from riskmap.models.explanations import INFLUENCES, RESPONSES, Decomposition

REGIONS = rm.datasets.regions()
GROUP = rm.WorkerGroup("CHN", sector="mining")
PLAIN = (str, int, float, bool, type(None))


def forecast(day="2025-01-01", model=None):
    located = rm.locate(rm.datasets.incidents(), REGIONS)
    panel = rm.count_incidents(located, REGIONS, group=GROUP, as_of=day)
    return rm.forecast(panel, model=rm.EndemicEpidemic(most_rows=2000) if model is None else model)


@pytest.fixture(scope="module")
def found():
    return forecast()


def is_plain(value):
    if isinstance(value, dict):
        return all(isinstance(k, str) and is_plain(v) for k, v in value.items())
    if isinstance(value, list | tuple):
        return all(map(is_plain, value))
    return isinstance(value, PLAIN)


@pytest.mark.slow
def test_all_of_it_is_tables_and_plain_values(found):
    for field in fields(found):
        value = getattr(found, field.name)
        assert isinstance(value, pd.DataFrame | Ledger | rm.WorkerGroup) or is_plain(value), field


def from_disk(one):
    return pickle.loads(pickle.dumps(one))  # noqa: S301 - of our own


@pytest.mark.parametrize("again", [copy.deepcopy, from_disk])
def test_what_was_kept_is_what_it_was(found, again):
    assert again(found) == found
    changed = replace(found, frame=found.frame.assign(p_any=0.5))
    assert changed != found
    assert found != "a forecast"


@pytest.mark.slow
def test_a_forecast_from_disk_is_assessed_alike(found):
    before, kept = rm.assess(forecast("2024-10-01"), REGIONS), from_disk(found)
    one, two = (rm.assess(each, REGIONS, previous=before) for each in (found, kept))
    for name in ("risks", "changes", "influences", "counterfactuals", "audit"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name))
    assert len(one.changes)


@pytest.mark.slow
def test_assessing_loads_no_model_and_counts_nothing(found, tmp_path):
    (tmp_path / "forecast.pickle").write_bytes(pickle.dumps(found))
    code = (
        "import pickle, sys, pathlib\n"
        "import riskmap as rm\n"
        "kept = pickle.loads(pathlib.Path('forecast.pickle').read_bytes())\n"
        "layer = rm.assess(kept, rm.datasets.regions())\n"
        "asked = [n for n in sys.modules if n.startswith('riskmap.models.')]\n"
        "print(asked, 'riskmap.panels.counts' in sys.modules, len(layer.risks))\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert out.stdout.strip() == f"['riskmap.models.results'] False {3 * len(REGIONS)}"


@pytest.mark.slow
def test_what_was_learnt_answers_as_the_models_did(found):
    asked = Decomposition(found).expect(found.evidence, "2025-01-01")
    for layer, mean in asked.items():
        stated = found.frame.loc[found.frame["layer"] == layer, "expected_count"]
        assert mean.tolist() == stated.tolist()


@pytest.mark.slow
def test_of_models_that_cannot_be_told_nothing_is_explained():
    from sklearn.linear_model import PoissonRegressor

    model = rm.Adapted(PoissonRegressor(alpha=1e-3))
    before, after = (forecast(day, model) for day in ("2024-10-01", "2025-01-01"))
    assert after.fitted == {}
    layer = rm.assess(after, REGIONS, previous=rm.assess(before, REGIONS))
    assert layer.changes.empty
    assert layer.risks["level_before"].notna().any()


@pytest.mark.slow
def test_tables_tell_what_was_counted(found):
    sums = found.counts.groupby("region_id")["reports"].sum()
    assert sums.sum() == pytest.approx(found.evidence["weight"].sum())
    assert found.measures.index.equals(found.evidence.index)
    weight = found.evidence["weight"]
    assert weight[found.measures["foreign"]].sum() == pytest.approx(found.counts["foreign"].sum())
    assert found.neighbours.groupby("region_id")["weight"].sum().to_numpy() == pytest.approx(1.0)
    keys = set(found.influences.loc[found.influences["kind"] == "incident", "key"])
    assert keys <= set(found.reports["key"])
    assert list(found.influences.columns) == list(INFLUENCES)
    assert list(found.responses.columns) == list(RESPONSES)
