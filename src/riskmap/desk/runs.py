"""A whole run: from files of incidents to a published set, as the command line and a desk do it."""

from __future__ import annotations

import json
import math
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmap.assessment.assessments import assess
from riskmap.assessment.desk_files import read_decisions
from riskmap.assessment.levels import LevelScale
from riskmap.desk import (
    RegionSource,
    RunConfig,
    describe_inputs,
    find_group,
    is_path,
    named_by,
    read_files,
)
from riskmap.errors import InputError
from riskmap.executors import connect
from riskmap.incidents.derivations import derive_victims
from riskmap.incidents.packed_files import local_copy
from riskmap.incidents.readers import read_file
from riskmap.incidents.reading_options import ReadingOptions
from riskmap.incidents.scope import scope_path
from riskmap.ledgers import Losses, tell_helpful
from riskmap.models.forecasts import forecast
from riskmap.outputs.bundles import Bundle
from riskmap.outputs.editions import employer_line, later_line, outside_line
from riskmap.outputs.publishing import publish
from riskmap.outputs.senders import Sender, list_sets
from riskmap.outputs.sets import read_layer
from riskmap.outputs.tables import clean_text
from riskmap.panels.batches import scan_incidents
from riskmap.panels.counts import count_incidents
from riskmap.panels.windows import parse_day
from riskmap.places.areas import find_predecessors
from riskmap.places.placements import locate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import geopandas as gpd

    from riskmap.assessment.layers import RiskLayer
    from riskmap.panels.groups import WorkerGroup
    from riskmap.panels.scans import Scan
    from riskmap.places.placements import Located

    Progress = Callable[[str], object]

#: Bytes of incident files from which on they are read a part at a time.
LARGE = 500_000_000

#: Before every set: what is read to compare is never relied on, so that its age doesn't matter.
LONG_AGO = "1970-01-01"

#: So many names that no place has are told.
_NAMED = 3


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
    notes
        What a reader should know of how files were read, in sentences.
    """

    layer: RiskLayer
    folder: Path
    later: str = ""
    notes: tuple[str, ...] = ()


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
    source = RegionSource.of(config.regions)
    tell(f"reading {source}")
    regions = source.read()
    group = find_group(config.group)
    scale = None if config.scale is None else LevelScale.from_file(config.scale)
    cleared = (
        ()
        if config.decisions is None
        else read_decisions(config.decisions, region_ids=regions["region_id"])
    )
    with ExitStack() as copies:
        sources = [copies.enter_context(local_copy(source)) for source in config.incidents]
        found, notes = _place(config, sources, regions, group, tell)
        inputs = describe_inputs([*sources, *map(scope_path, filter(is_path, sources))])
    refuse_losses(found, config.max_lost)
    panel = count_incidents(found, regions, group=group, every=config.every, as_of=config.as_of)
    tell(f"forecasting {config.horizon} from {panel.as_of:%Y-%m-%d}")
    predicted = forecast(panel, horizon=config.horizon, breaks=config.breaks)
    layer = _compare(
        partial(assess, predicted, regions, scale=scale, decisions=cleared),
        config,
        regions=regions,
        group=group,
        tell=tell,
    )
    inputs += describe_inputs(source.parts)
    inputs += describe_inputs([config.scale, config.group, config.decisions])
    inputs += describe_inputs([config.mapping])
    layer = replace(layer, provenance={**layer.provenance, "inputs": inputs})
    folder = publish(
        layer,
        config.out,
        formats=config.formats,
        languages=config.languages,
        profile=config.profile,
        sender=Sender.parse(config.sender, config.contact, config.link),
    )
    edition = Bundle(layer).edition("en")
    later, *besides = (
        clean_text(line(edition)) for line in (later_line, outside_line, employer_line)
    )
    told = (*notes, *_tell_drafts(panel.drafts, regions), *besides)
    return Run(layer, folder, later, tuple(filter(None, told)))


def _place(
    config: RunConfig,
    sources: Sequence[Any],
    regions: gpd.GeoDataFrame,
    group: WorkerGroup | None,
    tell: Progress,
) -> tuple[Located | Scan, tuple[str, ...]]:
    """Read incidents and place them at once, a part at a time, or by a cluster; and some notes."""
    size = sum(map(_size_of, sources))
    if config.scheduler is None and size <= LARGE:
        table, notes = read_files(
            sources, scope=config.scope, group=group, progress=tell, **config.reading
        )
        tell(f"placing {len(table):,} incidents in {len(regions):,} regions")
        return locate(table, regions), notes
    tell(f"reading and placing {len(sources)} files a part at a time")
    options = ReadingOptions.of(**config.reading)
    scan = partial(
        scan_incidents,
        [
            one if is_path(one) else read_file(one, scope=config.scope, **config.reading).incidents
            for one in sources
        ],
        regions,
        each=partial(derive_victims, **named_by(group)),
        merge=True,
        scope=config.scope,
        options=options,
    )
    if config.scheduler is None:
        return scan(), ()
    with connect(config.scheduler) as client:
        return scan(client=client), ()


def _size_of(source: Any) -> int:
    """Return the bytes of a file, or of all those of a folder; none of what is in memory."""
    path = Path(source) if is_path(source) else None
    if path is None or not path.exists():
        return 0
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


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
    return [(path, _group_of(path) == asked) for path in list_sets(out)]


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


def _tell_drafts(drafts: Mapping[str, int], regions: gpd.GeoDataFrame) -> list[str]:
    """Return in a sentence how many drafts wait for review, and in which regions; or nothing."""
    if not drafts:
        return []
    n, names = sum(drafts.values()), regions.set_index("region_id")["name"]
    told = ", ".join(f"{names.get(key, 'place unknown')} {m}" for key, m in drafts.items())
    said = "1 draft waits" if n == 1 else f"{n:,} drafts wait"
    return [clean_text(f"{said} for review and count in no level: {told}")]


def refuse_losses(found: Located | Scan, max_lost: float) -> None:
    """Raise, with the most frequent reasons, when too many rows that tell of an incident are lost.

    Raises
    ------
    InputError
        Which says how many name a district that was not used, and some of these names.
    """
    lost = Losses.of(found.ledger)
    nothing = not found.ledger.stages[-1].rows_out  # counting says what became of them all
    if nothing or lost.lost <= max_lost * lost.among:
        return
    aside = pd.DataFrame(found.aside)
    if lost.not_used and "spread" in aside:
        named = aside.loc[aside["spread"].to_numpy(bool), "admin2"].value_counts().head(_NAMED)
    else:
        named = pd.Series(dtype="int64")
    some = ", ".join(f"{name!r} {n}" for name, n in named.items())
    allowed = f"max_lost={math.ceil(lost.share * 100) / 100:g} where that is meant"
    helpful = [tell_helpful(lost.reasons), "riskmap incidents check tells more of a file"]
    raise InputError(
        f"{lost.share:.1%} of the rows can't be used",
        met="; ".join([*lost.tell(), *([f"such as {some}"] if some else [])]),
        expected="; ".join([f"at most {max_lost:.1%}, or {allowed}", *filter(None, helpful)]),
    )
