"""Editions: a layer as an advisory in one language tells it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from riskmap.outputs.catalogues import catalogue
from riskmap.outputs.tables import driver_texts
from riskmap.outputs.wordings import country_name, display

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from riskmap.assessment.layers import RiskLayer


@dataclass(frozen=True)
class Grid:
    """A small table of plain text: a head and rows."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Edition:
    """A layer in the words of one language, from which the sections of an advisory are written.

    Parameters
    ----------
    layer
        The risk layer.
    table
        Its published table.
    moves
        What would move its levels.
    language
        Code of a catalogue.

    Attributes
    ----------
    words
        The catalogue.
    table
        The published table, highest level first, areas named in the language.
    moves
        Those of the headline.
    """

    def __init__(
        self, layer: RiskLayer, table: pd.DataFrame, moves: pd.DataFrame, *, language: str
    ) -> None:
        self.layer, self.language, self.words = layer, language, catalogue(language)
        self.moves = self.of_headline(moves)
        names = {code: country_name(code, self.words) for code in table["iso3"].dropna().unique()}
        is_country = (table["parent_id"] == table["iso3"]).fillna(value=False)
        table = table.assign(parent=table["parent"].mask(is_country, table["iso3"].map(names)))
        if layer.headline != "group":
            table = table.assign(attacks_told=float("nan"))
        self.table = table.sort_values(
            ["risk_level", "p_any", "region_id"], ascending=[False, False, True], kind="stable"
        )

    @cached_property
    def known(self) -> pd.DataFrame:
        """The rows of the table that have a level."""
        return self.table[self.table["risk_level"] > 0]

    @cached_property
    def unknown(self) -> pd.DataFrame:
        """The rows of the table that are not assessed."""
        return self.table[~(self.table["risk_level"] > 0)]

    @cached_property
    def drivers(self) -> pd.Series:
        """The drivers of each region under the headline as text, indexed by ``region_id``."""
        names, drivers = self.words["driver_names"], self.of_headline(self.layer.drivers)
        named = drivers.assign(driver=drivers["driver"].map(lambda name: names.get(name, name)))
        return driver_texts(named).map(display)

    def of_headline(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of a table of the layer that are about its headline."""
        return table[table["layer"] == self.layer.headline]

    def grid(self, keys: Sequence[str], rows: Iterable[tuple[str, ...]]) -> Grid:
        """Return a table of text whose head has the words of some keys of the catalogue."""
        return Grid(tuple(self.words[key] for key in keys), tuple(rows))
