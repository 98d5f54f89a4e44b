"""Front pages: what an advisory says first.

What happened to whom and how near it was, or that nothing is known of; then the attacks.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import shapely

from riskmap.assessment.exposures import NEXT_DOOR_M
from riskmap.assessment.layers import LAYERS
from riskmap.incidents.foreign_victims import count_of, hits_foreigners, is_violence
from riskmap.outputs.movements import has_moved
from riskmap.outputs.senders import name_group
from riskmap.outputs.wordings import (
    aside,
    codes_in,
    country_names,
    day_words,
    display,
    distance,
    enumerated,
    hit_nobody_foreign,
    incident_words,
    is_capped,
    level_told,
    level_words,
    lies_here,
    nationals,
    people_of,
    region_names,
    type_words,
)
from riskmap.panels.attacks import metres_from
from riskmap.panels.measures import is_known

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from riskmap.outputs.editions import Edition

#: Attacks that page one has room for.
ATTACKS = 4
#: What was met in a row that can't be used, and by whom and until when an attack was cleared.
_MET = re.compile(r"(\w+): met '(.*)'")
_UNTIL = re.compile(r"\(([^()]*), until (\d{4}-\d\d-\d\d)\)")
#: Days that an attack is marked for.
DAYS = 90
_MARKED = pd.Timedelta(days=DAYS)


def lead_lines(told: Edition) -> tuple[str, ...]:
    """Return what page one says first, in a few sentences; the first is the news.

    Returns
    -------
    tuple of str
        What happened to whom, when and where, with the sites of the group that are near it; how it
        is known, and what is marked for it. Without an attack that is marked: that none is known,
        of how many regions nobody could have told, and what would be told here.
    """
    attacks = _ranked(told)
    if attacks.empty:
        return tuple(_quiet_lines(told))
    first, said = next(attacks.itertuples()), told.words["lead"]
    lines = [told.words["gap"].join([_news(first, told), *_near_line(first, told)])]
    lines += [_source_line(first, told), *_marked_line(first, told)]
    if len(attacks) > 1:
        lines.append(said["further"].format(n=len(attacks) - 1))
    before = told.layer.context.previous_as_of
    if before is not None and not first.is_new:
        lines.append(said["none_new"].format(day=day_words(before, told.words)))
    return tuple(lines)


def _source_line(row: Any, told: Edition) -> str:
    """Return how many tell of an attack; what to plan for where one alone holds a level down."""
    here = told.known[told.known["region_id"] == row.region_id]
    capped = here[is_capped(here)]
    if len(capped):
        level = level_words(capped["threshold_level"].iloc[0], told.words)
        return str(told.words["sentences"]["capped"].format(level=level))
    said, n = told.words["lead"], row.source_count
    return str(said["one_source"] if pd.isna(n) or n <= 1 else said["sources"].format(n=int(n)))


def _ranked(told: Edition) -> pd.DataFrame:
    """Return the attacks that are marked, those first that page one should begin with.

    New ones come before those that the issue before knew, those near the group's sites before
    others, and then the newest.
    """
    table = _attacks(told)
    table = table[table["event_date"].notna() & table["cleared"].isna()]
    near = [min(_nearby(row, told).values(), default=np.inf) for row in table.itertuples()]
    table = table.assign(near=[metres <= NEXT_DOOR_M for metres in near])
    order = ["is_new", "near", "event_date"]
    return table.sort_values(order, ascending=False, kind="stable", ignore_index=True)


def _attacks(told: Edition) -> pd.DataFrame:
    """Return the attacks with what their incidents tell of them; whether they are new."""
    layer = told.layer
    known = layer.incidents.drop_duplicates("incident_id").set_index("incident_id")
    more = ["toll", "foreign_victims", "not_understood", "longitude", "latitude", "ingested_at"]
    known = known.reindex(columns=more).reindex(layer.attacks["incident_id"])
    table = layer.attacks.assign(**{name: known[name].to_numpy() for name in more})
    before = layer.context.previous_as_of
    is_new = True if before is None else ~is_known(table, before)
    cleared = _cleared_here(table["cleared"], layer.headline)
    where = [_where(row, told) for row in table.itertuples()]
    return table.assign(cleared=cleared, is_new=is_new, where=where)


def _news(row: Any, told: Edition) -> str:
    """Return one attack as a sentence: whom it hit, what it was, when and where."""
    said, words = told.words["lead"], told.words
    place, spot = row.where, display(row.place)
    if _marks_nothing(row):
        place = said["somewhere"].format(place=place)
    elif spot and not place.startswith(spot):
        place = said["spot"].format(place=place, spot=spot)
    kind = said["kinds"].get(display(row.event_type))
    if display(row.not_understood) and display(row.event_type) in ("", "other", "unknown"):
        kind = None
    kind = kind or type_words(row, words)
    whom, what = tell_victims(row, kind, _whom(told), words)
    text = said["news"].format(
        whom=whom,
        what=what,
        date=day_words(row.event_date, words),
        place=place,
    )
    return str(text[:1].upper() + text[1:])


def tell_victims(row: Any, what: str, who: str, words: Mapping[str, Any]) -> tuple[str, str]:
    """Return whom an attack hit and how, and what it was, as parts of a sentence.

    Parameters
    ----------
    row
        Of attacks, with ``foreign_victims``, and ``toll``: which of the numbers are bounds.
    what
        What it was.
    who
        On whom it is an attack, where the nationality of its victims is not told.
    words
        A catalogue.

    Examples
    --------
    >>> from types import SimpleNamespace as Row
    >>> from riskmap.outputs.catalogues import catalogue
    >>> row = Row(killed=1, wounded=0, abducted=None, toll=None, foreign_victims=None,
    ...           nationality="CHN", sector="mining")
    >>> tell_victims(row, "an armed attack", "the stated group", catalogue("en"))
    ('one Chinese national (mining) was killed', 'an armed attack')
    >>> row.wounded = 2
    >>> tell_victims(row, "an armed attack", "the stated group", catalogue("en"))
    ('one person was killed and two wounded', 'an armed attack that hit Chinese nationals (mining)')
    """
    said, bounds = words["lead"], display(row.toll)
    counts = {key: getattr(row, key) for key in said["done"]}
    toll = {key: int(n) for key, n in counts.items() if not pd.isna(n) and n > 0}
    people, total = nationals(display(row.nationality), words), sum(toll.values())
    work = words["sectors"].get(display(row.sector), display(row.sector))
    trade = said["trade"].format(sector=work) if work else ""
    if not toll:
        key = "aimed" if hit_nobody_foreign(row) else "hit"
        return said[key].format(whom=people or who, trade=trade if people else ""), what
    foreign = 0 if pd.isna(row.foreign_victims) else row.foreign_victims
    codes = codes_in(row.nationality)
    alone = total == 1 and len(codes) == 1 and not bounds
    theirs = bool(codes) and (alone or foreign >= total)
    whom = _toll_words(toll, bounds, codes if theirs else [], trade, words)
    if theirs:
        return whom, what
    key = "that_hit" if people else "that_counts"
    return whom, said[key].format(what=what, whom=people or who, trade=trade)


def _toll_words(
    toll: Mapping[str, int], bounds: str, codes: list[str], trade: str, words: Mapping[str, Any]
) -> str:
    """Return how many people were killed, wounded, abducted; whose nationals, where all are."""
    said, parts = words["lead"], list[str]()
    people = words["comma"].join(people_of(code, words) for code in codes)
    for key, n in toll.items():
        many = n > 1 or key in bounds
        number = words["numbers"][n] if n < len(words["numbers"]) else str(n)
        part = said["next" if parts else "toll"].format(
            n=said["least"].format(n=number) if key in bounds else number,
            whom=said["nationals" if codes else "people"][many].format(people=people),
            trade=trade if codes else "",
            was=said["was"][many],
            done=said["done"][key],
        )
        parts.append(part)
    return str(said["and"].join(parts))


def _whom(told: Edition) -> str:
    """Return on whom attacks are told: the stated group, or foreigners where there is none."""
    stated = name_group(told.layer, told.words)
    return stated or str(told.words["alert"]["whom"]["foreign"])


def _nearby(row: Any, told: Edition) -> dict[str, float]:
    """Return how many metres sites and routes are from an attack, or from its region.

    That of a route is measured from where it is nearest, and 0 where it runs through the region.
    """
    sites = told.of_headline(told.layer.sites).dropna(subset="wkt")
    shapes = dict(zip(sites["site"], shapely.from_wkt(sites["wkt"].to_numpy(object)), strict=True))
    if not pd.isna(row.longitude) and bool(row.is_point):
        spot = shapely.Point(row.longitude, row.latitude)
        return dict(zip(shapes, metres_from(spot, np.array([*shapes.values()])), strict=True))
    outline = told.shapes.get(row.region_id)
    if outline is None:
        return {}
    return {name: _metres_between(shape, outline) for name, shape in shapes.items()}


def _metres_between(shape: Any, outline: Any) -> float:
    """Return how many metres a site or route is from a region; 0 within it."""
    if not isinstance(shape, shapely.Point):
        shape, outline = (shapely.Point(xy) for xy in shapely.shortest_line(shape, outline).coords)
    return float(metres_from(shape, np.array([outline]))[0])


def _near_line(row: Any, told: Edition) -> Iterator[str]:
    """Yield which sites and routes of the group are near an attack, and how far, nearest first."""
    said, words = told.words["lead"], told.words
    if told.layer.sites.empty:
        return
    if _marks_nothing(row) or told.layer.sites["wkt"].isna().any():
        yield said["near_unknown"]
        return
    exact = bool(row.is_point) and not pd.isna(row.longitude)
    routes = set(told.layer.sites.loc[told.layer.sites["kind"] == "route", "site"])
    found = sorted(_nearby(row, told).items(), key=lambda item: item[1])
    parts = [
        said[
            ("route" if name in routes else "site")
            + ("" if exact else "_through" if metres == 0 else "_region")
        ].format(site=display(name), far=distance(metres, words), unit=words["unit"])
        for name, metres in found
        if metres <= NEXT_DOOR_M
    ]
    if not exact:
        yield said["no_spot"].format(unit=words["unit"])
    far = distance(NEXT_DOOR_M, words)
    yield (
        said["near"].format(parts=words["list"].join(parts))
        if parts
        else said["none_near"].format(far=far)
    )


def _marked_line(row: Any, told: Edition) -> Iterator[str]:
    """Yield what level the region of an attack has now, and how many are marked until when."""
    said, words = told.words["lead"], told.words
    rows = told.table[told.table["region_id"].isin(codes_in(row.regions))]
    if rows.empty or pd.isna(row.until):
        return
    first = rows[rows["region_id"] == row.region_id]
    first = first if len(first) else rows
    until = day_words(row.until - pd.Timedelta(days=1), words)
    place, level = region_names(first, words)[0], level_told(next(first.itertuples()), words)
    if len(rows) == 1:
        yield said["marked"].format(place=place, level=level, date=until)
        return
    places = enumerated(region_names(rows, words), words)
    yield said["marked_many"].format(
        n=len(rows), units=words["units"], places=places, place=place, level=level, date=until
    )


def _quiet_lines(told: Edition) -> Iterator[str]:
    """Yield that no attack is known, in how many regions nobody watches, and what would be told."""
    layer, words, said = told.layer, told.words, told.words["lead"]
    who, total = _whom(told), len(told.table)
    n = int((told.table["data_sufficiency"] == "insufficient").sum())
    once = layer.incidents.drop_duplicates("incident_id")
    start = day_words(layer.context.as_of - _MARKED, words)
    waiting = {"open": _count_open(told), "cleared": int(_attacks(told)["cleared"].notna().sum())}
    for key in [key for key, number in waiting.items() if number] or ["quiet"]:
        yield said[key].format(who=who, start=start, n=waiting.get(key, 0))
    yield from _last_line(once, told)
    counts = {"n": n, "total": total, "unit": words["unit"], "units": words["units"]}
    yield said["blind" if n else "not_blind"].format(**counts)
    recent = once[is_violence(once) & (once["event_date"] >= layer.context.as_of - _MARKED)]
    yield said["violence"].format(n=int(count_of(recent).sum()))
    moved = told.table[has_moved(told.table)]
    if len(moved):
        yield said["moved"].format(n=len(moved), units=words["units"])
    near = told.moves[(told.moves["kind"] == "more") & (told.moves["amount"] == 1)]
    rows = told.known[told.known["region_id"].isin(near["region_id"])]
    if len(rows):
        counts |= {"n": len(rows), "place": region_names(rows, words)[0]}
        yield words["sentences"]["nearest"].format(**counts)
    yield said["would"].format(who=who)


def scope_line(told: Edition) -> Iterator[str]:
    """Yield which sources don't say what they can see, so that their silence lowers no level."""
    once, said = told.layer.incidents, told.words["unknown"]["scope"]
    if told.layer.context.is_public or once.empty:
        return
    names = [display(name) for name in sorted(once.loc[once["scope"].isna(), "source"].unique())]
    if names:
        yield said.format(sources=enumerated(names, told.words), unit=told.words["unit"])


def _count_open(told: Edition) -> int:
    """Return how many reports may tell of an attack: without a day, not reviewed, too late."""
    known, table = told.layer.provenance, _attacks(told)
    undated = table["event_date"].isna() & (table["cleared"].fillna("") == "")
    drafts, later = known.get("drafts") or {}, known.get("later") or {}
    return int(undated.sum()) + sum(drafts.values()) + later.get("attacks", 0)


def _last_line(once: pd.DataFrame, told: Edition) -> Iterator[str]:
    """Yield the last attack that is known of, however old; none where it is hidden who was hit."""
    if told.layer.context.is_public:
        return
    weights, words = told.layer.context.relevance, told.words
    grades = once.reindex(columns=["relevance"])["relevance"].map(weights).fillna(0.0)
    theirs = grades >= 1 if told.layer.context.group else hits_foreigners(once)
    rows = once[theirs & once["event_date"].notna()].sort_values("event_date").tail(1)
    for row in rows.itertuples():
        place = told.names.get(row.region_id, "") if lies_here(rows).all() else ""
        date, what = day_words(row.event_date, words), incident_words(row, words)
        where = words["phrase"].join(filter(None, (date, place)))
        yield words["lead"]["last"].format(what=words["told_of"].format(date=where, what=what))


def attack_lines(told: Edition, *, besides: bool = False) -> tuple[str, ...]:
    """Return the attacks that hold levels up, newest first, in plain sentences.

    Parameters
    ----------
    told
        The edition.
    besides
        Leave out the one that :func:`lead_lines` begins with.

    Returns
    -------
    tuple of str
        A line an attack, and one line for each area to which attacks are known and to no region;
        then one of the rows that tell of attacks without a day.
    """
    words, table = told.words, _attacks(told)
    undated = table["event_date"].isna()
    attacks = table[~undated].sort_values("event_date", ascending=False, kind="stable")
    if besides:
        attacks = attacks[~attacks["incident_id"].isin(_ranked(told)["incident_id"].head(1))]
    keys = [
        f"area {row.where}" if _marks_nothing(row) else f"attack {row.Index}"
        for row in attacks.reset_index(drop=True).itertuples()
    ]
    groups = [rows for _, rows in attacks.groupby(np.array(keys, dtype=object), sort=False)]
    lines = [_attack_line(rows, told) for rows in groups[:ATTACKS]]
    rest = pd.concat(groups[ATTACKS:]) if groups[ATTACKS:] else attacks.head(0)
    if len(rest):
        places = enumerated([*dict.fromkeys(rest["where"])], words)
        lines.append(words["attack"]["rest"].format(n=len(rest), places=places))
    unusable = [_unusable(row, words) for row in table[undated].itertuples()]
    if unusable:
        text = enumerated(unusable, words)
        lines.append(words["attack"]["unusable"].format(n=len(unusable), rows=text))
    return tuple(lines)


class Unmarked(NamedTuple):
    """What is told of attacks for which no region is marked.

    Parameters
    ----------
    line
        In sentences.
    region_id
        Where they are known to have been, when it is the day that isn't known; or "".
    """

    line: str
    region_id: str


def unmarked_attacks(told: Edition) -> dict[str, Unmarked]:
    """Return what is told of attacks for which no region is marked, by the area that is known.

    Those whose day can't be read stand under their place; those that were cleared are left out.

    Parameters
    ----------
    told
        The edition.
    """
    words, table = told.words, _attacks(told)
    table = table[(table["cleared"].fillna("") == "") & table["regions"].isna()]
    undated = table["event_date"].isna()
    dated = table[~undated & table["region_id"].isna()]
    found = {
        str(area): Unmarked(_attack_line(rows, told), "") for area, rows in dated.groupby("where")
    }
    for row in table[undated].itertuples():
        place = display(row.where) or words["attack"]["unplaced"]
        line = words["attack"]["unusable"].format(n=1, rows=_unusable(row, words))
        before = found.get(place, Unmarked("", display(row.region_id)))
        lines = words["gap"].join(filter(None, (before.line, line)))
        found[place] = before._replace(line=lines)
    return found


def _cleared_here(cleared: pd.Series, headline: str) -> pd.Series:
    """Return why attacks were cleared for the headline; missing where only for other layers."""
    end = rf"(?=; (?:{'|'.join(LAYERS)}): |$)"
    return cleared.str.extract(rf"(?:^|; ){headline}: (.*?){end}", expand=False)


def _unusable(row: Any, words: Mapping[str, Any]) -> str:
    """Return where an attack is told of whose day is not known, and what is written there."""
    place = _place(row, words) or words["attack"]["unplaced"]
    written = _MET.search(display(row.unusable))
    why = display(row.unusable)
    if written:
        why = f"{words['columns'].get(written[1], written[1])} \u201c{written[2]}\u201d"
    why = _decided(display(row.cleared), words) or why
    return aside(place, why, words)


def _place(row: Any, words: Mapping[str, Any]) -> str:
    """Return the place of an attack as written, and its region or area."""
    spot = display(row.place)
    spot = "" if row.where.startswith(spot) else spot
    return str(words["phrase"].join(filter(None, (spot, row.where))))


def _attack_line(rows: pd.DataFrame, told: Edition) -> str:
    """Return one attack, or all that are known to one area only, in plain sentences."""
    lines, first = [_told(row, told) for row in rows.itertuples()], next(rows.itertuples())
    if _marks_nothing(first):
        lines = [told.words["attack"]["area"].format(area=first.where), *lines]
    return str(told.words["gap"].join(lines))


def _marks_nothing(row: Any) -> bool:
    """Return whether an attack is known to an area only."""
    return bool(pd.isna(row.region_id) and pd.isna(row.regions))


def _told(row: Any, told: Edition) -> str:
    """Return what happened to whom, where and when, and which regions are marked for it."""
    words, said = told.words, told.words["attack"]
    work = words["sectors"].get(display(row.sector), display(row.sector))
    sector = said["sector"].format(sector=work) if work else ""
    what = words["phrase"].join(filter(None, (incident_words(row, words), sector)))
    date, place = day_words(row.event_date, words), _place(row, words)
    lines = [said["line"].format(date=date, place=place, what=what)]
    if not pd.isna(row.source_count) and row.source_count > 0:
        one = row.source_count == 1
        lines.append(said["one_report" if one else "reports"].format(n=int(row.source_count)))
    if display(row.cleared):
        lines.append(said["cleared"].format(why=_decided(display(row.cleared), words)))
    elif codes_in(row.regions) and not pd.isna(row.until):
        last = day_words(row.until - pd.Timedelta(days=1), words)
        marked = [told.names.get(key, display(key)) for key in codes_in(row.regions)]
        lines.append(said["marked"].format(date=last, places=enumerated(marked, words)))
    return str(words["gap"].join(lines))


def _decided(text: str, words: Mapping[str, Any]) -> str:
    """Return why, by whom and until when an attack was cleared, in a language."""
    return _UNTIL.sub(
        lambda found: words["decision"].format(author=found[1], day=day_words(found[2], words)),
        text,
    )


def _where(row: Any, told: Edition) -> str:
    """Return the region of an attack, or the area that it is known to."""
    if not pd.isna(row.region_id):
        return str(told.names.get(row.region_id, display(row.region_id)))
    return told.named(country_names(display(row.area), told.words))
