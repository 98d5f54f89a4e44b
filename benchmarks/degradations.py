"""What the oracle of false lows needs: a country, what can go wrong with its data, and the law.

A degradation takes incidents and regions and returns them as they would have been read. Those that
leave a trace (rows that can't be used, a source that fell silent) must be told by a flag; those
that leave none (rows that are simply not there) can only be told beside the layer before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely
from scenarios import SCOPES, scenario

import riskmap as rm
from riskmap.assessment.assessments import judge_levels
from riskmap.assessment.changes import carry_regions
from riskmap.assessment.contexts import Context
from riskmap.places.areas import find_predecessors
from riskmap.schema import INCIDENT_COLUMNS, conform

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.random import Generator
    from numpy.typing import NDArray

GROUPS = (rm.WorkerGroup("CHN", sector="mining"), rm.WorkerGroup(sector="aid"))
AS_OF = "2025-01-01"
BEFORE = "2024-10-01"
NOW = pd.Timestamp(AS_OF)


@dataclass(frozen=True)
class World:
    """Incidents, merged as a desk would, and their regions."""

    incidents: gpd.GeoDataFrame
    regions: gpd.GeoDataFrame


@cache
def world(seed: int, sources: tuple[str, ...] = ("watch", "aidlog", "desk", "wires")) -> World:
    """Return the invented country as some of its sources tell of it."""
    table, _ = scenario(seed)
    told = table[table["source"].isin(sources)].reset_index(drop=True)
    return World(rm.merge_duplicates(told), rm.datasets.regions())


class Apart(rm.models.EmpiricalBayes):
    """Rates shrunk to the province and the country by a strength that is fixed.

    Countries that are forecast together then have nothing in common.
    """

    def _learn(self, history: Any) -> None:
        del history
        self.strength_days_ = np.array([180.0, 365.0, 365.0])

    def __init__(self, levels: tuple[str, ...] = ("parent", "country")) -> None:
        super().__init__(levels)


@cache
def small(seed: int) -> World:
    """Return one province of the invented country in its last five years, as a country of many."""
    table, _ = scenario(seed)
    regions = rm.datasets.regions()
    home = regions[regions["parent_id"] == "XQA01"].reset_index(drop=True)
    table = _move_home(table, regions, home)
    near = (table["admin1"] == home["parent"].iloc[0]) | (
        table["admin1"].isna() & (table.index % 3 == 0)
    )
    late = table["event_date"] >= NOW - pd.Timedelta(days=5 * 365)
    # some countries are calm; the reports of aid workers are few as it is
    kept = (table["source"] == "aidlog") | (table.index.to_numpy() % (1, 2, 5)[seed % 3] == 0)
    chosen = World(rm.merge_duplicates(table[near & late & kept].reset_index(drop=True)), home)
    return relabel(chosen, seed)


def _move_home(
    table: gpd.GeoDataFrame, regions: gpd.GeoDataFrame, home: gpd.GeoDataFrame
) -> gpd.GeoDataFrame:
    """Return incidents with all reports of aid workers moved to one province."""
    elsewhere = table["admin1"].notna() & (table["admin1"] != home["parent"].iloc[0])
    away = ((table["source"] == "aidlog") & elsewhere).to_numpy()
    place = dict(zip(regions["name"], np.resize(home["name"], len(regions)), strict=True))
    moved = table.copy()
    for name in ("place", "admin2"):
        moved.loc[away, name] = table.loc[away, name].map(place)
    moved.loc[away, "admin1"] = home["parent"].iloc[0]
    moved.loc[away & (table["geo_precision"] == "point").to_numpy(), "geo_precision"] = "admin2"
    return moved.set_geometry(moved.geometry.where(~away))


def relabel(world: World, number: int) -> World:
    """Return the invented country under another code, other names and at another place."""
    code = f"X{chr(65 + number // 26 % 26)}{chr(65 + number % 26)}"
    east, north = 12.0 * (number % 14) - 80.0, 12.0 * (number // 14 % 6)

    def moved(table: gpd.GeoDataFrame, ids: list[str], names: list[str]) -> gpd.GeoDataFrame:
        told = {name: table[name].str.replace(r"^XQA", code, regex=True) for name in ids}
        told |= {name: table[name] + f" {code}" for name in names}
        return table.assign(**told).set_geometry(table.geometry.translate(east, north))

    incidents = moved(
        world.incidents,
        ["country", "nationality", "region_id"],
        ["place", "admin1", "admin2", "source_id", "incident_id"],
    )
    names = ["region_id", "parent_id", "iso3"]
    return World(incidents, moved(world.regions, names, ["name", "parent"]))


def join(worlds: list[World]) -> World:
    """Return several countries as one table of incidents and one of regions."""
    incidents, regions = (
        pd.concat([getattr(world, name) for world in worlds], ignore_index=True)
        for name in ("incidents", "regions")
    )
    return World(incidents, regions)


def foresee(
    world: World,
    group: rm.WorkerGroup,
    *,
    as_of: str = AS_OF,
    model: Any,
    located: rm.Located | None = None,
    every: str = "quarter",
) -> rm.Forecast:
    """Return the forecast of a world, from `locate` on."""
    placed = rm.locate(world.incidents, world.regions) if located is None else located
    panel = rm.count_incidents(placed, world.regions, every=every, as_of=as_of, group=group)
    return rm.forecast(panel, model=model)


def assess(
    world: World,
    group: rm.WorkerGroup,
    *,
    previous: rm.RiskLayer | None = None,
    as_of: str = AS_OF,
    model: Any = None,
) -> rm.RiskLayer:
    """Return the layer of a world; by a plain model, to be quick."""
    chosen = rm.models.EmpiricalBayes() if model is None else model
    forecast = foresee(world, group, as_of=as_of, model=chosen)
    return rm.assess(forecast, world.regions, previous=previous)


@dataclass(frozen=True)
class Levels:
    """Of a layer what its reader is told of levels, without what explains them."""

    regions: gpd.GeoDataFrame
    risks: pd.DataFrame
    attacks: pd.DataFrame


def judge(
    forecast: rm.Forecast, regions: gpd.GeoDataFrame, *, previous: rm.RiskLayer | None
) -> Levels:
    """Return the levels that `rm.assess` gives, and nothing else of its layer."""
    ordered = regions.sort_values("region_id", ignore_index=True)
    if previous is not None:
        previous, _ = carry_regions(previous, ordered)
    scale = rm.LevelScale.default()
    found = judge_levels(
        forecast, scale, previous=previous, context=Context.read(forecast.provenance)
    )
    return Levels(ordered, found["risks"], found["attacks"])


@lru_cache(maxsize=64)
def before(seed: int, group: int, how: str | None) -> tuple[rm.RiskLayer | None, rm.RiskLayer]:
    """Return the layer of the whole data: alone, or after the layer of a window before."""
    whole = world(seed)
    previous = assess(whole, GROUPS[group], as_of=BEFORE) if how == "window" else None
    return previous, assess(whole, GROUPS[group], previous=previous)


def is_flagged(after: pd.DataFrame) -> pd.Series:
    """Return where a reader sees that a level may be too low, or what holds it up."""
    told = after[["at_least", "reporting_gap", "held", "attacked"]].fillna(value=False).any(axis=1)
    kept = after["level_as_of"].notna() | after["reasons"].notna()
    return (after["risk_level"] == 0) | told | kept


def is_doubtful(risks: pd.DataFrame) -> pd.Series:
    """Return where a layer says that it does not know enough; an attack is no doubt."""
    told = risks[["at_least", "reporting_gap"]].fillna(value=False).any(axis=1)
    kept = risks["level_as_of"].notna() | risks["reasons"].notna()
    return (risks["risk_level"] == 0) | told | kept


def find_falls(before: rm.RiskLayer, after: rm.RiskLayer | Levels) -> pd.DataFrame:
    """Return the regions and layers that are lower than before without a flag.

    Of those that a region comes from, the one with the highest level is before. A chance that fell
    by less than a tenth, of a level whose span still reaches the one before, is told by the span.
    """
    key = ["region_id", "layer"]
    pairs = find_predecessors(before.regions, after.regions)
    both = before.risks.merge(pairs, left_on="region_id", right_on="old_id")
    both = both.assign(region_id=both["new_id"]).sort_values("risk_level", ascending=False)
    old = both.drop_duplicates(key).sort_values(key, ignore_index=True)
    new = old[key].merge(after.risks, on=key, how="left")
    flagged = is_flagged(new) | new["region_id"].isin(_under_banners(after))
    spans = (new["level_high"] >= old["risk_level"]).fillna(value=False)
    flagged |= spans & (new["p_any"] > 0.9 * old["p_any"])
    fell = (new["risk_level"] < old["risk_level"]).fillna(value=False) & ~flagged
    found = new[fell][[*key, "risk_level", "level_high", "p_any", "reasons"]]
    return found.assign(was=old.loc[fell, "risk_level"], p_was=old.loc[fell, "p_any"])


def _under_banners(layer: rm.RiskLayer | Levels) -> set[str]:
    """Return the regions of the areas that an attack is known to, which a banner tells."""
    areas = {one for area in layer.attacks["area"].dropna() for one in area.split(";")}
    regions = layer.regions
    there = regions["parent"].isin(areas) | regions["iso3"].isin(areas)
    return set(regions.loc[there, "region_id"])


# Which rows a degradation is about.


def _usable(world: World) -> NDArray[np.bool_]:
    return world.incidents["quarantine_reason"].isna().to_numpy()


def some(world: World, rng: Generator) -> NDArray[np.bool_]:
    """Pick rows anywhere."""
    return _usable(world) & (rng.random(len(world.incidents)) < rng.choice([0.02, 0.1, 0.3, 0.7]))


def newest(world: World, rng: Generator) -> NDArray[np.bool_]:
    """Pick the newest rows."""
    since = NOW - pd.Timedelta(days=int(rng.choice([20, 60, 200, 700])))
    return _usable(world) & (world.incidents["event_date"] >= since).to_numpy()


def one_district(world: World, rng: Generator) -> NDArray[np.bool_]:
    """Pick rows that name one district, all or the newest of them."""
    name = rng.choice(world.regions["name"])
    here = (world.incidents["place"] == name).to_numpy()
    return here & (newest(world, rng) if rng.random() < 1 / 2 else _usable(world))


def one_source(world: World, rng: Generator) -> NDArray[np.bool_]:
    """Pick rows of one source, all or some."""
    name = rng.choice(["watch", "aidlog", "desk", "wires"])
    mine = (world.incidents["source"] == name).to_numpy()
    return mine & (some(world, rng) if rng.random() < 1 / 2 else _usable(world))


def of_foreigners(world: World, rng: Generator) -> NDArray[np.bool_]:
    """Pick rows that tell of foreigners, or some of them."""
    mine = (world.incidents["foreign_victims"].fillna(0) > 0).to_numpy(dtype=bool)
    return mine & (some(world, rng) if rng.random() < 1 / 2 else _usable(world))


# What is done to them.


def drop(world: World, rows: NDArray[np.bool_]) -> World:
    """Take rows away."""
    return replace(world, incidents=world.incidents[~rows].reset_index(drop=True))


def _set(world: World, rows: NDArray[np.bool_], **values: Any) -> World:
    """Return the world with other values in some rows; `not_understood` is added to."""
    table = world.incidents.copy()
    for name, value in values.items():
        if name == "not_understood":
            old = table.loc[rows, name]
            value = (old + "; ").fillna("") + value  # noqa: PLW2901 - one more among several
        table.loc[rows, name] = value
    return replace(world, incidents=table)


def garble_dates(world: World, rows: NDArray[np.bool_]) -> World:
    """Write a day that nobody can read: the row is set aside."""
    blank = _set(world, rows, quarantine_reason="no_date", quarantine_detail="event_date")
    return _set(blank, rows, event_date=pd.NaT, event_date_end=pd.NaT, date_precision=None)


def garble_points(world: World, rows: NDArray[np.bool_]) -> World:
    """Write coordinates of (0, 0), with all else as it was: the row is set aside."""
    aside = _set(world, rows, quarantine_reason="null_island", quarantine_detail="latitude")
    return _set(aside, rows, geometry=None)


def garble_districts(world: World, rows: NDArray[np.bool_]) -> World:
    """Write a district that nobody knows, and no point; the province is still told."""
    return _set(world, rows, admin2="Xxqzt", place="Xxqzt", geometry=None, geo_precision="admin2")


def set_aside(world: World, rows: NDArray[np.bool_]) -> World:
    """Set rows aside, as the gate does."""
    return _set(world, rows, quarantine_reason="bad_number", quarantine_detail="killed")


def strange_sectors(world: World, rows: NDArray[np.bool_]) -> World:
    """Write sectors in a word that is in no list."""
    rows = rows & world.incidents["sector"].notna().to_numpy()
    return _set(world, rows, sector=None, not_understood="sector=dredgery")


def strange_nations(world: World, rows: NDArray[np.bool_]) -> World:
    """Write nationalities in a word that is in no list."""
    rows = rows & world.incidents["nationality"].notna().to_numpy()
    return _set(world, rows, nationality=None, not_understood="nationality=Lunarian")


def strange_types(world: World, rows: NDArray[np.bool_]) -> World:
    """Write types in a word that is in no list."""
    return _set(world, rows, event_type="unknown", not_understood="event_type=blastening")


# What is done to a whole table.

#: Sources that watch, and so are missed.
WATCHERS = ("watch", "aidlog", "desk")


def sure_silence(world: World, name: str) -> int:
    """Return the days after which chance can hardly explain the silence of a source, 0 for never.

    At its pace in the slowest of the last four years a report would have come with a probability of
    99.99 %, and it is 2.7 times as long as any but its longest silence. A source that would have to
    be silent for more than two years is too thin: after five it is no longer missed.
    """
    mine = _usable(world) & (world.incidents["source"] == name).to_numpy()
    days = np.unique((NOW - world.incidents.loc[mine, "event_date"].dropna()).dt.days)
    slowest = min(int(((days >= 365 * i) & (days < 365 * (i + 1))).sum()) for i in range(4))
    if slowest < 8:  # few reports tell no pace
        return 0
    length = int(max(60, 9.3 * 365 / (slowest - 2), 2.7 * np.sort(np.diff(days))[-2]))
    return length if length < 730 else 0


def hush(world: World, name: str, days: NDArray[np.bool_]) -> World:
    """Let a source tell nothing on some days, also not what others tell too."""
    table = world.incidents
    told = table["confirmed_by"].where(days).str.split(" | ", regex=False)
    others = told.map(
        lambda parts: " | ".join(p for p in parts if not p.startswith(f"{name} = ")) or None,
        na_action="ignore",
    )
    heard = table["confirmed_by"].mask(days & told.notna(), others).astype("str")
    quiet = replace(world, incidents=table.assign(confirmed_by=heard))
    return drop(quiet, (table["source"] == name).to_numpy() & days)


def stop_source(world: World, rng: Generator) -> World:
    """Let a source fall silent."""
    name = rng.choice(WATCHERS)
    since = NOW - pd.Timedelta(days=sure_silence(world, name) * int(rng.choice([1, 2])))
    return hush(world, name, (world.incidents["event_date"] >= since).to_numpy())


def cut_gap(world: World, rng: Generator) -> World:
    """Let a source be silent for a time, and tell again; longer than by chance after that year."""
    name = rng.choice(WATCHERS)
    length = sure_silence(world, name) * int(rng.choice([1, 2]))
    end = NOW - pd.Timedelta(days=int(rng.integers(30, 600)))
    start = end - pd.Timedelta(days=length)
    day, mine = world.incidents["event_date"], world.incidents["source"] == name
    year = mine & (day < start) & (day >= start - pd.Timedelta(days=365))
    if (day[year].nunique() - 3) / 365 * length < 9.3:
        return world
    return hush(world, name, ((day < end) & (day >= start)).to_numpy())


def stop_everyone(world: World, rng: Generator) -> World:
    """Let all fall silent: the file is an old one."""
    silence = max(sure_silence(world, name) for name in WATCHERS)
    since = NOW - pd.Timedelta(days=silence * int(rng.choice([1, 2])))
    return drop(world, (world.incidents["event_date"] >= since).to_numpy())


def _append(world: World, rows: NDArray[Any], **values: Any) -> World:
    """Return the world with more rows, of another source; `rows` by a mask or by positions."""
    rows = np.flatnonzero(rows) if rows.dtype == bool else rows
    more = world.incidents.iloc[rows].assign(source="other", **values)
    home = world.regions["iso3"].iloc[0]
    told = world.incidents["incident_id"].str.extract(rf"^other:{home}(\d+)$")[0]
    first = 1 + int(told.dropna().astype(int).max() if told.notna().any() else 0)
    more["source_id"] = [f"{home}{first + i}" for i in range(len(more))]
    more["incident_id"] = [f"other:{name}" for name in more["source_id"]]
    table = pd.concat([world.incidents, more], ignore_index=True)
    return replace(world, incidents=conform(table, INCIDENT_COLUMNS).set_crs(4326))


_ANY_SCOPE = (
    *("violence; reach=countries", "foreign; reach=countries", "violence,foreign; reach=reports"),
    *("none", "violence; reach=countries; deaths", None),
)


def copy_rows(world: World, rng: Generator) -> World:
    """Add a second source that tells the same, word for word."""
    rows = rng.choice([some, newest, one_source])(world, rng)
    grown = _append(world, rows, scope=rng.choice(_ANY_SCOPE))
    return replace(grown, incidents=rm.merge_duplicates(grown.incidents))


def more_attacks(world: World, rng: Generator) -> World:
    """Add a second source that tells of other attacks on foreigners."""
    rows = some(world, rng) & (rng.random(len(world.incidents)) < 1 / 4)
    return _append(
        world, rows, scope=rng.choice(_ANY_SCOPE), foreign_victims=1, nationality="TUR", sector=None
    )


def flood(world: World, rng: Generator) -> World:
    """Add a second source that tells a great deal of one district, and of no foreigner."""
    rows = np.flatnonzero(one_district(world, rng))
    if not len(rows):
        return world
    many = rng.choice(rows, int(rng.choice([50, 500])))
    day = NOW - pd.to_timedelta(rng.integers(1, int(rng.choice([3, 300])), len(many)), unit="D")
    return _append(
        world,
        many,
        scope=rng.choice(_ANY_SCOPE),
        foreign_victims=0,
        nationality=None,
        event_date=day,
        event_date_end=day,
        date_precision="day",
        ingested_at=pd.NaT,
    )


def old_history(world: World, rng: Generator) -> World:
    """Put a thin old history before the rows: one of each year from 1990 on."""
    rows = rng.choice(np.flatnonzero(_usable(world)), 25)
    day = pd.to_datetime(
        rng.integers(0, 27 * 365, len(rows)), unit="D", origin="1990-01-01"
    ).astype("datetime64[us]")
    grown = _append(
        world,
        rows,
        event_date=day,
        event_date_end=day,
        date_precision="day",
        ingested_at=pd.NaT,
    )
    mine = grown.incidents["source"].eq("other").to_numpy()
    return _set(grown, mine, source="watch", scope=SCOPES["watch"])


def rename_region(world: World, rng: Generator) -> World:
    """Give a region another id than in the layer before."""
    regions = world.regions.copy()
    one = int(rng.integers(len(regions)))
    regions.loc[one, "region_id"] += " renamed"
    return replace(world, regions=regions)


def split_region(world: World, rng: Generator) -> World:
    """Cut a region in two, with new ids and names."""
    one = world.regions.iloc[[int(rng.integers(len(world.regions)))]]
    west, south, east, north = one.total_bounds
    middle = west + float(rng.choice([0.2, 0.5])) * (east - west)
    boxes = shapely.box(west, south, middle, north), shapely.box(middle, south, east, north)
    halves = [
        one.assign(**(one[["region_id", "name"]] + end)).set_geometry(one.intersection(box))
        for end, box in zip((" west", " east"), boxes, strict=True)
    ]
    rest = world.regions[world.regions["region_id"] != one["region_id"].iloc[0]]
    return replace(world, regions=pd.concat([rest, *halves], ignore_index=True))


def merge_regions(world: World, rng: Generator) -> World:
    """Make one region of two that touch."""
    regions = world.regions
    one = int(rng.integers(len(regions)))
    other = int(np.flatnonzero(regions.touches(regions.geometry.iloc[one]))[0])
    both = regions.iloc[[one, other]]
    name = "+".join(both["region_id"])
    whole = both.iloc[[0]].assign(region_id=name).set_geometry([both.union_all()], crs=4326)
    return replace(world, regions=pd.concat([regions.drop(both.index), whole], ignore_index=True))


PICKS = {f.__name__: f for f in (some, newest, one_district, one_source, of_foreigners)}
GARBLES = {
    f.__name__: f
    for f in (
        *(garble_dates, garble_points, garble_districts, set_aside),
        *(strange_sectors, strange_nations, strange_types),
    )
}
TABLES = {
    f.__name__: f
    for f in (
        *(stop_source, cut_gap, stop_everyone, copy_rows, more_attacks, flood, old_history),
        rename_region,
    )
}
#: Other borders: without the layer before, levels are simply those of other regions.
BORDERS = {f.__name__: f for f in (split_region, merge_regions)}
TRACES = (*TABLES, *(f"{garble}:{pick}" for garble in GARBLES for pick in PICKS))
SILENT = tuple(f"drop:{pick}" for pick in PICKS)


def degrade(world: World, name: str, seed: int) -> World:
    """Return a world after the degradation of a name; a seed chooses how."""
    rng = np.random.default_rng(seed)
    if name in TABLES | BORDERS:
        return (TABLES | BORDERS)[name](world, rng)
    act, pick = name.split(":")
    return (GARBLES | {"drop": drop})[act](world, PICKS[pick](world, rng))


# Many small countries at a time.


@cache
def whole_layer(seeds: range, group: int, how: str | None) -> tuple[Any, rm.RiskLayer]:
    """Return the layer of the whole data of small countries: alone, or after one before."""
    whole, model = join([small(seed) for seed in seeds]), Apart()
    previous = assess(whole, GROUPS[group], as_of=BEFORE, model=model) if how == "window" else None
    return previous, assess(whole, GROUPS[group], previous=previous, model=model)


@dataclass(frozen=True)
class Batch:
    """One composition of degradations a country, and the falls that nobody is told of."""

    paths: dict[str, list[tuple[str, int]]]
    falls: pd.DataFrame
    risks: pd.DataFrame


def run_batch(seeds: range, number: int, *, longest: int = 3) -> Batch:
    """Degrade each of the small countries and hold its levels against those of the whole data."""
    rng = np.random.default_rng([777, seeds.start, number])
    group, how = int(rng.integers(len(GROUPS))), str(rng.choice(["alone", "window", "before"]))
    previous, whole = whole_layer(seeds, group, "window" if how == "window" else None)
    previous = whole if how == "before" else previous
    names = [*TRACES, *SILENT] if how == "before" else TRACES
    paths, worlds = {}, []
    for seed in seeds:
        world = small(seed)
        path = [
            (str(rng.choice(names)), int(rng.integers(2**20)))
            for _ in range(int(rng.integers(1, longest + 1)))
        ]
        for name, chosen in path:
            world = degrade(world, name, chosen)
        paths[f"{world.regions['iso3'].iloc[0]} ({seed}, {how}, group {group})"] = path
        worlds.append(world)
    joined = join(worlds)
    forecast = foresee(joined, GROUPS[group], model=Apart())
    after = judge(forecast, joined.regions, previous=previous)
    return Batch(paths, find_falls(whole, after), after.risks)
