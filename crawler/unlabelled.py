"""Questions that are set apart, mostly in bold, and have no label, beside labels or on a page that has none.

Bold type is no question, and neither is a question mark: a document has headings that ask, and a speaker asks
himself what follows. What else a page has to show, each function here says.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from crawler.blocks import Paragraph
from crawler.candidates import Label
from crawler.languages import Words
from crawler.looks import ASKED, QUESTION_MARK, WORD, asks
from crawler.styles import SPEECH
from storage.transcript import Role

SPOKEN = re.compile(r"[.!?…:;,。！？；：，、؟؛။։።۔)\]）】][\"'”’»」』)\]）】]*$")
"""How a sentence of the speaker's ends, or a direction in parentheses."""
_DASH = re.compile(r"[-–—]\s*(?=\S)")
_QUOTED = re.compile(r"[\"'“‘„«].*[\"'”’“»]", re.DOTALL)
QUESTIONS = 3
"""Questions that make a page without labels an interview."""
ASKS = 60
"""Characters in bold that ask, above which they are no heading."""


def asked_between(
    paragraphs: Sequence[Paragraph], labels: dict[int, list[Label]], known: Words
) -> frozenset[int]:
    """The paragraphs in bold, up to a label, that are questions without a label of their own.

    Nobody who speaks on is labelled anew: where a voice is, after its words went over from plain type to bold and
    a question mark, another has spoken. Where that is so twice, what is bold before any answer is a question.
    """
    ordered = [label for number in sorted(labels) for label in labels[number]]
    runs: list[tuple[bool, range]] = []
    for before, label in zip([None, *ordered], ordered, strict=False):
        above = before.paragraph if before is not None else -1
        first = label.paragraph
        while first - 1 > above and _is_bold_speech(paragraphs[first - 1]):
            first -= 1
        plain = before is None or not (paragraphs[above].all_bold or asks(before.key, known))
        if plain and first < label.paragraph and label.begin == 0 and not asks(label.key, known):
            runs.append((before is not None and before.key == label.key, range(first, label.paragraph)))
    sure = [
        run for again, run in runs if again and any(QUESTION_MARK.search(paragraphs[n].text) for n in run)
    ]
    chosen = [run for again, run in runs if (again and sure) or len(sure) > 1]
    return frozenset(number for run in chosen for number in run) or _asked_of_one(paragraphs, ordered, known)


def _asked_of_one(paragraphs: Sequence[Paragraph], ordered: Sequence[Label], known: Words) -> frozenset[int]:
    """Where one voice alone is labelled, anew after most questions: the paragraphs that end as one before a label.

    A label in mid-paragraph is asked by what stands before it there.
    """
    if len(ordered) < QUESTIONS or len({label.key for label in ordered}) > 1 or asks(ordered[0].key, known):
        return frozenset()
    found: list[list[int]] = []
    for before, label in pairwise(ordered):
        first = (
            label.paragraph
            if paragraphs[label.paragraph].text[: label.begin].strip()
            else label.paragraph - 1
        )
        # The first paragraph after a label is its speaker's.
        said = paragraphs[before.paragraph].text[before.resume :].strip()
        least = before.paragraph + (1 if said or first == label.paragraph else 2)
        run = []
        for number in range(first, least - 1, -1):
            stop = label.begin if number == label.paragraph else None
            if ASKED.search(paragraphs[number].text[:stop].strip()) is None:
                break
            run.append(number)
        found.append(run)
    asked = [run for run in found if run]
    return (
        frozenset(number for run in asked for number in run)
        if len(asked) * 3 >= len(found) * 2
        else frozenset()
    )


def _is_bold_speech(paragraph: Paragraph) -> bool:
    return paragraph.all_bold and _is_speech(paragraph)


def _is_italic_speech(paragraph: Paragraph) -> bool:
    """Whether a paragraph is speech in italics, and none that the page quotes."""
    return paragraph.italic and _is_speech(paragraph) and _QUOTED.fullmatch(paragraph.text.strip()) is None


def _is_speech(paragraph: Paragraph) -> bool:
    return not paragraph.heading and SPOKEN.search(paragraph.text.strip()) is not None


def interview(paragraphs: Sequence[Paragraph], known: Words) -> list[tuple[Role, list[Paragraph]]]:
    """What each part of a page is whose questions are bold, or in italics, and whose answers are plain, or where a
    dash begins both; [] of any other page.

    The questions of a document are set alike ("Who may fish?"). So three at the least ask, as most of what is set
    so does; half of them are long or speak to somebody; plain text follows each; and in most long answers one
    person speaks of himself.
    """
    if sum(bool(each.bold) for each in paragraphs) >= QUESTIONS:
        lines = [part for paragraph in paragraphs for part in _below_question(paragraph)]
        if parts := _interview(lines, [_is_bold_speech(line) for line in lines], known):
            return parts
    italic = [_is_italic_speech(each) for each in paragraphs]
    return _interview(paragraphs, italic, known) or _interview(paragraphs, _asked_by_dash(paragraphs), known)


def _asked_by_dash(paragraphs: Sequence[Paragraph]) -> list[bool]:
    """Which paragraphs are questions, where a dash begins them and their answers; none where a question follows
    one, as whose each is can't be told then."""
    dashes = [_DASH.match(each.text) is not None for each in paragraphs]
    asked = [dash and _is_question(each.text) for dash, each in zip(dashes, paragraphs, strict=True)]
    answered = [dash and not ask for dash, ask in zip(dashes, asked, strict=True)]
    told = all(after for ask, after in zip(asked, [*answered[1:], False], strict=False) if ask)
    return asked if told else [False] * len(asked)


def _interview(
    lines: Sequence[Paragraph], set_apart: Sequence[bool], known: Words
) -> list[tuple[Role, list[Paragraph]]]:
    """`interview`, of lines some of which are set apart from the others."""
    if sum(set_apart) < QUESTIONS:
        return []
    runs: list[tuple[int, int]] = []
    for number, (line, apart) in enumerate(zip(lines, set_apart, strict=True)):
        # What is set so above the first question introduces the page.
        if not apart or (not runs and not _is_question(line.text)):
            continue
        if runs and runs[-1][1] == number:
            runs[-1] = runs[-1][0], number + 1
        else:
            runs.append((number, number + 1))
    questions = [list(lines[start:stop]) for start, stop in runs]
    answers = [list(lines[stop:start]) for (_, stop), (start, _) in pairwise([*runs, (len(lines), 0)])]
    asked = [text for text in map(_text_of, questions) if _is_question(text)]
    if len(asked) < max(QUESTIONS, len(runs) * 2 / 3):
        return []
    if any(not answer or answer[0].heading or answer[0].all_bold for answer in answers):
        return []
    to_somebody = sum(len(text) > ASKS or _holds(text, known.speech - known.own) for text in asked)
    long = [text for text in map(_text_of, answers) if len(text) > SPEECH]
    if to_somebody * 2 < len(asked) or sum(_holds(text, known.own) for text in long) * 2 <= len(long):
        return []
    parts: list[tuple[Role, list[Paragraph]]] = [("statement", list(lines[: runs[0][0]]))]
    for question, answer in zip(questions, answers, strict=True):
        parts += [("question", question), ("answer", answer)]
    return parts


def _is_question(text: str) -> bool:
    """Whether a text in bold asks: at its end, or before it says thank you."""
    return ASKED.search(text) is not None or (len(text) > ASKS and QUESTION_MARK.search(text) is not None)


def _text_of(lines: Sequence[Paragraph]) -> str:
    return " ".join(line.text for line in lines)


def _holds(text: str, words: frozenset[str]) -> bool:
    return not words.isdisjoint(WORD.findall(text.casefold()))


def _below_question(paragraph: Paragraph) -> tuple[Paragraph, ...]:
    """A paragraph, parted below its first lines where these are a question in bold and the others plain."""
    text = paragraph.text
    line = end_of_bold(paragraph, 0, len(text))
    return paragraph.split(line) if line < len(text) and ASKED.search(text[:line]) else (paragraph,)


def end_of_bold(paragraph: Paragraph, start: int, stop: int) -> int:
    """Where a speech that is bold up to a line's end goes on in plain type; its own end where it doesn't."""
    end = next((end for begin, end in paragraph.bold if begin <= start < end), stop)
    line = paragraph.text.find("\n", end, stop)
    plain = all(not start < begin < stop for begin, _ in paragraph.bold)
    goes_on = line >= 0 and bool(paragraph.text[line:stop].strip())
    return line if goes_on and plain and not paragraph.text[end:line].strip() else stop
