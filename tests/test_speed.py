"""A guard on speed: ratios against a peer in the same run, at sizes that take a second.

The bars are about half of what was measured, so that noise passes and a lost fast path does not.
Processor seconds are compared round by round, and the median of a fixed number of rounds counts: a
busy machine slows both of a round, and nobody stops when the number is liked.
"""

import statistics
import time

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from scipy import sparse

import riskmap as rm
from riskmap.panels.features import decayed_sums, neighbour_sums, rolling_sums
from riskmap.panels.windows import sum_days

pytestmark = pytest.mark.slow

ROUNDS = 15


def seconds_of(run):
    """Processor seconds of a run."""
    started = time.process_time()
    run()
    return time.process_time() - started


def median_ratio(ours, theirs, rounds=ROUNDS):
    """How many times as long theirs takes: the median of interleaved rounds."""
    return statistics.median(seconds_of(theirs) / seconds_of(ours) for _ in range(rounds))


@pytest.fixture(scope="module")
def districts():
    return rm.datasets.regions()


def test_points_in_regions_stay_ahead_of_a_spatial_join(districts):
    west, south, east, north = districts.total_bounds
    rng = np.random.default_rng(1)
    x, y = rng.uniform((west, south), (east, north), (50_000, 2)).T
    points = gpd.GeoDataFrame(geometry=shapely.points(x, y), crs=4326)
    index = rm.RegionIndex(districts).prepare()

    def join():
        return gpd.sjoin(points, districts[["geometry"]], how="inner", predicate="intersects")

    joined = join().groupby(level=0)["index_right"].min().reindex(points.index, fill_value=-1)
    assert (index.query(x, y) == joined.to_numpy()).all()
    assert median_ratio(lambda: index.query(x, y), join) > 4.5


def test_counting_stays_ahead_of_grouping_by_two_keys():
    rng = np.random.default_rng(2)
    n, n_regions, n_weeks = 500_000, 400, 520
    region, day = rng.integers(0, n_regions, n), rng.integers(0, 7 * n_weeks, n)
    edges = np.datetime64("1970-01-01") + 7 * np.arange(n_weeks + 1)
    ones = {"reports": np.broadcast_to(np.int64(1), n)}
    frame = pd.DataFrame({"region": region, "week": day // 7})

    def count():
        return sum_days(region, day, series=ones, n_regions=n_regions, edges=edges)["reports"]

    def group():
        return frame.groupby(["region", "week"]).size()

    sizes = group()
    cells = sizes.index.get_level_values(0) * n_weeks + sizes.index.get_level_values(1)
    expected = np.zeros(n_regions * n_weeks)
    expected[cells.to_numpy()] = sizes.to_numpy()
    assert (count() == expected).all()
    assert median_ratio(count, group) > 9


def test_features_stay_ahead_of_rolling_windows():
    n_weeks, n_regions, widths, half_lives = 260, 2_000, (4, 13, 52), (4.0, 13.0)
    rng = np.random.default_rng(3)
    counts = rng.poisson(0.1, (n_weeks, n_regions)).astype(float)
    near = sparse.csr_array(sparse.random_array((n_regions, n_regions), density=0.003, rng=rng))
    at, weeks = np.arange(1, n_weeks + 1), np.ones(n_weeks)
    frame = pd.DataFrame(counts)

    def features():
        for values in (counts, neighbour_sums(counts, near)):
            yield from rolling_sums(values, widths, at=at)
            for half_life in half_lives:
                yield decayed_sums(values, lengths=weeks, half_life_days=half_life, at=at)

    def roll():
        own = [frame.rolling(width, min_periods=1).sum() for width in widths]
        for half_life in half_lives:
            weights = (0.5 ** (np.arange(n_weeks) / half_life)).cumsum()
            own.append(frame.ewm(halflife=half_life).mean().mul(weights, axis=0))
        values = [table.to_numpy() for table in own]
        return values + [table @ near.T for table in values]

    for ours, theirs in zip(features(), roll(), strict=True):
        assert np.allclose(ours, theirs)
    assert median_ratio(lambda: list(features()), roll) > 6


def test_a_place_is_placed_once_however_many_incidents_tell_of_it(districts):
    few = rm.datasets.incidents()
    copies = [few.assign(incident_id=few["incident_id"] + f"/{i}") for i in range(50)]
    many = gpd.GeoDataFrame(pd.concat(copies, ignore_index=True), crs=few.crs)
    placed = rm.locate(many, districts).placements
    assert len(placed) == 50 * len(rm.locate(few, districts).placements)
    # fifty times the rows must cost far less than fifty times the time
    assert (
        median_ratio(lambda: rm.locate(many, districts), lambda: rm.locate(few, districts), 5) > 0.4
    )


def test_the_provinces_of_a_country_are_there_at_once():
    rm.read_regions("PAK")
    assert statistics.median(seconds_of(lambda: rm.read_regions("AFG")) for _ in range(9)) < 0.5
