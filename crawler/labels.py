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

from crawler import headed, marked, styles
from crawler.blocks import Paragraph
from crawler.candidates import Label, label_at, places_in
from crawler.languages import Words
from crawler.looks import asks, endings_of, is_speech, key_of
from crawler.styles import LINE, RUNS_ON, SPEECH, heard, is_asked, is_of_paper

VOICES = 300
"""Different labels on one page: more, and it is no conversation."""
STRETCH = 3000
"""Characters after a label that are looked at to tell speech from a document."""

CONTACT = re.compile(r"\S@\S+\.\w|https?://|\bwww\.|\+\d[\d ()./-]{6,}|\(0\d{1,4}\)\s?\d")
"""An e-mail address, a page's, a telephone number."""
# How a sentence ends within a text; or Thai and Lao, which print no full stops.
_SENTENCE = re.compile("[.!?…。！？؟।](?:\\s|$)|[\u0e00-\u0eff]")


def find(paragraphs: Sequence[Paragraph], words: Words) -> list[Label]:
    """The labels of a page, in order."""
    places = [place for n, text in enumerate(paragraphs) for place in places_in(n, text, words)]
    places = [place for place in places if not (place.key in words.field and not place.anonymous)]
    places = heard(places, paragraphs, words)
    keys = Counter(place.key for place in places)
    places = [
        place
        for place in places
        if place.anonymous or keys[place.key] > 1 or not _is_fact(place, paragraphs, words)
    ]
    lengths = [len(paragraph.text) for paragraph in paragraphs]
    by_style = [
        styles.bold(places),
        styles.upper(places, lengths),
        styles.plain(places, lengths, paragraphs, words),
        styles.dashed(places, paragraphs, words),
        styles.unmarked(places, words),
        headed.alone(paragraphs, words),
        headed.alone(paragraphs, words, in_plain_type=True),
        marked.marked(paragraphs, words),
        marked.stopped(paragraphs, words),
        styles.spaced(paragraphs, words),
    ]
    sure = max((_believed(style, paragraphs, words) for style in by_style), key=len)
    if not sure:
        return []
    chosen = {(place.paragraph, place.start): place for place in sure}
    for place in _likewise(places, sure, paragraphs, words):
        chosen.setdefault((place.paragraph, place.start), place)
    found = _apart(chosen.values())
    found = _apart([*found, *_bare_answers(found, places, paragraphs)])
    return _apart([*found, *_answers(found, places, paragraphs, words)])


def _is_fact(place: Label, paragraphs: Sequence[Paragraph], words: Words) -> bool:
    """Whether what follows a label that occurs once shows that nobody says it.

    It goes on with a small letter ("Energy Security: we will ..."), it ends like no sentence and holds no
    word that people say ("Chairing the Meeting: Anna Berg"), or it says whom to call.
    """
    text = paragraphs[place.paragraph].text
    if _is_contact(text):
        return True
    stop = text.find("\n", place.resume)
    said = text[place.resume : stop if stop >= 0 else len(text)].strip()
    if not place.colon or place.honorific or not said or len(said) > SPEECH:
        return False
    stops = not said[-1].isalnum() or _SENTENCE.search(said) is not None
    return said[0].islower() or not (stops or is_speech(said, words))


def _is_contact(text: str) -> bool:
    """Whether a line says where to write, call or look: "Media Enquiries: press@quay.example"."""
    return len(text) < SPEECH and ":" in text and CONTACT.search(text, text.index(":")) is not None


def _apart(labels: Iterable[Label]) -> list[Label]:
    """Labels in order, none within another."""
    kept: list[Label] = []
    for label in sorted(labels, key=lambda label: (label.paragraph, label.start)):
        if not kept or (label.paragraph, label.start) >= (kept[-1].paragraph, kept[-1].resume):
            kept.append(label)
    return kept


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
        if is_speech(text, words):
            spoken += 1
        elif len(text) > 2 * LINE and not (counts[label.key] > 1 and is_asked(label, paragraphs)):
            written += 1
    repeated = len(counts) < len(labels)
    return labels if spoken > written or (repeated and not written) else []


def _answers(
    found: list[Label], places: list[Label], paragraphs: Sequence[Paragraph], words: Words
) -> list[Label]:
    """One-word names that occur once, where somebody has to have spoken.

    Between two questions there is an answer, and between two turns of one voice another voice. One with a title
    may answer a question, too, before others do.
    """
    ordered = _apart(found)
    all_bold = {n for n in {place.paragraph for place in (*ordered, *places)} if paragraphs[n].all_bold}
    # A question is perhaps in bold from its label to its end; so is a heading where none is.
    to_end = any(
        label.paragraph in all_bold and label.resume < len(paragraphs[label.paragraph].text)
        for label in ordered
    )
    lines = {number for number in all_bold if to_end and not paragraphs[number].heading}
    gaps = 0
    open_places = [
        place for place in places
        if place.opens and place.colon and place.names and not place.office
        and (place.runs_on <= RUNS_ON or place.paragraph in lines)
    ]  # fmt: skip
    numbers = [place.paragraph for place in open_places]
    answers = []
    for label, following in zip(ordered, [*ordered, None][1:], strict=True):
        asked = asks(label.key, words) and label.colon
        last = following is None or asks(following.key, words)
        again = following is not None and label.key.endswith(following.key)
        if not asked and not again:
            continue
        sure = last or again
        gaps += sure
        end = bisect_left(numbers, following.paragraph) if following is not None else len(numbers)
        for place in open_places[bisect_right(numbers, label.paragraph) : end]:
            # On a page of bold labels a plain one would be a sentence's.
            if not (sure or (place.honorific and place.titled)):
                continue
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


def _likewise(
    places: list[Label], sure: list[Label], paragraphs: Sequence[Paragraph], words: Words
) -> list[Label]:
    """Places in doubt whose voice is labelled beyond doubt elsewhere, and changes of speaker within a line."""
    keys = {place.key for place in sure}
    named = {place.key for place in sure if not place.anonymous}
    papers = {key_of(place.printed) for place in sure if is_of_paper(place, words)}
    endings = {ending for key in named for ending in endings_of(key)}
    bold = sum(place.bold for place in sure) * 2 > len(sure)

    def joins(place: Label) -> bool:
        if place.key in keys:
            # On a page of bold labels, "Question:" in plain type is somebody asking aloud.
            known = place.key in named or key_of(place.printed) in papers
            return place.bold or known or (place.opens and not bold)
        # "Arindam Bagchi" after "Official Spokesperson Arindam Bagchi": the same, by a shorter label.
        shorter = place.names > 1 and place.colon and (place.bold or (place.opens and not bold))
        if shorter and place.key in endings:
            return True
        # A bold name among bold labels whose colon was forgotten; of a bold heading the text is no speech.
        forgotten = bold and place.bold and place.opens and place.names > 1 and place.runs_on <= RUNS_ON
        return forgotten and is_speech(paragraphs[place.paragraph].text[place.resume :], words)

    found = [place for place in places if (place.colon or place.bold) and joins(place)]
    if not bold:
        printed = {place.printed for place in sure if place.upper and place.colon}
        return found + _within(paragraphs, printed, words) if printed else found
    asked = any(place.key in words.question for place in sure)
    plain = [place for place in places if place.colon and place.opens and place.key in words.question]
    return found if asked or len(plain) < 2 else found + plain


def _within(paragraphs: Sequence[Paragraph], printed: set[str], words: Words) -> list[Label]:
    """Changes of speaker in mid-line, where labels are in capitals: a sentence ends and a label follows.

    A page that is set in one paragraph may have "QUESTION:" nowhere else.
    """
    if len(printed) > VOICES:
        return []
    known = printed | {word.upper() for word in words.question if len(word) > 1}
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
