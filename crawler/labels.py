"""Which words of a page are labels: the names that stand before what somebody says.

A colon is no speaker, and neither is bold type. So the whole page is looked at before any word of it is taken for
a label: a page that prints its labels bold does so throughout, one that prints them in capitals too, and a
label that is in doubt is one if the same voice is labelled beyond doubt elsewhere. The words for a question, or
for the facts of an announcement, come from ``languages.toml``.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from crawler.blocks import Paragraph
from crawler.candidates import CASELESS, WORD, Label, asks, label_at, places_in
from crawler.languages import Words

RUNS_ON = 25
"""Characters that may be bold after a label's colon: more, and it is a heading or an emphasised sentence."""
SPEECH = 200
"""Characters of text that make a label believable which occurs once and stands alone."""
VOICES = 300
"""Different labels on one page: more, and it is no conversation."""
STRETCH = 3000
"""Characters after a label that are looked at to tell speech from a document."""
OFFICE = 5
"""Words in an office that stands for its holder's name, at most."""
HEADED = 80
"""Characters in a label that stands above a speech, at most."""
LINE = 20
"""Characters of text below which a line with a colon is a fact ("Capital: Paris") sooner than a speech."""

_PARENTHESES = re.compile(r"[（(](?P<label>[^（）()\n]{1,20})[)）]\s*")
_QUESTION_MARK = re.compile(r"[?？؟]")
_ASKED = re.compile(r"[?？؟][\"'”’»」』)\]）】\s]*$")


def find(paragraphs: Sequence[Paragraph], words: Words) -> list[Label]:
    """The labels of a page, in order."""
    places = [place for n, text in enumerate(paragraphs) for place in places_in(n, text, words)]
    places = [place for place in places if not (place.key in words.field and not place.anonymous)]
    lengths = [len(paragraph.text) for paragraph in paragraphs]
    styles = [
        _bold(places),
        _upper(places, lengths),
        _plain(places, lengths),
        _dashed(places, words),
        _alone(paragraphs, words),
        _in_parentheses(paragraphs, words),
    ]
    styles = [_believed(style, paragraphs, words) for style in styles]
    sure = max(styles, key=len)
    if not sure:
        return []
    chosen = {(place.paragraph, place.start): place for place in sure}
    for place in _likewise(places, sure, paragraphs, words):
        chosen.setdefault((place.paragraph, place.start), place)
    found = _apart(chosen.values())
    found = _apart([*found, *_bare_answers(found, places, paragraphs)])
    return _apart([*found, *_answers(found, places, words)])


def _apart(labels: Iterable[Label]) -> list[Label]:
    """Labels in order, none within another."""
    kept: list[Label] = []
    for label in sorted(labels, key=lambda label: (label.paragraph, label.start)):
        if not kept or (label.paragraph, label.start) >= (kept[-1].paragraph, kept[-1].resume):
            kept.append(label)
    return kept


def _bold(places: list[Label]) -> list[Label]:
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


def _upper(places: list[Label], lengths: list[int]) -> list[Label]:
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
        # Among others in capitals, a family name that occurs once is a label too.
        known = {place.key for place in found}
        found += [place for place in named if place.key not in known]
    bare = [
        place for place in lines if not place.colon and not place.dash and place.key == "q" and not place.bold
    ]
    if found or len(bare) > 1:
        found += bare
    if len(found) == 1 and _speech(found[0], lengths) < SPEECH:
        return []
    return found


def _plain(places: list[Label], lengths: list[int]) -> list[Label]:
    """The labels of a page that prints them like any other text."""
    lines = [place for place in places if place.opens and place.colon and not place.office]
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
        longest[place.key] = max(longest.get(place.key, 0), _speech(place, lengths))
    full = [
        place
        for place in names
        if counts[place.key] > 1 or ((place.names > 1 or place.honorific) and longest[place.key] > LINE)
    ]
    repeated = any(counts[place.key] > 1 for place in full)
    if voices and (full or len(voices) > 1):
        return voices + full
    if len(full) > 1 and (repeated or all(_speech(place, lengths) > SPEECH for place in full)):
        return full
    if len(full) == 1 and full[0].honorific and full[0].names > 1 and _speech(full[0], lengths) > SPEECH:
        return full
    return []


def _dashed(places: list[Label], words: Words) -> list[Label]:
    """The labels of a page that has questions and answers, each before a dash."""
    found = [place for place in places if place.dash and place.anonymous]
    asked = any(place.key in words.question for place in found)
    answered = any(place.key in words.answer for place in found)
    return found if asked and answered else []


def _alone(paragraphs: Sequence[Paragraph], words: Words) -> list[Label]:
    """The labels of a page that prints them as headings, without a colon, above what is said.

    Headings of a document look alike, so a questioner has to be among them, more than once or beside a voice that
    is heard again. A name without a title is one only if it is repeated.
    """
    lines = {number: place for number, line in enumerate(paragraphs) if (place := _line(number, line, words))}
    spoken = [
        place for number, place in lines.items() if number + 1 < len(paragraphs) and number + 1 not in lines
    ]
    counts = Counter(place.key for place in spoken)
    found = [place for place in spoken if place.anonymous or place.titled or counts[place.key] > 1]
    asking = [place for place in found if asks(place.key, words)]
    others = [counts[place.key] for place in found if not asks(place.key, words)]
    return found if others and asking and (len(asking) > 1 or max(others) > 1) else []


def _line(number: int, paragraph: Paragraph, words: Words) -> Label | None:
    """What may be a label, where a line is no more: bold, a heading, or the word alone for question or answer."""
    text = paragraph.text
    if len(text) > HEADED or "\n" in text:
        return None
    place = label_at(number, paragraph, (0, len(text), len(text)), words, opens=True)
    if place is None or not (place.anonymous or place.names) or place.key in words.field - words.anonymous:
        return None
    if not (paragraph.heading or paragraph.all_bold or place.key in words.question | words.answer):
        return None
    return replace(place, bold=True)


def _in_parentheses(paragraphs: Sequence[Paragraph], words: Words) -> list[Label]:
    """The labels of a page that prints them in parentheses, as some in Japan do: ``（記者）``, ``（大臣）``.

    So are directions (``（笑）``). A voice is who asks, and who mostly speaks next after that.
    """
    places = []
    for number, paragraph in enumerate(paragraphs):
        if (match := _PARENTHESES.match(paragraph.text)) and CASELESS.search(match["label"]):
            cut = match.start("label"), match.end("label"), match.end()
            place = label_at(number, paragraph, cut, words, opens=True, colon=True)
            if place is not None and (place.anonymous or place.names):
                places.append(replace(place, begin=0))
    counts = Counter(place.key for place in places)
    next_to = Counter(
        after.key for before, after in pairwise(places) if before.anonymous and not after.anonymous
    )
    found = [place for place in places if place.anonymous or next_to[place.key] * 2 >= counts[place.key]]
    return found if sum(place.anonymous for place in found) > 1 and next_to else []


def _believed(labels: list[Label], paragraphs: Sequence[Paragraph], words: Words) -> list[Label]:
    """The labels, unless nothing but their look speaks for them.

    A question, a title or an office is word enough. Else the headings of a document and the lines of an
    announcement may look alike (``Rule of Law: ...``, ``Focus Area: ...``): what follows a name has to be
    somebody's speech, with an I, a you, a thank you or a question in most of its longer stretches. What a voice
    that is labelled again says after a question is an answer, however stiff: it speaks neither for nor against it.
    """
    if not labels or any(label.anonymous or label.titled for label in labels):
        return labels
    counts = Counter(label.key for label in labels)
    spoken = written = 0
    ordered = _apart(labels)
    for label, following in zip(ordered[:VOICES], [*ordered, None][1:], strict=False):
        last = following.paragraph if following else len(paragraphs) - 1
        stop = following.begin if following and last == label.paragraph else label.resume + STRETCH
        first = paragraphs[label.paragraph].text[label.resume : min(stop, label.resume + STRETCH)]
        text = " ".join([first, *(paragraphs[n].text for n in range(label.paragraph + 1, last))])[:STRETCH]
        if _is_speech(text, words):
            spoken += 1
        elif len(text) > 2 * LINE and not (counts[label.key] > 1 and _is_asked(label, paragraphs)):
            written += 1
    repeated = len(counts) < len(labels)
    return labels if spoken > written or (repeated and not written) else []


def _is_asked(label: Label, paragraphs: Sequence[Paragraph]) -> bool:
    """Whether what stands before a label ends as a question does."""
    before = paragraphs[label.paragraph].text[: label.begin].strip()
    if not before and label.paragraph:
        before = paragraphs[label.paragraph - 1].text
    return _ASKED.search(before) is not None


def _is_speech(text: str, words: Words) -> bool:
    if _QUESTION_MARK.search(text) or not words.speech.isdisjoint(WORD.findall(text.casefold())):
        return True
    return CASELESS.search(text) is not None and any(word in text for word in words.speech)


def _answers(found: list[Label], places: list[Label], words: Words) -> list[Label]:
    """One-word names that occur once, where somebody has to have spoken.

    Between two questions there is an answer, and between two turns of one voice another voice.
    """
    ordered = _apart(found)
    gaps = 0
    open_places = [
        place for place in places
        if place.opens and place.colon and place.names and not place.office and place.runs_on <= RUNS_ON
    ]  # fmt: skip
    numbers = [place.paragraph for place in open_places]
    answers = []
    for label, following in zip(ordered, [*ordered, None][1:], strict=True):
        asked = asks(label.key, words) and label.colon and (following is None or asks(following.key, words))
        again = following is not None and label.key.endswith(following.key)
        if not asked and not again:
            continue
        gaps += 1
        end = bisect_left(numbers, following.paragraph) if following is not None else len(numbers)
        for place in open_places[bisect_right(numbers, label.paragraph) : end]:
            # On a page of bold labels a plain one would be a sentence's.
            if (place.bold or not label.bold) and place.upper >= label.upper:
                answers.append(place)
                break
    alone = len({label.key for label in ordered}) == 1
    # One voice alone may well be labelled anew at every heading, unless others are seen to speak in between.
    return [] if alone and (len(answers) < 2 or len(answers) * 2 < gaps) else answers


def _bare_answers(found: list[Label], places: list[Label], paragraphs: Sequence[Paragraph]) -> list[Label]:
    """The first bare A after each bare Q, where more than half of the questions have one.

    An A may also number the first of several points, and begin a sentence: without a full stop one is not enough.
    """
    bare = [place for place in places if place.key == "a" and not (place.colon or place.dash or place.bold)]
    numbers = [place.paragraph for place in bare]
    questions, answers, stops = 0, list[Label](), 0
    for label, following in zip(found, [*found, None][1:], strict=True):
        if label.key != "q" or label.colon or label.dash:
            continue
        questions += 1
        at = bisect_left(numbers, label.paragraph)
        if at < len(bare) and (following is None or bare[at].paragraph < following.paragraph):
            answers.append(bare[at])
            stops += paragraphs[bare[at].paragraph].text[bare[at].end] == "."
    return answers if len(answers) * 2 > questions and (stops or len(answers) > 1) else []


def _speech(place: Label, lengths: list[int]) -> int:
    """Characters from a label to the end of its paragraph, or of the next where it stands alone."""
    rest = lengths[place.paragraph] - place.resume
    if rest < 3 and place.paragraph + 1 < len(lengths):
        return lengths[place.paragraph + 1]
    return rest


def _likewise(
    places: list[Label], sure: list[Label], paragraphs: Sequence[Paragraph], words: Words
) -> list[Label]:
    """Places in doubt whose voice is labelled beyond doubt elsewhere, and changes of speaker within a line."""
    keys = {place.key for place in sure}
    named = {place.key for place in sure if not place.anonymous}
    endings = {" ".join(key.split()[count:]) for key in named for count in range(1, key.count(" ") + 1)}
    bold = sum(place.bold for place in sure) * 2 > len(sure)
    found = []
    for place in places:
        if not (place.colon or place.bold):
            continue
        if place.key not in keys:
            # "Arindam Bagchi" after "Official Spokesperson Arindam Bagchi": the same, by a shorter label.
            shorter = place.names > 1 and place.colon and (place.bold or (place.opens and not bold))
            # A bold name among bold labels whose colon was forgotten; of a bold heading the text is no speech.
            forgotten = bold and place.bold and place.opens and place.names > 1 and place.runs_on <= RUNS_ON
            if (shorter and place.key in endings) or (
                forgotten and _is_speech(paragraphs[place.paragraph].text[place.resume :], words)
            ):
                found.append(place)
            continue
        # On a page of bold labels, "Question:" in plain type is somebody asking aloud.
        if place.bold or place.key in named or (place.opens and not bold):
            found.append(place)
    if bold:
        asked = any(place.key in words.question for place in sure)
        plain = [place for place in places if place.colon and place.opens and place.key in words.question]
        if not asked and len(plain) > 1:
            found += plain
        return found
    return found + _within(
        paragraphs, {place.printed: place for place in sure if place.upper and place.colon}, words
    )


def _within(paragraphs: Sequence[Paragraph], known: dict[str, Label], words: Words) -> list[Label]:
    """Changes of speaker in mid-line, where labels are in capitals: a sentence ends and a label follows."""
    if not known or len(known) > VOICES:
        return []
    names = "|".join(re.escape(name) for name in sorted(known, key=len, reverse=True))
    pattern = re.compile(rf"(?<=[.!?)\]”\"—–-])\s+(?P<label>{names})[:：]\s+")
    found = []
    for number, paragraph in enumerate(paragraphs):
        for match in pattern.finditer(paragraph.text):
            cut = match.start("label"), match.end("label"), match.end()
            place = label_at(number, paragraph, cut, words, opens=False, colon=True)
            if place is not None:
                found.append(place)
    return found
