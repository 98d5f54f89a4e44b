"""From files of incidents to a published layer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from riskmap.cli.common import (
    Dates,
    Formats,
    Group,
    Json,
    Languages,
    Out,
    Profile,
    RegionsIfAny,
    Scale,
    Scheduler,
    ScopeText,
    say,
    show,
    split_names,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from riskmap.desk.runs import Run

DEMO_TABLE = "examples/attacks_on_foreign_workers.csv"
DEMO_COUNTRIES = ("AFG", "PAK")
DEMO_AS_OF = "2025-02-01"


def run(  # noqa: PLR0913 - one an option of the command
    incidents: Annotated[list[Path] | None, typer.Argument(help="Files of incidents.")] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="TOML file of what follows, with _ for -; options outrank it."),
    ] = None,
    *,
    regions: RegionsIfAny = None,
    as_of: Annotated[str | None, typer.Option(help="Day the risk is assessed for.")] = None,
    horizon: Annotated[
        str | None, typer.Option(help="How far ahead, such as 90D.", show_default="90D")
    ] = None,
    every: Annotated[
        str | None, typer.Option(help="Window: day, week, month, quarter.", show_default="month")
    ] = None,
    group: Group = None,
    scale: Scale = None,
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
    max_lost: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Exit 1 when a larger share of the rows can't be used.",
            show_default="1.0",
        ),
    ] = None,
    formats: Formats = None,
    profile: Annotated[
        str | None,
        typer.Option(
            help="private, or public: no names, free text, positions or small numbers.",
            show_default="private",
        ),
    ] = None,
    languages: Languages = None,
    dates: Dates = None,
    scope: ScopeText = None,
    decisions: Annotated[
        Path | None, typer.Option(help="TOML file of what analysts have cleared.")
    ] = None,
    scheduler: Scheduler = None,
    as_json: Json = False,
) -> None:
    """Turn files of incidents into a published risk layer; the same incident counts once.

    Files of more than half a gigabyte together are read a part at a time, with the same result;
    those whose dates have a stated format are read at once.
    """
    asked = locals().items()
    options = {name: value for name, value in asked if not (value is None or value is False)}
    options.pop("as_json", None)
    from riskmap.desk.configs import REQUIRED, RunConfig
    from riskmap.desk.runs import run as publish_from

    for name in {"formats", "languages"} & set(options):
        texts = options[name]
        options[name] = split_names([texts] if isinstance(texts, str) else texts)
    if options.pop("config", None) is not None:
        settings = RunConfig.read(str(config), **options)
    elif missing := [name for name in REQUIRED if name not in options]:
        raise typer.BadParameter(f"needs {', '.join(missing)}; or --config, a file with them")
    else:
        settings = RunConfig(**options)
    _show(publish_from(settings, progress=say), as_json=as_json)


def demo(
    out: Out = Path("out/demo"),
    *,
    formats: Formats = None,
    profile: Profile = "private",
    languages: Languages = None,
    as_json: Json = False,
) -> None:
    """Score the provinces of Afghanistan and Pakistan from a small table of true attacks."""
    import riskmap as rm
    from riskmap.desk.runs import Run, name_inputs
    from riskmap.outputs.catalogues import catalogue
    from riskmap.settings import data_path

    say("a demonstration on a small table of public reports: not a risk assessment")
    table = rm.read_incidents(data_path(DEMO_TABLE))
    provinces = rm.read_regions(DEMO_COUNTRIES, level=1)
    located = rm.locate(table, provinces)
    panel = rm.count_incidents(located, provinces, every="month", as_of=DEMO_AS_OF)
    say(f"forecasting 90D from {DEMO_AS_OF}")
    layer = rm.assess(rm.forecast(panel, horizon="90D"), provinces)
    layer = name_inputs(layer, [data_path(DEMO_TABLE)])
    notice = catalogue("en")["demo_notice"]
    layer = replace(layer, provenance={**layer.provenance, "notice": notice})
    folder = rm.publish(
        layer,
        out,
        formats=None if formats is None else split_names([formats]),
        languages=split_names(languages or ["en"]),
        profile=profile,
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
    }
    show(result, _summarise(result), as_json=as_json)


def _summarise(result: dict[str, Any]) -> Iterator[str]:
    """Yield the lines that tell a reader what was published."""
    if result["notice"]:
        yield result["notice"]
    yield f"{result['regions']} regions as of {result['as_of']}, layer {result['layer']}"
    yield from (f"  {name:<18}{n:>6}" for name, n in result["levels"].items())
    for stage in result["ledger"]:
        aside = ", ".join(f"{n} {reason}" for reason, n in stage["reasons"].items())
        yield f"{stage['stage']}: {stage['rows_in']} rows in, {stage['rows_out']} out" + (
            f"; set aside: {aside}" if aside else ""
        )
    if result["later"]:
        yield result["later"]
    yield from (f"without {name}: {why}" for name, why in result["missing_formats"].items())
    yield f"published in {result['out']}"
