"""What a run is told: from Python, from a TOML file, or from the options of the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from riskmap.desk.sources import RegionSource
from riskmap.errors import InputError
from riskmap.incidents.packed_files import is_address
from riskmap.ledgers import MAX_LOST
from riskmap.models.estimators import parse_horizon
from riskmap.outputs.catalogues import choose_languages
from riskmap.outputs.formats import check_sender, choose_formats
from riskmap.outputs.profiles import check_profile
from riskmap.outputs.senders import Sender
from riskmap.panels.groups import WorkerGroup
from riskmap.panels.windows import parse_day
from riskmap.settings import read_toml

if TYPE_CHECKING:
    from datetime import date

    import geopandas as gpd
    import pandas as pd

#: What a run can't do without.
REQUIRED = ("incidents", "regions", "as_of")
_PATHS = ("incidents", "scale", "out", "previous", "decisions", "mapping")
_LISTS = ("incidents", "sheet", "formats", "languages", "breaks")
_READING = ("mapping", "sheet", "encoding", "dates", "calendar")
#: What other values must be, and how that is said.
_KINDS: dict[str, tuple[Any, str]] = {
    **dict.fromkeys(("every", "out", "profile"), (str | Path, "a text")),
    **dict.fromkeys(
        (
            *("scale", "decisions", "previous", "mapping", "encoding", "dates", "scope"),
            *("calendar", "scheduler", "sender", "contact", "link"),
        ),
        (str | Path | None, "a text"),
    ),
    "group": (WorkerGroup | str | Path | None, "a text"),
    "no_previous": (bool, "true or false"),
}


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What a run reads, whose risk it assesses, and what it writes.

    Parameters
    ----------
    incidents
        Files of incidents, or what else :func:`riskmap.read_incidents` takes; one stands for a list
        of one.
    regions
        A file of polygons, a country and its level such as ``"AFG:1"``, or a GeoDataFrame; a list
        of them; or a table of ``parts`` and of the columns ``id``, ``name`` and ``parent`` of the
        files (:class:`riskmap.desk.sources.RegionSource`).
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
        The share of rows that tell of an incident and may be lost, 0 to 1: set aside, or spread
        although they name a district, which was not used. A run with more fails.
    breaks
        Where and when things changed, such as ``"AFG:2021-08-15"``; see
        :func:`riskmap.forecast`.
    formats, languages, profile, sender, contact
        As for :func:`riskmap.publish`.
    mapping, sheet, encoding, dates, calendar
        How the files are read, as for :func:`riskmap.read_incidents`: a mapping file, sheets of
        workbooks, the encoding of text, the format of dates such as ``"%d/%m/%Y"``,
        and the calendar of those that are not Gregorian.
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

    incidents: Any
    regions: (
        str
        | Path
        | gpd.GeoDataFrame
        | Sequence[str | Path | gpd.GeoDataFrame]
        | Mapping[str, Any]
        | RegionSource
    )
    as_of: str | date | pd.Timestamp
    group: WorkerGroup | str | Path | None = None
    horizon: str | float | pd.Timedelta = "90D"
    every: str = "month"
    out: str | Path = Path("out")
    scale: str | Path | None = None
    decisions: str | Path | None = None
    previous: str | Path | None = None
    no_previous: bool = False
    max_lost: float = MAX_LOST
    formats: Sequence[str] | None = None
    languages: Sequence[str] = ("en",)
    breaks: Sequence[str] = ()
    profile: str = "private"
    sender: str | None = None
    contact: str | None = None
    link: str | None = None
    mapping: str | Path | None = None
    sheet: str | Sequence[str] | None = None
    encoding: str | None = None
    dates: str | None = None
    calendar: str | None = None
    scope: str | None = None
    scheduler: str | None = None

    def __post_init__(self) -> None:
        """Check every value that can be checked without a file."""
        for name in _LISTS:
            kinds = _is_source if name == "incidents" else _is_name
            object.__setattr__(self, name, _as_names(name, getattr(self, name), kinds))
        if not self.incidents:
            raise InputError("no file is named", column="incidents", expected="one path or more")
        for name, (kind, expected) in _KINDS.items():
            if not isinstance(met := getattr(self, name), kind):
                raise InputError("of a wrong kind", column=name, met=met, expected=expected)
        _check_share(self.max_lost)
        checks: dict[str, Callable[[Any], object]] = {
            "regions": RegionSource.of,
            "as_of": partial(parse_day, what="as_of"),
            "horizon": parse_horizon,
            "formats": choose_formats,
            "languages": choose_languages,
            "profile": check_profile,
            "sender": self._check_sender,
        }
        for name, check in checks.items():
            try:
                check(getattr(self, name))
            except InputError as error:
                raise InputError.of(error, column=name) from error

    def _check_sender(self, sender: str | None) -> None:
        check_sender(self.formats, Sender.parse(sender, self.contact, self.link))

    @property
    def files(self) -> list[Path]:
        """The files of incidents on this machine."""
        named = [one for one in self.incidents if _is_name(one) and not is_address(one)]
        return [Path(name) for name in named]

    @property
    def reading(self) -> dict[str, Any]:
        """How files are read, as :func:`riskmap.read_incidents` takes it."""
        return {name: getattr(self, name) for name in _READING}

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
        table = read_toml(path)
        try:
            _check_keys(table, given)
            table = {"out": "out"} | table
            found = {key: _beside(path.parent, key, table[key]) for key in table}
            return cls(**found | given)
        except InputError as error:
            raise InputError.of(error, file=path) from error


def _check_keys(table: dict[str, Any], given: dict[str, Any]) -> None:
    """Refuse a file with a key that nobody knows, or without one that is needed."""
    known = [field.name for field in fields(RunConfig)]
    for key in table:
        if key not in known:
            raise InputError("an unknown key", column=key, expected=f"one of {', '.join(known)}")
    for key in REQUIRED:
        if key not in table | given:
            raise InputError("is missing", column=key)


def _as_names(key: str, value: Any, fits: Callable[[Any], bool]) -> tuple[Any, ...] | None:
    """Return a text or a list of texts as a tuple; of incidents also what else holds them."""
    if value is None and key in ("formats", "sheet"):
        return None
    several = (value,) if fits(value) else value
    if not isinstance(several, Sequence) or not all(map(fits, several)):
        raise InputError("not a text or a list of texts", column=key, met=value)
    return tuple(several)


def _is_name(value: Any) -> bool:
    return isinstance(value, str | Path)


def _is_source(value: Any) -> bool:
    """Return whether a value names a file of incidents, or holds some."""
    return _is_name(value) or hasattr(value, "__arrow_c_stream__")


def _check_share(value: Any) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and 0 <= value <= 1):
        raise InputError("not a share", column="max_lost", met=value, expected="0 to 1")


def _beside(folder: Path, key: str, value: Any) -> Any:
    """Return a value of a file, a path relative to its folder; what is no text waits."""
    if isinstance(value, list):
        return [_beside(folder, key, one) for one in value]
    if key == "regions" and isinstance(value, dict):
        return value | {"parts": _beside(folder, key, value.get("parts"))}
    if not isinstance(value, str):
        return value
    if is_address(value):
        return value
    is_group = key == "group" and value.endswith(".toml")
    is_file = key == "regions" and (folder / value).exists()
    return folder / value if key in _PATHS or is_group or is_file else value
