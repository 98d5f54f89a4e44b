"""What forecasts from past days were worth."""

from __future__ import annotations

from typing import Annotated

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


def backtest(
    incidents: Incidents,
    regions: Regions,
    as_of: Annotated[str, typer.Option("--as-of", help="Day up to which the past is replayed.")],
    horizon: Horizon = "90D",
    every: Every = "month",
    origins: Annotated[int, typer.Option(help="How many past forecasts, a horizon apart.")] = 12,
    *,
    as_json: Json = False,
) -> None:
    """Say what forecasts from past days were worth, against baselines."""
    import riskmap as rm

    table, districts = load_incidents(incidents), load_regions(regions)
    located = rm.locate(table, districts)
    panel = rm.count_incidents(located, districts, every=every, as_of=as_of)
    models = {m.__name__: m() for m in (rm.EndemicEpidemic, rm.EmpiricalBayes, rm.Climatology)}
    say(f"forecasting {horizon} from {origins} past days")
    found = rm.backtest(panel, models, horizon=horizon, origins=origins)
    tables = {"scores": found.scores()}
    tables |= {f"skill against {name}": found.skill(name) for name in list(models)[1:]}
    result = {name: as_rows(found) for name, found in tables.items()}
    lines = (f"{name}\n{found.round(4).to_string(index=False)}\n" for name, found in tables.items())
    show(result, lines, as_json=as_json)
