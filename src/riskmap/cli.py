"""The command line: one command a verb.

Results go to stdout, progress to stderr when it is a terminal. Exit codes: 0 done, 1 failed,
2 wrong usage. Everything heavy is imported inside the commands, so that ``--help`` is quick.
"""

from __future__ import annotations

import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from riskmap.errors import RiskmapError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import geopandas as gpd
    import pandas as pd

    from riskmap.assessment.groups import WorkerGroup
    from riskmap.assessment.layers import RiskLayer

app = typer.Typer(
    help="Incident reports to district risk levels for a stated group of foreign workers.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
)

Out = Annotated[Path, typer.Option("--out", help="Folder for the published set.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

DEMO_TABLE = "examples/attacks_on_foreign_workers.csv"
DEMO_COUNTRIES = ("AFG", "PAK")
DEMO_AS_OF = "2025-02-01"


regions_app = typer.Typer(help="Boundaries: fetch them, find what is wrong with them.")
incidents_app = typer.Typer(help="Incident files: what they hold and what would be lost.")
app.add_typer(regions_app, name="regions")
app.add_typer(incidents_app, name="incidents")


def main() -> None:
    """Run the command line; errors and warnings become one line each on stderr."""
    warnings.showwarning = lambda message, *_, **__: typer.echo(f"riskmap: {message}", err=True)
    try:
        app()
    except (RiskmapError, OSError) as error:
        typer.echo(f"riskmap: {error}", err=True)
        sys.exit(1)


def _say(text: str) -> None:
    """Tell of progress on stderr, when somebody watches it."""
    if sys.stderr.isatty():
        typer.echo(text, err=True)


def _print(result: dict[str, Any], lines: Iterator[str], *, as_json: bool) -> None:
    """Print a result on stdout, as JSON or as lines for a reader."""
    if as_json:
        import orjson

        typer.echo(orjson.dumps(result, option=orjson.OPT_INDENT_2).decode())
    else:
        for line in lines:
            typer.echo(line)


@app.command()
def run(  # noqa: PLR0913 - one an option of the command
    incidents: Annotated[list[Path], typer.Argument(help="Files of incidents.")],
    regions: Annotated[str, typer.Option(help="Polygon file, or ISO3[:LEVEL] such as AFG:1.")],
    as_of: Annotated[str, typer.Option("--as-of", help="Day the risk is assessed for.")],
    horizon: Annotated[str, typer.Option(help="How far ahead, such as 90D.")] = "90D",
    every: Annotated[str, typer.Option(help="Window: day, week, month, quarter.")] = "month",
    group: Annotated[str | None, typer.Option(help="Whose risk, such as CHN/mining.")] = None,
    out: Out = Path("out"),
    *,
    as_json: Json = False,
) -> None:
    """Turn files of incidents into a published risk layer; the same incident counts once."""
    import riskmap as rm

    _say(f"reading {regions}")
    districts = _read_regions(regions)
    table = _read_incidents(incidents)
    who = None if group is None else rm.WorkerGroup.parse(group)
    layer = _assess(table, districts, as_of=as_of, horizon=horizon, every=every, group=who)
    layer = _name_inputs(layer, [*incidents, *([Path(regions)] if Path(regions).exists() else [])])
    _publish(layer, out, as_json=as_json)


@app.command()
def backtest(
    incidents: Annotated[list[Path], typer.Argument(help="Files of incidents.")],
    regions: Annotated[str, typer.Option(help="Polygon file, or ISO3[:LEVEL] such as AFG:1.")],
    as_of: Annotated[str, typer.Option("--as-of", help="Day up to which the past is replayed.")],
    horizon: Annotated[str, typer.Option(help="How far ahead, such as 90D.")] = "90D",
    every: Annotated[str, typer.Option(help="Window: day, week, month, quarter.")] = "month",
    origins: Annotated[int, typer.Option(help="How many past forecasts, a horizon apart.")] = 12,
    *,
    as_json: Json = False,
) -> None:
    """Say what forecasts from past days were worth, against baselines."""
    import riskmap as rm

    table, districts = _read_incidents(incidents), _read_regions(regions)
    located = rm.locate(table, districts)
    panel = rm.count_incidents(located, districts, every=every, as_of=as_of)
    models = {m.__name__: m() for m in (rm.EndemicEpidemic, rm.EmpiricalBayes, rm.Climatology)}
    _say(f"forecasting {horizon} from {origins} past days")
    found = rm.backtest(panel, models, horizon=horizon, origins=origins)
    tables = {"scores": found.scores()}
    tables |= {f"skill against {name}": found.skill(name) for name in list(models)[1:]}
    result = {name: _as_rows(found) for name, found in tables.items()}
    lines = (f"{name}\n{found.round(4).to_string(index=False)}\n" for name, found in tables.items())
    _print(result, lines, as_json=as_json)


@app.command()
def demo(out: Out = Path("out/demo"), *, as_json: Json = False) -> None:
    """Score the provinces of Afghanistan and Pakistan from a small table of true attacks."""
    import riskmap as rm
    from riskmap.settings import data_path

    _say("a demonstration on a small table of public reports: not a risk assessment")
    table = rm.read_incidents(data_path(DEMO_TABLE))
    provinces = rm.read_regions(DEMO_COUNTRIES, level=1)
    layer = _assess(table, provinces, as_of=DEMO_AS_OF, horizon="90D", every="month")
    layer = _name_inputs(layer, [data_path(DEMO_TABLE)])
    notice = (
        "Demonstration on a small table of publicly reported attacks. Not a risk assessment: "
        "most incidents are not in the table."
    )
    layer = replace(layer, provenance={**layer.provenance, "notice": notice})
    _publish(layer, out, as_json=as_json)


@regions_app.command("get")
def get_regions(
    iso3: Annotated[str, typer.Argument(help="ISO 3166-1 alpha-3 code such as AFG.")],
    level: Annotated[int, typer.Option(help="0 country, 1 province, 2 district ...")] = 1,
    out: Annotated[Path | None, typer.Option(help="File: .geojson, .fgb or .gpkg.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """Fetch the regions of a country, keep them for offline use, and name their licence."""
    import riskmap as rm

    _say(f"fetching {iso3} level {level}")
    regions = rm.read_regions(iso3, level=level)
    if out is not None:
        regions.to_file(out)
    first = regions.iloc[0]
    keys = ("boundary_source", "boundary_version", "boundary_licence")
    result = {
        "iso3": iso3,
        "level": level,
        "regions": len(regions),
        **{key: first[key] for key in keys},
        "out": None if out is None else str(out),
    }
    _print(result, (f"{key}: {value}" for key, value in result.items()), as_json=as_json)


@regions_app.command("audit")
def audit_regions(
    file: Annotated[Path, typer.Argument(help="File of polygons.")], *, as_json: Json = False
) -> None:
    """Report invalid rings, overlaps, gaps, slivers, double ids and names, and where."""
    import riskmap as rm

    report = rm.audit_regions(file)
    findings = _as_rows(report.findings)
    result = {"file": file.name, "clean": report.is_clean, "findings": findings}
    _print(result, iter(str(report).splitlines()), as_json=as_json)


@incidents_app.command("check")
def check_incidents(
    file: Annotated[Path, typer.Argument(help="File of incidents.")],
    max_lost: Annotated[
        float, typer.Option(min=0, max=1, help="Exit 1 when a larger share would be lost.")
    ] = 1.0,
    *,
    as_json: Json = False,
) -> None:
    """Report what a file holds, how its columns are read, and what will be lost."""
    import riskmap as rm

    report = rm.check_incidents_file(file)
    _print(report.as_dict(), iter(str(report).splitlines()), as_json=as_json)
    if report.lost_share > max_lost:
        raise typer.Exit(1)


@app.command()
def extract(
    article: Annotated[Path, typer.Argument(help="Text, HTML or feed file, or a folder.")],
    published: Annotated[str | None, typer.Option(help="Day it appeared, YYYY-MM-DD.")] = None,
    regions: Annotated[str | None, typer.Option(help="Polygon file, or ISO3[:LEVEL].")] = None,
    html: Annotated[
        Path | None, typer.Option(help="Review sheet to write, one an article.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Table to accept or correct.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """Read incidents out of news text, each field with the phrase that it rests on."""
    import riskmap as rm
    from riskmap.incidents.articles.inputs import read_articles
    from riskmap.incidents.articles.reviews import render_review, write_review

    places = None if regions is None else _read_regions(regions)
    found = [
        rm.extract_incidents(text.text, published=published or text.published, regions=places)
        for text in read_articles(article)
    ]
    if html is not None:
        for number, one in enumerate(found, start=1):
            sheet = html if len(found) == 1 else html.with_stem(f"{html.stem}-{number}")
            sheet.write_text(render_review(one), encoding="utf-8")
    if csv is not None:
        write_review(found, csv)
    rows = [row for one in found for row in one.incident_rows]
    shown = ("incident_id", "event_status", "event_date", "admin1", "admin2", "place", "killed")
    plain = [{key: str(value) for key, value in row.items() if value is not None} for row in rows]
    lines = ("  ".join(row.get(key, "-") for key in shown) for row in plain)
    _print({"incidents": plain}, lines, as_json=as_json)


@app.command()
def geocode(
    incidents: Annotated[list[Path], typer.Argument(help="Files of incidents.")],
    regions: Annotated[str, typer.Option(help="Polygon file, or ISO3[:LEVEL].")],
    user_agent: Annotated[
        str | None, typer.Option(help="Ask Nominatim too, as this application.")
    ] = None,
    budget: Annotated[int, typer.Option(help="Requests that may go out.")] = 1000,
    *,
    dry_run: Annotated[bool, typer.Option(help="Only say how many requests would go.")] = False,
    as_json: Json = False,
) -> None:
    """Find the region of each incident by name: offline, and by Nominatim where you ask for it."""
    from geopy.geocoders import Nominatim

    import riskmap as rm
    from riskmap.places.geocoders import GeocodeCache, count_requests
    from riskmap.settings import cache_folder

    table, places = _read_incidents(incidents), _read_regions(regions)
    gazetteer, service = rm.Gazetteer.from_regions(places), None
    if user_agent is not None:
        cache_folder().mkdir(parents=True, exist_ok=True)
        cache = GeocodeCache(cache_folder() / "geocodes.sqlite")
        asked = Nominatim(user_agent=user_agent)
        service = rm.GeocodeService(asked, places, cache=cache, budget=budget)
    if dry_run:
        n = 0 if service is None else count_requests(table, gazetteer, service=service)
        _print({"requests": n}, iter([f"{n} requests would go out"]), as_json=as_json)
        return
    found = rm.geocode(table, gazetteer, service=service)
    counts = {str(k): int(n) for k, n in found["status"].value_counts().sort_index().items()}
    rows = _as_rows(found.assign(incident_id=table["incident_id"]))
    lines = (f"{status}: {n}" for status, n in counts.items())
    _print({"status": counts, "places": rows}, lines, as_json=as_json)


@app.command()
def doctor(*, as_json: Json = False) -> None:
    """Check what riskmap needs and what it can use; exit 1 when something needed is missing."""
    from riskmap.doctors import examine

    checks = examine()
    ok = all(check["ok"] for check in checks if check["needed"])
    lines = (
        f"{'ok ' if check['ok'] else '-- ' if not check['needed'] else 'NO '} "
        f"{check['name']}: {check['found']}"
        for check in checks
    )
    _print({"ok": ok, "checks": checks}, lines, as_json=as_json)
    if not ok:
        raise typer.Exit(1)


def _read_incidents(paths: list[Path]) -> gpd.GeoDataFrame:
    """Read files of incidents; of several, an incident that more than one tells of counts once."""
    import pandas as pd

    import riskmap as rm

    tables = []
    for path in paths:
        _say(f"reading {path.name}")
        tables.append(rm.read_incidents(path))
    if len(tables) == 1:
        return tables[0]
    return rm.merge_duplicates(pd.concat(tables, ignore_index=True))


def _as_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table as plain values, null where something is missing."""
    whole = table.astype(object).where(table.notna(), None)
    return [{str(k): v for k, v in row.items()} for row in whole.to_dict("records")]


def _read_regions(source: str) -> gpd.GeoDataFrame:
    """Read regions from a file, or from a country code with an optional level."""
    import riskmap as rm

    if Path(source).exists():
        return rm.read_regions(source)
    iso3, _, level = source.partition(":")
    if level and not level.isdecimal():
        raise typer.BadParameter(f"met {source!r}, expected a file or ISO3[:LEVEL]")
    return rm.read_regions(iso3, level=int(level) if level else None)


def _assess(
    table: gpd.GeoDataFrame,
    regions: gpd.GeoDataFrame,
    *,
    as_of: str,
    horizon: str,
    every: str,
    group: WorkerGroup | None = None,
) -> RiskLayer:
    """Run the stream from incidents to a risk layer."""
    import riskmap as rm

    _say(f"placing {len(table):,} incidents in {len(regions):,} regions")
    located = rm.locate(table, regions)
    panel = rm.count_incidents(located, regions, every=every, as_of=as_of)
    _say(f"forecasting {horizon} from {as_of}")
    return rm.assess(rm.forecast(panel, horizon=horizon), regions, group=group)


def _name_inputs(layer: RiskLayer, paths: list[Path]) -> RiskLayer:
    """Return the layer with the name, size and sha256 of each input file in its provenance."""
    import hashlib

    inputs = []
    for path in paths:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        inputs.append({"name": path.name, "bytes": path.stat().st_size, "sha256": digest})
    return replace(layer, provenance={**layer.provenance, "inputs": inputs})


def _publish(layer: RiskLayer, out: Path, *, as_json: bool) -> None:
    """Write a layer and print where it is and what it says."""
    import riskmap as rm

    folder = rm.publish(layer, out)
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
        "notice": layer.provenance.get("notice"),
    }
    _print(result, _summarise(result), as_json=as_json)


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
    yield f"published in {result['out']}"
