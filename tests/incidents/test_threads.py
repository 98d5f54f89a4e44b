"""Threads: work on several cores leaves the process's warnings alone."""

import threading
import warnings

import numpy as np
import pytest

import riskmap as rm


@pytest.fixture(autouse=True)
def _guarded(monkeypatch):
    """Fail where another thread than the main one changes how warnings are dealt with.

    :class:`warnings.catch_warnings` puts back the process's filters when it ends: of two threads
    at once, the later one leaves what the other had set, and a user misses a warning.
    """

    class Guarded(warnings.catch_warnings):
        def __enter__(self):
            assert threading.current_thread() is threading.main_thread()
            return super().__enter__()

    monkeypatch.setattr(warnings, "catch_warnings", Guarded)


@pytest.mark.slow
def test_reading_and_placing(tmp_path):
    pytest.importorskip("pyarrow")
    few = rm.datasets.incidents()
    path = tmp_path / "rows.csv"
    lines = [
        f"{i},2024-03-{1 + i % 28:02d}, {2 + i % 50 / 10},{-7 + i % 31 / 10},told of {i}"
        for i in range(5000)
    ]
    path.write_text("\n".join(["id,date,longitude,latitude,notes", *lines, ""]))
    table = rm.read_incidents(path)
    assert len(table) == len(lines)
    for incidents in (table, few):
        assert len(rm.locate(incidents, rm.datasets.regions()).placements)


@pytest.mark.slow
@pytest.mark.parametrize("fast", [True, False])
def test_looking_up_points(fast):
    regions = rm.datasets.regions()
    west, south, east, north = regions.total_bounds
    x, y = np.random.default_rng(1).uniform((west, south), (east, north), (300_000, 2)).T
    index = rm.RegionIndex(regions, fast=fast).prepare()
    assert (index.query(x, y) >= 0).any()
