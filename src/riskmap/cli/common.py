"""What the commands share: options, reading inputs, printing results."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from riskmap.outputs.catalogues import languages
from riskmap.outputs.formats import describe_formats

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import geopandas as gpd
    import pandas as pd

    from riskmap.ledgers import Ledger
    from riskmap.panels.groups import WorkerGroup
    from riskmap.panels.scans import Scan

Group = Annotated[
    str | None, typer.Option(help="Whose risk: CHN/mining, or a TOML file of the group.")
]
Scale = Annotated[Path | None, typer.Option(help="TOML file of levels and thresholds.")]
Out = Annotated[Path, typer.Option("--out", help="Folder for the published set.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Incidents = Annotated[list[Path], typer.Argument(help="Files of incidents.")]
MaxLost = Annotated[
    float, typer.Option(min=0, max=1, help="Exit 1 when a larger share of the rows can't be used.")
]
Dates = Annotated[
    str | None,
    typer.Option("--dates", help="Format of the dates where the file does not tell: %d/%m/%Y."),
]
ScopeText = Annotated[
    str | None,
    typer.Option(
        "--scope",
        help="What the sources of all files can see, such as 'violence; reach=countries'; outranks "
        "what files and feeds say.",
    ),
]
Regions = Annotated[str, typer.Option(help="Polygon file, or ISO3[:LEVEL] such as AFG:1.")]
Horizon = Annotated[str, typer.Option(help="How far ahead, such as 90D.")]
Every = Annotated[str, typer.Option(help="Window: day, week, month, quarter.")]
Formats = Annotated[
    str | None,
    typer.Option(help=f"Such as geojson,csv,map; all when not given: {describe_formats()}."),
]
Languages = Annotated[
    list[str] | None,
    typer.Option(
        "--language",
        help="Of advisory and map page, such as en,zh, or repeated; en when not given: "
        f"{', '.join(languages())}.",
    ),
]
Scheduler = Annotated[
    str | None, typer.Option(help="Dask scheduler whose workers share the work, such as tcp://...")
]
Jobs = Annotated[int, typer.Option(min=1, help="Processes to run in.")]
Profile = Annotated[
    str, typer.Option(help="private, or public: no names, free text, positions or small numbers.")
]


def say(text: str) -> None:
    """Tell of progress on stderr, when somebody watches it."""
    if sys.stderr.isatty():
        typer.echo(text, err=True)


def split_names(texts: Iterable[str]) -> list[str]:
    """Return the names in texts with commas between them.

    Examples
    --------
    >>> split_names(["en, zh", "fr"])
    ['en', 'zh', 'fr']
    """
    return [name.strip() for text in texts for name in text.split(",")]


def show(result: dict[str, Any], lines: Iterator[str], *, as_json: bool) -> None:
    """Print a result on stdout, as JSON or as lines for a reader."""
    if as_json:
        import orjson

        typer.echo(orjson.dumps(result, option=orjson.OPT_INDENT_2).decode())
    else:
        for line in lines:
            typer.echo(line)


def load_incidents(
    paths: list[Path],
    *,
    dates: str | None = None,
    scope: str | None = None,
    group: WorkerGroup | None = None,
) -> gpd.GeoDataFrame:
    """Read files of incidents; who was hit is read from notes, and an incident counts once.

    Notes come before duplicates, so that the report that stands for an incident also knows what
    the words of the others say; what a feed itself says outranks them all.
    """
    import pandas as pd

    import riskmap as rm

    tables = []
    for path in paths:
        say(f"reading {path.name}")
        table = rm.read_incidents(path, dates=dates, scope=scope)
        tables.append(rm.derive_victims(table, employers=_employers(group)))
    say("looking for reports of the same incident")
    table = tables[0] if len(tables) == 1 else pd.concat(tables, ignore_index=True)
    return rm.merge_duplicates(table)


def _employers(group: WorkerGroup | None) -> tuple[str, ...]:
    return () if group is None else group.employers


def scan_files(
    paths: list[Path],
    regions: gpd.GeoDataFrame,
    *,
    scheduler: str | None,
    scope: str | None = None,
    group: WorkerGroup | None = None,
) -> Scan:
    """Read and place long files a part at a time, here or by the workers of a cluster."""
    import riskmap as rm
    from riskmap.workers import connect

    say(f"reading and placing {len(paths)} files a part at a time")
    each = partial(rm.derive_victims, employers=_employers(group))
    scan = partial(rm.scan_incidents, paths, regions, each=each, merge=True, scope=scope)
    if scheduler is None:
        return scan()
    with connect(scheduler) as client:
        return scan(client=client)


def refuse_losses(ledger: Ledger, max_lost: float) -> None:
    """Raise, with the ten most frequent reasons, when too many rows can't be used."""
    from riskmap.errors import InputError

    read = ledger.stages[0]
    if read.quarantined > max_lost * read.rows_in:
        top = sorted(read.reasons.items(), key=lambda item: (-item[1], item[0]))[:10]
        raise InputError(
            f"{read.quarantined / read.rows_in:.1%} of the rows can't be used",
            met=", ".join(f"{n} {reason}" for reason, n in top),
            expected=f"at most {max_lost:.1%}; riskmap incidents check tells more of a file",
        )


def as_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table as plain values, null where something is missing."""
    whole = table.astype(object).where(table.notna(), None)
    return [{str(k): v for k, v in row.items()} for row in whole.to_dict("records")]


def load_regions(source: str) -> gpd.GeoDataFrame:
    """Read regions from a file, or from a country code with an optional level."""
    import riskmap as rm

    if Path(source).exists():
        return rm.read_regions(source)
    iso3, _, level = source.partition(":")
    if level and not level.isdecimal():
        raise typer.BadParameter(f"met {source!r}, expected a file or ISO3[:LEVEL]")
    return rm.read_regions(iso3, level=int(level) if level else None)


def load_group(text: str | None) -> WorkerGroup | None:
    """Read a group from a TOML file, or from a text such as CHN/mining; None for none."""
    import riskmap as rm

    if text is None:
        return None
    return rm.read_group(text) if text.endswith(".toml") else rm.WorkerGroup.parse(text)
