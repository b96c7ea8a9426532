"""How a text is cut into words, for all that compares texts or looks for them: differences, duplicates, searches.

Scripts without spaces between words give one word a character, so that a change of one character in a Chinese
paragraph is a change of one word and not of the paragraph.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

LONGEST_WORD = 400
"""Characters of a word that count where it is looked for. PostgreSQL's index takes words of 2,046 bytes."""

# Chinese ideographs, Japanese kana, and the alphabets of Thai, Lao, Burmese and Khmer, which part no words.
_UNPARTED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
UNPARTED = re.compile(f"[{_UNPARTED}]")
"""A character that is a word: of a script that parts no words by spaces."""
_PRINTED = re.compile(rf"[{_UNPARTED}]|[^\s{_UNPARTED}]+")
# U+02BB and U+02BC are letters to Unicode; whoever types has an apostrophe in their place.
_TURNED = "\u02bb\u02bc"
_FAR = re.compile("[\U00010000-\U0010ffff]")


@cache
def _any() -> re.Pattern[str]:
    """Spoken words in whatever script: letters and figures with the marks on and below them.

    Without the enclosing marks (Unicode's Me) and the variation selectors, which emoji are followed by.
    """
    marks = "".join(
        chr(code)
        for code in range(0x300, 0x20000)
        if unicodedata.category(chr(code)) in ("Mn", "Mc") and not 0xFE00 <= code <= 0xFE0F
    )
    return re.compile(rf"(?:(?![_{_TURNED}{_UNPARTED}])[\w{marks}])+|[{_UNPARTED}]")


@cache
def _listed() -> re.Pattern[str]:
    """`_any` for texts without characters past U+FFFF: `re` is twice as fast with a list of letters."""
    near = re.sub(f"[{_UNPARTED}]", " ", "".join(map(chr, range(0x10000))))
    letters = "".join(f"{match[0][0]}-{match[0][-1]}" for match in _any().finditer(near))
    return re.compile(rf"[{letters}]+|[{_UNPARTED}]")


def _spoken(text: str) -> re.Pattern[str]:
    """The pattern of spoken words that is quickest for a text."""
    return _any() if _FAR.search(text) else _listed()


def caseless(text: str) -> str:
    """A text without case. A Turkish capital i has its dot on it in Unicode's folding; whoever types has none."""
    return text.casefold().replace(_DOTTED, "i")


_DOTTED = "i\u0307"


def printed(text: str) -> list[str]:
    """The words of a text as they are printed, punctuation and case kept."""
    return _PRINTED.findall(text)


def spans(text: str) -> list[tuple[int, int]]:
    """Where the printed words stand: the offsets of each one's beginning and end."""
    return [match.span() for match in _PRINTED.finditer(text)]


# What books print and typewriters lack. Without it nearly all of a text in English is ASCII.
_SIGNS = f"’‘“”–—…\u00a0{_TURNED}"
_ASCII = "".join(chr(code) if chr(code).isalnum() else " " for code in range(128))


def spoken(text: str) -> list[str]:
    """The words of a text as they are said: in lower case, without punctuation."""
    whole = plain = caseless(text)
    if not plain.isascii():
        for sign in _SIGNS:
            plain = plain.replace(sign, " ")
    if plain.isascii():  # in a quarter of the time
        return plain.translate(_ASCII).split()
    return _spoken(whole).findall(whole)


# Arabic and Hebrew vowel points and the Arabic stretching line: the same word is spelt with them or without.
_POINTS = re.compile(
    "[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670]"
)


def pointless(text: str) -> str:
    """A text without vowel points of Arabic and Hebrew."""
    return text if text.isascii() else _POINTS.sub("", text)


def looked_for(text: str) -> list[str]:
    """The words of a text as `placed` gives them, without their places; in a fraction of the time."""
    words = spoken(pointless(text))
    # Of ASCII no word can be so long where the others, of a letter and a space at least, leave it no room.
    if text.isascii() and len(text) - 2 * (len(words) - 1) <= LONGEST_WORD:
        return words
    if max(map(len, words), default=0) <= LONGEST_WORD:
        return words
    return [word[:LONGEST_WORD] for word in words]


def paragraphs_of(texts: Iterable[str]) -> list[list[str]]:
    """The words that are looked for of several paragraphs, those without any left out."""
    return [words for words in map(looked_for, texts) if words]


def placed(text: str) -> list[tuple[str, int, int]]:
    """The spoken words of a text as they are looked for, each with the offsets of its beginning and end.

    Vowel points of Arabic and Hebrew are no part of a word here. Accents are: they make another word.
    """
    whole, places = text.casefold(), None
    if len(whole) != len(text) or _POINTS.search(text) or _DOTTED in whole:
        pairs = [
            (char, place)
            for place, printed in enumerate(text)
            if not _POINTS.match(printed)
            for char in printed.casefold()
        ]
        before = ["", *(char for char, _ in pairs)]
        pairs = [pair for pair, last in zip(pairs, before, strict=False) if last + pair[0] != _DOTTED]
        whole, places = "".join(char for char, _ in pairs), [place for _, place in pairs]
    found = []
    for match in _spoken(whole).finditer(whole):
        start, end = match.span()
        if places is not None:
            start, end = places[start], places[end - 1] + 1
            while _POINTS.match(text, end) or text.startswith("\u0307", end):  # a point on its last letter
                end += 1
        found.append((match.group(), start, end))
    return found
