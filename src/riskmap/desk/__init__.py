"""What a run is told, from Python, TOML or options, and its files, its regions and its group."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import geopandas as gpd
import pandas as pd

from riskmap import datasets
from riskmap.assessment.desk_files import read_group
from riskmap.errors import BoundaryError, InputError
from riskmap.incidents.derivations import derive_victims
from riskmap.incidents.duplicates import merge_duplicates
from riskmap.incidents.packed_files import is_address
from riskmap.incidents.parts import NO_FILE
from riskmap.incidents.readers import read_file
from riskmap.ledgers import MAX_LOST
from riskmap.models.estimators import parse_horizon
from riskmap.outputs.bundles import check_profile
from riskmap.outputs.catalogues import choose_languages
from riskmap.outputs.formats import check_sender, choose_formats
from riskmap.outputs.senders import Sender
from riskmap.panels.groups import WorkerGroup
from riskmap.panels.windows import parse_day
from riskmap.places.regions import read_regions
from riskmap.schema import CRS
from riskmap.settings import read_toml

if TYPE_CHECKING:
    from datetime import date

    Progress = Callable[[str], object]

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
        files (:class:`riskmap.desk.RegionSource`).
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
            kinds = _is_source if name == "incidents" else is_path
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
        named = [one for one in self.incidents if is_path(one) and not is_address(one)]
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


def _is_source(value: Any) -> bool:
    """Return whether a value names a file of incidents, or holds some."""
    return is_path(value) or hasattr(value, "__arrow_c_stream__")


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


def read_files(
    sources: Sequence[Any],
    *,
    scope: str | None = None,
    group: WorkerGroup | None = None,
    progress: Progress | None = None,
    **reading: Any,
) -> tuple[gpd.GeoDataFrame, tuple[str, ...]]:
    """Read files of incidents; who was hit is read from notes, and an incident counts once.

    Notes come before duplicates, so that the report that stands for an incident also knows what
    the words of the others say; what a feed itself says outranks them all.

    Parameters
    ----------
    sources
        The files, or what else :func:`riskmap.read_incidents` takes.
    scope, **reading
        As for :func:`riskmap.read_incidents`, for all files.
    group
        The group, whose employers and sites notes may name.
    progress
        What is told of each step.

    Returns
    -------
    tuple
        The Incidents table, and what a reader should know of the files, in sentences.
    """
    tell = progress or (lambda _: None)
    tables, notes, named = [], [], named_by(group)
    for source in sources:
        tell(f"reading {Path(source).name if is_path(source) else NO_FILE}")
        found = read_file(source, scope=scope, **reading)
        tables.append(derive_victims(found.incidents, **named))
        about = (found.sheets, _tell_scope(found.incidents["scope"]))
        notes += [f"{found.name}: {words}" for words in about if words]
    tell("looking for reports of the same incident")
    table = tables[0] if len(tables) == 1 else pd.concat(tables, ignore_index=True)
    return merge_duplicates(table), tuple(notes)


def named_by(group: WorkerGroup | None) -> dict[str, tuple[str, ...]]:
    """Return the names of a group that :func:`riskmap.derive_victims` looks for in notes.

    Examples
    --------
    >>> from riskmap import WorkerGroup
    >>> named_by(WorkerGroup("CHN", employers=("Ruvo Mining",)))
    {'employers': ('Ruvo Mining',), 'sites': ()}
    """
    if group is None:
        return {}
    return {"employers": group.employers, "sites": tuple(site.name for site in group.sites)}


def _tell_scope(scope: pd.Series) -> str:
    """Return that nobody states what rows can see, and what they show of it; else nothing."""
    inferred = scope[scope.str.endswith("inferred").fillna(value=False)]
    if len(inferred):
        return f"what it can see is not stated; inferred from its rows: {inferred.iloc[0]}"
    if scope.isna().any():
        return (
            "nothing says what it can see, so it can raise levels and never lower one; "
            "state it with scope="
        )
    return ""


def is_path(source: Any) -> bool:
    """Return whether a source is named, and is not the rows themselves."""
    return isinstance(source, str | Path)


def find_regions(source: Any) -> gpd.GeoDataFrame:
    """Return the regions of files, or of countries with an optional level such as ``AFG:1``.

    ``XQA`` is the invented country of :mod:`riskmap.datasets`.

    Parameters
    ----------
    source
        What :meth:`riskmap.desk.RegionSource.of` takes.

    Raises
    ------
    InputError
        When it is neither.

    Examples
    --------
    >>> len(find_regions("AFG:1")), len(find_regions("XQA:2"))
    (34, 24)
    """
    return RegionSource.of(source).read()


def find_group(group: WorkerGroup | str | Path | None) -> WorkerGroup | None:
    """Return a group as it is given, as a TOML file or a text such as ``CHN/mining`` says.

    Examples
    --------
    >>> print(find_group("CHN/mining"))
    CHN/mining
    """
    if isinstance(group, Path) or (isinstance(group, str) and group.endswith(".toml")):
        return read_group(group)
    return WorkerGroup.of(group)


def describe_inputs(given: Sequence[Any]) -> list[dict[str, Any]]:
    """Return the name, size and sha256 of each input that is a file."""
    inputs = []
    for path in map(Path, filter(is_path, given)):
        if not path.is_file():
            continue
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        inputs.append({"name": path.name, "bytes": path.stat().st_size, "sha256": digest})
    return inputs


@dataclass(frozen=True)
class RegionSource:
    """Where regions are read from: files or countries, and what columns of files hold.

    Parameters
    ----------
    parts
        Paths of files, countries with an optional level such as ``"AFG:1"``, or GeoDataFrames.
    id, name, parent
        As for :func:`riskmap.read_regions`, for all files and tables.

    Examples
    --------
    >>> len(RegionSource.of("AFG:1").read()), len(RegionSource.of(["AFG", "PAK"]).read())
    (34, 42)
    """

    parts: tuple[str | Path | gpd.GeoDataFrame, ...]
    id: str | None = None
    name: str | None = None
    parent: str | None = None

    @classmethod
    def of(cls, told: Any) -> RegionSource:
        """Return a source from a text, a path, a table, a list of them, or the parameters.

        Raises
        ------
        BoundaryError
            When it is none of these.
        """
        if isinstance(told, RegionSource):
            return told
        columns: dict[str, Any] = dict(told) if isinstance(told, Mapping) else {"parts": told}
        parts = columns.pop("parts", None)
        kinds = str | Path | gpd.GeoDataFrame
        several = (parts,) if isinstance(parts, kinds) else parts
        fits = isinstance(several, Sequence) and all(isinstance(x, kinds) for x in several)
        known = set(columns) <= {"id", "name", "parent"} and all(
            isinstance(x, str | None) for x in columns.values()
        )
        if not (fits and several and known):
            wanted = (
                "a file, ISO3[:LEVEL], a GeoDataFrame, a list of them, "
                "or a table of parts, id, name, parent"
            )
            raise BoundaryError("of a wrong kind", column="regions", met=told, expected=wanted)
        return cls(tuple(several), **columns)

    def __str__(self) -> str:
        """Return the files and countries; of a table how many regions it has."""
        return ", ".join(
            f"a table of {len(part):,} regions" if isinstance(part, gpd.GeoDataFrame) else str(part)
            for part in self.parts
        )

    def read(self) -> gpd.GeoDataFrame:
        """Return the regions of all parts as one table.

        Raises
        ------
        BoundaryError
            When a part can't be read, ids stand in two of them, or their levels differ.
        """
        tables = [self._read_part(part) for part in self.parts]
        if len(tables) == 1:
            return tables[0]
        regions = pd.concat(tables, ignore_index=True)
        twice = regions.loc[regions["region_id"].duplicated(), "region_id"]
        if len(twice):
            wanted = "ids of their own; name another column by id="
            raise BoundaryError("files share ids", met=twice.iloc[0], expected=wanted)
        levels = regions["adm_level"].dropna().unique()
        if len(levels) > 1:
            met = ", ".join(map(str, sorted(levels)))
            raise BoundaryError("regions of several levels", met=met, expected="one level")
        regions = regions.sort_values("region_id", ignore_index=True)
        return gpd.GeoDataFrame(regions, geometry="geometry", crs=CRS)

    def _read_part(self, part: str | Path | gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        """Return the regions of one file or table, or of one country."""
        if isinstance(part, gpd.GeoDataFrame) or Path(part).exists():
            source = Path(part) if isinstance(part, str) else part
            return read_regions(source, id=self.id, name=self.name, parent=self.parent)
        iso3, _, level = str(part).partition(":")
        if level and not level.isdecimal():
            raise BoundaryError("neither a file nor ISO3[:LEVEL]", column="regions", met=str(part))
        if iso3.upper() == datasets.ISO3:
            return datasets.regions(int(level or 2))
        columns = {"id": self.id, "name": self.name, "parent": self.parent}
        return read_regions(iso3, level=int(level) if level else None, **columns)
