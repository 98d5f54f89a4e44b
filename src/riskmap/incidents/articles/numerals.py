"""How many people a quote counts, by numbers that add up, in nine languages.

Numbers are those of every other reader (``amount`` in ``data/incident_words.csv``), in digits, in
words and in Chinese signs; "their driver" is one person more, "two of them" is nobody more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from riskmap.countries import find_nationality
from riskmap.incidents.articles.quotes import is_arabic, is_cjk, lists, pattern, plain
from riskmap.incidents.victim_phrases import words as victim_words
from riskmap.incidents.words import any_of, read_words

if TYPE_CHECKING:
    from collections.abc import Sequence

_FEW = 12
_GAP = 45
_CLOSE = 8
_YEARS = range(1900, 2101)
_TENS = range(20, 100, 10)
_DIGITS = range(1, 10)
#: Numbers that others multiply: "two dozen", "three hundred".
_FACTORS = (12, 100)
#: Before an article: those behind it employ, and were not hit: "four employees of a Greek firm".
_EMPLOYED = re.compile(
    r"(?<!\bdeath)(?<!\bbodie)(?<!\bkilling)(?:s|staff|crew) (?:of|at|from|for) $"
)


@dataclass(frozen=True)
class Number:
    """A count of people in a folded text: its span, and what it may be.

    Parameters
    ----------
    start, end
        Span in the folded text.
    values
        The numbers that it may stand for, the likeliest first.
    part
        Whether it counts some of the people counted before.
    more
        Whether it counts people beside those counted before.
    """

    start: int
    end: int
    values: tuple[int, ...]
    part: bool = False
    more: bool = False


@cache
def _amounts() -> dict[str, tuple[int, bool]]:
    """Return what each word for a number stands for, and whether it is exact."""
    found: dict[str, tuple[int, bool]] = {}
    for word, value in read_words("amount").items():
        low = int(value.removesuffix("+"))
        if low and word.casefold() not in (
            "yes",
            "y",
            "si",
            "oui",
            "ja",
            "sim",
            "да",
            "نعم",
            "بلی",
        ):
            found[plain(word)] = low, not value.endswith("+")
    return found | {"several": (3, False), "a few": (3, False)}


_HAN = {sign: value for value, sign in enumerate("零一二三四五六七八九")} | {
    "两": 2,
    "俩": 2,
    "\u3007": 0,
}


@cache
def _numbers() -> re.Pattern[str]:
    latin = any_of([word for word in _amounts() if not is_cjk(word)])
    han = "[零\u3007一二两俩三四五六七八九十百千]+|双|多|数"
    return re.compile(
        r"(?P<digits>(?<![\w.,:/-])\d{1,3}(?:[ ,.]\d{3})+(?!\d)"
        r"|(?<![\d.,:/])(?<![a-z]-)\d+(?![\d:/]|[.,]\d))"
        rf"|(?<!\w)[\u0648]?(?P<word>{latin})(?!\w)|(?P<han>(?:{han})(?=余?多?\s*[名位个人口]))"
    )


def _han_value(signs: str) -> int:
    total, digit = 0, 0
    for sign in signs:
        factor = {"十": 10, "百": 100, "千": 1000, "双": 0}.get(sign)
        if factor:
            total += (digit or 1) * factor
            digit = 0
        else:
            digit = _HAN.get(sign, 2)
    return total + digit


@cache
def _units() -> re.Pattern[str]:
    ends = []
    for word in sorted(map(plain, lists()["units"]["words"]), key=lambda w: (-len(w), w)):
        stem = re.escape(word.removesuffix("="))
        latin = re.search("[a-z]", word) is not None
        ends.append(
            stem + ("s?" if latin else "") + (r"(?!\w)" if latin or word[-1] == "=" else "")
        )
    return re.compile(rf"\s*-?\s*(?:{'|'.join(ends)})")


@cache
def _singles() -> re.Pattern[str]:
    """Return the pattern of one person named beside others: "their driver", "son épouse"."""
    whose = [plain(word) for word in lists()["joins"]["whose"] if not is_cjk(word)]
    people = [plain(word) for word in lists()["people"]["one"] if not is_cjk(word)]
    roles = [plain(word) for word in victim_words()["role"] if not word.endswith("s")]
    han = any_of([word for word in lists()["people"]["one"] if is_cjk(word)])
    arabic = any_of([word for word in people if is_arabic(word)])
    russian = any_of([word for word in people if re.search("[\u0430-\u044f]", word)])
    return re.compile(
        rf"(?<!\w)(?:{any_of(whose)}) (?:[\w'-]+ ){{0,3}}?(?:{any_of({*people, *roles})})(?!\w)"
        rf"|(?<=[及和与、])(?:其|他们的|她的|他的)?\w{{0,4}}?(?:{han})"
        rf"|(?:^|(?<=, )|(?<= и ))(?:{russian})(?!\w)"
        rf"|(?<!\w)(?:و ?|با |او )(?:{arabic})\w{{0,3}}(?!\w)"
    )


@cache
def _duals() -> re.Pattern[str]:
    stems = any_of([plain(word) for word in lists()["people"]["many"]])
    ends = any_of([plain(word) for word in lists()["people"]["dual"]])
    return re.compile(rf"(?<!\w)[\u0648\u0628\u0644]?(?:\u0627\u0644)?(?:{stems})(?:{ends})(?!\w)")


def find_numbers(text: str) -> list[Number]:
    """Return the counts of people in a text, in order.

    Examples
    --------
    >>> [n.values[0] for n in find_numbers("five Turkish nationals and their driver, 40 km away")]
    [5, 1]
    >>> [n.values[0] for n in find_numbers("\u4e09\u540d\u4e2d\u56fd\u516c\u6c11")]
    [3]
    """
    low = plain(text)
    found = [n for match in _numbers().finditer(low) if (n := _number(low, match))]
    found = _compose(low, found)
    taken = [(n.start, n.end) for n in found]
    for match in _duals().finditer(low):
        if not any(0 <= match.start() - end <= _FEW for _, end in taken):
            found.append(Number(*match.span(), (2,)))
    for match in _singles().finditer(low):
        inside = any(match.start() <= a and b <= match.end() for a, b in taken)
        if not inside and not any(0 <= match.start() - b <= 1 for _, b in taken):
            found.append(Number(*match.span(), (1,)))
    found.sort(key=lambda number: number.start)
    return [_placed(low, number, found[:i]) for i, number in enumerate(found)]


def _number(low: str, match: re.Match[str]) -> Number | None:
    """Return a count with the bound before it; None for what counts no people."""
    start, end = match.span()
    if _units().match(low, end) and not (match["han"] and low[end : end + 1] in "名位个人口"):
        return None
    if match["digits"]:
        value = int(re.sub(r"\D", "", match["digits"]))
        if value in _YEARS and len(match["digits"]) == 4:  # noqa: PLR2004 - digits of a year
            return None
        exact = True
    elif match["han"]:
        value, exact = _han_value(match["han"]), match["han"] not in ("多", "数")
    else:
        start = match.start("word")
        value, exact = _amounts()[match["word"]]
        before = low[max(0, start - 9) : start]
        if value == 1 and match["word"] in ("a", "an", "un", "una", "une", "um", "uma"):
            if not _one_person(low, end) or _EMPLOYED.search(low[:start]):
                return None
        elif before.endswith("-") and before[:-1].split()[-1] not in _amounts():
            return None
    bound = low[max(0, start - 24) : start]
    more = bool(re.search(rf"(?:{_bounds('more')})\s*$", bound))
    more = more or bool(match["han"] and low[end : end + 1] in ("余", "多"))
    values = (value + 1, value) if more else (value, value + 1) if not exact else (value,)
    return Number(start, end, values)


@cache
def _bounds(kind: str) -> str:
    return any_of([plain(word) for word in read_words(kind)])


@cache
def _persons() -> re.Pattern[str]:
    roles = {plain(w) for kind in ("role", "person") for w in victim_words()[kind]}
    roles |= {plain(word) for word in lists()["people"]["one"]}
    nouns = any_of([w for w in roles if not is_cjk(w)])
    nations = "|".join(re.escape(plain(w)) for w in sorted(victim_words()["foreign"]))
    return re.compile(rf"(?:\s[\w'.-]+){{0,3}}?\s(?:{nouns}|{nations})(?:[^\W\d_]{{0,3}})(?!\w)")


def _one_person(low: str, end: int) -> bool:
    """Return whether an article stands before a person, or before a nationality alone."""
    found = _persons().match(low, end)
    if found:
        return not any(word in _amounts() for word in found[0].split())
    word = re.match(r"\s([\w-]+)", low[end:])
    return bool(word and len(word[1]) > 3 and find_nationality(word[1]))  # noqa: PLR2004 - no "us"


def _compose(low: str, found: list[Number]) -> list[Number]:
    """Join the parts of one number: "twenty-five", "vingt et un", "two hundred", "25 (twenty)"."""
    joined: list[Number] = []
    for number in found:
        whole = _compound(low, joined[-1], number) if joined else None
        if whole is None:
            joined.append(number)
        else:
            joined[-1] = Number(joined[-1].start, number.end, (whole,))
    return joined


def _compound(low: str, one: Number, two: Number) -> int | None:
    """Return the number that two numbers side by side are, or None."""
    between = low[one.end : two.start]
    a, b = one.values[0], two.values[0]
    if between.strip() in ("(", "-") and a == b:
        return a
    if not re.fullmatch(r"[ -]|-?(?: ?(?:et|y|e|and|\u0648|\u0627\u0648) ?)-?|", between):
        return None
    units_first = is_arabic(low[one.start : one.end]) and "\u0648" in low[one.end : two.end]
    if (a in _TENS and b in _DIGITS) or (units_first and a in _DIGITS and b in _TENS):
        return a + b
    if b in _FACTORS and 1 <= a < min(_FACTORS):
        return a * b
    return a + b if a >= max(_FACTORS) and a % max(_FACTORS) == 0 and b < max(_FACTORS) else None


def _placed(low: str, number: Number, before: Sequence[Number]) -> Number:
    """Return a number with what stands around it: part of others, or beside them."""
    since = before[-1].end if before else 0
    left = low[since : number.start]
    right = low[number.end : number.end + _FEW]
    shares = any_of([plain(word) for word in lists()["joins"]["shares"]])
    parts = any_of([plain(word) for word in lists()["joins"]["parts"]])
    part = (
        re.search(parts if is_cjk(left) else rf"(?<!\w)(?:{parts})[^.;]*$", left) is not None
        or re.match(rf"\s*(?:تن |نفر |)(?:از )?(?:{shares})(?!\w)", right) is not None
        or bool(before and before[-1].part and re.fullmatch(r"[^.;]{0,40}", left))
    )
    more = pattern("joins", "more").search(low[max(0, number.start - _FEW) : number.end + _FEW])
    return Number(number.start, number.end, number.values, part, bool(more))


class Group(NamedTuple):
    """People who are counted together: what their numbers may add up to, and what befell them."""

    sums: frozenset[int]
    kind: str | None
    more: bool


def find_groups(text: str) -> list[Group]:
    """Return the people of a text who are counted together, with the harm that stands nearest.

    Examples
    --------
    >>> found = find_groups("three killed and five wounded")
    >>> [(sorted(group.sums), group.kind) for group in found]
    [([3], 'killed'), ([5], 'wounded')]
    >>> sorted(find_groups("seven workers: four Greeks and three Turks, were taken")[0].sums)
    [7]
    """
    low = plain(text)
    numbers = find_numbers(text)
    harms = [
        (match.start(), match.end(), kind)
        for kind in ("killed", "wounded", "abducted", "arrested", "released")
        for match in pattern("harm", kind).finditer(low)
    ]
    runs: list[list[Number]] = []
    for number in numbers:
        if runs and (number.part or _together(low, runs[-1][-1], number, harms)):
            runs[-1].append(number)
        elif not number.part or not runs:
            runs.append([number])
    first = min((start for start, _, _ in harms), default=0)
    verb_first = bool(runs) and first < runs[0][0].start
    return [
        Group(_sums(low, run), _nearest(run, harms, verb_first=verb_first), run[0].more)
        for run in runs
    ]


def _together(low: str, one: Number, two: Number, harms: Sequence[tuple[int, int, str]]) -> bool:
    """Return whether a list joins two numbers: no harm, no end of a sentence, no long way."""
    between = low[one.end : two.start]
    told = any(one.end <= start < two.start for start, _, _ in harms)
    if told or len(between) > _GAP or re.search(r"[.;!?](?:\s|$)", between):
        return False
    joints = any_of([plain(word) for word in lists()["joins"]["words"] if not is_cjk(word)])
    return bool(
        re.search(
            rf"[、,:(\uff1a-]|[和及与跟]|(?<!\w)(?:{joints})(?!\w)|(?<!\w)و",
            between + low[two.start : two.start + 1],
        )
    )


def _sums(low: str, run: Sequence[Number]) -> frozenset[int]:
    """Return what the numbers of a list add up to; a list that says who the first are adds none."""
    whole = [number for number in run if not number.part]
    if not whole:
        whole = list(run)
    first, rest = whole[0], whole[1:]
    inner = sum(number.values[0] for number in rest)
    if (
        rest
        and first.values[0] == inner
        and (len(rest) > 1 or re.search(r"[:(-]", low[first.end : rest[0].start]))
    ):
        return frozenset(first.values)
    found = {0}
    for number in whole:
        found = {total + value for total in found for value in number.values}
    return frozenset(found)


def _nearest(
    run: Sequence[Number], harms: Sequence[tuple[int, int, str]], *, verb_first: bool
) -> str | None:
    """Return the harm that befell people: as the quote begins, behind its verbs or before them."""
    start, end = run[0].start, run[-1].end
    before = max((h for h in harms if h[1] <= start), key=lambda h: h[1], default=None)
    after = min((h for h in harms if h[0] >= end), key=lambda h: h[0], default=None)
    if before and after and after[0] - end <= min(_CLOSE, start - before[1]):
        return after[2]
    chosen = (before or after) if verb_first else (after or before)
    return chosen[2] if chosen else None


def says_count(quotes: Sequence[str], count: int, kind: str | None = None) -> bool:
    """Return whether quotes say a count of people of a kind, by numbers that add up.

    Parameters
    ----------
    quotes
        Words of the text.
    count
        The count.
    kind
        ``"killed"``, ``"wounded"``, ``"abducted"``, ``"arrested"``, ``"released"``; None for any.

    Examples
    --------
    >>> says_count(["five Turkish nationals and their driver"], 6)
    True
    >>> says_count(["five Turkish nationals and their driver"], 5)
    False
    >>> says_count(["an engineer, his wife and a driver"], 3)
    True
    """
    found = [
        [g for g in find_groups(quote) if kind in (None, g.kind) or not g.kind] for quote in quotes
    ]
    every = [group for groups in found for group in groups]
    if not every:
        return (
            count <= 1
            and not any(find_groups(quote) for quote in quotes)
            and not _is_plural(quotes)
        )
    if any(count in group.sums for group in every):
        return True
    for size in range(2, min(len(every), 4) + 1):
        for chosen in combinations(every, size):
            twice = any(a.sums & b.sums for a, b in combinations(chosen, 2))
            if twice and not any(group.more for group in chosen[1:]):
                continue
            totals = {0}
            for group in chosen:
                totals = {total + value for total in totals for value in group.sums}
            if count in totals:
                return True
    return False


def _is_plural(quotes: Sequence[str]) -> bool:
    """Return whether English quotes name several people and no number."""
    many = re.compile(rf"\b(?:{any_of(victim_words()['role'])})s\b", re.IGNORECASE)
    return any(many.search(quote) for quote in quotes)
