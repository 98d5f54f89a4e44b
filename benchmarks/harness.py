"""How every benchmark here is run: answers before times, interleaved rounds, a process a run.

Each run of a contender is a process of its own, so that nobody inherits another's warm caches or
memory, and the operating system itself tells the peak (``getrusage``, ``wait4``). What a contender
loads before it starts is not timed. All contenders must give the same answer before any of them is
timed; then they take turns, round by round, so that a machine that slows down slows all, and
medians over the rounds are told.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RESULTS = Path(__file__).parent / "results"
PACKAGES = (
    *("numpy", "pandas", "pyarrow", "geopandas", "shapely", "numba"),
    *("duckdb", "sedonadb", "dask", "polars", "polars-st"),
)


@dataclass(frozen=True)
class Contender:
    """Somebody who does the work: `load` is not timed, `run` is.

    `answer` turns what `run` returned into what is compared, off the clock; no answer at all is an
    empty array, for the floor under the others. `rows` is how many rows it works on, where a slow
    one is given fewer; the answers are compared only among those with as many. `needs` names a
    package that may be missing.
    """

    name: str
    run: Callable[[Any], Any]
    load: Callable[[Path], Any] = lambda folder: folder
    answer: Callable[[Any], np.ndarray] = np.asarray
    rows: int | None = None
    needs: str = "riskmap"


@dataclass(frozen=True)
class Bar:
    """What must be reached.

    ``ratio``: rows a second, as a multiple of a peer's, at least; ``times``: the time as a multiple
    of a peer's, at most; ``seconds`` and ``gigabytes`` (at the peak), at most; ``line``: percent by
    which the time of any of several sizes (of ``peers``, and its own) lies off a line, at most.
    """

    of: str
    kind: str
    bar: float
    peer: str = ""
    peers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Work:
    """One row of the table."""

    title: str
    rows: int
    make: Callable[[Path], None]
    contenders: Sequence[Contender]
    bars: Sequence[Bar] = ()
    same: Callable[[np.ndarray, np.ndarray], bool] = np.array_equal


@dataclass
class Runs:
    """What was measured of a contender."""

    seconds: list[float] = field(default_factory=list)
    peak_gb: list[float] = field(default_factory=list)


def main(make_work: Callable[[int], Work], *, rows: int, rounds: int = 5) -> None:
    """Run a benchmark's script: as the parent, or as the process of one contender."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=rows)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--only", help="be this contender (the parent asks for it)")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    work = make_work(options.rows)
    if options.only:
        be_contender(work, options.only, options.folder)
        return
    with tempfile.TemporaryDirectory() as folder:
        work.make(Path(folder))
        report(work, race(work, Path(folder), options.rounds), options.rounds)


def be_contender(work: Work, name: str, folder: Path) -> None:
    """Load, run once against the clock, and leave the answer."""
    contender = next(one for one in work.contenders if one.name == name)
    loaded = contender.load(folder)
    started = time.perf_counter()
    found = contender.run(loaded)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    np.save(folder / "answer.npy", contender.answer(found))
    print(json.dumps({"seconds": seconds, "peak_gb": peak}))


def run_child(name: str, rows: int, folder: Path) -> tuple[float, float, np.ndarray]:
    """Return the seconds, the peak in GB as the operating system counts it, and the answer."""
    command = [sys.executable, sys.argv[0], "--only", name, "--folder", str(folder)]
    child = subprocess.Popen([*command, "--rows", str(rows)], stdout=subprocess.PIPE, text=True)  # noqa: S603 - this very script
    assert child.stdout is not None
    told = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, f"{name} failed"
    figures = json.loads(told.strip().splitlines()[-1])
    # comparing answers afterwards may need more memory than the work: then the work's own peak
    # counts, which the kernel told before
    peak = min(usage.ru_maxrss / 1e6, figures["peak_gb"])
    return figures["seconds"], peak, np.load(folder / "answer.npy")


def race(work: Work, folder: Path, rounds: int) -> dict[str, Runs]:
    """Return the runs of every contender that is installed, after their answers agree."""
    present = [one for one in work.contenders if find_spec(one.needs)]
    for one in work.contenders:
        if one not in present:
            print(f"not run: {one.name}, since {one.needs} is not installed")
    answers: dict[int, tuple[str, np.ndarray]] = {}
    for one in present:
        *_, answer = run_child(one.name, work.rows, folder)
        if not answer.size:  # the floor under the others gives no answer
            continue
        first, expected = answers.setdefault(one.rows or work.rows, (one.name, answer))
        assert work.same(answer, expected), f"{one.name} and {first} answer differently"
    runs = {one.name: Runs() for one in present}
    for _ in range(rounds):
        for one in present:
            seconds, peak, _ = run_child(one.name, work.rows, folder)
            runs[one.name].seconds.append(seconds)
            runs[one.name].peak_gb.append(peak)
    return runs


def report(work: Work, runs: dict[str, Runs], rounds: int) -> None:
    """Print the medians and the bars, and keep everything as JSON."""
    sizes = {one.name: one.rows or work.rows for one in work.contenders}
    print(f"\n{work.title}: {work.rows:,} rows, {rounds} rounds, answers agree")
    print(machine())
    print(f"  {'':28}{'rows':>13}{'seconds':>10}{'rows/s':>10}{'peak GB':>9}")
    for name, run in runs.items():
        seconds = statistics.median(run.seconds)
        rate = f"{sizes[name] / seconds / 1e6:.2f} M"
        print(f"  {name:28}{sizes[name]:13,}{seconds:10.3f}{rate:>10}{max(run.peak_gb):9.2f}")
    verdicts = [judge(bar, runs, sizes) for bar in work.bars]
    for verdict in verdicts:
        print(f"  {verdict['text']}")
    keep(work, runs, verdicts)


def judge(bar: Bar, runs: dict[str, Runs], sizes: dict[str, int]) -> dict[str, Any]:
    """Return a bar with its figure."""
    if not {bar.of, *bar.peers, *([bar.peer] if bar.peer else [])} <= runs.keys():
        return {"text": f"not run: {bar.of}, {bar.kind} {bar.peer}", "met": None}
    figure, unit = measure(bar, runs, sizes)
    met = figure >= bar.bar if bar.kind == "ratio" else figure <= bar.bar
    mark = "reached" if met else "MISSED"
    text = f"{mark:8} {bar.of}: {figure:.2f} {unit} (bar: {bar.bar:g})"
    return {"text": text, "figure": figure, "bar": bar.bar, "met": bool(met)}


def measure(bar: Bar, runs: dict[str, Runs], sizes: dict[str, int]) -> tuple[float, str]:
    """Return the figure of a bar and what it is."""
    own = runs[bar.of]
    if bar.kind == "seconds":
        return statistics.median(own.seconds), "s"
    if bar.kind == "gigabytes":
        return max(own.peak_gb), "GB at the peak"
    if bar.kind == "line":
        return off_line(bar, runs, sizes), "% off a straight line at most"
    # a round is a pair: what slows one of them slows the other
    pairs = zip(own.seconds, runs[bar.peer].seconds, strict=True)
    scale = sizes[bar.peer] / sizes[bar.of]
    times = statistics.median(ours * scale / theirs for ours, theirs in pairs)
    if bar.kind == "times":
        return times, f"times {bar.peer}"
    return 1 / times, f"x {bar.peer}"


def off_line(bar: Bar, runs: dict[str, Runs], sizes: dict[str, int]) -> float:
    """Return by how many percent the worst of several sizes lies off the line through them."""
    names = (bar.of, *bar.peers)
    n = np.array([sizes[name] for name in names], dtype=float)
    seconds = np.array([statistics.median(runs[name].seconds) for name in names])
    line = np.stack([np.ones(len(n)), n], axis=1) / seconds[:, None]
    fit, *_ = np.linalg.lstsq(line, np.ones(len(n)), rcond=None)
    return float(100 * np.abs(line @ fit - 1).max())


def machine() -> str:
    """Return what the figures were measured on."""
    cores = len(os.sched_getaffinity(0))
    busy = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    python = platform.python_version()
    return (
        f"  {platform.machine()}, {cores} cores, {gigabytes:.0f} GB, Python {python}, load {busy}"
    )


def versions() -> dict[str, str]:
    """Return the versions of what takes part."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def keep(work: Work, runs: dict[str, Runs], verdicts: list[dict[str, Any]]) -> None:
    """Write everything that was measured."""
    store(
        title=work.title,
        rows=work.rows,
        runs={name: vars(run) for name, run in runs.items()},
        bars=verdicts,
    )


def store(**content: Any) -> None:
    """Write what was measured to ``benchmarks/results/``, with the machine and the versions."""
    RESULTS.mkdir(exist_ok=True)
    whole = {"machine": machine().strip(), "versions": versions(), **content}
    path = RESULTS / f"{Path(sys.argv[0]).stem}.json"
    path.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
