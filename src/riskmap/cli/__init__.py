"""The command line: one command a verb.

Results go to stdout, progress to stderr when it is a terminal. Exit codes: 0 done, 1 failed,
2 wrong usage. Everything heavy is imported inside the commands, so that ``--help`` is quick.
"""

from __future__ import annotations

import platform
import re
import sys
import warnings
from collections import Counter
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from riskmap.cli import common, layer_commands
from riskmap.errors import RiskmapError
from riskmap.ledgers import MAX_LOST, Losses
from riskmap.settings import VERSION, cache_folder, data_path, is_offline

if TYPE_CHECKING:
    from riskmap.incidents.checks import FileReport


def check_incidents(  # noqa: PLR0913, PLR0917 - one an option of the command
    file: Annotated[str, typer.Argument(help="A log, a form's export, any table of incidents.")],
    regions: common.RegionsIfAny = None,
    max_lost: common.MaxLost = MAX_LOST,
    mapping: common.Mapping = None,
    sheet: common.Sheets = None,
    dates: common.Dates = None,
    calendar: common.Calendar = None,
    encoding: common.Encoding = None,
    scope: common.ScopeText = None,
    *,
    as_json: common.Json = False,
) -> None:
    """Report what a file holds, how its columns are read, and what will be lost."""
    options = {"mapping": mapping, "sheet": sheet, "encoding": encoding}
    options |= {"dates": dates, "calendar": calendar}
    _import(file, regions, None, max_lost, scope=scope, as_json=as_json, rows=False, **options)


def import_file(  # noqa: PLR0913, PLR0917 - one an option of the command
    file: Annotated[str, typer.Argument(help="A log, a form's export, any table of incidents.")],
    regions: common.RegionsIfAny = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the incidents, the rows to mend, the mapping.")
    ] = None,
    mapping: common.Mapping = None,
    sheet: common.Sheets = None,
    dates: common.Dates = None,
    calendar: common.Calendar = None,
    encoding: common.Encoding = None,
    scope: common.ScopeText = None,
    max_lost: common.MaxLost = MAX_LOST,
    *,
    as_json: common.Json = False,
) -> None:
    """Read a file in whatever shape it comes; print what was understood, row by row."""
    options = {"mapping": mapping, "sheet": sheet, "encoding": encoding}
    options |= {"dates": dates, "calendar": calendar}
    _import(file, regions, out, max_lost, scope=scope, as_json=as_json, rows=True, **options)


def _import(
    file: str,
    regions: Any,
    out: Path | None,
    max_lost: float,
    *,
    as_json: bool,
    rows: bool,
    **options: Any,
) -> None:
    """Print what a file holds, with its rows where that is asked, and what would be lost of it."""
    import riskmap as rm
    from riskmap.desk import find_regions

    found = rm.incidents.import_incidents(file, **options)
    located = None if regions is None else rm.locate(found.incidents, find_regions(regions))
    result: dict[str, Any] = found.report.as_dict()
    lines, share = _tell_report(found.report), found.report.lost_share
    if located is not None:
        lost = Losses.of(located.ledger)
        share = max(share, lost.share)
        result |= {"not_used": lost.not_used, "elsewhere": lost.elsewhere, "lost_share": share}
        placed = f"placed: {len(located.incidents):,} of {lost.placed:,}, lost: {lost.share:.1%}"
        lines += [placed, *(f"  {text}" for text in lost.tell())]
        if lost.elsewhere:
            lines.append(f"  elsewhere than in these regions: {lost.elsewhere:,}")
    if rows:
        table = common.as_rows(
            found.rows(None if located is None else located.placements).astype("str")
        )
        written = [] if out is None else [str(path) for path in found.write(out)]
        result = {"report": result, "rows": table, "written": written}
        lines += ["  ".join(value or "-" for value in row.values()) for row in table]
        lines += written
    common.show(result, iter(lines), as_json=as_json)
    if share > max_lost:
        common.say_why(
            f"{share:.1%} of the rows that tell of an incident are lost, more than --max-lost"
        )
        raise typer.Exit(1)


def _tell_report(report: FileReport) -> list[str]:
    """Return the lines of a report, which speak of options."""
    own = common.speak_of_options(report.sheets)
    return [own if line == report.sheets else line for line in str(report).splitlines()]


def extract(  # noqa: PLR0913, PLR0917 - one an option of the command
    article: Annotated[Path, typer.Argument(help="Text, HTML or feed file, or a folder.")],
    published: Annotated[str | None, typer.Option(help="Day it appeared, YYYY-MM-DD.")] = None,
    regions: common.RegionsIfAny = None,
    reader: Annotated[
        str | None,
        typer.Option(
            help="A second reader: address of an OpenAI-compatible endpoint (key in "
            "RISKMAP_EXTRACTOR_KEY), or MODULE:FUNCTION."
        ),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Model behind the reader's address.")] = None,
    budget: Annotated[int, typer.Option(min=1, help="Requests that may go to the reader.")] = 500,
    html: Annotated[Path | None, typer.Option(help="Page of all texts and records.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Table to accept or correct.")] = None,
    xlsx: Annotated[Path | None, typer.Option(help="The same table as a workbook.")] = None,
    *,
    as_json: common.Json = False,
) -> None:
    """Read incidents out of news text, each field with the phrase that it rests on.

    Exit code 1 when no text was read, or when the reader did not answer.
    """
    from riskmap.desk import find_regions
    from riskmap.incidents.articles import PlaceMatcher
    from riskmap.incidents.articles.endpoints import find_reader
    from riskmap.incidents.articles.inputs import read_articles
    from riskmap.incidents.articles.reviews import read_texts, render_review, write_review

    places = PlaceMatcher.from_regions(None if regions is None else find_regions(regions))
    other = None if reader is None else find_reader(reader, model=model, budget=budget)
    read = read_texts(read_articles(article), published=published, regions=places, extractor=other)
    if html is not None:
        html.write_text(render_review(read.extractions), encoding="utf-8")
    for path in (csv, xlsx):
        if path is not None:
            write_review(read.extractions, path)
    for line in read.tell():
        common.say_why(line)
    rows = [row for one in read.extractions for row in one.incident_rows]
    shown = ("incident_id", "event_status", "event_date", "admin1", "admin2", "place", "killed")
    plain = [{key: str(value) for key, value in row.items() if value is not None} for row in rows]
    lines = ("  ".join(row.get(key, "-") for key in shown) for row in plain)
    common.show({"incidents": plain, "unread": read.unread}, lines, as_json=as_json)
    if read.failed or not read.count:
        raise typer.Exit(1)


def get_incidents(  # noqa: PLR0913 - one an option of the command
    source: Annotated[
        str,
        typer.Argument(
            help="ucdp, ucdp-files, acled, hapi, reliefweb, or acled-withdrawn (ids of events "
            "that ACLED has taken back)."
        ),
    ],
    country: Annotated[str | None, typer.Option(help="Name or alpha-3 code such as AFG.")] = None,
    since: Annotated[str | None, typer.Option(help="First day, month or year.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day, month or year.")] = None,
    version: Annotated[str | None, typer.Option(help="UCDP's release such as 25.1.")] = None,
    out: Annotated[
        Path, typer.Option(help="File for the rows as the service writes them: .json or .csv.")
    ] = Path("incidents.json"),
    *,
    allow_empty: Annotated[bool, typer.Option(help="An empty answer is no error.")] = False,
    as_json: common.Json = False,
) -> None:
    """Fetch incidents; keys come from the environment, and a fetch cut short goes on.

    The file is read like any other: by run, by incidents check, and ReliefWeb's by extract.
    """
    from riskmap.incidents.fetching import count_read, fetch_rows, find_client, write_rows
    from riskmap.incidents.queries import Query

    client = find_client(source)
    query = Query.of(country=country, since=since, until=until, version=version)
    common.say(f"asking {client.title}")
    fetched = fetch_rows(client, query, allow_empty=allow_empty)
    write_rows(fetched, out)
    result: dict[str, Any] = {
        "out": str(out),
        "rows": len(fetched.rows),
        "ledger": count_read(fetched).as_list(),
        "provenance": dict(fetched.provenance),
    }
    lines = (
        f"{client.title}: {len(fetched.rows):,} rows in {out}",
        *common.tell_stages(result["ledger"]),
        f"licence: {client.licence}",
    )
    common.show(result, iter(lines), as_json=as_json)


def get_regions(
    iso3: Annotated[str, typer.Argument(help="ISO 3166-1 alpha-3 code such as AFG.")],
    level: Annotated[int, typer.Option(help="0 country, 1 province, 2 district ...")] = 1,
    out: Annotated[Path | None, typer.Option(help="File: .geojson, .fgb or .gpkg.")] = None,
    *,
    as_json: common.Json = False,
) -> None:
    """Fetch the regions of a country, keep them for offline use, and name their licence."""
    import riskmap as rm

    common.say(f"fetching {iso3} level {level}")
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
    common.show(result, (f"{key}: {value}" for key, value in result.items()), as_json=as_json)


def audit_regions(
    file: Annotated[Path, typer.Argument(help="File of polygons.")], *, as_json: common.Json = False
) -> None:
    """Report invalid rings, overlaps, gaps, slivers, double ids and names, and where."""
    import riskmap as rm

    report = rm.places.audit_regions(file)
    findings = common.as_rows(report.findings)
    result = {"file": file.name, "clean": report.is_clean, "findings": findings}
    common.show(result, iter(str(report).splitlines()), as_json=as_json)


def geocode(
    incidents: common.Incidents,
    regions: common.Regions,
    user_agent: Annotated[
        str | None, typer.Option(help="Ask Nominatim too, as this application.")
    ] = None,
    budget: Annotated[int, typer.Option(help="Requests that may go out.")] = 1000,
    *,
    dry_run: Annotated[bool, typer.Option(help="Only say how many requests would go.")] = False,
    as_json: common.Json = False,
) -> None:
    """Find the region of each incident by name: offline, and by Nominatim where you ask for it."""
    from geopy.geocoders import Nominatim

    import riskmap as rm
    from riskmap.desk import find_regions
    from riskmap.places.geocoders import count_requests
    from riskmap.settings import cache_folder

    table, places = common.load_incidents(incidents), find_regions(regions)
    gazetteer, service = rm.places.Gazetteer.from_regions(places), None
    if user_agent is not None:
        cache_folder().mkdir(parents=True, exist_ok=True)
        cache = cache_folder() / "geocodes-2.sqlite"
        asked = Nominatim(user_agent=user_agent)
        service = rm.places.GeocodeService(asked, places, cache=cache, budget=budget)
    if dry_run:
        n = 0 if service is None else count_requests(table, gazetteer, service=service)
        common.show({"requests": n}, iter([f"{n} requests would go out"]), as_json=as_json)
        return
    found = rm.places.geocode(table, gazetteer, service=service)
    counts = {str(k): int(n) for k, n in found["status"].value_counts().sort_index().items()}
    rows = common.as_rows(found.assign(incident_id=table["incident_id"]))
    lines = (f"{status}: {n}" for status, n in counts.items())
    common.show({"status": counts, "places": rows}, lines, as_json=as_json)


_REQUIREMENT = re.compile(r"([\w.-]+)[^;]*(?:;.*extra == ['\"](\w+)['\"])?")

#: Extras that bring nothing which riskmap uses by itself.
_FOR_DEVELOPERS = ("all", "bench", "dev", "docs")

#: Data files without which nothing can be done.
_DATA = (
    "boundaries/world_adm1.fgb",
    "countries.csv",
    "levels/default.toml",
    "shares/foreign.toml",
    "examples/attacks_on_foreign_workers.csv",
)

app = typer.Typer(
    help="Incident reports to district risk levels for a stated group of foreign workers.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
)

regions_app = typer.Typer(help="Boundaries: fetch them, find what is wrong with them.")
incidents_app = typer.Typer(
    help="Incidents: fetch them, find what a file holds and what would be lost."
)
app.add_typer(regions_app, name="regions")
app.add_typer(incidents_app, name="incidents")


def _print_version(asked: bool) -> None:  # noqa: FBT001 - as typer calls it
    if asked:
        typer.echo(f"riskmap {VERSION}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""


def doctor(*, as_json: common.Json = False) -> None:
    """Check what riskmap needs and what it can use; exit 1 when something needed is missing."""
    checks = [_check("python", platform.python_version())]
    for name, extra in _requirements().items():
        missing = f"pip install 'riskmap[{extra}]'" if extra else "missing"
        checks.append(_check(name, _version(name), needed=not extra, missing=missing))
    checks += [_check(name, _size(name)) for name in _DATA]
    network = "forbidden" if is_offline() else "allowed"
    for name, found in (("cache", str(cache_folder())), ("network", network)):
        checks.append(_check(name, found, needed=False))
    ok = all(check["ok"] for check in checks if check["needed"])
    lines = (
        f"{'ok ' if check['ok'] else '-- ' if not check['needed'] else 'NO '} "
        f"{check['name']}: {check['found']}"
        for check in checks
    )
    common.show({"ok": ok, "checks": checks}, lines, as_json=as_json)
    if not ok:
        raise typer.Exit(1)


def _requirements() -> dict[str, str]:
    """Return the packages that riskmap says it uses, and the extra that brings each, "" for none.

    Of several extras the one that brings least counts.
    """
    try:
        lines = metadata.requires("riskmap") or []
    except metadata.PackageNotFoundError:
        return {"riskmap": ""}
    told = [_REQUIREMENT.match(line) for line in lines]
    pairs = [(m[1], m[2] or "") for m in told if m and m[2] not in _FOR_DEVELOPERS]
    brings = Counter(extra for _, extra in pairs)
    found: dict[str, str] = {}
    for name, extra in sorted(pairs, key=lambda pair: (bool(pair[1]), brings[pair[1]])):
        found.setdefault(name, extra)
    return found


def _check(
    name: str, found: str | None, *, needed: bool = True, missing: str = "missing"
) -> dict[str, Any]:
    """Return one finding: what was looked for, whether it is needed and there, what was found."""
    return {"name": name, "needed": needed, "ok": found is not None, "found": found or missing}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _size(name: str) -> str | None:
    try:
        return f"{data_path(name).stat().st_size:,} bytes"
    except FileNotFoundError:
        return None


app.command()(common.name_columns(layer_commands.run))
app.command()(layer_commands.demo)
app.command()(common.name_columns(layer_commands.backtest))
app.command()(layer_commands.diff)
app.command()(common.name_columns(layer_commands.replay))
app.command("import")(common.name_columns(import_file))
app.command()(common.name_columns(extract))
app.command()(common.name_columns(geocode))
app.command()(doctor)
regions_app.command("get")(get_regions)
regions_app.command("audit")(audit_regions)
incidents_app.command("check")(common.name_columns(check_incidents))
incidents_app.command("get")(get_incidents)


def main() -> None:
    """Run the command line; errors and warnings become one line each on stderr."""
    warnings.showwarning = lambda message, *_, **__: common.echo(
        f"riskmap: {common.speak_of_options(str(message))}", err=True
    )
    try:
        app()
    except (RiskmapError, OSError) as error:
        common.echo(f"riskmap: {common.tell_error(error)}", err=True)
        sys.exit(1)
