"""How a text is cut into words, for all that compares texts: differences, fingerprints, duplicates.

Scripts without spaces between words give one word a character, so that a change of one character in a Chinese
paragraph is a change of one word and not of the paragraph.
"""

from __future__ import annotations

import re

# Chinese ideographs, Japanese kana, and the alphabets of Thai, Lao, Burmese and Khmer, which part no words.
_UNPARTED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_PRINTED = re.compile(rf"[{_UNPARTED}]|[^\s{_UNPARTED}]+")
_SPOKEN = re.compile(rf"[{_UNPARTED}]|(?:(?![_{_UNPARTED}])[\w\u0300-\u036f\u0900-\u0dff])+")


def printed(text: str) -> list[str]:
    """The words of a text as they are printed, punctuation and case kept."""
    return _PRINTED.findall(text)


def spans(text: str) -> list[tuple[int, int]]:
    """Where the printed words stand: the offsets of each one's beginning and end."""
    return [match.span() for match in _PRINTED.finditer(text)]


def spoken(text: str) -> list[str]:
    """The words of a text as they are said: in lower case, without punctuation."""
    return _SPOKEN.findall(text.casefold())
