"""Synthetic districts: Voronoi cells whose borders are fractal, a valid coverage of any size."""

from __future__ import annotations

import numpy as np
import shapely
from scipy.spatial import Voronoi


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
