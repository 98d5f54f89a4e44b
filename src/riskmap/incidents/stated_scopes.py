"""Who says what a source can see: the caller, the row, a file beside the file, the feed, the rows.

The first of them that says anything counts. What nobody says and nothing shows stays missing: such
rows raise levels, and nobody watches. What a person states has the reach ``reports`` unless it says
otherwise, since a desk's own log knows nothing of places that it has no reports from.
"""

from __future__ import annotations

import tomllib
import warnings
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.errors import InputError, RiskmapWarning
from riskmap.incidents.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskmap.incidents.feeds.mappings import Feed, Source

#: A file whose rows nearly all tell of foreign victims is a log of attacks on foreigners.
FOREIGN_SHARE = 0.9
#: Fewer usable rows show nothing.
LEAST_ROWS = 5

_REACH = "reports"
_PACKED = (".gz", ".zip")
_KEYS = ("layers", "sectors", "reach", "deaths_only", "since", "delay_days")


@dataclass(frozen=True)
class ScopeRules:
    """What is known of a file's scope besides its rows and its feed.

    Parameters
    ----------
    given
        What the caller says; it outranks everything.
    beside
        What a file beside the file says; it outranks the feed.
    is_whole
        Whether all rows of the file are read at once, so that they may show it.

    Examples
    --------
    >>> ScopeRules.read("violence").given.reach
    'reports'
    """

    given: Scope | None = None
    beside: Scope | None = None
    is_whole: bool = True

    @classmethod
    def read(
        cls,
        given: Scope | str | None,
        *,
        path: str | Path | None = None,
        is_whole: bool = True,
    ) -> ScopeRules:
        """Return the rules of what a caller says and of the file beside a file.

        Raises
        ------
        InputError
            When either holds an unknown word.
        """
        scope = Scope.parse(given, reach=_REACH) if isinstance(given, str) else given
        beside = None if path is None else scope_path(path)
        found = read_scope(beside) if beside is not None and beside.is_file() else None
        return cls(scope, found, is_whole)


def scope_path(path: str | Path) -> Path:
    """Return where the scope of a file or folder of incidents is looked for.

    Examples
    --------
    >>> scope_path("incidents.csv").name, scope_path("incidents.csv.gz").name
    ('incidents.scope.toml', 'incidents.scope.toml')
    """
    path = Path(path)
    if path.suffix.lower() in _PACKED:
        path = path.with_suffix("")
    return path.with_suffix(".scope.toml")


def read_scope(path: str | Path) -> Scope:
    r"""Read a scope from a TOML file.

    Parameters
    ----------
    path
        The file; its keys are ``layers``, ``sectors``, ``reach``, ``deaths_only``, ``since`` and
        ``delay_days``.

    Raises
    ------
    InputError
        When it is missing or no TOML, lacks its layers, or holds an unknown key or word.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "incidents.scope.toml"
    ...     _ = path.write_text('layers = ["foreign"]\nsectors = ["mining"]')
    ...     print(read_scope(path))
    foreign; sectors=mining; reach=reports
    """
    path = Path(path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("not a TOML file", file=path, met=str(error)) from error
    if "layers" not in table:
        raise InputError("no layers", file=path, column="layers", expected='such as ["foreign"]')
    values: dict[str, Any] = {"reach": _REACH}
    for key, value in table.items():
        try:
            values[key] = _value(key, value)
            Scope(**{key: values[key]})
        except InputError as error:
            raise InputError(
                error.message, file=path, column=key, met=error.met, expected=error.expected
            ) from error
    return Scope(**values)


def _value(key: str, value: Any) -> Any:
    """Return a value of the file as a scope holds it."""
    texts = isinstance(value, list) and all(isinstance(item, str) for item in value)
    is_day = isinstance(value, date) and not isinstance(value, datetime)
    if key not in _KEYS:
        raise InputError("unknown key of a scope", expected=", ".join(_KEYS))
    kinds = {
        "layers": (texts, "a list of texts"),
        "sectors": (texts, "a list of texts"),
        "reach": (texts or isinstance(value, str), "a text, or a list of country codes"),
        "deaths_only": (isinstance(value, bool), "true or false"),
        "since": (is_day, "a day such as 2015-01-01"),
        "delay_days": (isinstance(value, int | float) and not isinstance(value, bool), "a number"),
    }
    fits, expected = kinds[key]
    if not fits:
        raise InputError("not what it must be", met=value, expected=expected)
    if key == "since":
        return pd.Timestamp(value)
    if key == "reach":
        return ";".join(value) if texts else value
    return tuple(value) if texts else value


def state_scopes(feed: Feed, source: Source, told: pd.Series, rules: ScopeRules) -> pd.Series:
    """Return what each row's source can see, as one line of text; missing where nobody says.

    Parameters
    ----------
    feed
        The feed, which may state its own.
    source
        The rows as they stand in the file.
    told
        What the rows say themselves.
    rules
        What the caller and the file beside say.

    Raises
    ------
    InputError
        When a row holds an unknown word; it names file, row and column.
    """
    if rules.given is not None:
        _tell_override(feed, source, rules)
        return pd.Series(str(rules.given), index=told.index, dtype="str")
    own = str(feed.scope) if feed.scope is not None else None
    other = str(rules.beside) if rules.beside is not None else own
    if feed.scope is not None:
        return pd.Series(other, index=told.index, dtype="str")
    read = {text: _read_row(source, told, text) for text in told.dropna().unique()}
    stated = told.map(read).astype("str")
    return stated if other is None else stated.fillna(other)


def _tell_override(feed: Feed, source: Source, rules: ScopeRules) -> None:
    """Warn when the caller outranks what the feed or the file says, so that it is seen."""
    column = source.name("scope")
    others = (
        (feed.scope, f"the feed's own {str(feed.scope)!r}"),
        (rules.beside, f"{str(rules.beside)!r} in the file beside it"),
        ((feed.scope is None and "scope" in source) or None, f"its column {column}"),
    )
    met = [words for other, words in others if other is not None and other != rules.given]
    if met:
        text = f"{source.raw.name}: scope {str(rules.given)!r} as given, instead of "
        warnings.warn(text + " and ".join(met), RiskmapWarning, stacklevel=2)


def _read_row(source: Source, told: pd.Series, text: str) -> str:
    """Return what the rows with one text state, as :class:`Scope` writes it."""
    try:
        return str(Scope.parse(text, reach=_REACH))
    except InputError as error:
        raise InputError(
            error.message,
            file=source.raw.name,
            row=int(source.raw.lines[int(np.argmax((told == text).to_numpy()))]),
            column=source.name("scope"),
            met=error.met,
            expected=error.expected,
        ) from error


def infer_scope(incidents: pd.DataFrame) -> Scope | None:
    """Return the scope that the rows of a file show, None when they show none.

    A file of at least :data:`LEAST_ROWS` usable rows of which nearly all say that foreign people
    were hit is a log of attacks on foreigners. No rows show that a file tells of all violence.

    Parameters
    ----------
    incidents
        The rows whose scope nobody states, all those of a file.

    Examples
    --------
    >>> rows = pd.DataFrame({"foreign_victims": [1, 2, 1, 3, 1], "quarantine_reason": [None] * 5})
    >>> print(infer_scope(rows), infer_scope(rows[:4]))
    foreign; reach=reports; inferred None
    """
    usable = incidents[incidents["quarantine_reason"].isna()]
    foreign = (usable["foreign_victims"].fillna(0) > 0).mean()
    if len(usable) < LEAST_ROWS or not foreign >= FOREIGN_SHARE:
        return None
    return Scope(("foreign",), reach=_REACH, inferred=True)


def describe_scopes(counts: Mapping[str, int]) -> list[str]:
    r"""Return a line on each scope that a file's rows have, and how many have it.

    Parameters
    ----------
    counts
        Rows by scope; ``""`` where nobody states one and none could be inferred.

    Examples
    --------
    >>> print(*describe_scopes({"none": 3, "": 1}), sep="\n")
    none: heard, and never taken for silence (3 rows)
    not stated and can't be inferred: watched by nobody (1 row)
    """
    words = {
        "": "not stated and can't be inferred: watched by nobody",
        "none": "none: heard, and never taken for silence",
    }
    return [
        f"{words.get(scope, scope)} ({n:,} row{'' if n == 1 else 's'})"
        for scope, n in counts.items()
    ]
