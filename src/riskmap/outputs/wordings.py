"""Wordings: values as readers read them; untrusted text on one line.

All cells are plain text, which is escaped by whoever writes it out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmap import countries
from riskmap.assessment.levels import LEVEL_NAMES
from riskmap.incidents.foreign_victims import is_incident
from riskmap.incidents.words import split_remarks
from riskmap.outputs.catalogues import catalogue
from riskmap.outputs.tables import clean_text
from riskmap.schema import TOLLS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NONE = "\u2013"
_MAX_TEXT = 160
_NAMED = 5
#: Rarer than this no record of incidents can tell one probability from another.
RAREST = 1e-4
#: Fewer victims than this are no number that anybody would say.
_FEW = 0.01
#: An incident is told as one of a region only when more than this of it lies there.
_MOSTLY = 0.5
#: A space between Chinese characters, where none is written.
_BETWEEN = re.compile("(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])")
_LEVEL = re.compile(r"\D{0,20}?([?0-5]) ")
_BIDI = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))

#: Upper bounds of the words for probabilities (ICD 203, 2015). What is rarer than an even chance is
#: said as a frequency: "unlikely" beside a high level would be read as a reason to travel.
_LIKELIHOODS = (
    (0.36, "one_in"),
    (0.45, "two_in_five"),
    (0.55, "roughly_even"),
    (0.80, "likely"),
    (0.95, "very_likely"),
    (1.0, "almost_certain"),
)


def display(value: Any) -> str:
    r"""Return a value as short text on one line, without characters that reorder what follows.

    Examples
    --------
    >>> display("a\n b\u202e"), display(None)
    ('a b', '')
    """
    if value is None or value is pd.NA or value is pd.NaT or value != value:  # noqa: PLR0124 - NaN
        return ""
    text = " ".join(clean_text(str(value)).translate(_BIDI).split())
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"


def likelihood(p_any: float, words: Mapping[str, str]) -> str:
    """Return a probability in words: a frequency up to 45 %, above it the words of ICD 203 (2015).

    Parameters
    ----------
    p_any
        The probability.
    words
        The section ``likelihoods`` of a catalogue.

    Examples
    --------
    >>> from riskmap.outputs.catalogues import catalogue
    >>> words = catalogue("en")["likelihoods"]
    >>> likelihood(0.5, words), likelihood(0.22, words), likelihood(0.043, words)
    ('roughly even chance', 'about 1 in 5', 'about 1 in 23')
    >>> likelihood(2e-7, words)
    'fewer than 1 in 10,000'
    """
    if p_any < RAREST:
        return words["rarest"].format(n=f"{1 / RAREST:,.0f}")
    name = next(name for bound, name in _LIKELIHOODS if p_any <= bound)
    n = 1 / p_any
    return words[name].format(n=f"{n if n < 10 else float(f'{n:.2g}'):,.0f}")  # noqa: PLR2004


def percent_range(least: float, most: float, words: Mapping[str, Any]) -> str:
    """Return the range of two probabilities for readers; one when they read alike.

    Examples
    --------
    >>> words = catalogue("en")
    >>> percent_range(0.08, 0.2, words), percent_range(0.971, 0.999, words)
    ('8–20 %', '97 – > 99 %')
    >>> percent_range(0.121, 0.122, words)
    '12 %'
    """
    low, high = percent(least, words), percent(most, words)
    between = " – " if high.startswith((">", "<")) else "–"
    return high if low == high else f"{low.rstrip(' %')}{between}{high}"


def chance(row: Any, words: Mapping[str, Any]) -> str:
    """Return a probability with its words, and the range over the models where it is known.

    Parameters
    ----------
    row
        With ``p_any``, ``p_least`` and ``p_most``.
    words
        A catalogue.

    Examples
    --------
    >>> from types import SimpleNamespace as Row
    >>> chance(Row(p_any=0.12, p_least=0.08, p_most=0.2), catalogue("en"))
    '12 % (about 1 in 8; models: 8–20 %)'
    """
    if pd.isna(row.p_any):  # a level that is kept from a layer before
        return "–"
    said = [likelihood(row.p_any, words["likelihoods"])]
    if not pd.isna(row.p_most):
        between = percent_range(row.p_least, row.p_most, words)
        said.append(words["sentences"]["models"].format(range=between))
    return aside(percent(row.p_any, words), words["list"].join(said), words)


def aside(text: str, more: str, words: Mapping[str, Any]) -> str:
    """Return a text with more of it in brackets, if there is any.

    Examples
    --------
    >>> aside("12 %", "about 1 in 8", catalogue("en")), aside("12%", "", catalogue("zh"))
    ('12 % (about 1 in 8)', '12%')
    """
    return str(words["aside"].format(text=text, more=more)) if more else text


def percent(p: float, words: Mapping[str, Any]) -> str:
    """Return a probability for readers: two digits, never a bare 0 or 100 %.

    Examples
    --------
    >>> [percent(p, catalogue("en")) for p in (0.0004, 0.037, 0.5, 0.999)]
    ['0.04 %', '3.7 %', '50 %', '> 99 %']
    >>> percent(0.5, catalogue("zh"))
    '50%'
    """
    n = "< 0.01" if p < RAREST else f"{float(f'{100 * p:.2g}'):g}"
    n = "> 99" if p > 0.99 else n  # noqa: PLR2004 - nothing is certain
    return str(words["percent"].format(n=n))


def percent_bound(p: float, words: Mapping[str, Any]) -> str:
    """Return a threshold as it was published.

    Examples
    --------
    >>> percent_bound(0.005, catalogue("en"))
    '0.5 %'
    """
    return str(words["percent"].format(n=f"{100 * p:.6g}"))


def victims(number: float, words: Mapping[str, Any]) -> str:
    """Return how many people are expected to be hit, as people say it.

    Examples
    --------
    >>> [victims(n, catalogue("en")) for n in (2.7e-6, 0.4, 1234.0)]
    ['fewer than 1 in 100', '0.4', '1,200']
    """
    if number < _FEW:
        return str(words["few_victims"])
    short = float(f"{number:.2g}")
    return f"{short:,.0f}" if short >= 100 else f"{short:g}"  # noqa: PLR2004


def attacks_words(number: float, words: Mapping[str, Any]) -> str:
    """Return how many attacks are told of a region: one may be known to lie in one of several.

    Examples
    --------
    >>> [attacks_words(n, catalogue("en")) for n in (0, 3, 1.11254, 0.04)]
    ['0', '3', 'about 1', 'perhaps 1']
    """
    whole = NONE if pd.isna(number) else f"{number:.0f}"
    if pd.isna(number) or abs(number - round(number)) < _FEW:
        return whole
    return str(words["about"].format(n=whole) if number >= _MOSTLY else words["perhaps"])


def distance(metres: float, words: Mapping[str, Any]) -> str:
    """Return a distance as people say it: two digits, in metres below one kilometre.

    Examples
    --------
    >>> distance(178.4, catalogue("en")), distance(12_340.0, catalogue("zh"))
    ('180 m', '12 公里')
    """
    short = float(f"{metres:.2g}")
    key, n = ("metres", short) if short < 1000 else ("kilometres", short / 1000)  # noqa: PLR2004
    return str(words[key].format(n=f"{n:g}"))


def region_names(rows: pd.DataFrame, words: Mapping[str, Any]) -> list[str]:
    """Return the names of regions, with what they are part of."""
    return [
        place_name(name if display(name) else key, parent, words)
        for key, name, parent in zip(rows["region_id"], rows["name"], rows["parent"], strict=True)
    ]


def place_name(name: Any, parent: Any, words: Mapping[str, Any]) -> str:
    """Return the name of a region with what it is part of.

    Examples
    --------
    >>> place_name("Rostaq", "Takhar", catalogue("en")), place_name("Rostaq", None, catalogue("en"))
    ('Rostaq (Takhar)', 'Rostaq')
    >>> place_name("塔哈尔省", "阿富汗", catalogue("zh"))
    '阿富汗塔哈尔省'
    """
    said, of = display(name), display(parent)
    if not of:
        return said
    return _BETWEEN.sub("", words["place_in"].format(name=said, parent=of))


def enumerated(places: Sequence[str], words: Mapping[str, Any]) -> str:
    """Return names in one line: the first five, and how many more there are."""
    named = words["comma"].join(places[:_NAMED])
    if len(places) <= _NAMED:
        return str(named)
    return str(words["sentences"]["and_more"].format(places=named, n=len(places) - _NAMED))


def level_words(level: Any, words: Mapping[str, Any]) -> str:
    """Return a level as its number and name; what is not assessed has no number, a dash if missing.

    Examples
    --------
    >>> from riskmap.outputs.catalogues import catalogue
    >>> [level_words(level, catalogue("en")) for level in (3, 0, None)]
    ['3 moderate', '? not assessed', '–']
    """
    if pd.isna(level):
        return NONE
    name = words["levels"][LEVEL_NAMES[int(level)]]
    return str(words["level_named"].format(n=int(level), name=name) if level else f"? {name}")


def level_least(level: Any, *, at_least: Any, words: Mapping[str, Any]) -> str:
    """Return a level as its number and name, "at least" before it where it may be higher.

    Examples
    --------
    >>> level_least(3, at_least=True, words=catalogue("en"))
    'at least 3 moderate'
    """
    text, known = level_words(level, words), level > 0
    return str(
        words["told"]["at_least"].format(level=text) if known and is_told(at_least) else text
    )


def level_told(row: Any, words: Mapping[str, Any]) -> str:
    """Return a level with all that belongs to it: the span, at least, attacked, kept.

    Parameters
    ----------
    row
        A row of risks with ``risk_level, level_low, level_high, at_least, attacked, level_as_of``.
    words
        A catalogue.

    Examples
    --------
    >>> from types import SimpleNamespace as Row
    >>> row = Row(risk_level=3, level_low=2, level_high=4, at_least=True, attacked=True,
    ...           level_as_of=pd.NaT)
    >>> level_told(row, catalogue("en"))
    'at least 3 moderate (2 to 4), attacked'
    """
    said, level = words["told"], 0 if pd.isna(row.risk_level) else int(row.risk_level)
    text = level_least(level, at_least=row.at_least, words=words)
    span = (row.level_low, row.level_high)
    if level and not any(map(pd.isna, span)) and span[0] < span[1]:
        text = said["span"].format(level=text, low=int(span[0]), high=int(span[1]))
    if not pd.isna(row.level_as_of):
        text = said["kept"].format(level=text, date=day_words(row.level_as_of, words))
    return str(said["attacked"].format(level=text) if is_told(row.attacked) else text)


def lies_here(rows: pd.DataFrame) -> pd.Series:
    """Return which rows are of incidents that lie in their region more probably than elsewhere.

    Of the others the district is not known, or they count incidents and are none.

    Examples
    --------
    >>> lies_here(pd.DataFrame({"weight": [1.0, 0.5, 0.3]})).tolist()
    [True, False, False]
    """
    return (rows["weight"] > _MOSTLY) & is_incident(rows)


def is_told(flag: Any) -> bool:
    """Return whether a flag is set; a missing one is not."""
    return not pd.isna(flag) and bool(flag)


def level_sign(level: int, *, at_least: bool = False) -> str:
    """Return the sign of a level on a map.

    Examples
    --------
    >>> level_sign(3, at_least=True), level_sign(0)
    ('3+', '?')
    """
    return f"{level or '?'}{'+' if level and at_least else ''}"


def level_in(text: str) -> str:
    """Return the number that stands in a level told in words; empty when none does.

    Examples
    --------
    >>> level_in("at least 3 moderate (2 to 4)"), level_in("? not assessed"), level_in("none")
    ('3', '?', '')
    """
    found = _LEVEL.match(text)
    return found[1] if found else ""


def codes_in(text: Any) -> list[str]:
    """Return the codes that stand side by side with ``;`` between them.

    Examples
    --------
    >>> codes_in("silent;rows_lost"), codes_in(None)
    (['silent', 'rows_lost'], [])
    """
    return [code.strip() for code in display(text).split(";") if code.strip()]


def day_words(moment: Any, words: Mapping[str, Any]) -> str:
    """Return a day as people write it.

    Examples
    --------
    >>> day_words("2025-01-21", catalogue("en")), day_words("2025-01-21", catalogue("zh"))
    ('21 January 2025', '2025年1月21日')
    """
    moment = pd.Timestamp(moment)
    month = words["months"][moment.month - 1] if words["months"] else ""
    parts = {"day": moment.day, "month": month, "number": moment.month, "year": moment.year}
    return str(words["date_words"].format(**parts))


def day(value: Any) -> str:
    """Return the day of a time, as it stands.

    Examples
    --------
    >>> day("2025-01-01T00:00:00Z"), day(None)
    ('2025-01-01', '')
    """
    return display(value)[:10]


def _day_or_dash(value: Any, words: Mapping[str, Any]) -> str:
    return day_words(day(value), words) if value else NONE


def validity(known: Mapping[str, Any], words: Mapping[str, Any]) -> str:
    """Return from when to when a layer holds, from its provenance."""
    return str(
        words["valid_value"].format(
            start=_day_or_dash(known.get("valid_from"), words),
            end=_day_or_dash(known.get("valid_until"), words),
            days=f"{known.get('horizon_days', 0):g}",
        )
    )


def country_name(code: Any, words: Mapping[str, Any]) -> str:
    """Return the name of a country in a language; in English or as its code where there is none.

    Examples
    --------
    >>> from riskmap.outputs.catalogues import catalogue
    >>> [country_name(code, catalogue("zh")) for code in ("AFG", "XQA")]
    ['阿富汗', 'XQA']
    """
    return display(words.get("countries", {}).get(code) or countries.name_in(code, words["code"]))


def country_names(codes: str, words: Mapping[str, Any]) -> str:
    """Return the names of countries whose codes stand side by side with ``;`` between them.

    Examples
    --------
    >>> from riskmap.outputs.catalogues import catalogue
    >>> country_names("CHN;IND", catalogue("en"))
    'China, India'
    """
    return str(words["comma"].join(country_name(code, words) for code in codes_in(codes)))


def nationals(codes: str, words: Mapping[str, Any]) -> str:
    """Return people by their nationalities, whose codes stand side by side with ``;`` between them.

    Examples
    --------
    >>> from riskmap.outputs.catalogues import catalogue
    >>> nationals("CHN;IND", catalogue("en")), nationals("CHN", catalogue("zh"))
    ('Chinese, Indian nationals', '中国公民')
    """
    people = words["comma"].join(people_of(code, words) for code in codes_in(codes))
    return str(words["nationals"].format(people=people)) if people else ""


def people_of(code: str, words: Mapping[str, Any]) -> str:
    """Return the people of a country in a language, such as ``"Chinese"``."""
    known = countries.table().get(code)
    if words["code"] == "en" and known and known.demonyms:
        return display(known.demonyms[0])
    return country_name(code, words)


def incident_words(row: Any, words: Mapping[str, Any]) -> str:
    """Return an incident in a few words: what, the toll, and of which country people were."""
    parts = (type_words(row, words), victim_words(row, words))
    return str(words["phrase"].join(filter(None, parts)))


def type_words(row: Any, words: Mapping[str, Any]) -> str:
    """Return of what type an incident is; as it is written where that is in no list."""
    strange = dict(split_remarks(display(getattr(row, "not_understood", ""))))
    if "event_type" in strange and display(row.event_type) in ("", "other", "unknown"):
        return f"\u201c{display(strange['event_type'])}\u201d"
    return str(words["event_types"].get(display(row.event_type), display(row.event_type)))


def victim_words(row: Any, words: Mapping[str, Any]) -> str:
    """Return the toll of an incident and whose nationals were hit; empty when unknown.

    A toll that is a bound, such as ``several``, is told as at least so many.
    """
    said, bounds = words["sentences"], display(getattr(row, "toll", ""))
    parts = []
    for key in TOLLS:
        n = getattr(row, key)
        if not pd.isna(n) and n > 0:
            least = key in bounds
            number = said["least"].format(n=int(n)) if least else int(n)
            parts.append(said[key].format(n=number))
    people = nationals(display(row.nationality), words)
    key = "aimed" if hit_nobody_foreign(row) else "hit"
    parts += [said[key].format(people=people)] if people else []
    return str(words["phrase"].join(parts))


def hit_nobody_foreign(row: Any) -> bool:
    """Return whether an incident was aimed at people from abroad and is known to have hit none."""
    abroad = set(codes_in(row.nationality)) - {display(getattr(row, "country", ""))}
    foreign: Any = getattr(row, "foreign_victims", None)
    return bool(abroad) and not pd.isna(foreign) and int(foreign) == 0


def notice(known: Mapping[str, Any], words: Mapping[str, Any]) -> str:
    """Return the notice of a layer; that of the demonstration in the reader's language."""
    told = display(known.get("notice"))
    return str(words["demo_notice"]) if told == catalogue("en")["demo_notice"] else told


def no_issue_before(known: Mapping[str, Any], words: Mapping[str, Any]) -> str:
    """Return that a layer is compared with none before; whether there is one that was left out."""
    said, over = words["sentences"], day(known.get("passed_over"))
    return str(said["passed_over"].format(day=over) if over else said["first_issue"])


def is_capped(rows: pd.DataFrame) -> pd.Series:
    """Return where the number gives more than the level, because one source alone tells it."""
    capped = rows["single_source"].eq(other=True) & (rows["threshold_level"] > rows["risk_level"])
    return capped.fillna(value=False).astype(bool)
