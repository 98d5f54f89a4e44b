"""Importing a desk's own file: the incidents, what was understood, and how to read the next one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import shapely

from riskmap.incidents.checks import FileReport, describe_file
from riskmap.incidents.derivations import derive_victims
from riskmap.incidents.readers import read_file
from riskmap.incidents.reading_options import ReadingOptions
from riskmap.incidents.values import guard_formula

if TYPE_CHECKING:
    from collections.abc import Iterator

    import geopandas as gpd

#: Columns of words, for which a mapping may say what a desk's own stand for.
WORDED = {"event_type", "sector", "nationality", "staff_type", "target", "country", "reliability"}
#: Columns that one column of a file may stand for; of several columns the notes are joined.
_MAPPED = (
    *("event_date", "event_date_end", "country", "admin1", "admin2", "place", "region_id"),
    *("latitude", "longitude", "event_type", "count", "killed", "wounded", "abducted"),
    "source_id",
)
#: Columns of the Incidents table that tell of reading alone.
_OF_READING = ("incident_id", "source_file", "source_row")
#: The columns of :meth:`ImportedFile.rows`.
ROW_COLUMNS = (
    *("source_row", "event_date", "event_date_end", "event_type", "count", "killed", "wounded"),
    *("abducted", "toll", "nationality", "foreign_victims", "admin1", "admin2", "place"),
)


@dataclass(frozen=True)
class ImportedFile:
    """A desk's own file as it was read.

    Parameters
    ----------
    incidents : GeoDataFrame
        The Incidents table, one row a row of the file, with who was hit as the notes tell it.
    report
        What was understood and what was not; ``str()`` of it is for people.
    options
        How it was read, which the mapping repeats.
    scope
        What its source can see, as the caller or a mapping says.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"When": ["21.01.2031", "soon"], "Where": ["Kelda, Velmar"] * 2})
    >>> found = import_incidents(rows)
    >>> found.rows()[["source_row", "event_date", "place"]].iloc[0].astype(str).tolist()
    ['2', '2031-01-21 00:00:00', 'Kelda, Velmar']
    >>> found.rows_to_mend()["why"].tolist()
    ["bad_date: When: met 'soon', expected an ISO date such as 2024-03-31"]
    """

    incidents: gpd.GeoDataFrame
    report: FileReport
    options: ReadingOptions = field(default_factory=ReadingOptions)
    scope: str | None = None

    def rows(self, placements: pd.DataFrame | None = None) -> pd.DataFrame:
        """Return what is understood of each row.

        Parameters
        ----------
        placements
            The placements of a :class:`riskmap.places.Located`, for the regions of each row.

        Returns
        -------
        DataFrame
            One row a row of the file, with ``source_file`` where sheets are several; ``regions``
            joins ids by ``;`` where placements are given.
        """
        several = len(set(self.incidents["source_file"])) > 1
        names = [*(["source_file"] if several else []), *ROW_COLUMNS]
        table = pd.DataFrame(self.incidents[names])
        if placements is not None:
            ids = placements.groupby("incident_id")["region_id"].agg(";".join)
            table["regions"] = self.incidents["incident_id"].map(ids).astype("str")
        return table

    def rows_to_mend(self) -> pd.DataFrame:
        """Return the rows that can't be used, or that hold something which is not understood."""
        table = self.incidents
        reason = table["quarantine_reason"] + ": " + table["quarantine_detail"].fillna("")
        strange = "not understood: " + table["not_understood"]
        why = reason.fillna(strange).mask(reason.notna() & strange.notna(), reason + "; " + strange)
        told = self.rows().assign(why=why)
        return told[told["why"].notna()].reset_index(drop=True)

    def write(self, folder: str | Path) -> list[Path]:
        """Write the incidents, the rows to mend, and how the file was read.

        Rows that can't be used stand among the incidents with their ``quarantine_reason``, so that
        whoever reads the file knows of them; a row that was mended has none.

        Parameters
        ----------
        folder
            Where ``incidents.csv`` (the columns of the Incidents table), ``rows_to_mend.csv`` and
            ``mapping.toml`` are written; the last one reads the next file of the same shape.

        Returns
        -------
        list of Path
            The files.
        """
        paths = [
            Path(folder) / name for name in ("incidents.csv", "rows_to_mend.csv", "mapping.toml")
        ]
        paths[0].parent.mkdir(parents=True, exist_ok=True)
        points = self.incidents.geometry.to_numpy()
        plain = pd.DataFrame(self.incidents.drop(columns=["geometry", *_OF_READING]))
        plain = plain.assign(latitude=shapely.get_y(points), longitude=shapely.get_x(points))
        for path, table in zip(paths, (plain, self.rows_to_mend()), strict=False):
            guarded = table.astype("str").map(guard_formula, na_action="ignore")
            guarded.to_csv(path, index=False, encoding="utf-8-sig")
        paths[2].write_text(self._mapping(), encoding="utf-8")
        return paths

    def _mapping(self) -> str:
        """Return how the file was read, as TOML."""
        told = self.report.columns if self.report.feed == "generic" else {}
        columns = [
            f"{name} = {_quote(told[name])}"
            for name in _MAPPED
            if name in told and " | " not in told[name] and told[name] != name
        ]
        lines = [*self._settings(), "", *(["[columns]", *columns, ""] if columns else [])]
        for name in sorted({*self.options.words, *(set(self.report.not_understood) & WORDED)}):
            known = self.options.words.get(name, {})
            strange = [word for word in self.report.not_understood.get(name, {}) if word]
            lines += [f"[words.{name}]"]
            lines += [f"{_quote(word)} = {_quote(value)}" for word, value in known.items()]
            lines += [f'# {_quote(word)} = ""' for word in strange] + [""]
        return "\n".join(lines)

    def _settings(self) -> Iterator[str]:
        """Yield the lines of a mapping that are no table."""
        plain, dates = self.report.encoding, self.options.dates
        settled = [form for form in self.report.orders if form.endswith(("/%Y", "-%Y"))]
        form = dates.format or (settled[0] if len(settled) == 1 else None)
        told = {
            "encoding": None if plain.startswith("utf-8") else plain,
            "dates": form if dates.calendar == "gregorian" else dates.format,
            "calendar": None if dates.calendar == "gregorian" else dates.calendar,
            "scope": self.scope,
        }
        yield from (f"{key} = {_quote(value)}" for key, value in told.items() if value)
        if self.options.sheets:
            yield f"sheet = [{', '.join(map(_quote, self.options.sheets))}]"


def import_incidents(
    path: Any, *, mapping: str | Path | None = None, **options: Any
) -> ImportedFile:
    """Read a desk's own file, in whatever shape it comes, and tell what was understood.

    The file is read as :func:`riskmap.read_incidents` reads it, which looks for the sheet, the rows
    of the header, the delimiter, the encoding and the meaning of columns, and takes who was hit
    from the notes.

    Parameters
    ----------
    path
        As for :func:`riskmap.read_incidents`.
    mapping
        A ``mapping.toml`` that :meth:`ImportedFile.write` wrote, or anybody
        (:func:`riskmap.incidents.reading_options.read_mapping`).
    **options
        As for :func:`riskmap.read_incidents`; they outrank the mapping.

    Returns
    -------
    ImportedFile

    Raises
    ------
    InputError
        When the file as a whole can't be used, or the mapping holds an unknown key.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"Datum": ["21.01.2031"], "Ort": ["Kelda"], "Tote": ["3-4"],
    ...                      "Bemerkungen": ["Two Chinese engineers killed"]})
    >>> found = import_incidents(rows).incidents.iloc[0]
    >>> found["killed"].item(), found["toll"], found["nationality"]
    (3, 'killed 3-4', 'CHN')
    """
    found = read_file(path, mapping=mapping, tell=True, **options)
    given = found.scope.given
    scope = found.options.usual_scope if given is None else str(given)
    report = describe_file(found)
    return ImportedFile(derive_victims(found.incidents), report, found.options, scope)


def _quote(text: str) -> str:
    """Return a text as TOML writes it."""
    marks = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return '"' + "".join(marks.get(sign, sign) for sign in text) + '"'
