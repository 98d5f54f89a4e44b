"""A whole run: from files of incidents to a published set, as the command line and a desk do it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmap.assessment.assessments import assess
from riskmap.assessment.desk_files import read_decisions, read_group
from riskmap.assessment.levels import LevelScale
from riskmap.desk.configs import RunConfig
from riskmap.errors import InputError
from riskmap.incidents.derivations import derive_victims
from riskmap.incidents.duplicates import merge_duplicates
from riskmap.incidents.readers import read_incidents
from riskmap.incidents.scope import scope_path
from riskmap.models.forecasts import forecast
from riskmap.outputs.publishing import publish
from riskmap.outputs.sets import read_layer
from riskmap.outputs.tables import clean_text
from riskmap.panels.attacks import tell_later
from riskmap.panels.batches import scan_incidents
from riskmap.panels.counts import count_incidents
from riskmap.panels.groups import WorkerGroup
from riskmap.panels.windows import parse_day
from riskmap.places.areas import find_predecessors
from riskmap.places.placements import locate
from riskmap.places.region_sources import RegionSource
from riskmap.workers import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import geopandas as gpd

    from riskmap.assessment.layers import RiskLayer
    from riskmap.ledgers import Ledger
    from riskmap.panels.scans import Scan
    from riskmap.places.placements import Located

    Progress = Callable[[str], object]

#: Bytes of incident files from which on they are read a part at a time.
LARGE = 500_000_000

#: Before every set: what is read to compare is never relied on, so that its age doesn't matter.
LONG_AGO = "1970-01-01"


@dataclass(frozen=True)
class Run:
    """What a run published.

    Parameters
    ----------
    layer
        The risk layer.
    folder
        The folder of its set.
    later
        What came too late for the layer's day and changes nothing in it, in a sentence; or "".
    """

    layer: RiskLayer
    folder: Path
    later: str = ""


def run(config: RunConfig | str | Path, *, progress: Progress | None = None) -> Run:
    """Turn files of incidents into a published risk layer; the same incident counts once.

    Who was hit is read from notes, reports of one incident are merged, and the layer is compared
    with the last set in the same folder. Files of more than half a gigabyte together are read a
    part at a time, with the same result.

    Parameters
    ----------
    config
        What to read, assess and write; or the path of a TOML file that says it
        (:meth:`RunConfig.read`).
    progress
        What is told of each step, such as :func:`print`; nobody when None.

    Returns
    -------
    Run
        The layer, and the folder of its set.

    Raises
    ------
    InputError
        When the configuration, a file or a table is not what it must be, or more rows than
        ``max_lost`` can't be used.
    PublishError
        When the set can't be written whole; the set before it is untouched.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import riskmap as rm
    >>> from riskmap.settings import data_path
    >>> log = data_path("examples/attacks_on_foreign_workers.csv")
    >>> with TemporaryDirectory() as out:
    ...     config = rm.RunConfig(
    ...         incidents=log, regions="AFG:1", as_of="2025-02-01", group="CHN/mining",
    ...         out=out, formats=["csv"],
    ...     )
    ...     rm.run(config).layer.headline
    'group'
    """
    config = config if isinstance(config, RunConfig) else RunConfig.read(config)
    tell = progress or (lambda _: None)
    tell(f"reading {config.regions}")
    regions = find_regions(config.regions)
    group = find_group(config.group)
    scale = None if config.scale is None else LevelScale.from_file(config.scale)
    cleared = (
        ()
        if config.decisions is None
        else read_decisions(config.decisions, region_ids=regions["region_id"])
    )
    found = _place(config, regions, group, tell)
    refuse_losses(found.ledger, config.max_lost)
    panel = count_incidents(found, regions, group=group, every=config.every, as_of=config.as_of)
    tell(f"forecasting {config.horizon} from {panel.as_of:%Y-%m-%d}")
    predicted = forecast(panel, horizon=config.horizon)
    layer = _compare(
        partial(assess, predicted, regions, scale=scale, decisions=cleared),
        config,
        regions=regions,
        group=group,
        tell=tell,
    )
    layer = name_inputs(layer, _inputs(config))
    folder = publish(
        layer,
        config.out,
        formats=config.formats,
        languages=config.languages,
        profile=config.profile,
    )
    return Run(layer, folder, _tell_later(found, layer, group, panel.as_of))


def read_files(
    paths: Sequence[str | Path],
    *,
    dates: str | None = None,
    scope: str | None = None,
    group: WorkerGroup | None = None,
    progress: Progress | None = None,
) -> gpd.GeoDataFrame:
    """Read files of incidents; who was hit is read from notes, and an incident counts once.

    Notes come before duplicates, so that the report that stands for an incident also knows what
    the words of the others say; what a feed itself says outranks them all.

    Parameters
    ----------
    paths
        The files.
    dates, scope
        As for :func:`riskmap.read_incidents`, for all files.
    group
        The group, whose employers notes may name.
    progress
        What is told of each step.

    Returns
    -------
    geopandas.GeoDataFrame
        The Incidents table.
    """
    tell = progress or (lambda _: None)
    tables, employers = [], () if group is None else group.employers
    for path in map(Path, paths):
        tell(f"reading {path.name}")
        table = read_incidents(path, dates=dates, scope=scope)
        tables.append(derive_victims(table, employers=employers))
    tell("looking for reports of the same incident")
    table = tables[0] if len(tables) == 1 else pd.concat(tables, ignore_index=True)
    return merge_duplicates(table)


def find_regions(source: Any) -> gpd.GeoDataFrame:
    """Return the regions of files, or of countries with an optional level such as ``AFG:1``.

    Parameters
    ----------
    source
        What :meth:`riskmap.places.region_sources.RegionSource.of` takes.

    Raises
    ------
    InputError
        When it is neither.

    Examples
    --------
    >>> len(find_regions("AFG:1"))
    34
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


def refuse_losses(ledger: Ledger, max_lost: float) -> None:
    """Raise, with the ten most frequent reasons, when too many rows can't be used."""
    read = ledger.stages[0]
    if read.quarantined > max_lost * read.rows_in:
        top = sorted(read.reasons.items(), key=lambda item: (-item[1], item[0]))[:10]
        raise InputError(
            f"{read.quarantined / read.rows_in:.1%} of the rows can't be used",
            met=", ".join(f"{n} {reason}" for reason, n in top),
            expected=f"at most {max_lost:.1%}; riskmap incidents check tells more of a file",
        )


def name_inputs(layer: RiskLayer, given: Sequence[Any]) -> RiskLayer:
    """Return the layer with the name, size and sha256 of each input that is a file."""
    inputs = []
    for path in (Path(name) for name in given if isinstance(name, str | Path)):
        if not path.is_file():
            continue
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        inputs.append({"name": path.name, "bytes": path.stat().st_size, "sha256": digest})
    return replace(layer, provenance={**layer.provenance, "inputs": inputs})


def _inputs(config: RunConfig) -> list[Any]:
    """Return all that a run is given and that may be a file."""
    files = config.files
    given = [*files, *map(scope_path, files), *RegionSource.of(config.regions).parts]
    return [*given, config.scale, config.group, config.decisions]


def _place(
    config: RunConfig, regions: gpd.GeoDataFrame, group: WorkerGroup | None, tell: Progress
) -> Located | Scan:
    """Read the incidents and place them: at once, a part at a time, or by a cluster."""
    paths = config.files
    size = sum(path.stat().st_size for path in paths if path.is_file())
    if config.scheduler is None and (config.dates is not None or size <= LARGE):
        table = read_files(
            paths, dates=config.dates, scope=config.scope, group=group, progress=tell
        )
        tell(f"placing {len(table):,} incidents in {len(regions):,} regions")
        return locate(table, regions)
    tell(f"reading and placing {len(paths)} files a part at a time")
    each = partial(derive_victims, employers=() if group is None else group.employers)
    scan = partial(scan_incidents, paths, regions, each=each, merge=True, scope=config.scope)
    if config.scheduler is None:
        return scan()
    with connect(config.scheduler) as client:
        return scan(client=client)


def _compare(
    assessed: Callable[..., RiskLayer],
    config: RunConfig,
    *,
    regions: gpd.GeoDataFrame,
    group: WorkerGroup | None,
    tell: Progress,
) -> RiskLayer:
    """Return the layer, compared with the set before or with a first set of the same day."""
    out, as_of = Path(config.out), f"{parse_day(config.as_of, what='as_of'):%Y-%m-%d}"
    last = _find_last(out, as_of, group)
    if config.no_previous:
        layer = assessed(previous=None)
        passed = {} if last is None else {"passed_over": last.name[:10]}
        return replace(layer, provenance={**layer.provenance, **passed})
    if config.previous is not None:
        return assessed(previous=read_layer(config.previous, today=LONG_AGO))
    layer = assessed(previous=_read_last(last, regions=regions, tell=tell))
    first = _find_rerun(out, as_of, group)
    if first is None or not _shares_regions(first, regions):
        return layer
    if _misses_more(layer, again := assessed(previous=first)):
        tell("a set of the same day knows reports that these files don't tell: compared with it")
        return again
    return layer


def _find_sets(out: Path, group: WorkerGroup | None) -> list[tuple[Path, bool]]:
    """Return the sets of a folder, oldest first, each with whether it is of a group."""
    asked = None if group is None else str(group)
    sets = [path.parent for path in out.glob("[0-9]*-*/manifest.json")]
    in_order = sorted(sets, key=lambda one: (one.name[:10], one.stat().st_mtime_ns, one.name))
    return [(path, _group_of(path) == asked) for path in in_order]


def _find_last(out: Path, as_of: str, group: WorkerGroup | None) -> Path | None:
    """Return the last set in a folder that is of an earlier day, if there is one.

    Sets of several groups may stand in one folder: the last one of the same group is taken, and of
    another only where there is none, since the levels of the wider layers wait there as well.
    """
    earlier = [(path, is_own) for path, is_own in _find_sets(out, group) if path.name[:10] < as_of]
    return max(reversed(earlier), key=lambda one: one[1], default=(None,))[0]


def _read_last(last: Path | None, *, regions: gpd.GeoDataFrame, tell: Progress) -> RiskLayer | None:
    """Return the layer of the last set, where it is of the same regions."""
    if last is None:
        return None
    tell(f"comparing with {last.name}")
    before = read_layer(last, today=LONG_AGO)
    pairs = find_predecessors(before.regions, regions)
    old, new = set(before.regions["region_id"]), set(regions["region_id"])
    if not _shares_regions(before, regions):
        tell("the set before is of other regions: not compared, and no level waits")
        return None
    strange = sorted((old - set(pairs["old_id"])) | (new - set(pairs["new_id"])))
    if strange:
        tell(f"in one of this set and the one before alone, so not compared: {', '.join(strange)}")
    return before


def _find_rerun(out: Path, as_of: str, group: WorkerGroup | None) -> RiskLayer | None:
    """Return the layer of the last set of a day and group that tells what it knew, if there is one.

    A second run of a day has the same layer before; what the first one knew must not get lost.
    """
    for path, is_own in reversed(_find_sets(out, group)):
        if is_own and path.name.startswith(f"{as_of}-"):
            layer = read_layer(path, today=LONG_AGO)
            if not layer.context.is_public and len(layer.incidents):
                return layer
    return None


def _misses_more(layer: RiskLayer, other: RiskLayer) -> bool:
    """Return whether another layer knows attacks, or reports that have gone, beyond a layer's."""
    told = zip((other.gone, other.attacks), (layer.gone, layer.attacks), strict=True)
    return any(set(more["incident_id"].dropna()) - set(less["incident_id"]) for more, less in told)


def _group_of(folder: Path) -> str | None:
    """Return the group of a set by its manifest; whether that is sound is told when it is read."""
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
    except ValueError:
        return None
    return manifest.get("group") if isinstance(manifest, dict) else None


def _shares_regions(before: RiskLayer, regions: gpd.GeoDataFrame) -> bool:
    """Return whether most regions come from those of a layer."""
    found = find_predecessors(before.regions, regions)["new_id"].nunique()
    return bool(found * 2 > regions["region_id"].nunique())


def _tell_later(
    found: Located | Scan, layer: RiskLayer, group: WorkerGroup | None, as_of: pd.Timestamp
) -> str:
    """Return what came too late for the day of a layer, in a sentence; it changes nothing in it."""
    own = found.newest if hasattr(found, "newest") else found.incidents
    why = layer.ledger.stages[-1].reasons
    least = sum(why.get(reason, 0) for reason in ("after_as_of", "not_yet_known"))
    return clean_text(tell_later([own, found.aside], group, as_of=as_of, least=least))
