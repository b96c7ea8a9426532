"""Nothing lost, nothing invented: every page's own text is held against what was read from it.

The two sides are counted letter by letter; case, accents and order aside. A change of spacing is none, and a word
that is missing on either side is seen. It is the last look at a page, by means that share nothing with the reading.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable

from storage.transcript import Turn


def conserved(shown: Iterable[str], turns: Iterable[Turn], left_out: Iterable[str]) -> str | None:
    """What is wrong between a body's text and its reading, or None.

    Args:
        shown: the pieces of text that the body shows.
        turns: what was read. ``Question`` may stand where the page prints ``Q``.
        left_out: what was kept out of the turns on purpose.

    Returns:
        One line, with the letters that are lost or invented.
    """
    found = list(turns)
    labels = [turn.label for turn in found if turn.label]
    page = _letters(shown)
    read = _letters([*labels, *(text for turn in found for text in turn.paragraphs), *left_out])
    respelt = sum(label.startswith("Question") for label in labels)
    lost = page - read
    invented = read - page - Counter(dict.fromkeys("uestion", respelt))
    if lost:
        return f"{lost.total()} letters of the body are in no turn: {_some(lost)}"
    if invented:
        return f"{invented.total()} letters of the turns are not in the body: {_some(invented)}"
    return None


def _letters(texts: Iterable[str]) -> Counter[str]:
    # Decomposed, so that a letter and its accent count alike however they were joined.
    whole = unicodedata.normalize("NFKD", "".join(texts)).casefold()
    counts = Counter(whole)
    return Counter({sign: count for sign, count in counts.items() if sign.isalnum()})


def _some(letters: Counter[str]) -> str:
    return "".join(sorted(letters.elements()))[:40]
