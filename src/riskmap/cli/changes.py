"""Layers beside each other, and beside what happened then."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from riskmap.cli.common import (
    Every,
    Group,
    Horizon,
    Incidents,
    Jobs,
    Json,
    Regions,
    Scale,
    Scheduler,
    ScopeText,
    as_rows,
    load_incidents,
    say,
    show,
)
from riskmap.schema import LAYERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

#: The fractions and dwells that a replay compares.
_SETTINGS = ((1.0, 0.0), (1.0, 85.0), (0.8, 58.0), (0.8, 85.0), (0.8, 175.0), (0.6, 85.0))
_STEPS = {"day": "D", "week": "7D", "month": "MS", "quarter": "QS"}


def diff(
    old: Annotated[Path, typer.Argument(help="Folder of the set before.")],
    new: Annotated[Path, typer.Argument(help="Folder of the set now.")],
    *,
    as_json: Json = False,
) -> None:
    """Say how the levels of two published sets differ, how sure that is, and why."""
    import riskmap as rm
    from riskmap.desk.runs import LONG_AGO

    layers = [rm.read_layer(folder, today=LONG_AGO) for folder in (old, new)]
    table = rm.compare_layers(*layers)
    result = {
        "old": layers[0].provenance["as_of"],
        "new": layers[1].provenance["as_of"],
        "changes": as_rows(table),
    }
    show(result, _tell(result, _find_told(table).to_dict("records")), as_json=as_json)


def _find_told(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose level moved, or whose level a rule spoke for; ``moved`` tells which.

    What is not assessed in either set is neither.
    """
    now, before = (table[name].fillna(0) for name in ("risk_level", "level_before"))
    table = table.assign(moved=(now != before).astype(bool))
    return table[((now > 0) | (before > 0)) & (table["moved"] | table["rule"].notna())]


def _tell(result: dict[str, Any], rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yield how many levels moved, and a line for each that did or that a rule spoke for."""
    from riskmap.outputs.catalogues import catalogue

    words = catalogue("en")
    moved = sum(row["moved"] for row in rows)
    head = f"{moved} levels moved" if moved else "nothing moved"
    still = len(rows) - moved
    head += f", a rule left {still} where they were" if still else ""
    yield f"{result['old']} to {result['new']}: {head}"
    for row in rows:
        line = f"{row['name']} ({row['region_id']}), {row['layer']}: level {row['level_before']}"
        line += f" to {row['risk_level']}, p_any {_number(row['p_before'])}"
        line += f" to {_number(row['p_any'])}"
        if not math.isnan(row["p_change"]):
            line += f", real with probability {row['p_change']:.2f}"
        told = [
            words[f"{key}s"].get(row[key], row[key]).rstrip(".")
            for key in ("cause", "rule")
            if isinstance(row[key], str)
        ]
        yield line + (f" ({'; '.join(told)})" if told else "")


def _number(p: float) -> str:
    """Return a probability, or that it is not known."""
    return "not known" if math.isnan(p) else f"{p:.3f}"


def replay(  # noqa: PLR0913, PLR0917 - one an option of the command
    incidents: Incidents,
    regions: Regions,
    start: Annotated[str, typer.Option("--from", help="Day of the first layer.")],
    end: Annotated[str, typer.Option("--to", help="Day up to which layers follow.")],
    horizon: Horizon = "90D",
    every: Every = "month",
    scale: Scale = None,
    group: Group = None,
    *,
    scope: ScopeText = None,
    jobs: Jobs = 1,
    scheduler: Scheduler = None,
    as_json: Json = False,
) -> None:
    """Say what levels would have been published on past days, and what they were worth."""
    import pandas as pd

    import riskmap as rm
    from riskmap.desk.runs import find_group, find_regions
    from riskmap.workers import hire

    if every not in _STEPS:
        raise typer.BadParameter(f"met {every!r}, expected one of {', '.join(_STEPS)}")
    levels = None if scale is None else rm.LevelScale.from_file(scale)
    days = [f"{day:%Y-%m-%d}" for day in pd.date_range(start, end, freq=_STEPS[every])]
    who = find_group(group)
    with hire(jobs, scheduler) as workers:
        table = load_incidents(incidents, scope=scope, group=who)
        districts = find_regions(regions)
        located = rm.locate(table, districts)
        say(f"replaying {len(days)} layers")
        found = rm.replay(
            located,
            districts,
            days=days,
            horizon=horizon,
            scale=levels,
            group=who,
            every=every,
            mapper=workers,
        )
    hits = found.incidents.assign(event_date=found.incidents["event_date"].dt.strftime("%Y-%m-%d"))
    tables = {
        "policy": found.policy(_SETTINGS),
        "frequencies": found.frequencies(),
        "incidents": hits,
    }
    result = {name: as_rows(table) for name, table in tables.items()}
    short = ("policy", "frequencies")
    lines = (f"{name}\n{tables[name].round(4).to_string(index=False)}\n" for name in short)
    show(result, lines, as_json=as_json)


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
    as_json: Json = False,
) -> None:
    """Say what forecasts from past days were worth, against baselines."""
    import riskmap as rm
    from riskmap.desk.runs import find_regions
    from riskmap.workers import hire

    if layer not in LAYERS[:2]:
        raise typer.BadParameter(f"met --layer {layer}, expected violence or foreign")
    models = {
        m.__name__: m()
        for m in (rm.models.EndemicEpidemic, rm.models.EmpiricalBayes, rm.models.Climatology)
    }
    with hire(jobs, scheduler) as workers:
        table, districts = load_incidents(incidents, scope=scope), find_regions(regions)
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
            mapper=workers,
        )
    tables = {"scores": found.scores()}
    tables |= {f"skill against {name}": found.skill(name) for name in list(models)[1:]}
    tables |= {
        "reliability": found.reliability(),
    }
    result = {name: as_rows(found) for name, found in tables.items()}
    lines = (f"{name}\n{found.round(4).to_string(index=False)}\n" for name, found in tables.items())
    show(result, lines, as_json=as_json)
