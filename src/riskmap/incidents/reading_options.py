"""How a file is read, beyond what it tells itself: what a caller says, or a mapping file."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Self

from riskmap.errors import InputError
from riskmap.incidents.dates import DateRules
from riskmap.incidents.packed_files import check_encoding
from riskmap.incidents.scope import STATED_REACH, Scope
from riskmap.incidents.words import normalise
from riskmap.settings import read_toml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from riskmap.incidents.delimited import RawTable
    from riskmap.incidents.feeds.mappings import Feed

#: What a mapping file may hold: how the files of one desk are read.
MAPPING_KEYS = ("columns", "words", "encoding", "sheet", "dates", "calendar", "scope")
#: Of which kind a value of a mapping is that is no text.
_KINDS = {
    "columns": "a table of texts",
    "words": "a table of such tables, such as [words.event_type]",
    "sheet": "a text, or a list of texts",
}
#: What stands for all sheets of a workbook that hold incidents.
ALL_SHEETS = "all"


@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """How a file is read.

    Parameters
    ----------
    feed, columns, encoding, ingested_at
        As for :func:`riskmap.read_incidents`.
    dates
        What is known of the dates.
    sheets
        The sheets of a workbook that are read together; :data:`ALL_SHEETS` for all that hold
        incidents, none where one alone does.
    words
        For columns of the schema what the file's own words stand for.
    usual_encoding
        The encoding of a text that is not UTF-8, as files of its kind had.
    usual_scope
        What files of its kind see, where neither they nor a feed say it.

    Examples
    --------
    >>> ReadingOptions.of(sheet="2024", dates="%d/%m/%Y").sheets
    ('2024',)
    """

    feed: str | None = None
    columns: Mapping[str, str] | None = None
    encoding: str | None = None
    dates: DateRules = field(default_factory=DateRules)
    ingested_at: datetime | str | None = None
    sheets: tuple[str, ...] = ()
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    usual_encoding: str | None = None
    usual_scope: str | None = None

    @classmethod
    def of(
        cls,
        mapping: str | Path | None = None,
        *,
        dates: DateRules | str | None = None,
        calendar: str | None = None,
        sheet: str | Sequence[str] | None = None,
        **given: Any,
    ) -> Self:
        """Return what a mapping file says, and before it what a caller does.

        Parameters
        ----------
        mapping
            The file, for :func:`read_mapping`.
        dates, sheet
            As for :func:`riskmap.read_incidents`.
        calendar
            The calendar of dates that are of no other, as for :class:`DateRules`.
        **given
            The other parameters; None says nothing.

        Raises
        ------
        InputError
            When the mapping is none.
        """
        told = {} if mapping is None else read_mapping(mapping)
        told["usual_encoding"] = told.pop("encoding", None)
        told["usual_scope"] = told.pop("scope", None)
        given |= {"dates": dates, "sheets": sheet}
        told |= {name: value for name, value in given.items() if value is not None}
        rules = told.pop("dates", None)
        rules = rules if isinstance(rules, DateRules) else DateRules(format=rules)
        told["dates"] = rules if calendar is None else replace(rules, calendar=calendar)
        sheets = told.pop("sheets", ())
        return cls(sheets=(sheets,) if isinstance(sheets, str) else tuple(sheets), **told)

    @property
    def given(self) -> dict[str, Any]:
        """What is said at all, by name."""
        told = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in told.items() if value}

    def check(self, raw: RawTable, feed: Feed) -> None:
        """Raise when a column or a word is named for what no column is, or a column is not there.

        Raises
        ------
        InputError
            Which names the file and the column.
        """
        origins = feed.origins()
        known = {*origins, *feed.named}
        strange = [name for name in self.columns or {} if name not in known]
        for name in (*strange, *self.words):
            if name not in origins:
                raise InputError(
                    "no column of an incident",
                    file=raw.name,
                    column=name,
                    expected=", ".join(origins),
                )
        for name, column in (self.columns or {}).items():
            if column not in raw.header:
                raise InputError(
                    "no such column",
                    file=raw.name,
                    row=1,
                    column=column,
                    met=", ".join(raw.header)[:200],
                    expected=f"the column of {name}",
                )

    def translate(self, raw: RawTable, feed: Feed) -> RawTable:
        """Return a table in whose columns the file's own words are those of the schema."""
        columns = feed.sources_of(raw.header, self.columns)
        rows = raw.rows
        for name, words in self.words.items():
            known = {normalise(word): value for word, value in words.items()}
            for column in columns.get(name, ()):
                texts = rows[column]
                said = {text: known.get(normalise(text), text) for text in texts.unique()}
                rows = rows.assign(**{column: texts.map(said).astype("str")})
        return replace(raw, rows=rows)


def read_mapping(path: str | Path) -> dict[str, Any]:
    r"""Return what a mapping file says of how files are read.

    Parameters
    ----------
    path
        A TOML file with any of ``columns`` and ``words`` (tables), ``encoding``, ``sheet``,
        ``dates``, ``calendar`` and ``scope``.

    Returns
    -------
    dict
        ``dates`` as :class:`riskmap.incidents.DateRules`, ``sheets`` as a tuple of names.

    Raises
    ------
    InputError
        When it is no TOML, holds a key that no mapping has, or a value of a wrong kind.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "mapping.toml"
    ...     _ = path.write_text('sheet = "all"\n[columns]\nevent_date = "Tag"\n')
    ...     read_mapping(path)
    {'columns': {'event_date': 'Tag'}, 'sheets': ('all',)}
    """
    table = read_toml(path)
    if strange := set(table) - set(MAPPING_KEYS):
        raise InputError(
            "unknown key of a mapping",
            file=path,
            met=", ".join(sorted(strange)),
            expected=", ".join(MAPPING_KEYS),
        )
    sheets = table.pop("sheet", None)
    told = {"sheet": () if sheets is None else sheets, **table}
    for key, value in told.items():
        if not _fits(key, value):
            wanted = _KINDS.get(key, "a text")
            raise InputError("of a wrong kind", file=path, column=key, met=value, expected=wanted)
    if sheets is not None:
        table["sheets"] = (sheets,) if isinstance(sheets, str) else tuple(sheets)
    form, calendar = table.pop("dates", None), table.pop("calendar", "gregorian")
    try:
        if form is not None or calendar != "gregorian":
            table["dates"] = DateRules(format=form, calendar=calendar)
        if "encoding" in table:
            check_encoding(table["encoding"])
        if "scope" in table:
            Scope.parse(table["scope"], reach=STATED_REACH)
    except InputError as error:
        raise InputError.of(error, file=path) from error
    return table


def _fits(key: str, value: Any) -> bool:
    """Return whether a value of a mapping is of its key's kind."""
    if key == "sheet":
        several = value if isinstance(value, list | tuple) else [value]
        return all(isinstance(one, str) for one in several)
    if key not in ("columns", "words"):
        return isinstance(value, str)
    tables = [value] if key == "columns" else [value, *getattr(value, "values", tuple)()]
    texts = tables[-1] if key == "columns" else {}
    return all(isinstance(one, dict) for one in tables) and all(
        isinstance(text, str) for one in [texts, *tables[1:]] for text in one.values()
    )
