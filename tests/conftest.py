"""What all tests share: the folder of real data, where it is present."""

import gc
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# One example set for everyone: no randomness between runs, no time limit on slow machines.
settings.register_profile(
    "riskmap",
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("riskmap")


#: What a test asks for, and the mark of tests that do.
MARKS = {
    "browser": "browser",
    "server": "database",
    "shared": "slow",
    "stand_in": "network",
    "endpoint": "network",
}


def pytest_collection_modifyitems(items):
    """Mark the tests that need a browser, a database, a loopback service or real data."""
    for item in items:
        for fixture in MARKS.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(MARKS[fixture])


def pytest_collection_finish():
    """Look through modules and thousands of collected tests for garbage no more: they all stay."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shared():
    """The folder of real boundaries, incidents, names and articles."""
    default = Path(__file__).parents[1].parent / "shared" / "data"
    folder = Path(os.environ.get("RISKMAP_SHARED", default))
    if not folder.is_dir():
        pytest.skip("the shared data is absent: set RISKMAP_SHARED to its folder")
    return folder
