"""Any table with a date and a place: the columns of docs/formats.md, or a column map.

The names of columns are those of ``data/incident_words.csv``. Who was hit, and at whom it was
aimed, is read from columns of words: nationality, sector, staff, target.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.countries import find_country, from_iso2
from riskmap.incidents.coordinates import SQUARE, split_pair
from riskmap.incidents.counted import read_sums
from riskmap.incidents.feeds.mappings import (
    AREAS,
    STAFF_TYPES,
    Codes,
    Feed,
    Source,
    find_precision,
    same_words,
)
from riskmap.incidents.feeds.own_columns import (
    column_names,
    find_harm_columns,
    find_nation_columns,
    find_parts,
    is_sum,
    join_texts,
    known_names,
    read_ticks,
)
from riskmap.incidents.nationalities import find_nationalities, find_target
from riskmap.incidents.parts import NO_FILE
from riskmap.incidents.quarantines import (
    EMPLOYER,
    HIT,
    REASONS,
    find_foreign_columns,
    tells_of_others,
    tells_who,
)
from riskmap.incidents.values import (
    clean_texts,
    first_filled,
    is_untold,
    parse_counts,
    per_unique,
    repeat_text,
)
from riskmap.incidents.victim_notes import find_harm
from riskmap.incidents.victim_phrases import find_aim, find_people
from riskmap.incidents.words import (
    ATTACKS,
    PARTS,
    find_sectors,
    find_word,
    is_blank,
    key,
    may_have_hurt,
    read_words,
    says_yes,
)
from riskmap.schema import DATE_PRECISIONS, EVENT_TYPES, GEO_PRECISIONS, RELIABILITIES, TOLLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray


#: What a column's text says: its value, whether somebody was foreign, and words in no list.
Answer = tuple[str | None, bool, list[str]]

#: What in the name of a column says that it counts some of the victims.
_PARTIAL = {
    **dict.fromkeys(("kill", "dead", "death", "kia"), "killed"),
    **dict.fromkeys(("wound", "injur", "wia"), "wounded"),
    **dict.fromkeys(("abduct", "kidnap"), "abducted"),
}
_FOREIGN = "foreign"
#: What stands in a column of victims that is more than a number.
_LETTER = r"[^\W\d_]"


def find_iso(text: str) -> str | None:
    """Return the alpha-3 code of a name or of a code of two or three letters; NA is Namibia.

    Examples
    --------
    >>> find_iso("NA"), find_iso("Afghanistan"), find_iso("AFG")
    ('NAM', 'AFG', 'AFG')
    """
    return find_country(text) or from_iso2(text)


def _finish(source: Source, frame: pd.DataFrame) -> Mapping[str, Any]:
    """Return who was hit, when rows became known, and how exact an unstated place is.

    What a row of a vessel calls its place are waters: a name that a town on land may bear as well.
    """
    names = column_names()
    afloat = source.clean(*names["vessel"])
    afloat = afloat.mask(per_unique(afloat.fillna(""), is_blank, "bool"))
    at_sea = afloat.notna() & frame[["admin1", "admin2", "region_id"]].isna().all(axis=1)
    waters = frame["place"].where(at_sea)
    frame = frame.assign(place=frame["place"].mask(at_sea))
    frame = frame.assign(**add_parts(source, frame))
    sums = find_harm_columns(tuple(source.raw.rows.columns))
    notes = (source.tolls, source.not_understood)
    frame = frame.assign(**read_sums(source.raw.rows, frame, sums, *notes))
    lost = note_points(source, frame)
    why = stated_reasons(source).fillna(lost.where(lost.isna(), "bad_coordinates"))
    frame = frame.assign(**read_foreign(source, frame))
    hit = [
        texts.where(texts.str.contains(_LETTER, na=False))
        for texts in source.every(*names["victims"])
    ]
    for fate in TOLLS:  # as of "2 Chinese" among the killed
        for texts in source.every(*names[fate]):
            nations = per_unique(texts.fillna(""), _foreign_words)
            hit.append(texts.where(nations != "") + f" {fate}")
            nations = nations.where(~nations.isin(("", _FOREIGN)))
            frame["nationality"] = join_texts(frame["nationality"], nations)
    note_unsure_harm(source, frame)
    used = {source.name(name) for some in (*names.values(), _OWN_NAMES) for name in some}
    used |= source.also_read
    unstated = pd.Series(find_precision(frame), frame.index, dtype="str")
    unstated = unstated.mask(frame["region_id"].notna()).mask(frame["latitude"].notna(), "point")
    return {
        **{name: frame[name] for name in ("place", *TOLLS)},
        "geo_precision": frame["geo_precision"].fillna(unstated),
        **read_people(source, frame),
        "notes": join_texts(
            *source.every(*names["notes"], *read_words("what")),
            *("Victims: " + texts for texts in hit),
            *("Vessel: " + afloat, "At sea: " + waters),
            *hear_others(source, used),
        ),
        "ingested_at": source.moments("ingested_at"),
        "set_aside": why.fillna(find_sums(source, frame, names)),
        "set_aside_detail": source.clean("quarantine_detail").fillna("coordinates: " + lost),
        "source": clean_texts(source.texts("source")).fillna(_file_source(source.raw.name)),
    }


def read_foreign(source: Source, frame: pd.DataFrame) -> dict[str, pd.Series]:
    """Return foreign victims, nationalities and kinds of staff as columns count, ask or name them.

    What else is read so counts as read.
    """
    names = column_names()
    nation_of = {key(name): code for name, code in find_nation_columns(source.raw.rows).items()}
    parts = _foreign_parts(source)
    asked = [key(name) for name in find_foreign_columns(source.raw.header, known_names())]
    counting = (*names["foreign_victims"], *parts, *asked, *nation_of)
    kinds = list(_kinds_of_people(source, names["victims"]))
    note_untold(source, frame, counting, nation_of)
    victims, nations = count_foreign(source, counting, frame, nation_of, parts)
    source.also_read |= {source.name(name) for name in (*nation_of, *asked)}
    stated = source.every(*names["nationality"])
    return {
        "foreign_victims": victims,
        "nationality": join_texts(*stated, nations, *(texts for texts, _ in kinds)),
        "staff_type": frame["staff_type"].fillna(_kind_of_staff(source, kinds)),
    }


def add_parts(source: Source, frame: pd.DataFrame) -> dict[str, pd.Series]:
    """Return tolls with those of columns that count some of the victims ("Civ KIA").

    A column of all victims is one where it is nowhere less than the others together; elsewhere it
    counts some of them too ("KIA" beside "Civ KIA"), and all are added. Without such a column the
    others together are the least.
    """
    tolls = {}
    for name in TOLLS:
        columns = find_parts(tuple(source.raw.rows.columns), name)
        numbers = [parse_counts(source.raw.rows[one], source.unknown).numbers for one in columns]
        if not numbers:
            continue
        parts = pd.concat(numbers, axis=1).sum(axis=1, min_count=1).astype("Int64")
        parts.index, total = frame.index, frame[name]
        is_whole = bool((parts.fillna(0) <= total).fillna(value=False)[total.notna()].all())
        told = total.fillna(0) + parts.fillna(0)
        tolls[name] = (
            total.fillna(parts)
            if is_whole and total.notna().any()
            else told.mask(total.isna() & parts.isna())
        )
        least = (total.isna() & parts.notna()).to_numpy(bool)
        source.tolls.add(name, least, tolls[name].astype("str") + "+")
    return tolls


def _is_told(texts: pd.Series) -> NDArray[np.bool_]:
    """Return which cells say anything."""
    blank = per_unique(texts.fillna(""), is_blank, "bool").to_numpy(bool)
    return np.asarray(texts.notna().to_numpy() & ~blank)


def _foreign_parts(source: Source) -> dict[str, str]:
    """Return the columns that count foreign people among the victims, and what befell those."""
    header = tuple(source.raw.rows.columns)
    found = [(name, *item) for name in TOLLS for item in find_parts(header, name).items()]
    return {key(column): name for name, column, whose in found if whose == _FOREIGN}


def note_points(source: Source, frame: pd.DataFrame) -> pd.Series:
    """Note what stands in a column of coordinates and is none, and return it where no name helps.

    Its rows are placed by their names; those that name no more than a country are set aside.
    """
    texts = source.clean(*column_names()["coordinates"])
    unread = frame["latitude"].isna().to_numpy() & _is_told(texts)
    read = per_unique(texts.fillna(""), lambda text: split_pair(text)[0] != "", "bool")
    unread &= (~read | texts.str.fullmatch(SQUARE).fillna(value=False)).to_numpy(bool)
    nameless = frame[["admin1", "admin2", "region_id", "place"]].isna().all(axis=1).to_numpy(bool)
    source.not_understood.add("coordinates", unread & ~nameless, texts)
    return texts.where(unread & nameless)


def note_unsure_harm(source: Source, frame: pd.DataFrame) -> None:
    """Note detentions, blockades, harassment and the like that don't say whether anybody was hurt.

    What a cell leaves blank is no zero: such a row is an attack of unknown harm.
    """
    untold = frame[list(TOLLS)].isna().all(axis=1)
    texts = source.texts(*column_names()["event_type"])
    unsure = per_unique(texts.where(untold, ""), may_have_hurt, "bool").to_numpy(bool)
    attacks = frame["event_type"].isin((*ATTACKS, "unknown")).to_numpy()
    source.not_understood.add("killed", unsure & ~attacks, "not told, " + texts)


def stated_reasons(source: Source) -> pd.Series:
    """Return why rows can't be used, as an import that wrote them says; missing for others."""
    told = source.clean("quarantine_reason")
    return told.where(told.isin(REASONS))


def find_sums(
    source: Source, frame: pd.DataFrame, names: Mapping[str, tuple[str, ...]]
) -> pd.Series:
    """Return which rows sum up others: those without a date, or of counts without a place."""
    sums = repeat_text(None, len(source))
    if any(name in source for name in names["count"]):
        for name in AREAS[:-1]:
            sums[per_unique(frame[name].fillna(""), is_sum, "bool").to_numpy(bool)] = "aggregate"
    dates = source.texts(*names["event_date"])
    undated = np.flatnonzero((dates == "") | per_unique(dates, is_sum, "bool").to_numpy(bool))
    rows = source.raw.rows.iloc[undated]
    first = first_filled(rows[name] for name in rows)
    sums.iloc[undated[per_unique(first, is_sum, "bool").to_numpy(bool)]] = "aggregate"
    return sums


def _file_source(name: str) -> str:
    """Return what stands for the source of rows that state none: their file's name.

    Two desks' files are two sources, and their incident 7 is not one incident.
    """
    return "generic" if name == NO_FILE else name.partition(".")[0] or "generic"


def _kinds_of_people(
    source: Source, victims: Iterable[str]
) -> Iterator[tuple[pd.Series, pd.Series]]:
    """Yield what columns say of the victims that is no more than "foreign", and than "local".

    Where they say "local" it is a kind of staff, which closes no text that names a nationality.
    """
    for name in (*victims, *read_words("victim_kind")):
        if name in source:
            texts = source.clean(name)
            staff = per_unique(texts.fillna(""), partial(find_word, "staff_type"), "str")
            is_local = staff.isin(("national", "mixed"))
            is_foreign = staff == "international"
            is_foreign |= per_unique(texts.fillna(""), partial(find_word, "foreign"), "str").notna()
            yield texts.where(is_foreign & ~is_local), staff.where(is_local)
            if tells_who(name):
                strange = _is_told(texts) & ~(is_foreign | is_local).to_numpy(bool)
                source.not_understood.add("nationality", strange, f"{source.name(name)}: " + texts)
                source.also_read.add(source.name(name))


def _kind_of_staff(source: Source, kinds: Sequence[tuple[pd.Series, pd.Series]]) -> pd.Series:
    """Return what columns of kinds of victims say together; local and foreign people are mixed."""
    local = join_texts(source.clean(), *(texts for _, texts in kinds)).astype("str")
    foreign = join_texts(source.clean(), *(texts for texts, _ in kinds)).notna()
    is_mixed = local.str.contains("mixed", na=False) | (local.notna() & foreign)
    return local.str.replace(";.*", "", regex=True).mask(is_mixed, "mixed")


def note_untold(
    source: Source, frame: pd.DataFrame, columns: Iterable[str], nation_of: Mapping[str, str]
) -> None:
    """Note cells that say that it is not known how many of the victims were foreign.

    Where nobody was hit none was; and people of the row's own country are not foreign.

    Parameters
    ----------
    source, frame
        The rows, which keep the notes, and their columns so far.
    columns, nation_of
        As for :func:`count_foreign`.
    """
    unhurt = (frame[list(TOLLS)] == 0).fillna(value=False).all(axis=1).to_numpy(bool)
    for name in columns:
        if name in source:
            untold = per_unique(source.texts(name), is_untold, "bool").to_numpy(bool)
            home = (source.countries == nation_of.get(name, "")).to_numpy(bool)
            written = f"{source.name(name)}: " + source.texts(name)
            source.not_understood.add("foreign_victims", untold & ~unhurt & ~home, written)


def count_foreign(
    source: Source,
    columns: Iterable[str],
    frame: pd.DataFrame,
    nation_of: Mapping[str, str],
    parts: Mapping[str, str],
) -> tuple[pd.Series, pd.Series]:
    """Return how many foreign people were hit, and the nationalities that such columns name.

    Counts of the killed, the wounded and the abducted are summed; of totals the largest counts.
    That none were killed says nothing of the others: a sum of none is none only where each of what
    may have befallen people in the row is told. What may be none or some ("0-1", "0?") is neither.

    Parameters
    ----------
    source
        The rows, which keep the notes.
    columns
        Names of columns of counts of foreign people, those that say which part of them among them.
    frame
        The rows' types and tolls.
    nation_of
        The nation that some of them count; those of the row's own country are not foreign.
    parts
        What befell those whom some of them count, where their names don't say it in English.
    """
    totals = [pd.Series(pd.NA, range(len(source)), "Int64")]
    partial = [totals[0]]
    open_ = _may_have_befallen(frame)
    nations = [source.clean()]
    names = {source.name(name): name for name in columns if name in source}
    for name in names.values():
        texts = source.texts(name)
        found = parse_counts(read_ticks(texts), source.unknown)
        words = per_unique(texts, _foreign_words)
        is_word = found.strange & (words != "").to_numpy(bool)
        may_be_none = found.bounds & (found.numbers == 0).to_numpy(dtype=bool, na_value=False)
        source.tolls.add("foreign_victims", (found.bounds & ~may_be_none) | is_word, texts)
        source.not_understood.add(
            "foreign_victims", (found.strange | may_be_none) & ~is_word, texts
        )
        numbers = found.numbers.mask(may_be_none).mask(is_word, 1)
        if nation := nation_of.get(name):
            home = source.countries == nation
            told = (numbers.fillna(0) > 0) | found.strange
            words = pd.Series(nation, texts.index, dtype="str").where(told & ~home, "")
            # that none of one nation were hit tells nothing of the others
            numbers = numbers.mask(home | (numbers == 0)).mask(found.strange & (words != ""), 1)
        fates = {fate for part, fate in _PARTIAL.items() if part in name}
        fates = fates or {parts[one] for one in (name,) if one in parts}
        for fate in fates:
            open_[fate] &= numbers.isna().to_numpy(bool)
        (partial if fates else totals).append(numbers)
        nations.append(words.where((words != "") & (words != _FOREIGN) & (numbers != 0)))
    told = pd.concat(partial, axis=1).sum(axis=1, min_count=1)
    none = (told == 0).fillna(value=False).to_numpy(bool)
    kidnapped = none & open_["abducted"] & (frame["event_type"] == "abduction").to_numpy(bool)
    untold = pd.Series("abducted: not told", frame.index)
    source.not_understood.add("foreign_victims", kidnapped, untold)
    totals.append(told.mask(none & np.any([*open_.values()], axis=0)))
    return pd.concat(totals, axis=1).max(axis=1).astype("Int64"), join_texts(*nations)


def _may_have_befallen(frame: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
    """Return of each of the tolls in which rows it is not told that nobody is among them.

    An attack of a type of its own has abducted nobody, unless the row says so.
    """
    may = {name: (frame[name].fillna(1) > 0).to_numpy(bool) for name in TOLLS}
    other = frame["event_type"].isin(set(EVENT_TYPES) - {"abduction", "unknown"})
    may["abducted"] &= ~(frame["abducted"].isna() & other).to_numpy(bool)
    return may


def _foreign_words(text: str) -> str:
    """Return the nationalities that a text names, else "foreign" where it says so."""
    found, foreign, _ = find_nationalities(text)
    return ";".join(found) or (_FOREIGN if foreign else "")


def hear_others(source: Source, used: Iterable[str]) -> list[pd.Series]:
    """Return what columns that nothing else reads say of who was hit, as further notes.

    Such are a column of a desk's own name with a sentence ("Subject"), and a count whose name says
    of whom it is ("Chinese killed").

    Parameters
    ----------
    source
        The rows.
    used
        The columns that are read, as the file writes them.
    """
    known = set(used)
    names = [name for name in source.raw.rows.columns if name and name not in known]
    heard = []
    for name in names:
        if tells_of_others(key(name)):
            continue
        hear = _hear_tick if tells_who(key(name)) else _hear
        texts = per_unique(read_ticks(source.raw.rows[name].fillna("")), partial(hear, name))
        if (texts != "").any():
            heard.append(clean_texts(texts))
    return heard


def _hear_tick(name: str, text: str) -> str:
    """Return as a note that what a column is named for was hit: "Chinese interests (Y/N)"."""
    aim = f"attack on {name.partition('(')[0].replace('_', ' ').strip(' ?')}"
    return aim if (says_yes(text) or text.strip() == "1") and find_aim(aim) else ""


def _hear(name: str, text: str) -> str:
    """Return a cell as a note where it says that people, or what is theirs, were hit."""
    words = name.replace("_", " ").strip()
    if key(name) in read_words("employer_column"):
        return "" if is_blank(text) else EMPLOYER + text
    if heard := _hear_tick(name, text):
        return heard
    if HIT.search(words.casefold()):
        text = f"Victims: {text} {words}" if text.strip().isdigit() and int(text) else text
        text = text if text.startswith("Victims: ") else f"Victims: {text}"
    told = any(person.was_hit or text.startswith("Victims: ") for person in find_people(text))
    return text if told or find_aim(text) or find_harm(text) else ""


def read_people(source: Source, frame: pd.DataFrame) -> Mapping[str, Any]:
    """Return the columns of words as the schema's; what is in no list is noted as written.

    Where a column of nationalities says no more than "foreign", at least one victim was foreign.

    Parameters
    ----------
    source
        The rows, which keep the notes.
    frame
        Their columns so far; ``nationality``, ``sector`` and ``target`` hold text as written.
    """
    columns = {name: frame[name].astype(object).to_numpy(copy=True) for name in _READERS}
    staff = frame["staff_type"].astype(object).to_numpy(copy=True)
    victims = frame["foreign_victims"].to_numpy(dtype=object, copy=True)
    countries = frame["country"].astype(object).where(frame["country"].notna(), None).to_numpy()
    for name, read in _READERS.items():
        known: dict[tuple[str, str | None], Answer] = {}
        for row in np.flatnonzero(frame[name].notna()):
            written = columns[name][row]
            asked = (written, countries[row])
            if asked not in known:
                known[asked] = read(*asked)
            columns[name][row], foreign, strange = known[asked]
            for value in strange:
                source.not_understood.note(int(row), name, value)
            if foreign and pd.isna(victims[row]):
                victims[row] = 1
                source.tolls.note(int(row), "foreign_victims", written)
            if foreign and pd.isna(staff[row]):
                staff[row] = "mixed" if columns[name][row] == countries[row] else "international"
    texts = {name: pd.Series(values, frame.index, "str") for name, values in columns.items()}
    return texts | {
        "staff_type": pd.Series(staff, frame.index, "str"),
        "foreign_victims": pd.Series(pd.array(victims, dtype="Int64"), frame.index),
    }


def _nationality(text: str, country: str | None) -> Answer:
    found, foreign, strange = find_nationalities(text, country)
    # beside "local" in a form's list it is a foreign one
    other = key(text) in read_words("other_nation")
    if other or (found == [country] and any(map(is_untold, PARTS.split(text)))):
        strange = [text]
    return ";".join(found) or None, foreign, strange


def _sector(text: str, _: str | None) -> Answer:
    found = find_sectors(text)
    is_none = is_blank(text) or find_word("target", text) == ""
    return next(iter(found), None), False, [] if len(found) == 1 or is_none else [text]


def _target(text: str, country: str | None) -> Answer:
    found = find_target(text, country)
    return found or None, False, [text] if found is None and not is_blank(text) else []


_READERS: Mapping[str, Callable[[str, str | None], Answer]] = {
    "nationality": _nationality,
    "sector": _sector,
    "target": _target,
}


#: Columns that are found by the schema's name alone.
_OWN_NAMES = (
    *("toll", "not_understood", "claimed_by", "attributed_to", "credibility", "source_count"),
    *("scope", "quarantine_reason", "quarantine_detail"),
)


@lru_cache(maxsize=1)
def generic_feed() -> Feed:
    """Return the feed of any other table."""
    names = {**column_names(), **{name: (name,) for name in _OWN_NAMES}}
    texts = (
        *("source_id", "place", "admin1", "admin2", "region_id", "nationality", "sector"),
        *("target", "actor", "claimed_by", "attributed_to", "scope", "notes"),
        *("toll", "not_understood", "foreign_victims"),
    )
    counts = ("killed", "wounded", "abducted", "credibility", "source_count")
    return Feed(
        name="generic",
        title="generic table",
        required=frozenset(),
        dates=(names["event_date"], names["event_date_end"]),
        texts={name: names[name] for name in texts}
        | {"notes": (*names["notes"], *names["victims"], *read_words("what"))},
        counts={name: names[name] for name in counts},
        count=names["count"],
        codes={
            "event_type": Codes(names["event_type"], same_words(EVENT_TYPES), "unknown"),
            "date_precision": Codes(("date_precision",), same_words(DATE_PRECISIONS)),
            "geo_precision": Codes(("geo_precision",), same_words(GEO_PRECISIONS)),
            "reliability": Codes(("reliability",), same_words(RELIABILITIES)),
            "staff_type": Codes(("staff_type",), same_words(STAFF_TYPES)),
        },
        country=(names["country"], find_iso),
        point=(names["latitude"], names["longitude"]),
        vessels=names["vessel"],
        finish=_finish,
        reads=None,
    )
