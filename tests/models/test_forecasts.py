"""A forecast has a row for every region and layer, and its components add up."""

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import PoissonRegressor, RidgeClassifier
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import riskmap as rm
from riskmap.errors import ModelError
from riskmap.models.estimators import parse_horizon

REGIONS = rm.datasets.regions()
N = len(rm.datasets.incidents())


def panel(**changes):
    incidents = rm.datasets.incidents().assign(**changes)
    return rm.count_incidents(rm.locate(incidents, REGIONS), REGIONS, as_of="2025-01-01")


FAST = rm.EmpiricalBayes()
MODELS = [rm.Climatology(), rm.EmpiricalBayes(), rm.EndemicEpidemic()]


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
def test_every_region_and_layer(model):
    found = rm.forecast(panel(), model=model)
    assert len(found.frame) == 2 * len(REGIONS)
    assert found.frame["p_any"].between(0, 1).all()
    assert (found.frame["q05"] <= found.frame["q95"]).all()
    assert found.frame["layer"].tolist()[:2] == ["violence", "foreign"]
    assert found.provenance["model"].startswith(type(model).__name__)


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
def test_components_sum_to_the_expected_count(model):
    found = rm.forecast(panel(), model=model)
    parts = found.components.groupby(["region_id", "layer"])["value"].sum()
    counts = found.frame.set_index(["region_id", "layer"])["expected_count"]
    assert parts.loc[counts.index].to_numpy() == pytest.approx(counts.to_numpy(), abs=1e-9)


@pytest.mark.slow
def test_where_nobody_says_who_was_hit_foreigners_bear_a_share_of_violence():
    """The share is thinned from the forecast of violence: its mean times the share, same size."""
    nobody = pd.Series([pd.NA] * N, dtype="Int64")
    counted = panel(
        foreign_victims=nobody,
        nationality=pd.Series([None] * N, dtype="str"),
        scope="violence; reach=countries",
    )
    found = rm.forecast(counted)
    mean = found.frame.pivot_table("expected_count", "region_id", "layer")
    share = counted.shares["share"].item()
    assert mean["foreign"].to_numpy() == pytest.approx(share * mean["violence"].to_numpy())
    foreign = found.frame[found.frame["layer"] == "foreign"]
    assert (foreign["p_low"] < foreign["p_any"]).all()
    assert (foreign["p_any"] < foreign["p_high"]).all()
    parts = found.components[found.components["layer"] == "foreign"]
    assert set(parts["component"]) <= {"unknown_victims", "least_share"}


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
def test_foreign_is_never_below_three_in_a_thousand_of_violence(model):
    calm = panel(
        foreign_victims=pd.Series([0] * N, dtype="Int64"),
        nationality=pd.Series([None] * N, dtype="str"),
    )
    p_any = rm.forecast(calm, model=model).frame.pivot_table("p_any", "region_id", "layer")
    hazard = -np.log1p(-p_any)
    assert (hazard["foreign"] >= 0.003 * hazard["violence"] - 1e-12).all()


@pytest.mark.slow
def test_a_forecast_keeps_what_is_known_of_each_region():
    found = rm.forecast(panel(), model=rm.EmpiricalBayes())
    named = found.evidence[found.evidence["method"] != "spread"]
    newest = named.groupby("region_id")["event_date"].max()
    days = (pd.Timestamp("2025-01-01") - newest).dt.days
    known = found.knowledge[found.knowledge["layer"] == "violence"].set_index("region_id")
    assert known.loc[days.index, "last_report_days"].tolist() == days.tolist()
    assert known["reports"].sum() == len(named) < len(found.evidence)


@pytest.mark.slow
def test_a_longer_horizon_means_more():
    short, long = (
        rm.forecast(panel(), horizon="30D", model=FAST),
        rm.forecast(panel(), horizon="300D", model=FAST),
    )
    assert (long.frame["expected_count"] > short.frame["expected_count"]).all()
    assert np.all(long.frame["p_any"] > short.frame["p_any"])


@pytest.mark.slow
def test_of_a_horizon_longer_than_the_history_nothing_is_watched():
    found = rm.forecast(panel(), horizon="9999D", model=FAST)
    assert found.frame["p_any"].between(0, 1).all()
    assert not found.knowledge["watched"].any()


@pytest.mark.slow
def test_the_default_is_the_additive_model():
    assert rm.forecast(panel()).provenance["model"].startswith("EndemicEpidemic(")


@pytest.mark.slow
def test_a_horizon_is_text_or_days():
    short = [rm.forecast(panel(), horizon=given, model=FAST) for given in ("30D", 30, 30.0, "30")]
    assert all(one == short[0] for one in short[1:])
    assert short[0].provenance["horizon_days"] == 30.0


@pytest.mark.parametrize("given", [7_776_000_000_000_000, 1e9, "1e9"])
def test_a_number_of_nanoseconds_is_no_horizon(given):
    with pytest.raises(rm.InputError, match=r'a number is a number of days: met .*such as "90D"'):
        parse_horizon(given)


@pytest.mark.parametrize("given", ["soon", "-3D", "0D", None, -5, 0, True, [90]])
def test_what_is_no_horizon(given):
    with pytest.raises(rm.InputError, match="horizon"):
        parse_horizon(given)


def test_what_a_horizon_may_be_is_said():
    with pytest.raises(rm.InputError) as error:
        parse_horizon("3 months")
    said = str(error.value)
    assert said == (
        "column horizon: not a duration: met '3 months', expected a number of days, or a text such "
        "as 90D or 13W"
    )
    assert [parse_horizon(given) for given in ("90D", "13W", "90")] == [90.0, 91.0, 90.0]


@pytest.mark.parametrize("given", [pd.Timedelta(90), "90,5", "1h", 0.5, pd.Timedelta("40000D")])
def test_a_horizon_is_a_day_to_a_hundred_years(given):
    """As of pd.Timedelta(90), which is 90 nanoseconds."""
    with pytest.raises(rm.InputError, match=r"a horizon is of days: met .*expected 1 to 36525"):
        parse_horizon(given)


def test_durations_are_horizons():
    given = ("12W", 84, pd.Timedelta(days=84), np.timedelta64(84, "D"), np.int64(84))
    assert [parse_horizon(one) for one in given] == [84.0] * 5


@pytest.mark.slow
def test_a_model_of_scikit_learn_is_adapted():
    bare, adapted = PoissonRegressor(alpha=1e-3), rm.Adapted(PoissonRegressor(alpha=1e-3))
    one, two = (rm.forecast(panel(), model=model) for model in (bare, adapted))
    assert one == two
    assert one.provenance["model"].startswith("Adapted(")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "says"),
    [
        (rm.Climatology, r"Climatology is a class: give a model, Climatology\(\)"),
        (PCA(), "a PCA forecasts no counts"),
        (RidgeClassifier(), "a classifier with predict_proba"),
        (KNeighborsRegressor(), "give an estimator whose fit takes sample_weight"),
        (make_pipeline(StandardScaler(), KNeighborsRegressor()), "whose fit takes sample_weight"),
        ("EmpiricalBayes", "a str forecasts no counts"),
    ],
)
def test_what_is_no_model_is_refused_in_a_sentence(given, says):
    with pytest.raises(ModelError, match=says):
        rm.forecast(panel(), model=given)
