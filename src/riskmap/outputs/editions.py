"""Editions: a layer as an advisory in one language tells it, and what stands round its levels.

The scale, the group, what was not understood, what the layer rests on.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmap.assessment.levels import LevelScale, authority_scales, map_level
from riskmap.incidents.foreign_victims import VICTIM_WORDS
from riskmap.incidents.words import count_not_understood
from riskmap.outputs.catalogues import catalogue
from riskmap.outputs.senders import name_group
from riskmap.outputs.wordings import (
    NONE,
    codes_in,
    country_name,
    day_words,
    display,
    is_capped,
    is_told,
    level_words,
    percent,
    percent_bound,
    region_names,
)
from riskmap.places.names.units import name_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from riskmap.assessment.layers import RiskLayer
    from riskmap.assessment.levels import Level

#: Drivers of a level that are named.
_LEADING = 2


def _call(text: Any, names: Mapping[str, str]) -> Any:
    """Return the texts of a catalogue with what the regions of a map are called."""
    if isinstance(text, Mapping):
        return {key: _call(value, names) for key, value in text.items()}
    if isinstance(text, list | tuple):
        return type(text)(_call(value, names) for value in text)
    for mark, name in names.items() if isinstance(text, str) else ():
        text = text.replace(mark, name)
    return text


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
        self.layer, self.language = layer, language
        words = catalogue(language)
        depth = layer.regions["adm_level"].dropna().unique()
        unit, units = words["units_by_level"].get(
            f"{depth[0]:.0f}" if len(depth) == 1 else "", words["units_by_level"]["any"]
        )
        said = _call({**words}, {"{unit}": unit, "{units}": units})
        self.words = MappingProxyType({**said, "unit": unit, "units": units})
        self.moves = self.of_headline(moves)
        names = {code: country_name(code, self.words) for code in table["iso3"].dropna().unique()}
        is_country = (table["parent_id"] == table["iso3"]).fillna(value=False)
        table = table.assign(
            name=self._names(table["name"], table["iso3"], like=table["parent"]),
            parent=self._names(table["parent"], table["iso3"]).mask(
                is_country, table["iso3"].map(names)
            ),
        )
        if layer.headline != "group":
            table = table.assign(attacks_told=float("nan"))
        self.table = table.sort_values(
            ["risk_level", "p_any", "region_id"], ascending=[False, False, True], kind="stable"
        )

    def _names(
        self, names: pd.Series, iso3: pd.Series, *, like: pd.Series | None = None
    ) -> pd.Series:
        """Return names of provinces in the edition's language where they are known in it.

        A district that has the name of its province is called like it, without the word for one.
        """
        language, word = self.words["code"], self.words["province_word"]
        found = [
            name if pd.isna(name) else name_in(str(name), str(code), language) or name
            for name, code in zip(names, iso3, strict=True)
        ]
        if like is not None:
            same = (names == like).fillna(value=False)
            is_province = self.layer.regions["adm_level"].eq(1).all()
            found = [
                own if is_province else re.sub(word, "", own) if alike else name
                for own, alike, name in zip(found, same, names, strict=True)
            ]
        return pd.Series(found, names.index, dtype=names.dtype)

    @cached_property
    def names(self) -> dict[str, str]:
        """The name of each region with what it is part of, by its id."""
        told = region_names(self.table, self.words)
        return dict(zip(self.table["region_id"], told, strict=True))

    @cached_property
    def shapes(self) -> dict[str, Any]:
        """The geometry of each region by its id."""
        return dict(zip(self.layer.regions["region_id"], self.layer.regions.geometry, strict=True))

    def named(self, area: str) -> str:
        """Return the name of a province as the edition calls it; others as they are."""
        codes = self.layer.regions["iso3"].dropna().unique()
        found = self._names(pd.Series([area] * len(codes), dtype="object"), pd.Series(codes))
        return next((name for name in found if name != area), area)

    @cached_property
    def known(self) -> pd.DataFrame:
        """The rows of the table that have a level."""
        return self.table[self.table["risk_level"] > 0]

    @cached_property
    def unknown(self) -> pd.DataFrame:
        """The rows of the table that are not assessed."""
        return self.table[~(self.table["risk_level"] > 0)]

    @cached_property
    def leading(self) -> dict[str, str]:
        """What each level mostly rests on: the two largest drivers, by ``region_id``."""
        said, drivers = self.words["driver_names"], self.of_headline(self.layer.drivers)
        drivers = drivers[drivers["value"] > 0].sort_values("value", ascending=False, kind="stable")
        drivers = drivers[drivers.groupby("region_id").cumcount() < _LEADING]
        named = drivers["driver"].map(lambda name: display(said.get(name, name)))
        return named.groupby(drivers["region_id"]).agg(self.words["comma"].join).to_dict()

    def of_headline(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of a table of the layer that are about its headline."""
        return table[table["layer"] == self.layer.headline]

    def grid(self, keys: Sequence[str], rows: Iterable[tuple[str, ...]]) -> Grid:
        """Return a table of text whose head has the words of some keys of the catalogue."""
        return Grid(tuple(self.words[key] for key in keys), tuple(rows))


_EXACT = 1e-6
#: Values that were not understood, at most.
UNREAD = 12
#: Of these page one tells so many, each in so many letters.
_UNREAD_FIRST, _MOST_LETTERS = 3, 40
#: Areas that are named of those that regions without a level lie in.
AREAS = 12
#: What a layer says of its group, and where the words for it stand.
GROUP = {
    "group": "",
    "group_staff_type": "staff_types",
    "group_visibility": "visibilities",
    "group_movement": "movements",
}


def level_meaning(scale: LevelScale, level: int, layer: str, words: Mapping[str, Any]) -> str:
    """Return what a level of a layer means, and how often such districts see an incident.

    Parameters
    ----------
    scale
        The scale. Its own wording is told as it is, the shipped one in the reader's language.
    level
        Which of its levels.
    layer
        Whose thresholds say how often.
    words
        A catalogue.

    Examples
    --------
    >>> from riskmap.outputs.catalogues import catalogue
    >>> level_meaning(LevelScale.default(), 1, "violence", catalogue("en"))  # doctest: +ELLIPSIS
    'The lowest step, and no promise. Fewer than 1 in 50 such districts see such an incident...'
    """
    step = scale.levels[level]
    if step.meaning != LevelScale.default().levels[level].meaning:
        return display(step.meaning)
    meaning = str(words["meanings"][step.name])
    return f"{meaning} {_how_often(scale, level, layer, words)}" if level else meaning


def _how_often(scale: LevelScale, level: int, layer: str, words: Mapping[str, Any]) -> str:
    """Return how often districts of a level see an incident, by the scale's own thresholds."""
    bounds = [None, *(in_n(bound, words) for bound in scale.thresholds[layer]), None]
    low, high = bounds[level - 1 : level + 1]
    key = "how_rare" if low is None else "how_common" if high is None else "how_often"
    units = words.get("units", words["units_by_level"]["2"][1])
    told = {"low": low, "high": high, "days": f"{scale.horizon_days:g}", "units": units}
    return str(words["sentences"][key].format(**told))


def in_n(p: float, words: Mapping[str, Any]) -> str:
    """Return a share as so many in so many, exactly.

    Examples
    --------
    >>> from riskmap.outputs.catalogues import catalogue
    >>> [in_n(p, catalogue("en")) for p in (0.02, 0.08, 0.7)]
    ['1 in 50', '8 in 100', '7 in 10']
    """
    whole = round(1 / p)
    if abs(1 / p - whole) < _EXACT * whole:
        k, n = 1, whole
    else:
        n = next((n for n in (10, 100, 1000) if abs(n * p - round(n * p)) < _EXACT), 10**6)
        k = round(n * p)
    return str(words["sentences"]["in_n"].format(k=f"{k:,}", n=f"{n:,}"))


def level_advice(level: Level, sector: str, words: Mapping[str, Any]) -> str:
    """Return what a level asks of a sector, worded as its meaning is.

    Examples
    --------
    >>> from riskmap.outputs.catalogues import catalogue
    >>> level_advice(LevelScale.default().levels[5], "transport", catalogue("en"))
    'Do not go; reduce presence. Do not drive.'
    """
    told = level.advice_for(sector)
    if told != LevelScale.default().levels[level.level].advice_for(sector):
        return display(told)
    besides = words["sector_advices"].get(level.name, {}).get(sector, "")
    return str(words["gap"].join(filter(None, (words["advices"][level.name], besides))))


def level_rows(told: Edition) -> Grid:
    """Return the scale, highest level first, with the number of regions at each level."""
    layer, table, words = told.layer, told.table, told.words
    counts = table["risk_level"].fillna(0).astype("int64").value_counts()
    lowest = (0.0, *layer.scale.thresholds[layer.headline])
    bounds = ("", *(percent_bound(p, words) for p in lowest))
    cells = (
        (
            level_words(level.level, words),
            bounds[level.level],
            str(int(counts.get(level.level, 0))),
            level_meaning(layer.scale, level.level, layer.headline, words),
        )
        for level in reversed(layer.scale.levels)
    )
    return told.grid(("level", "threshold", "count", "meaning"), cells)


def reason_codes(unknown: pd.DataFrame) -> list[list[str]]:
    """Return why each of some regions is not assessed; ``untold`` where nothing says why.

    Examples
    --------
    >>> rows = pd.DataFrame({"reasons": ["silent;rows_lost", None], "reporting_gap": False})
    >>> reason_codes(rows)
    [['silent', 'rows_lost'], ['untold']]
    """
    gaps = zip(unknown["reasons"], unknown["reporting_gap"], strict=True)
    return [codes_in(text) or ["silent" if is_told(gap) else "untold"] for text, gap in gaps]


def _reason_words(codes: Iterable[str], words: Mapping[str, Any]) -> str:
    said = words["reasons_short"]
    return str(words["comma"].join(said.get(code, display(code)) for code in codes))


def advice_rows(told: Edition) -> Grid:
    """Return one line of advice for each level that occurs, or that page one says to plan for."""
    layer, words, known = told.layer, told.words, told.known
    planned = known.loc[is_capped(known), "threshold_level"]
    met = {int(level) for level in [*known["risk_level"], *planned]}
    sector = (layer.context.group or "").partition("/")[2]
    cells = (
        (level_words(level.level, words), level_advice(level, sector, words), words["blank"])
        for level in reversed(layer.scale.levels)
        if level.level in met
    )
    return told.grid(("level", "advice", "complete"), cells)


def relevance_rows(told: Edition) -> Grid:
    """Return whom the group's layer is about and which incidents count; no rows without a group."""
    known, words = told.layer.provenance, told.words
    stated = {key: display(known.get(key)) for key in GROUP}
    stated["group"] = name_group(told.layer, words)
    about = tuple(
        (words["group"][key], words[GROUP[key]].get(value, value) if GROUP[key] else value)
        for key, value in stated.items()
        if value
    )
    grades = tuple(
        (words["relevances"].get(grade, display(grade)), f"{weight:g}")
        for grade, weight in told.layer.context.relevance.items()
    )
    return told.grid(("grade", "weight"), (*about, *grades) if grades else ())


def crosswalk_rows(told: Edition) -> Grid:
    """Return the steps of authorities that come closest to each level of the shipped scale."""
    words, scales = told.words, authority_scales()
    if told.layer.scale.scale_id != LevelScale.default().scale_id:
        return told.grid(("level",), ())
    native = scales["native_name"] if told.language != "en" else scales["name"]
    said = scales.assign(said=native.where(native != "", scales["name"]))
    steps = said.set_index(["authority", "code"])["said"].to_dict()
    names = scales["authority"].drop_duplicates().tolist()
    rows = (
        (level_words(level, words), *(steps[name, map_level(level, name)] for name in names))
        for level in range(5, 0, -1)
    )
    return Grid((words["level"], *(words["authorities"][name] for name in names)), tuple(rows))


def gap_rows(told: Edition) -> Grid:
    """Return how many regions have no level for the same reasons, and of which areas most are."""
    unknown, words = told.unknown, told.words
    why = pd.Series([_reason_words(codes, words) for codes in reason_codes(unknown)], unknown.index)
    cells = []
    for reason, rows in unknown.groupby(why):
        counts = rows["parent"].map(display).value_counts()
        areas = [f"{name or NONE} {n}" for name, n in counts.items()]
        if len(rows) <= AREAS:
            areas = region_names(rows, words)
        more = len(areas) - AREAS
        text = words["comma"].join(areas[:AREAS])
        said = words["sentences"]["and_more"].format(places=text, n=more) if more > 0 else text
        cells.append((reason, str(len(rows)), said))
    return told.grid(("because", "count", "areas"), sorted(cells, key=lambda row: -int(row[1])))


def unread_counts(layer: RiskLayer) -> pd.Series:
    """Return in how many incidents each value was not understood, most often first.

    Returns
    -------
    Series of int
        Indexed by column and the value as written.
    """
    told = count_not_understood(layer.incidents.drop_duplicates("incident_id")["not_understood"])
    counts: Counter[tuple[str, str]] = Counter()
    for column, values in told.items():
        for value, n in values.items():
            counts[display(column), display(value)] += n
    order = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return pd.Series(dict(order), dtype="int64")


def unread_rows(told: Edition) -> Grid:
    """Return the values that were not understood, each with its column and how often it stands."""
    counts = unread_counts(told.layer).head(UNREAD)
    names = told.words["columns"]
    cells = ((names.get(column, column), value, str(n)) for (column, value), n in counts.items())
    return told.grid(("column", "value", "rows"), cells)


def share_lines(told: Edition) -> Iterator[str]:
    """Yield for each country what is taken of the reports that don't say who was hit."""
    shares, words = told.layer.shares[told.layer.shares["unknown"] > 0], told.words
    for code, rows in shares.groupby("iso3"):
        unknown = rows["unknown"]
        yield words["sentences"]["share"].format(
            country=country_name(code, words),
            reports=f"{rows['reports'].sum():,.0f}",
            unknown=f"{unknown.sum():,.0f}",
            share=percent((rows["share"] * unknown).sum() / unknown.sum(), words),
            low=percent(rows["share_low"].min(), words),
            high=percent(rows["share_high"].max(), words),
        )


def unread_lines(told: Edition) -> Iterator[str]:
    """Yield what was not understood, counted by value; who was hit first."""
    words, counts = told.words, unread_counts(told.layer).items()
    counts = sorted(counts, key=lambda item: item[0][0] not in VICTIM_WORDS)
    names = words["columns"]
    values = [
        f"{names.get(column, column)} \u201c{value[:_MOST_LETTERS]}\u201d {n}"
        for (column, value), n in counts
    ]
    if values:
        text = words["phrase"].join(values[:_UNREAD_FIRST])
        if len(values) > _UNREAD_FIRST:
            more = words["sentences"]["and_more"]
            text = more.format(places=text, n=len(values) - _UNREAD_FIRST)
        yield words["sentences"]["unread"].format(values=text)


def later_line(told: Edition) -> str:
    """Return what came too late for the day of a layer and changes nothing in it; or ""."""
    layer, words = told.layer, told.words
    found, said = layer.provenance.get("later") or {}, words["unknown"]
    if not found:
        return ""
    lines = [said["later"].format(n=found["reports"], day=day_words(layer.context.as_of, words))]
    if found["attacks"]:
        who = name_group(layer, words) or words["alert"]["whom"]["foreign"]
        lines.append(said["later_attacks"].format(n=found["attacks"], who=who))
    attacks = [
        words["phrase"].join(filter(None, (day_words(day, words), display(place))))
        for day, place in layer.provenance.get("later_attacks") or ()
    ]
    if attacks:
        lines.append(said["later_told"].format(attacks=words["list"].join(attacks)))
    return str(words["gap"].join(lines))


def outside_line(told: Edition) -> str:
    """Return which sites and routes of the group lie outside of all regions of a layer; or ""."""
    sites = told.layer.sites
    names = [*map(display, sites.loc[sites["region_id"].isna(), "site"].unique())]
    said = told.words["unknown"]["outside"]
    return str(said.format(sites=told.words["list"].join(names))) if names else ""


def employer_line(told: Edition) -> str:
    """Return which targets are almost an employer of the group, and how each is read; or ""."""
    said, words = told.words["unknown"], told.words
    lines = [
        said["employer_taken" if is_taken else "employer_close"].format(
            written=display(text.rpartition(":")[2].strip()), employer=display(name)
        )
        for text, name, is_taken in told.layer.provenance.get("close_employers") or ()
    ]
    return str(words["gap"].join(lines))


def ledger_rows(told: Edition) -> Grid:
    """Return what became of every row, stage by stage."""
    head = ("stage", "rows_in", "rows_out", "quarantined", "merged", "reasons")
    rows = (
        (
            told.words["stages"].get(display(stage["stage"]), display(stage["stage"])),
            *(display(stage[key]) for key in head[1:-1]),
            ", ".join(f"{display(why)} {n}" for why, n in stage["reasons"].items()),
        )
        for stage in told.layer.ledger.as_list()
    )
    return told.grid(head, rows)


def provenance_rows(told: Edition) -> tuple[tuple[str, str], ...]:
    """Return what the layer rests on, as pairs of name and value."""
    layer = told.layer
    plain = {
        key: display(value)
        for key, value in sorted(layer.provenance.items())
        if isinstance(value, str | int | float)
    }
    inputs = layer.provenance.get("inputs") or []
    files = {
        f"input {i + 1}": display(f"{item.get('name', '')} sha256 {item.get('sha256', '')}")
        for i, item in enumerate(inputs)
    }
    return tuple((plain | {"scale_id": layer.scale.scale_id} | files).items())
