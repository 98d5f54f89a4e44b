"""Stories: rows of many texts that tell of one incident, and two readings of one text.

Rows join one story when country, days, place, victims and group agree well enough and nothing
contradicts. A row that is a follow-up, has no day or no place joins and never adds; where the parts
of a story disagree, the range is kept and told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from riskmap.incidents.articles.matchers import fold

Row = Mapping[str, Any]

TOLLS = ("killed", "wounded", "abducted")
#: How far apart the days of two reports of one incident may lie.
_SLACK = timedelta(days=2)
_FRESH = timedelta(days=1)
#: Agreement from which on two rows are one story, when nothing contradicts.
_ENOUGH = 4
_TOLD_TWICE = 3
#: A toll of this many or more is telling when it is equal.
_TELLING = 3
_FACTOR = 2
_TEXT_STATUSES = ("follow_up", "recounted")
#: What two readings of one text must have in common to agree.
CORE = ("event_status", "event_date", "admin1", "admin2", "place", "country", *TOLLS)


@dataclass(frozen=True)
class Story:
    """Rows of one incident: the one that counts, and those that join it.

    Parameters
    ----------
    lead
        The row that counts, with the range of what all say.
    rows
        Numbers of its rows, that of the lead first.
    notes
        Where they disagree, in words.
    """

    lead: Row
    rows: tuple[int, ...]
    notes: tuple[str, ...] = ()


def find_stories(rows: Sequence[Row]) -> list[Story]:
    """Return the stories of some rows, in the order of their leads.

    Parameters
    ----------
    rows
        Extracted incidents, of any number of texts; ``text_id`` tells those of one text apart.

    Examples
    --------
    >>> one = {"event_status": "reported", "event_date": date(2031, 5, 12), "admin2": "Ndolo",
    ...        "country": "XQD", "killed": 7, "nationality": "TUR", "text_id": "a"}
    >>> two = {**one, "event_date": date(2031, 5, 13), "killed": 9, "text_id": "b"}
    >>> (story,) = find_stories([one, two])
    >>> story.lead["killed"], story.lead["killed_max"], story.notes
    (7, 9, ('killed: 7 to 9', 'event_date: 2031-05-12 to 2031-05-13'))
    """
    order = sorted(range(len(rows)), key=lambda i: (_vagueness(rows[i]), i))
    found: list[list[int]] = []
    for i in order:
        scored = [
            (sum(agreement(rows[i], rows[j]) or 0 for j in members) / len(members), n)
            for n, members in enumerate(found)
            if all(agreement(rows[i], rows[j]) is not None for j in members)
            and any(is_same(rows[i], rows[j]) for j in members)
        ]
        if scored:
            found[max(scored, key=lambda one: (one[0], -one[1]))[1]].append(i)
        else:
            found.append([i])
    stories = [_tell(rows, members) for members in found]
    return sorted(stories, key=lambda story: story.rows[0])


def adds(row: Row) -> bool:
    """Return whether a row may stand for an incident of its own: news with a day and a place.

    Examples
    --------
    >>> adds({"event_status": "follow_up", "event_date": date(2031, 5, 12), "country": "XQD"})
    False
    """
    return bool(
        row.get("event_status") == "reported"
        and row.get("event_date")
        and any(row.get(name) for name in ("country", "admin1", "admin2", "place"))
    )


def _vagueness(row: Row) -> int:
    """Return how little a row says: those that say most open stories, the others join them."""
    placed = 2 * bool(row.get("admin2")) + bool(row.get("admin1")) + bool(row.get("place"))
    days = _days(row)
    exact = bool(days) and days[0] == days[1] if days else False
    return 10 * (not adds(row)) + 4 * (not exact) - placed


def is_same(one: Row, two: Row) -> bool:
    """Return whether two rows tell of one incident.

    Examples
    --------
    >>> one = {"event_status": "reported", "event_date": date(2031, 5, 12), "admin2": "Ndolo",
    ...        "killed": 7, "nationality": "TUR", "text_id": "a"}
    >>> is_same(one, {**one, "text_id": "b"}), is_same(one, {**one, "admin2": "San"})
    (True, False)
    """
    score = agreement(one, two)
    return score is not None and score >= _ENOUGH


def agreement(one: Row, two: Row) -> int | None:
    """Return how much speaks for one incident; None where something speaks against it.

    Examples
    --------
    >>> agreement({"country": "XQD"}, {"country": "XQA"}) is None
    True
    """
    if _same_text(one, two) and adds(one) and adds(two):
        return None
    parts = [_place(one, two), _time(one, two), _tolls(one, two), _victims(one, two)]
    if any(part is None for part in parts):
        return None
    return sum(part or 0 for part in parts) + _who(one, two)


def _same_text(one: Row, two: Row) -> bool:
    return one.get("text_id") is not None and one.get("text_id") == two.get("text_id")


def _place(one: Row, two: Row) -> int | None:
    if _differ(one, two, "country"):
        return None
    if _differ(one, two, "admin1") or _differ(one, two, "admin2"):
        return None
    if _equal(one, two, "admin2"):
        return 2 + _equal(one, two, "place") - 2 * _differ(one, two, "place")
    if _equal(one, two, "place"):
        return 2
    if _differ(one, two, "place") and not (one.get("admin2") or two.get("admin2")):
        return None
    return int(_equal(one, two, "admin1"))


def _time(one: Row, two: Row) -> int | None:
    first, second = _days(one), _days(two)
    if first is None or second is None:
        return 0
    if first[0] > second[1] + _SLACK or second[0] > first[1] + _SLACK:
        return None
    exact = first[0] == first[1] and second[0] == second[1]
    return (2 if first == second else 1) if exact else int(first[0] <= second[1] + _FRESH)


def _days(row: Row) -> tuple[date, date] | None:
    first = row.get("event_date")
    return (first, row.get("event_date_end") or first) if first else None


def bounds(row: Row, kind: str) -> tuple[int, int | None] | None:
    """Return the least and the most of a toll; None where nothing is said.

    Examples
    --------
    >>> bounds({"killed": 3}, "killed"), bounds({"killed": 31, "killed_max": None}, "killed")
    ((3, 3), (31, None))
    """
    low = row.get(kind)
    if low is None:
        return None
    high = row.get(f"{kind}_max", low)
    return int(low), None if high is None else int(high)


def _tolls(one: Row, two: Row) -> int | None:
    """Return what tolls speak for; tolls too far apart, or of different kinds alone, contradict."""
    said = [{kind for kind in TOLLS if bounds(row, kind)} for row in (one, two)]
    shared = said[0] & said[1]
    if said[0] and said[1] and not shared:
        return None
    score = 0
    for kind in sorted(shared):
        a, b = bounds(one, kind), bounds(two, kind)
        if a is None or b is None:
            continue
        low, high = max(a[0], b[0]), min(_most(a), _most(b))
        if low <= high:
            score += 2 if low >= _TELLING else 1
        elif low > _FACTOR * high + 1:
            return None
    return score


def _most(bound: tuple[int, int | None]) -> int:
    """Return the most that a toll means; an open one, twice its least."""
    return _FACTOR * bound[0] if bound[1] is None else bound[1]


def _victims(one: Row, two: Row) -> int | None:
    first, second = _codes(one), _codes(two)
    if not first or not second:
        return 0
    return None if first.isdisjoint(second) else 2


def _codes(row: Row) -> set[str]:
    return {code for code in str(row.get("nationality") or "").split(";") if code}


def _who(one: Row, two: Row) -> int:
    """Return what groups, kinds and sectors speak for."""
    groups = [
        {fold(str(row[name])) for name in ("claimed_by", "attributed_to") if row.get(name)}
        for row in (one, two)
    ]
    same = bool(groups[0] & groups[1]) - bool(groups[0] and groups[1] and not groups[0] & groups[1])
    return same + _equal(one, two, "event_type") * (one.get("event_type") != "unknown")


def _equal(one: Row, two: Row, name: str) -> bool:
    return bool(one.get(name)) and bool(two.get(name)) and not _differ(one, two, name)


def _differ(one: Row, two: Row, name: str) -> bool:
    a, b = one.get(name), two.get(name)
    return bool(a) and bool(b) and fold(str(a)) != fold(str(b))


def _tell(rows: Sequence[Row], members: Sequence[int]) -> Story:
    """Return a story: its first row, completed from the others, with the range of the tolls."""
    lead = dict(rows[members[0]])
    notes = []
    for kind in TOLLS:
        said = [b for i in members if (b := bounds(rows[i], kind))]
        if not said:
            continue
        low = min(a for a, _ in said)
        high = None if any(b is None for _, b in said) else max(b for _, b in said if b is not None)
        if len(set(said)) > 1:
            notes.append(f"{kind}: {low} to {'more' if high is None else high}")
        lead[kind] = low
        if high != low:
            lead[f"{kind}_max"] = high
    days = [d for i in members if adds(rows[i]) and (d := _days(rows[i]))]
    if days and len(set(days)) > 1:
        first, last = min(a for a, _ in days), max(b for _, b in days)
        notes.append(f"event_date: {first} to {last}")
        lead.update(event_date=first, event_date_end=last, date_precision="week")
    codes = sorted({code for i in members for code in _codes(rows[i])})
    if codes:
        lead["nationality"] = ";".join(codes)
    for i in members[1:]:
        for name, value in rows[i].items():
            if lead.get(name) is None and value is not None and name in _COMPLETED:
                lead[name] = value
    return Story(lead, tuple(members), tuple(notes))


_COMPLETED = (
    "admin1", "admin2", "place", "country", "region_id", "sector", "claimed_by", "attributed_to",
    "occupation", "weapon", "foreign_victims",
)  # fmt: skip


def find_differences(one: Row, two: Row) -> list[str]:
    """Return the core fields in which two readings of one text differ.

    Examples
    --------
    >>> find_differences({"killed": 7, "place": "Bria"}, {"killed": 7, "place": "Bangui"})
    ['place']
    """
    found = []
    for name in CORE:
        a, b = one.get(name), two.get(name)
        both = a is not None and b is not None
        if (name in TOLLS and a != b) or (both and fold(str(a)) != fold(str(b))):
            found.append(name)
    return found


def pair_readings(one: Sequence[Row], two: Sequence[Row]) -> list[tuple[Row | None, Row | None]]:
    """Return the records of two readings of one text beside each other, those alone with None.

    Two records are of one incident when most of what they say is equal; what one leaves out
    speaks neither for nor against it.

    Examples
    --------
    >>> rules = [{"killed": 7, "place": "Bangui", "event_type": "armed_attack"}]
    >>> other = [{"killed": 7, "place": "Bria", "event_type": "armed_attack"}]
    >>> pair_readings(rules, other) == [(rules[0], other[0])]
    True
    """
    scored = sorted(
        ((-_likeness(a, b), i, j) for i, a in enumerate(one) for j, b in enumerate(two)),
    )
    taken: dict[int, int] = {}
    for score, i, j in scored:
        if score <= -1 and i not in taken and j not in taken.values():
            taken[i] = j
    pairs: list[tuple[Row | None, Row | None]] = [
        (row, two[taken[i]] if i in taken else None) for i, row in enumerate(one)
    ]
    return [*pairs, *((None, row) for j, row in enumerate(two) if j not in taken.values())]


def _likeness(one: Row, two: Row) -> float:
    names = [n for n in (*CORE, "event_type") if one.get(n) is not None and two.get(n) is not None]
    same = [name for name in names if fold(str(one[name])) == fold(str(two[name]))]
    weight = {"event_status": 0.5, "country": 0.25, "admin1": 0.5}
    return sum(weight.get(n, 1.0) for n in same) - 0.5 * (len(names) - len(same))
