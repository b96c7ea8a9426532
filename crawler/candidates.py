"""Where on a page a label may stand, and what it looks like there. What is one, `crawler.labels` decides."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from crawler.blocks import Paragraph
from crawler.languages import Words
from storage.transcript import LABEL_LIMIT, clean

LONG_NAME = 30
"""Words in a label with an office: the longest seen has 24."""

CASELESS = re.compile("[\u0590-\u08ff\u0900-\u0dff\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
WORD = re.compile(r"[^\W\d_]+(?:[-’'.][^\W\d_]+)*")

_COLON = re.compile(r"[:：]")
_REMARK = re.compile(r"[(（\[][^()（）\[\]]*[)）\]]")
# A stop within a label that ends a sentence: not one after an initial or a short title (J. / Mr. / Gen.).
_STOP = re.compile(r"[!?;…。！？；]|\.(?=\s+\S|$)")
_SHORT_FORM = re.compile(r"(?:^|[\s.(-])(?:[^\W\d_]{1,4}|[^\W\d_]\.[^\W\d_])\.$")
_QUOTES = re.compile(r"[\"“”„«»「」『』<>|=]|https?|www\.")
_SENTENCE_END = re.compile(r"[.!?…。！？)\]”’\"»】）]\s*$")
_BARE = re.compile(r"(?:Q(?:\.\s*|\s+)|A\.?\s+)(?=[^\s&])")
_DASH = re.compile(r"(?P<label>[^\n:：]{1,60}?)\s+[-–—]\s+(?=\S)")
# Not "U.S.-Arcadian": no stop within a word, and the dash stands apart from what follows.
_STOP_DASH = re.compile(r"(?P<label>(?:[^\n:：.]|\.(?=\s)){1,60}?)\.\s?[-–—]\s+(?=\S)")
_BRACKETS = re.compile(r"【(?P<label>[^【】\n]{1,40})】(?=\s*\S)")
# Without one of these there is no label in a paragraph that has nothing bold.
_MARKS = (":", "：", "【", ".-", ".–", "\nQ", "\nA ", "\nA.", "- ", "– ", "— ", "-\n", "–\n", "—\n")
_BULLET = re.compile(r"[-–—•]\s+(?=\S)")
_ARTICLES = frozenset(("the", "la", "le", "el", "o", "a", "der", "die"))
_NUMBER = re.compile(r"\d{1,3}[.)]\s+")
_PARTS = re.compile(r"[-'’(«]")


@dataclass(frozen=True, slots=True)
class Label:
    """One place where a label may stand.

    Args:
        paragraph: index of the paragraph.
        begin: where what belongs to it begins: a bracket or dash before the label, else the label.
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
    if (
        not paragraph.bold
        and not text.startswith(("Q", "A ", "A."))
        and not any(mark in text for mark in _MARKS)
    ):
        return []
    starts = {0: True}
    at = text.find("\n")
    while at >= 0:
        starts[at + 1] = True
        at = text.find("\n", at + 1)
    for start, _ in paragraph.bold:
        if start not in starts and _SENTENCE_END.search(text, max(0, start - 6), start):
            starts[start] = False
    found: list[Label] = []
    for start, opens in starts.items():
        found += _places_at(number, paragraph, start, opens, words)
    return found


def _places_at(number: int, paragraph: Paragraph, start: int, opens: bool, words: Words) -> list[Label]:
    bullet = _BULLET.match(paragraph.text, start) if opens else None
    begin, start = start, bullet.end() if bullet else start
    colon = _with_colon(number, paragraph, start, opens, words)
    places, bare = [colon], None
    if opens and (colon is None or colon.key not in ("q", "a")):
        # "Q One thing: ..." may be either; the page's other labels tell.
        bare = _bare(number, paragraph, start)
        places.append(_with_dash(number, paragraph, start, words))
        places.append(_in_brackets(number, paragraph, start, words))
    if not any(places) and (bare is None or bare.key == "a"):
        places = [_without_colon(number, paragraph, start, opens, words)]
    places.append(bare)
    found = [place for place in places if place is not None]
    return [place if place.begin == begin else replace(place, begin=begin) for place in found]


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
    return place if place is not None and (place.anonymous or place.bold) else None


def _in_brackets(number: int, paragraph: Paragraph, start: int, words: Words) -> Label | None:
    """``【NHK 大谷記者】...``: how Japanese ministries print a label."""
    match = _BRACKETS.match(paragraph.text, start)
    if match is None:
        return None
    cut = match.start("label"), match.end("label"), _skip(paragraph.text, match.end(), " \n")
    place = label_at(number, paragraph, cut, words, opens=True, colon=True)
    return replace(place, honorific=True) if place is not None else None


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
    """``Q Will it sail?``, ``A. It will.``: a letter and no colon."""
    match = _BARE.match(paragraph.text, start)
    if match is None:
        return None
    letter = match[0][0]
    return Label(
        number, start, start, start + 1, match.end(), letter, letter.casefold(),
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
    look = _look(text[start:end], words)
    if look is None:
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
        number, start, start, end, resume, look.printed, look.key,
        bold=inside >= 0.8 * (end - start - look.remark) - 1 and inside > 0,
        runs_on=runs_on,
        colon=colon,
        dash=dash,
        opens=opens,
        upper=look.upper,
        anonymous=look.anonymous,
        honorific=look.honorific,
        titled=look.titled,
        names=look.names,
        office=look.office,
    )  # fmt: skip


def asks(key: str, words: Words) -> bool:
    """Whether a label's key is a questioner's: "question", or that before whose it is, as "question from Perm"."""
    first, _, rest = key.partition(" ")
    return key in words.question | words.questioner or (
        rest != "" and len(first) > 1 and first in words.question
    )


class _Look(NamedTuple):
    """What of a `Label` its text alone tells, and how long its remarks are."""

    printed: str
    key: str
    remark: int
    upper: bool
    anonymous: bool
    honorific: bool
    titled: bool
    names: int
    office: bool


@lru_cache(maxsize=1024)
def _look(text: str, words: Words) -> _Look | None:
    """What a text looks like as a label; None where it can be none. A page prints the same few over and over."""
    printed = clean(text)
    if not printed or len(printed) > LABEL_LIMIT or ": " in printed or printed.endswith(":"):
        return None
    core = clean(_REMARK.sub(" ", printed)).rstrip(" .")
    key = key_of(printed)
    if number := _NUMBER.match(core):  # "1. Question", but not the "1. Trade" of a list
        core = core[number.end() :] if _anonymous(key, words) else ""
    if not key or not _fits(core) or _is_topic(core, words):
        return None
    letters = [letter for letter in core if letter.isalpha()]
    capitals = sum(letter.isupper() for letter in letters)
    # "Arindam Bagchi, Official Spokesperson", but also "Head of Science, Archivist Yelena Malysheva".
    names, office, honorific = _name(core.split(",")[0], words)
    if "," in core:
        whole, more, _ = _name(core, words)
        names, office = max(names, whole), office or more or _offices(core.split(",", 1)[1].split(), words)
    return _Look(
        printed,
        key,
        remark=sum(len(match[0]) for match in _REMARK.finditer(printed)),
        upper=len(letters) > 1 and capitals >= 0.6 * len(letters) and core.split()[0][:2].isupper(),
        anonymous=_anonymous(key, words),
        honorific=honorific,
        titled=any(
            word in words.honorific and word not in _ARTICLES
            for word in (*key.split(), " ".join(key.split()[:2]))
        ),
        names=names,
        office=office,
    )


def key_of(label: str) -> str:
    """What makes two labels one voice's: casefolded, without remarks in parentheses and punctuation."""
    core = _REMARK.sub(" ", label)
    return " ".join(WORD.findall((core if WORD.search(core) else label).replace(".", ". ").casefold()))


def _anonymous(key: str, words: Words) -> bool:
    if key in words.anonymous:
        return True
    # "Remark from the audience" and "Unidentified speaker": the word and a few more, none a name.
    return bool(CASELESS.search(key)) and any(key.endswith(word) for word in words.questioner)


def _is_topic(core: str, words: Words) -> bool:
    """Whether a text begins as what a speaker turns to: "On Ukraine", but not "В. Путин", whose В is a name's."""
    first, _, rest = core.partition(" ")
    return (bool(rest) and first.casefold() in words.topic) or (
        CASELESS.match(core) is not None and any(core.startswith(word) for word in words.topic)
    )


def _fits(core: str) -> bool:
    """Whether a text can be a label at all: no sentence, no quotation, no address."""
    if not core or _QUOTES.search(core) or len(core.split()) > LONG_NAME:
        return False
    for match in _STOP.finditer(core):
        if match[0] != "." or not _SHORT_FORM.search(core[: match.end()][-8:]):
            return False
    if CASELESS.search(core) and re.search(r"[，、,]", core) and len(core) > 40:
        return False
    return any(letter.isalpha() for letter in core)


def _name(text: str, words: Words) -> tuple[int, bool, bool]:
    """How many words look like a name's, whether an office's words are among them, and whether a title leads."""
    tokens = text.split()
    if CASELESS.search(text):
        return (1 if len(text) <= 20 and "，" not in text else 0), False, False
    folded = [token.strip(".").casefold() for token in tokens]
    honorific = bool(tokens) and (folded[0] in words.honorific or " ".join(folded[:2]) in words.honorific)
    capital = [any(part[:1].isupper() for part in _PARTS.split(token)) for token in tokens]
    # A name ends in a name: "head of department" is an office, and "what follows" a sentence.
    if not capital or not capital[-1]:
        return 0, False, honorific
    return sum(capital), _offices(tokens, words), honorific


def _offices(tokens: Sequence[str], words: Words) -> bool:
    """Whether lower-case words longer than a particle ("of", "van der") are among the words."""
    return any(
        token[:1].islower() and len(token) > 3 and token.strip(".").casefold() not in words.honorific
        for token in tokens
        if not any(part[:1].isupper() for part in _PARTS.split(token))
    )
