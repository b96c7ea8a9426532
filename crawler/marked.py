"""Labels told by the mark behind them, where it is no colon: ``（記者）``, ``Q)``, ``س/``, ``GAZETECİ-``, ``Q.``.

Lists, directions and short sentences are printed alike. So two labels are words for a voice, and others answer.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from crawler.blocks import Paragraph
from crawler.candidates import Label, label_at
from crawler.languages import Words
from crawler.looks import IDEOGRAPHS, PARTICLES, asks, is_speech
from crawler.styles import HEADED, is_asked, said_after, said_before
from crawler.unlabelled import SPOKEN

_MARKED = tuple(
    re.compile(pattern)
    for pattern in (
        r"[（(](?P<label>[^（）()\n]{1,40})[)）]\s*",
        r"(?P<label>[^（）()\n]{1,40})[)）]\s*",
        r"\[(?P<label>[^\[\]\n]{1,40})\]\s*",
        r"(?P<label>[^/:：\n]{0,40}[^\s/:：])/\s+",
        r"(?P<label>[^:：\n]{0,40}?[^\s:：])[-–—]\s+",
        # Where a text has no spaces, one parts a label from it.
        r"[○●◎◯]?\s?(?P<label>[\u3040-\u30ff\u3400-\u9fff]{1,20}) ",
    )
)
# One of these is near the beginning of a line that one of them fits; of few texts it is.
_ANY_MARK = re.compile(r"[)）\]]|[-/–—]\s|[\u3040-\u30ff\u3400-\u9fff] ")
NEAR = 44
"""Characters within which a mark and what is before it are."""
_FULL_STOP = re.compile(r"(?:\.[^\S\n]+|．\s*)(?=\S)")
_OPENING = re.compile(r"[\"'“‘(\[]*")


def marked(paragraphs: Sequence[Paragraph], words: Words) -> list[Label]:
    """The labels of a page that prints one and the same mark behind each, for the mark that has the most.

    A voice is who asks, and who mostly speaks next after that; directions (``（笑）``) and points of a list are
    less than half of what is printed so, and most of what is asked is a sentence.
    """
    lines = [
        (number, start)
        for number, paragraph in enumerate(paragraphs)
        for start, _ in paragraph.lines
        if _ANY_MARK.search(paragraph.text, start, start + NEAR)
    ]
    return max((_before(mark, lines, paragraphs, words) for mark in _MARKED), key=len) if lines else []


def _before(
    mark: re.Pattern[str], lines: Sequence[tuple[int, int]], paragraphs: Sequence[Paragraph], words: Words
) -> list[Label]:
    places = []
    for number, start in lines:
        paragraph = paragraphs[number]
        match = mark.match(paragraph.text, start)
        # Not the "Frage- und Antwortstunde".
        if match is not None and not paragraph.text[match.end() : match.end() + 1].islower():
            cut = match.start("label"), match.end("label"), match.end()
            place = label_at(number, paragraph, cut, words, opens=True, colon=True)
            if place is not None and (place.anonymous or place.names) and not _is_point(place):
                places.append(replace(place, begin=start))
    if sum(place.anonymous for place in places) < 2:
        return []
    counts = Counter(place.key for place in places)
    replies = _replies(places, words)
    next_to = Counter(place.key for place in replies)
    found = [
        place
        for place in places
        if place.anonymous or (len(place.key) > 1 and next_to[place.key] * 2 >= counts[place.key])
    ]
    # "[Press] Minister opens the harbour" is no sentence, and "Press) The papers." asks nothing. In Chinese and
    # Japanese a question needs no mark.
    ended = sum(SPOKEN.search(said_before(place, paragraphs)) is not None for place in replies)
    asked = [said_after(place, paragraphs) for place in places if asks(place.key, words)]
    heard = any(is_speech(said, words) or IDEOGRAPHS.search(said) for said in asked)
    return found if heard and ended * 2 > len(replies) and len(found) * 2 > len(places) else []


def _is_point(place: Label) -> bool:
    """Whether a label is a small letter: "a)", "q)" number the points of a list, and "Q)" does not."""
    return len(place.printed) == 1 and place.printed.islower()


def _replies(places: Sequence[Label], words: Words) -> list[Label]:
    """The labels that come next after a questioner's."""
    return [
        after for before, after in pairwise(places) if asks(before.key, words) and not asks(after.key, words)
    ]


def stopped(paragraphs: Sequence[Paragraph], words: Words) -> list[Label]:
    """The labels of a page that prints a full stop behind them, in any type: ``Q.``, ``The President.``.

    So does any short sentence end, so two have to be questioners' whom others mostly answer, or in capitals and
    one of them heard again and after a question. Among questioners who has a title is a voice, or mostly answers.
    """
    places = [
        place
        for number, paragraph in enumerate(paragraphs)
        for start, _ in paragraph.lines
        if (place := _with_stop(number, paragraph, start, words)) is not None
    ]
    counts = Counter(place.key for place in places)
    capitals = [place for place in places if place.upper and not place.anonymous]
    if sum(asks(place.key, words) for place in places) < 2:
        seen = {place.key for place in capitals}
        answers = any(counts[place.key] > 1 and is_asked(place, paragraphs) for place in capitals)
        return [place for place in places if place.upper] if answers and len(seen) > 1 else []
    replies = _replies(places, words)
    next_to = Counter(place.key for place in replies)
    found = [
        place
        for place in places
        if place.key != "a"
        and (
            (place.anonymous or place.upper or next_to[place.key] * 2 > counts[place.key])
            or (place.honorific and place.titled and not _is_address(place, words))
        )
    ]
    keys = {place.key for place in found}
    return found if sum(place.key in keys for place in replies) * 2 > len(replies) else []


def _with_stop(number: int, paragraph: Paragraph, start: int, words: Words) -> Label | None:
    """What may be a label, where a full stop and a capital letter follow the first words of a line."""
    text = paragraph.text
    for match in _FULL_STOP.finditer(text, start, start + HEADED):
        tokens = text[start : match.start()].split()
        if not tokens:
            return None
        last = tokens[-1].casefold()
        # "Mr.", "Gen.", "J.": the name is behind it.
        short = len(last) < 5 and last in words.honorific and tokens[0].casefold() != "the"
        if short or (len(last) == 1 and (len(tokens) > 1 or last not in words.anonymous)):
            continue
        fits = all(token[:1].isupper() or token in PARTICLES for token in tokens) and tokens[0][:1].isupper()
        if not fits and " ".join(tokens).casefold() not in words.anonymous:
            return None
        place = label_at(number, paragraph, (start, match.start(), match.end()), words, opens=True)
        if place is None or place.anonymous:
            return place
        opening = _OPENING.match(text, match.end())
        capital = opening is not None and text[opening.end() : opening.end() + 1].isupper()
        named = place.names > 1 or (place.honorific and place.titled)
        said = "," in place.printed or not words.speech.isdisjoint(place.key.split())
        return place if capital and named and not said else None
    return None


def _is_address(place: Label, words: Words) -> bool:
    """Whether a label that begins with a title holds no name: "Mr. President", but not "The President"."""
    tokens = place.key.split()
    return tokens[0] != "the" and words.honorific.issuperset(tokens)
