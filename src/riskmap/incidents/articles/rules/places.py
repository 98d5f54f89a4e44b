"""Where an event happened: one chain of places chosen among all those that its sentences name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from riskmap.incidents.articles.matchers import Entry, PlaceMatcher, fold
from riskmap.incidents.articles.rules.mentions import Mention, chains
from riskmap.incidents.articles.rules.statuses import live

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riskmap.incidents.articles.rules.events import Event
    from riskmap.incidents.articles.rules.facts import Facts

_FINENESS = {"place": 3, "admin2": 2, "admin1": 1, "country": 0}
#: Roles from which a place may be read, and how much each counts.
_WORTH = {
    "scene": 100, "listed": 30, "reference": 40, "seat": 20, "mention": 10, "origin": 4,
    "destination": 4, "dateline": 2,
}  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """The place of an event: the mention that each level rests on, and the names they stand for."""

    mentions: dict[str, Mention]
    admin1: str | None = None
    admin2: str | None = None
    region_id: str | None = None
    country: str | None = None
    place: str | None = None
    precision: str = "unknown"


def find_scene(
    text: str, event: Event, everything: Sequence[Facts], matcher: PlaceMatcher
) -> Scene:
    """Return the place of an event.

    Parameters
    ----------
    text
        The whole text.
    event
        The event.
    everything
        The facts of all sentences, for a province named only in the head.
    matcher
        The names of regions.
    """
    ranked = _ranked(text, event, everything)
    if not ranked:
        return Scene({}, country=matcher.iso3, precision="country" if matcher.iso3 else "unknown")
    best = ranked[0][1]
    chosen = {m.level: m for m in best}
    for score, chain in ranked[1:]:
        if score < _WORTH["seat"] and "admin1" in chosen:
            break
        _extend(chosen, chain)
    return _scene(chosen, everything, matcher)


def _ranked(
    text: str, event: Event, everything: Sequence[Facts]
) -> list[tuple[float, list[Mention]]]:
    """Return the chains of places of an event, the likeliest scene first."""
    found: list[tuple[float, int, list[Mention]]] = []
    told = event.told()
    for fact in everything:
        mine = any(fact is f for f in told)
        if not mine and not fact.sentence.title:
            continue
        core = any(fact is f for f in event.facts)
        for chain in chains(text, fact.places):
            worth = float(_WORTH.get(chain[0].role, 0))
            if not worth or (event.status == "recounted" and not core):
                continue
            if event.status == "recounted" and chain[0].role == "mention":
                worth = 60.0
            finest = max(_FINENESS[m.level] for m in chain)
            worth += (25 if core and (fact.harm or live(fact) or fact.tolls) else 0) + 4 * finest
            worth += 6 * any(m.level in ("admin1", "admin2") for m in chain)
            worth -= 40 if fact.sentence.title and chain[0].role != "dateline" else 0
            worth -= 60 if chain[0].level == "country" else 0
            if chain[0].level == "country" and chain[0].role in ("seat", "origin"):
                continue
            found.append((worth, chain[0].start, chain))
    found.sort(key=lambda item: (-item[0], item[1]))
    return [(worth, chain) for worth, _, chain in found]


def _extend(chosen: dict[str, Mention], chain: Sequence[Mention]) -> None:
    """Add the levels that a chain knows and that agree with what is chosen."""
    for mention in chain:
        if mention.level in chosen:
            if fold(mention.name) != fold(chosen[mention.level].name):
                return
            continue
        if mention.role not in ("scene", "seat", "listed", "reference", "mention"):
            continue
        if mention.level == "admin2":
            province = _province(chosen)
            parents = {e.parent for e in mention.entries}
            if mention.role != "scene" or (province and parents and province not in parents):
                continue
        if mention.level == "admin1" and "admin2" in chosen:
            parents = {e.parent for e in chosen["admin2"].entries}
            if parents and mention.name not in parents:
                continue
        if mention.level == "place" and (mention.role != "scene" or _is_region(mention, chosen)):
            continue
        chosen[mention.level] = mention


def _is_region(mention: Mention, chosen: dict[str, Mention]) -> bool:
    """Return whether a bare name is that of the province or district: "in Herat" beside it."""
    names = {fold(chosen[level].phrase) for level in ("admin1", "admin2") if level in chosen}
    return not mention.typed and fold(mention.phrase) in names


def _province(chosen: dict[str, Mention]) -> str | None:
    if "admin1" in chosen:
        return chosen["admin1"].name
    entry = chosen["admin2"].entry if "admin2" in chosen else None
    return entry.parent if entry else None


def _district(chosen: dict[str, Mention], everything: Sequence[Facts]) -> Entry | None:
    """Return the region of the district; a province named decides between several of one name."""
    mention = chosen.get("admin2")
    if mention is None or not mention.entries:
        return None
    if mention.entry:
        return mention.entry
    provinces = [chosen["admin1"].name] if "admin1" in chosen else [
        m.name for f in everything for m in f.places if m.level == "admin1"
    ]  # fmt: skip
    for province in provinces:
        hits = [e for e in mention.entries if e.parent and fold(e.parent) == fold(province)]
        if len(hits) == 1:
            return hits[0]
    return None


def _scene(chosen: dict[str, Mention], everything: Sequence[Facts], matcher: PlaceMatcher) -> Scene:
    district = _district(chosen, everything)
    province = chosen.get("admin1")
    admin1 = district.parent if district else (province.name if province else None)
    if admin1 is None and "admin2" in chosen:
        parents = {e.parent for e in chosen["admin2"].entries}
        admin1 = next(iter(parents)) if len(parents) == 1 else None
    entry = province.entry if province else None
    region = district or (entry if entry and entry.region_id and "admin2" not in chosen else None)
    abroad = chosen["country"].entry if "country" in chosen else None
    iso3 = (region.iso3 if region else None) or (entry.iso3 if entry else None)
    iso3 = iso3 or (abroad.iso3 if abroad else None) or matcher.iso3
    precision = (
        "admin2" if "admin2" in chosen else "admin1" if admin1 else "country" if iso3 else "unknown"
    )
    return Scene(
        mentions=chosen,
        admin1=admin1,
        admin2=district.name
        if district
        else (chosen["admin2"].phrase if "admin2" in chosen else None),
        region_id=region.region_id if region else None,
        country=iso3,
        place=chosen["place"].phrase if "place" in chosen else None,
        precision=precision,
    )
