"""Reasons are true: what is said of a changed world is what comes out when it is really changed."""

from dataclasses import replace
from functools import cache

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import riskmap as rm
from riskmap.assessment.floors import cap_single_sources
from riskmap.assessment.layers import RISK_COLUMNS
from riskmap.models.estimators import CountEstimator, unpack_model
from riskmap.models.explanations import Decomposition
from riskmap.models.histories import report_codes
from riskmap.models.what_ifs import lengthen
from riskmap.panels.windows import step_onwards
from riskmap.schema import LAYERS, conform

REGIONS = rm.datasets.regions()
AS_OF = pd.Timestamp("2025-01-01")
MINERS = rm.WorkerGroup("CHN", sector="mining")
QUICK = rm.EndemicEpidemic(penalties=(0.1,), most_rows=2000)
SCALE = rm.LevelScale.default()
QUIET = REGIONS.set_index("name").loc["Uldra", "region_id"]


class Held(CountEstimator):
    """Models that are fitted already and learn nothing more."""

    def __init__(self, models):
        self.models = models

    def __sklearn_clone__(self):
        return Held(self.models)

    def _forecast(self, history):
        return self.models["foreign" if history.drivers else "violence"]._forecast(history)


def models_of(forecast):
    """The fitted model of each series."""
    return {name: unpack_model(forecast.fitted[name]) for name in ("violence", "foreign")}


def invented(**changes):
    """The invented incidents, not confirmed by anyone."""
    table = rm.datasets.incidents()
    return table.assign(source_count=pd.array([1] * len(table), dtype="Int64"), **changes)


def stream(incidents, model=QUICK, *, group=MINERS, as_of=AS_OF):
    located = rm.locate(incidents, REGIONS)
    panel = rm.count_incidents(located, REGIONS, group=group, as_of=as_of, start="2018-01-01")
    forecast = rm.forecast(panel, model=model)
    return forecast, rm.assess(forecast, REGIONS)


def rows(region_id, days, *, source="rumour", foreign=True, **changes):
    """Invented incidents at a point of a region, so many days before as_of."""
    point = REGIONS.set_index("region_id").geometry[region_id].representative_point()
    when = [AS_OF - pd.Timedelta(days=day) for day in days]
    table = invented().iloc[[0] * len(when)].reset_index(drop=True)
    place = dict.fromkeys(("place", "admin1", "admin2"))
    who = {"nationality": "CHN", "sector": "mining"} if foreign else {}
    table = table.assign(
        incident_id=[f"{source}:{i}" for i in range(len(when))],
        source=source,
        event_date=when,
        event_date_end=when,
        ingested_at=AS_OF.tz_localize("UTC") - pd.Timedelta(hours=1),
        geo_precision="point",
        scope=invented()["scope"].iloc[0] if source == "invented" else "none",
        foreign_victims=pd.array([int(foreign)] * len(when), dtype="Int64"),
        **{**place, **dict.fromkeys(("nationality", "sector")), **who, **changes},
    )
    points = gpd.points_from_xy([point.x] * len(when), [point.y] * len(when))
    return table.set_geometry(points, crs=4326)


def added(*tables):
    return gpd.GeoDataFrame(pd.concat(tables, ignore_index=True), geometry="geometry", crs=4326)


@cache
def alone(group=MINERS):
    """What the invented incidents alone give."""
    return stream(invented(), group=group)


@pytest.fixture(scope="module")
def base():
    return alone()


def by_key(risks, column):
    return risks.set_index(["region_id", "layer"])[column]


@pytest.mark.slow
def test_each_upward_counterfactual_comes_true(base):
    forecast, layer = base
    ups = layer.counterfactuals[layer.counterfactuals["direction"] == "up"]
    assert set(ups["layer"]) == {"violence", "foreign", "group"}
    assert len(ups) > 20
    sample = ups.groupby("layer").head(2)
    for (region, name), row in sample.set_index(["region_id", "layer"]).iterrows():
        more = rows(region, [1] * int(row["amount"]), foreign=name != "violence")
        _, then = stream(added(invented(), more), Held(models_of(forecast)))
        fewer = rows(region, [1] * (int(row["amount"]) - 1), foreign=name != "violence")
        found = then.risks.set_index(["region_id", "layer"]).loc[(region, name)]
        assert found["threshold_level"] == row["risk_level"]
        assert found["p_any"] == pytest.approx(row["p_any"], abs=1e-9)
        if len(fewer):
            _, before = stream(added(invented(), fewer), Held(models_of(forecast)))
            same = by_key(before.risks, "threshold_level")[region, name]
            assert same == by_key(layer.risks, "threshold_level")[region, name]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["violence", "foreign", "group"])
def test_each_downward_counterfactual_comes_true(base, name):
    """The models are asked about histories that really had those quiet days."""
    forecast, layer = base
    downs = layer.counterfactuals[
        (layer.counterfactuals["direction"] == "down") & (layer.counterfactuals["layer"] == name)
    ]
    assert len(downs)
    rates, known = {}, Decomposition(forecast)
    for series, model in (("violence", "violence"), ("foreign", "foreign"), ("group", "foreign")):
        fitted, history = models_of(forecast)[model], known.histories[series]
        rates[series] = fitted.predict_distribution(history).mean / 90.0
    rates["unknown"] = 0.0  # of every invented incident it is told who was hit
    edges = step_onwards(AS_OF, AS_OF + pd.Timedelta(days=1000), every="month")
    ends = np.diff(edges).astype(float).cumsum()
    asked = known.layers[name]
    for row in downs.head(8).itertuples():
        days = np.diff(edges).astype(float)[: int(np.flatnonzero(ends == row.amount)[0]) + 1]
        r = int(np.flatnonzero(REGIONS["region_id"].sort_values() == row.region_id)[0])
        then = {}
        for series in asked.every_series():
            history = lengthen(known.histories[series], days, rates, series=series)
            quiet = {k: values.copy() for k, values in history.drivers.items()}
            counts = history.counts.copy()
            for values in (counts, *quiet.values()):
                values[-len(days) :, r] = 0.0
            then[series] = replace(history, counts=counts, drivers=quiet)
        p_any = asked.predict(then).p_gt(0)[r]
        assert p_any == pytest.approx(row.p_any, abs=1e-7)
        level = SCALE.level_of(np.array([p_any]), layer=name, horizon_days=90.0)[0]
        assert level == row.risk_level < by_key(layer.risks, "threshold_level")[row.region_id, name]


def levels_without(forecast, ids):
    """The levels of all layers counted anew without some incidents; the rest is where it was."""
    left = forecast.evidence[~forecast.evidence["incident_id"].isin(ids)]
    asked = Decomposition(forecast)
    histories = {
        name: replace(history, watched=asked.histories[name].watched)
        for name, history in asked.histories_of(left, f"{AS_OF:%Y-%m-%d}").items()
    }
    found = {}
    for name, model in asked.layers.items():
        p_any = model.predict(histories).p_gt(0)
        levels = SCALE.level_of(p_any, layer=name, horizon_days=90.0)
        found |= {
            (region, name): k for region, k in zip(forecast.keys["region_id"], levels, strict=True)
        }
    return found


@pytest.mark.slow
def test_a_fragile_level_is_another_one_without_one_report(base):
    forecast, layer = base
    evidence = forecast.evidence
    code = report_codes(evidence)
    now = by_key(layer.risks, "threshold_level")
    fragile = by_key(layer.risks, "fragility")
    deciding = set()
    for report in np.unique(code[evidence["region_id"] == QUIET]):
        then = levels_without(forecast, evidence["incident_id"][code == report])
        deciding |= {name for name in LAYERS if then[QUIET, name] != now[QUIET, name]}
    for name in LAYERS:
        assert (fragile[QUIET, name] == "fragile") == (name in deciding), name


def test_influences_name_incidents_with_their_weight_and_age(base):
    _, layer = base
    told = layer.influences[layer.influences["kind"] == "incident"]
    counted = layer.incidents.set_index(["incident_id", "region_id"])
    for row in told.head(50).itertuples():
        incident = counted.loc[(row.key, row.region_id)]
        assert row.weight == pytest.approx(incident["weight"])
        assert row.age_days == (AS_OF - incident["event_date"]).days
    assert (told["risk_level"] > 0).all()


@pytest.mark.slow
def test_models_that_cannot_be_asked_are_neither_robust_nor_fragile():
    _, layer = stream(invented(), rm.EmpiricalBayes())
    assert set(layer.influences["kind"]) == {"source"}
    assert layer.counterfactuals.empty
    assert "robust" not in set(layer.risks["fragility"].dropna())


def test_models_disagree_by_a_range_of_probabilities(base):
    forecast, layer = base
    known = layer.risks[layer.risks["risk_level"] > 0]
    assert known["disagreement"].between(0, 1).all()
    assert layer.risks.loc[layer.risks["risk_level"] == 0, "disagreement"].isna().all()
    assert (known["p_most"] - known["p_least"]).equals(known["disagreement"])
    history = Decomposition(forecast).histories["violence"]
    alone = rm.EmpiricalBayes().fit(history, horizon_days=90.0)
    p_any = alone.predict_distribution(history).p_gt(0)
    frame = forecast.frame[forecast.frame["layer"] == "violence"]
    assert (frame["p_least"] <= p_any).all()
    assert (p_any <= frame["p_most"]).all()


@pytest.mark.slow
@pytest.mark.parametrize("model", [QUICK, rm.EmpiricalBayes()], ids=["default", "simple"])
def test_the_range_over_models_holds_the_probability_of_every_layer(model):
    risks = (alone() if model is QUICK else stream(invented(), model))[1].risks
    known = risks[risks["p_any"].notna()]
    assert set(known["layer"]) == {"violence", "foreign", "group"}
    assert (known["p_least"] <= known["p_any"]).all()
    assert (known["p_any"] <= known["p_most"]).all()
    assert (known["p_least"] < known["p_most"]).any()
    assert risks.loc[risks["p_any"].isna(), ["p_least", "p_most"]].isna().all(axis=None)


@pytest.fixture(scope="module")
def quiet_history():
    """The invented incidents; one district has a single one, years ago."""
    return invented()


@pytest.mark.slow
@pytest.mark.parametrize("merge", [False, True], ids=["unmerged", "merged"])
@pytest.mark.parametrize("source", ["rumour", "invented"])
def test_500_copies_of_one_story_raise_no_level_beyond_moderate_by_more_than_one_step(
    quiet_history, source, merge
):
    copies = rows(QUIET, [5] * 500, source=source).assign(
        incident_id=[f"copy:{i}" for i in range(500)],
        notes="Gunmen shot at a convoy of engineers.",
        nationality="NOR",  # whom nobody has attacked before
        sector="energy",
    )
    engineers = rm.WorkerGroup("NOR", sector="energy")
    # what a source of record tells once may teach the model; what it repeats teaches nothing
    once = copies[:1] if source == "invented" else copies[:0]
    _, before = (
        stream(added(quiet_history, once), group=engineers) if len(once) else alone(engineers)
    )
    flooded = added(quiet_history, copies)
    _, after = stream(rm.merge_duplicates(flooded) if merge else flooded, group=engineers)
    was, now = (by_key(layer.risks, "risk_level") for layer in (before, after))
    assert (now[QUIET] >= was[QUIET]).all()
    assert (now <= np.maximum(was + 1, 3))[was > 0].all()
    row = after.risks.set_index(["region_id", "layer"]).loc[(QUIET, "group")]
    assert row["single_source"]
    assert row["fragility"] == "fragile"
    capped = after.risks[after.risks["risk_level"] < after.risks["threshold_level"]]
    audit = after.audit[after.audit["rule"] != "foreign"]  # raises violence to what they face
    assert set(capped["region_id"] + capped["layer"]) == set(audit["region_id"] + audit["layer"])


@pytest.mark.slow
@settings(max_examples=8)
@given(
    st.lists(st.integers(1, 400), min_size=1, max_size=40),
    st.sampled_from(sorted(REGIONS["region_id"])),
    st.booleans(),
)
def test_one_source_raises_no_level_beyond_moderate_by_more_than_one_step(
    base, days, region, foreign
):
    forecast, before = base
    told = rows(region, days, foreign=foreign)
    _, after = stream(added(invented(), told), Held(models_of(forecast)))
    was, now = (by_key(layer.risks, "risk_level") for layer in (before, after))
    assert (now <= np.maximum(was + 1, 3))[was > 0].all()


@pytest.mark.slow
def test_a_second_source_lifts_the_cap(quiet_history):
    story = rows(QUIET, [5, 9, 14, 30, 35, 40, 50, 60], source="rumour")
    _, one = stream(added(quiet_history, story))
    confirmed = story.assign(source_count=pd.array([2] * 8, dtype="Int64"))
    _, both = stream(added(quiet_history, confirmed))
    levels = [by_key(layer.risks, "risk_level")[QUIET, "foreign"] for layer in (one, both)]
    assert levels[0] < levels[1]
    assert not by_key(both.risks, "single_source")[QUIET, "foreign"]


@pytest.mark.slow
@pytest.mark.parametrize("source", ["acled", "desk"])
def test_a_desk_with_one_feed_is_not_capped_by_it(quiet_history, source):
    told = added(quiet_history, rows(QUIET, [3, 10, 17, 24, 40], source="x")).assign(source=source)
    _, layer = stream(told)
    risks = layer.risks.set_index(["region_id", "layer"])
    assert (
        risks.loc[(QUIET, "foreign"), "risk_level"]
        == risks.loc[(QUIET, "foreign"), "threshold_level"]
    )
    assert (risks["risk_level"] > 1).any()
    assert (risks["fragility"] == "robust").any()


@pytest.fixture(scope="module")
def flooded(quiet_history):
    return stream(added(quiet_history, rows(QUIET, range(1, 300))))[0]


@pytest.mark.slow
def test_a_flood_makes_no_source_of_record(flooded):
    assert flooded.provenance["sources_of_record"]["foreign"] == ["invented"]


@pytest.mark.slow
def test_a_single_voice_teaches_the_model_nothing(flooded, base):
    taught, untaught = models_of(flooded), models_of(base[0])
    for name, model in taught.items():
        assert model.coefficients_ == untaught[name].coefficients_


def test_a_cap_never_lowers_below_the_level_before():
    risks = conform(
        pd.DataFrame(
            {
                "region_id": ["a", "b"],
                "layer": "foreign",
                "risk_level": 5,
                "threshold_level": 5,
                "level_before": [4, None],
            }
        ),
        RISK_COLUMNS,
    )
    influences = pd.DataFrame(
        {
            "region_id": ["a", "b"],
            "layer": "foreign",
            "kind": "source",
            "key": "rumour",
            "source": "rumour",
            "confirmed": False,
            "of_record": False,
            "risk_level": 1,
            "expected_count": 0.0,
        }
    )
    capped, audit = cap_single_sources(risks, influences)
    assert capped["risk_level"].tolist() == [4, 3]
    assert capped["level_name"].tolist() == ["high", "moderate"]
    assert audit["rule"].tolist() == ["single_source"] * 2
