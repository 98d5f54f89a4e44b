"""What benchmarks run on, all invented: districts with crooked borders, incidents, points.

Districts are Voronoi cells whose borders are fractal, a valid coverage of any size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.spatial import Voronoi

from riskmap.schema import CRS, REGION_COLUMNS, conform

if TYPE_CHECKING:
    from pathlib import Path

#: Districts of Afghanistan on a map of 181,611 vertices; these have 149,070.
N_DISTRICTS, DEPTH = 398, 6
N_PROVINCES = 34
N_PLACES = 20_000
YEARS = 10
FIRST_DAY = np.datetime64("2015-01-01")

#: The columns of an ACLED export, in its order.
ACLED = (
    *("event_id_cnty", "event_date", "year", "time_precision", "disorder_type", "event_type"),
    *("sub_event_type", "actor1", "assoc_actor_1", "inter1", "actor2", "assoc_actor_2", "inter2"),
    *("interaction", "civilian_targeting", "iso", "region", "country", "admin1", "admin2"),
    *("admin3", "location", "latitude", "longitude", "geo_precision", "source", "source_scale"),
    *("notes", "fatalities", "tags", "timestamp"),
)
_WORDS = ("armed", "men", "attacked", "a", "convoy", "on", "the", "road", "near", "village")


def invented_districts(n: int = N_DISTRICTS, *, depth: int = DEPTH) -> gpd.GeoDataFrame:
    """Return a Regions table of invented districts in provinces of neighbouring ones."""
    polygons = fractal_districts(n, depth=depth)
    centres = shapely.centroid(polygons)
    order = np.lexsort((shapely.get_y(centres), np.floor(shapely.get_x(centres) / 10)))
    province = np.empty(n, dtype=int)
    province[order] = np.arange(n) * N_PROVINCES // n
    table = pd.DataFrame(
        {
            "region_id": [f"XQA{p:02d}{i:05d}" for i, p in enumerate(province)],
            "name": names_of(n),
            "parent_id": [f"XQA{p:02d}" for p in province],
            "parent": names_of(N_PROVINCES, start=n)[province],
            "iso3": "XQA",
            "adm_level": 2,
        }
    )
    districts = gpd.GeoDataFrame(table, geometry=polygons, crs=CRS)
    ordered = districts.sort_values("region_id", ignore_index=True)
    return gpd.GeoDataFrame(conform(ordered, REGION_COLUMNS), geometry="geometry", crs=CRS)


def names_of(n: int, *, start: int = 0) -> np.ndarray:
    """Return `n` distinct invented names that are not much alike."""
    rng = np.random.default_rng(5)
    parts = np.array(["bar", "dol", "fen", "gir", "hum", "jev", "kas", "lom", "mir", "nuz", "pel"])
    made: dict[str, None] = {}
    while len(made) < start + n:
        made["".join(rng.choice(parts, 4)).capitalize()] = None
    return np.array(list(made)[start:], dtype=object)


def write_acled(path: Path, n: int, districts: gpd.GeoDataFrame, *, seed: int = 1) -> None:
    """Write invented incidents as an ACLED export of 31 columns; 6 in 100 are vague.

    Incidents happen in 20,000 places with a name and a point each, as in ACLED, which takes its
    points from a gazetteer; the points lie well inside of the districts that the rows name. A vague
    row is known to its province alone. No row is broken: a plain script must be able to read it.
    """
    import pyarrow as pa
    from pyarrow import compute, csv

    rng = np.random.default_rng(seed)
    inside = shapely.get_coordinates(shapely.point_on_surface(districts.geometry.to_numpy()))
    homes = rng.choice(len(districts), N_PLACES, p=rng.dirichlet(np.full(len(districts), 0.5)))
    points = (inside[homes] + rng.uniform(-0.02, 0.02, (N_PLACES, 2))).round(4)
    place = rng.choice(N_PLACES, n, p=rng.dirichlet(np.full(N_PLACES, 0.5)))
    chosen, (lon, lat) = homes[place], points[place].T
    day = FIRST_DAY + rng.integers(0, 365 * YEARS, n)
    sentences = np.array([" ".join(rng.choice(_WORDS, 15)) for _ in range(4096)], dtype=object)
    note = compute.binary_join_element_wise(
        *(pa.array(sentences[rng.integers(0, 4096, n)]) for _ in range(3)), ", "
    )
    events = rng.choice(["Battles", "Violence against civilians", "Protests"], n)
    people = np.array([f"Militia {i}" for i in range(300)], dtype=object)
    known = {
        "event_id_cnty": np.char.add("XQA", np.arange(n).astype(str)),
        "event_date": pd.DatetimeIndex(day).strftime("%d %B %Y").to_numpy(),
        "year": day.astype("datetime64[Y]").astype(int) + 1970,
        "time_precision": rng.choice(["1", "2"], n, p=[0.9, 0.1]),
        "event_type": events,
        "sub_event_type": np.where(events == "Battles", "Armed clash", "Attack"),
        "actor1": people[rng.integers(0, len(people), n)],
        "actor2": people[rng.integers(0, len(people), n)],
        "country": np.full(n, "Qandara"),
        "admin1": districts["parent"].to_numpy(object)[chosen],
        "admin2": districts["name"].to_numpy(object)[chosen],
        "location": np.char.add("Village ", place.astype(str)),
        "latitude": lat,
        "longitude": lon,
        "geo_precision": rng.choice(["1", "2", "3"], n, p=[0.6, 0.34, 0.06]),
        "source": np.where(rng.random(n) < 0.3, "Paper; Radio", "Paper"),
        "source_scale": np.full(n, "National"),
        "notes": note,
        "fatalities": rng.poisson(1.0, n),
        "timestamp": (day + 3).astype("datetime64[s]").astype(np.int64),
    }
    table = pa.table({name: known.get(name, np.full(n, "")) for name in ACLED})
    csv.write_csv(table, path, csv.WriteOptions(quoting_style="needed"))


def write_points(path: Path, n: int, box: tuple[float, float, float, float]) -> None:
    """Write points that are spread evenly over a box as Parquet, in four row groups or more."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema({"lon": pa.float64(), "lat": pa.float64()})
    rng = np.random.default_rng(2)
    with parquet.ParquetWriter(path, schema, compression="none", use_dictionary=False) as file:
        group = min(1_000_000, -(-n // 4))
        for start in range(0, n, group):
            size = min(group, n - start)
            xy = rng.uniform(box[:2], box[2:], (size, 2)).T
            file.write_table(pa.table({"lon": xy[0], "lat": xy[1]}))


def fractal_districts(
    n_districts: int, *, depth: int = 4, roughness: float = 0.25, seed: int = 0
) -> np.ndarray:
    """Return polygons that share their crooked borders exactly and fill a box of 60 by 40 degrees.

    Each border of a Voronoi diagram is halved `depth` times, and each middle moved sideways by up
    to `roughness` of half its segment; borders that would make a polygon invalid are left straight.
    """
    rng = np.random.default_rng(seed)
    seeds = rng.uniform((0, 0), (60, 40), (n_districts, 2))
    diagram = Voronoi(np.concatenate([seeds, *_mirrored(seeds)]))
    borders = np.array(diagram.ridge_vertices)
    kept = (diagram.ridge_points < n_districts).any(axis=1) & (borders >= 0).all(axis=1)
    borders, sides = borders[kept], diagram.ridge_points[kept]
    lines = _crooked(diagram.vertices[borders], depth, roughness, rng)
    lines[(sides >= n_districts).any(axis=1)] = _straight(
        diagram.vertices[borders], lines.shape[1]
    )[(sides >= n_districts).any(axis=1)]
    polygons = _assemble(lines, borders, sides, n_districts)
    while not (valid := shapely.is_valid(polygons)).all():
        bad = np.append(~valid, np.zeros(len(diagram.points) - n_districts, dtype=bool))
        flat = bad[sides].any(axis=1)
        lines[flat] = _straight(diagram.vertices[borders[flat]], lines.shape[1])
        polygons = _assemble(lines, borders, sides, n_districts)
    return polygons


def _mirrored(seeds: np.ndarray) -> list[np.ndarray]:
    """Return the seeds near each side of the box mirrored in it, so that its cells end there."""
    return [
        seeds * (-1, 1),
        seeds * (1, -1),
        seeds * (-1, 1) + (120, 0),
        seeds * (1, -1) + (0, 80),
    ]


def _straight(ends: np.ndarray, n_points: int) -> np.ndarray:
    share = np.linspace(0, 1, n_points)[None, :, None]
    return ends[:, None, 0] * (1 - share) + ends[:, None, 1] * share


def _crooked(
    ends: np.ndarray, depth: int, roughness: float, rng: np.random.Generator
) -> np.ndarray:
    lines = ends
    for _ in range(depth):
        a, b = lines[:, :-1], lines[:, 1:]
        side = np.stack([a[..., 1] - b[..., 1], b[..., 0] - a[..., 0]], axis=-1)
        shift = rng.uniform(-roughness / 2, roughness / 2, (*side.shape[:2], 1))
        middles = (a + b) / 2 + side * shift
        finer = np.empty((len(lines), 2 * lines.shape[1] - 1, 2))
        finer[:, ::2], finer[:, 1::2] = lines, middles
        lines = finer
    return lines


def _assemble(
    lines: np.ndarray, borders: np.ndarray, sides: np.ndarray, n_districts: int
) -> np.ndarray:
    """Return one polygon a district, its borders joined end to end."""
    around: list[dict[int, list[tuple[int, int, bool]]]] = [{} for _ in range(n_districts)]
    for i, ((start, end), pair) in enumerate(zip(borders.tolist(), sides.tolist(), strict=True)):
        for side in pair:
            if side < n_districts:
                around[side].setdefault(start, []).append((i, end, False))
                around[side].setdefault(end, []).append((i, start, True))
    rings = []
    for steps in around:
        begin = here = next(iter(steps))
        last, parts = -1, []
        while not parts or here != begin:
            i, there, backwards = next(step for step in steps[here] if step[0] != last)
            parts.append(lines[i, ::-1][:-1] if backwards else lines[i, :-1])
            last, here = i, there
        rings.append(shapely.linearrings(np.concatenate(parts)))
    return shapely.polygons(rings)
