"""What is told raises; only watched silence lowers; windows without eyes are no zeros."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import riskmap as rm
from riskmap.models.drivers import PastSums
from riskmap.models.endemic_epidemic import _terms_of
from riskmap.models.histories import Reports, find_reports, history_of_record, report_codes
from riskmap.models.what_ifs import ChangedSums, WhatIfs, lengthen
from riskmap.panels.features import DAYS_A_MONTH, context_features
from riskmap.typing import CountHistory

N_WINDOWS, N_REGIONS = 40, 9
MODELS = [
    rm.EndemicEpidemic(),
    rm.EmpiricalBayes(),
    rm.Climatology(),
    rm.Persistence(),
    rm.Seasonal(),
    rm.ExponentialMean(),
    rm.Conflictology(),
    rm.Hawkes(),
    rm.Stack((rm.Climatology(), rm.EmpiricalBayes()), origins=4),
]
every_model = pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)


def made(seed=0, *, rate=0.4, drivers=True):
    """Foreign incidents among violence, monthly."""
    rng = np.random.default_rng(seed)
    violence = rng.poisson(rng.gamma(0.7, 2 * rate, N_REGIONS), (N_WINDOWS, N_REGIONS))
    ring = np.eye(N_REGIONS)
    return CountHistory(
        counts=rng.binomial(violence, 0.3).astype(float),
        days=rng.choice([28.0, 30.0, 31.0], N_WINDOWS),
        parent=np.array([0, 0, 0, 1, 1, 2, 2, 3, 3]),
        country=np.array([0, 0, 0, 0, 0, 1, 1, 1, 0]),
        phase=np.arange(N_WINDOWS) % 12 / 12,
        neighbours=sparse.csr_array((np.roll(ring, 1, 0) + np.roll(ring, -1, 0)) / 2),
        drivers={"violence": violence.astype(float)} if drivers else {},
    )


def drawn_watch(rng, *, among=(0.0, 0.02, 0.4, 1.0)):
    """Windows that were watched, in part or not at all; some regions never were."""
    watched = rng.choice(among, (N_WINDOWS, N_REGIONS))
    watched[:, rng.random(N_REGIONS) < 0.2] = 0.0
    watched[N_WINDOWS - rng.integers(0, 12) :] = 0.0
    return watched


def p_any(model, history):
    return model.predict_distribution(history).p_gt(0)


@every_model
def test_watched_throughout_is_the_same_to_the_bit(model):
    history = made()
    whole = replace(history, watched=np.ones(history.counts.shape))
    found = [model.fit(h, horizon_days=90.0).predict_distribution(h) for h in (history, whole)]
    assert found[0].mean.tobytes() == found[1].mean.tobytes()
    assert found[0].p_gt(0).tobytes() == found[1].p_gt(0).tobytes()


@pytest.mark.parametrize("model", [m for m in MODELS if not isinstance(m, rm.Seasonal)])
def test_a_source_that_stops_lowers_nothing_much(model):
    """Broken twin: the same windows as zeros."""
    history = made(1, rate=1.0)
    fitted = model.fit(history, horizon_days=90.0)
    counts, watched = history.counts.copy(), np.ones(history.counts.shape)
    violence = history.drivers["violence"].copy()
    counts[-18:] = violence[-18:] = watched[-18:] = 0.0
    silent = replace(history, counts=counts, drivers={"violence": violence})
    before = p_any(fitted, history.until(N_WINDOWS - 18))
    stopped = p_any(fitted, replace(silent, watched=watched))
    assert np.median(stopped) >= 0.85 * np.median(before)
    if not isinstance(model, rm.Conflictology):
        assert np.median(p_any(fitted, silent)) < 0.85 * np.median(stopped)


@every_model
def test_a_region_that_nobody_watched_is_no_quiet_one(model):
    history = made(2, rate=1.0)
    counts, watched = history.counts.copy(), np.ones(history.counts.shape)
    violence = history.drivers["violence"].copy()
    counts[:, 1] = violence[:, 1] = watched[:, 1] = 0.0
    history = replace(history, counts=counts, drivers={"violence": violence}, watched=watched)
    fitted = model.fit(history, horizon_days=90.0)
    found = p_any(fitted, history)
    assert found[1] > 0.5 * np.median(np.delete(found, 1))
    assert np.isfinite(found).all()


@every_model
def test_a_history_that_nobody_watched_has_a_forecast(model):
    history = replace(made(3), watched=np.zeros((N_WINDOWS, N_REGIONS)))
    found = p_any(model.fit(history, horizon_days=90.0), history)
    assert ((found > 0) & (found < 1)).all()


@settings(max_examples=25)
@given(st.sampled_from(MODELS[:7]), st.integers(0, 10**6))
def test_one_more_told_incident_lowers_nothing(model, seed):
    rng = np.random.default_rng(seed)
    history = replace(made(seed % 7, drivers=False), watched=drawn_watch(rng))
    fitted = model.fit(history, horizon_days=90.0)
    counts = history.counts.copy()
    region = rng.integers(N_REGIONS)
    window = rng.integers(N_WINDOWS)
    counts[window, region] += 1.0
    more = replace(history, counts=counts)
    change = p_any(fitted, more) - p_any(fitted, history)
    assert (change >= -1e-12).all()
    recent = window >= N_WINDOWS - 1
    if recent and not isinstance(model, rm.Seasonal):
        assert change[region] > 0


@pytest.mark.slow
@settings(max_examples=25)
@given(st.integers(0, 10**6))
def test_an_attack_on_foreigners_lowers_nothing_though_it_is_violence_too(seed):
    rng = np.random.default_rng(seed)
    history = replace(made(seed % 7), watched=drawn_watch(rng))
    fitted = rm.EndemicEpidemic().fit(history, horizon_days=90.0)
    place = np.eye(N_REGIONS)[[rng.integers(N_REGIONS)]]
    time = np.eye(N_WINDOWS)[[rng.integers(N_WINDOWS)]]
    one = {"counts": np.ones(1), "violence": np.ones(1)}
    nobody = np.empty(0, dtype=int)
    event = WhatIfs(sparse.csr_array(place), sparse.csr_array(time), one, nobody, nobody)
    change = p_any(fitted, event.changed(history, np.array([0]))) - p_any(fitted, history)
    assert (change >= -1e-12).all()


@pytest.mark.slow
@settings(max_examples=30)
@given(st.integers(0, 10**6))
def test_the_quick_way_is_the_slow_way(one_by_one, seed):
    rng = np.random.default_rng(seed)
    history = replace(made(seed % 5), watched=drawn_watch(rng))
    if seed % 3 == 0:
        counts = np.where(rng.random(history.counts.shape) < 0.1, np.nan, history.counts)
        history = replace(history, counts=counts)
    model = rm.EndemicEpidemic(penalties=(0.01,)).fit(history, horizon_days=90.0)
    n_events = 6
    place, time = np.zeros((n_events, N_REGIONS)), np.zeros((n_events, N_WINDOWS))
    amount = rng.integers(1, 4, n_events).astype(float)
    for event in range(n_events):
        time[event, rng.integers(N_WINDOWS, size=2)] = 0.5
        place[event] = rng.dirichlet(np.ones(N_REGIONS)) if event % 2 else np.eye(N_REGIONS)[event]
    event, region = np.nonzero(np.ones_like(place))
    amounts = {"counts": amount, "violence": amount}
    asked = WhatIfs(sparse.csr_array(place), sparse.csr_array(time), amounts, event, region)
    mean, _ = one_by_one(model, history, asked)
    found = model.predict_what_ifs(history, asked).mean
    assert found == pytest.approx(mean, rel=1e-9, abs=1e-12)

    def rates(changed, sums):
        return [rate for _, rate in model._evaluate(changed, sums, _terms_of(history))]

    # and so is each term, whatever its coefficient
    changed = [asked.changed(history, np.array([one])) for one in range(n_events)]
    slow = [rates(one, PastSums(one, np.array([N_WINDOWS]))) for one in changed]
    for i, (name, quick) in enumerate(
        zip(_terms_of(history), rates(history, ChangedSums(history, asked)), strict=True)
    ):
        rate = np.concatenate([one[i][0] for one in slow])
        assert quick == pytest.approx(rate, rel=1e-9, abs=1e-12), name


def test_days_to_come_are_watched():
    history = replace(made(), watched=drawn_watch(np.random.default_rng(1)))
    rates = {
        name: np.full(N_REGIONS, rate)
        for name, rate in (("foreign", 0.01), ("violence", 0.02), ("unknown", 0.0))
    }
    longer = lengthen(history, np.array([30.0, 31.0]), rates, series="foreign")
    assert (longer.watched[-2:] == 1).all()
    assert np.array_equal(longer.until(N_WINDOWS).watched, history.watched)


def test_quiet_is_counted_in_watched_days():
    history = CountHistory(
        *(np.array([[1.0], [0.0], [0.0]]), np.full(3, 10.0), np.zeros(1, int), np.zeros(1, int)),
        watched=np.array([[1.0], [0.5], [0.0]]),
    )
    found = context_features(history, at=np.array([3]))
    assert found["days_since_last"].item() == 5.0
    assert found["reporting"].item() == pytest.approx(0.5)


def test_one_incident_in_a_glimpse_is_no_daily_event():
    """Of a window that was watched for minutes no rate a day is made of what it tells."""
    counts, watched = np.zeros((30, 4)), np.zeros((30, 4))
    counts[10, 0], watched[10, 0] = 1.0, 0.001
    history = CountHistory(
        *(counts, np.full(30, 7.0), np.zeros(4, int), np.zeros(4, int)), watched=watched
    )
    rate = PastSums(history, np.array([30])).rate("counts", "own", 12 * DAYS_A_MONTH)
    assert 0 < rate[0, 0] < 1 / 60


@pytest.mark.parametrize("share", [0.0, 0.04, 0.06, 1.0])
def test_the_only_attack_raises_its_region_though_nobody_watched_its_window(share):
    """On which day a window starts must not decide whether an attack is in the forecast."""
    history = replace(made(), counts=np.zeros((N_WINDOWS, N_REGIONS)))
    watched = np.ones(history.counts.shape)
    watched[-3:] = np.array([share, 0.0, 0.0])[:, None]
    history.counts[-3, 4] = 1.0
    history = replace(history, watched=watched)
    found = p_any(rm.EndemicEpidemic(prior="foreign").fit(history, horizon_days=90.0), history)
    assert found[4] > 0.02
    assert found[4] == found.max()


@pytest.mark.slow
def test_a_gap_in_real_reporting_is_not_calm(shared):
    """Rows of 740 days are gone, up to 60 days before: p stays where reports have it."""
    regions = rm.read_regions(("CAF",))
    incidents = rm.read_incidents(shared / "incidents/ucdp/ged231_CAR482.csv")
    start, end = pd.Timestamp("2022-12-31") - pd.to_timedelta([800, 60], unit="D")
    cut = incidents[~incidents["event_date"].between(start, end, inclusive="left")]
    whole, gap = (
        rm.count_incidents(rm.locate(rows, regions), regions, as_of="2022-12-31")
        for rows in (incidents, cut)
    )
    edges = pd.to_datetime(gap.edges)
    gone = np.clip(
        np.asarray((np.minimum(edges[1:], end) - np.maximum(edges[:-1], start)).days), 0, None
    )
    history = replace(gap.history("violence"), watched=None)
    share = np.repeat(1.0 - (gone / history.days)[:, None], history.n_regions, axis=1)
    histories = (
        whole.history("violence"),
        history,
        replace(history, watched=share),
        gap.history("violence"),
    )
    known, zeros, missing, found = (
        np.median(p_any(rm.EndemicEpidemic().fit(h, horizon_days=90.0), h)) for h in histories
    )
    assert zeros < 0.85 * known < missing < 1.15 * known
    assert found > 0.85 * known


def test_who_is_of_record_is_asked_country_by_country():
    """A young log is of record in its country, however old the log of the next one is."""
    n = 6
    young = np.arange(n) >= 4
    reports = Reports(
        key=np.arange(n).astype(str),
        source=np.where(young, "young", "old"),
        confirmed=np.zeros(n, dtype=bool),
        rows=np.ones(n),
        old=~young,
        place=None,
        time=None,
        series={"violence": np.ones(n)},
        country=np.where(young, "XQB", "XQA"),
    )
    own = {pair for pair in reports.of_record("violence") if pair[1] in ("young", "old")}
    assert own == {("XQA", "old"), ("XQB", "young")}


@pytest.mark.slow
def test_a_source_teaches_only_of_countries_that_it_covers(tmp_path):
    """What it tells at length of one country teaches nothing of the next."""
    regions = rm.datasets.regions()
    there = regions["parent_id"] == "XQA01"
    regions["iso3"] = regions["iso3"].mask(there, "XQB")
    days = pd.date_range("2019-01-06", "2024-12-28", freq="18D").strftime("%Y-%m-%d")
    told = [
        ("wide", regions[~there], days),
        ("local", regions[there], days),
        ("wide", regions[there].head(1), days[:3]),
    ]
    tables = {}
    for source, some, when in told:
        rows = some[["name", "parent", "iso3"]].merge(pd.DataFrame({"date": when}), how="cross")
        rows.columns = ["district", "province", "country", "date"]
        tables.setdefault(source, []).append(rows.assign(type="armed attack", killed=1))
    found = []
    for source, parts in tables.items():
        table = pd.concat(parts, ignore_index=True)
        table.insert(0, "id", [f"{source}-{i}" for i in range(len(table))])
        table.to_csv(tmp_path / f"{source}.csv", index=False)
        scope = "violence; reach=countries"
        found.append(rm.read_incidents(tmp_path / f"{source}.csv", scope=scope))
    located = rm.locate(pd.concat(found, ignore_index=True), regions)
    panel = rm.count_incidents(located, regions, every="month", as_of="2025-01-01")
    assert panel.main_sources["violence"] == {("XQA", "wide"), ("XQB", "local")}
    reports = find_reports(panel, report_codes(panel.evidence))
    counts = panel.history("violence").counts
    taught = history_of_record(panel.history("violence"), "violence", reports).counts
    home = panel.keys["iso3"] == "XQA"
    np.testing.assert_allclose(taught[:, home], counts[:, home])
    assert counts[:, ~home].sum() - taught[:, ~home].sum() == pytest.approx(3)


def log_of(path, regions, days, *, scope, **columns):
    """A file in which each of some regions is told of on each of some days."""
    rows = regions[["name", "parent", "iso3"]].merge(pd.DataFrame({"date": days}), how="cross")
    rows.columns = ["district", "province", "country", "date"]
    rows = rows.assign(type="armed attack", killed=1, **columns)
    rows.insert(0, "id", [f"{path.stem}-{i}" for i in range(len(rows))])
    rows.to_csv(path, index=False)
    return rm.read_incidents(path, scope=scope)


def panel_of(*logs, regions):
    """What is counted of some logs."""
    located = rm.locate(pd.concat(logs, ignore_index=True), regions)
    return rm.count_incidents(located, regions, every="month", as_of="2025-01-01")


def every(days, *, since, until="2024-12-28"):
    """Days so many apart."""
    return pd.date_range(since, until, freq=f"{days}D").strftime("%Y-%m-%d")


@pytest.mark.slow
def test_old_rows_make_no_source_a_main_one(tmp_path):
    """They are from before it watched, and tell nothing of how wide it watches now."""
    regions = rm.datasets.regions()
    scope = "violence; reach=countries"
    wide = log_of(tmp_path / "wide.csv", regions, every(40, since="2019-01-06"), scope=scope)
    local = log_of(tmp_path / "local.csv", regions[:6], every(20, since="2019-01-06"), scope=scope)
    old = log_of(
        tmp_path / "old.csv",
        regions[6:],
        every(5, since="2015-06-01", until="2015-09-01"),
        scope=scope,
    )
    without = panel_of(wide, local, regions=regions)
    panel = panel_of(wide, local, old.assign(source=local["source"].iloc[0]), regions=regions)
    assert without.main_sources["violence"] == {("XQA", "wide")}
    assert panel.main_sources["violence"] == {("XQA", "wide")}


@pytest.mark.slow
def test_a_second_book_of_foreigners_teaches_and_adds_no_quiet_days(tmp_path):
    """Its silence elsewhere would lower what a first one, alone, says of foreigners there."""
    regions = rm.datasets.regions()
    days = every(20, since="2019-01-06")
    log = {"scope": "violence,foreign", "foreigners": 0}
    first = log_of(tmp_path / "log.csv", regions[:8], days, **log)
    young = log_of(tmp_path / "log2.csv", regions[8:], every(20, since="2022-06-05"), **log)
    first = pd.concat([first, young.assign(source="log")], ignore_index=True)
    book = log_of(
        *(tmp_path / "book.csv", regions[:1], every(60, since="2019-01-06")),
        scope="foreign; reach=countries",
        foreigners=1,
        nationality="TUR",
    )
    alone, both = panel_of(first, regions=regions), panel_of(first, book, regions=regions)
    assert alone.at_risk["foreign"][:, 12].sum() < 48
    assert both.main_sources["foreign"] == {("XQA", "log"), ("XQA", "book")}
    np.testing.assert_array_equal(both.at_risk["foreign"], alone.at_risk["foreign"])
