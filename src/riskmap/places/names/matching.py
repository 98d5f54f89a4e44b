"""How one written name meets the forms of a gazetteer: stages, likeness, the rule that decides."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from rapidfuzz import fuzz, process

from riskmap.places.names.forms import (
    LISTED,
    NAME,
    PLACE,
    Form,
    consonant_key,
    fold_at,
    fold_name,
    name_variants,
    skeleton,
    sound_name,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Scores = NDArray[np.float32]

#: Share of the consonants in the likeness; the rest is the whole sound.
CONSONANT_SHARE = 0.4
#: What a likeness is worth that needs the words in another order.
REORDERED = 0.97
#: Share of the dotless shapes where both names are Perso-Arabic and the shapes are more alike.
SHAPE_SHARE = 0.5


@dataclass(frozen=True)
class FormTable:
    """Forms of names, folded once: each is a row of the arrays.

    Parameters
    ----------
    texts
        The forms as written.
    sounds, reordered, keys, shapes
        Their sounds without spaces, with sorted words, their consonants, their dotless shapes.
    """

    texts: tuple[str, ...]
    sounds: tuple[str, ...]
    reordered: tuple[str, ...]
    keys: tuple[str, ...]
    shapes: tuple[str, ...]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Self:
        """Fold texts.

        Examples
        --------
        >>> FormTable.of(["Qala-e Naw"]).reordered
        ('kala nau',)
        """
        sounds = [sound_name(text) for text in texts]
        return cls(
            texts=tuple(texts),
            sounds=tuple(sound.replace(" ", "") for sound in sounds),
            reordered=tuple(" ".join(sorted(sound.split())) for sound in sounds),
            keys=tuple(consonant_key(sound) for sound in sounds),
            shapes=tuple(skeleton(fold_name(text)) for text in texts),
        )

    def take(self, rows: NDArray[np.int64]) -> FormTable:
        """Return some of the forms."""
        columns = (self.texts, self.sounds, self.reordered, self.keys, self.shapes)
        return FormTable(*(tuple(column[row] for row in rows) for column in columns))


def likeness(queries: FormTable, forms: FormTable) -> Scores:
    """Return how alike each query is to each form, from 0 (nothing in common) to 1 (sound alike).

    ``0.6 max(r(sound), 0.97 r(sorted words)) + 0.4 r(consonants)``, where r is the normalised indel
    similarity; a query of one word has no words to sort. Between Perso-Arabic names the mean of
    that and of r(dotless shapes) counts when it is higher: dots get lost.

    Parameters
    ----------
    queries, forms
        Folded names.

    Returns
    -------
    ndarray of float32, shape (n_queries, n_forms)

    Examples
    --------
    >>> names = FormTable.of(["Chaghcharan", "Chakhcharan", "Taywara"])
    >>> [f"{score:.2f}" for score in likeness(names, names)[0]]
    ['1.00', '0.85', '0.43']
    """
    sound = _ratios(queries.sounds, forms.sounds)
    several = np.flatnonzero([" " in words for words in queries.reordered])
    if len(several):
        reordered = _ratios([queries.reordered[row] for row in several], forms.reordered)
        sound[several] = np.maximum(sound[several], REORDERED * reordered)
    sound *= 1.0 - CONSONANT_SHARE
    sound += CONSONANT_SHARE * _ratios(queries.keys, forms.keys)
    rows = np.flatnonzero([bool(shape) for shape in queries.shapes])
    columns = np.flatnonzero([bool(shape) for shape in forms.shapes])
    if len(rows) and len(columns):
        block = np.ix_(rows, columns)
        shapes = _ratios(
            [queries.shapes[row] for row in rows], [forms.shapes[column] for column in columns]
        )
        mixed = SHAPE_SHARE * shapes + (1.0 - SHAPE_SHARE) * sound[block]
        sound[block] = np.maximum(sound[block], mixed)
    return sound


def _ratios(queries: Sequence[str], forms: Sequence[str]) -> Scores:
    """Return the normalised indel similarity of all pairs, 0 to 1."""
    found: Scores = process.cdist(queries, forms, scorer=fuzz.ratio, dtype=np.float32)
    found /= 100.0
    return found


#: The likeness from which a name may be a match inside a stated parent, and anywhere: among more
#: regions chance finds more likeness. And the lead that it needs over the next region.
MATCH_SCORE = 0.8
MATCH_SCORE_ANYWHERE = 0.88
MATCH_LEAD = 0.08
#: The lead that a place's name needs over those of places in other regions, with no parent stated.
PLACE_LEAD = 0.15
#: The likeness below which a name is a miss.
MISS_SCORE = 0.5

#: A town of so many people, and so many times those of the next of its name, is the one meant.
CITY, CITY_LEAD = 50_000, 10

#: The stages of looking up, in order, and the score of a name that was met there.
STAGE_SCORES = {"exact": 1.0, "folded": 1.0, "alias": 1.0, "sound": 0.99}
_MOST_CANDIDATES = 5
_CELLS = 1_000_000
#: What says that a name is a small place's, whatever region bears it too.
_VILLAGE = re.compile(r"\bvillages?\b|قریه|قرية", re.IGNORECASE)
_NUMBER = re.compile(r"\d")
_LAST_PART = re.compile(r"[(\[{,،]\s*([^()\[\]{},،]+?)\s*[)\]}]?\s*$")


@dataclass(frozen=True)
class Query:
    """One question.

    Parameters
    ----------
    text
        The name as written.
    parents
        The codes of the parents inside which to search; None for everywhere.
    day
        The day on which the name must mean the region; None for any.
    """

    text: str
    parents: tuple[int, ...] | None = None
    day: Any = None


@dataclass(frozen=True)
class Answer:
    """What became of one question.

    Parameters
    ----------
    codes
        The regions that it may be, best first; those of a miss lie outside the query's parents.
    score, status, text, stage
        As in :data:`~riskmap.places.names.RESOLUTION_COLUMNS`.
    is_place
        Whether the name that was met is that of a place in the region.
    """

    codes: tuple[int, ...] = ()
    score: float = 0.0
    status: str = "miss"
    text: str | None = None
    stage: str | None = None
    is_place: bool = False

    @property
    def is_unsure(self) -> bool:
        """Whether no name was met, but at most one that is alike."""
        return self.status != "match" and self.stage in (None, "fuzzy")


@dataclass(frozen=True)
class NameIndex:
    """The forms of all regions under every folding, and of the regions one level up.

    Parameters
    ----------
    tables
        For each stage, the forms by their folded text.
    forms, codes, places
        The forms that likeness is measured to, the region of each, ascending, and whether it is
        the name of a place in it.
    parents
        The index of the regions one level up; None when they have none.
    parent_codes
        The parent of each region, as its code in `parents`; -1 for none.
    """

    tables: dict[str, dict[str, list[Form]]]
    forms: FormTable
    codes: NDArray[np.int64]
    places: NDArray[np.bool_]
    parents: NameIndex | None
    parent_codes: tuple[int, ...]

    @classmethod
    def of(
        cls,
        forms: Sequence[Form],
        aliases: Sequence[Form],
        parents: NameIndex | None,
        parent_codes: Sequence[int],
    ) -> Self:
        """Index names and aliases; an alias with days or another parent is met as folded alone."""
        plain = [*forms, *(alias for alias in aliases if alias.is_plain)]
        plain.sort(key=lambda form: form.code)
        tables: dict[str, dict[str, list[Form]]] = {}
        for stage, known in zip(STAGE_SCORES, (forms, forms, aliases, plain), strict=True):
            table = tables.setdefault(stage, {})
            for form in known:
                table.setdefault(fold_at(form.text, stage), []).append(form)
        likened = [form for form in plain if not form.is_spelt]
        return cls(
            tables=tables,
            forms=FormTable.of([form.text for form in likened]),
            codes=np.array([form.code for form in likened], dtype=np.int64),
            places=np.array([form.tier == PLACE for form in likened], dtype=bool),
            parents=parents,
            parent_codes=tuple(parent_codes),
        )

    def limits(self, parents: Sequence[Any]) -> list[tuple[int, ...] | None]:
        """Return the codes of the parents that each text may name; None where it limits nothing."""
        named = sorted({parent for parent in parents if isinstance(parent, str)})
        if self.parents is None or not named:
            return [None] * len(parents)
        answers = self.parents.answers([Query(name) for name in named])
        limits = {
            name: answer.codes
            for name, answer in zip(named, answers, strict=True)
            if answer.status != "miss"
        }
        return [limits.get(parent) for parent in parents]

    def answers(self, queries: Sequence[Query]) -> list[Answer]:
        """Look each query up, and compare those that bear no known name with every name."""
        queries = [self._split_parent(query) for query in queries]
        answers = [self.look_up(query) for query in queries]
        unknown: dict[tuple[int, ...] | None, list[int]] = {}
        for row, answer in enumerate(answers):
            if answer is None:
                unknown.setdefault(queries[row].parents, []).append(row)
        for parents, rows in unknown.items():
            alike = self.compare([queries[row].text for row in rows], parents)
            for row, answer in zip(rows, alike, strict=True):
                answers[row] = self._elsewhere(queries[row]) if answer is None else answer
        told = [Answer() if answer is None else answer for answer in answers]
        return self._doubt_places(queries, told)

    def _doubt_places(self, queries: Sequence[Query], answers: list[Answer]) -> list[Answer]:
        """Return answers in which a place's name, with no parent stated, is a match only if alone.

        No list knows every village: that only one region has a place of the name is little
        evidence where others have places of nearly the same name, or where it is a number.
        """
        open_ = [
            row
            for row, (query, answer) in enumerate(zip(queries, answers, strict=True))
            if query.parents is None and answer.is_place and answer.status == "match"
        ]
        step = max(1, _CELLS // max(1, len(self.codes)))
        starts = np.flatnonzero(np.diff(self.codes, prepend=-1))
        for begin in range(0, len(open_), step):
            rows = open_[begin : begin + step]
            scores = _likeness_of_variants([queries[row].text for row in rows], self.forms)
            best = np.maximum.reduceat(scores, starts, axis=1)
            for row, alike in zip(rows, best, strict=True):
                near = starts[alike >= alike.max() - PLACE_LEAD]
                others = [
                    code for code in self.codes[near].tolist() if code not in answers[row].codes
                ]
                if others or _NUMBER.search(queries[row].text):
                    codes = (*answers[row].codes, *others)[:_MOST_CANDIDATES]
                    answers[row] = replace(answers[row], status="ambiguous", codes=codes)
        return answers

    def look_up(self, query: Query) -> Answer | None:
        """Return who bears a name as written, folded, as an alias or by sound; None for nobody."""
        for variant in name_variants(query.text) or [query.text]:
            met = [
                (stage, form)
                for stage in STAGE_SCORES
                for form in self.tables[stage].get(fold_at(variant, stage), ())
                if self._is_inside(form, query.parents) and form.holds_on(query.day)
            ]
            if met:
                answer = _agree(met, dated=query.day is not None)
                is_place = answer.is_place or _VILLAGE.search(query.text) is not None
                return replace(answer, is_place=is_place)
        return None

    def find_towns(self, queries: Sequence[Query]) -> list[Answer | None]:
        """Return the region of the town of each name; several where towns of it lie in several.

        A town's own name comes before another's other name, and a city before places of a tenth of
        its people. Inside of a stated parent a name that is alike will do.
        """
        queries = [self._split_parent(query) for query in queries]
        answers = [self._spelt_town(query) for query in queries]
        unknown: dict[tuple[int, ...], list[int]] = {}
        for row, (query, answer) in enumerate(zip(queries, answers, strict=True)):
            if answer is None and query.parents is not None:
                unknown.setdefault(query.parents, []).append(row)
        for parents, rows in unknown.items():
            inside = self._likened(parents)
            for row, answer in zip(
                rows, inside.compare([queries[row].text for row in rows], parents), strict=True
            ):
                if (
                    answer is not None
                    and answer.status == "match"
                    and answer.score > MATCH_SCORE_ANYWHERE
                ):
                    answers[row] = replace(answer, stage="town", is_place=True)
        return answers

    @cached_property
    def _every_form(self) -> tuple[tuple[Form, ...], FormTable]:
        """All names, sorted by the code of their region, and the table to liken others to."""
        every = {id(form): form for met in self.tables["folded"].values() for form in met}
        forms = tuple(sorted(every.values(), key=lambda form: form.code))
        return forms, FormTable.of([form.text for form in forms])

    def _likened(self, parents: tuple[int, ...]) -> NameIndex:
        """Return the names inside some parents to which others can be likened."""
        forms, table = self._every_form
        rows = [row for row, form in enumerate(forms) if self._is_inside(form, parents)]
        inside = [forms[row] for row in rows]
        return replace(
            self,
            tables={},
            forms=table.take(np.array(rows, dtype=np.int64)),
            codes=np.array([form.code for form in inside], dtype=np.int64),
            places=np.array([form.tier == PLACE for form in inside], dtype=bool),
        )

    def _spelt_town(self, query: Query) -> Answer | None:
        """Return the region of the town of a name as it is spelt or sounds."""
        texts = name_variants(query.text) or [query.text]
        for text, stage in product(texts, ("exact", "folded", "sound")):
            met = [
                form
                for form in self.tables[stage].get(fold_at(text, stage), ())
                if self._is_inside(form, query.parents)
            ]
            met = [form for form in met if not form.is_part] or met
            largest: dict[int, Form] = {}
            for form in sorted(met, key=lambda form: (-form.people, form.code)):
                largest.setdefault(form.code, form)
            if largest:
                first, *rest = largest.values()
                alone = not rest or first.people >= max(CITY, CITY_LEAD * rest[0].people)
                codes = (first.code,) if alone else tuple(largest)[:_MOST_CANDIDATES]
                status = "match" if alone else "ambiguous"
                return Answer(
                    codes, STAGE_SCORES["sound"], status, first.text, "town", is_place=True
                )
        return None

    def _split_parent(self, query: Query) -> Query:
        """Return a query whose last bracket or part, when it is a parent's name, is its limit."""
        part = _LAST_PART.search(query.text)
        if part is None or self.parents is None or not fold_name(query.text[: part.start()]):
            return query
        parent = self.parents.look_up(Query(part[1]))
        if parent is None:
            return query
        limit = parent.codes if query.parents is None else query.parents
        return Query(query.text[: part.start()].strip(), limit, query.day)

    def _is_inside(self, form: Form, parents: tuple[int, ...] | None) -> bool:
        own = self.parent_codes[form.code] if form.parent is None else form.parent
        return parents is None or own in parents

    def _elsewhere(self, query: Query) -> Answer:
        """Return a miss that lists who bears the name outside the query's limit."""
        other = None
        if query.parents is not None:
            other = self.look_up(Query(query.text, None, query.day))
        return Answer() if other is None else Answer(codes=other.codes)

    def compare(self, texts: Sequence[str], parents: tuple[int, ...] | None) -> list[Answer | None]:
        """Return what is most alike to each text inside some parents; None where nothing is."""
        own = np.asarray(self.parent_codes, dtype=np.int64)[self.codes]
        rows = np.arange(len(own)) if parents is None else np.flatnonzero(np.isin(own, parents))
        if not len(rows):
            return [None] * len(texts)
        forms, codes = self.forms.take(rows), self.codes[rows]
        is_anywhere = len(rows) == len(self.codes)
        needed = MATCH_SCORE_ANYWHERE if is_anywhere else MATCH_SCORE
        starts = np.flatnonzero(np.diff(codes, prepend=-1))
        step = max(1, _CELLS // len(rows))
        answers: list[Answer | None] = []
        for begin in range(0, len(texts), step):
            scores = _likeness_of_variants(texts[begin : begin + step], forms)
            best = np.maximum.reduceat(scores, starts, axis=1)
            for form_scores, region_scores in zip(scores, best, strict=True):
                ranked = _rank_regions(region_scores)
                top = codes[starts[ranked[:1]]]
                own = np.flatnonzero(codes == top[0]) if len(top) else top
                met = own[form_scores[own].argmax()] if len(top) else None
                text = None if met is None else forms.texts[met]
                answer = _judge(region_scores[ranked], codes[starts[ranked]], text, needed)
                is_place = met is not None and bool(self.places[rows[met]])
                answers.append(None if answer is None else replace(answer, is_place=is_place))
        return answers


def _agree(met: Sequence[tuple[str, Form]], *, dated: bool) -> Answer:
    """Return the answer that the bearers of one name give: a match when they are one region.

    A region's own name comes before any other name of another, and a name that a kept list gives it
    before those that a file gives; names of regions come before names of places; a name as written,
    folded or as an alias before its sound. Names that meant a region on some days only count when a
    day was asked for, or when there are no others.
    """
    for how, tier in product((("exact",), ("exact", "folded")), (NAME, LISTED)):
        own = {form.code for stage, form in met if form.tier == tier and stage in how}
        if own:
            kept = [form.code in own or form.is_part or form.is_dated for _, form in met]
            met = [pair for pair, good in zip(met, kept, strict=True) if good]
            break
    named = [pair for pair in met if pair[1].tier != PLACE]
    sounds = [at == "sound" for at, _ in named]
    met = list(met) if all(sounds) else named
    met = [pair for pair in met if pair[0] != "sound"] or list(met)
    if not dated:
        met = [pair for pair in met if not pair[1].is_dated] or list(met)
    tiers: dict[int, int] = {}
    for _, form in met:
        tiers[form.code] = min(form.tier, tiers.get(form.code, PLACE))
    counts = Counter(form.code for _, form in met)
    codes = sorted(tiers, key=lambda code: (tiers[code], -counts[code], code))
    stage, first = next(pair for pair in met if pair[1].code == codes[0])
    status = "match" if len(codes) == 1 else "ambiguous"
    is_place = tiers[codes[0]] == PLACE and not first.is_spelt
    return Answer(tuple(codes), STAGE_SCORES[stage], status, first.text, stage, is_place)


def _likeness_of_variants(texts: Sequence[str], forms: FormTable) -> NDArray[np.float32]:
    """Return the likeness of each text to each form: that of the best name which it holds."""
    variants = [name_variants(text) or [""] for text in texts]
    scores = likeness(FormTable.of([name for names in variants for name in names]), forms)
    if len(scores) == len(texts):
        return scores
    starts = np.cumsum([0, *(len(names) for names in variants[:-1])])
    return np.asarray(np.maximum.reduceat(scores, starts, axis=0))


def _rank_regions(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the regions near the best one, best first, ties by code; none below a miss."""
    near = np.flatnonzero(scores >= max(MISS_SCORE, float(scores.max()) - MATCH_LEAD))
    return near[np.argsort(-scores[near], kind="stable")]


def _judge(
    scores: NDArray[np.float32], codes: NDArray[np.int64], text: str | None, needed: float
) -> Answer | None:
    """Return the answer from the regions near the best one: a match when it is alone and alike."""
    if not len(codes):
        return None
    is_match = len(codes) == 1 and scores[0] >= needed
    return Answer(
        codes=tuple(codes[:_MOST_CANDIDATES].tolist()),
        score=float(scores[0]) * STAGE_SCORES["sound"],
        status="match" if is_match else "ambiguous",
        text=text,
        stage="fuzzy",
    )
