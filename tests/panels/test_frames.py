"""Panels of counts that were made elsewhere: what they hold, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import riskmap as rm
from riskmap.errors import InputError


def table(values=1, *, freq="MS", periods=12, regions=("b", "a"), start="2024-01-01"):
    index = pd.date_range(start, periods=periods, freq=freq)
    return pd.DataFrame(values, index=index, columns=list(regions), dtype=float)


@pytest.mark.parametrize(
    ("freq", "every", "end"),
    [
        ("D", "day", "2024-01-13"),
        ("7D", "week", "2024-03-25"),
        ("MS", "month", "2025-01-01"),
        ("QS", "quarter", "2027-01-01"),
    ],
)
def test_windows_are_told_by_their_distances(freq, every, end):
    panel = rm.panel_from_counts(table(freq=freq))
    assert (panel.every, str(panel.as_of.date())) == (every, end)
    assert len(panel.edges) == 13


def test_months_that_end_on_the_31st_keep_their_day():
    index = pd.to_datetime(["2024-12-31", "2025-01-31", "2025-02-28"])
    counts = pd.DataFrame({"a": [1, 2, 3]}, index=index)
    assert str(rm.panel_from_counts(counts).as_of.date()) == "2025-03-31"


@pytest.mark.slow
def test_periods_and_intervals_are_windows_too():
    counts = table(periods=3)
    periods = counts.set_axis(pd.period_range("2024-01", periods=3, freq="M"))
    days = pd.to_datetime(["2024-01-01", "2024-01-05", "2024-03-01", "2024-03-02"])
    odd = counts.set_axis(pd.IntervalIndex.from_breaks(days, closed="left"))
    assert rm.panel_from_counts(periods).every == "month"
    assert np.diff(rm.panel_from_counts(odd).edges).astype(int).tolist() == [4, 56, 1]
    assert rm.panel_from_counts(odd).every == "week"
    assert rm.forecast(rm.panel_from_counts(odd), horizon="9D").frame["p_any"].notna().any()
    one = counts.iloc[:1].set_axis(pd.IntervalIndex.from_breaks(days[:2], closed="left"))
    assert rm.panel_from_counts(one).history("violence").counts.tolist() == [[1.0, 1.0]]


def test_regions_are_sorted_with_all_that_belongs_to_them():
    counts = pd.DataFrame(
        [[1.0, 2.0, 3.0]] * 6,
        columns=["c", "a", "b"],
        index=pd.date_range("2024-01-01", periods=6, freq="MS"),
    )
    links = np.array([[0, 2, 2], [1, 0, 0], [0, 4, 0]])
    exposure = pd.Series({"a": 20.0, "b": 30.0, "c": 10.0})
    regions = pd.DataFrame(
        {"region_id": ["a", "b", "c"], "parent_id": ["p", "q", "q"], "iso3": "X"}
    )
    panel = rm.panel_from_counts(counts, links, exposure=exposure, regions=regions)
    history = panel.history("violence")
    assert panel.keys["region_id"].tolist() == ["a", "b", "c"]
    assert panel.wide("violence").iloc[0].tolist() == [2.0, 3.0, 1.0]
    assert history.neighbours.toarray().tolist() == [[0, 0, 1], [1, 0, 0], [0.5, 0.5, 0]]
    assert history.exposure[0].tolist() == [20.0, 30.0, 10.0]
    assert history.parent.tolist() == [0, 1, 1]


@pytest.mark.slow
def test_any_model_forecasts_it_and_it_goes_down_the_stream():
    rng = np.random.default_rng(1)
    counts = table(rng.poisson(1.0, (40, 2)), periods=40)
    foreign = (counts > 1) * 1.0
    panel = rm.panel_from_counts({"violence": counts, "foreign": foreign})
    forecast = rm.forecast(panel, horizon="60D")
    assert forecast.frame["p_any"].between(0, 1).all()
    known = forecast.knowledge.set_index(["layer", "region_id"])
    assert known["watched"].all()
    assert known.loc["violence", "reports"].to_dict() == counts.sum().to_dict()
    assert (known["last_report_days"] >= 0).all()
    assert (
        rm.backtest(panel, {"climatology": rm.Climatology()}, origins=2)
        .scores()["brier"]
        .notna()
        .all()
    )


@pytest.mark.slow
def test_no_neighbours_are_an_answer():
    history = rm.panel_from_counts(table()).history("violence")
    assert history.neighbours is None
    one = rm.panel_from_counts(table(regions="a"), sparse.csr_array((1, 1)))
    assert rm.forecast(one, horizon="30D").frame["p_any"].notna().any()


def test_missing_counts_may_be_allowed():
    counts = table(periods=24)
    counts.iloc[:5, 0] = np.nan
    history = rm.panel_from_counts(counts, missing=True).history("violence")
    assert (history.watched[:5, 1] == 0).all()
    assert (history.watched[5:] == 1).all()


def spoilt(change):
    counts = table()
    change(counts)
    return counts


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (spoilt(lambda t: t.__setitem__("a", np.nan)), "region a, window 2024-01-01.*missing"),
        (spoilt(lambda t: t.__setitem__("a", -1)), "not a count.*met -1"),
        (spoilt(lambda t: t.__setitem__("a", np.inf)), "not a count.*met inf"),
        (table().assign(a="many"), "not numbers"),
        (table().iloc[::-1], "not in order, or one stands twice"),
        (table().iloc[[0, 1, 1, 2]], "not in order, or one stands twice"),
        (table().iloc[[0, 1, 3, 4]], "no known length, or a gap"),
        (table().iloc[:1], "met 'one window'"),
        (table().reset_index(drop=True), "windows are not plain calendar days"),
        (table().set_axis([*"abcdefghijkl"]), "windows are not dates"),
        (table().tz_localize("UTC"), "without zone"),
        (table().set_axis(["a", "a"], axis=1), "a region stands twice"),
        (table().iloc[:0], "no table of windows by regions"),
        (np.ones((3, 3)), "no table of windows by regions: met 'ndarray'"),
        ({"violence": table(), "foreign": table(periods=3)}, "other windows or regions"),
        ({"attacks": table()}, "unknown series"),
        ({"foreign": table()}, "none of violence"),
    ],
)
def test_bad_counts_are_refused(counts, message):
    with pytest.raises(InputError, match=message):
        rm.panel_from_counts(counts)


def test_nothing_but_missing_counts_is_refused():
    with pytest.raises(InputError, match="nothing but missing"):
        rm.panel_from_counts(table(np.nan), missing=True)


@pytest.mark.parametrize(
    ("breaks", "closed", "message"),
    [
        ([("2024-01-01", "2024-02-05"), ("2024-02-01", "2024-03-01")], "left", "overlap"),
        ([("2024-01-01", "2024-01-20"), ("2024-02-01", "2024-03-01")], "left", "a gap follows"),
        ([("2024-01-01", "2024-02-01"), ("2024-02-01", "2024-02-01")], "left", "empty"),
        ([("2024-01-01", "2024-02-01"), ("2024-02-01", "2024-03-01")], "right", "on the left"),
    ],
)
def test_windows_must_follow_one_another(breaks, closed, message):
    windows = [tuple(map(pd.Timestamp, pair)) for pair in breaks]
    counts = table(periods=2).set_axis(pd.IntervalIndex.from_tuples(windows, closed=closed))
    with pytest.raises(InputError, match=message):
        rm.panel_from_counts(counts)


@pytest.mark.parametrize(
    ("links", "message"),
    [
        (np.ones((3, 3)), "3 x 3, expected 2 x 2|3 x 3.*2 x 2"),
        (pd.DataFrame([[0, -1], [1, 0]]), "not negative"),
        (np.array([[0, np.nan], [1, 0]]), "must be numbers"),
        (np.eye(2), "its own neighbour: met 'b'"),
        (np.array([[0, 1], [0, 0]]), "linked to no other: met 'a'.*nearest for islands"),
    ],
)
def test_bad_neighbours_are_refused(links, message):
    with pytest.raises(InputError, match=message):
        rm.panel_from_counts(table(), links)


@pytest.mark.parametrize(
    ("exposure", "message"),
    [
        (
            pd.Series({"a": 1.0, "b": 0.0}),
            "region b, window 2024-01-01.*expected 0 where exposure is",
        ),
        (pd.Series({"a": 1.0}), "region b.*met nan"),
        (table(-1.0), "met -1"),
    ],
)
def test_bad_exposure_is_refused(exposure, message):
    with pytest.raises(InputError, match=message):
        rm.panel_from_counts(table(), exposure=exposure)


def test_unknown_regions_are_refused():
    regions = pd.DataFrame({"region_id": ["a"], "parent_id": ["p"], "iso3": ["X"]})
    with pytest.raises(InputError, match="not among the regions: met 'b'"):
        rm.panel_from_counts(table(), regions=regions)


def test_a_horizon_beyond_the_history_has_a_forecast():
    """What a level may rest on is another question: a short history watches nothing."""
    found = rm.forecast(rm.panel_from_counts(table()), horizon="400D").frame
    assert found["p_any"].dropna().between(0, 1).all()
    assert found["p_any"].notna().any()
