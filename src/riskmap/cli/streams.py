"""From files of incidents to a published layer."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from riskmap.cli.changes import LONG_AGO, find_last, find_rerun, misses_more
from riskmap.cli.common import (
    Dates,
    Every,
    Formats,
    Group,
    Horizon,
    Incidents,
    Json,
    Languages,
    MaxLost,
    Out,
    Profile,
    Regions,
    Scale,
    Scheduler,
    ScopeText,
    load_group,
    load_incidents,
    load_regions,
    refuse_losses,
    say,
    scan_files,
    show,
    split_names,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import geopandas as gpd

    from riskmap.assessment.layers import RiskLayer
    from riskmap.panels.groups import WorkerGroup
    from riskmap.panels.scans import Scan
    from riskmap.places.placements import Located

DEMO_TABLE = "examples/attacks_on_foreign_workers.csv"
DEMO_COUNTRIES = ("AFG", "PAK")
DEMO_AS_OF = "2025-02-01"

#: Bytes of incident files from which on they are read a part at a time.
LARGE = 500_000_000


def run(  # noqa: PLR0913, PLR0917 - one an option of the command
    incidents: Incidents,
    regions: Regions,
    as_of: Annotated[str, typer.Option("--as-of", help="Day the risk is assessed for.")],
    horizon: Horizon = "90D",
    every: Every = "month",
    group: Group = None,
    scale: Scale = None,
    out: Out = Path("out"),
    previous: Annotated[
        Path | None,
        typer.Option(help="The set before; the last one in OUT of an earlier day by default."),
    ] = None,
    *,
    no_previous: Annotated[bool, typer.Option(help="Look at no set before.")] = False,
    max_lost: MaxLost = 1.0,
    formats: Formats = None,
    profile: Profile = "private",
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
    import riskmap as rm
    from riskmap.incidents.scope import scope_path

    if dates is not None and scheduler is not None:
        raise typer.BadParameter("--dates does not go with --scheduler: write ISO dates")

    publish = _publisher(out, formats, languages, profile=profile, as_json=as_json)
    say(f"reading {regions}")
    districts = load_regions(regions)
    who = load_group(group)
    levels = None if scale is None else rm.LevelScale.from_file(scale)
    ids = districts["region_id"]
    cleared = () if decisions is None else rm.read_decisions(decisions, region_ids=ids)
    if scheduler is not None or (dates is None and _bytes_of(incidents) > LARGE):
        found: Located | Scan = scan_files(
            incidents, districts, scheduler=scheduler, scope=scope, group=who
        )
    else:
        table = load_incidents(incidents, dates=dates, scope=scope, group=who)
        say(f"placing {len(table):,} incidents in {len(districts):,} regions")
        found = rm.locate(table, districts)
    refuse_losses(found.ledger, max_lost)
    panel = rm.count_incidents(found, districts, group=who, every=every, as_of=as_of)
    say(f"forecasting {horizon} from {as_of}")
    forecast = rm.forecast(panel, horizon=horizon)
    last = find_last(out, as_of, who)
    before = None if no_previous else _read_previous(previous, last, regions=districts)
    assess = partial(rm.assess, forecast, districts, scale=levels, decisions=cleared)
    layer = assess(previous=before)
    first = None if no_previous or previous is not None else find_rerun(out, as_of, who)
    if first is not None and not _shares_regions(first, districts):
        first = None
    if first is not None and misses_more(layer, again := assess(previous=first)):
        say("a set of the same day knows reports that these files don't tell: compared with it")
        layer = again
    if no_previous and last is not None:
        layer = replace(layer, provenance={**layer.provenance, "passed_over": last.name[:10]})
    given = [*incidents, *map(scope_path, incidents), regions, scale, group, decisions]
    layer = _name_inputs(layer, given)
    publish(layer, later=_tell_later(found, layer, who, as_of))


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
    from riskmap.outputs.catalogues import catalogue
    from riskmap.settings import data_path

    publish = _publisher(out, formats, languages, profile=profile, as_json=as_json)
    say("a demonstration on a small table of public reports: not a risk assessment")
    table = rm.read_incidents(data_path(DEMO_TABLE))
    provinces = rm.read_regions(DEMO_COUNTRIES, level=1)
    located = rm.locate(table, provinces)
    panel = rm.count_incidents(located, provinces, every="month", as_of=DEMO_AS_OF)
    say(f"forecasting 90D from {DEMO_AS_OF}")
    layer = rm.assess(rm.forecast(panel, horizon="90D"), provinces)
    layer = _name_inputs(layer, [data_path(DEMO_TABLE)])
    notice = catalogue("en")["demo_notice"]
    layer = replace(layer, provenance={**layer.provenance, "notice": notice})
    publish(layer)


def _bytes_of(paths: list[Path]) -> int:
    """Return the bytes of files; one that is missing is told of when it is read."""
    return sum(path.stat().st_size for path in paths if path.is_file())


def _shares_regions(before: RiskLayer, regions: gpd.GeoDataFrame) -> bool:
    """Return whether most regions come from those of a layer."""
    from riskmap.places.areas import find_predecessors

    found = find_predecessors(before.regions, regions)["new_id"].nunique()
    return bool(found * 2 > regions["region_id"].nunique())


def _read_previous(
    named: Path | None, last: Path | None, *, regions: gpd.GeoDataFrame
) -> RiskLayer | None:
    """Return the layer before: the one that is named, or the last one of the same regions."""
    import riskmap as rm
    from riskmap.places.areas import find_predecessors

    if named is not None:
        return rm.read_layer(named, today=LONG_AGO)
    if last is None:
        return None
    say(f"comparing with {last.name}")
    before = rm.read_layer(last, today=LONG_AGO)
    pairs = find_predecessors(before.regions, regions)
    old, new = set(before.regions["region_id"]), set(regions["region_id"])
    if not _shares_regions(before, regions):
        say("the set before is of other regions: not compared, and no level waits")
        return None
    strange = sorted((old - set(pairs["old_id"])) | (new - set(pairs["new_id"])))
    if strange:
        say(f"in one of this set and the one before alone, so not compared: {', '.join(strange)}")
    return before


def _tell_later(
    found: Located | Scan, layer: RiskLayer, group: WorkerGroup | None, as_of: str
) -> str:
    """Return what came too late for the day of a layer, in a sentence; it changes nothing in it."""
    import pandas as pd

    from riskmap.outputs.tables import clean_text
    from riskmap.panels.attacks import tell_later

    own = found.newest if hasattr(found, "newest") else found.incidents
    why = layer.ledger.stages[-1].reasons
    least = sum(why.get(reason, 0) for reason in ("after_as_of", "not_yet_known"))
    return clean_text(tell_later([own, found.aside], group, as_of=pd.Timestamp(as_of), least=least))


def _name_inputs(layer: RiskLayer, given: list[Any]) -> RiskLayer:
    """Return the layer with the name, size and sha256 of each input that is a file."""
    import hashlib

    inputs = []
    for path in (Path(name) for name in given if name is not None):
        if not path.is_file():
            continue
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        inputs.append({"name": path.name, "bytes": path.stat().st_size, "sha256": digest})
    return replace(layer, provenance={**layer.provenance, "inputs": inputs})


def _publisher(
    out: Path,
    formats: str | None,
    languages: list[str] | None,
    *,
    profile: str,
    as_json: bool,
) -> Callable[..., None]:
    """Return what will publish a layer; a wrong format is refused now, before hours of work."""
    from riskmap.outputs.catalogues import choose_languages
    from riskmap.outputs.formats import choose_formats
    from riskmap.outputs.profiles import check_profile

    check_profile(profile)
    options = {
        "formats": choose_formats(None if formats is None else split_names([formats])),
        "languages": choose_languages(split_names(languages or ["en"])),
        "profile": profile,
    }
    return partial(_publish, out=out, options=options, as_json=as_json)


def _publish(
    layer: RiskLayer, *, out: Path, options: dict[str, Any], as_json: bool, later: str = ""
) -> None:
    """Write a layer and print where it is and what it says."""
    import json

    import riskmap as rm

    folder = rm.publish(layer, out, **options)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    headline = layer.risks[layer.risks["layer"] == layer.headline]
    counts = headline["level_name"].value_counts()
    levels = {level.name: int(counts.get(level.name, 0)) for level in reversed(layer.scale.levels)}
    result = {
        "out": str(folder),
        "as_of": layer.provenance["as_of"],
        "layer": layer.headline,
        "regions": len(layer.regions),
        "levels": levels,
        "ledger": layer.ledger.as_list(),
        "missing_formats": manifest["missing_formats"],
        "notice": layer.provenance.get("notice"),
        "later": later,
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
