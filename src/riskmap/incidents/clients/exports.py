"""Fetched rows as a file that ``read_incidents`` or ``extract_incidents`` reads again."""

from __future__ import annotations

import csv
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pandas as pd

from riskmap.errors import InputError
from riskmap.incidents.records import to_text

if TYPE_CHECKING:
    from riskmap.incidents.clients.fetches import Fetched

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_rows(fetched: Fetched, path: str | Path) -> Path:
    """Write fetched rows as the service wrote them, all at once.

    Parameters
    ----------
    fetched
        The rows.
    path
        A ``.json`` file, which also holds where the rows come from, or a ``.csv`` file. In CSV,
        text that a spreadsheet would take for a formula gets a leading apostrophe.

    Raises
    ------
    InputError
        When the path has another ending.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in (".json", ".csv"):
        raise InputError("unknown kind of file", file=path, met=kind, expected=".json or .csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            if kind == ".json":
                file.write(_as_json(fetched))
            else:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(fetched.rows.columns)
                writer.writerows(
                    [_cell(value) for value in row] for row in fetched.rows.to_numpy(object)
                )
        Path(draft).replace(path)
    finally:
        Path(draft).unlink(missing_ok=True)
    return path


def _as_json(fetched: Fetched) -> str:
    rows = fetched.rows.astype(object).where(fetched.rows.notna(), None).to_dict("records")
    content = {"provenance": dict(fetched.provenance), "data": rows}
    return orjson.dumps(content, option=orjson.OPT_INDENT_2).decode() + "\n"


def _cell(value: object) -> str:
    """Return a value as text that no spreadsheet takes for a formula."""
    text = "" if value is None or value is pd.NA or value != value else to_text(value)  # noqa: PLR0124 - NaN
    if not text.startswith(_FORMULA):
        return text
    try:
        float(text)
    except ValueError:
        return "'" + text
    return text
