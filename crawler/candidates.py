"""Where on a page a label may stand, and what it looks like there. What is one, `crawler.labels` decides."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace

from crawler.blocks import Paragraph
from crawler.languages import Words
from crawler.looks import LONG_NAME, look
from storage.transcript import LABEL_LIMIT

SAID = 40
"""Characters in plain type between a bold name and a colon, from which they are said and no part of the label."""

_COLON = re.compile(r"[:：]")
_SENTENCE_END = re.compile(r"[.!?…。！？)\]”’\"»】）]\s*$")
_BARE = re.compile(r"(?P<label>Q(?=\.|\s)|A(?=\.?\s)|Q\d{1,2}(?=\.)|A\d{1,2}(?=\.\s))\.?\s*(?=[^\s&])")
_DASH = re.compile(r"(?P<label>[^\n:：]{1,60}?)\s+[-–—]\s+(?=\S)")
# Not "U.S.-Arcadian": no stop within a word, and the dash stands apart from what follows.
_STOP_DASH = re.compile(r"(?P<label>(?:[^\n:：.]|\.(?=\s)){1,60}?)\.\s?[-–—]\s+(?=\S)")
_BRACKETS = re.compile(r"[【<〈＜\[](?P<label>[^【】<>〈〉＜＞\[\]\n]{1,40})[】>〉＞\]](?=\s*\S)")
# Without one of these there is no label in a paragraph that has nothing bold.
_MARKS = (
    *":：【<〈＜[",
    ".-",
    ".–",
    "\nQ",
    "\nA",
    *(f"{dash}{space}" for dash in "-–—" for space in " \n"),
)
# As captions do, ">> Anna Berg:".
_BULLET = re.compile(r"(?:[-–—•]|>>)\s+(?=\S)")
# "[00:00:12] Anna Berg:", but not the "10:30" of a programme.
_STAMP = re.compile(
    r"(?:[\[(]?\d{1,2}:[0-5]\d:[0-5]\d[\])]?|\[\d{1,2}:[0-5]\d\]|\(\d{1,2}:[0-5]\d\))\s+(?:[-–—•]\s+)?(?=\S)"
)


@dataclass(frozen=True, slots=True)
class Label:
    """One place where a label may stand.

    Args:
        paragraph: index of the paragraph.
        begin: where what belongs to it begins: a bracket, dash or time before the label, else the label.
        start: where the label begins in the paragraph's text.
        end: where it ends; the colon stands here.
        resume: where the speech begins.
        printed: the label as the page prints it.
        key: what makes two labels one voice's: casefolded, without remark and punctuation.
        bold: nearly all of it is bold.
        runs_on: characters that are bold after it.
        colon: a colon follows, or the label stands in brackets of its own.
        dash: a dash follows, and no colon.
        opens: it begins a line.
        upper: it is in capitals.
        anonymous: it is a word for a voice without a name.
        honorific: it begins with a title or a form of address.
        titled: it holds a title anywhere.
        names: words that look like a name's; 0 where it does not look like a name.
        office: it holds lower-case words longer than a particle.
    """

    paragraph: int
    begin: int
    start: int
    end: int
    resume: int
    printed: str
    key: str
    bold: bool
    runs_on: int
    colon: bool
    dash: bool
    opens: bool
    upper: bool
    anonymous: bool
    honorific: bool
    titled: bool
    names: int
    office: bool


def places_in(number: int, paragraph: Paragraph, words: Words) -> list[Label]:
    """Every place of a paragraph where a label may stand: at the start of a line, or bold after a sentence."""
    text = paragraph.text
    if not paragraph.bold and not text.startswith(("Q", "A")) and not any(mark in text for mark in _MARKS):
        return []
    starts = {start: True for start, _ in paragraph.lines}
    for start, _ in paragraph.bold:
        if start not in starts and _SENTENCE_END.search(text, max(0, start - 6), start):
            starts[start] = False
    found: list[Label] = []
    for start, opens in starts.items():
        found += _places_at(number, paragraph, start, opens, words)
    return found


def _places_at(number: int, paragraph: Paragraph, start: int, opens: bool, words: Words) -> list[Label]:
    bullet = (_BULLET.match(paragraph.text, start) or _STAMP.match(paragraph.text, start)) if opens else None
    begin, start = start, bullet.end() if bullet else start
    colon = _with_colon(number, paragraph, start, opens, words)
    named = _without_colon(number, paragraph, start, opens, words)
    if colon and named and not colon.bold and paragraph.text[named.resume].isalnum():
        colon = colon if colon.end - named.resume <= SAID else None
    dash = bracket = bare = None
    if opens and (colon is None or colon.key not in ("q", "a")):
        # "Q One thing: ..." may be either; the page's other labels tell.
        bare = _bare(number, paragraph, start)
        dash = _with_dash(number, paragraph, start, words)
        bracket = _in_brackets(number, paragraph, start, words)
    if colon and dash and _names_paper(dash, colon, paragraph.text):
        colon, dash, bare = replace(colon, bold=colon.bold or dash.bold), None, None
    elif colon and dash and colon.bold and (dash.anonymous or dash.runs_on):
        # "Question – AFP:" is a label, and in "Q – On fish: will it sail?" the dash ends one.
        if not colon.runs_on:
            dash = bare = None
        elif dash.anonymous:
            colon = None
    elif named and dash and _names_paper(dash, named, paragraph.text):
        dash, mark = None, _BULLET.match(paragraph.text, named.resume)
        named = replace(named, resume=mark.end()) if mark else named
    places = [colon, dash, bracket]
    if not any(places) and (bare is None or bare.key == "a"):
        places = [named]
    places.append(bare)
    found = [place for place in places if place is not None]
    return [place if place.begin == begin else replace(place, begin=begin) for place in found]


def _names_paper(dash: Label, whole: Label, text: str) -> bool:
    """Whether a label goes on behind a dash with whom its voice asks for: "Journalist – AFP"."""
    paper = text[dash.end : whole.end].strip(" -–—")
    begins = not text[whole.resume : whole.resume + 1].islower()  # "Journalist – Arcadia: will it sail?"
    return dash.dash and whole.key == dash.key and paper[:1].isalnum() and begins


def _with_colon(number: int, paragraph: Paragraph, start: int, opens: bool, words: Words) -> Label | None:
    text = paragraph.text
    limit = start + LABEL_LIMIT
    line = text.find("\n", start, limit)
    limit = line if line >= 0 else limit
    for match in _COLON.finditer(text, start, limit):
        end = match.start()
        if text.count("(", start, end) > text.count(")", start, end):
            continue
        after = text[end + 1 : end + 3]
        if (after[:1].isdigit() and text[end - 1 : end].isdigit()) or after.startswith("//"):
            return None
        return label_at(
            number, paragraph, (start, end, _skip(text, end + 1, " \n")), words, opens=opens, colon=True
        )
    return None


def _with_dash(number: int, paragraph: Paragraph, start: int, words: Words) -> Label | None:
    """``Q - ...``, ``Portavoz.- ...``: a voice, a dash between spaces or after a full stop, a speech."""
    match = _STOP_DASH.match(paragraph.text, start)
    if match is not None:
        cut = start, match.end("label"), match.end()
        return label_at(number, paragraph, cut, words, opens=True, colon=True)
    match = _DASH.match(paragraph.text, start)
    if match is None:
        return None
    cut = start, match.end("label"), match.end()
    place = label_at(number, paragraph, cut, words, opens=True, dash=True)
    return place if place is not None and (place.anonymous or place.bold or place.names) else None


def _in_brackets(number: int, paragraph: Paragraph, start: int, words: Words) -> Label | None:
    """``【NHK 大谷記者】...``: how Japanese ministries print a label."""
    match = _BRACKETS.match(paragraph.text, start)
    if match is None:
        return None
    cut = match.start("label"), match.end("label"), _skip(paragraph.text, match.end(), " \n")
    place = label_at(number, paragraph, cut, words, opens=True, colon=True)
    point = match[0][0] == "[" and len(match["label"]) == 1 and match["label"].isascii()
    if place is None or not ((place.anonymous and not point) or match[0][0] == "【"):
        # Korean ministries have "<질문>"; elsewhere other brackets hold remarks and subjects.
        return None
    return replace(place, honorific=True)


def _without_colon(number: int, paragraph: Paragraph, start: int, opens: bool, words: Words) -> Label | None:
    """A bold name that goes on, in plain type, with a capital letter: its colon was forgotten."""
    place = bisect_left(paragraph.bold, (start, 0))
    span = paragraph.bold[place] if place < len(paragraph.bold) else (-1, -1)
    if span[0] != start or span[1] - span[0] > LABEL_LIMIT or span[1] >= len(paragraph.text):
        return None
    text = paragraph.text
    end = span[1]
    while end > start and text[end - 1] in " .\n":
        end -= 1
    resume = _skip(text, end, " .\n")
    if resume >= len(text) or text[resume].islower() or "\n" in text[start:end] or end == start:
        return None
    return label_at(number, paragraph, (start, end, resume), words, opens=opens)


def _skip(text: str, at: int, marks: str) -> int:
    while at < len(text) and text[at] in marks:
        at += 1
    return at


def _bare(number: int, paragraph: Paragraph, start: int) -> Label | None:
    """``Q Will it sail?``, ``A. It will.``, ``Q1. ...``: a letter, perhaps a number, and no colon."""
    match = _BARE.match(paragraph.text, start)
    if match is None:
        return None
    printed = match["label"]
    return Label(
        number, start, start, start + len(printed), match.end(), printed, printed[0].casefold(),
        bold=False, runs_on=0, colon=False, dash=False, opens=True, upper=True,
        anonymous=True, honorific=False, titled=False, names=0, office=False,
    )  # fmt: skip


def label_at(
    number: int,
    paragraph: Paragraph,
    cut: tuple[int, int, int],
    words: Words,
    *,
    opens: bool,
    colon: bool = False,
    dash: bool = False,
) -> Label | None:
    """What the label looks like that is cut out of a paragraph at (start, end, resume); None where it is none."""
    start, end, resume = cut
    text = paragraph.text
    if text.count(" ", start, end) > LONG_NAME + 10:
        return None
    seen = look(text[start:end], words)
    if seen is None:
        return None
    inside = runs_on = 0
    near = bisect_right(paragraph.bold, (start, len(text)))
    for place in range(max(near - 1, 0), len(paragraph.bold)):
        begin, stop = paragraph.bold[place]
        if begin > end + 2:
            break
        inside += max(0, min(end, stop) - max(start, begin))
        runs_on += max(0, stop - max(resume, begin))
    return Label(
        number, start, start, end, resume, seen.printed, seen.key,
        bold=inside >= 0.8 * (end - start - seen.remark) - 1 and inside > 0,
        runs_on=runs_on,
        colon=colon,
        dash=dash,
        opens=opens,
        upper=seen.upper,
        anonymous=seen.anonymous,
        honorific=seen.honorific,
        titled=seen.titled,
        names=seen.names,
        office=seen.office,
    )  # fmt: skip
