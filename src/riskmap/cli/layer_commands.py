"""Layers: published from files of incidents, beside each other, and beside what happened then."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from riskmap.cli import common

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from riskmap.assessment.layers import RiskLayer
    from riskmap.desk.runs import Run

DEMO_TABLE = "examples/attacks_on_foreign_workers.csv"
DEMO_COUNTRIES = ("AFG", "PAK")
DEMO_AS_OF = "2025-02-01"

#: The fractions and dwells that a replay compares.
_SETTINGS = ((1.0, 0.0), (1.0, 85.0), (0.8, 58.0), (0.8, 85.0), (0.8, 175.0), (0.6, 85.0))
_STEPS = {"day": "D", "week": "7D", "month": "MS", "quarter": "QS"}


def run(  # noqa: PLR0913 - one an option of the command
    incidents: common.IncidentsIfAny = None,
    config: Annotated[
        Path | None,
        typer.Option(help="TOML file of what follows, with _ for -; options outrank it."),
    ] = None,
    *,
    regions: common.RegionsIfAny = None,
    as_of: Annotated[str | None, typer.Option(help="Day the risk is assessed for.")] = None,
    horizon: common.HorizonIfAny = None,
    every: common.EveryIfAny = None,
    breaks: Annotated[
        list[str] | None,
        typer.Option(
            help="Where and when things changed (a government fell, a ceasefire), such as "
            "AFG:2021-08-15, or repeated: what was before counts for less and less."
        ),
    ] = None,
    group: common.Group = None,
    scale: common.Scale = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the published set.", show_default="out")
    ] = None,
    previous: Annotated[
        Path | None,
        typer.Option(help="The set before; the last one in OUT of an earlier day by default."),
    ] = None,
    no_previous: Annotated[
        bool, typer.Option("--no-previous", help="Look at no set before.")
    ] = False,
    max_lost: common.MaxLostIfAny = None,
    formats: common.Formats = None,
    profile: common.ProfileIfAny = None,
    languages: common.Languages = None,
    sender: common.SenderText = None,
    contact: common.Contact = None,
    link: common.Link = None,
    mapping: common.Mapping = None,
    sheet: common.Sheets = None,
    encoding: common.Encoding = None,
    dates: common.Dates = None,
    calendar: common.Calendar = None,
    scope: common.ScopeText = None,
    decisions: Annotated[
        Path | None, typer.Option(help="TOML file of what analysts have cleared.")
    ] = None,
    scheduler: common.Scheduler = None,
    as_json: common.Json = False,
) -> None:
    """Turn files of incidents into a published risk layer; the same incident counts once.

    Files of more than half a gigabyte together are read a part at a time, with the same result.
    """
    asked = locals().items()
    options = {name: value for name, value in asked if not (value is None or value is False)}
    options.pop("as_json", None)
    from riskmap.desk import REQUIRED, RunConfig
    from riskmap.desk.runs import run as publish_from

    for name in {"formats", "languages", "breaks"} & set(options):
        texts = options[name]
        options[name] = common.split_names([texts] if isinstance(texts, str) else texts)
    if options.pop("config", None) is not None:
        settings = RunConfig.read(str(config), **options)
    elif missing := [name for name in REQUIRED if name not in options]:
        wanted = [common.speak_of_options(f"{name}=") for name in missing]
        needs = ", ".join(wanted).replace("incidents=", "files of incidents")
        raise typer.BadParameter(f"needs {needs}; or --config, a file with them")
    else:
        settings = RunConfig(**options)
    _show(publish_from(settings, progress=common.say), as_json=as_json)


def demo(
    out: common.Out = Path("out/demo"),
    *,
    formats: common.Formats = None,
    profile: common.Profile = "private",
    languages: common.Languages = None,
    sender: common.SenderText = "demonstration.example",
    as_json: common.Json = False,
) -> None:
    """Score the provinces of Afghanistan and Pakistan from a small table of true attacks."""
    import riskmap as rm
    from riskmap.desk import describe_inputs
    from riskmap.desk.runs import Run
    from riskmap.outputs.catalogues import catalogue
    from riskmap.settings import data_path

    common.say("a demonstration on a small table of public reports: not a risk assessment")
    table = rm.read_incidents(data_path(DEMO_TABLE))
    provinces = rm.read_regions(DEMO_COUNTRIES, level=1)
    located = rm.locate(table, provinces)
    panel = rm.count_incidents(located, provinces, every="month", as_of=DEMO_AS_OF)
    common.say(f"forecasting 90D from {DEMO_AS_OF}")
    layer = rm.assess(rm.forecast(panel, horizon="90D"), provinces)
    told = {"inputs": describe_inputs([data_path(DEMO_TABLE)])}
    told |= {"notice": catalogue("en")["demo_notice"]}
    layer = replace(layer, provenance={**layer.provenance, **told})
    folder = rm.publish(
        layer,
        out,
        formats=None if formats is None else common.split_names([formats]),
        languages=common.split_names(languages or ["en", "zh"]),
        profile=profile,
        sender=sender,
    )
    _show(Run(layer, folder), as_json=as_json)


def _show(done: Run, *, as_json: bool) -> None:
    """Print where a layer is and what it says."""
    import json

    layer = done.layer
    manifest = json.loads((done.folder / "manifest.json").read_bytes())
    headline = layer.risks[layer.risks["layer"] == layer.headline]
    counts = headline["level_name"].value_counts()
    levels = {level.name: int(counts.get(level.name, 0)) for level in reversed(layer.scale.levels)}
    result = {
        "out": str(done.folder),
        "as_of": layer.provenance["as_of"],
        "layer": layer.headline,
        "regions": len(layer.regions),
        "levels": levels,
        "ledger": layer.ledger.as_list(),
        "missing_formats": manifest["missing_formats"],
        "notice": layer.provenance.get("notice"),
        "later": done.later,
        "notes": [*map(common.speak_of_options, done.notes)],
    }
    common.show(result, _summarise(result), as_json=as_json)


def _summarise(result: dict[str, Any]) -> Iterator[str]:
    """Yield the lines that tell a reader what was published."""
    if result["notice"]:
        yield result["notice"]
    yield f"{result['regions']} regions as of {result['as_of']}, layer {result['layer']}"
    yield from (f"  {name:<18}{n:>6}" for name, n in result["levels"].items())
    yield from common.tell_stages(result["ledger"])
    yield from result["notes"]
    if result["later"]:
        yield result["later"]
    missing = result["missing_formats"].items()
    yield from (f"without {name}: {common.speak_of_options(why)}" for name, why in missing)
    yield f"published in {result['out']}"


def diff(
    old: Annotated[Path, typer.Argument(help="Folder of the set before.")],
    new: Annotated[Path, typer.Argument(help="Folder of the set now.")],
    *,
    every: Annotated[bool, typer.Option("--all", help="All lines, not the first 20.")] = False,
    as_json: common.Json = False,
) -> None:
    """Say how the levels of two published sets differ, how sure that is, and why."""
    import riskmap as rm
    from riskmap.desk.runs import LONG_AGO
    from riskmap.outputs.bundles import Bundle
    from riskmap.outputs.front_pages import unmarked_attacks

    layers = [rm.read_layer(folder, today=LONG_AGO) for folder in (old, new)]
    table = rm.compare_layers(*layers)
    before, now = (unmarked_attacks(Bundle(layer).edition("en")).values() for layer in layers)
    result = {
        "old": layers[0].provenance["as_of"],
        "new": layers[1].provenance["as_of"],
        "unplaced_attacks": [one.line for one in now if one not in set(before)],
        "changes": common.as_rows(table),
    }
    told = _by_meaning(_find_told(table), layers[1]).to_dict("records")
    most = len(told) + len(result["unplaced_attacks"]) if every else _MOST_LINES
    common.show(result, _tell(result, told, most=most), as_json=as_json)


#: Lines of `diff` that a screen has room for, the first and the last aside.
_MOST_LINES = 18


def _by_meaning(table: pd.DataFrame, layer: RiskLayer) -> pd.DataFrame:
    """Return rows by what they mean: those of the headline, that moved, that were attacked."""
    import pandas as pd

    from riskmap.assessment.changes import rank_moves

    by = ["region_id", "layer"]
    marked = layer.risks.loc[layer.risks["attacked"].eq(other=True), by].set_index(by).index
    keys = table.set_index(by).index
    attacked = pd.Series(keys.isin(marked), table.index)
    return rank_moves(table, table["layer"] == layer.headline, table["moved"], attacked)


def _find_told(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose level moved, or whose level a rule spoke for; ``moved`` tells which.

    What is not assessed in either set is neither.
    """
    now, before = (table[name].fillna(0) for name in ("risk_level", "level_before"))
    table = table.assign(moved=(now != before).astype(bool))
    return table[((now > 0) | (before > 0)) & (table["moved"] | table["rule"].notna())]


def _tell(result: dict[str, Any], rows: list[dict[str, Any]], *, most: int) -> Iterator[str]:
    """Yield how many levels moved, and a line for the first that did or that a rule spoke for."""
    from riskmap.outputs.catalogues import catalogue

    words = catalogue("en")
    moved = sum(row["moved"] for row in rows)
    head = f"{moved} levels moved" if moved else "nothing moved"
    still = len(rows) - moved
    head += f", a rule left {still} where they were" if still else ""
    yield f"{result['old']} to {result['new']}: {head}"
    yield from result["unplaced_attacks"][:most]
    most = max(most - len(result["unplaced_attacks"]), 0)
    for row in rows[:most]:
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
    if len(rows) > most:
        yield f"{len(rows) - most} more: --all shows them"


def _number(p: float) -> str:
    """Return a probability, or that it is not known."""
    return "not known" if math.isnan(p) else f"{p:.3f}"


def replay(  # noqa: PLR0913, PLR0917 - one an option of the command
    incidents: common.Incidents,
    regions: common.Regions,
    start: Annotated[str, typer.Option("--from", help="Day of the first layer.")],
    end: Annotated[str, typer.Option("--to", help="Day up to which layers follow.")],
    horizon: common.Horizon = "90D",
    every: common.Every = "month",
    scale: common.Scale = None,
    group: common.Group = None,
    *,
    scope: common.ScopeText = None,
    jobs: common.Jobs = 1,
    scheduler: common.Scheduler = None,
    as_json: common.Json = False,
) -> None:
    """Say what levels would have been published on past days, and what they were worth."""
    import pandas as pd

    import riskmap as rm
    from riskmap.desk import find_group, find_regions
    from riskmap.executors import open_executor

    if every not in _STEPS:
        raise typer.BadParameter(f"met {every!r}, expected one of {', '.join(_STEPS)}")
    levels = None if scale is None else rm.LevelScale.from_file(scale)
    days = [f"{day:%Y-%m-%d}" for day in pd.date_range(start, end, freq=_STEPS[every])]
    who = find_group(group)
    with open_executor(jobs, scheduler) as workers:
        table = common.load_incidents(incidents, scope=scope, group=who)
        districts = find_regions(regions)
        located = rm.locate(table, districts)
        common.say(f"replaying {len(days)} layers")
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
    tables = {"policy": found.policy(_SETTINGS), "frequencies": found.frequencies()}
    _show_tables(tables, as_json=as_json, incidents=hits)


def backtest(  # noqa: PLR0913 - one an option of the command
    incidents: common.Incidents,
    regions: common.Regions,
    as_of: Annotated[str, typer.Option("--as-of", help="Day up to which the past is replayed.")],
    horizon: common.Horizon = "90D",
    every: common.Every = "month",
    origins: Annotated[int, typer.Option(help="How many past forecasts, a horizon apart.")] = 12,
    *,
    layer: Annotated[str, typer.Option(help="violence or foreign.")] = "violence",
    refit: Annotated[int, typer.Option(help="Fit anew at every so many origins.")] = 1,
    scope: common.ScopeText = None,
    jobs: common.Jobs = 1,
    scheduler: common.Scheduler = None,
    as_json: common.Json = False,
) -> None:
    """Say what forecasts from past days were worth, against baselines."""
    import riskmap as rm
    from riskmap.desk import find_regions
    from riskmap.executors import open_executor
    from riskmap.schema import LAYERS

    if layer not in LAYERS[:2]:
        raise typer.BadParameter(f"met --layer {layer}, expected violence or foreign")
    models = {
        m.__name__: m()
        for m in (rm.models.EndemicEpidemic, rm.models.EmpiricalBayes, rm.models.Climatology)
    }
    with open_executor(jobs, scheduler) as workers:
        table, districts = common.load_incidents(incidents, scope=scope), find_regions(regions)
        located = rm.locate(table, districts)
        panel = rm.count_incidents(located, districts, every=every, as_of=as_of)
        common.say(f"forecasting {horizon} from {origins} past days")
        found = rm.backtest(
            panel,
            models,
            horizon=horizon,
            origins=origins,
            series=layer,
            refit=refit,
            mapper=workers,
        )
    tables = {
        "scores": found.scores(),
        **{f"skill against {name}": found.skill(name) for name in list(models)[1:]},
        "reliability": found.reliability(),
    }
    _show_tables(tables, as_json=as_json)


def _show_tables(tables: dict[str, pd.DataFrame], *, as_json: bool, **long: pd.DataFrame) -> None:
    """Print tables; as JSON also those that are too long to be read."""
    result = {name: common.as_rows(table) for name, table in (tables | long).items()}
    lines = (
        f"{name}\n{rows.round(4).to_string(index=False) if len(rows) else 'none'}\n"
        for name, rows in tables.items()
    )
    common.show(result, lines, as_json=as_json)
