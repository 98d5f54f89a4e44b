"""What authorities say, beside what a published layer says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from riskmap.cli.common import Json, as_rows, show

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd


def compare(
    published: Annotated[Path, typer.Argument(help="Folder of a published set.")],
    statements: Annotated[
        Path, typer.Argument(help="CSV file: authority, place, level, date, and maybe expires.")
    ],
    layer: Annotated[
        str | None, typer.Option(help="violence, foreign or group; the headline if not given.")
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Show where authorities and a published layer disagree."""
    import riskmap as rm

    found = rm.compare_authorities(rm.read_layer(published), statements, name=layer)
    days = found["stated_date"].dt.strftime("%Y-%m-%d")
    show(
        {"comparison": as_rows(found.assign(stated_date=days))},
        _lines(found),
        as_json=as_json,
    )


def _lines(found: pd.DataFrame) -> Iterator[str]:
    """Yield how many regions agree, and each one that does not."""
    for authority, rows in found.groupby("authority"):
        counts = ", ".join(f"{n} {what}" for what, n in rows["finding"].value_counts().items())
        yield f"{authority}: {counts}"
        for row in rows[rows["finding"] != "agree"].itertuples():
            expired = " (expired)" if row.expired else ""
            yield (
                f"  {row.region_id} {row.name}: they say {row.stated}{expired}, "
                f"riskmap {row.risk_level}: {row.finding}"
            )
