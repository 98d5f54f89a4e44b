"""Nationalities in words: whose people a text names, in seven languages and the codes of countries.

The words are those of ``data/incident_words.csv``; names and demonyms come from
:mod:`riskmap.countries`. A text that is in no list is told, as it was written.

Of notes the usual forms alone are read. In Arabic, French, Portuguese, Russian and Spanish people
are named by a word for them beside a nationality ("ingénieurs chinois"), or by their number and
what was done to them ("dos chinos secuestrados"); in Chinese as in 中国公民一人遇害.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from riskmap.countries import (
    find_country,
    find_nationality,
    fold,
    from_iso2,
    stem_of,
    strip_marks,
    table,
    translated_names,
)
from riskmap.incidents.words import (
    LONGEST,
    OTHER_LETTER,
    PARTS,
    WORD,
    any_of,
    find_sectors,
    find_word,
    is_blank,
    listed,
    normalise,
    phrases_in,
    read_word_list,
    read_words,
    says_yes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


#: How German adjectives end: "chinesischer", "chinesischen".
_DECLINED = re.compile(r"(?<=isch)e[rsnm]?\b")
_SENSELESS = re.compile(r"\bx\d+\b|\d+")
_INVENTED = re.compile("X[A-Z]{2}")
_CODES = re.compile(r"[^\W\d_]{2,3}(?:[\s;,/|&+-]+[^\W\d_]{2,3})*")
#: A name as registers write it: "Korea, Republic of".
_TURNED = re.compile(r"([^;,/]+), ([^;,/]*\bof(?: the)?)", re.IGNORECASE)
#: Commas of other scripts, and what joins names in a list.
_COMMAS = re.compile("[\u3001\uff0c\uff1b\uff0f\u060c\u061b]")


def find_nationalities(text: str, country: str | None = None) -> tuple[list[str], bool, list[str]]:
    """Return the nationalities in a text, whether it says "foreign", and what is in no list.

    Parameters
    ----------
    text
        Names, adjectives or codes of countries, such as ``"3 Chinese, 1 local"``; any of several
        counts.
    country
        Alpha-3 code of the country of the incident, which "local" stands for.

    Examples
    --------
    >>> find_nationalities("Turkish, CN and PAK")
    (['CHN', 'PAK', 'TUR'], False, [])
    >>> find_nationalities("local; expat; Martian", "AFG")
    (['AFG'], True, ['Martian'])
    >>> find_nationalities("Congolese", "COD"), find_nationalities("Congolese", "AFG")
    ((['COD'], False, []), ([], True, []))
    >>> find_nationalities("non-Afghan", "AFG"), find_nationalities("not Chinese", "AFG")
    (([], True, []), ([], False, ['not Chinese']))
    >>> find_nationalities("中国籍"), find_nationalities("ressortissants chinois")
    ((['CHN'], False, []), (['CHN'], False, []))
    """
    found: set[str] = set()
    foreign, strange = False, []
    text = _COMMAS.sub(";", text)
    if text.strip().strip("0").isdigit() or says_yes(text):
        return [], False, [text.strip()]
    if turned := _TURNED.fullmatch(text.strip()):
        text = f"{turned[2]} {turned[1]}"
    if not is_blank(text) and (codes := _coded(text)):
        return sorted(codes), False, []
    is_one = is_blank(text) or (find_nationality(text) and not OTHER_LETTER.search(text))
    for part in [text] if is_one else PARTS.split(text):
        told = _people_of(part, country)
        if told is None:
            strange.append(part.strip())
        else:
            found |= told[0]
            foreign |= told[1]
    return sorted(found), foreign, strange


def _people_of(part: str, country: str | None) -> tuple[set[str], bool] | None:
    """Return the nations of one part of a text and whether it says "foreign"; None: in no list."""
    word = _DECLINED.sub("", normalise(_SENSELESS.sub(" ", part)))
    if is_blank(part) or not WORD.search(word):
        return set(), False
    denied = _denied().match(part)
    if denied and word not in listed("foreign"):
        # who is not of the country is foreign; who is not of another may be anyone
        is_home = country is not None and _nations(part[denied.end() :]) == {country}
        return (set(), True) if is_home else None
    if codes := _nations(part):
        return codes, False
    phrases = [word, *_windows(word)]
    if any(phrase in listed("foreign") for phrase in phrases) or find_in_script("foreign", part):
        return set(), True
    shared = {code for phrase in phrases for code in listed("shared").get(phrase, "").split()}
    if shared:
        return {code for code in shared if code == country}, country not in shared
    if any(phrase in listed("home") for phrase in phrases) or find_in_script("home", part):
        return ({country} if country else set()), False
    return None


@lru_cache(maxsize=1)
def _denied() -> re.Pattern[str]:
    """Return the pattern of a word that denies what follows: "not Chinese"."""
    denied = "|".join(sorted(read_words("denied"), reverse=True))
    plain = rf"(?:{denied})(?:[\s-]+(?:an?\s+)?|(?<=[\u4e00-\u9fff]))"
    return re.compile(rf"\s*{plain}", re.IGNORECASE)


@lru_cache(maxsize=1)
def _known_codes() -> frozenset[str]:
    """Return the codes that people write in the midst of words."""
    return frozenset({"US", "UK", "PRC", "DRC", "UAE", *table()})


def _coded(text: str) -> set[str]:
    """Return the countries of a text that holds nothing but codes of two or three letters."""
    if not _CODES.fullmatch(text.strip()):
        return set()
    words = re.split(r"[\s;,/|&+-]+", text.strip())
    codes = [
        find_nationality(word) or (from_iso2(word) if word.upper() not in ("NA", "NO") else None)
        for word in words
    ]
    return {code for code in codes if code} if all(codes) else set()


def _windows(text: str) -> Iterator[str]:
    """Yield the runs of words of a text, the longest first."""
    words = text.split()
    for length in range(min(LONGEST, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            yield " ".join(words[start : start + length])


def _nations(text: str) -> set[str]:
    """Return the countries of the nationalities in a text, however many words stand around them."""
    plain = _SENSELESS.sub(" ", text).strip(" ().:*")
    if _INVENTED.fullmatch(plain):
        return {plain}
    if not OTHER_LETTER.search(plain) and (code := find_nationality(plain)):
        return {code}
    if len(plain) == 2 and plain.isupper():  # noqa: PLR2004 - a code of two letters
        return _coded(plain)
    found = _coded(plain) if plain.isupper() else set()
    for word in () if plain.isupper() else re.findall(r"(?:[A-Z]\.?){2,4}(?!\w)", plain):
        found |= _coded(word.replace(".", "")) if word.replace(".", "") in _known_codes() else set()
    words = f" {_DECLINED.sub('', fold(plain.replace('.', '')))} "
    for phrase in _windows(words):
        if f" {phrase} " in words and (code := _nation_of(phrase)):
            found.add(code)
            words = words.replace(f" {phrase} ", " | ")
    return found | set(find_in_script("nation", text))


def _nation_of(phrase: str) -> str | None:
    """Return the country of a demonym or a name of some words; of short ones few are known."""
    if len(phrase) <= 3 and phrase not in ("prc", "usa", "uae"):  # noqa: PLR2004 - no "us", "no"
        return None
    return (
        find_nationality(phrase)
        or find_nationality(phrase.removesuffix("s"))
        or listed("nation").get(normalise(phrase))
    )


def find_in_script(kind: str, text: str) -> list[str]:
    """Return what the words of one kind in a text stand for, in scripts that are not Latin.

    Examples
    --------
    >>> find_in_script("nation", "китайский инженер")
    ['CHN']
    """
    if text.isascii():
        return []
    pattern, values = _scripts(kind)
    return [values[match.group("stem")] for match in pattern.finditer(text.casefold())]


@lru_cache
def _scripts(kind: str) -> tuple[re.Pattern[str], Mapping[str, str]]:
    """Return the pattern of the words of one kind that are not Latin, by their stems.

    A Russian or Arabic nationality begins as its country's name does.
    """
    own = {stem_of(word): value for word, value in read_words(kind).items() if not fold(word)}
    names = {stem_of(name): code for name, code in translated_names()} if kind == "nation" else {}
    stems = names | own
    begin = r"(?:(?<!\w)(?:[وبل]?(?:ال|لل))?|(?=[\u4e00-\u9fff]))"
    return re.compile(rf"{begin}(?P<stem>{any_of(stems)})"), stems


def find_target(text: str, country: str | None = None) -> str | None:
    """Return whom an attack was aimed at; ``""`` for others than a target; None in no list.

    Parameters
    ----------
    text
        What a desk writes: foreigners, a sector, ``employer: NAME`` or ``site: NAME``.
    country
        Alpha-3 code of the country of the incident, whose own people are not foreign.

    Examples
    --------
    >>> find_target("Chinese company", "AFG"), find_target("mines"), find_target("Site: North pit")
    ('foreigners', 'mining', 'site:North pit')
    >>> find_target("police"), find_target("blorp") is None
    ('', True)
    """
    head, colon, name = text.partition(":")
    if colon and head.strip().casefold() in ("employer", "site") and name.strip():
        return f"{head.strip().casefold()}:{name.strip()}"
    if (found := find_word("target", text)) is not None:
        return found
    nations, foreign, strange = find_nationalities(text, country)
    if foreign or any(nation != country for nation in nations):
        return "foreigners"
    within = {listed("target").get(phrase) for phrase in phrases_in(text)}
    if "foreigners" in within:
        return "foreigners"
    if sectors := find_sectors(text):
        return sectors[0]
    return "" if not strange or "" in within else None


@lru_cache(maxsize=1)
def abroad_words() -> Mapping[str, tuple[str, ...]]:
    """Return the words of other languages in ``data/victim_words.csv``, as they are compared."""
    kinds = ("person", "struck", "nobody", "property", "stranger", "raid", "other_abroad")
    told = read_word_list("victim_words.csv")
    return {kind: tuple(map(normalise, told[kind])) for kind in kinds}


@lru_cache(maxsize=1)
def is_abroad(text: str) -> bool:
    """Return whether a text says in another language what was done to people; most don't.

    Examples
    --------
    >>> is_abroad("Deux ouvriers tués"), is_abroad("Two workers killed")
    (True, False)
    """
    return _any_abroad().search(strip_marks(text)) is not None


@lru_cache(maxsize=1)
def _any_abroad() -> re.Pattern[str]:
    told = read_word_list("victim_words.csv")
    struck = {*told["struck"], *told["raid"]}
    latin = {word for word in struck if not OTHER_LETTER.search(word)}
    return re.compile(rf"\b(?:{any_of(latin)})s?\b|{any_of(struck - latin)}", re.IGNORECASE)


_WORD = re.compile(r"\w+")
_OF = frozenset(("de", "du", "da", "do", "la", "el", "les", "los", "des", "nationalite"))
_VERBS = frozenset(("ont", "a", "ete", "ha", "han", "sido", "fue", "fueron", "foi", "foram"))
_SOME = frozenset(("des", "les", "los", "las", "unos", "os", "uns", "al", "au", "aux"))
_AND = frozenset(("et", "y", "e", "и", "و"))
#: How many words before a nationality the person is looked for, and who says that nobody was hit.
_NEAR, _FAR = 3, 5


def people_abroad(
    text: str, words: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[str | None, int | None, str, int, bool]]:
    """Yield people of a nationality, and foreign ones, in a sentence.

    Parameters
    ----------
    text
        The sentence.
    words
        What a person is called (``person``), and a foreign one (``stranger``); what was done to
        people (``struck``), and what denies it (``nobody``), as
        :func:`riskmap.incidents.words.normalise` has them.

    Yields
    ------
    tuple
        Their nationality, None for foreign ones; how many where that is told, the phrase, where it
        starts, and whether the sentence says that somebody was hit.

    Examples
    --------
    >>> words = {"person": ("ingenieur",), "struck": ("tue",), "nobody": ("aucun",)}
    >>> [found[:2] for found in people_abroad("Deux ingénieurs chinois ont été tués", words)]
    [('CHN', 2)]
    >>> list(people_abroad("Aucun ingénieur chinois tué", words))
    []
    """
    found = list(_WORD.finditer(text))
    plain = [normalise(match.group()) for match in found]
    people = [_begins(word, words["person"]) for word in plain]
    struck = [_begins(word, words["struck"]) for word in plain]
    for at, word in enumerate(plain):
        before = range(max(0, at - _NEAR), at)
        code = _nation(word, text[found[at].start() : found[at].end()])
        if code is None and at and plain[at - 1] in _OF:
            code = find_country(found[at].group())
        person = next((i for i in reversed(before) if people[i]), None)
        if OTHER_LETTER.search(word) and person is None and at + 1 < len(plain) and people[at + 1]:
            person = at
        number = _number(plain[at - 1]) if at else None
        is_hit = any(struck[at + 1 + _skipped(plain[at + 1 :]) :][:1])
        is_hit |= any(struck[max(0, at - _FAR) : at])  # as in "enlèvement de deux Chinois"
        is_foreign = code is None and _begins(word, words.get("stranger", ()))
        is_some = at == 0 or struck[at - 1] or plain[at - 1] in _SOME
        counted = (number is not None or is_foreign or is_some) and is_hit
        if not (code or is_foreign) or not (counted or (person is not None and any(struck))):
            continue
        if set(plain[max(0, at - _FAR) : at]) & set(words["nobody"]) or _is_theirs(
            plain, at, words
        ):
            continue
        start = at - (number is not None) if person is None else min(person, at)
        if person is not None and start:
            number = _number(plain[start - 1])
            start -= number is not None
        begin, end = found[start].start(), found[at].end()
        yield code, number, text[begin:end], begin, any(struck)


def staff_abroad(text: str, words: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    """Yield whose firm, or whose firm's people, a sentence says were hit: the nation, the phrase.

    Parameters
    ----------
    text, words
        As for :func:`people_abroad`; ``property`` is what firms and mines are called, ``raid`` an
        attack on them.

    Examples
    --------
    >>> words = {"person": ("ouvrier",), "struck": ("tue",), "nobody": (), "property": ("mine",)}
    >>> list(staff_abroad("Deux ouvriers d'une mine chinoise ont été tués", words))
    [('CHN', "ouvriers d'une mine chinoise")]
    """
    found = list(_WORD.finditer(text))
    plain = [normalise(match.group()) for match in found]
    raids = [_begins(word, words.get("raid", ())) for word in plain]
    if not any(raids) and not any(_begins(word, words["struck"]) for word in plain):
        return
    for at, word in enumerate(plain):
        written = text[found[at].start() : found[at].end()]
        code = _nation(word, written) or find_country(written)
        near = range(max(0, at - _FAR), min(len(plain), at + _NEAR))
        firm = [i for i in near if _begins(plain[i], words["property"])]
        if code is None or not firm or set(plain[: at + 1]) & set(words["nobody"]):
            continue
        first = min(firm[-1], at)
        before = reversed(range(max(0, first - _FAR), first))
        person = next((i for i in before if _begins(plain[i], words["person"])), None)
        if person is None and _nation(word, written) and any(raids[max(0, first - _FAR) : first]):
            person = first - 1 - raids[:first][::-1].index(True)
        if person is not None:
            yield code, text[found[person].start() : found[max(firm[-1], at)].end()]


def _is_theirs(plain: list[str], at: int, words: Mapping[str, tuple[str, ...]]) -> bool:
    """Return whether people did it: "par des Chinois", "terroristes étrangers"."""
    if not {"par", "por", "pelo", "pelos", "pela", "pelas"}.isdisjoint(plain[max(0, at - 2) : at]):
        return True
    return at > 0 and _begins(plain[at - 1], words.get("other_abroad", ()))


def _skipped(plain: list[str]) -> int:
    """Return how many words stand before what was done: auxiliaries, numbers, other people."""
    for i, word in enumerate(plain[:_FAR]):
        is_one = word in (_VERBS | _SOME | _AND) or _number(word) is not None
        if not is_one and _nation(word, word) is None:
            return i
    return min(len(plain), _FAR)


def _begins(word: str, listed_words: tuple[str, ...]) -> bool:
    """Return whether a word is in a list; in other scripts, whether it begins as one does."""
    if OTHER_LETTER.search(word):
        return any(one in word[: len(one) + 2] for one in listed_words if OTHER_LETTER.search(one))
    return word in listed_words


def _nation(word: str, written: str) -> str | None:
    if OTHER_LETTER.search(word):
        return next(iter(find_in_script("nation", written)), None)
    return listed("nation").get(word)


def _number(word: str) -> int | None:
    if word.isdigit():
        return int(word)
    value = listed("amount").get(word, "")
    return int(value) if value.isdigit() else None


_HAN = re.compile(r"[\u4e00-\u9fff]")
_HIT = re.compile(
    "遇害|死亡|身亡|丧生|遇难|受伤|绑架|被杀|被害|枪[杀击]|劫持|失踪|中[枪弹]|爆炸|抢劫|打[死伤]|被扣|扣押|袭"
)
#: What says that nobody was hit, before people and behind them.
_NONE_BEFORE = re.compile(r"(?:没有|[无未非]|未造成)\w{0,3}$")
_NONE = re.compile(r"(?:均|都|全部)?(?:无伤亡|未受|没有受|没受|安全|平安|无恙|无一)")
#: Whose nationality it is that stands behind: of those who were hit, or of those who did it.
_VICTIMS = re.compile(
    r"(?:^|死者?|伤者?|遇[害难]者?|受害[人者]|被[杀绑害]者?|人质|[\n,.;\uff0c\u3002\uff1b])\w{0,3}[:\uff1a]?\s*$"
)
_ATTACKERS = re.compile(
    r"(?:[袭攻]击者|凶手|嫌疑人|嫌犯|枪手|武装分子|歹徒|[绑劫匪]匪|匪徒)\w{0,3}[:\uff1a]?\s*$"
)
#: What is theirs.
_THEIRS = re.compile(
    r"中资|中企|中国\w{0,4}?(?:企业|公司|集团|项目|工地|[金铜铁煤]?矿\w{0,2}|营地|商[铺店人]|超市|餐馆|饭店|工厂|油田|电站)"
    r"|外资企业|外国公司"
)
#: Traditional signs of these words, and the simplified ones, one for one.
_SIMPLIFIED = str.maketrans(
    "國員殺傷襲綁華資業礦兩個蹤亡師車隊營槍劫僑", "国员杀伤袭绑华资业矿两个踪亡师车队营枪劫侨"
)
_DIGITS = "一二三四五六七八九十"


def chinese_people(text: str) -> Iterator[tuple[str | None, int | None, str, int, bool]]:
    """Yield people of a nationality in a Chinese text.

    Yields
    ------
    tuple
        Their nationality, None for foreign people; how many, None where the text does not say; the
        phrase; where it starts; and whether the text says that somebody was hit.

    Examples
    --------
    >>> list(chinese_people("两名华人被枪杀"))
    [('CHN', 2, '两名华人', 0, True)]
    >>> list(chinese_people("暂无中国公民伤亡"))
    []
    """
    if not _HAN.search(text):
        return
    text = text.translate(_SIMPLIFIED)
    was_hit = _HIT.search(text) is not None
    for match in _people().finditer(text):
        if _NONE_BEFORE.search(text, 0, match.start()) or _NONE.match(text, match.end()):
            continue
        of_none = match.group().endswith("籍") or match["label"]
        if (of_none and not match["after"] and not _VICTIMS.search(text, 0, match.start())) or (
            _ATTACKERS.search(text, 0, match.start())
        ):
            continue
        written = match["before"] or match["after"]
        number = None
        if written:
            number = int(written) if written.isdigit() else _DIGITS.find(written) + 1 or 2
        name = match["nation"] or ""
        nation = None if name in ("外国", "外籍", "老外") else find_country(name) or "CHN"
        yield nation, number, match.group(), match.start(), was_hit


def has_hit(text: str) -> bool:
    """Return whether a Chinese text says that somebody was hit.

    Examples
    --------
    >>> has_hit("车队遭袭"), has_hit("车队出发")
    (True, False)
    """
    return _HIT.search(text.translate(_SIMPLIFIED)) is not None


def chinese_property(text: str) -> str | None:
    """Return what belongs to a nation's people where a Chinese text says that it was attacked.

    Examples
    --------
    >>> chinese_property("中资企业遭袭"), chinese_property("中资企业开业")
    ('中资', None)
    """
    text = text.translate(_SIMPLIFIED)
    found = _THEIRS.search(text)
    return found.group() if found and _HIT.search(text) else None


@lru_cache(maxsize=1)
def _people() -> re.Pattern[str]:
    """Return the pattern of people of a nationality."""
    names = "|".join(name for name, _ in sorted(translated_names(), key=lambda n: -len(n[0])))
    number = r"(?:(?P<%s>\d{1,3}|[一二两三四五六七八九十])\s*[名位个人])?"
    who = (
        r"公民|国民|员工|工人|工程师|矿工|商人|游客|专家|司机|技术人员|人员|务工人员|雇员|劳工|男子|女子|夫妇"
        r"|同胞|留学生|老板|企业家|人(?![民口寿权均])"
    )
    role = rf"(?:{who}|籍(?:[^\W\d]{{0,4}}?[人员工师客子商妇])?|企业(?:{who})|公司(?:{who}))"
    named = rf"(?P<nation>老外|外国|外籍|我[国方]|中方|中资企业|中企|{names})"
    whose = rf"(?:(?<=老外)(?=[被遭受死遇绑失])|{role})"
    told = rf"(?P<label>国籍\s*[:\uff1a为是]\s*)?{named}(?(label)|{whose})"
    return re.compile(
        rf"{number % 'before'}(?:{told}|华[人侨裔商](?!社[区团]|协会|组织|会))\s*{number % 'after'}"
    )
