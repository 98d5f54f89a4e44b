"""Scan statistics reach published results, and are what their definition says."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.linear_model import PoissonRegressor

from riskmap.errors import ModelError
from riskmap.models.scan_statistics import circular_zones, graph_zones, scan


def kilometres(lat, lon):
    """Great-circle distances between all places."""
    a, b = np.radians(lat), np.radians(lon)
    half = np.sin((a[:, None] - a) / 2) ** 2
    half += np.cos(a[:, None]) * np.cos(a) * np.sin((b[:, None] - b) / 2) ** 2
    return 2 * 6371 * np.arcsin(np.sqrt(half))


def tabulate(times, places, cases, shape):
    counts = np.zeros(shape, dtype=int)
    np.add.at(counts, (times, places), cases)
    return counts


@pytest.fixture(scope="module")
def fever(shared):
    """Fever in New York City, November 2001, by day and zip code."""
    folder = shared / "incidents" / "satscan"
    places = pd.read_csv(folder / "NYCfevergeo.csv")
    cases = pd.read_csv(folder / "NYCfevercas.csv")
    day = (pd.to_datetime(cases["date"]) - pd.Timestamp("2001-11-01")).dt.days
    row = pd.Index(places["zip"]).get_indexer(cases["zip"])
    counts = tabulate(day, row, cases["cases"], (24, len(places)))
    zones = circular_zones(kilometres(places["lat"].values, places["long"].values), radius=3)
    return counts, zones, places["zip"].to_numpy()


def test_new_york_fever(fever):
    counts, zones, zips = fever
    first, second, third, *_ = scan(counts, zones, longest=7)
    assert [round(c.statistic, 6) for c in (first, second, third)] == [3.845418, 3.164201, 2.137259]
    assert (first.observed, round(first.expected, 2)) == (4.0, 0.67)
    assert zips[list(first.places)].tolist() == [11415, 11417, 11418, 11421, 11435]
    assert zips[list(second.places)].tolist() == [11372]
    assert zips[list(third.places)].tolist() == [10472]
    assert first.p_value == pytest.approx(0.2, abs=0.05)


@pytest.mark.parametrize(
    ("name", "radius", "expected"),
    [
        ("test1", np.inf, [({6, 16, 23}, 993, 3.352053), ({10}, 962, 2.715606)]),
        ("test3", 50.0, [({6, 11, 21, 22}, 930, 1.622161)]),
    ],
)
def test_published_result_files(shared, name, radius, expected):
    folder = shared / "incidents" / "satscan"
    read = {"sep": r"\s+", "header": None}
    places = pd.read_csv(folder / f"predictcode_satscan_{name}.geo", **read).sort_values([1, 2])
    cases = pd.read_csv(folder / f"predictcode_satscan_{name}.cas", **read)
    ids = places[0].to_numpy()
    row = pd.Index(ids).get_indexer(cases[0])
    counts = tabulate(cases[2], row, cases[1], (1001, len(ids)))
    at = places[[1, 2]].to_numpy()
    distances = np.sqrt(((at[:, None] - at) ** 2).sum(axis=-1))
    zones = circular_zones(distances, radius=radius)
    found = scan(counts, zones, longest=500, replicas=0)
    for cluster, (zone, start, statistic) in zip(found, expected, strict=False):
        assert set(ids[list(cluster.places)]) == zone
        assert (cluster.start, cluster.stop) == (start, 1001)
        assert round(cluster.statistic, 6) == statistic
        assert np.isnan(cluster.p_value)


def test_new_mexico_brain_cancer(shared):
    folder = shared / "incidents" / "satscan"
    table = pd.read_csv(folder / "scanstatistics_NM_popcas.csv")
    places = pd.read_csv(folder / "scanstatistics_NM_geo.csv")
    places = places[places["county"].isin(table["county"])]
    old, new = table[table["year"] < 1986], table[table["year"].between(1986, 1989)]
    model = PoissonRegressor(alpha=0, tol=1e-10, max_iter=1000)
    rate = old["count"] / old["population"] * 1e5
    model.fit((old[["year"]] - 1985) / 10, rate, sample_weight=old["population"] / 1e5)
    mean = model.predict((new[["year"]] - 1985) / 10) * new["population"] / 1e5
    shaped = {
        name: new.assign(value=value).pivot_table("value", index="year", columns="county")
        for name, value in (("counts", new["count"]), ("baseline", mean))
    }
    counts, baseline = (shaped[name][places["county"]].to_numpy() for name in shaped)
    seats = kilometres(places["seat_lat"].to_numpy(), places["seat_long"].to_numpy())
    zones = circular_zones(seats, size=15)
    first, *_ = scan(counts, zones, baseline=baseline, given_total=False, longest=4)
    assert set(places["county"].to_numpy()[list(first.places)]) == {"losalamos", "santafe"}
    assert first.stop - first.start == 4
    assert 0.001 <= first.p_value <= 0.01


COUNTS = st.lists(
    st.lists(st.integers(0, 5), min_size=4, max_size=4), min_size=3, max_size=6
).filter(lambda rows: np.sum(rows) > 0)
LINE = np.abs(np.arange(4.0)[:, None] - np.arange(4))
ZONES = circular_zones(LINE)


def brute_force(counts, expected, *, prospective, given_total):
    """The highest statistic over every cylinder, one at a time."""
    best, total = 0.0, counts.sum()
    for zone in ZONES.toarray().astype(bool):
        if expected[:, zone].sum() > expected.sum() / 2 + 1e-9:
            continue
        for stop in [len(counts)] if prospective else range(1, len(counts) + 1):
            for start in range(max(0, stop - 2), stop):
                c, e = counts[start:stop, zone].sum(), expected[start:stop, zone].sum()
                if c > max(e, 1):
                    statistic = c * np.log(c / e) + e - c
                    if given_total:
                        rest = (total - c) * np.log((total - c) / (total - e)) if total > c else 0
                        statistic = c * np.log(c / e) + rest
                    best = max(best, statistic)
    return best


@pytest.mark.slow
@given(rows=COUNTS, prospective=st.booleans())
def test_every_cylinder_is_looked_at(rows, prospective):
    counts = np.array(rows)
    margins = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    flat = np.full(counts.shape, counts.mean())
    options = {"longest": 2, "prospective": prospective, "replicas": 0}
    for found, expected, given_total in (
        (scan(counts, ZONES, **options), margins, True),
        (scan(counts, ZONES, baseline=np.ones(counts.shape), **options), flat, True),
        (scan(counts, ZONES, baseline=flat, given_total=False, **options), flat, False),
    ):
        best = brute_force(counts, expected, prospective=prospective, given_total=given_total)
        assert (found[0].statistic if found else 0.0) == pytest.approx(best, abs=1e-9)


@given(rows=COUNTS)
def test_clusters_do_not_overlap_and_come_in_order(rows):
    flat = {"baseline": np.ones(np.shape(rows)), "prospective": False}
    found = scan(np.array(rows), ZONES, **flat, longest=3, replicas=0)
    places = [place for cluster in found for place in cluster.places]
    assert len(places) == len(set(places))
    statistics = [cluster.statistic for cluster in found]
    assert statistics == pytest.approx(sorted(statistics, reverse=True))


def test_a_past_cluster_is_seen_only_when_looking_back():
    counts = np.ones((9, 4), dtype=int)
    counts[2:4, 0] = 6
    past, *_ = scan(counts, ZONES, longest=3, prospective=False, replicas=0)
    assert (past.places, past.start, past.stop) == ((0,), 2, 4)
    assert scan(counts, ZONES, longest=3, replicas=0)[0].start >= 6


@pytest.mark.slow
def test_p_values_are_honest_without_clusters():
    rng = np.random.default_rng(3)
    found = [
        scan(rng.poisson(2.0, (6, 4)), ZONES, baseline=np.ones((6, 4)), longest=3, replicas=39)
        for _ in range(150)
    ]
    p_values = np.array([clusters[0].p_value if clusters else 1.0 for clusters in found])
    assert 0.02 <= (p_values <= 0.1).mean() <= 0.18


def test_the_same_seed_gives_the_same_clusters():
    counts = np.random.default_rng(1).poisson(2.0, (6, 4))
    assert scan(counts, ZONES, longest=3) == scan(counts, ZONES, longest=3)


def against(baseline):
    return scan(np.ones((2, 4)), ZONES, baseline=baseline, longest=1)


def test_places_at_the_same_distance_enter_one_by_one():
    found = {tuple(np.flatnonzero(row)) for row in circular_zones(LINE, size=2).toarray()}
    assert found == {(0,), (0, 1), (1,), (2,), (1, 2), (3,), (2, 3)}


def test_graph_zones_are_all_connected_sets():
    ring = sparse.csr_array(np.roll(np.eye(5), 1, axis=1) + np.roll(np.eye(5), -1, axis=1))
    zones = graph_zones(ring, size=3).toarray()
    assert len(zones) == 15
    assert sorted(zones.sum(axis=1)) == [1] * 5 + [2] * 5 + [3] * 5


def test_a_bent_cluster_needs_graph_zones():
    grid = np.array([(x, y) for x in range(4) for y in range(4)])
    steps = np.abs(grid[:, None] - grid).sum(axis=-1)
    counts = np.ones((4, 16), dtype=int)
    counts[3, [0, 4, 8, 9]] = 9
    zones = graph_zones(sparse.csr_array(steps == 1), size=4)
    first, *_ = scan(counts, zones, longest=2, replicas=0)
    assert first.places == (0, 4, 8, 9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: scan(np.ones(4), ZONES, longest=1), "windows by places"),
        (lambda: scan(np.full((2, 4), 0.5), ZONES, longest=1), "whole"),
        (lambda: scan(np.full((2, 4), -1), ZONES, longest=1), "not negative"),
        (lambda: scan(np.zeros((2, 4)), ZONES, longest=1), "not all 0"),
        (lambda: scan(np.ones((2, 3)), ZONES, longest=1), "zones of 4 places"),
        (lambda: scan(np.ones((2, 4)), ZONES, longest=3), "longest must be"),
        (lambda: against(np.ones((2, 3))), "baseline of"),
        (lambda: against(np.zeros((2, 4))), "positive"),
    ],
)
def test_what_can_t_be_scanned_is_refused(call, message):
    with pytest.raises(ModelError, match=message):
        call()
