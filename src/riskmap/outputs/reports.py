"""The report: what an advisory says, before it is Markdown, HTML or a document.

All cells are plain text; text from incidents and regions is untrusted and is escaped by whoever
writes it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmap.assessment.exposures import LARGEST_GAP
from riskmap.assessment.hysteresis import FLOOR
from riskmap.assessment.levels import LEVEL_NAMES
from riskmap.incidents.foreign_victims import hits_foreigners, is_incident
from riskmap.ledgers import Losses
from riskmap.outputs import editions, front_pages, movements
from riskmap.outputs.catalogues import catalogue
from riskmap.outputs.editions import Grid
from riskmap.outputs.senders import group_words
from riskmap.outputs.wordings import (
    NONE,
    aside,
    attacks_words,
    chance,
    country_name,
    day_words,
    display,
    distance,
    enumerated,
    is_capped,
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

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from riskmap.assessment.layers import RiskLayer
    from riskmap.outputs.editions import Edition

#: So few regions are named.
_FEW = 5
#: Countries whose shares page one tells.
_COUNTRIES = 2
#: Why levels may be higher than they say, or are of an earlier day.
_DOUBTS = ("at_least", "kept", "rows_lost", "reporting_gap", "borderline", "unclear")
#: Rows of the table of levels, of sites, and of incidents.
TABLE_ROWS, SITE_ROWS, INCIDENT_ROWS = 8, 7, 8
#: Sections that are there only when they have something to say.
OPTIONAL = ("attacks", "sites", "flags", "moves", "unread", "relevance")
#: Sections that a sentence of the catalogue introduces.
SAID = {
    "advice": "advice_mark",
    "relevance": "relevance",
    "crosswalk": "crosswalk",
}
#: What stands on page one; the map stands beside what is not known.
FIRST = ("changes", "attacks", "sites", "unknown")
#: What stands apart, behind all the rest.
ANNEX = (
    *("flags", "incidents", "indicators", "history", "levels", "limits", "gaps", "unread"),
    *("relevance", "ledger", "crosswalk", "provenance"),
)
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
        The heading of the whole; the area and whom it is about.
    lead
        What page one says first, in a few sentences.
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
    lead: tuple[str, ...]
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
    left_out = len(known) - TABLE_ROWS
    return Report(
        language=told.language,
        title=words["title"],
        subtitle=_subtitle(told),
        lead=front_pages.lead_lines(told),
        mark=words["handling_values"][layer.provenance.get("profile", "private")],
        notice=notice(layer.provenance, words),
        header=_header(told),
        more=words["other_regions"].format(n=left_out) if left_out > 0 else "",
        contents={
            "changes": movements.change_rows(told),
            "attacks": front_pages.attack_lines(told, besides=True),
            "sites": _site_rows(told),
            "unknown": unknown_lines(told),
            "judgements": _judgement_lines(told),
            "table": _level_rows(told),
            "moves": movements.move_lines(told),
            "advice": editions.advice_rows(told),
            "indicators": movements.indicator_lines(told),
            "flags": movements.flag_rows(told),
            "incidents": _incident_rows(told),
            "history": movements.history_rows(told),
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


def _subtitle(told: Edition) -> str:
    layer, table, words = told.layer, told.table, told.words
    names = [country_name(code, words) for code in sorted(table["iso3"].dropna().unique())]
    who = group_words(layer, words)
    return " \u00b7 ".join((enumerated(names, words), words["for_whom"].format(who=who)))


def _header(told: Edition) -> tuple[tuple[str, str], ...]:
    words, provenance = told.words, told.layer.provenance
    version = display(provenance.get("method_version"))
    counts = {"known": len(told.known), "total": len(told.table), "units": words["units"]}
    return (
        (words["as_of"], day_words(provenance["as_of"], words)),
        (words["valid"], validity(provenance, words)),
        (words["assessed"], words["assessed_value"].format(**counts)),
        (words["author"], words["author_value"].format(version=version)),
    )


def _judgement_lines(told: Edition) -> tuple[str, ...]:
    """Return the two highest levels that occur, and the highest probability."""
    known, words, said = told.known, told.words, told.words["sentences"]
    if known.empty:
        return (said["none_known"],)
    lines = []
    for level in sorted(known["risk_level"].unique(), reverse=True)[:2]:
        rows = known[known["risk_level"] == level]
        line = said["at_level"].format(
            n=len(rows),
            total=len(told.table),
            level=int(level),
            units=words["units"],
            name=words["levels"][LEVEL_NAMES[int(level)]],
            places=enumerated(region_names(rows, words), words),
            data=_data_words(rows, words),
        )
        lines.append(line)
    if known["p_any"].notna().any():
        first = known.loc[known["p_any"].idxmax()]
        line = said["highest"].format(
            p=chance(first, words),
            place=region_names(known.loc[[first.name]], words)[0],
            days=f"{told.layer.context.horizon_days:g}",
            level=level_told(first, words),
            data=words["sufficiencies"].get(display(first["data_sufficiency"]), "?"),
            confidence=words["confidences"].get(display(first["confidence"]), "?"),
        )
        lines.append(line)
    return tuple(lines)


def _data_words(rows: pd.DataFrame, words: Mapping[str, Any]) -> str:
    """Return in how many regions the data are sufficient, sparse or neither."""
    counts = rows["data_sufficiency"].value_counts()
    return str(
        words["comma"].join(
            words["sentences"]["data"].format(word=word, n=int(counts[code]))
            for code, word in words["sufficiencies"].items()
            if counts.get(code, 0)
        )
    )


def _level_rows(told: Edition) -> Grid:
    """Return the highest levels with what is known of each and the reason for it.

    That is the latest incident of the headline, and what the level mostly rests on.
    """
    rows, words, latest = told.known.head(TABLE_ROWS), told.words, movements.latest_incidents(told)
    because, capped = [], is_capped(rows)
    for row in rows.itertuples():
        cap = words["sentences"]["capped"].format(level=level_words(row.threshold_level, words))
        first = told.leading.get(row.region_id, "")
        mostly = words["sentences"]["mostly"].format(drivers=first) if first else ""
        last = latest[row.region_id][1] if row.region_id in latest else ""
        why = (cap if capped[row.Index] else "", last, mostly)
        because.append(words["gap"].join(filter(None, why)) or NONE)
    texts = {**_region_texts(rows, words), "because": because}
    columns = {"region": region_names(rows, words), **texts}
    return told.grid([*columns], zip(*columns.values(), strict=True))


def _region_texts(rows: pd.DataFrame, words: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return what tables tell of regions: the level and its probability, and what is known beside.

    Parameters
    ----------
    rows
        Of the table of an edition.
    words
        A catalogue, whose keys name the columns.
    """
    each = [*rows.itertuples()]
    sure, enough = words["confidences"], words["sufficiencies"]
    known = zip(rows["confidence"], rows["data_sufficiency"], strict=True)
    texts = {
        "level": [level_told(row, words) for row in each],
        "attacks_told": [attacks_words(row.attacks_told, words) for row in each],
        "probability": [chance(row, words) for row in each],
        "consequence": [
            NONE
            if pd.isna(row.expected_victims)
            else aside(
                victims(row.expected_victims, words), victims(row.severe_scenario, words), words
            )
            for row in each
        ],
        "known": [
            words["known_of"].format(
                data=enough.get(display(data), NONE), confidence=sure.get(display(one), NONE)
            )
            for one, data in known
        ],
    }
    stated = {"attacks_told": "attacks_told", "consequence": "expected_victims"}
    unknown = {key for key, name in stated.items() if rows[name].isna().all()}
    return {key: text for key, text in texts.items() if key not in unknown}


def _site_rows(told: Edition) -> Grid:
    """Return each site and route with its region's level, or its worst stretch's, and next door.

    Those come first that were attacked, or stand next to what was, and then the highest.
    """
    words, sites = told.words, told.of_headline(told.layer.sites)
    own = [name for name in sites if name != "region_id"]
    rows = sites.merge(told.table.drop(columns=own, errors="ignore"), on="region_id", how="left")
    rows["at_least"] = rows["at_least"].eq(other=True) | (rows["assessed_share"] < 1 - LARGEST_GAP)
    outside = rows["region_id"].isna()
    for name, text in (("name", words["told"]["outside"]), ("kind", "site")):
        rows[name] = rows[name].mask(outside, text)
    worst = rows[["risk_level", "near_level"]].fillna(0).max(axis=1)
    hit = rows["attacked"].eq(other=True) | rows["near_attacked"].eq(other=True)
    # what is outside comes before low ones: nobody can say that it is lower
    rank = worst.astype(float).mask(outside & (worst < FLOOR), FLOOR - 0.5)
    rows = rows.assign(hit=hit, worst=worst, rank=rank)
    order = ["hit", "rank", "near_distance_m"]
    rows = rows.sort_values(order, ascending=[False, False, True], kind="stable")
    shown, rest = rows.head(SITE_ROWS), rows.iloc[SITE_ROWS:]
    cells = [
        (
            display(row.site),
            words["worst_stretch"].format(place=place) if row.kind == "route" else place,
            level_told(row, words),
            _next_door(row, told),
        )
        for place, row in zip(region_names(shown, words), shown.itertuples(), strict=True)
    ]
    if len(rest):
        most = level_words(int(rest["worst"].max()), words)
        text = words["other_sites"].format(n=len(rest), level=most, hit=int(rest["hit"].sum()))
        cells.append((text, NONE, NONE, NONE))
    return told.grid(("site", "region", "here", "near"), cells)


def _next_door(row: Any, told: Edition) -> str:
    """Return the highest region near a site with its level and how far it is.

    Of a route, how much of the way is not assessed; a dash where there is nothing to tell.
    """
    words, missing = told.words, 1 - row.assessed_share
    if pd.isna(row.near_region_id):
        share = max(1, round(100 * missing))
        is_part = missing > LARGEST_GAP and row.kind == "route"
        return str(words["way"].format(n=share)) if is_part else NONE
    level = level_words(row.near_level, words)
    level = words["told"]["attacked"].format(level=level) if is_told(row.near_attacked) else level
    far, name = distance(row.near_distance_m, words), told.names.get(row.near_region_id, "")
    return str(words["next_door"].format(place=name, level=level, far=far))


def notable_incidents(layer: RiskLayer) -> pd.DataFrame:
    """Return the incidents that a reader should know.

    Those of the last three years come first, then those on foreigners, then the gravest. Each
    stands once, in the region that it most probably belongs to; what is told of it depends on how
    much of it lies there.
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
        "is_foreign": hits_foreigners(table),
        "people": table[["killed", "wounded", "abducted"]].fillna(0).sum(axis=1),
        "event_date": table["event_date"],
        "incident_id": table["incident_id"],
    }
    ascending = [name == "incident_id" for name in order]
    ranked = pd.DataFrame(order).sort_values([*order], ascending=ascending)
    return table.loc[ranked.index[:INCIDENT_ROWS]]


def _incident_rows(told: Edition) -> Grid:
    layer, words = told.layer, told.words
    found = notable_incidents(layer)
    areas = _areas_of(told, found[~lies_here(found)])

    def cells(row: Any) -> tuple[str, ...]:
        return (
            day_words(row.event_date, words),
            areas.get(row.incident_id, told.names.get(row.region_id, display(row.region_id))),
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
            area = words["comma"].join(country_name(code, words) for code in sorted(codes))
        first = parts.iloc[0]  # names as written, which the public does not see
        written = [display(first.get(name)) for name in ("place", "admin2", "admin1")]
        where = words["phrase"].join(dict.fromkeys(filter(None, (*written, area))))
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


def unknown_lines(told: Edition) -> tuple[str, ...]:
    """Return what is not known and why: reports that wait, no level, levels in doubt, reports."""
    said = (editions.later_line, editions.outside_line, editions.employer_line)
    return (
        *_draft_line(told),
        *filter(None, (line(told) for line in said)),
        *_gap_line(told),
        *_doubt_line(told),
        *_report_line(told),
    )


def _draft_line(told: Edition) -> Iterator[str]:
    """Yield how many reports wait for review, and which regions they name: no level counts them."""
    drafts, words = told.layer.provenance.get("drafts") or {}, told.words
    if not drafts:
        return
    named = told.layer.regions[told.layer.regions["region_id"].isin(list(drafts))]
    places = dict(zip(named["region_id"], region_names(named, words), strict=True))
    elsewhere = words["unknown"]["elsewhere"]
    listed = [f"{places.get(key, elsewhere)} {n}" for key, n in drafts.items()]
    places_said = enumerated(listed, words)
    yield words["unknown"]["drafts"].format(n=sum(drafts.values()), places=places_said)


def _gap_line(told: Edition) -> Iterator[str]:
    """Yield how many regions have no level, and for what reasons."""
    unknown, words = told.unknown, told.words
    said, about = words["reasons_said"], words["layers"][told.layer.headline]
    counts = {"n": len(unknown), "total": len(told.table), "units": words["units"]}
    scope = front_pages.scope_line(told)
    if unknown.empty:
        none = words["unknown"]["none"].format(**counts, about=about)
        yield words["gap"].join([none, *scope])
        return
    codes = pd.Series(editions.reason_codes(unknown)).explode().value_counts()
    why = words["list"].join(
        aside(said.get(code, display(code)), str(n), words) for code, n in codes.items()
    )
    line = words["unknown"]["gap"].format(**counts, about=about, why=why)
    few = words["unknown"]["these"].format(places=enumerated(region_names(unknown, words), words))
    yield words["gap"].join([line, *[few][: len(unknown) <= _FEW], *scope])


def _doubt_line(told: Edition) -> Iterator[str]:
    """Yield how many levels may be higher than they say, or are of an earlier day, and why."""
    known, words, said = told.known, told.words, told.words["unknown"]
    flags, capped = movements.flag_table(known)[[*_DOUBTS]], known[is_capped(known)]
    rows = known[flags.any(axis=1)]
    lines = []
    if len(rows):
        why = words["list"].join(
            aside(said["doubts"][name], str(int(flags[name].sum())), words)
            for name in flags.columns[flags.any()]
        )
        lines.append(said["doubt"].format(n=len(rows), units=words["units"], why=why))
    if len(capped):
        places = enumerated(
            [
                said["capped_one"].format(place=name, level=level_words(row.threshold_level, words))
                for name, row in zip(region_names(capped, words), capped.itertuples(), strict=True)
            ],
            words,
        )
        lines.append(said["capped"].format(n=len(capped), units=words["units"], places=places))
    if lines:
        yield words["gap"].join(lines)


def _report_line(told: Edition) -> Iterator[str]:
    """Yield how many reports count in parts, do not say who was hit, or were not understood."""
    known = told.layer.knowledge
    n = round(known.loc[known["layer"] == "violence", "rows_spread"].sum())
    spread = [told.words["unknown"]["spread"].format(n=n)] if n else []
    shares = [*editions.share_lines(told)] if told.layer.headline != "violence" else []
    if len(shares) > _COUNTRIES:
        more = told.words["unknown"]["countries"].format(n=len(shares) - _COUNTRIES)
        shares = [*shares[:_COUNTRIES], more]
    lines = [*spread, *shares, *editions.unread_lines(told)]
    if lines:
        yield told.words["gap"].join(lines)
