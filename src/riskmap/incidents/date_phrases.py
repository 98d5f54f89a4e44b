"""Words around a date: weekdays, "about", "early" in a month, "night of"; in nine languages."""

from __future__ import annotations

import re
from functools import lru_cache

from riskmap.incidents.words import any_of, read_list

#: What behind a date says that it is not sure.
_UNSURE = re.compile(r"\s*(?:\?+|\((?:approx\.?|approximately|est\.?|estimated|circa|ca\.?|\?)\))$")
_MARKS = " \t,.;:()[]\uff08\uff09\u060c"


def strip_phrases(text: str) -> tuple[str, bool, tuple[int, int] | None]:
    """Return a date without the words around it, whether it is about a day, and which days of it.

    Parameters
    ----------
    text
        A date as written.

    Returns
    -------
    tuple
        The date; whether the words say "about"; the first and the last day that "early", "mid" or
        "late" in a month stands for, None where nothing does.

    Examples
    --------
    >>> strip_phrases("Dienstag, 21. Januar 2025"), strip_phrases("late Jan 2025")
    (('21. Januar 2025', False, None), ('Jan 2025', False, (21, 31)))
    >>> strip_phrases("ca. 21.01.2025")
    ('21.01.2025', True, None)
    """
    is_about, part = False, None
    plain = text.strip()
    for _ in range(4):  # as in "on or about Tuesday, early May"
        before = plain
        if found := _UNSURE.search(plain):
            plain, is_about = plain[: found.start()].strip(), True
        plain = re.sub(r"^[~≈±]\s*", "", plain)
        is_about |= plain != before
        for kind, pattern in _patterns().items():
            if not (found := pattern.match(plain)):
                continue
            plain = (found["before"] or found["behind"]).strip()
            is_about |= kind == "around_day"
            if kind.startswith("early_month"):
                first, _, last = kind.rpartition(" ")[2].partition("-")
                part = int(first), int(last)
        plain = plain.rstrip(",;:")
        if plain == before:
            break
    return plain, is_about, part


@lru_cache(maxsize=1)
def _patterns() -> dict[str, re.Pattern[str]]:
    """Return for each kind of words what they look like before or behind a date."""
    found = {}
    for row in read_list("incident_words.csv"):
        kind = row["kind"]
        if kind not in ("weekday", "around_day", "night_of", "early_month"):
            continue
        words = any_of(row["words"].split(";"))
        marks = re.escape(_MARKS)
        joint = "-" if kind == "early_month" else ""  # as in "mid-June"
        found[f"{kind} {row['value']}".strip()] = re.compile(
            rf"(?:(?:{words})(?![^\W\d_])[{marks}{joint}]*(?P<before>[\w(].*)"
            rf"|(?P<behind>.*(?:\d\s*[年月日号]?(?=[{marks}])|月))[{marks}]*(?:{words})[{marks}]*)$",
            re.IGNORECASE,
        )
    return found
