"""Front pages: what an advisory says first.

First the attacks, then what can't be assessed, then the highest levels with what is known of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.assessment.layers import LAYERS
from riskmap.assessment.levels import LEVEL_NAMES
from riskmap.outputs.editions import reason_codes, unread_counts
from riskmap.outputs.movements import flag_table, latest_incidents
from riskmap.outputs.wordings import (
    NONE,
    attacks_words,
    chance,
    codes_in,
    country_name,
    country_names,
    day_words,
    display,
    enumerated,
    incident_words,
    level_told,
    level_words,
    no_issue_before,
    percent,
    region_names,
)
from riskmap.panels.measures import VICTIM_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from riskmap.outputs.editions import Edition, Grid

#: Attacks that page one has room for, and values that were not understood.
ATTACKS, UNREAD = 6, 5
_MOST_LETTERS = 40
#: What was met in a row that can't be used, and by whom and until when an attack was cleared.
_MET = re.compile(r"(\w+): met '(.*)'")
_UNTIL = re.compile(r"\(([^()]*), until (\d{4}-\d\d-\d\d)\)")
SUMMARY_ROWS = 7


def attack_lines(told: Edition) -> tuple[str, ...]:
    """Return the attacks that hold levels up, newest first, in plain sentences.

    Returns
    -------
    tuple of str
        A line an attack, and one line for each area to which attacks are known and to no district;
        then one of the rows that tell of attacks without a day.
    """
    layer, words = told.layer, told.words
    names = dict(zip(told.table["region_id"], region_names(told.table), strict=True))
    known = layer.incidents.drop_duplicates("incident_id").set_index("incident_id")
    table = layer.attacks.assign(
        cleared=_cleared_here(layer.attacks["cleared"], layer.headline),
        not_understood=layer.attacks["incident_id"].map(known["not_understood"]),
    )
    undated = table["event_date"].isna()
    attacks = table[~undated].sort_values("event_date", ascending=False, kind="stable")
    keys = [
        f"area {display(row.area)}" if _marks_nothing(row) else f"attack {row.Index}"
        for row in attacks.reset_index(drop=True).itertuples()
    ]
    groups = [rows for _, rows in attacks.groupby(np.array(keys, dtype=object), sort=False)]
    lines = [_attack_line(rows, names, words) for rows in groups[:ATTACKS]]
    rest = groups[ATTACKS:]
    if rest:
        where = (_where(row, names, words) for rows in rest for row in rows.itertuples())
        n, places = sum(map(len, rest)), enumerated([*dict.fromkeys(where)], words)
        lines.append(words["attack"]["rest"].format(n=n, places=places))
    unusable = [_unusable(row, names, words) for row in table[undated].itertuples()]
    if unusable:
        text = enumerated(unusable, words)
        lines.append(words["attack"]["unusable"].format(n=len(unusable), rows=text))
    return tuple(lines)


def _cleared_here(cleared: pd.Series, headline: str) -> pd.Series:
    """Return why attacks were cleared for the headline; missing where only for other layers."""
    end = rf"(?=; (?:{'|'.join(LAYERS)}): |$)"
    return cleared.str.extract(rf"(?:^|; ){headline}: (.*?){end}", expand=False)


def _unusable(row: Any, names: Mapping[str, str], words: Mapping[str, Any]) -> str:
    """Return where an attack is told of whose day is not known, and what is written there."""
    place = _place(row, names, words) or words["attack"]["unplaced"]
    written = _MET.search(display(row.unusable))
    why = display(row.unusable)
    if written:
        why = f"{words['columns'].get(written[1], written[1])} \u201c{written[2]}\u201d"
    why = _decided(display(row.cleared), words) or why
    return f"{place} ({why})" if why else place


def _place(row: Any, names: Mapping[str, str], words: Mapping[str, Any]) -> str:
    """Return the place of an attack as written, and its region or area."""
    spot, where = display(row.place), _where(row, names, words)
    return where if where.startswith(spot) else ", ".join(filter(None, (spot, where)))


def _attack_line(rows: pd.DataFrame, names: Mapping[str, str], words: Mapping[str, Any]) -> str:
    """Return one attack, or all that are known to one area only, in plain sentences."""
    said = words["attack"]
    told = " ".join(_told(row, names, words) for row in rows.itertuples())
    first = next(rows.itertuples())
    if not _marks_nothing(first):
        return told
    area = said["area"].format(area=_where(first, names, words))
    return f"{area} {told}"


def _marks_nothing(row: Any) -> bool:
    """Return whether an attack is known to an area only."""
    return bool(pd.isna(row.region_id) and pd.isna(row.regions))


def _told(row: Any, names: Mapping[str, str], words: Mapping[str, Any]) -> str:
    """Return what happened to whom, where and when, and which districts are marked for it."""
    said = words["attack"]
    work = words["sectors"].get(display(row.sector), display(row.sector))
    sector = said["sector"].format(sector=work) if work else ""
    what = ", ".join(filter(None, (incident_words(row, words), sector)))
    date, place = day_words(row.event_date, words), _place(row, names, words)
    lines = [said["line"].format(date=date, place=place, what=what)]
    if not pd.isna(row.source_count) and row.source_count > 0:
        one = row.source_count == 1
        lines.append(said["one_report" if one else "reports"].format(n=int(row.source_count)))
    marked = [names.get(key, display(key)) for key in codes_in(row.regions)]
    if display(row.cleared):
        lines.append(said["cleared"].format(why=_decided(display(row.cleared), words)))
    elif marked and not pd.isna(row.until):
        last = day_words(row.until - pd.Timedelta(days=1), words)
        lines.append(said["marked"].format(date=last, places=enumerated(marked, words)))
    return " ".join(lines)


def _decided(text: str, words: Mapping[str, Any]) -> str:
    """Return why, by whom and until when an attack was cleared, in a language."""
    return _UNTIL.sub(
        lambda found: words["decision"].format(author=found[1], day=day_words(found[2], words)),
        text,
    )


def _where(row: Any, names: Mapping[str, str], words: Mapping[str, Any]) -> str:
    """Return the region of an attack, or the area that it is known to."""
    if not pd.isna(row.region_id):
        return names.get(row.region_id, display(row.region_id))
    return country_names(display(row.area), words)


def judgement_lines(told: Edition) -> tuple[str, ...]:
    """Return the key judgements: what can't be assessed, the highest levels, what moved."""
    shares = _share_lines(told) if told.layer.headline != "violence" else ()
    return (
        *_draft_lines(told),
        *_gap_lines(told),
        *_level_lines(told),
        *_change_lines(told),
        *_capped_lines(told),
        *_doubt_lines(told),
        *shares,
        *_unread_lines(told),
    )


def _draft_lines(told: Edition) -> Iterator[str]:
    """Yield how many reports wait for review, and which regions they name: no level counts them."""
    drafts = told.layer.provenance.get("drafts") or {}
    if not drafts:
        return
    said, words = told.words["sentences"], told.words
    named = told.layer.regions[told.layer.regions["region_id"].isin(list(drafts))]
    places = dict(zip(named["region_id"], region_names(named), strict=True))
    listed = [f"{places.get(key, said['elsewhere'])} {n}" for key, n in drafts.items()]
    yield said["drafts"].format(n=sum(drafts.values()), places=enumerated(listed, words))


def _gap_lines(told: Edition) -> Iterator[str]:
    """Yield how many regions are not assessed, and which of them for the same reasons."""
    unknown, words = told.unknown, told.words
    if unknown.empty:
        return
    said, about = words["reasons_said"], words["layers"][told.layer.headline]
    n, total = len(unknown), len(told.table)
    yield words["sentences"]["gap"].format(n=n, total=total, about=about)
    together = pd.Series([*map(tuple, reason_codes(unknown))], unknown.index, dtype="object")
    for codes, rows in unknown.groupby(together):
        why = words["sentences"]["and"].join(said.get(code, display(code)) for code in codes)
        places = enumerated(region_names(rows), words)
        yield words["sentences"]["why"].format(why=why, n=len(rows), places=places)


def _level_lines(told: Edition) -> Iterator[str]:
    """Yield the two highest levels that occur, and the highest probability."""
    known, words, said = told.known, told.words, told.words["sentences"]
    if known.empty:
        yield said["none_known"]
        return
    for level in sorted(known["risk_level"].unique(), reverse=True)[:2]:
        rows = known[known["risk_level"] == level]
        yield said["at_level"].format(
            n=len(rows),
            total=len(told.table),
            level=int(level),
            name=words["levels"][LEVEL_NAMES[int(level)]],
            places=enumerated(region_names(rows), words),
            data=_data_words(rows, words),
        )
    if known["p_any"].notna().any():
        first = known.loc[known["p_any"].idxmax()]
        yield said["highest"].format(
            p=chance(first, words),
            place=region_names(known.loc[[first.name]])[0],
            days=f"{told.layer.context.horizon_days:g}",
            level=level_told(first, words),
            data=words["sufficiencies"].get(display(first["data_sufficiency"]), "?"),
            confidence=words["confidences"].get(display(first["confidence"]), "?"),
        )


def _data_words(rows: pd.DataFrame, words: Mapping[str, Any]) -> str:
    """Return in how many regions the data are sufficient, sparse or neither."""
    counts = rows["data_sufficiency"].value_counts()
    return ", ".join(
        words["sentences"]["data"].format(word=word, n=int(counts[code]))
        for code, word in words["sufficiencies"].items()
        if counts.get(code, 0)
    )


def _change_lines(told: Edition) -> Iterator[str]:
    """Yield what moved since the issue before, or that there is none."""
    known, words, said = told.known, told.words, told.words["sentences"]
    other = _assessed_otherwise(told)
    if known["trend"].notna().any() or other:
        moved = {t: known[known["trend"] == t] for t in ("deteriorated", "improved")}
        up, down = map(len, moved.values())
        moves = said["semicolon"].join([said["changed_by"].format(up=up, down=down), *other])
        yield said["changed"].format(moves=moves)
        if known["level_before"].notna().any():
            for way, rows in moved.items():
                if len(rows):
                    yield said[way].format(places=enumerated(_moves(rows), words))
    provenance = told.layer.provenance
    if not provenance.get("previous_as_of") and known["level_before"].isna().all():
        yield no_issue_before(provenance, words)


def _assessed_otherwise(told: Edition) -> list[str]:
    """Return which regions had no level before and have one, and the other way round.

    A level before is the last one known, so that one without a probability was lost earlier.
    """
    said, words, unknown = told.words["sentences"], told.words, told.unknown
    lost = unknown["level_before"].gt(0).fillna(value=False) & unknown["p_before"].notna()
    groups = {
        "newly": told.known[told.known["level_before"].eq(0).fillna(value=False)],
        "lost": unknown[lost],
    }
    return [
        said[name].format(places=enumerated(region_names(rows), words), n=len(rows))
        for name, rows in groups.items()
        if len(rows)
    ]


def _moves(rows: pd.DataFrame) -> list[str]:
    """Return the names of regions with their levels before and now."""
    steps = zip(region_names(rows), rows["level_before"], rows["risk_level"], strict=True)
    return [name if pd.isna(old) else f"{name} {old} \u2192 {new}" for name, old, new in steps]


def _is_capped(rows: pd.DataFrame) -> pd.Series:
    """Return where the number gives more than the level, because one source alone tells it."""
    capped = rows["single_source"].eq(other=True) & (rows["threshold_level"] > rows["risk_level"])
    return capped.fillna(value=False).astype(bool)


def _capped_lines(told: Edition) -> Iterator[str]:
    """Yield the regions of which the number gives more than the level, with both."""
    words, rows = told.words, told.known[_is_capped(told.known)]
    places = [
        words["sentences"]["capped_one"].format(
            place=name,
            level=level_words(row.threshold_level, words),
            shown=level_words(row.risk_level, words),
        )
        for name, row in zip(region_names(rows), rows.itertuples(), strict=True)
    ]
    if places:
        text = enumerated(places, words)
        yield words["sentences"]["capped_at"].format(places=text, n=len(places))


def _doubt_lines(told: Edition) -> Iterator[str]:
    """Yield where levels may be higher than they say, or are of an earlier day."""
    known, words = told.known, told.words
    flags = flag_table(known)
    for name in ("at_least", "kept", "rows_lost", "reporting_gap", "borderline", "unclear"):
        rows = known[flags[name]]
        places = region_names(rows)
        if name == "kept":
            days = rows["level_as_of"]
            places = [f"{place} {day}" for place, day in zip(places, days, strict=True)]
        if places:
            yield words["sentences"][name].format(n=len(places), places=enumerated(places, words))


def _share_lines(told: Edition) -> Iterator[str]:
    """Yield for each country what is taken of the reports that don't say who was hit."""
    shares, words = told.layer.shares[told.layer.shares["unknown"] > 0], told.words
    for code, rows in shares.groupby("iso3"):
        unknown = rows["unknown"]
        yield words["sentences"]["share"].format(
            country=country_name(code, words),
            reports=f"{rows['reports'].sum():,.0f}",
            unknown=f"{unknown.sum():,.0f}",
            share=percent((rows["share"] * unknown).sum() / unknown.sum()),
            low=percent(rows["share_low"].min()),
            high=percent(rows["share_high"].max()),
        )


def _unread_lines(told: Edition) -> Iterator[str]:
    """Yield what was not understood, counted by value; who was hit first."""
    words, counts = told.words, unread_counts(told.layer).items()
    counts = sorted(counts, key=lambda item: item[0][0] not in VICTIM_WORDS)
    names = words["columns"]
    values = [
        f"{names.get(column, column)} \u201c{value[:_MOST_LETTERS]}\u201d {n}"
        for (column, value), n in counts
    ]
    if values:
        text = ", ".join(values[:UNREAD])
        if len(values) > UNREAD:
            more = words["sentences"]["and_more"]
            text = more.format(places=text, n=len(values) - UNREAD)
        yield words["sentences"]["unread"].format(values=text)


def summary_rows(told: Edition, *, limit: int = SUMMARY_ROWS) -> Grid:
    """Return the highest levels with the reason for each: page one of an advisory.

    Parameters
    ----------
    told
        The edition.
    limit
        How many regions.

    Returns
    -------
    Grid
        Region, level, how many attacks hit the group itself, the level before where one is known,
        probability, and why: the leading drivers and the latest incident of the headline.
    """
    rows, words, latest = told.known.head(limit), told.words, latest_incidents(told)
    because, capped = [], _is_capped(rows)
    for row in rows.itertuples():
        why = "; ".join(told.drivers.get(row.region_id, NONE).split("; ")[:2])
        why = ". ".join(filter(None, (why, latest.get(row.region_id, ""))))
        cap = words["sentences"]["capped"].format(
            level=level_words(row.threshold_level, words), shown=level_words(row.risk_level, words)
        )
        because.append(f"{cap} {why}" if capped[row.Index] else why)
    texts = region_texts(rows, words, brief=True)
    texts.pop("trend", None)
    columns = {"region": region_names(rows), **texts, "because": because}
    return told.grid([*columns], zip(*columns.values(), strict=True))


def region_texts(
    rows: pd.DataFrame, words: Mapping[str, Any], *, brief: bool = False
) -> dict[str, list[str]]:
    """Return what tables tell of regions: the level and its probability, and what is known beside.

    Parameters
    ----------
    rows
        Of the table of an edition.
    words
        A catalogue, whose keys name the columns.
    brief
        As for :func:`riskmap.outputs.wordings.chance`.
    """
    each = [*rows.itertuples()]
    texts = {
        "level": [level_told(row, words) for row in each],
        "attacks_told": [attacks_words(row.attacks_told, words) for row in each],
        "previous": [level_words(row.level_before, words) for row in each],
        "trend": [words["trends"].get(display(row.trend), NONE) for row in each],
        "probability": [chance(row, words, brief=brief) for row in each],
    }
    stated = {"attacks_told": "attacks_told", "previous": "level_before", "trend": "trend"}
    unknown = {key for key, name in stated.items() if rows[name].isna().all()}
    return {key: text for key, text in texts.items() if key not in unknown}
