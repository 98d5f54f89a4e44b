"""What forecasts from past days were worth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from riskmap.cli.common import (
    Every,
    Horizon,
    Incidents,
    Jobs,
    Json,
    Regions,
    Scheduler,
    ScopeText,
    as_rows,
    load_incidents,
    load_regions,
    say,
    show,
)


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
    scope: ScopeText = None,
    jobs: Jobs = 1,
    scheduler: Scheduler = None,
    keep: Annotated[
        Path | None, typer.Option(help="Folder for results, so that a killed run resumes.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what forecasts from past days were worth, against baselines."""
    import riskmap as rm
    from riskmap.assessment.levels import LevelScale
    from riskmap.evaluation.backtests import keep_in
    from riskmap.workers import hire

    scale = LevelScale.default()
    if layer not in scale.thresholds:
        raise typer.BadParameter(f"met --layer {layer}, expected violence or foreign")
    models = {m.__name__: m() for m in (rm.EndemicEpidemic, rm.EmpiricalBayes, rm.Climatology)}
    with hire(jobs, scheduler) as workers:
        table, districts = load_incidents(incidents, scope=scope), load_regions(regions)
        located = rm.locate(table, districts)
        panel = rm.count_incidents(located, districts, every=every, as_of=as_of)
        say(f"forecasting {horizon} from {origins} past days")
        found = rm.backtest(
            panel,
            models,
            horizon=horizon,
            origins=origins,
            series=layer,
            refit=refit,
            mapper=workers if keep is None else keep_in(keep, workers),
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
