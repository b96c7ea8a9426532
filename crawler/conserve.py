"""Nothing lost, nothing invented: every page's own text is held against what was read from it.

Both sides are counted letter by letter; case, accents and order aside. A change of spacing is none; a word that is
missing on either side is seen. It is the last look at a page, by means that share nothing with the reading.
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
    found, away = list(turns), list(left_out)
    body = "".join(shown)
    if _in_order(body, found, away):
        return None
    page = _letters([body])
    read = _letters([*(turn.label or "" for turn in found), *_paragraphs(found), *away])
    respelt = sum((turn.label or "").startswith("Question") for turn in found)
    lost = page - read
    invented = read - page - Counter(dict.fromkeys("uestion", respelt))
    if lost:
        return f"{lost.total()} letters of the body are in no turn: {_some(lost)}"
    if invented:
        return f"{invented.total()} letters of the turns are not in the body: {_some(invented)}"
    return None


def _in_order(body: str, turns: list[Turn], left_out: list[str]) -> bool:
    """Whether the turns are the body to the letter and in order, less what was left out: true of most pages, and
    told at a tenth of the cost of counting."""
    flat = "".join(body.split())
    for text in left_out:
        flat = flat.replace("".join(text.split()), "", 1)
    read = (
        f"{turn.label}:{''.join(turn.paragraphs)}" if turn.label else "".join(turn.paragraphs)
        for turn in turns
    )
    return flat == "".join("".join(read).split())


def _paragraphs(turns: list[Turn]) -> list[str]:
    return [text for turn in turns for text in turn.paragraphs]


def _letters(texts: Iterable[str]) -> Counter[str]:
    # Decomposed, so that a letter and its accent count alike however they were joined.
    whole = unicodedata.normalize("NFKD", "".join(texts)).casefold()
    counts = Counter(whole)
    return Counter({sign: count for sign, count in counts.items() if sign.isalnum()})


def _some(letters: Counter[str]) -> str:
    return "".join(sorted(letters.elements()))[:40]
