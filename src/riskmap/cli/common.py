"""What the commands share: options, reading inputs, printing results."""

from __future__ import annotations

import functools
import inspect
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from riskmap.ledgers import ELSEWHERE, MAX_LOST, tell_unused
from riskmap.outputs.catalogues import languages
from riskmap.outputs.formats import describe_formats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import geopandas as gpd
    import pandas as pd

    from riskmap.panels.groups import WorkerGroup


def _check_regions(sources: list[str] | None) -> list[str] | None:
    """Refuse, as wrong usage, what is neither a file nor ISO3[:LEVEL]."""
    for source in sources or ():
        level = source.partition(":")[2]
        if level and not level.isdecimal() and not Path(source).exists():
            raise typer.BadParameter(f"met {source!r}, expected a file or ISO3[:LEVEL]")
    return sources


Group = Annotated[
    str | None, typer.Option(help="Whose risk: CHN/mining, or a TOML file of the group.")
]
Scale = Annotated[Path | None, typer.Option(help="TOML file of levels and thresholds.")]
Out = Annotated[Path, typer.Option("--out", help="Folder for the published set.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
_FILES = typer.Argument(help="Files of incidents, folders of Parquet, or addresses: s3://...")
Incidents = Annotated[list[str], _FILES]
IncidentsIfAny = Annotated[list[str] | None, _FILES]
Mapping = Annotated[
    Path | None,
    typer.Option("--mapping", help="mapping.toml that an import wrote: how such files are read."),
]
Sheets = Annotated[
    list[str] | None,
    typer.Option("--sheet", help="Of a workbook with several; repeated, or all, for more."),
]
Encoding = Annotated[str | None, typer.Option(help="Of text, such as cp1252.")]
Dates = Annotated[
    str | None,
    typer.Option("--dates", help="Format of the dates where the file does not tell: %d/%m/%Y."),
]
Calendar = Annotated[
    str | None,
    typer.Option("--calendar", help="Of the dates: solar_hijri, islamic, ethiopian or buddhist."),
]
_max_lost = functools.partial(
    typer.Option,
    min=0,
    max=1,
    help="Exit 1 when a larger share of the rows that tell of an incident is lost: set aside, "
    "or spread although they name a district.",
)
MaxLost = Annotated[float, _max_lost()]
MaxLostIfAny = Annotated[float | None, _max_lost(show_default=str(MAX_LOST))]
ScopeText = Annotated[
    str | None,
    typer.Option(
        "--scope",
        help="What the sources of all files can see, such as 'violence; reach=countries'; outranks "
        "what files and feeds say.",
    ),
]
_REGIONS = typer.Option(
    help="Polygon file, or ISO3[:LEVEL] such as AFG:1; repeated for several.",
    callback=_check_regions,
)
Regions = Annotated[list[str], _REGIONS]
RegionsIfAny = Annotated[list[str] | None, _REGIONS]
#: Options that say what columns of boundary files hold, by the argument of :func:`read_regions`.
_COLUMNS = {
    name: Annotated[str | None, typer.Option(f"--{name}", help=f"Column of the polygons' {what}.")]
    for name, what in (("id", "ids"), ("name", "names"), ("parent", "parents' names"))
}
_horizon = functools.partial(typer.Option, help="How far ahead, such as 90D.")
Horizon = Annotated[str, _horizon()]
HorizonIfAny = Annotated[str | None, _horizon(show_default="90D")]
_every = functools.partial(typer.Option, help="Window: day, week, month, quarter.")
Every = Annotated[str, _every()]
EveryIfAny = Annotated[str | None, _every(show_default="month")]
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
SenderText = Annotated[
    str | None,
    typer.Option(
        "--sender",
        help="Whose the alert and the feed are: 'Desk <alerts@example.org>'; without one there are "
        "none.",
    ),
]
Contact = Annotated[
    str | None, typer.Option("--contact", help="Where a reader of the alert asks back.")
]
Link = Annotated[
    str | None,
    typer.Option(
        "--link",
        help="Where readers of the alert and the feed find the newest set: https://.../latest/",
    ),
]
_profile = functools.partial(
    typer.Option, help="private, or public: no names, free text, positions or small numbers."
)
Profile = Annotated[str, _profile()]
ProfileIfAny = Annotated[str | None, _profile(show_default="private")]


#: Arguments of Python that are options of the shell, with _ for -.
_ARGUMENTS = (
    *("as_of", "max_lost", "sheet", "encoding", "dates", "calendar", "mapping", "scope"),
    *("regions", "horizon", "every", "group", "previous", "decisions", "scale", "scheduler"),
    *("formats", "profile", "sender", "contact", "link"),
)
#: Control signs except tab and line end, and those that turn the direction of writing.
_OBEYED = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_GIVEN = re.compile(rf"\b({'|'.join(_ARGUMENTS)})=('[^']*'|\"[^\"]*\"|[\w.%]*)")
_COLUMN = re.compile(rf"(?<!\d, )\bcolumn ({'|'.join(_ARGUMENTS)}): ")
_TOLD_COLUMNS = re.compile(r"columns=\{'event_date': \.\.\.\}")


def speak_of_options(text: str) -> str:
    """Return a message of riskmap with the options of the shell for the arguments of Python.

    Examples
    --------
    >>> speak_of_options("name it with sheet=, or take sheet='all'; none before as_of")
    'name it with --sheet, or take --sheet all; none before --as-of'
    """
    text = _TOLD_COLUMNS.sub("a --mapping that names them", text)
    text = _COLUMN.sub(lambda found: f"{_option(found[1])}: ", text)
    text = _GIVEN.sub(lambda found: f"{_option(found[1])} {_plain(found[2])}".rstrip(), text)
    return re.sub(r"(?<![\w-])as_of(?!\w)", "--as-of", text)


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _plain(value: str) -> str:
    """Return a value without the quotes that a shell does not need."""
    return value[1:-1] if value[1:-1].isalnum() else value


def tell_error(error: Exception) -> str:
    """Return an error as the shell tells it; keys of a TOML file keep their names."""
    file = str(getattr(error, "file", None) or "")
    return str(error) if file.endswith(".toml") else speak_of_options(str(error))


def name_columns(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command of regions that also takes ``--id``, ``--name`` and ``--parent``.

    Its argument `regions` is then a :class:`riskmap.desk.RegionSource`, or None.

    Parameters
    ----------
    command
        A function with an argument `regions`.
    """
    told = inspect.signature(command)
    hints = get_type_hints(command, include_extras=True)
    own = [one.replace(annotation=hints[one.name]) for one in told.parameters.values()]
    word = inspect.Parameter.KEYWORD_ONLY
    own += [
        inspect.Parameter(name, word, default=None, annotation=hint)
        for name, hint in _COLUMNS.items()
    ]

    @functools.wraps(command)
    def run(**options: Any) -> None:
        from riskmap.desk import RegionSource

        columns = {name: options.pop(name) for name in _COLUMNS}
        named = {name: column for name, column in columns.items() if column is not None}
        if options["regions"]:
            options["regions"] = RegionSource.of({"parts": options["regions"], **named})
        elif named:
            raise typer.BadParameter(f"--{next(iter(named))} is of the files of --regions")
        else:
            options["regions"] = None
        command(**options)

    run.__signature__ = told.replace(parameters=own)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in own} | {"return": None}
    return run


def echo(text: str, *, err: bool = False) -> None:
    """Print text, in which signs that a terminal obeys are written as escapes."""
    typer.echo(_OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text), err=err)


def say(text: str) -> None:
    """Tell of progress on stderr, when somebody watches it."""
    if sys.stderr.isatty():
        echo(text, err=True)


def say_why(text: str) -> None:
    """Tell on stderr why a command exits with 1."""
    echo(f"riskmap: {text}", err=True)


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

        echo(orjson.dumps(result, option=orjson.OPT_INDENT_2).decode())
    else:
        for line in lines:
            echo(line)


def tell_stages(ledger: list[dict[str, Any]]) -> Iterator[str]:
    """Yield what became of the rows at each stage of a ledger."""
    for stage in ledger:
        aside = ", ".join(f"{n:,} {reason}" for reason, n in stage["reasons"].items())
        line = f"{stage['stage']}: {stage['rows_in']:,} rows in, {stage['rows_out']:,} out"
        yield line + (f"; set aside: {aside}" if aside else "")
        if n := stage.get("not_used"):
            abroad = sum(stage["reasons"].get(reason, 0) for reason in ELSEWHERE)
            yield tell_unused(n, stage["rows_in"] - abroad)


def load_incidents(
    paths: list[str], *, scope: str | None = None, group: WorkerGroup | None = None
) -> gpd.GeoDataFrame:
    """Read files of incidents as a run does."""
    from riskmap.desk import read_files

    return read_files(paths, scope=scope, group=group, progress=say)[0]


def as_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table as plain values, null where something is missing."""
    whole = table.astype(object).where(table.notna(), None)
    return [{str(k): v for k, v in row.items()} for row in whole.to_dict("records")]
