"""The row behind an incident, as its file wrote it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from riskmap.errors import InputError
from riskmap.incidents.packings import unpacked
from riskmap.incidents.readers import open_table, read_incidents

if TYPE_CHECKING:
    import pandas as pd

    from riskmap.incidents.gates import RawTable


def find_raw_row(path: str | Path | pd.DataFrame, source_id: str, **options: Any) -> Any:
    """Return every field of the row that an incident was read from, as text.

    Parameters
    ----------
    path
        The file, as for :func:`riskmap.read_incidents`.
    source_id
        The incident's id in its feed; the first row that has it.
    **options
        As for :func:`riskmap.read_incidents`.

    Returns
    -------
    dict of str to str, or None
        The columns as the file names them, also those that no mapping uses; fields beyond the
        header stand under ``""``. None when no row has the id.

    Raises
    ------
    InputError
        When the file as a whole can't be used.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"id": ["7"], "date": ["2024-03-31"], "place": ["A"], "cost": [5]})
    >>> find_raw_row(rows, "7")
    {'id': '7', 'date': '2024-03-31', 'place': 'A', 'cost': '5'}
    >>> find_raw_row(rows, "8") is None
    True
    """
    incidents = read_incidents(path, **options)
    lines = incidents.loc[incidents["source_id"] == source_id, "source_row"]
    if lines.empty:
        return None
    line = int(lines.iloc[0])
    keys = ("feed", "columns", "encoding")
    raw, _ = open_table(path, **{key: options[key] for key in keys if key in options})
    if raw.rows.shape[1] == len(raw.header):
        position = raw.lines.tolist().index(line)
        if raw.widths[position] == len(raw.header):
            return dict(zip(raw.header, raw.rows.iloc[position], strict=True))
    with unpacked(Path(str(path))) as plain:
        return _fields(plain, raw, line)


def _fields(path: Path, raw: RawTable, line: int) -> dict[str, str]:
    """Return the fields of the record that starts on a line of a delimited file."""
    quoting: Literal[0, 3] = csv.QUOTE_NONE if raw.delimiter == "\t" else csv.QUOTE_MINIMAL
    width, start = len(raw.header), 1
    with path.open(encoding=raw.encoding, newline="") as file:
        reader = csv.reader(file, delimiter=raw.delimiter, quoting=quoting)
        for fields in reader:
            if start == line:
                beyond = {"": raw.delimiter.join(fields[width:])} if len(fields) > width else {}
                return dict(zip(raw.header, fields, strict=False)) | beyond
            start = reader.line_num + 1
    raise InputError("the file has changed while it was read", file=path.name, row=line)
