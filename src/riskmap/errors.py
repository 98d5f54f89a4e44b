"""The errors that riskmap raises.

An error says what was met, what was expected, and where. "Not found" is a value and is never
raised; failure is an exception and is never returned.

Notes
-----
The tree::

    RiskmapError
      InputError             a file, table or argument is not what it must be (also a ValueError)
        SchemaError          a table lacks a column or holds a wrong type
        BoundaryError        a boundary file or regions table can't be used
        PublishedSetError    a published set is missing, changed or of an unknown kind
      ModelError             a model can't be fitted or asked
      LedgerError            rows are unaccounted for
      MissingDependencyError an optional dependency is not installed (also an ImportError)
      OfflineError           a connection would be needed and is forbidden
      ServiceError           a service on the network answered something else than it should
      PublishError           a set of outputs could not be written whole
    RiskmapWarning           something was kept that deserves a look
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Self


class RiskmapError(Exception):
    """Base of every error that riskmap raises on purpose."""


class InputError(RiskmapError, ValueError):
    """Something given to riskmap is not what it must be.

    Parameters
    ----------
    message
        What is wrong, in one sentence.
    file, row, column
        Where: the file, the 1-based line of the file (the header is line 1), the column's name.
    met, expected
        What stood there and what should have.

    Examples
    --------
    >>> print(InputError("not a date", file="a.csv", row=7, column="event_date",
    ...                  met="13/40/2020", expected="an ISO date"))
    a.csv, row 7, column event_date: not a date: met '13/40/2020', expected an ISO date
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | Path | None = None,
        row: int | None = None,
        column: str | None = None,
        met: object = None,
        expected: str | None = None,
    ) -> None:
        self.message = message
        self.file = None if file is None else str(file)
        self.row = row
        self.column = column
        self.met = met
        self.expected = expected
        super().__init__(message)

    @classmethod
    def of(
        cls,
        error: InputError,
        *,
        file: str | Path | None = None,
        row: int | None = None,
        column: str | None = None,
    ) -> Self:
        """Return an error with the place that whoever reads a file knows.

        Examples
        --------
        >>> print(InputError.of(InputError("not a text", column="name"), file="a.toml"))
        a.toml, column name: not a text
        """
        known = column or error.column
        met, expected = error.met, error.expected
        return cls(error.message, file=file, row=row, column=known, met=met, expected=expected)

    def __str__(self) -> str:
        """Return the place, the message, what was met and what was expected, in this order."""
        where = (self.file, _told("row ", self.row), _told("column ", self.column))
        what = (_told("met ", self.met, _shown), _told("expected ", self.expected))
        place, comparison = (", ".join(filter(None, parts)) for parts in (where, what))
        return ": ".join(filter(None, (place, self.message, comparison)))


def _told(word: str, value: object, write: Callable[[object], str] = str) -> str:
    """Return a word and a value, or nothing where the value is not known."""
    return "" if value is None else word + write(value)


def _shown(value: object) -> str:
    """Return a value as Python writes it; of a table, or what else takes many lines, how large."""
    text = repr(value)
    if "\n" not in text:
        return text
    size = getattr(value, "shape", ())
    return f"a {type(value).__name__}" + (f" of {' x '.join(map(str, size))}" if size else "")


class SchemaError(InputError):
    """A table lacks a column, or a column holds a type or value that the schema forbids."""


class BoundaryError(InputError):
    """A boundary file or a table of regions can't be used."""


class PublishedSetError(InputError):
    """A published set is missing, was changed since, or is of a kind that can't be read."""


class ModelError(RiskmapError, ValueError):
    """A model can't be fitted to what it was given, or can't answer what it was asked."""


class LedgerError(RiskmapError):
    """Rows are unaccounted for: what came in is not what went out, quarantined or merged."""


class MissingDependencyError(RiskmapError, ImportError):
    """An optional dependency is not installed.

    Parameters
    ----------
    package
        The package that is missing.
    extra
        The extra of riskmap that brings it.

    Examples
    --------
    >>> print(MissingDependencyError("pyarrow", extra="parquet"))
    pyarrow is not installed: pip install 'riskmap[parquet]'
    """

    def __init__(self, package: str, *, extra: str) -> None:
        self.package = package
        self.extra = extra
        super().__init__(f"{package} is not installed: pip install 'riskmap[{extra}]'")


@contextmanager
def importing(package: str | None = None, *, extra: str) -> Iterator[None]:
    """Say which extra brings a package, the one that is missing when None, where an import fails.

    Examples
    --------
    >>> with importing("openpyxl", extra="excel"):
    ...     import a_missing_package
    Traceback (most recent call last):
    riskmap.errors.MissingDependencyError: openpyxl is not installed: pip install 'riskmap[excel]'
    """
    try:
        yield
    except ImportError as error:
        raise MissingDependencyError(package or str(error.name), extra=extra) from error


class OfflineError(RiskmapError):
    """A connection would be needed, and ``RISKMAP_OFFLINE`` forbids it."""


class ServiceError(RiskmapError):
    """A service on the network answered something else than it should, or not at all."""


class PublishError(RiskmapError):
    """A set of outputs could not be written whole; the set before it is untouched."""


class RiskmapWarning(UserWarning):
    """Something was kept that deserves a look."""
