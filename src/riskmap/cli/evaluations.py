"""What forecasts from past days were worth."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from riskmap.cli.common import (
    Every,
    Horizon,
    Incidents,
    Json,
    Regions,
    as_rows,
    load_incidents,
    load_regions,
    say,
    show,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from riskmap.evaluation.backtests import Mapper


def backtest(  # noqa: PLR0913 - one an option of the command
    incidents: Incidents,
    regions: Regions,
    as_of: Annotated[str, typer.Option("--as-of", help="Day up to which the past is replayed.")],
    horizon: Horizon = "90D",
    every: Every = "month",
    origins: Annotated[int, typer.Option(help="How many past forecasts, a horizon apart.")] = 12,
    *,
    layer: Annotated[str, typer.Option(help="violence or foreign.")] = "violence",
    refit: Annotated[int, typer.Option(help="Fit anew at every so many origins.")] = 1,
    jobs: Annotated[int, typer.Option(help="Processes to run in.")] = 1,
    keep: Annotated[
        Path | None, typer.Option(help="Folder for results, so that a killed run resumes.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what forecasts from past days were worth, against baselines."""
    import riskmap as rm
    from riskmap.assessment.levels import LevelScale

    scale = LevelScale.default()
    if layer not in scale.thresholds or jobs < 1:
        raise typer.BadParameter(f"met --layer {layer} --jobs {jobs}, expected a layer, 1 or more")
    table, districts = load_incidents(incidents), load_regions(regions)
    located = rm.locate(table, districts)
    panel = rm.count_incidents(located, districts, every=every, as_of=as_of)
    models = {m.__name__: m() for m in (rm.EndemicEpidemic, rm.EmpiricalBayes, rm.Climatology)}
    say(f"forecasting {horizon} from {origins} past days")
    with _mapper(jobs, keep) as mapper:
        found = rm.backtest(
            panel,
            models,
            horizon=horizon,
            origins=origins,
            series=layer,
            refit=refit,
            mapper=mapper,
        )
    tables = {"scores": found.scores()}
    tables |= {f"skill against {name}": found.skill(name) for name in list(models)[1:]}
    tables |= {
        "stability": found.stability(scale.thresholds[layer]),
        "reliability": found.reliability(),
        "pit": found.pit(),
    }
    result = {name: as_rows(found) for name, found in tables.items()}
    lines = (f"{name}\n{found.round(4).to_string(index=False)}\n" for name, found in tables.items())
    show(result, lines, as_json=as_json)


@contextmanager
def _mapper(jobs: int, keep: Path | None) -> Iterator[Mapper]:
    """Yield what runs the tasks: here or in other processes, kept in a folder or not."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    from riskmap.evaluation.backtests import keep_in

    with ExitStack() as stack:
        mapper: Mapper = map
        if jobs > 1:  # spawned, because a forked process may inherit a held lock
            pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
            mapper = stack.enter_context(pool).map
        yield mapper if keep is None else keep_in(keep, mapper)
