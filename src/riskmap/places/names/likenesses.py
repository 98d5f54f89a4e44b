"""How alike two written names are: by their sound, their consonants, their dotless shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from rapidfuzz import fuzz, process

from riskmap.places.names.forms import consonant_key, fold_name, skeleton, sound_name

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
