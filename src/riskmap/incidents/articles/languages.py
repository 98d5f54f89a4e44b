"""Which language a text is in: by its script, and by the small words that every text has."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The language that the rules read.
ENGLISH = "en"

_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]+")
#: Scripts by their letters, and the language that most texts in each are in.
_SCRIPTS: Mapping[str, re.Pattern[str]] = {
    code: re.compile(f"[{letters}]")
    for code, letters in {
        "ja": "\u3040-\u30ff", "ko": "\uac00-\ud7af", "zh": "\u4e00-\u9fff",
        "ar": "\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff", "ru": "\u0400-\u04ff",
        "hi": "\u0900-\u097f", "bn": "\u0980-\u09ff", "ta": "\u0b80-\u0bff", "th": "\u0e00-\u0e7f",
        "my": "\u1000-\u109f", "am": "\u1200-\u137f", "he": "\u0590-\u05ff", "el": "\u0370-\u03ff",
        "ka": "\u10a0-\u10ff", "hy": "\u0530-\u058f", "km": "\u1780-\u17ff", "lo": "\u0e80-\u0eff",
        "si": "\u0d80-\u0dff",
    }.items()
}  # fmt: skip
#: Letters that one language of a script has and its main one has not.
_OWN: Mapping[str, tuple[tuple[str, str], ...]] = {
    "ar": (("ps", "ټډړښځڅڼېۍ"), ("ur", "ٹڈڑےں"), ("fa", "پچژگک\u06cc")),
    "ru": (("uk", "іїєґ"), ("sr", "ђћџљњј")),
}
_SMALL: Mapping[str, frozenset[str]] = {
    code: frozenset(words.split())
    for code, words in {
        "en": "the of and to in a that is was for on with as by at from were have has had an it",
        "fr": "le la les des et en du une un dans est pour que qui sur au aux ont été par avec",
        "es": "el la los las de y en del que un una por con para se al fueron su tras ellos han",
        "pt": "o a os as de e em do da dos das que um uma por com para no na foi foram ao mais não",
        "de": "der die das und in den von zu mit ist auf ein eine wurde wurden bei nach dem des im",
        "it": "il la le gli di e in del della che un una per con sono è stato stati nel al da",
        "nl": "de het een en van in is op te dat met voor door werd werden zijn bij aan",
        "tr": "ve bir bu da de için ile olarak olan çok daha en ne gibi sonra kadar",
        "id": "yang dan di dari dengan untuk pada ini itu dalam oleh telah tidak adalah akan",
        "sw": "ya na wa kwa ni katika la za cha kuwa watu hii hiyo baada",
        "ha": "da na ta a ya sun an cikin wani su ba mai kan don",
        "so": "iyo oo ka ku waa in ee uu la ayaa soo si",
    }.items()
}  # fmt: skip
_ENOUGH = 0.08
_MARGIN = 1.3
_FOREIGN_SHARE = 0.3


def find_language(text: str) -> str:
    """Return the code of the language of a text; a short one in Latin letters is taken as English.

    Parameters
    ----------
    text
        The text.

    Returns
    -------
    str
        An ISO 639-1 code.

    Examples
    --------
    >>> find_language("Two miners were killed."), find_language("两名矿工遇害。")
    ('en', 'zh')
    >>> find_language("Deux mineurs ont été tués dans une attaque dans le nord du pays.")
    'fr'
    """
    letters = _LETTER.findall(text)
    if not letters:
        return ENGLISH
    joined = "".join(letters)
    counts = {code: len(pattern.findall(joined)) for code, pattern in _SCRIPTS.items()}
    script = max(counts, key=lambda code: counts[code])
    if counts[script] <= _FOREIGN_SHARE * len(letters):
        return _by_small_words(text)
    for code, own in _OWN.get(script, ()):
        if sum(joined.count(letter) for letter in own) > len(letters) / 100:
            return code
    return "ja" if script == "zh" and counts["ja"] > counts["zh"] / 10 else script


def _by_small_words(text: str) -> str:
    words = Counter(word.lower() for word in _WORD.findall(text))
    total = sum(words.values())
    shares = {code: sum(words[w] for w in small) / total for code, small in _SMALL.items()}
    best = max(shares, key=lambda code: (shares[code], code == ENGLISH))
    sure = shares[best] >= _ENOUGH and shares[best] > _MARGIN * shares[ENGLISH]
    return best if sure else ENGLISH
