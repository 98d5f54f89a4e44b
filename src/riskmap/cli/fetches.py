"""Commands that fetch incidents from the services that publish them, and show their rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from riskmap.cli.common import Json, say, show


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
    as_json: Json = False,
) -> None:
    """Fetch incidents; keys come from the environment, and a fetch cut short goes on.

    The file is read like any other: by run, by incidents check, and ReliefWeb's by extract.
    """
    from riskmap.incidents.fetching import count_read, fetch_rows, find_client, write_rows
    from riskmap.incidents.queries import Query

    client = find_client(source)
    query = Query.of(country=country, since=since, until=until, version=version)
    say(f"asking {client.title}")
    fetched = fetch_rows(client, query, allow_empty=allow_empty)
    write_rows(fetched, out)
    ledger = count_read(fetched)
    result = {
        "out": str(out),
        "rows": len(fetched.rows),
        "ledger": ledger.as_list(),
        "provenance": dict(fetched.provenance),
    }
    lines = [f"{client.title}: {len(fetched.rows):,} rows in {out}"]
    for stage in ledger.stages:
        aside = ", ".join(f"{n:,} {reason}" for reason, n in stage.reasons.items())
        lines.append(
            f"{stage.stage}: {stage.rows_in:,} rows in, {stage.rows_out:,} out"
            + (f"; set aside: {aside}" if aside else "")
        )
    lines.append(f"licence: {client.licence}")
    show(result, iter(lines), as_json=as_json)


def show_incident(
    file: Annotated[Path, typer.Argument(help="File of incidents.")],
    source_id: Annotated[str, typer.Argument(help="The incident's id in its feed.")],
    *,
    as_json: Json = False,
) -> None:
    """Show the row behind an incident, every field as the file writes it."""
    from riskmap.errors import InputError
    from riskmap.incidents.checks import find_raw_row

    row = find_raw_row(file, source_id)
    if row is None:
        raise InputError("no row has this id", file=file.name, met=source_id)
    show(row, (f"{name}: {value}" for name, value in row.items()), as_json=as_json)
