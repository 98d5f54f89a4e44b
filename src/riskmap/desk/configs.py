"""What a run is told: from Python, from a TOML file, or from the options of the command line."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from riskmap.errors import InputError
from riskmap.models.estimators import parse_horizon
from riskmap.outputs.catalogues import choose_languages
from riskmap.outputs.formats import choose_formats
from riskmap.outputs.profiles import check_profile
from riskmap.panels.groups import WorkerGroup
from riskmap.panels.windows import parse_day

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd

#: What a run can't do without.
REQUIRED = ("incidents", "regions", "as_of")
_PATHS = ("scale", "out", "previous", "decisions")
_LISTS = ("incidents", "formats", "languages")


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What a run reads, whose risk it assesses, and what it writes.

    Parameters
    ----------
    incidents
        Files of incidents; one path stands for a list of one.
    regions
        A file of polygons, or a country and its level such as ``"AFG:1"``.
    as_of
        The day the risk is assessed for.
    group
        Whose risk: a :class:`riskmap.WorkerGroup`, a text such as ``"CHN/mining"``, or a TOML file
        for :func:`riskmap.read_group`. None for nobody in particular.
    horizon, every
        How far ahead, and the window: ``"day"``, ``"week"``, ``"month"`` or ``"quarter"``.
    out
        The folder of the published sets.
    scale, decisions
        TOML files of levels and of what analysts have decided; the shipped scale, and nothing.
    previous
        The set before; the last one in `out` of an earlier day when None.
    no_previous
        Look at no set before.
    max_lost
        The share of rows that may be unusable, 0 to 1; a run with more fails.
    formats, languages, profile
        As for :func:`riskmap.publish`.
    dates
        Format of the dates where files don't tell, such as ``"%d/%m/%Y"``.
    scope
        What the sources of all files can see; outranks what files and feeds say.
    scheduler
        Address of a Dask scheduler whose workers share the work.

    Raises
    ------
    InputError
        When a value is not what it must be; its key is the error's ``column``.

    Examples
    --------
    >>> config = RunConfig(incidents="log.csv", regions="AFG:1", as_of="2025-02-01")
    >>> config.incidents, config.horizon
    (('log.csv',), '90D')
    """

    incidents: str | Path | Sequence[str | Path]
    regions: str | Path
    as_of: str | date | pd.Timestamp
    group: WorkerGroup | str | Path | None = None
    horizon: str | float | pd.Timedelta = "90D"
    every: str = "month"
    out: str | Path = Path("out")
    scale: str | Path | None = None
    decisions: str | Path | None = None
    previous: str | Path | None = None
    no_previous: bool = False
    max_lost: float = 1.0
    formats: Sequence[str] | None = None
    languages: Sequence[str] = ("en",)
    profile: str = "private"
    dates: str | None = None
    scope: str | None = None
    scheduler: str | None = None

    def __post_init__(self) -> None:
        """Check every value that can be checked without a file."""
        for name in _LISTS:
            object.__setattr__(self, name, _as_names(name, getattr(self, name)))
        if not self.incidents:
            raise InputError("no file is named", column="incidents", expected="one path or more")
        for name in ("regions", "every", "out", "profile"):
            _check_kind(name, getattr(self, name), str | Path, "a text")
        for name in ("scale", "decisions", "previous", "dates", "scope", "scheduler"):
            _check_kind(name, getattr(self, name), str | Path | None, "a text")
        _check_kind("group", self.group, WorkerGroup | str | Path | None, "a text")
        _check_kind("no_previous", self.no_previous, bool, "true or false")
        _check_share(self.max_lost)
        if self.dates is not None and self.scheduler is not None:
            raise InputError("does not go with a scheduler: write ISO dates", column="dates")
        checks: dict[str, Callable[[Any], object]] = {
            "as_of": partial(parse_day, what="as_of"),
            "horizon": parse_horizon,
            "formats": choose_formats,
            "languages": choose_languages,
            "profile": check_profile,
        }
        for name, check in checks.items():
            try:
                check(getattr(self, name))
            except InputError as error:
                raise _at(error, column=name) from error

    @property
    def files(self) -> list[Path]:
        """The files of incidents."""
        return [Path(name) for name in cast("tuple[str | Path, ...]", self.incidents)]

    @classmethod
    def read(cls, path: str | Path, **given: Any) -> Self:
        r"""Read what to run from a TOML file, whose keys are the names of the parameters.

        Parameters
        ----------
        path
            The file. Paths in it, and the default of ``out``, are relative to its folder.
        **given
            What goes before the file, such as ``as_of="2025-02-08"``.

        Raises
        ------
        InputError
            When the file is missing or no TOML, a key is unknown or missing, or a value is not what
            it must be: the error names file and key.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "weekly.toml"
        ...     _ = path.write_text('incidents = "log.csv"\nregions = "AFG:1"')
        ...     config = RunConfig.read(path, as_of="2025-02-08")
        ...     config.incidents == (Path(folder) / "log.csv",), config.regions
        (True, 'AFG:1')
        """
        path = Path(path)
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError("not a TOML file", file=path, met=str(error)) from error
        try:
            _check_keys(cls, table)
            found = _beside(path.parent, {"out": "out"} | table) | given
            _check_given(found)
            return cls(**found)
        except InputError as error:
            raise _at(error, file=path) from error


def _check_keys(config: type[RunConfig], table: dict[str, Any]) -> None:
    known = [field.name for field in fields(config)]
    for key in table:
        if key not in known:
            raise InputError("an unknown key", column=key, expected=f"one of {', '.join(known)}")


def _check_given(found: dict[str, Any]) -> None:
    for key in REQUIRED:
        if key not in found:
            raise InputError("is missing", column=key)


def _at(error: InputError, *, file: Path | None = None, column: str | None = None) -> InputError:
    """Return an error that also names the file or the key, where it names none itself."""
    return InputError(
        error.message,
        file=error.file or file,
        row=error.row,
        column=error.column or column,
        met=error.met,
        expected=error.expected,
    )


def _as_names(key: str, value: Any) -> tuple[str | Path, ...] | None:
    """Return a text or a list of texts as a tuple."""
    if value is None and key == "formats":
        return None
    several = (value,) if isinstance(value, str | Path) else value
    if not isinstance(several, Sequence) or not all(isinstance(x, str | Path) for x in several):
        raise InputError("not a text or a list of texts", column=key, met=value)
    return tuple(several)


def _check_kind(key: str, value: Any, kind: Any, expected: str) -> None:
    if not isinstance(value, kind):
        raise InputError("of a wrong kind", column=key, met=value, expected=expected)


def _check_share(value: Any) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and 0 <= value <= 1):
        raise InputError("not a share", column="max_lost", met=value, expected="0 to 1")


def _beside(folder: Path, table: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a file, with paths relative to its folder; what is no text waits."""
    found = dict(table)
    for key in _PATHS:
        if isinstance(found.get(key), str):
            found[key] = folder / found[key]
    if isinstance(group := found.get("group"), str) and group.endswith(".toml"):
        found["group"] = folder / group
    if isinstance(regions := found.get("regions"), str) and (folder / regions).exists():
        found["regions"] = folder / regions
    named = found.get("incidents")
    if isinstance(named, str):
        named = [named]
    if isinstance(named, list):
        found["incidents"] = [folder / one if isinstance(one, str) else one for one in named]
    return found
