"""The Atom feed of levels: an entry for each region that stands high, was attacked, or has moved.

An entry that still stands is told as it was, so that a reader sees each rise once; a rise after a
fall, another attack, and what an issue of the same day corrects, are entries of their own.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pandas as pd

from riskmap.outputs.alerts import CAP_LEVELS
from riskmap.outputs.catalogues import PLAIN, file_name, render_xml
from riskmap.outputs.editions import level_meaning
from riskmap.outputs.front_pages import unmarked_attacks
from riskmap.outputs.movements import flag_table, has_moved
from riskmap.outputs.senders import find_sent, group_words, stream_of
from riskmap.outputs.wordings import (
    NONE,
    codes_in,
    day_words,
    display,
    incident_words,
    is_told,
    level_told,
    level_words,
    percent,
    region_names,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from riskmap.outputs.bundles import Bundle
    from riskmap.outputs.editions import Edition
    from riskmap.outputs.senders import Sender

ATOM = "http://www.w3.org/2005/Atom"
_MAY_BE_HIGHER = "may be higher"
_AREA = "area: "


@dataclass(frozen=True)
class Entry:
    """An entry of a feed.

    Parameters
    ----------
    id, updated, title, summary, content, link
        What Atom wants of it.
    terms
        The region, its level, the attacks that are marked there as codes, and whether the level may
        be higher.
    """

    id: str
    updated: str
    title: str
    summary: str
    content: str
    link: str
    terms: tuple[str, ...]

    def says_as_much(self, other: Entry) -> bool:
        """Return whether all that another entry tells is told here: level, attacks, doubt."""
        region, level, *attacks = other.terms
        return self.terms[:2] == (region, level) and set(attacks) <= set(self.terms)

    def says_the_same(self, other: Entry) -> bool:
        """Return whether another entry has the same words."""
        return (self.title, self.content) == (other.title, other.content)


def atom_feed(bundle: Bundle, *, language: str = PLAIN) -> bytes | None:
    """Return the regions at level 3 and above, attacked, or of another level than before, as Atom.

    Before them stand attacks for which no region is marked.

    Parameters
    ----------
    bundle
        The layer, its sender, and the folder of what was sent before.
    language
        Of the feed.

    Returns
    -------
    bytes or None
        A feed whose id is of the sender, what it is about, and for whom; none without a sender.
    """
    layer, sender, told = bundle.layer, bundle.sender, bundle.edition(language)
    if sender is None:
        return None
    spoken = () if language == PLAIN else (language,)
    stem, words = _urn(stream_of(layer, sender), *spoken), told.words
    name, before = file_name("alerts.atom", language), _entries_before(bundle, stem, language)
    rows = _told(told.table).sort_values(
        ["risk_level", "p_any", "region_id"], ascending=[False, False, True]
    )
    who = group_words(layer, words)
    return render_xml(
        "alerts.atom",
        title=words["alert"]["feed"].format(title=words["page"]["title"], who=who),
        identifier=stem,
        updated=str(layer.provenance["issued_at"]),
        sender=sender,
        rights=words["handling_values"][layer.provenance.get("profile", "private")],
        language=language,
        self_link=f"{sender.link}{name}" if sender.link else "",
        page=_page_of(sender, language),
        entries=[
            _follow(entry, before.get(entry.terms[0]), stem)
            for entry in (
                *_unplaced(told, _page_of(sender, language)),
                *_entries(told, rows, _page_of(sender, language)),
            )
        ],
    )


def _page_of(sender: Sender, language: str) -> str:
    """Return where the map page is read."""
    return sender.link + file_name("map.html", language)


def _urn(*parts: str) -> str:
    return uuid.uuid5(uuid.NAMESPACE_URL, "\n".join(parts)).urn


def _follow(entry: Entry, before: Entry | None, stem: str) -> Entry:
    """Return the entry of before where it still stands, else this one under an id of its own."""
    if before is not None:
        is_correction = before.updated == entry.updated
        if before.says_the_same(entry) or (not is_correction and before.says_as_much(entry)):
            return before
    older = before.id if before else ""
    new = _urn(stem, *entry.terms, entry.updated, entry.title, entry.content, older)
    return Entry(**{**vars(entry), "id": new})


def _entries_before(bundle: Bundle, stem: str, language: str) -> dict[str, Entry]:
    """Return the entries of the feed that was sent last on the same thing, by region."""
    day = f"{bundle.layer.context.as_of:%Y-%m-%d}"
    for data in find_sent(bundle.out, file_name("alerts.atom", language), day):
        root = ET.fromstring(data)  # noqa: S314 - our own
        if root.findtext(f"{{{ATOM}}}id") == stem:
            found = map(_read_entry, root.iter(f"{{{ATOM}}}entry"))
            return {entry.terms[0]: entry for entry in found}
    return {}


def _read_entry(node: ET.Element) -> Entry:
    told = {
        tag: node.findtext(f"{{{ATOM}}}{tag}") or ""
        for tag in ("id", "updated", "title", "summary", "content")
    }
    link = node.find(f"{{{ATOM}}}link")
    terms = (one.get("term", "") for one in node.iter(f"{{{ATOM}}}category"))
    return Entry(**told, link="" if link is None else link.get("href", ""), terms=tuple(terms))


def _told(table: pd.DataFrame) -> pd.DataFrame:
    """Return the regions that stand high, were attacked, or whose level is not what it was."""
    table = table.assign(risk_level=lambda rows: rows["risk_level"].fillna(0))
    told = table["risk_level"].isin(list(CAP_LEVELS)) | has_moved(table) | table["attacked"]
    return table[told]


def _entries(told: Edition, rows: pd.DataFrame, page: str) -> Iterable[Entry]:
    """Yield what the feed says of some regions; ids wait."""
    attacks, words = _attacks_by_region(told.layer.attacks), told.words
    flags, names = flag_table(rows), region_names(rows, words)
    for marks, row, place in zip(
        flags.to_numpy(), rows.itertuples(index=False), names, strict=True
    ):
        doubts = [words["flags"][name] for name in flags.columns[marks] if name != "lifted"]
        mine = attacks.get(row.region_id, [])
        yield _entry(told, row, (place, page), mine, doubts)


def _unplaced(told: Edition, page: str) -> Iterable[Entry]:
    """Yield an entry for each area to which attacks are known, and no region is marked for them."""
    said, who = told.words["alert"], group_words(told.layer, told.words)
    for area, what in unmarked_attacks(told).items():
        kind = "undated" if what.region_id else "unplaced"
        yield Entry(
            id="",
            updated=str(told.layer.provenance["issued_at"]),
            title=said[kind].format(area=area, who=who),
            summary=said[f"{kind}_advice"],
            content=what.line,
            link=f"{page}#l={told.layer.headline}",
            terms=(f"{_AREA}{area}", said[f"{kind}_event"], _urn(what.line)),
        )


def _attacks_by_region(attacks: pd.DataFrame) -> dict[str, list[Any]]:
    """Return the attacks that are marked in each region, newest first."""
    found: dict[str, list[Any]] = {}
    for row in attacks[attacks["event_date"].notna()].itertuples(index=False):
        for region in dict.fromkeys([*codes_in(row.regions), *codes_in(row.region_id)]):
            found.setdefault(region, []).append(row)
    return found


def _entry(
    edition: Edition, row: Any, about: tuple[str, str], attacks: list[Any], doubts: list[str]
) -> Entry:
    """Return what the feed says of a region, by its name and the page that tells more."""
    layer, words, (place, page) = edition.layer, edition.words, about
    who = group_words(layer, words)
    said, region = words["alert"], display(row.region_id)
    level = level_told(row, words)
    if not pd.isna(row.level_before) and row.level_before != row.risk_level:
        level = said["moved"].format(before=level_words(row.level_before, words), level=level)
    summary = said["chance"].format(
        p=NONE if pd.isna(row.p_any) else percent(row.p_any, words),
        days=f"{layer.context.horizon_days:g}",
        about=words["layers"][layer.headline],
        data=words["sufficiencies"].get(display(row.data_sufficiency), NONE),
    )
    told = [
        words["attack"]["line"].format(
            date=day_words(one.event_date, words),
            place=display(one.place) or place,
            what=incident_words(one, words),
        )
        for one in attacks
    ]
    meaning = level_meaning(layer.scale, int(row.risk_level), layer.headline, words)
    codes = [_urn(f"{one.event_date:%Y-%m-%d}", incident_words(one, words)) for one in attacks]
    codes += [_MAY_BE_HIGHER] if is_told(row.at_least) else []
    return Entry(
        id="",
        updated=str(layer.provenance["issued_at"]),
        title=said["entry"].format(place=place, level=level, who=who),
        summary=summary,
        content=words["gap"].join([*told, summary, meaning, *doubts]),
        link=f"{page}#l={layer.headline}&r={quote(region)}",
        terms=(region, level_words(row.risk_level, words), *dict.fromkeys(codes)),
    )
