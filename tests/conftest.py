"""What all tests share: the folder of real data, where it is present."""

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


@pytest.fixture(scope="session")
def shared():
    """The folder of real boundaries, incidents, names and articles."""
    default = Path(__file__).parents[1].parent / "shared" / "data"
    folder = Path(os.environ.get("RISKMAP_SHARED", default))
    if not folder.is_dir():
        pytest.skip("the shared data is absent: set RISKMAP_SHARED to its folder")
    return folder
