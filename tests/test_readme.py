"""The README: every block of it runs as printed, on data that ship."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"


def block(language):
    """Return the only block of a language."""
    (found,) = re.findall(
        rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL
    )
    return found


@pytest.fixture
def clone(tmp_path):
    """Return a folder in which the examples stand as they do in a clone."""
    (tmp_path / "examples").symlink_to(ROOT / "examples", target_is_directory=True)
    return tmp_path


def test_the_python_block_runs(clone):
    code = block("python")
    subprocess.run([sys.executable, "-c", code], cwd=clone, check=True, capture_output=True)
    written = {path.name for path in (clone / "out/latest").iterdir()}
    assert {"risk.geojson", "map.html", "advisory.md", "advisory.zh.md", "manifest.json"} <= written


def test_the_shell_block_runs(clone):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-e", "-c", block("sh")],
        cwd=clone,
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": path},
    )
    assert done.returncode == 0, done.stderr
    assert (clone / "weekly/latest/manifest.json").is_file()
