"""The report: what an advisory says, before it is Markdown, HTML or a document.

All cells are plain text; text from incidents and regions is untrusted and is escaped by whoever
writes it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmap.outputs.catalogues import catalogue
from riskmap.outputs.contexts import (
    advice_rows,
    crosswalk_rows,
    gap_rows,
    ledger_rows,
    level_rows,
    log_rows,
    matrix_rows,
    provenance_rows,
    relevance_rows,
    unread_rows,
)
from riskmap.outputs.front_pages import attack_lines, judgement_lines
from riskmap.outputs.movements import change_rows, flag_rows, held_rows, move_rows
from riskmap.outputs.summaries import (
    SUMMARY_ROWS,
    driver_words,
    history_rows,
    indicator_lines,
    summary_rows,
    victim_words,
)
from riskmap.outputs.wordings import (
    NONE,
    Grid,
    chance,
    country_name,
    day,
    display,
    level_told,
    level_words,
    notice,
    region_names,
    validity,
    victims,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from riskmap.assessment.layers import RiskLayer

TABLE_ROWS = 30
INCIDENT_ROWS = 10
DRIVER_ROWS = 8
#: Sections that are there only when they have something to say.
OPTIONAL = ("attacks", "changes", "flags", "held", "moves", "matrix", "unread", "relevance")
#: Sections that a sentence of the catalogue introduces.
SAID = {
    "matrix": "matrix",
    "advice": "advice_mark",
    "relevance": "relevance",
    "crosswalk": "crosswalk",
}
#: What stands on page one, beside the map.
FIRST = ("attacks", "judgements", "changes", "summary")
_RECENT = pd.DateOffset(years=3)


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
    attacks
        The attacks that hold levels up, newest first; without lines when there are none.
    judgements
        Key judgements, most important first.
    changes, flags, moves
        What moved levels since the issue before, which levels to read with care, and what would
        move them; without rows when nothing of it is known.
    summary
        The highest levels, each with its reason.
    levels
        The scale with the number of regions at each level.
    table
        Regions, highest level first.
    more
        How many regions the table leaves out, as a sentence; empty when none.
    held
        The rules that left levels where they were; without rows when none did.
    matrix
        Regions by likelihood and consequence; without rows when no consequence is known.
    drivers, incidents
        What drives the highest levels, and notable incidents.
    history
        Recorded incidents by year.
    indicators
        What to watch.
    gaps
        The regions that are not assessed, by what they are part of.
    advice
        One line a level that occurs.
    limits
        What the method can't say.
    unread
        Values that were not understood; without rows when all were.
    relevance
        Which incidents count as the stated group's; without rows when there is no group.
    ledger
        The stages.
    crosswalk
        The levels in the words of authorities.
    provenance, log
        Pairs of label and value.
    """

    language: str
    title: str
    subtitle: str
    mark: str
    notice: str
    header: tuple[tuple[str, str], ...]
    attacks: tuple[str, ...]
    judgements: tuple[str, ...]
    changes: Grid
    summary: Grid
    table: Grid
    more: str
    matrix: Grid
    flags: Grid
    held: Grid
    drivers: Grid
    incidents: Grid
    history: Grid
    indicators: tuple[str, ...]
    moves: Grid
    advice: Grid
    levels: Grid
    limits: tuple[str, ...]
    gaps: Grid
    unread: Grid
    relevance: Grid
    ledger: Grid
    crosswalk: Grid
    provenance: tuple[tuple[str, str], ...]
    log: tuple[tuple[str, str], ...]

    def sections(self) -> Iterator[tuple[str, str, Any]]:
        """Yield key, heading and content of each section, in order; what has nothing to say is out.

        Content is a Grid, a tuple of sentences, or a tuple of pairs of label and value.
        """
        for key, heading in catalogue(self.language)["headings"].items():
            content = getattr(self, key)
            told = content.rows if isinstance(content, Grid) else content
            if key not in OPTIONAL or told:
                yield key, heading, content


def build_report(layer: RiskLayer, table: pd.DataFrame, *, language: str = "en") -> Report:
    """Return what an advisory on a layer says.

    Parameters
    ----------
    layer
        The risk layer.
    table
        Its published table.
    language
        Code of a catalogue, such as ``"en"``.

    Returns
    -------
    Report
        Plain text, section by section.
    """
    words = catalogue(language)
    table = translated(table, words).sort_values(
        ["risk_level", "p_any", "region_id"], ascending=[False, False, True], kind="stable"
    )
    if layer.headline != "group":
        table = table.assign(attacks_told=float("nan"))
    known, unknown = table[table["risk_level"] > 0], table[~(table["risk_level"] > 0)]
    shown = known.head(TABLE_ROWS)
    left_out = len(known) - len(shown)
    changes = change_rows(layer, table, words)
    return Report(
        language=language,
        title=words["title"],
        subtitle=_subtitle(layer, table, words),
        mark=words["handling_values"][layer.provenance.get("profile", "private")],
        notice=notice(layer.provenance, words),
        header=_header(layer, len(known), len(table), words=words),
        attacks=attack_lines(layer, table, words),
        judgements=judgement_lines(layer, known, unknown, words),
        changes=changes,
        summary=summary_rows(layer, known, words, limit=_room_beside(changes)),
        table=_region_rows(shown, words),
        more=words["other_regions"].format(n=left_out) if left_out else "",
        matrix=matrix_rows(layer, words),
        flags=flag_rows(shown, words),
        held=held_rows(layer, table, words),
        drivers=_driver_rows(layer, known, words),
        incidents=_incident_rows(layer, words),
        history=history_rows(layer, words),
        indicators=indicator_lines(layer, known, words),
        moves=move_rows(layer, shown, words),
        advice=advice_rows(layer, known, words),
        levels=level_rows(layer, table, words),
        limits=_limits(layer, known, words),
        gaps=gap_rows(unknown, words),
        unread=unread_rows(layer, words),
        relevance=relevance_rows(layer, words),
        ledger=ledger_rows(layer, words),
        crosswalk=crosswalk_rows(layer, words),
        provenance=provenance_rows(layer),
        log=log_rows(layer, table, words),
    )


def _room_beside(changes: Grid) -> int:
    """Return how many of the highest levels page one has room for, below what changed."""
    return max(3, SUMMARY_ROWS - 1 - len(changes.rows)) if changes.rows else SUMMARY_ROWS


def translated(table: pd.DataFrame, words: Mapping[str, Any]) -> pd.DataFrame:
    """Return the table with the names of countries that regions are part of in a language."""
    countries = {code: country_name(code, words) for code in table["iso3"].dropna().unique()}
    is_country = (table["parent_id"] == table["iso3"]).fillna(value=False)
    return table.assign(parent=table["parent"].mask(is_country, table["iso3"].map(countries)))


def _subtitle(layer: RiskLayer, table: pd.DataFrame, words: Mapping[str, Any]) -> str:
    area = ", ".join(country_name(code, words) for code in sorted(table["iso3"].dropna().unique()))
    about = words["layers"][layer.headline]
    group = display(layer.provenance.get("group")).strip("/") if layer.headline == "group" else ""
    return " \u00b7 ".join(filter(None, (area, f"{about} ({group})" if group else about)))


def _header(
    layer: RiskLayer, known: int, total: int, *, words: Mapping[str, Any]
) -> tuple[tuple[str, str], ...]:
    told = layer.provenance
    version = display(told.get("method_version"))
    return (
        (words["as_of"], day(told.get("as_of"))),
        (words["valid"], validity(told, words)),
        (words["assessed"], words["assessed_value"].format(known=known, total=total)),
        (words["author"], words["author_value"].format(version=version).replace("  ", " ")),
    )


def _region_rows(rows: pd.DataFrame, words: Mapping[str, Any]) -> Grid:
    keys = ["region", "parent", "level", "attacks_told", "previous", "trend", "probability"]
    keys += ["interval", "consequence", "confidence", "sufficiency"]
    columns = {
        "region": rows["name"].fillna(rows["region_id"]).map(display),
        "parent": rows["parent"].map(display),
        "level": [level_told(row, words) for row in rows.itertuples()],
        "attacks_told": [NONE if pd.isna(n) else f"{n:g}" for n in rows["attacks_told"]],
        "previous": [
            NONE if pd.isna(level) else level_words(int(level), words)
            for level in rows["level_before"]
        ],
        "trend": [words["trends"].get(display(x), NONE) for x in rows["trend"]],
        "probability": [chance(row, words) for row in rows.itertuples()],
        "interval": [
            NONE if pd.isna(a) else f"{a:g} - {b:g}"
            for a, b in zip(rows["q05"], rows["q95"], strict=True)
        ],
        "consequence": [
            NONE if pd.isna(mean) else f"{victims(mean, words)} ({victims(worst, words)})"
            for mean, worst in zip(rows["expected_victims"], rows["severe_scenario"], strict=True)
        ],
        "confidence": [words["confidences"].get(display(x), NONE) for x in rows["confidence"]],
        "sufficiency": [
            words["sufficiencies"].get(display(x), NONE) for x in rows["data_sufficiency"]
        ],
    }
    told = {"previous": "level_before", "trend": "trend", "consequence": "expected_victims"}
    told["attacks_told"] = "attacks_told"
    keys = [key for key in keys if key not in told or rows[told[key]].notna().any()]
    if not (rows["q95"] > 0).any():  # of rare incidents the count is none, 19 times in 20
        keys.remove("interval")
    cells = zip(*(columns[key] for key in keys), strict=True)
    return Grid(tuple(words[key] for key in keys), tuple(cells))


def _driver_rows(layer: RiskLayer, known: pd.DataFrame, words: Mapping[str, Any]) -> Grid:
    texts = driver_words(layer, words)
    rows = known[known["region_id"].isin(texts.index)].head(DRIVER_ROWS)
    told = (texts[key] for key in rows["region_id"])
    return Grid(
        (words["region"], words["drivers"]), tuple(zip(region_names(rows), told, strict=True))
    )


def notable_incidents(layer: RiskLayer, limit: int = INCIDENT_ROWS) -> pd.DataFrame:
    """Return the incidents that a reader should know.

    Those of the last three years come first, then those with foreign victims, then the gravest.
    Each incident stands once, in the region that it most probably belongs to.
    """
    table = layer.incidents.sort_values(
        ["incident_id", "weight", "region_id"], ascending=[True, False, True], kind="stable"
    ).drop_duplicates("incident_id", ignore_index=True)
    people = table[["killed", "wounded", "abducted"]].fillna(0).astype("float64").sum(axis=1)
    foreign = table["foreign_victims"].fillna(0).astype("float64")
    recent = table["event_date"] >= pd.Timestamp(layer.provenance["as_of"]) - _RECENT
    keys = pd.DataFrame(
        {
            "recent": ~recent,
            "foreign": ~(foreign > 0),
            "people": -people,
            "day": -table["event_date"].to_numpy().astype("datetime64[D]").astype("int64"),
            "incident_id": table["incident_id"],
        }
    )
    return table.loc[keys.sort_values(list(keys)).index].head(limit)


def _incident_rows(layer: RiskLayer, words: Mapping[str, Any]) -> Grid:
    names = dict(zip(layer.regions["region_id"], layer.regions["name"], strict=True))

    def cells(row: Any) -> tuple[str, ...]:
        return (
            f"{row.event_date:%Y-%m-%d}",
            display(names.get(row.region_id, row.region_id)),
            words["event_types"].get(display(row.event_type), display(row.event_type)),
            victim_words(row, words) or NONE,
            display(row.incident_id),
        )

    rows = notable_incidents(layer).itertuples(index=False)
    keys = ("date", "region", "what", "victims", "source")
    return Grid(tuple(words[key] for key in keys), tuple(cells(row) for row in rows))


def _limits(layer: RiskLayer, known: pd.DataFrame, words: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what the method can't say, of that which is said here."""
    silent = {
        "models": known["p_most"].isna().all(),
        "consequence": known["expected_victims"].isna().all(),
        "moves": layer.counterfactuals.empty,
    }
    return tuple(text for key, text in words["limits"].items() if not silent.get(key, False))
