"""Labels on a line of their own, without a colon, above what is said: headings, bold lines, names in capitals."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from crawler.blocks import Paragraph
from crawler.candidates import Label, label_at
from crawler.languages import Words
from crawler.looks import ASKED, WORD, asks, endings_of, is_speech
from crawler.styles import HEADED, heard, is_asked, said_after, speak_for

AGAIN = 3
"""Times that a name of one word in capitals stands alone on a line where it is no heading."""
INITIALS = 4
"""Letters of a name's initials, at most."""

_STOPS = frozenset(".,;:!?…。，；：！？؟،")


def alone(paragraphs: Sequence[Paragraph], words: Words, *, in_plain_type: bool = False) -> list[Label]:
    """The labels of a page that prints them as headings, without a colon, above what is said.

    Headings of a document look alike, so a questioner has to be among them, more than once or beside a voice that
    is heard again, or names in capitals. A name without a title is one only if it is repeated.

    Args:
        paragraphs: the page's.
        words: its language's.
        in_plain_type: look at lines in plain type, of which only a word for a voice or a repeated one is a label.
    """
    every = _lines(paragraphs, words, plain=in_plain_type)
    every = dict(zip(every, heard(list(every.values()), paragraphs, words), strict=True))
    seen = Counter(place.key for place in every.values())

    def may_be(place: Label) -> bool:
        return not in_plain_type or place.anonymous or seen[place.key] > 1

    lines = {at: place for at, place in every.items() if may_be(place)}
    above = [place for at, place in every.items() if not _stands_above(at, place, lines, paragraphs)]
    spoken = [place for place in above if may_be(place)]
    counts = Counter(place.key for place in spoken)
    found = [
        place
        for place in spoken
        if place.anonymous
        or ((place.titled or _moderates(place, words)) and not in_plain_type)
        or counts[place.key] > 1
    ]
    asking = [place for place in found if asks(place.key, words)]
    others = [
        counts[place.key] for place in found if not (asks(place.key, words) or _moderates(place, words))
    ]
    if not (others and asking and (len(asking) > 1 or (max(others) > 1 and not in_plain_type))):
        return _in_capitals(above, paragraphs, words) or (
            [] if in_plain_type else _asked(above, paragraphs, words)
        )
    keys = {label.key for label in found}
    named = [place for place in found if not place.anonymous]
    bare = [place for place in every.values() if not (place.anonymous or place.titled)]
    bare = [place for place in bare if not (in_plain_type or _moderates(place, words))]
    remarks = speak_for(named) or speak_for(bare)
    # And "President of Arcadia Anna Berg" where there is "Anna Berg".
    names = {name.key for name in named if name.names > 1}
    return found + [
        place
        for place in above
        if place.key not in keys
        and ((remarks and place.printed.endswith(")")) or not names.isdisjoint(endings_of(place.key)))
    ]


def _in_capitals(places: Sequence[Label], paragraphs: Sequence[Paragraph], words: Words) -> list[Label]:
    """The labels of a page that prints names in capitals above what is said, and nowhere a word for a question.

    A name of two words is heard again. Where one that is heard again speaks after a question, so may be others: of
    one word, named with whom they speak for, or by initials as most are. Headings come again, too, but answer
    nobody.
    """
    capitals = [place for place in places if place.upper]
    counts = Counter(place.key for place in capitals)
    twice = [place for place in capitals if place.names > 1 and counts[place.key] > 1]
    again = {place.key for place in (*twice, *(each for each in capitals if counts[each.key] >= AGAIN))}
    answer = any(place.key in again and is_asked(place, paragraphs) for place in capitals)
    short = [place for place in capitals if len(place.printed) <= INITIALS and place.printed.isalpha()]
    speak = sum(is_speech(said_after(place, paragraphs), words) for place in short)
    # The codes of a table say nothing, and each "YES" of a form is asked for.
    asked = sum(is_asked(place, paragraphs) for place in short)
    if len(short) * 2 > len(places) and speak * 2 > len(short) and asked * 3 < len(short) * 2:
        again |= {place.key for place in short}
    voices = Counter(place.key for place in places if place.anonymous)
    found = [
        place
        for place in places
        if (place.upper and (place.key in again or place.printed.endswith(")"))) or voices[place.key] > 1
    ]
    found = found if answer else twice
    return found if len({place.key for place in found}) > 1 else []


def _asked(places: Sequence[Label], paragraphs: Sequence[Paragraph], words: Words) -> list[Label]:
    """The labels of a page that prints names of two words or more above what is said, and nowhere a word for a
    question: of who answers more than once and mostly speaks of himself ("Short Answer" does not), of whom he
    answers, and others that come again."""
    named = [place for place in places if place.names > 1 and not place.office]
    followed = list(zip(named, [*named, None][1:], strict=True))
    counts = Counter(place.key for place in named)
    asked = [pair for pair in followed if is_asked(pair[0], paragraphs)]
    answers = Counter(place.key for place, _ in asked)
    own = Counter(place.key for place, stop in asked if _holds_own(place, stop, paragraphs, words))
    who = {key for key, count in answers.items() if count > 1 and own[key] * 2 > count}
    found = [
        place
        for place, following in followed
        if counts[place.key] > 1
        or (following is not None and following.key in who and is_asked(following, paragraphs))
    ]
    return found if who and len({place.key for place in found}) > 1 else []


def _holds_own(place: Label, stop: Label | None, paragraphs: Sequence[Paragraph], words: Words) -> bool:
    """Whether what stands between two labels, and asks nothing, holds a word for who says it."""
    first, last = place.paragraph, stop.paragraph if stop is not None else len(paragraphs)
    end = stop.begin if stop is not None and last == first else None
    texts = [
        paragraphs[first].text[place.resume : end],
        *(each.text for each in paragraphs[first + 1 : last]),
    ]
    said = [text for text in texts if ASKED.search(text) is None]
    return any(not words.own.isdisjoint(WORD.findall(text.casefold())) for text in said)


def _lines(paragraphs: Sequence[Paragraph], words: Words, *, plain: bool) -> dict[tuple[int, int], Label]:
    """What may be a label, where a whole line is no more than that, by paragraph and place in it."""
    found: dict[tuple[int, int], Label] = {}
    for number, paragraph in enumerate(paragraphs):
        for start, stop in paragraph.lines:
            place = _line(number, paragraph, start, stop, words, plain=plain)
            if place is not None:
                found[number, start] = place
    return found


def _moderates(place: Label, words: Words) -> bool:
    return place.key.partition(" ")[0] in words.moderator


def _stands_above(
    at: tuple[int, int],
    place: Label,
    lines: dict[tuple[int, int], Label],
    paragraphs: Sequence[Paragraph],
) -> bool:
    """Whether no speech follows on a line that may be a label, but the page's end or another such line."""
    number, _ = at
    if place.resume < len(paragraphs[number].text):
        return (number, place.resume) in lines
    return number + 1 >= len(paragraphs) or (number + 1, 0) in lines


def _line(
    number: int, paragraph: Paragraph, start: int, stop: int, words: Words, *, plain: bool
) -> Label | None:
    """What may be a label, where a whole line, in bold or a heading unless it is `plain`, is no more than that."""
    text = paragraph.text
    if not 0 < stop - start <= HEADED or (plain and text[stop - 1] in _STOPS):
        return None
    if not plain and not _set_bold(paragraph, start, stop):
        return None
    place = label_at(number, paragraph, (start, stop, min(stop + 1, len(text))), words, opens=True)
    if place is None or not (place.anonymous or place.names) or place.key in words.field - words.anonymous:
        return None
    if plain and place.office:
        return None
    if place.printed.endswith((")", "）")) and "(" not in place.printed and "（" not in place.printed:
        return None
    return replace(place, bold=not plain)


def _set_bold(paragraph: Paragraph, start: int, stop: int) -> bool:
    """Whether a line is a heading, or bold while the next one is not."""
    if start == 0 and stop == len(paragraph.text):
        return paragraph.heading or paragraph.all_bold
    last = bisect_right(paragraph.bold, (start, len(paragraph.text))) - 1
    return last >= 0 and stop - 2 <= paragraph.bold[last][1] <= stop
