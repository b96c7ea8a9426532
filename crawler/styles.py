"""The ways in which pages print their labels: for each, which places of a page are labels if it is the page's own.

`crawler.labels` decides which one that is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from crawler.blocks import Paragraph
from crawler.candidates import Label, label_at
from crawler.languages import Words
from crawler.looks import ASKED, PARTICLES, asks, is_speech, key_of

RUNS_ON = 25
"""Characters that may be bold after a label's colon: more, and it is a heading or an emphasised sentence."""
SPEECH = 200
"""Characters of text that make a label believable which occurs once and stands alone."""
LINE = 20
"""Characters of text below which a line with a colon is a fact ("Capital: Paris") sooner than a speech."""
OFFICE = 5
"""Words in an office that stands for its holder's name, at most."""
TAIL = 40
"""Characters at a text's end among which is how it ends."""
HEADED = 80
"""Characters in a label that stands above a speech, at most."""


def bold(places: list[Label]) -> list[Label]:
    """The labels of a page that prints them bold."""
    found = [
        place
        for place in places
        if place.bold and (place.colon or place.dash)
        and (place.anonymous or (place.runs_on <= RUNS_ON and (place.names > 1 or place.honorific)))
    ]  # fmt: skip
    keys = Counter(place.key for place in found)
    # One-word names, where the page has other labels or repeats them.
    more = [
        place
        for place in places
        if place.bold
        and place.colon
        and place.names == 1
        and place.runs_on <= RUNS_ON
        and place.key not in keys
    ]
    counts = Counter(place.key for place in more)
    return found + [place for place in more if keys or counts[place.key] > 1]


def upper(places: list[Label], lengths: list[int]) -> list[Label]:
    """The labels of a page that prints them in capitals, its questions perhaps as a bare Q."""
    lines = [place for place in places if place.opens]
    named = [place for place in lines if place.colon and place.upper and (place.names or place.anonymous)]
    counts = Counter(place.key for place in named)
    found = [
        place
        for place in named
        if place.anonymous
        or place.honorific
        or counts[place.key] > 1
        or (place.names > 1 and len(counts) > 1)
    ]
    if len({place.key for place in found}) > 1:
        # Among others in capitals, a family name that occurs once is a label too; "COVID-19" is none.
        known = {place.key for place in found}
        found += [
            place
            for place in named
            if place.key not in known and (place.names > 1 or not any(map(str.isdigit, place.printed)))
        ]
    bare = [
        place for place in lines if not place.colon and not place.dash and place.key == "q" and not place.bold
    ]
    if found or len(bare) > 1:
        found += bare
    if len(found) == 1 and speech_after(found[0], lengths) < SPEECH:
        return []
    return found


def plain(
    places: list[Label], lengths: list[int], paragraphs: Sequence[Paragraph], words: Words
) -> list[Label]:
    """The labels of a page that prints them like any other text."""
    every = Counter(place.key for place in places if place.opens and place.colon)
    officials = [
        place for place in places if place.opens and place.colon and place.office and _is_official(place)
    ]
    # "Ivan Moss, mluvčí vlády" is heard again; so may be then who has an office and speaks once. In an agenda or a
    # list of those appointed nobody says anything.
    again = any(every[place.key] > 1 and _speaks(place, paragraphs, words) for place in officials)
    lines = [
        place
        for place in places
        if place.opens
        and place.colon
        and (place.anonymous or not place.office or (again and _is_official(place)))
    ]
    voices = [place for place in lines if place.anonymous]
    names = [
        place
        for place in lines
        # "Le ministre" has no capital where a name ends in one.
        if not place.anonymous
        and (place.names or (place.honorific and place.titled and place.key.count(" ") < OFFICE))
    ]
    counts = Counter(place.key for place in names)
    longest: dict[str, int] = {}
    for place in names:
        longest[place.key] = max(longest.get(place.key, 0), speech_after(place, lengths))
    full = [
        place
        for place in names
        if counts[place.key] > 1
        or ((place.names > 1 or place.honorific) and longest[place.key] > LINE)
        or (place.office and place.names > 1)
        or (voices and place.names > 1 and place.key.partition(" ")[0] in words.moderator)
    ]
    if speak_for(full):
        keys = {place.key for place in full}
        full += [place for place in names if place.key not in keys and place.printed.endswith((")", "）"))]
    repeated = any(counts[place.key] > 1 for place in full)
    if voices and (full or len(voices) > 1):
        return voices + full
    if len(full) > 1 and (repeated or all(speech_after(place, lengths) > SPEECH for place in full)):
        return full
    if len(full) == 1 and full[0].honorific and full[0].names > 1 and speech_after(full[0], lengths) > SPEECH:
        return full
    return []


def _is_official(place: Label) -> bool:
    """Whether a label is a name of two words or more, a comma, and his office: "Ivan Moss, mluvčí vlády"."""
    name, comma, _ = place.printed.partition(",")
    tokens = name.split()
    return (
        bool(comma)
        and 1 < len(tokens) < OFFICE
        and all(token[:1].isupper() or token in PARTICLES for token in tokens)
    )


def _speaks(place: Label, paragraphs: Sequence[Paragraph], words: Words) -> bool:
    """Whether what follows is somebody's speech: at length or by its words, and no quotation of a news item."""
    said = said_after(place, paragraphs).lstrip()
    return said[:1] not in tuple('"“„«') and (
        is_speech(said, words) or (len(said) > SPEECH and "," not in place.printed)
    )


def speak_for(named: Sequence[Label]) -> bool:
    """Whether most names are printed with whom they speak for, "Winkler (AA)": so is then who speaks once."""
    return sum("(" in place.printed for place in named) * 2 > len(named)


def dashed(places: list[Label], paragraphs: Sequence[Paragraph], words: Words) -> list[Label]:
    """The labels of a page that has questions and answers, each before a dash; names among them are repeated."""
    lines = [place for place in places if place.dash and place.opens]
    counts = Counter(place.key for place in lines)
    found = [place for place in lines if place.anonymous or (place.names and counts[place.key] > 1)]
    asked = any(asks(place.key, words) for place in found)
    if not asked or all(asks(place.key, words) for place in found):
        return []
    if all(place.upper for place in found):
        # Among others in capitals, who speaks once is a voice too; a heading's dash is followed by no speech.
        known = {place.key for place in found}
        found += [
            place
            for place in lines
            if place.upper
            and place.names > 1
            and place.key not in known
            and (place.titled or is_asked(place, paragraphs) or _speaks(place, paragraphs, words))
        ]
    return found


def unmarked(places: list[Label], words: Words) -> list[Label]:
    """The labels of a page that prints them bold, with neither colon nor dash: at most a full stop.

    Bold openings of paragraphs look alike, so questioners have to be among them, and a name is repeated or titled.
    """
    bold = [
        place
        for place in places
        if place.opens and not place.dash and not place.runs_on
        and ((place.bold and place.key != "a") or (place.key == "q" and not place.colon))
    ]  # fmt: skip
    counts = Counter(place.key for place in bold)
    found = [
        place
        for place in bold
        if place.anonymous or (place.names and (place.titled or place.colon or counts[place.key] > 1))
    ]
    asking = [place for place in found if asks(place.key, words)]
    others = [counts[place.key] for place in found if not asks(place.key, words)]
    return found if others and len(asking) > 1 else []


def spaced(paragraphs: Sequence[Paragraph], words: Words) -> list[Label]:
    """The labels of a page that sets them apart by a wide space: ``TAG        Thank you``.

    A table of facts is set alike, so one voice is heard again, and after a question, and most say what people say.
    """
    found = []
    for number, paragraph in enumerate(paragraphs):
        for start, stop in paragraph.lines if paragraph.gaps else ():
            near = bisect_right(paragraph.gaps, start)
            gap = paragraph.gaps[near] if near < len(paragraph.gaps) else 0
            if not 1 < gap - start <= HEADED or gap > stop:
                continue
            place = label_at(number, paragraph, (start, gap - 1, gap), words, opens=True)
            if place is not None and (place.anonymous or (place.names and not place.office)):
                dotted = place.anonymous and place.printed.endswith(".")  # "Q."
                found.append(replace(place, end=gap - 2, printed=place.printed[:-1]) if dotted else place)
    counts = Counter(place.key for place in found)
    speak = sum(is_speech(said_after(place, paragraphs), words) for place in found)
    answer = any(counts[place.key] > 1 and is_asked(place, paragraphs) for place in found)
    return found if answer and len(counts) > 1 and speak * 2 > len(found) else []


def is_asked(label: Label, paragraphs: Sequence[Paragraph]) -> bool:
    """Whether what stands before a label ends as a question does."""
    return ASKED.search(said_before(label, paragraphs)) is not None


def said_before(label: Label, paragraphs: Sequence[Paragraph]) -> str:
    """How what stands before a label ends."""
    before = paragraphs[label.paragraph].text[max(label.begin - TAIL, 0) : label.begin].strip()
    if not before and label.paragraph:
        before = paragraphs[label.paragraph - 1].text[-TAIL:]
    return before


def said_after(place: Label, paragraphs: Sequence[Paragraph]) -> str:
    """The line that follows a label, or the next paragraph's first where it stands alone."""
    number, start = place.paragraph, place.resume
    if not paragraphs[number].text[start : start + 3].strip() and number + 1 < len(paragraphs):
        number, start = number + 1, 0
    text = paragraphs[number].text
    stop = text.find("\n", start)
    return text[start : stop if stop >= 0 else len(text)]


def heard(places: list[Label], paragraphs: Sequence[Paragraph], words: Words) -> list[Label]:
    """The places, where who asks for a paper is a voice only if one of them is heard to speak.

    "Press – Harbour Office: 22 11 00" and "Reporter of the Year: Anna Berg" look as "Journalist – AFP" does.
    """
    of_papers = [place for place in places if is_of_paper(place, words)]
    if any(is_speech(said_after(place, paragraphs), words) for place in of_papers):
        return places
    return [
        replace(place, key=key_of(place.printed), anonymous=False) if is_of_paper(place, words) else place
        for place in places
    ]


def is_of_paper(place: Label, words: Words) -> bool:
    """Whether a label is a questioner's who is named by his paper: "Journalist – AFP", "Reporter of AFP"."""
    key = key_of(place.printed)
    return place.anonymous and key not in words.anonymous and key.partition(" ")[0] in words.questioner


def speech_after(place: Label, lengths: list[int]) -> int:
    """Characters from a label to the end of its paragraph, or of the next where it stands alone."""
    rest = lengths[place.paragraph] - place.resume
    if rest < 3 and place.paragraph + 1 < len(lengths):
        return lengths[place.paragraph + 1]
    return rest
