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
from typing import Annotated, Any

import typer

from riskmap.cli import inputs, layers
from riskmap.cli.common import Json, echo, name_columns, show, speak_of_options, tell_error
from riskmap.errors import RiskmapError
from riskmap.settings import VERSION, cache_folder, data_path, is_offline

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


def doctor(*, as_json: Json = False) -> None:
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
    show({"ok": ok, "checks": checks}, lines, as_json=as_json)
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


app.command()(name_columns(layers.run))
app.command()(layers.demo)
app.command()(name_columns(layers.backtest))
app.command()(layers.diff)
app.command()(name_columns(layers.replay))
app.command("import")(name_columns(inputs.import_file))
app.command()(name_columns(inputs.extract))
app.command()(name_columns(inputs.geocode))
app.command()(doctor)
regions_app.command("get")(inputs.get_regions)
regions_app.command("audit")(inputs.audit_regions)
incidents_app.command("check")(name_columns(inputs.check_incidents))
incidents_app.command("get")(inputs.get_incidents)


def main() -> None:
    """Run the command line; errors and warnings become one line each on stderr."""
    warnings.showwarning = lambda message, *_, **__: echo(
        f"riskmap: {speak_of_options(str(message))}", err=True
    )
    try:
        app()
    except (RiskmapError, OSError) as error:
        echo(f"riskmap: {tell_error(error)}", err=True)
        sys.exit(1)
