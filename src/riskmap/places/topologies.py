"""TopoJSON: arcs that neighbours share, put together to polygons again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from riskmap.errors import BoundaryError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HOLDERS = ("GeometryCollection",)
_POLYGONS = ("Polygon", "MultiPolygon")
_WANTED = "arcs of points, and polygons that name them"


def read_topology(document: dict[str, Any]) -> dict[str, Any]:
    """Return the polygons of a TopoJSON document as a FeatureCollection of GeoJSON.

    Parameters
    ----------
    document
        The values of the file.

    Raises
    ------
    BoundaryError
        When it holds no layer of polygons, or several, or names an arc that it does not hold.

    Examples
    --------
    >>> square = [[0, 0], [2, 0], [0, 2], [-2, 0], [0, -2]]
    >>> one = {"type": "Polygon", "arcs": [[0]], "properties": {"name": "Kelda"}}
    >>> layer = {"type": "GeometryCollection", "geometries": [one]}
    >>> found = read_topology({"type": "Topology", "objects": {"a": layer}, "arcs": [square],
    ...     "transform": {"scale": [0.5, 0.5], "translate": [10, 20]}})
    >>> found["features"][0]["geometry"]["coordinates"]
    [[[10.0, 20.0], [11.0, 20.0], [11.0, 21.0], [10.0, 21.0], [10.0, 20.0]]]
    """
    objects = document.get("objects")
    layers = {
        name: [one for one in layer.get("geometries", ()) if isinstance(one, dict)]
        for name, layer in (objects.items() if isinstance(objects, dict) else ())
        if isinstance(layer, dict) and layer.get("type") in _HOLDERS
    }
    layers = {
        name: parts
        for name, parts in layers.items()
        if any(one.get("type") in _POLYGONS for one in parts)
    }
    if len(layers) != 1:
        met = ", ".join(layers) or "no layer of polygons"
        raise BoundaryError(
            "not a collection of features", met=met, expected="one layer of polygons"
        )
    try:
        arcs = _read_arcs(document)
        features = [_read_feature(one, arcs) for one in next(iter(layers.values()))]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise BoundaryError("not TopoJSON", met=repr(error), expected=_WANTED) from error
    return {"type": "FeatureCollection", "features": features}


def _read_arcs(document: dict[str, Any]) -> list[NDArray[np.float64]]:
    """Return the points of each arc, in degrees; those of a grid are steps from one to the next."""
    arcs = [np.array([point[:2] for point in arc], dtype=np.float64) for arc in document["arcs"]]
    if transform := document.get("transform"):
        scale, origin = (np.array(transform[key], np.float64) for key in ("scale", "translate"))
        return [arc.cumsum(axis=0) * scale + origin for arc in arcs]
    return arcs


def _read_feature(one: dict[str, Any], arcs: list[NDArray[np.float64]]) -> dict[str, Any]:
    """Return one geometry of a layer as a feature; its id is a property where it has none of it."""
    kind, held = one.get("type"), one.get("arcs")
    geometry = None
    if kind == "Polygon":
        geometry = {"type": kind, "coordinates": [_join(ring, arcs) for ring in held or ()]}
    elif kind == "MultiPolygon":
        rings = [[_join(ring, arcs) for ring in part] for part in held or ()]
        geometry = {"type": kind, "coordinates": rings}
    elif kind is not None:
        geometry = {"type": kind, "coordinates": one.get("coordinates", [])}
    properties = dict(one.get("properties") or {})
    if "id" in one:
        properties.setdefault("id", one["id"])
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def _join(ring: list[int], arcs: list[NDArray[np.float64]]) -> list[list[float]]:
    """Return the points of a ring; an arc ``~i`` is arc ``i`` backwards, and its first is known."""
    parts = [arcs[at] if at >= 0 else arcs[~at][::-1] for at in ring]
    joint = [parts[0], *(part[1:] for part in parts[1:])]
    points: list[list[float]] = np.concatenate(joint).tolist()
    return points
