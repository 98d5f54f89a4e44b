"""Bundles: a layer and what several formats are made of, each part made once and kept."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import geopandas as gpd

from riskmap.outputs.catalogues import PLAIN
from riskmap.outputs.editions import Edition
from riskmap.outputs.geometries import draw_regions, label_points, prepare_geometries
from riskmap.outputs.movements import find_moves
from riskmap.outputs.reports import build_report
from riskmap.outputs.tables import as_typed, layer_table, read_table, risk_table
from riskmap.schema import CRS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from riskmap.assessment.layers import RiskLayer
    from riskmap.outputs.geometries import Drawing
    from riskmap.outputs.reports import Report
    from riskmap.outputs.senders import Sender


class Bundle:
    """A layer, and the tables, geometries and reports that files of it hold.

    Nothing is made before it is asked for, and nothing twice: all writers of a set share one.

    Parameters
    ----------
    layer
        The risk layer, after its profile was applied.
    sender
        Whose alerts it makes; without one it makes none.
    out
        The folder of the sets before, whose alerts it follows on.
    languages
        In which an alert speaks.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> panel = rm.count_incidents(located, districts, as_of="2025-01-01")
    >>> bundle = Bundle(rm.assess(rm.forecast(panel), districts))
    >>> bundle.table is bundle.table, len(bundle.shapes) == len(bundle.table)
    (True, True)
    """

    def __init__(
        self,
        layer: RiskLayer,
        *,
        sender: Sender | None = None,
        out: Path | None = None,
        languages: Sequence[str] = (PLAIN,),
    ) -> None:
        self.layer, self.sender, self.out = layer, sender, out
        self.languages = tuple(languages)
        self._editions: dict[str, Edition] = {}
        self._reports: dict[str, Report] = {}
        self._tables: dict[str, pd.DataFrame] = {}

    @cached_property
    def regions(self) -> gpd.GeoDataFrame:
        """The regions, sorted by ``region_id``, as all tables and shapes of a bundle are."""
        return self.layer.regions.sort_values("region_id", kind="stable", ignore_index=True)

    @cached_property
    def table(self) -> pd.DataFrame:
        """The published table, one row a region."""
        return risk_table(self.layer)

    @cached_property
    def published(self) -> pd.DataFrame:
        """What readers want of the table: the columns of files that people and maps open."""
        return read_table(self.table)

    @cached_property
    def moves(self) -> pd.DataFrame:
        """What would move levels."""
        return find_moves(self.layer)

    @cached_property
    def levels(self) -> list[int]:
        """The level of each region, 0 where it is not assessed."""
        return [int(level) for level in self.table["risk_level"].fillna(0)]

    @cached_property
    def shapes(self) -> NDArray[np.object_]:
        """The geometries, fit for RFC 7946."""
        return prepare_geometries(self.regions.geometry)

    @cached_property
    def frame(self) -> gpd.GeoDataFrame:
        """What readers want of the table, with geometries; days are days, texts are clean."""
        return gpd.GeoDataFrame(as_typed(self.published), geometry=self.shapes, crs=CRS)

    @cached_property
    def drawing(self) -> Drawing:
        """The regions as pages and pictures draw them."""
        return draw_regions(self.shapes)

    @cached_property
    def points(self) -> tuple[list[int], list[int], list[int]]:
        """Where the label of each region stands on the drawing, and how far its edge is."""
        return label_points(self.drawing.shapes)

    def table_of(self, name: str) -> pd.DataFrame:
        """Return a table of the layer, as files hold it."""
        if name not in self._tables:
            self._tables[name] = layer_table(self.layer, name)
        return self._tables[name]

    def edition(self, language: str) -> Edition:
        """Return the layer in the words of a language."""
        if language not in self._editions:
            edition = Edition(self.layer, self.table, self.moves, language=language)
            self._editions[language] = edition
        return self._editions[language]

    def report(self, language: str) -> Report:
        """Return what an advisory says in a language."""
        if language not in self._reports:
            self._reports[language] = build_report(self.edition(language))
        return self._reports[language]
