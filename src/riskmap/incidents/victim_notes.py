"""What a note says of who was hit, of the work of victims, of the aim and of a claim.

The words are ``data/victim_words.csv``; nationalities are the demonyms of ``data/countries.csv``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from riskmap.countries import find_country
from riskmap.countries import table as country_table
from riskmap.incidents.nationalities import (
    abroad_words,
    find_nationalities,
    has_hit,
    is_abroad,
)
from riskmap.incidents.victim_phrases import (
    Person,
    any_word,
    code_of,
    demonyms,
    find_aim,
    find_people,
    openings,
    words,
)
from riskmap.incidents.words import (
    OTHER_LETTER,
    any_of,
    find_group,
    normalise,
    read_list,
    read_words,
)
from riskmap.schema import TOLLS

if TYPE_CHECKING:
    from collections.abc import Iterator

#: So many letters before what befell people a word may say that it did not.
_REACH = 60
_LINK = re.compile(r"\w+://\S+")
_CLAUSE = re.compile(r"[.;:!?,\n，。；]")  # noqa: RUF001 - signs of Chinese
_WORD = re.compile(r"\w+")
#: Shorter names of countries are other words too.
_SHORTEST = 4
_FOREIGN = re.compile(r"\b(?:foreign|expat|exp\b|fn\b|tcn|third.country)|外[国籍]", re.IGNORECASE)


def find_harm(text: str) -> dict[str, str]:
    """Return whether a text says that people were killed, wounded or abducted, and its words.

    Examples
    --------
    >>> find_harm("Gunmen killed 3 villagers"), find_harm("Nobody was injured")
    ({'killed': 'killed'}, {})
    """
    found: dict[str, str] = {}
    text = _LINK.sub(" ", text)
    for match in _harms().finditer(text):
        before = text[max(0, match.start() - _REACH) : match.start()]
        clause = _CLAUSE.split(before)[-1]
        if not _unharmed().search(clause):
            found.setdefault(match.lastgroup or "", match.group())
    return found


@lru_cache(maxsize=1)
def _harms() -> re.Pattern[str]:
    """Return the pattern of what befell people, a group for each of the tolls."""
    parts = []
    for name in TOLLS:
        listed = {word for word, toll in words()["harm"].items() if toll == name}
        latin = {word for word in listed if not OTHER_LETTER.search(word)}
        parts.append(rf"(?P<{name}>\b(?:{any_of(latin)})s?\b|{any_of(listed - latin)})")
    return re.compile("|".join(parts), re.IGNORECASE)


@lru_cache(maxsize=1)
def _unharmed() -> re.Pattern[str]:
    """Return the pattern of what says that nobody was hit, or only that somebody may be."""
    latin = {word for word in words()["nobody"] if not OTHER_LETTER.search(word)}
    other = any_of({*words()["nobody"]} - latin)
    no = r"no|not|nobody|none|never|without|neither|nor|avoided|keine?|niemand"
    may = r"to be|would|could|might|will|if|having|attempt(?:ed)? to|threat\w*"
    near = r"(?:\W+[\w'’-]+){0,3}\W*$"  # what is farther off denies something else
    return re.compile(
        rf"\b(?:{no}|{may}|{any_of(latin)}|\w+n['’]t)\b{near}|{other}|[无没未]", re.IGNORECASE
    )


def find_facts(text: str, country: str = "") -> dict[str, tuple[Any, str]]:
    """Return what a text says of victims and claims: a value and its phrase for each column.

    ``several`` are attacks that it tells of together, and ``other_sector`` stands beside that of
    the victims.

    Parameters
    ----------
    text
        Free text in English; of other languages the usual forms.
    country
        Alpha-3 code of the incident's country, whose own people are not foreign.

    Examples
    --------
    >>> find_facts("Gunmen shot a Turkish road engineer.", "AFG")["nationality"]
    ('TUR', 'a Turkish road engineer')
    >>> find_facts("Talks with Chinese officials went on.")
    {}
    """
    harm = {name: (word, word) for name, word in find_harm(text).items()}
    if not text.isupper():
        return _facts(text, country) | harm
    # names of nations are known by their capitals
    told = _facts(_in_title_case(text), country) or _facts(text, country)
    if "foreign_victims" not in told:  # what people do is known by its small letters
        told = _facts(_in_title_case(text, nations=True), country) | told
    return {name: (value, phrase.upper()) for name, (value, phrase) in told.items()} | harm


def _in_title_case(text: str, *, nations: bool = False) -> str:
    """Return a text of capitals in title case, but for codes of nations.

    With `nations` only the words for nations keep their initials.
    """
    counted = {m.end() for m in _COUNTED.finditer(text)}

    def smaller(found: re.Match[str]) -> str:
        word = found[0]
        if word in _short_names() or found.end() in counted:
            return word
        is_kept = not nations or word.casefold() in openings("demonym")
        return word.title() if is_kept else word.lower()

    return _WORD.sub(smaller, text)


@lru_cache(maxsize=1)
def _short_names() -> frozenset[str]:
    """Return what is written in capitals alone: codes of nations, short words for foreigners."""
    codes = country_table().keys() - words()["other_code"].keys()
    own = filter(str.isupper, words()["nation"])
    return frozenset({*codes, *own, "US", "UK", "USA", "EXP", "FN"})


#: Short words of capitals that are counted.
_COUNTED = re.compile(
    r"\b\d{1,3}(?:\s*[X×]\s*(?:PAX\s+)?[A-Z]{3}\b|\s+[A-Z]{3}(?=\s+[KWM]IA\b|\s*[+,&]\s*\d))"  # noqa: RUF001
)
#: What says that a note tells of several attacks.
_SEVERAL = re.compile(
    r"\b(?:two|three|four|five|six|several|multiple|[2-9])\s+(?:\w+\s+)?"
    r"(?:separate|different|distinct|unrelated|successive|consecutive|simultaneous)\s+(?:[\w-]+\s+){0,2}"
    r"(?:attacks|incidents|assaults|ambush(?:es)|raids|explosions|bombings|blasts|shootings|abductions"
    r"|kidnappings|clashes)\b"
    r"|[两二三四五2-5]起(?:独立|不同)?的?(?:袭击|事件|爆炸|绑架)"
    r"|\b(?:deux|trois) (?:attaques|incidents|attentats) (?:distinct|séparé|différent)e?s\b"
    r"|\b(?:dos|tres) (?:ataques|incidentes|atentados) (?:distintos|separados|diferentes)\b",
    re.IGNORECASE,
)


#: Mines that are laid are no place of work.
_LAID_MINES = re.compile(
    r"\b(?:land|anti-?(?:tank|personnel|vehicle)|pressure[- ]plate|roadside)[ -]?mines?\b"
    r"|\blandmines?\b|\bmines? (?:laid|planted|buried|placed|left|terrestres?|anti\w*)\b"
    r"|\b(?:step|stepp?ed|drove|driving|ran) (?:on|over|onto|into) (?:an? |the )?mines?\b"
    r"|\b(?:vehicle|truck|car|convoy|bus|patrol|motorcycle)s? (?:hit|struck|hits|strikes)"
    r" (?:an? |the )?mines?\b"
    r"|(?:\bexplosion d['\u2019]une|\b(?:saut|roul)\w+ sur une|\bheurt\w+ une)"
    r" mine\b(?! d['\u2019e])",
    re.IGNORECASE,
)


def _facts(written: str, country: str) -> dict[str, tuple[Any, str]]:
    """Return the facts of a text, each with its phrase as it is written there."""
    edits = [(*m.span(), _respell(m)) for m in _spellings().finditer(written)]
    text, last = "", 0
    places: list[int] = []  # where each sign of the text stands as written
    for start, end, new in edits:
        text += written[last:start] + new
        places += [*range(last, start), start, *[end - 1] * (len(new) - 1)]
        last = end
    text, places = text + written[last:], [*places, *range(last, len(written))]
    facts = _read(text, country)
    for name, (value, phrase) in facts.items() if edits else ():
        if (at := text.find(phrase)) >= 0 and phrase:
            facts[name] = (value, written[places[at] : places[at + len(phrase) - 1] + 1])
    return facts


def _read(text: str, country: str) -> dict[str, tuple[Any, str]]:
    text = _LAID_MINES.sub(lambda found: "_" * len(found.group()), text)
    people = [*find_people(text), *_own_people(text)]
    facts = _victims(people, country)
    found = set(_WORD.findall(text.casefold()))
    if not found.isdisjoint(openings("sector")):
        facts |= _work(text, people if facts else [])
    if several := _SEVERAL.search(text):
        facts["several"] = (several.group(), several.group())
    if aim := find_aim(text, country):
        facts["target"] = aim
    claim = _claims().search(text) if "claimed" in found else None
    if claim and (group := find_group(claim["a"] or claim["b"])):
        facts["claimed_by"] = (group, claim.group().strip())
    return facts


@lru_cache(maxsize=1)
def _spellings() -> re.Pattern[str]:
    """Return the pattern of words that are often mistyped, and of numbers beside a code.

    These are joined to it ("2CHN", "CHNx2"), or stand behind it in a list of those who were hit.
    """
    return re.compile(
        rf"(?i:(?<![\w-])(?P<word>{any_of(words()['spelling'])})\b)"
        r"|(?<![\w.])(?P<before>\d{1,2})[*]?(?P<code>[A-Z]{3})(?!\w)"
        r"|(?<!\w)(?P<first>[A-Z]{3})[*x](?P<behind>\d{1,2})(?!\w)"
        r"|(?<!\w)(?<=[:,] )(?P<one>[A-Z]{3})\s*[-:= ]\s*(?P<many>\d{1,2})(?=\s*(?:[,;.)+&/]|$))"
    )


def _respell(match: re.Match[str]) -> str:
    """Return a word in its usual spelling; a number, a space and the code of a country."""
    if match["word"]:
        return words()["spelling"][match["word"].casefold()]
    code = match["code"] or match["first"] or match["one"]
    number = match["before"] or match["behind"] or match["many"]
    return f"{number} {code}" if code in _short_names() else match[0]


def _own_people(text: str) -> Iterator[Person]:
    """Yield people whom their own government speaks of: "China says two of its citizens died"."""
    if "citizen" not in text and "national" not in text:
        return
    for pattern in _governments():
        for match in pattern.finditer(text):
            if hit_or_aim().search(match.string) and (code := find_country(match["nation"])):
                number = (match["number"] or "").casefold()
                many = int(words()["number"].get(number, number)) if number else None
                yield Person(code, many, match["who"], match.start("who"), was_hit=True)


@lru_cache(maxsize=1)
def _governments() -> tuple[re.Pattern[str], ...]:
    """Return the patterns of what a government says of its own people, before and behind them."""
    known = {n for c in country_table().values() for n in (c.name, *c.aliases)}
    names = any_of(name for name in known if len(name) >= _SHORTEST and name.isascii())
    number = rf"(?P<number>\d{{1,3}}|(?i:{any_of(words()['number'])}))"
    its = r"its\s+(?:own\s+)?"
    people = r"(?:citizens?|nationals?)\b"
    said = r"(?:says?|said|confirm\w*|condemn\w*|mourn\w*|report\w*|announce\w*|protest\w*)"
    some = rf"(?P<who>\b{number}\s+(?:of\s+{its})?{people}|\b{its}{people})"
    return (
        re.compile(
            rf"\b(?P<nation>{names})(?:['\u2019]s)?(?:\s+[\w-]+){{0,2}}?\s+{said}\b[^.;!?\n]{{0,80}}?"
            rf"{some}"
        ),
        re.compile(
            rf"(?P<who>\b{number}\s+of\s+{its}{people})[^.;!?\n]{{0,80}}?\b(?P<nation>{names})['\u2019]s"
        ),
    )


_BY = re.compile(r"(?i)\b(?:by|no|not|without|neither|nor|against|than)\s+(?:[\w-]+\s+){0,3}$")


def find_unread(text: object, country: str) -> str | None:
    """Return foreign people whom a note names beside a word of being hit, and who may be victims.

    No attackers are: who is said to have done it, or to have hit somebody.
    """
    if not isinstance(text, str):
        return None
    if _unread_openings().isdisjoint(_WORD.findall(text.casefold())):
        return _find_abroad(text, country)
    for sentence in re.split(r"[.;!?\n]", text):
        if not any_word("hit", "hitting").search(sentence):
            continue
        for match in _foreign_people().finditer(sentence):
            nation = match["nation"]
            is_home = nation and (code_of(nation) or country) == country
            if is_home and country and _NOT.search(sentence, 0, match.start()):
                return f"not {match[0]}"
            if nation in ("US", "UK") or is_home:
                continue
            several = _shared().get((match["several"] or "").casefold(), "")
            if several and (not country or country in several.split()):
                continue  # of one of several countries, this one among them
            behind = sentence[match.end() :]
            near = behind.casefold().replace("-", " ").split()[:3]
            is_other = behind.startswith("-") or any(_is_other(word) for word in near)
            if is_other or _BY.search(sentence, 0, match.start()) or _does().match(behind):
                continue
            return match[0]
    return _find_abroad(text, country)


#: Who is said not to be of the country is foreign.
_NOT = re.compile(r"(?i)\bnon[- ]$")
#: Shorter words are codes and small words; people and what befell them stand this close.
_LONG, _CLOSE = 5, 3
_BY_ABROAD = frozenset(("par", "por", "pelo", "pelos", "pela", "pelas", "selon"))


def _find_abroad(text: str, country: str) -> str | None:
    """Return foreign people close to a word of being hit in a note of another language.

    No forces, attackers, governments or countries are, nor who is said to be unhurt.
    """
    for sentence in re.split(r"[.;!?\n\u3002\uff1b]", text):
        if not (is_abroad(sentence) or has_hit(sentence)):
            continue
        written = _WORD.findall(sentence)
        plain = [normalise(word) for word in written]
        if not set(plain).isdisjoint(abroad_words()["nobody"]):
            continue
        struck = [is_abroad(word) or has_hit(word) for word in written]
        other = [_is_other_abroad(word) for word in written]
        for at, word in enumerate(written):
            is_near = any(struck[max(0, at - _CLOSE) : at + _CLOSE + 1])
            is_theirs = not _BY_ABROAD.isdisjoint(plain[max(0, at - 2) : at])
            if not is_near or is_theirs or any(other[max(0, at - 2) : at + 3]):
                continue
            is_plain = not OTHER_LETTER.search(word)
            if is_plain and (len(word) < _LONG or word.isdigit() or find_country(word)):
                continue
            nations, is_foreign, _ = find_nationalities(word, country or None)
            if is_foreign or any(nation != country for nation in nations):
                return word
    return None


@lru_cache(maxsize=4096)
def _is_other_abroad(word: str) -> bool:
    """Return whether a word of another language is of forces, attackers or governments."""
    plain, listed = normalise(word), map(normalise, words()["other_abroad"])
    return any(one in plain if OTHER_LETTER.search(one) else one == plain for one in listed)


def _is_other(word: str) -> bool:
    """Return whether a word behind a demonym is of those who hit others, or of no people."""
    plain = word.strip(",:()'\"\u2019")
    listed = words()["other"]
    return plain in listed or plain.removesuffix("s") in listed


@lru_cache(maxsize=1)
def _shared() -> dict[str, str]:
    """Return the demonyms of several countries, and their codes."""
    return {word.casefold(): codes for word, codes in read_words("shared").items()}


@lru_cache(maxsize=1)
def _unread_openings() -> frozenset[str]:
    own = {"nationals", "asian", "asians"}
    return openings("demonym") | own | {word.split()[0] for word in _shared()}


@lru_cache(maxsize=1)
def _foreign_people() -> re.Pattern[str]:
    """Return the pattern of a demonym, or of a word for foreign people."""
    foreign = r"foreigners?|foreign|expats?|expatriates?|westerners?|europeans?|asians?"
    several = rf"(?P<several>(?i:{any_of(_shared())}))"
    return re.compile(
        rf"(?:(?<![\w-])|(?<=[Nn]on-))(?:(?P<nation>{demonyms()})|{several}|(?i:{foreign}))(?!\w)"
    )


@lru_cache(maxsize=1)
def _does() -> re.Pattern[str]:
    """Return the pattern of those who hit others: "Chinese gunmen killed two"."""
    listed = any_of({*words()["hit"], *words()["hitting"]})
    return re.compile(
        rf"(?i)\s+(?:[\w'\u2019-]+\s+){{0,3}}?(?:{listed})\s+(?:(?:an?|the)\b"
        r"|\d+\s+(?!(?:km|kms|m|metres|meters|miles|times|days|hours)\b)"
        r"|(?!(?:as|was|is|his|this|its|across|days|hours|yes)\b)[a-z]+s\b)"
    )


def _work(text: str, people: list[Person]) -> dict[str, tuple[Any, str]]:
    """Return the sector that a text names, of several that of its people, beside which any may be.

    Of people who were hit, those whose phrase names a sector count first.
    """
    told = [(words()["sector"][m.group().casefold()], m) for m in any_word("sector").finditer(text)]
    if not told:
        return {}
    theirs = [
        (value, match)
        for person in sorted(people, key=lambda one: not one.was_hit)
        for value, match in told
        if person.start <= match.start() < person.start + len(person.phrase)
    ]
    value, match = (*theirs, *told)[0]
    facts = {"sector": (value, match.group())}
    others = [other for name, other in told if name != value]
    if people and others:
        facts["other_sector"] = (others[0].group(), others[0].group())
    return facts


def _victims(people: list[Person], country: str) -> dict[str, tuple[Any, str]]:
    """Return nationality, kind of staff and number of foreign victims of the people of a text."""
    facts: dict[str, tuple[Any, str]] = {}
    nations = {p.nation: p.phrase for p in reversed(people) if p.nation}
    abroad = [person for person in people if person.nation != country]
    if not abroad:  # a note that names local people rarely says that nobody else was hit
        return facts
    if nations:
        facts["nationality"] = (";".join(sorted(nations)), list(nations.values())[-1])
    if hit := {p.nation: p.phrase for p in reversed(abroad) if p.nation and p.was_hit}:
        facts["hit_nations"] = (";".join(sorted(hit)), list(hit.values())[-1])
    if not country and len(nations) == 1 and all(person.nation for person in people):
        return facts  # whether they are foreign is told by the country that it happened in
    facts["staff_type"] = ("mixed" if country in nations else "international", abroad[0].phrase)
    if number := _count_foreign(abroad):
        facts["foreign_victims"] = (number, abroad[0].phrase)
    return facts


def _count_foreign(abroad: list[Person]) -> int:
    """Return how many foreign people were hit: one at least where the text gives no number."""
    most: dict[str | None, int] = {}
    for person in abroad:
        most[person.nation] = max(most.get(person.nation, 0), person.number or 0)
    unnamed = most.pop(None, 0)
    if most:
        return max(sum(most.values()) if all(most.values()) else 0, unnamed)
    return unnamed or int(any(p.was_hit and _FOREIGN.search(p.phrase) for p in abroad))


def hit_or_aim() -> re.Pattern[str]:
    """Return the pattern of words that say that somebody or something was hit."""
    return any_word("hit", "hitting", "aim")


@lru_cache(maxsize=1)
def _claims() -> re.Pattern[str]:
    """Return the pattern of a claim: by whom, or who claimed responsibility."""
    rows = read_list("armed_groups.csv")
    groups = any_of({n for row in rows for n in (row["name"], *row["aliases"].split(";"))})
    return re.compile(
        rf"\bclaimed by (?:the )?(?P<a>{groups})\b"
        rf"|\b(?P<b>{groups}) (?:has |have |had )?claimed (?:the )?responsibility\b"
    )
