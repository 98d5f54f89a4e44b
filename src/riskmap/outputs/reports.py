"""The report: what an advisory says, before it is Markdown, HTML or a document.

All cells are plain text; text from incidents and regions is untrusted and is escaped by whoever
writes it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmap.assessment.exposures import LARGEST_GAP
from riskmap.ledgers import Losses
from riskmap.outputs import editions, front_pages, movements
from riskmap.outputs.catalogues import catalogue
from riskmap.outputs.editions import Grid
from riskmap.outputs.front_pages import SUMMARY_ROWS
from riskmap.outputs.wordings import (
    NONE,
    chance,
    country_name,
    day,
    display,
    distance,
    is_told,
    level_told,
    level_words,
    lies_here,
    notice,
    region_names,
    type_words,
    validity,
    victim_words,
    victims,
)
from riskmap.panels.measures import is_incident

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from riskmap.assessment.layers import RiskLayer
    from riskmap.outputs.editions import Edition

TABLE_ROWS = 30
INCIDENT_ROWS = 10
DRIVER_ROWS = 8
#: Sections that are there only when they have something to say.
OPTIONAL = (
    "attacks",
    "changes",
    "sites",
    "flags",
    "moves",
    "unread",
    "relevance",
)
#: Sections that a sentence of the catalogue introduces.
SAID = {
    "sites": "sites",
    "advice": "advice_mark",
    "relevance": "relevance",
    "crosswalk": "crosswalk",
}
#: What stands on page one, beside the map.
FIRST = ("attacks", "changes", "sites", "judgements", "summary")
_RECENT = pd.DateOffset(years=3)
#: Less than this of an incident is not the whole of it.
_WHOLE = 0.99


@dataclass(frozen=True)
class Report:
    """What an advisory says, section by section, in one language.

    Parameters
    ----------
    language
        Code of the catalogue.
    title, subtitle
        The heading of the whole; the area and what it is about.
    mark, notice
        Who may see it; what else is to be said of it before anything, empty when nothing.
    header
        Pairs of label and value: as of, validity, how much is assessed, author.
    more
        How many regions the table leaves out, as a sentence; empty when none.
    contents
        What each section says, by its key among the headings of the catalogue: a Grid, a tuple of
        sentences, or a tuple of pairs of label and value.
    """

    language: str
    title: str
    subtitle: str
    mark: str
    notice: str
    header: tuple[tuple[str, str], ...]
    more: str
    contents: Mapping[str, Grid | tuple[Any, ...]]

    def __getitem__(self, key: str) -> Any:
        """Return what a section says."""
        return self.contents[key]

    def sections(self) -> Iterator[tuple[str, str, Any]]:
        """Yield key, heading and content of each section that has something to say, in order."""
        for key, heading in catalogue(self.language)["headings"].items():
            content = self.contents[key]
            told = content.rows if isinstance(content, Grid) else content
            if key not in OPTIONAL or told:
                yield key, heading, content


def build_report(told: Edition) -> Report:
    """Return what an advisory says: plain text, section by section."""
    layer, words, known = told.layer, told.words, told.known
    shown, changes = known.head(TABLE_ROWS), movements.change_rows(told)
    left_out = len(known) - len(shown)
    return Report(
        language=told.language,
        title=words["title"],
        subtitle=_subtitle(told),
        mark=words["handling_values"][layer.provenance.get("profile", "private")],
        notice=notice(layer.provenance, words),
        header=_header(told),
        more=words["other_regions"].format(n=left_out) if left_out else "",
        contents={
            "attacks": front_pages.attack_lines(told),
            "judgements": front_pages.judgement_lines(told),
            "changes": changes,
            "summary": front_pages.summary_rows(told, limit=_room_beside(changes)),
            "sites": _site_rows(told),
            "table": _region_rows(told, shown),
            "flags": movements.flag_rows(told, shown),
            "drivers": _driver_rows(told),
            "incidents": _incident_rows(told),
            "history": movements.history_rows(told),
            "indicators": movements.indicator_lines(told),
            "moves": movements.move_rows(told, shown),
            "advice": editions.advice_rows(told),
            "levels": editions.level_rows(told),
            "limits": _limits(told),
            "gaps": editions.gap_rows(told),
            "unread": editions.unread_rows(told),
            "relevance": editions.relevance_rows(told),
            "ledger": editions.ledger_rows(told),
            "crosswalk": editions.crosswalk_rows(told),
            "provenance": editions.provenance_rows(told),
        },
    )


def _room_beside(changes: Grid) -> int:
    """Return how many of the highest levels page one has room for, below what changed."""
    return max(3, SUMMARY_ROWS - 1 - len(changes.rows)) if changes.rows else SUMMARY_ROWS


def _subtitle(told: Edition) -> str:
    layer, table, words = told.layer, told.table, told.words
    area = ", ".join(country_name(code, words) for code in sorted(table["iso3"].dropna().unique()))
    about = words["layers"][layer.headline]
    group = display(layer.provenance.get("group")).strip("/") if layer.headline == "group" else ""
    return " \u00b7 ".join(filter(None, (area, f"{about} ({group})" if group else about)))


def _header(told: Edition) -> tuple[tuple[str, str], ...]:
    words, provenance = told.words, told.layer.provenance
    known, total = len(told.known), len(told.table)
    version = display(provenance.get("method_version"))
    return (
        (words["as_of"], day(provenance.get("as_of"))),
        (words["valid"], validity(provenance, words)),
        (words["assessed"], words["assessed_value"].format(known=known, total=total)),
        (words["author"], words["author_value"].format(version=version).replace("  ", " ")),
    )


def _region_rows(told: Edition, rows: pd.DataFrame) -> Grid:
    words = told.words
    columns = {
        "region": rows["name"].fillna(rows["region_id"]).map(display),
        "parent": rows["parent"].map(display),
        **front_pages.region_texts(rows, words),
    }
    if (rows["q95"] > 0).any():  # of rare incidents the count is none, 19 times in 20
        columns["interval"] = [
            NONE if pd.isna(a) else f"{a:g} - {b:g}"
            for a, b in zip(rows["q05"], rows["q95"], strict=True)
        ]
    if rows["expected_victims"].notna().any():
        columns["consequence"] = [
            NONE if pd.isna(mean) else f"{victims(mean, words)} ({victims(worst, words)})"
            for mean, worst in zip(rows["expected_victims"], rows["severe_scenario"], strict=True)
        ]
    sure, enough = words["confidences"], words["sufficiencies"]
    columns["confidence"] = [sure.get(display(x), NONE) for x in rows["confidence"]]
    columns["sufficiency"] = [enough.get(display(x), NONE) for x in rows["data_sufficiency"]]
    return told.grid([*columns], zip(*columns.values(), strict=True))


def _site_rows(told: Edition) -> Grid:
    """Return each site and route with the region it stands in, or the worst on its way."""
    own = [name for name in told.layer.sites if name != "region_id"]
    regions = told.table.drop(columns=own, errors="ignore").assign(p_most=float("nan"))
    rows = told.of_headline(told.layer.sites).merge(regions, on="region_id", how="left")
    rows["at_least"] = rows["at_least"].eq(other=True) | (rows["assessed_share"] < 1 - LARGEST_GAP)
    near = told.table.set_index("region_id").reindex(rows["near_region_id"]).reset_index()
    beside = region_names(near.rename(columns={"near_region_id": "region_id"}))
    cells = (
        (
            display(row.site),
            name,
            level_told(row, told.words),
            chance(row, told.words),
            _next_door(row, other, told.words),
        )
        for name, other, row in zip(region_names(rows), beside, rows.itertuples(), strict=True)
    )
    return told.grid(("site", "region", "level", "probability", "near"), cells)


def _next_door(row: Any, name: str, words: Mapping[str, Any]) -> str:
    """Return the highest region near a site with its level and how far it is; a dash for none."""
    if pd.isna(row.near_region_id):
        return NONE
    level = level_words(row.near_level, words)
    level = words["told"]["attacked"].format(level=level) if is_told(row.near_attacked) else level
    return str(
        words["next_door"].format(place=name, level=level, far=distance(row.near_distance_m))
    )


def _driver_rows(told: Edition) -> Grid:
    rows = told.known[told.known["region_id"].isin(told.drivers.index)].head(DRIVER_ROWS)
    texts = (told.drivers[key] for key in rows["region_id"])
    return told.grid(("region", "drivers"), zip(region_names(rows), texts, strict=True))


def notable_incidents(layer: RiskLayer, limit: int = INCIDENT_ROWS) -> pd.DataFrame:
    """Return the incidents that a reader should know.

    Those of the last three years come first, then those with foreign victims, then the gravest.
    Each incident stands once, in the region that it most probably belongs to; what is told of it
    depends on how much of it lies there.
    """
    table = (
        layer.incidents[is_incident(layer.incidents)]
        .sort_values(
            ["incident_id", "weight", "region_id"], ascending=[True, False, True], kind="stable"
        )
        .drop_duplicates("incident_id", ignore_index=True)
    )
    order = {
        "is_recent": table["event_date"] >= layer.context.as_of - _RECENT,
        "is_foreign": table["foreign_victims"].fillna(0) > 0,
        "people": table[["killed", "wounded", "abducted"]].fillna(0).sum(axis=1),
        "event_date": table["event_date"],
        "incident_id": table["incident_id"],
    }
    ascending = [name == "incident_id" for name in order]
    return table.loc[pd.DataFrame(order).sort_values([*order], ascending=ascending).index[:limit]]


def _incident_rows(told: Edition) -> Grid:
    layer, words = told.layer, told.words
    names = dict(zip(layer.regions["region_id"], layer.regions["name"], strict=True))
    found = notable_incidents(layer)
    areas = _areas_of(told, found[~lies_here(found)])

    def cells(row: Any) -> tuple[str, ...]:
        return (
            f"{row.event_date:%Y-%m-%d}",
            areas.get(row.incident_id, display(names.get(row.region_id, row.region_id))),
            type_words(row, words),
            victim_words(row, words) or NONE,
            display(row.incident_id),
        )

    rows = found.itertuples(index=False)
    return told.grid(("date", "region", "what", "victims", "source"), map(cells, rows))


def _areas_of(told: Edition, vague: pd.DataFrame) -> dict[str, str]:
    """Return where incidents are, of which no region has more than half, by their ids.

    That is the place as written with the province that all of it lies in, or else the country.
    """
    words, table = told.words, told.layer.incidents
    rows = table[table["incident_id"].isin(vague["incident_id"])]
    rows = rows.merge(told.table[["region_id", "parent", "iso3"]], on="region_id", how="left")
    found = {}
    for key, parts in rows.groupby("incident_id"):
        whole = parts["weight"].sum() > _WHOLE and parts["parent"].notna().all()
        parents = parts["parent"].map(display).unique()
        if whole and len(parents) == 1:
            area = parents[0]
        else:
            codes = parts["iso3"].dropna().unique()
            area = ", ".join(country_name(code, words) for code in sorted(codes))
        first = parts.iloc[0]  # names as written, which the public does not see
        written = [display(first.get(name)) for name in ("place", "admin2", "admin1")]
        where = ", ".join(dict.fromkeys(filter(None, (*written, area))))
        said = words["district_unknown_in"] if where else words["district_unknown"]
        found[key] = said.format(place=where)
    return found


def _limits(told: Edition) -> tuple[str, ...]:
    """Return what the method can't say, of that which is said here."""
    lost = Losses.of(told.layer.ledger)
    silent = {
        "not_used": not lost.not_used,
        "models": told.known["p_most"].isna().all(),
        "consequence": told.known["expected_victims"].isna().all(),
        "moves": told.layer.counterfactuals.empty,
    }
    return tuple(
        text.format(n=lost.not_used, of=lost.placed) if key == "not_used" else text
        for key, text in told.words["limits"].items()
        if not silent.get(key, False)
    )
