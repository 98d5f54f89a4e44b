"""Any desk's machine: what POSIX alone has is missing, text is never read by a system's habit."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

PLAIN_SYSTEM = """
import os, sys, warnings
for name in ("fcntl", "resource", "grp"):
    sys.modules[name] = None
for name in ("symlink", "link", "fork", "O_DIRECTORY"):
    delattr(os, name)
warnings.filterwarnings("error", category=EncodingWarning, module="riskmap")
from importlib import import_module
from pkgutil import walk_packages
import riskmap
for found in walk_packages(riskmap.__path__, "riskmap."):
    import_module(found.name)
from riskmap.cli import app
app(["demo", "--out", sys.argv[1], "--formats", "geojson,csv,map,advisory"], standalone_mode=False)
"""


def test_everything_is_imported_and_the_demonstration_runs_on_a_plain_system(tmp_path):
    done = subprocess.run(
        [sys.executable, "-X", "warn_default_encoding", "-c", PLAIN_SYSTEM, tmp_path],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "published in " in done.stdout
    latest = tmp_path / "latest"
    assert latest.is_file()
    written = {
        path.name for path in (tmp_path / latest.read_text(encoding="utf-8").strip()).iterdir()
    }
    assert {"risk.geojson", "risk.csv", "map.html", "advisory.md", "manifest.json"} <= written
