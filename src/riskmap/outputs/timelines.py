"""Layers of several days as one GeoJSON with a time dimension: a feature a region and day."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskmap.errors import InputError
from riskmap.outputs.files import replace_file
from riskmap.outputs.geojson import collection_chunks, collection_member, region_shapes
from riskmap.outputs.styles import qgis_style
from riskmap.outputs.tables import risk_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from riskmap.assessment.layers import RiskLayer

TIME_START, TIME_END = "time_start", "time_end"


def timeline_chunks(layers: Sequence[RiskLayer]) -> Iterator[bytes]:
    """Yield layers as one FeatureCollection, from the oldest to the newest.

    Parameters
    ----------
    layers
        Layers of different days, in any order, such as those of a replay.

    Yields
    ------
    bytes
        Features as in :func:`riskmap.outputs.geojson.geojson_chunks`, with the id
        ``<region_id>@<as_of>`` and two properties more: the layer held from ``time_start`` until
        before ``time_end``, when the next was issued or, after the last, its validity ended.

    Raises
    ------
    InputError
        When there is no layer, or two are of the same day.
    """
    ordered = sorted(layers, key=_day)
    days = [_day(layer) for layer in ordered]
    if not days or len(set(days)) < len(days):
        twice = [day for i, day in enumerate(days) if day in days[:i]]
        raise InputError(
            "a timeline is made of layers of different days", met=twice[:1] or "no layer"
        )
    starts = [str(layer.provenance["valid_from"]) for layer in ordered]
    ends = [*starts[1:], str(ordered[-1].provenance["valid_until"])]
    tables = [
        _dated(layer, start, end) for layer, start, end in zip(ordered, starts, ends, strict=True)
    ]
    shapes: list[Any] = []
    for i, layer in enumerate(ordered):
        same = i > 0 and layer.regions.geometry.equals(ordered[i - 1].regions.geometry)
        shapes.append(shapes[-1] if same else region_shapes(layer))
    member = {"layers": [collection_member(layer) for layer in ordered]}
    yield from collection_chunks(member, list(zip(tables, shapes, strict=True)))


def _day(layer: RiskLayer) -> str:
    return str(layer.provenance["as_of"])[:10]


def _dated(layer: RiskLayer, start: str, end: str) -> pd.DataFrame:
    table = risk_table(layer)
    times = {TIME_START: start, TIME_END: end}
    return table.assign(id=table["region_id"] + "@" + _day(layer), **times)


def write_timeline(layers: Sequence[RiskLayer], path: str | Path) -> Path:
    """Write layers as one GeoJSON, with a QGIS style beside it that plays them in time.

    Parameters
    ----------
    layers
        Layers of different days, in any order.
    path
        The GeoJSON file; the style gets its name with ``.qml``. QGIS takes its colours at once and
        its times when the style is loaded (layer properties, style, load).

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    InputError
        When there is no layer, or two are of the same day.
    PublishError
        When a file can't be written; what stood there is untouched.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> layers = []
    >>> for day in ("2024-11-01", "2024-12-01"):
    ...     panel = rm.count_incidents(located, districts, as_of=day)
    ...     layers.append(rm.assess(rm.forecast(panel, model=rm.Climatology()), districts))
    >>> with TemporaryDirectory() as folder:
    ...     write_timeline(layers, f"{folder}/months.geojson").read_text().count('"Feature"')
    48
    """
    path = Path(path)
    written = replace_file(path, timeline_chunks(layers))
    newest = max(layers, key=_day)
    replace_file(path.with_suffix(".qml"), [qgis_style(newest.scale, times=(TIME_START, TIME_END))])
    return written
