"""The command line: one command a verb.

Results go to stdout, progress to stderr when it is a terminal. Exit codes: 0 done, 1 failed,
2 wrong usage. Everything heavy is imported inside the commands, so that ``--help`` is quick.
"""

from __future__ import annotations

import sys
import warnings
from typing import Annotated

import typer

from riskmap.cli import changes, inputs, streams
from riskmap.cli.common import Json, show
from riskmap.errors import RiskmapError
from riskmap.settings import VERSION

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
    from riskmap.doctors import examine

    checks = examine()
    ok = all(check["ok"] for check in checks if check["needed"])
    lines = (
        f"{'ok ' if check['ok'] else '-- ' if not check['needed'] else 'NO '} "
        f"{check['name']}: {check['found']}"
        for check in checks
    )
    show({"ok": ok, "checks": checks}, lines, as_json=as_json)
    if not ok:
        raise typer.Exit(1)


app.command()(streams.run)
app.command()(streams.demo)
app.command()(changes.backtest)
app.command()(changes.diff)
app.command()(changes.replay)
app.command("authorities")(changes.compare)
app.command()(inputs.extract)
app.command()(inputs.geocode)
app.command()(doctor)
regions_app.command("get")(inputs.get_regions)
regions_app.command("audit")(inputs.audit_regions)
incidents_app.command("check")(inputs.check_incidents)
incidents_app.command("get")(inputs.get_incidents)
incidents_app.command("show")(inputs.show_incident)


def main() -> None:
    """Run the command line; errors and warnings become one line each on stderr."""
    warnings.showwarning = lambda message, *_, **__: typer.echo(f"riskmap: {message}", err=True)
    try:
        app()
    except (RiskmapError, OSError) as error:
        typer.echo(f"riskmap: {error}", err=True)
        sys.exit(1)
