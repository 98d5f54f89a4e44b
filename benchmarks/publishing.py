"""Publishing: seconds a format for 400 districts, and the peak memory of a GeoJSON of 50,000.

python benchmarks/publishing.py
"""

import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "outputs"))
from conftest import make_grid, make_layer, spread_incidents
from riskmap.assessment.layers import RiskLayer
from riskmap.outputs.formats import FORMATS
from riskmap.outputs.publishing import publish

DISTRICTS, MANY = (20, 20), (250, 200)


def district_layer() -> RiskLayer:
    """Return a layer of invented districts with 20 incidents each."""
    regions = make_grid(*DISTRICTS)
    layer = make_layer(regions)
    return replace(layer, incidents=spread_incidents(regions, 20 * len(regions)))


def formats() -> None:
    """Print seconds a format, and for all but the PDF as one set."""
    layer = district_layer()
    with TemporaryDirectory() as out:
        publish(layer, Path(out) / "warm", formats=["csv", "map"])
        for name in FORMATS:
            start, busy = time.perf_counter(), time.process_time()
            publish(layer, Path(out) / name, formats=[name], sender="example.org")
            print(
                f"{name:<14}{time.perf_counter() - start:8.2f} s"
                f"{time.process_time() - busy:8.2f} s of processor"
            )
        start, busy = time.perf_counter(), time.process_time()
        chosen = [name for name in FORMATS if name != "pdf"]
        publish(layer, Path(out) / "all", formats=chosen, sender="example.org")
        print(
            f"{'all but pdf':<14}{time.perf_counter() - start:8.2f} s"
            f"{time.process_time() - busy:8.2f} s of processor"
        )


def memory(path: str) -> None:
    """Print peak memory before and after writing many regions as GeoJSON, in MB."""
    layer = make_layer(make_grid(*MANY, vertices=8))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.perf_counter()
    layer.to_file(path)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{len(layer.regions):,} regions, {Path(path).stat().st_size / 1e6:.0f} MB of GeoJSON in "
        f"{time.perf_counter() - start:.1f} s: peak {after:.0f} MB, {after - before:.0f} MB more "
        "than with the layer alone"
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        memory(sys.argv[1])
    else:
        formats()
        with TemporaryDirectory() as folder:
            command = [sys.executable, __file__, f"{folder}/many.geojson"]
            subprocess.run(command, check=True)  # noqa: S603 - this script
