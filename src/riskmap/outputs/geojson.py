"""GeoJSON to RFC 7946: one feature a region, the same bytes every time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import shapely

from riskmap.outputs.files import replace_file
from riskmap.outputs.geometries import DECIMALS, bounding_box, prepare_geometries
from riskmap.outputs.tables import clean_plain, plain_records, risk_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from riskmap.assessment.layers import RiskLayer


def geojson_chunks(layer: RiskLayer, *, decimals: int = DECIMALS) -> Iterator[bytes]:
    """Yield a layer as GeoJSON, one feature a line.

    Parameters
    ----------
    layer
        The risk layer.
    decimals
        Digits behind the point of a coordinate.

    Yields
    ------
    bytes
        A FeatureCollection with ``bbox``, feature ids, and one foreign member ``riskmap`` that
        holds the provenance.
    """
    shapes = region_shapes(layer, decimals=decimals)
    yield from collection_chunks(collection_member(layer), [(risk_table(layer), shapes)])


def region_shapes(layer: RiskLayer, *, decimals: int = DECIMALS) -> NDArray[np.object_]:
    """Return the geometries of a layer's regions, sorted by ``region_id``, fit for RFC 7946."""
    regions = layer.regions.sort_values("region_id", kind="stable")
    return prepare_geometries(regions.geometry, decimals=decimals)


def collection_chunks(
    member: dict[str, Any], parts: Sequence[tuple[pd.DataFrame, NDArray[np.object_]]]
) -> Iterator[bytes]:
    """Yield a FeatureCollection, one feature a line; a column ``id`` is the feature's id.

    Parameters
    ----------
    member
        The foreign member ``riskmap``.
    parts
        Tables, each with its geometries.
    """
    boxes = np.concatenate([shapes for _, shapes in parts])
    head = {"type": "FeatureCollection", "bbox": bounding_box(boxes), "riskmap": member}
    yield _dumps(_without_empty(head))[:-1] + b',"features":['
    between = b"\n"
    for table, shapes in parts:
        for record, geometry in zip(plain_records(table), shapes, strict=True):
            feature = {
                "type": "Feature",
                "id": record.pop("id", None) or record["region_id"],
                "bbox": bounding_box([geometry]),
                "geometry": geometry and orjson.Fragment(shapely.to_geojson(geometry)),
                "properties": record,
            }
            yield between + _dumps(_without_empty(feature))
            between = b",\n"
    yield b"\n]}\n"


def _without_empty(member: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON object without a bbox that bounds nothing."""
    return {key: value for key, value in member.items() if key != "bbox" or value}


def _dumps(value: dict[str, Any]) -> bytes:
    return orjson.dumps(clean_plain(value) if "riskmap" in value else value)


def collection_member(layer: RiskLayer) -> dict[str, Any]:
    """Return the foreign member ``riskmap``: what the layer is and what it rests on."""
    provenance = {key: value for key, value in layer.provenance.items() if key != "inputs"}
    return {
        **dict(sorted(provenance.items())),
        "headline": layer.headline,
        "scale_id": layer.scale.scale_id,
        "thresholds": {
            name: list(bounds) for name, bounds in sorted(layer.scale.thresholds.items())
        },
    }


def write_geojson(layer: RiskLayer, path: str | Path, *, decimals: int = DECIMALS) -> Path:
    """Write a layer as one GeoJSON file; `path` changes only when the whole file is written.

    Parameters
    ----------
    layer
        The risk layer.
    path
        The file.
    decimals
        Digits behind the point of a coordinate.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    PublishError
        When the file can't be written; a file that stood there is untouched.
    """
    return replace_file(path, geojson_chunks(layer, decimals=decimals))
