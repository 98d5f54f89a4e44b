"""Who was hit and at whom it was aimed, in a sentence: people of a nationality, and foreign ones.

The words are those of ``data/victim_words.csv``, demonyms and names of ``data/countries.csv``.
English is read, and of other languages the usual forms (:mod:`riskmap.incidents.nationalities`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from riskmap.countries import find_nationality
from riskmap.countries import table as country_table
from riskmap.incidents.nationalities import (
    abroad_words,
    chinese_people,
    chinese_property,
    is_abroad,
    people_abroad,
    staff_abroad,
)
from riskmap.incidents.words import any_of, read_word_list

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


_WORD = re.compile(r"\w+")
_SENTENCE = re.compile(
    r"[^.;!?\n]*(?:(?:\.(?=\w)|(?<=\b(?:incl|poss|prob|conf|rptd))\.)[^.;!?\n]*)*"
)
_NONE_BEFORE = re.compile(r"\b(?:no|not|without|none of the|neither)\s*$", re.IGNORECASE)
#: What may follow a person who was hit: no object, which would make that person the one who hits.
_END = (
    r"(?=\s*(?:$|[^\w\s]|(?:by|in|on|at|near|when|while|during|after|and|or|as|along|from|with|outside"
    r"|inside|over|for|among|who|were|was|dead|hostage)\b))"
)
_ENDS = re.compile(rf"(?!/(?!\s*\d)){_END}")
#: What is near a thing or within it is not that thing.
_BESIDE = r"(?!(?:near|at|in|inside|outside|beside|by|from|during|after|along|while|when)\b)"
#: Words without which nobody is said to come from a country.
_ORIGINS = frozenset(("from", "national", "nationals", "citizen", "citizens"))
#: Nations that are named by a short word, which is more often a government than people.
_SHORT = ("US", "UK", "U.S.", "USA", "usa")
_SHORTEST_NAME = 4
#: How logs count: "2 x", "1 PAX", and behind those who are counted "x 2".
_TIMES = re.compile(
    r"((?i:(?<=[KWM]IA))\s|)\b(\d{1,3})(\s*[xX×]\s*(?:(?i:pax)\s+)?|\s+(?i:pax)\s+)(?=[^\W\d_]|\()"  # noqa: RUF001
)
_TIMES_BEHIND = re.compile(r"(?:(?<!\s)\s+)?\(?(?<!\w)[xX×]\s?(\d{1,3})\b\)?")  # noqa: RUF001
_REACH = 60  # letters before people in which their number is looked for


class Person(NamedTuple):
    """People whom a text names.

    Parameters
    ----------
    nation
        Their nationality as an alpha-3 code; None for people who are only said to be foreign.
    number
        How many; None where the text does not say.
    phrase
        The words.
    start
        Where the phrase starts.
    was_hit
        Whether the sentence says that somebody was hit.
    """

    nation: str | None
    number: int | None
    phrase: str
    start: int
    was_hit: bool


def find_people(text: str) -> list[Person]:
    """Return the people of a nationality, and foreign ones, that a text names.

    Parameters
    ----------
    text
        Free text.

    Examples
    --------
    >>> [(p.nation, p.number) for p in find_people("2 Chinese and 1 Afghan killed")]
    [('CHN', 2), ('AFG', 1)]
    >>> [p.nation for p in find_people("中国公民一人遇害")]
    ['CHN']
    >>> find_people("Talks with Chinese officials; no foreigners were hurt.")
    []
    """
    found: list[Person] = []
    plain = _spell_out(text)
    if not openings("people").isdisjoint(_WORD.findall(plain.casefold())) or _codes_in(plain):
        for sentence in _SENTENCE.finditer(text):
            start, end = sentence.span()
            found += _of_sentence(plain[start:end], sentence.group(), start)
    found += [Person(*told) for told in chinese_people(text)]
    if is_abroad(text):
        for sentence in _SENTENCE.finditer(text):
            start, end = sentence.span()
            for nation, number, phrase, at, hit in people_abroad(plain[start:end], abroad_words()):
                phrase = text[start + at :][: len(phrase)]  # noqa: PLW2901 - as written
                found.append(Person(nation, number, phrase, start + at, hit))
    return found


def _of_sentence(text: str, written: str, offset: int) -> Iterator[Person]:
    """Yield the people of one sentence, each once; `text` is spelled out."""
    told = set(_WORD.findall(text.casefold()))
    codes = _codes_in(text)
    if openings("people").isdisjoint(told) and not codes:
        return
    was_hit = any_word("hit", "hitting").search(text) is not None
    found = []
    for nations in (*codes, *(() if openings("demonym").isdisjoint(told) else (demonyms(),))):
        found += [(m, _before("foreign", m)) for m in _workers(nations).finditer(text)]
        if was_hit or re.search(_HIT_ONES, text, re.IGNORECASE):
            for m in _alone(nations).finditer(text):
                before = _before("foreign", m)
                if _is_hit(m, before["number"] or _number_behind(text, written, m.end())):
                    found.append((m, before))
    if not _ORIGINS.isdisjoint(told):
        abroad = ((m, _before("role", m)) for m in _of_country().finditer(text))
        found += [(m, before) for m, before in abroad if before["role"] or m["citizen"]]
    end = 0
    for match, before in sorted(found, key=lambda pair: (pair[0].start(), -pair[0].end())):
        start = match.start() - len(before.group())
        number = before["number"] or _number_behind(text, written, match.end())
        is_over = match.start() < end or _NONE_BEFORE.search(text, 0, start)
        is_counted = _TIMES.match(written, start) or not before["number"]
        if is_over or not _is_nation(match, number, is_counted=bool(number and is_counted)):
            continue
        end = match.end()
        yield Person(
            code_of(match["nation"]),
            _number(number),
            written[start:end].strip(),
            offset + start,
            was_hit and not _says().match(text, end),
        )


def _spell_out(text: str) -> str:
    """Return a text without the signs by which logs count, every other one in its old place."""
    counted = _TIMES.sub(lambda m: (";" if m[1] else "") + m[2] + " " * len(m[3]), text)
    return _TIMES_BEHIND.sub(lambda m: " " * len(m.group()), counted)


def _number_behind(text: str, written: str, end: int) -> str | None:
    """Return the number that stands behind people, or behind what was done to them: "KIA x 2"."""
    hit = _hit().match(text, end)
    ends = (end, hit.end() if hit else end)
    found = next(filter(None, (_TIMES_BEHIND.match(written, one) for one in ends)), None)
    return found[1] if found else None


def _before(kind: str, match: re.Match[str]) -> re.Match[str]:
    """Return the number, and a word of one kind, that stand right before people."""
    start = match.start()
    found = _leads()[kind].search(match.string, max(0, start - _REACH), start)
    assert found is not None, "an empty lead always matches"  # noqa: S101
    return found


def _is_hit(match: re.Match[str], number: str | None) -> bool:
    """Return whether people without a role are those who were hit, not a thing or who hits."""
    text, end = match.string, match.end()
    if match["nation"] in country_table().keys() - words()["nation"].keys() and not number:
        is_named = _ENDS.match(text, end) and _TOLL.search(text, 0, match.start())
        return bool(is_named or _TOLLS.match(text, end))
    if not match["short"] and _ENDS.match(text, end):
        before = (pattern.search(text, 0, match.start()) for pattern in (_LABEL, _WERE, _AMONG))
        if any(before):
            return True
    if not match["short"] and _ABOARD.match(text, end):
        return True
    if _ORIGIN.match(text, end) and _OF.search(text, 0, match.start()):
        return True
    if number and match["nation"]:
        return _ENDS.match(text, end) is not None or _hit().match(text, end) is not None
    if match["nation"]:
        return match["nation"] not in _SHORT and _hit().match(text, end) is not None
    if not number and match["short"]:  # EXP alone may be what has exploded
        return False
    if number and not match["short"]:
        return True
    start = match.start()
    near = max(0, start - 5 * _REACH)
    return bool(_hit().match(text, end) or _hitting().search(text, near, start))


def _is_nation(match: re.Match[str], number: str | None, *, is_counted: bool) -> bool:
    """Return whether what may be another word than a code is told as one: "2 x CAN KIA".

    Codes that are words need a number; those that may stand behind one, such as months, the sign of
    a count; those that may be any people, such as police, "national".
    """
    text, end = match.string, match.end("nation")
    kind = words()["other_code"].get(match["nation"] or "")
    if kind is None or _NATIONAL.match(text, end) or _NATION.search(text, 0, match.start()):
        return True
    if kind and is_counted:
        return True
    if kind != "number":
        return False
    if match.end() > end + 1:  # what they do stands behind
        return number is not None or not text.isupper()
    is_hit = number and (_hit().match(text, end) or _LISTED.match(text, end))
    return bool(is_hit or _TOLL.search(text, 0, match.start()))


def code_of(word: str | None) -> str | None:
    """Return the alpha-3 code of a demonym; None where it is of no country, or of several.

    Examples
    --------
    >>> code_of("Turks"), code_of("Martian")
    ('TUR', None)
    """
    if not word:
        return None
    own = words()["nation"]
    return own.get(word) or find_nationality(word) or find_nationality(word.removesuffix("s"))


_HIT_ONES = (
    r"\b(?:victims?|vics?|cas|deceased|abductees?|casualt(?:y|ies)|nationalit(?:y|ies)|killed|dead|injured|wounded|abducted"
    r"|kidnapped|hostages?|workers?|miners?|engineers?|employees?|KIA|WIA)\b"
)
_SOME = "all|both|some|mostly|possibly|probably|apparently|allegedly|reportedly|believed to be"
#: What says that those named next were hit: "Victim: Chinese male", "the dead were Chinese".
_LABEL = re.compile(
    rf"(?i:{_HIT_ONES})\s*(?:[:=]|\((?:(?:[A-Z\d]\w*|{_SOME}|two|one|incl\w*)(?:,? and|,)?\s+)*$)"
    r"|\d\s+[KWM]IA\s+$"
)
#: A code without a number, which may be of an organisation, is beside the short words of logs.
_TOLLS = re.compile(r"\s+[KWM]IA\b", re.IGNORECASE)
_TOLL = re.compile(
    r"(?i:\b(?:[KWM]IA|victims?|vics?|cas|deceased|abductees?|dead|casualt(?:y|ies)|nationalit(?:y|ies))\s*[:=(]\s*(?:\d{1,3}\s+)?|\d\s+[KWM]IA\s+)$"
)
_NATION = re.compile(r"(?i:\bnationalit(?:y|ies)\s*[:=(]\s*)$")
_LISTED = re.compile(r"\s*(?:[+,&]|and)\s*\d{1,3}\s+[A-Z]{3}\b")
_NATIONAL = re.compile(r"\s+(?i:nationals?|citizens?)\b")
_WERE = re.compile(
    rf"(?i:{_HIT_ONES},?\s+(?:was|were|is|are|included?s?|{_SOME}))"
    rf"(?:[\s,]+(?:{_SOME}|an?|the|also|identified|as|and|\d+|[a-z]{{3,5}}(?=\s[A-Z])|[A-Z]\w+))*[\s,]*$"
)
#: What says that those who are named next were in what was hit.
_AMONG = re.compile(
    r"\b(?:carrying|transporting|ferrying|including|among (?:them|whom)|along with)\s+"
    r"(?:(?!by\b)[\w-]+\s+){0,2}$"
)
_ABOARD = re.compile(r"\s+(?:on\s+board|onboard|aboard|inside|among\s+(?:them|the\s+\w+))\b")
#: What says whose people they are: "engineers of Chinese nationality".
_OF = re.compile(rf"(?i:{_HIT_ONES}\s+(?:of|with|holding|bearing)\s+(?:an?\s+)?)$")
_ORIGIN = re.compile(r"\s+(?:nationality|citizenship|origin|descent|passports?)\b")


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    return int(text) if text.isdigit() else int(words()["number"][text.casefold()])


def find_aim(text: str, country: str = "") -> tuple[str, str] | None:
    """Return at whom a text says that an attack was aimed, and the phrase; None when it does not.

    Parameters
    ----------
    text
        Free text.
    country
        Alpha-3 code of the incident's country, whose own people are not foreign.

    Examples
    --------
    >>> find_aim("An attack on a Chinese company's mine", "AFG")
    ('foreigners', 'attack on a Chinese company')
    >>> find_aim("Gunmen stormed a gold mine"), find_aim("A bomb near a mine") is None
    (('mining', 'stormed a gold mine'), True)
    """
    told = set(_WORD.findall(text.casefold()))
    if country != "CHN" and (owned := chinese_property(text)):
        return "foreigners", owned
    if told.isdisjoint(openings("aim") | openings("hit") | openings("hitting")):
        return _find_abroad(text, country)
    if not openings("demonym").isdisjoint(told):
        for match in (m for pattern in _aims() for m in pattern.finditer(text)):
            nation = match.groupdict().get("nation")
            denied = _NONE_BEFORE.search(text, 0, match.start())
            if not denied and (not nation or code_of(nation) != country):
                return "foreigners", match.group().strip()
    found = None if openings("sector").isdisjoint(told) else _aim_at_sector().search(text)
    if found:
        return words()["sector"][found["sector"].casefold()], found.group().strip()
    return _find_abroad(text, country)


def _find_abroad(text: str, country: str) -> tuple[str, str] | None:
    """Return the staff of a foreign firm that was hit, where another language tells of it."""
    if is_abroad(text):
        for sentence in _SENTENCE.findall(text):
            for nation, phrase in staff_abroad(sentence, abroad_words()):
                if nation != country:
                    return "foreigners", phrase
    return None


def words() -> Mapping[str, Mapping[str, str]]:
    """Return the word list: for each kind its words and their values.

    Examples
    --------
    >>> words()["sector"]["quarry"]
    'mining'
    """
    return read_word_list("victim_words.csv")


@lru_cache
def openings(kind: str) -> frozenset[str]:
    """Return the first words of what a pattern looks for: most texts have none and are passed by.

    Examples
    --------
    >>> "foreign" in openings("people"), "dam" in openings("sector")
    (True, True)
    """
    phrases = set(words().get(kind, ()))
    if kind in ("people", "demonym"):
        foreign = (*words()["foreign"], "exp", "fn")
        phrases = {*foreign, *(f"{word}s" for word in foreign), *_nations()}
    if kind == "people":
        phrases |= _names()
    return frozenset(_WORD.findall(phrase.casefold())[0] for phrase in phrases)


@lru_cache
def any_word(*kinds: str) -> re.Pattern[str]:
    """Return the pattern of the words of some kinds, in any case."""
    listed = {word for kind in kinds for word in words()[kind]}
    return re.compile(rf"\b(?:{any_of(listed)})\b", re.IGNORECASE)


@lru_cache(maxsize=1)
def _nations() -> frozenset[str]:
    """Return what people of a nationality are called, one and many."""
    one = {d for c in country_table().values() for d in c.demonyms} | set(words()["nation"])
    many = {f"{d}s" for d in one if d[-1].islower() and not d.endswith(("ese", "sh", "ch", "s"))}
    return frozenset(one | many)


@lru_cache(maxsize=1)
def _plain_nations() -> frozenset[str]:
    """Return them as hurried people write them; "polish" is a word of its own."""
    lower = {word.casefold() for word in _nations() if len(word) >= _SHORTEST_NAME}
    return frozenset(lower - {"polish", "pole", "poles", "dane", "danes", "turkey"})


@lru_cache(maxsize=1)
def demonyms() -> str:
    """Return the pattern of what people of a nationality are called.

    Examples
    --------
    >>> re.fullmatch(demonyms(), "Turks") is not None
    True
    """
    return any_of({*_nations(), *_plain_nations()})


def _codes_in(text: str) -> tuple[str, ...]:
    """Return patterns of the codes of countries that a text holds and that say nothing."""
    told = country_table().keys() & set(_WORD.findall(text))
    return tuple(f"{code}(?!{_says().pattern})" for code in sorted(told))


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    """Return the names of countries that people are said to come from."""
    names = {name for c in country_table().values() for name in (c.name, *c.aliases)}
    known = {name for name in names if len(name) >= _SHORTEST_NAME and name.isascii()}
    return frozenset(known | {"USA", "UK", "US", "UAE", "PRC", "DRC"})


def _role() -> str:
    return rf"(?i:{any_of(words()['role'])})(?i:s|es)?"


@lru_cache(maxsize=1)
def _leads() -> Mapping[str, re.Pattern[str]]:
    """Return what may stand before people: a number, and "foreign" or what they do."""
    number = rf"(?P<number>\d{{1,3}}|(?i:{any_of(words()['number'])}))(?:\s+\(\d{{1,3}}\))?"
    number = rf"(?:(?<![\w,.]){number}\s+)?"
    return {
        "foreign": re.compile(rf"{number}(?:\b(?i:{any_of(words()['foreign'])})\s+)?$"),
        "role": re.compile(rf"{number}(?:\b(?:[a-z][\w-]*\s+)?(?P<role>{_role()})\s+)?$"),
    }


@lru_cache
def _workers(nations: str) -> re.Pattern[str]:
    """Return the pattern of people of a nationality, or foreign ones, with their role."""
    return re.compile(
        rf"(?:\(?\b(?P<nation>{nations})\b\)?"
        rf"|\b(?i:{any_of(words()['foreign'])})\b(?!\s+(?i:minist|affairs|secretar)))"
        rf"(?:\s+(?!(?:{any_of(words()['armed'])})s?\b)(?:[a-z][\w-]*|I?NGO|UN)){{0,2}}?\s+{_role()}\b"
        rf"(?!(?:['’]?s?|s['’])\s+(?i:{any_of(words()['body'])})\b|(?:['’]s|s['’]) Day\b)"
    )


@lru_cache(maxsize=1)
def _of_country() -> re.Pattern[str]:
    """Return the pattern of a country that people come from: "five workers from India"."""
    return re.compile(
        r"\b(?:from|(?P<citizen>(?i:nationals?|citizens?)\s+of))\s+(?:the\s+)?"
        rf"(?P<nation>{any_of(_names())})\b(?!\s+[A-Z])(?!-)"
    )


@lru_cache
def _alone(nations: str) -> re.Pattern[str]:
    """Return the pattern of people without a role: "5 Chinese injured", "an expat was killed"."""
    return re.compile(
        rf"\b(?P<nation>{nations})\b(?![-'’])"
        r"|\b(?i:foreigner|expatriate|expat|westerner|european|tcn)(?i:s)?\b|\b(?i:internationals)\b|\b(?P<short>EXP|FN)s?\b"
    )


@lru_cache(maxsize=1)
def _hit() -> re.Pattern[str]:
    """Return the pattern of what was done to people, behind them, or is said to have been done."""
    said = rf"(?:\b(?:\w+ly|(?i:{any_of(words()['hearsay'])}))(?:\.?\s+|\)\s+))"
    hit = rf"(?i:(?:{any_of(words()['hit'])})\b{_END}|[KWM]IA(?=\s+\d))"
    return re.compile(rf"\s+\(?{said}{{0,5}}{hit}")


@lru_cache(maxsize=1)
def _says() -> re.Pattern[str]:
    """Return the pattern of what those do who tell of others: no "reported killed"."""
    says = "say|said|says|report|reported|reports|told|claim|claimed|warn|warned"
    return re.compile(rf"(?!{_hit().pattern})\s+(?:{says})\b")


@lru_cache(maxsize=1)
def _hitting() -> re.Pattern[str]:
    """Return the pattern of what was done to people, before them."""
    return re.compile(rf"\b(?i:{any_of(words()['hitting'])})\s+(?:[\w-]+\s+){{0,3}}?$")


def _aim() -> str:
    return rf"\b(?i:{any_of(words()['aim'])})\s+(?:{_BESIDE}[\w'’-]+\s+){{0,4}}?"


@lru_cache(maxsize=1)
def _aim_at_sector() -> re.Pattern[str]:
    return re.compile(rf"{_aim()}(?P<sector>(?i:{any_of(words()['sector'])}))\b")


@lru_cache(maxsize=1)
def _aims() -> tuple[re.Pattern[str], ...]:
    """Return the patterns of an attack on foreigners, on what is theirs or on their workers."""
    kinds = words()
    nation = rf"(?P<nation>{demonyms()})\b"
    arms = r"(?!(?:military|army|troops?|soldiers?|forces?|naval|marine)\b)"
    owned = rf"(?:-\w+)?(?:['’]s?)?\s+(?:{arms}[\w'’-]+\s+){{0,2}}?"
    theirs = rf"(?i:{any_of((*kinds['civil'], *kinds['role']))})(?i:s|es)?\b"
    foreign = rf"\b(?i:foreigners?|expats?|expatriates?)\b|\b(?i:foreign){owned}{theirs}"
    were = r"\s+(?:[\w-]+\s+){0,2}?(?:was\s+|were\s+|being\s+)?"
    attacked = rf"{were}(?i:attacked|targeted|ambushed|raided|stormed|bombed|torched|hit|struck"
    attacked += r"|shelled|looted|robbed|damaged|destroyed|burned|burnt|set\s+on\s+fire"
    attacked += rf"|under\s+(?:fire|attack)){_END}"
    return (
        re.compile(rf"{_aim()}(?:{foreign}|{nation}{owned}{theirs})"),
        re.compile(rf"{_aim()}{nation}{_END}"),
        re.compile(rf"(?:{foreign}|\b{nation}{owned}{theirs}){attacked}"),
        *_at_staff(rf"(?:{foreign}|\b{nation}{owned}{theirs})"),
    )


def _at_staff(firm: str) -> Iterator[re.Pattern[str]]:
    """Yield the patterns of people who work for a firm and were hit: whoever they are, it is meant.

    "Two employees of a Chinese mining company kidnapped", "killed a Chinese firm's driver".
    """
    named = r"(?:\.?\s+[A-Z][\w&-]*){0,3}\.?"
    says = r"(?!(?:say|says|said|report|reported|reports|told|claim|claimed|warn|warned|and)\b)"
    where = rf"(?:,?\s+(?:in|at|near|on|outside|from)(?:\s+{says}[\w'’-]+){{1,4}}?)?,?"
    some = rf"(?:{_BESIDE}[\w-]+\s+){{0,2}}?"
    for staff in (
        rf"\b{_role()}\s+{some}(?:of|from|at|for|with|by)\s+(?:(?:an?|the)\s+)?{firm}{named}",
        rf"{firm}['’]s?\s+{some}{_role()}\b",
    ):
        yield re.compile(rf"{staff}{where}{_hit().pattern}")
        yield re.compile(rf"\b(?i:{any_of(words()['hitting'])})\s+{some}(?:\w+\s+)?{staff}")
